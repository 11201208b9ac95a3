//! Judges a program: runs it on the machine and on the reference, and says whether what the machine showed is
//! permitted.
//!
//! Where the architecture leaves a choice, every outcome that it permits will do. The reference runs first: a program that
//! it does not cover may leave anything behind, and never reaches the machine.

pub mod search;

use std::sync::Arc;

use self::search::{Candidate, Search, SearchResult};
use super::known;
use super::reference::{Block, Reference};
use super::session::Session;
use errata::avoid::Avoided;
use machine::deadline::OutOfTime;
use machine::{Deadline, Explain, Factory, Machine, MachineError, RequestError};
use model_base::choice::Choices;
use program::compare::Difference;
use program::expectation::Unmet;
use program::run::Tags;
use program::{Observation, Program};
use report::failure::FailureKind;

/// Most outcomes that are tried for one program: about two seconds of the model.
pub const OUTCOMES: usize = 1 << 16;

/// What became of a program.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The machine showed something that is permitted: these blocks.
    Permitted(Vec<Block>),
    /// It did, and yet the program expects something else; not empty.
    Unmet(Vec<Unmet>),
    /// It did, but the program shows nothing: it expects nothing, and each of its instructions took an exception.
    OnlyFaults,
    /// Among the outcomes that were tried is none like the machine's, and there are more.
    Undecided,
    /// What the machine showed is not permitted.
    Diverged(Box<Divergence>),
    /// The machine failed.
    Failed(String, FailureKind),
    /// The block of this step does not end, on the machine as on the reference.
    Endless(usize),
    /// The machine is gone, whatever the program did.
    Lost(Arc<MachineError>),
    /// The time was over before there was a verdict.
    OutOfTime(OutOfTime),
    /// The machine cannot do this, or the reference does not cover it.
    NotCovered(String),
}

/// What was expected, what was found, and where they differ.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// The permitted outcome that is nearest.
    pub expected: Observation,
    /// What the machine showed.
    pub found: Observation,
    /// Where they differ; not empty.
    pub differences: Vec<Difference>,
}

/// A machine and a reference.
pub struct Judge<'f> {
    subject: Session<'f>,
    reference: Box<dyn Reference + 'f>,
    /// Known divergences that are overlooked.
    known: Arc<Avoided>,
    /// Whose tags are compared.
    tags: Tags,
    /// Whether a program that shows nothing is told apart.
    wants_purpose: bool,
}

impl<'f> Judge<'f> {
    /// Compares machines of a factory with a reference.
    #[must_use]
    pub fn new(subject: &'f dyn Factory, reference: Box<dyn Reference + 'f>) -> Self {
        Self {
            subject: Session::new(subject),
            reference,
            known: Arc::default(),
            tags: Tags::OfArena,
            wants_purpose: false,
        }
    }

    /// Says whose tags are compared from now on: at first all.
    pub fn compare_tags(&mut self, tags: Tags) {
        self.tags = tags;
    }

    /// Says whether [`Verdict::OnlyFaults`] is a verdict; at first it is not.
    pub fn want_purpose(&mut self, wants_purpose: bool) {
        self.wants_purpose = wants_purpose;
    }

    /// Overlooks what is known of the machine.
    #[must_use]
    pub fn masking_known(self, known: Arc<Avoided>) -> Self {
        Self { known, ..self }
    }

    /// Takes a machine with one vCPU that has booted.
    pub fn take(&mut self, machine: Box<dyn Machine>) {
        self.subject.take(1, machine);
    }

    /// Judges a program, if that takes no longer than up to the deadline.
    pub fn judge(&mut self, program: &Program, deadline: Deadline) -> Verdict {
        self.try_judge(program, deadline).unwrap_or_else(|verdict| *verdict)
    }

    /// As [`Self::judge`]; `Err` is a verdict that comes early.
    fn try_judge(&mut self, program: &Program, deadline: Deadline) -> Result<Verdict, Box<Verdict>> {
        let Self { reference, known, subject, tags, wants_purpose } = self;
        let mut observe = |choices| {
            let mut outcome = reference.observe(program, choices, deadline)?;
            // What is overlooked of the machine is overlooked there, too.
            known::mask_known(known, program, &mut outcome.observation);
            Ok(outcome)
        };
        let of_reference = |error| {
            Box::new(match error {
                MachineError::OutOfTime(late) => Verdict::OutOfTime(late),
                // The machine's CPU has no such vectors either.
                MachineError::Request(error @ RequestError::VectorLength { .. }) => {
                    Verdict::NotCovered(error.sentence())
                }
                error => Verdict::NotCovered(format!("the model: {error}")),
            })
        };
        let first = observe(Choices::default()).map_err(of_reference)?;
        let (mut found, machine) = subject.run(program, &first.observation.pages(), *tags).map_err(|error| {
            Box::new(match error {
                MachineError::Unsupported(reason) => Verdict::NotCovered(reason),
                MachineError::Lacking(skip) => Verdict::NotCovered(skip.reason),
                MachineError::OutOfTime(late) => Verdict::OutOfTime(late),
                error if error.ends_run() => Verdict::Lost(Arc::new(error)),
                error => Verdict::Failed(error.to_string(), FailureKind::from(&error)),
            })
        })?;
        known::mask_known(known, program, &mut found);
        let mut search = Search { observe: &mut observe, found: &found, left: OUTCOMES - 1 };
        Ok(match search.run(first).map_err(of_reference)? {
            SearchResult::Permitted(outcome) => match found.endless {
                Some(step) => Verdict::Endless(step),
                // It did what is specified, all of which the next program's beginning puts back.
                None => {
                    subject.take(program.cpus(), machine);
                    let unmet = program.unmet(&outcome.observation, &found);
                    let aimless = || *wants_purpose && !program.expects() && found.is_all_faults(program);
                    match unmet.is_empty() {
                        true if aimless() => Verdict::OnlyFaults,
                        true => Verdict::Permitted(outcome.blocks),
                        false => Verdict::Unmet(unmet),
                    }
                }
            },
            SearchResult::Undecided => Verdict::Undecided,
            SearchResult::Nothing(nearest) => {
                let Candidate { outcome, differences } = *nearest;
                let expected = outcome.observation;
                Verdict::Diverged(Box::new(Divergence { expected, found, differences }))
            }
        })
    }
}

#[cfg(test)]
mod tests;
