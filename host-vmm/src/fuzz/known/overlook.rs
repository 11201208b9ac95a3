//! What is not compared, because a known divergence would be all that it shows.

use isa::Syndrome;

use super::{Avoid, Known, has};
use crate::program::observation::What;
use crate::program::{Observation, Program, Step};

/// Changes what a machine or the model showed of a program where a known divergence is overlooked.
pub fn overlook(known: &[Known], program: &Program, found: &mut Observation) {
    const WNR: u64 = 1 << 6;
    for seen in &mut found.seen {
        let What::Block(trace) = &mut seen.what else { continue };
        // A block that is run again is the one before it.
        let run = program.steps.iter().take(seen.step + 1).rev().find_map(|step| match step {
            Step::Run(run) => Some(run),
            Step::Event(_) | Step::Again { .. } => None,
        });
        for fault in trace.faults.iter_mut().filter(|fault| fault.esr.class().is_data_abort()) {
            let word = run.zip(fault.index).and_then(|(run, index)| run.words.get(index));
            let should = known.iter().find_map(|known| match known.avoid {
                Avoid::Direction { mnemonics, statuses, write } => {
                    let concerned = fault.esr.dfsc().is_some_and(|status| statuses.contains(&status));
                    (concerned && has(word, mnemonics)).then_some(write)
                }
                _ => None,
            });
            if let Some(write) = should {
                fault.esr = Syndrome::from_bits(fault.esr.bits() & !WNR | if write { WNR } else { 0 });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use abi::mailbox::{BlockEnd, SYS_REGS};

    use super::*;
    use crate::fuzz::known::QEMU;
    use crate::machine::{Fault, Trace};
    use crate::program::observation::Seen;

    fn trace(faults: Vec<Fault>) -> Trace {
        Trace { x: [0; 31], sp: 0, pstate: 0, sys: [0; SYS_REGS], v: None, faults, end: BlockEnd::Complete }
    }

    #[test]
    fn only_the_direction_of_what_is_known_is_overlooked() {
        let program: Program =
            "granule program 1\nblock el=1\ncode\n  ldxr x1, [x0]\n  ldar x1, [x0]\n  casal x1, x2, [x0]\nend\nagain cpu=0\n"
                .parse()
                .unwrap();
        let alignment = |index, write| Fault {
            index: Some(index),
            esr: Syndrome::from_bits(if write { 0x9600_0061 } else { 0x9600_0021 }),
            far: 0,
            spsr: 0,
        };
        let shown = |faults: [Fault; 3]| {
            let what = || What::Block(Box::new(trace(faults.to_vec())));
            let seen = |step| Seen { step, what: what(), unknown: Vec::new(), unknown_v: 0, unknown_x: 0 };
            Observation { seen: vec![seen(0), seen(1)], ..Observation::default() }
        };
        let all = || shown([alignment(0, true), alignment(1, true), alignment(2, true)]);
        let mut found = all();
        overlook(&[], &program, &mut found);
        assert_eq!(found, all());
        overlook(QEMU, &program, &mut found);
        assert_eq!(found, shown([alignment(0, false), alignment(1, true), alignment(2, false)]));
    }
}
