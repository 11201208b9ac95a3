//! What a program showed that is not permitted, as a failure: in words, with its listing, and as values.

use program::compare::{Difference, Location};
use program::expectation::Unmet;
use program::listing::side_by_side;
use program::observation::StepOutcome;
use program::{Program, Run, Step, compare};
use report::event::Failure;
use report::failure::{BlockMismatch, Exception, FailureKind, Mismatch, Place, PlaceDifference, ProgramMismatch};

use super::judge::{Divergence, Verdict};

/// Most differences that are listed as values.
const LISTED: usize = 64;

/// Reports how a program diverges, if it does: the first difference, and the listing with all of them.
#[must_use]
pub fn failure(program: &Program, verdict: &Verdict) -> Option<Failure> {
    let listing = || program.to_string().lines().map(str::to_owned).collect();
    match verdict {
        Verdict::Diverged(divergence) => {
            let first = divergence.differences.first()?;
            Some(Failure {
                what: first.step.map_or_else(
                    || format!("{} at the end", first.place),
                    |step| format!("{} after step {}", first.place, step + 1),
                ),
                expected: first.expected.clone(),
                found: first.found.clone(),
                detail: side_by_side(program, &divergence.expected, &divergence.found, &divergence.differences),
                kind: FailureKind::Mismatch(Mismatch::Program(mismatch(program, divergence))),
            })
        }
        Verdict::Unmet(unmet) => Some(unmet_expectations(program, unmet)?),
        Verdict::Endless(step) => Some(Failure {
            detail: listing(),
            ..Failure::described(
                format!("the block of step {}", step + 1),
                "it ends",
                "it does not: the model's instructions are used up, and so is the time that a guest may take",
            )
        }),
        Verdict::Failed(reason, kind) => Some(Failure {
            detail: listing(),
            kind: kind.clone(),
            ..Failure::described("running the program", "the machine does what it is asked", reason)
        }),
        _ => None,
    }
}

/// Reports the first expectation that was not met; all of them, with what the model and the machine have, are its details.
fn unmet_expectations(program: &Program, unmet: &[Unmet]) -> Option<Failure> {
    let found = |unmet: &Unmet| match unmet.model == unmet.machine {
        true => unmet.machine.clone(),
        false => format!("{} by the specification, {} on the machine", unmet.model, unmet.machine),
    };
    let first = unmet.first()?;
    let list = unmet.iter().map(|unmet| format!("// expect {}: {}", unmet.expected, found(unmet)));
    let detail = program.to_string().lines().map(str::to_owned).chain(list).collect();
    Some(Failure { detail, ..Failure::described("an expectation of the program", &first.expected, found(first)) })
}

/// Lists all differences as values.
fn mismatch(program: &Program, divergence: &Divergence) -> ProgramMismatch {
    let differences = &divergence.differences;
    let tagged_far = divergence.expected.tagged_far && divergence.found.tagged_far;
    let mut mismatch = ProgramMismatch {
        words: program.runs().flat_map(|run| run.words.iter().copied()).collect(),
        complete: differences.len() <= LISTED,
        ..ProgramMismatch::default()
    };
    for (place, step) in divergence.expected.seen.iter().enumerate() {
        let of_step: Vec<_> = differences.iter().filter(|difference| difference.step == Some(step.step)).collect();
        let traces = (&step.what, divergence.found.seen.get(place).map(|seen| &seen.what));
        if let (StepOutcome::Block(expected), Some(StepOutcome::Block(found))) = traces {
            // What a checkpoint fetched belongs to its block's step, too.
            let block: Vec<_> =
                of_step.into_iter().filter(|difference| !matches!(difference.place, Location::Tag(_))).collect();
            if block.is_empty() {
                continue;
            }
            let exceptions =
                |trace: &machine::Trace| trace.faults.iter().map(|fault| exception(fault, tagged_far)).collect();
            mismatch.blocks.push(BlockMismatch {
                words: run_of(program, step.step).map(|run| run.words.clone()).unwrap_or_default(),
                expected: exceptions(expected),
                found: exceptions(found),
                others: block.into_iter().filter_map(other).take(LISTED).collect(),
                from_before: false,
            });
        }
    }
    let in_memory = |difference: &&Difference| {
        matches!(difference.place, Location::Tag(_) | Location::Data(_)) || difference.step.is_none()
    };
    mismatch.memory = differences.iter().filter(in_memory).filter_map(other).take(LISTED).collect();
    mismatch
}

/// Returns the block that a step runs: its own, or the one before it that it runs again.
fn run_of(program: &Program, step: usize) -> Option<&Run> {
    program.steps.iter().take(step + 1).rev().find_map(|step| match step {
        Step::Run(run) => Some(&**run),
        Step::Event(_) | Step::Again { .. } | Step::Expect(_) => None,
    })
}

fn exception(fault: &machine::Fault, tagged_far: bool) -> Exception {
    let (index, esr, far, pstate) = compare::comparable_fault(fault, tagged_far);
    Exception { index, esr, far, pstate: Some(pstate) }
}

/// Returns a difference that is not about exceptions.
fn other(difference: &Difference) -> Option<PlaceDifference> {
    let place = match difference.place {
        Location::Fault(_) => return None,
        Location::X(number) => Place::X(number),
        Location::Sp => Place::Sp,
        Location::V(number) => Place::V(number),
        Location::Pstate => Place::Pstate,
        Location::Z(_) | Location::P(_) | Location::Ffr | Location::VectorLength | Location::Sys(_) => {
            Place::Register(difference.place.to_string())
        }
        Location::Tag(offset) => Place::Tag(offset),
        Location::Data(offset) => Place::Data(offset),
        Location::End | Location::Progress => Place::End,
    };
    Some(PlaceDifference { place, expected: difference.expected.clone(), found: difference.found.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use machine::MachineError;

    #[test]
    fn a_guest_that_does_not_answer_is_no_mismatch() {
        let program: Program = "granule program 1\nblock el=1\ncode\n  nop\nend\n".parse().unwrap();
        let error = MachineError::Silent { cpu: 0, millis: 1, pc: 0 };
        let verdict = Verdict::Failed(error.to_string(), FailureKind::from(&error));
        assert_eq!(failure(&program, &verdict).unwrap().mismatch(), None);
    }
}
