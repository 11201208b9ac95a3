//! Judges a program: runs it on the machine and on the reference, and says whether what the machine showed is
//! permitted.
//!
//! Where the architecture leaves a choice, every outcome that it permits will do. The reference runs first: a program that
//! it does not cover may leave anything behind, and never reaches the machine.

pub mod search;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::search::{Candidate, Search, SearchResult};
use super::known;
use super::reference::{Block, Outcome, Reference};
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

/// The permitted outcome that is nearest to what a machine showed.
#[derive(Clone, Debug)]
pub struct Nearest {
    /// The outcome.
    pub outcome: Outcome,
    /// What the machine showed.
    pub found: Observation,
    /// Where they differ: nowhere, if what the machine showed is permitted.
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

    /// Runs a program on the reference alone, with these answers to the architecture's choices.
    ///
    /// # Errors
    ///
    /// When the program is not covered, or the time is over.
    pub fn observe(
        &mut self,
        program: &Program,
        choices: Choices,
        deadline: Deadline,
    ) -> Result<Outcome, MachineError> {
        let mut outcome = self.reference.observe(program, choices, deadline)?;
        // What is overlooked of the machine is overlooked here, too.
        known::mask_known(&self.known, program, &mut outcome.observation);
        Ok(outcome)
    }

    /// Runs a program on the machine, and looks for the permitted outcome that is like what it showed, beginning with that of
    /// these choices.
    ///
    /// # Errors
    ///
    /// A verdict on what could not be compared to an end.
    pub fn nearest(
        &mut self,
        program: &Program,
        choices: Choices,
        deadline: Deadline,
    ) -> Result<Nearest, Box<Verdict>> {
        let first = self.observe(program, choices, deadline).map_err(of_reference)?;
        let (found, machine) = self.subject.run(program, &first.observation.pages(), self.tags).map_err(of_machine)?;
        let nearest = self.nearest_to(program, first, found, deadline)?;
        if nearest.differences.is_empty() && nearest.found.endless.is_none() {
            // It did what is specified, all of which the next program's beginning puts back.
            self.subject.take(program.cpus(), machine);
        }
        Ok(nearest)
    }

    /// Looks for the permitted outcome that is like what was found, beginning with the first.
    fn nearest_to(
        &mut self,
        program: &Program,
        first: Outcome,
        mut found: Observation,
        deadline: Deadline,
    ) -> Result<Nearest, Box<Verdict>> {
        known::mask_known(&self.known, program, &mut found);
        let mut observe = |choices| self.observe(program, choices, deadline);
        let mut search = Search { observe: &mut observe, found: &found, left: OUTCOMES - 1 };
        let (outcome, differences) = match search.run(first).map_err(of_reference)? {
            SearchResult::Permitted(outcome) => (outcome, Vec::new()),
            SearchResult::Undecided => return Err(Box::new(Verdict::Undecided)),
            SearchResult::Nothing(nearest) => {
                let Candidate { outcome, differences } = *nearest;
                (Box::new(outcome), differences)
            }
        };
        Ok(Nearest { outcome: *outcome, found, differences })
    }

    /// Judges a program that somebody else runs: `run` gets the pages to look at besides those of the program.
    pub fn judge_by(
        &mut self,
        program: &Program,
        deadline: Deadline,
        run: &mut dyn FnMut(&BTreeSet<u64>) -> Result<Observation, MachineError>,
    ) -> Verdict {
        let mut judge = || {
            let first = self.observe(program, Choices::default(), deadline).map_err(of_reference)?;
            let found = run(&first.observation.pages()).map_err(of_machine)?;
            let nearest = self.nearest_to(program, first, found, deadline)?;
            Ok(self.verdict(program, nearest))
        };
        judge().unwrap_or_else(|verdict: Box<Verdict>| *verdict)
    }

    /// As [`Self::judge`]; `Err` is a verdict that comes early.
    fn try_judge(&mut self, program: &Program, deadline: Deadline) -> Result<Verdict, Box<Verdict>> {
        let nearest = self.nearest(program, Choices::default(), deadline)?;
        Ok(self.verdict(program, nearest))
    }

    /// Returns what becomes of a program by the outcome that is nearest.
    fn verdict(&self, program: &Program, nearest: Nearest) -> Verdict {
        let Nearest { outcome, found, differences } = nearest;
        if !differences.is_empty() {
            let expected = outcome.observation;
            return Verdict::Diverged(Box::new(Divergence { expected, found, differences }));
        }
        if let Some(step) = found.endless {
            return Verdict::Endless(step);
        }
        let unmet = program.unmet(&outcome.observation, &found);
        let aimless = || self.wants_purpose && !program.expects() && found.is_all_faults(program);
        match unmet.is_empty() {
            true if aimless() => Verdict::OnlyFaults,
            true => Verdict::Permitted(outcome.blocks),
            false => Verdict::Unmet(unmet),
        }
    }
}

/// Returns the verdict on a program that the reference cannot run.
fn of_reference(error: MachineError) -> Box<Verdict> {
    Box::new(match error {
        MachineError::OutOfTime(late) => Verdict::OutOfTime(late),
        // The machine's CPU has no such vectors either.
        MachineError::Request(error @ RequestError::VectorLength { .. }) => Verdict::NotCovered(error.sentence()),
        error => Verdict::NotCovered(format!("the model: {error}")),
    })
}

/// Returns the verdict on a program that the machine cannot run.
fn of_machine(error: MachineError) -> Box<Verdict> {
    Box::new(match error {
        MachineError::Unsupported(reason) => Verdict::NotCovered(reason),
        MachineError::Lacking(skip) => Verdict::NotCovered(skip.reason),
        MachineError::OutOfTime(late) => Verdict::OutOfTime(late),
        error if error.ends_run() => Verdict::Lost(Arc::new(error)),
        error => Verdict::Failed(error.to_string(), FailureKind::from(&error)),
    })
}

#[cfg(test)]
mod tests;
