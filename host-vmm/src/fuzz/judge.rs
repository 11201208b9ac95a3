//! Judges a program: runs it on the machine and on the reference, and says whether what the machine showed is
//! permitted.
//!
//! Where the architecture leaves a choice, every outcome that it permits will do. All are tried, up to a limit: first
//! those that come nearer to what the machine showed, choice by choice, then the rest in order.

use model::choice::Choices;

use super::known::{self, Known};
use super::reference::Reference;
use super::session::Session;
use crate::machine::{Factory, Machine, MachineError};
use crate::program::compare::{Difference, differences};
use crate::program::{Observation, Program};

/// Most outcomes that are tried for one program.
pub const OUTCOMES: usize = 4096;

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
    known: &'static [Known],
}

impl<'f> Judge<'f> {
    /// Compares machines of a factory with a reference.
    #[must_use]
    pub fn new(subject: &'f dyn Factory, reference: Box<dyn Reference + 'f>) -> Self {
        Self { subject: Session::new(subject), reference, known: &[] }
    }

    /// Overlooks what is known of the machine.
    #[must_use]
    pub fn overlooking(self, known: &'static [Known]) -> Self {
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
                known::overlook(self.known, program, &mut found);
                found
            }
            Err(MachineError::Unsupported(reason)) => return Verdict::NotCovered(reason),
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
        let (expected, choices) = self.observe(program, Choices::default())?;
        let mut best = Candidate { differences: differences(&expected, &found), expected, choices };
        if best.differences.is_empty() {
            return Ok(found.endless.map_or(Verdict::Permitted, Verdict::Endless));
        }
        let mut left = OUTCOMES;
        let first = best.choices.clone();
        if self.climb(program, &found, &mut best, &mut left)? {
            return Ok(Verdict::Permitted);
        }
        let mut next = first.next();
        while let Some(choices) = next {
            if left == 0 {
                return Ok(Verdict::Undecided);
            }
            left -= 1;
            let (expected, made) = self.observe(program, choices)?;
            if differences(&expected, &found).is_empty() {
                return Ok(Verdict::Permitted);
            }
            next = made.next();
        }
        let Candidate { expected, differences, .. } = best;
        Ok(Verdict::Diverged(Box::new(Divergence { expected, found, differences })))
    }

    /// Runs a program on the reference, and overlooks there what is overlooked of the machine.
    fn observe(&mut self, program: &Program, choices: Choices) -> Result<(Observation, Choices), MachineError> {
        let (mut expected, made) = self.reference.observe(program, choices)?;
        known::overlook(self.known, program, &mut expected);
        Ok((expected, made))
    }

    /// Changes one choice after the other to what leaves the fewest differences; tells whether none is left.
    fn climb(
        &mut self,
        program: &Program,
        found: &Observation,
        best: &mut Candidate,
        left: &mut usize,
    ) -> Result<bool, MachineError> {
        let mut place = 0;
        while place < best.choices.taken().len() {
            let (answer, options) = best.choices.taken()[place];
            for other in (0..options).filter(|other| *other != answer) {
                if *left == 0 {
                    return Ok(false);
                }
                *left -= 1;
                let mut script: Vec<u32> = best.choices.taken().iter().map(|(answer, _)| *answer).collect();
                script[place] = other;
                let (expected, choices) = self.observe(program, Choices::answering(script))?;
                let differences = differences(&expected, found);
                if differences.len() < best.differences.len() {
                    *best = Candidate { expected, choices, differences };
                }
                if best.differences.is_empty() {
                    return Ok(true);
                }
            }
            place += 1;
        }
        Ok(false)
    }
}

/// An outcome of the reference.
struct Candidate {
    expected: Observation,
    choices: Choices,
    differences: Vec<Difference>,
}
