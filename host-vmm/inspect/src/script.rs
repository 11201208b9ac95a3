//! A session as a program: what was done, and what was seen of it.

use arch::Tag;
use program::expectation::{FaultPattern, Place};
use program::observation::StepOutcome;
use program::text::REGISTERS;
use program::{Expectation, Program, Run, Step};

use super::memory::GRANULE;
use super::ran::Ran;
use super::state::State;

/// Lists what was seen of a line, as expectations behind its block. Where the architecture leaves a choice nothing is said of
/// registers, and nothing of what it leaves UNKNOWN.
pub fn expectations(ran: &Ran, after: &State) -> Vec<Step> {
    let mut list = Vec::new();
    let tagged_far = ran.shown.tagged_far;
    match ran.trace.faults.as_slice() {
        [] => list.push(Expectation::NoFault),
        faults => {
            list.extend(faults.iter().filter_map(|fault| FaultPattern::of(fault, tagged_far)).map(Expectation::Fault))
        }
    }
    list.dedup();
    if ran.outcome.choices.made() == 0 {
        let of_block = |seen: &&program::StepObservation| matches!(seen.what, StepOutcome::Block(_));
        let unknown = ran.outcome.observation.seen.iter().find(of_block);
        let is_known = |place: Place| unknown.is_none_or(|seen| !place.is_unknown(seen));
        let mut changed = |place: Place, before: u64, value: u64| {
            if before != value && is_known(place) {
                list.push(Expectation::Value { place, value });
            }
        };
        for (n, (before, value)) in ran.before.run.x.iter().zip(&after.run.x).enumerate() {
            changed(Place::X(n), *before, *value);
        }
        changed(Place::Sp, ran.before.run.sp, after.run.sp);
        changed(Place::Nzcv, ran.before.run.nzcv.into(), after.run.nzcv.into());
        changed(Place::Tco, ran.before.run.tco.into(), after.run.tco.into());
        for register in REGISTERS {
            let value = |state: &State| state.sys[*register as usize];
            changed(Place::Register(*register), value(&ran.before), value(after));
        }
        let (old, new) = (&ran.before.memory, &after.memory);
        let tags = |range: std::ops::Range<u64>| -> Vec<Tag> { new.tags(range) };
        list.extend(
            old.other_tags(new).into_iter().map(|range| Expectation::Tags { offset: range.start, tags: tags(range) }),
        );
        let known = |range: &std::ops::Range<u64>| {
            let unknown = ran.outcome.observation.memory.iter().flat_map(|extent| &extent.unknown);
            !unknown.into_iter().any(|part| part.start < range.end && range.start < part.end)
        };
        let data = old.other_data(new).into_iter().flat_map(|range| (range.start..range.end).step_by(GRANULE as usize));
        let data = data.map(|granule| granule..granule + GRANULE).filter(known);
        list.extend(data.map(|range| Expectation::Data { offset: range.start, bytes: new.bytes(range) }));
    }
    list.into_iter().map(Step::Expect).collect()
}

/// Writes steps as a program. Registers that are 0 are left out, and vector registers where no block has any.
pub fn program(steps: &[Step]) -> String {
    let zeros = |run: &Run| run.v.as_ref().is_some_and(|v| v.iter().flatten().all(|half| *half == 0));
    let bare = steps.iter().all(|step| !matches!(step, Step::Run(run) if !zeros(run)));
    let plain = |step: &Step| match step {
        Step::Run(run) => {
            let mut run = run.clone();
            if bare {
                run.v = None;
            }
            // A register that is 0 in all blocks needs no setting; the keys are 0 without one.
            let keys = REGISTERS.len() - abi::mailbox::KEY_REGS;
            for register in &REGISTERS[keys..] {
                let value = &mut run.sys[*register as usize];
                *value = value.filter(|value| *value != 0);
            }
            Step::Run(run)
        }
        other => other.clone(),
    };
    Program { steps: steps.iter().map(plain).collect() }.to_string()
}
