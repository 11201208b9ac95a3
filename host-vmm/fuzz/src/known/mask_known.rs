//! What is not compared, because a known divergence would be all that it shows.

use abi::map;
use arch::{ExceptionClass, FaultStatus, Syndrome};
use errata::avoid::{Avoid, Avoided};
use isa::Insn;

use machine::Fault;
use program::observation::StepOutcome;
use program::{Observation, Program, Step};

/// Changes what a machine or the model showed of a program where a known divergence is overlooked.
pub fn mask_known(known: &Avoided, program: &Program, found: &mut Observation) {
    const WNR: u64 = 1 << 6;
    const DFSC: u64 = 0x3f;
    const TND: u64 = 1 << 42;
    const LOWER_HALF: u64 = 0xffff_ffff;
    let upper_half = known.rules.contains(&Avoid::SyndromeUpperHalf);
    let any_status = known.rules.contains(&Avoid::StatusOfTagFault);
    let any_priority = known.rules.contains(&Avoid::PriorityOnDevice);
    for seen in &mut found.seen {
        let StepOutcome::Block(trace) = &mut seen.what else { continue };
        // A block that is run again is the one before it.
        let run = program.steps.iter().take(seen.step + 1).rev().find_map(|step| match step {
            Step::Run(run) => Some(run),
            Step::Event(_) | Step::Again { .. } | Step::Expect(_) => None,
        });
        for fault in trace.faults.iter_mut().filter(|fault| fault.esr.class().is_data_abort()) {
            let word = run.zip(fault.index).and_then(|(run, index)| run.words.get(index));
            let insn = word.and_then(|word| Insn::decode(*word));
            let wrong = known.directions.iter().find(|wrong| {
                let concerned = fault.esr.dfsc().is_some_and(|status| wrong.statuses.contains(&status));
                concerned && insn.is_some_and(|insn| wrong.concerns(insn))
            });
            let should = wrong.map(|wrong| wrong.write);
            if upper_half && fault.esr.is_tag_check_fault() {
                fault.esr = Syndrome::from_bits(fault.esr.bits() & LOWER_HALF);
            }
            if any_status && fault.esr.bits() & TND != 0 {
                fault.esr = Syndrome::from_bits(fault.esr.bits() & !DFSC);
            }
            if any_priority && refused_by_device(fault) {
                fault.esr = Syndrome::from_bits(fault.esr.bits() & !DFSC | u64::from(FaultStatus::ALIGNMENT.bits()));
            }
            if let Some(write) = should {
                fault.esr = Syndrome::from_bits(fault.esr.bits() & !WNR | if write { WNR } else { 0 });
            }
        }
    }
}

/// Returns whether a fault is EL0's at the device that only the firmware may use.
fn refused_by_device(fault: &Fault) -> bool {
    const BLOCK: u64 = 2 << 20;
    const ADDRESS: u64 = u64::MAX >> 8;
    let refusing = [FaultStatus::ALIGNMENT, FaultStatus::PERMISSION_L2];
    fault.esr.class() == ExceptionClass::DATA_ABORT_LOWER
        && (fault.far & ADDRESS).wrapping_sub(map::FIRMWARE_UART_DR) < BLOCK
        && fault.esr.dfsc().is_some_and(|status| refusing.contains(&status))
}

#[cfg(test)]
mod tests {
    use abi::mailbox::{BlockEnd, SYS_REGS};

    use super::*;
    use machine::Trace;
    use program::observation::StepObservation;

    fn trace(faults: Vec<Fault>) -> Trace {
        Trace {
            x: [0; 31],
            sp: 0,
            pstate: 0,
            sys: [0; SYS_REGS],
            v: None,
            scalable: None,
            faults,
            end: BlockEnd::Complete,
        }
    }

    #[test]
    fn only_wnr_of_known_divergences_is_masked() {
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
            let what = || StepOutcome::Block(Box::new(trace(faults.to_vec())));
            let seen = |step| StepObservation {
                step,
                what: what(),
                unknown: Vec::new(),
                unknown_v: 0,
                unknown_p: 0,
                unknown_x: 0,
            };
            Observation { seen: vec![seen(0), seen(1)], ..Observation::default() }
        };
        let all = || shown([alignment(0, true), alignment(1, true), alignment(2, true)]);
        let mut found = all();
        mask_known(&Avoided::default(), &program, &mut found);
        assert_eq!(found, all());
        mask_known(&Avoided::everything(), &program, &mut found);
        assert_eq!(found, shown([alignment(0, false), alignment(1, true), alignment(2, false)]));
    }

    #[test]
    fn fault_priority_is_masked_only_at_the_firmwares_device() {
        let program: Program = "granule program 1\nblock el=0\ncode\n  str x1, [x0]\nend\n".parse().unwrap();
        let shown = |esr, far| {
            let fault = Fault { index: Some(0), esr: Syndrome::from_bits(esr), far, spsr: 0 };
            let what = StepOutcome::Block(Box::new(trace(vec![fault])));
            let mut found = Observation {
                seen: vec![StepObservation {
                    step: 0,
                    what,
                    unknown: Vec::new(),
                    unknown_v: 0,
                    unknown_p: 0,
                    unknown_x: 0,
                }],
                ..Observation::default()
            };
            mask_known(&Avoided::everything(), &program, &mut found);
            found
        };
        const ALIGNMENT: u64 = 0x9200_0061;
        const PERMISSION: u64 = 0x9200_004e;
        let device = 0x0f00_0000_0920_0004;
        assert_eq!(shown(PERMISSION, device), shown(ALIGNMENT, device));
        // Another device, another level, another fault.
        assert_ne!(shown(PERMISSION, 0x0900_0004), shown(ALIGNMENT, 0x0900_0004));
        assert_ne!(shown(PERMISSION | 1 << 26, device), shown(ALIGNMENT | 1 << 26, device));
        assert_ne!(shown(0x9200_0046, device), shown(ALIGNMENT, device));
    }
}
