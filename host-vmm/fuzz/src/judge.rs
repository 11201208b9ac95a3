//! Judges a program: runs it on the machine and on the reference, and says whether what the machine showed is
//! permitted.
//!
//! Where the architecture leaves a choice, every outcome that it permits will do.

mod search;

use self::search::{Candidate, Search, SearchResult};
use super::known::{self, KnownDivergence};
use super::reference::Reference;
use super::session::Session;
use machine::{Factory, Machine, MachineError};
use program::compare::Difference;
use program::{Observation, Program};

/// Most outcomes that are tried for one program: about two seconds of the model.
pub const OUTCOMES: usize = 1 << 16;

/// What became of a program.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The machine showed something that is permitted.
    Permitted,
    /// Among the outcomes that were tried is none like the machine's, and there are more.
    Undecided,
    /// What the machine showed is not permitted.
    Diverged(Box<Divergence>),
    /// The machine failed.
    Failed(String),
    /// The block of this step does not end, on the machine as on the reference.
    Endless(usize),
    /// The machine is gone, whatever the program did.
    Lost(String),
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
    known: &'static [KnownDivergence],
}

impl<'f> Judge<'f> {
    /// Compares machines of a factory with a reference.
    #[must_use]
    pub fn new(subject: &'f dyn Factory, reference: Box<dyn Reference + 'f>) -> Self {
        Self { subject: Session::new(subject), reference, known: &[] }
    }

    /// Overlooks what is known of the machine.
    #[must_use]
    pub fn masking_known(self, known: &'static [KnownDivergence]) -> Self {
        Self { known, ..self }
    }

    /// Takes a machine with one vCPU that has booted.
    pub fn take(&mut self, machine: Box<dyn Machine>) {
        self.subject.take(1, machine);
    }

    /// Judges a program.
    pub fn judge(&mut self, program: &Program) -> Verdict {
        let found = match self.subject.run(program) {
            Ok(mut found) => {
                known::mask_known(self.known, program, &mut found);
                found
            }
            Err(MachineError::Unsupported(reason)) => return Verdict::NotCovered(reason),
            Err(MachineError::Lacking(skip)) => return Verdict::NotCovered(skip.reason),
            Err(MachineError::Lost { reason, .. }) => return Verdict::Lost(reason),
            Err(error) => return Verdict::Failed(error.to_string()),
        };
        match self.permitted(program, found) {
            Ok(verdict) => verdict,
            Err(error) => Verdict::NotCovered(format!("the model: {error}")),
        }
    }

    /// Looks for an outcome of the reference that is like what was found.
    fn permitted(&mut self, program: &Program, found: Observation) -> Result<Verdict, MachineError> {
        let Self { reference, known, .. } = self;
        let mut observe = |choices| {
            let mut outcome = reference.observe(program, choices)?;
            // What is overlooked of the machine is overlooked there, too.
            known::mask_known(known, program, &mut outcome.observation);
            Ok(outcome)
        };
        let result = Search { observe: &mut observe, found: &found, left: OUTCOMES }.run()?;
        Ok(match result {
            SearchResult::Permitted => found.endless.map_or(Verdict::Permitted, Verdict::Endless),
            SearchResult::Undecided => Verdict::Undecided,
            SearchResult::Nothing(nearest) => {
                let Candidate { outcome, differences } = *nearest;
                let expected = outcome.observation;
                Verdict::Diverged(Box::new(Divergence { expected, found, differences }))
            }
        })
    }
}
