//! What a machine is compared with: something that shows what a program does, and which choices it made on the way.

use std::collections::BTreeSet;

use abi::mailbox::SysReg;
use model_base::choice::Choices;

use super::session::Session;
use machine::{Config, Deadline, MachineError};
use modelled::{ModelFactory, ModelMachine, run_with};
use program::compare::{Difference, Location};
use program::observation::StepOutcome;
use program::run::{Tags, run};
use program::{Observation, Program};

/// Shows what a program does, one permitted outcome at a time.
pub trait Reference {
    /// Runs a program with these answers to the architecture's choices.
    ///
    /// # Errors
    ///
    /// When the program is not covered, or the time is over.
    fn observe(&mut self, program: &Program, choices: Choices, deadline: Deadline) -> Result<Outcome, MachineError>;
}

/// One permitted outcome.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was seen.
    pub observation: Observation,
    /// All choices that were made.
    pub choices: Choices,
    /// The blocks that ended, in order.
    pub blocks: Vec<Block>,
}

/// How many choices had been made in a run when a block had come so far, and what it executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The block's step.
    pub step: usize,
    /// At each exception.
    pub at_faults: Vec<usize>,
    /// At the end.
    pub at_end: usize,
    /// Where each of its words was executed ([`modelled::BlockRecord::executed`]).
    pub executed: Vec<u8>,
}

impl Outcome {
    /// Returns how many choices had been made when a difference could first be seen: an outcome that has these choices
    /// in common has the difference, too.
    #[must_use]
    pub fn decided_by(&self, difference: &Difference) -> usize {
        let all = self.choices.made();
        // How far a program came is seen at its end.
        let Some(step) = difference.step.filter(|_| difference.place != Location::Progress) else { return all };
        // Tags that a step fetched at a checkpoint were seen before its block ended.
        let Some(block) = self.blocks.iter().rfind(|block| block.step <= step) else { return all };
        match difference.place {
            Location::Fault(n) if block.step == step => block.at_faults.get(n).copied().unwrap_or(block.at_end),
            _ => block.at_end,
        }
    }
}

/// The model.
pub struct ModelReference<'f> {
    session: Session<'f, Box<ModelMachine>>,
    /// It has the defect that is active in the thread.
    as_it_is: bool,
}

impl<'f> ModelReference<'f> {
    /// Takes the model without a defect, whatever is active in the thread: what it is compared with may be the model, too.
    #[must_use]
    pub fn new(factory: &'f ModelFactory) -> Self {
        Self { session: Session::booting(|config| factory.boot_model(config)), as_it_is: false }
    }

    /// Takes the model with what is active in the thread.
    #[must_use]
    pub fn as_it_is(factory: &'f ModelFactory) -> Self {
        Self { as_it_is: true, ..Self::new(factory) }
    }

    /// Takes the model with what is active in the thread, and VMs without KVM_CAP_ARM_MTE.
    #[must_use]
    pub fn without_tags(factory: &'f ModelFactory) -> Self {
        let session = Session::booting(|config| factory.boot_model(Config { mte: false, ..config }));
        Self { session, as_it_is: true }
    }
}

impl Reference for ModelReference<'_> {
    fn observe(&mut self, program: &Program, choices: Choices, deadline: Deadline) -> Result<Outcome, MachineError> {
        let _unbroken = (!self.as_it_is).then(|| model_base::defect::activate(None));
        deadline.check()?;
        let mut machine = self.session.machine(program)?;
        let outcome = observe_on(&mut machine, program, choices, deadline)?;
        // A machine whose block did not end is of no more use; on any other everything was specified.
        if outcome.observation.endless.is_none() {
            self.session.take(program.cpus(), machine);
        }
        Ok(outcome)
    }
}

/// Runs a program on a machine of the model, as it is, with these answers to the architecture's choices.
///
/// # Errors
///
/// When the program is not covered, or the time is over.
pub fn observe_on(
    machine: &mut ModelMachine,
    program: &Program,
    choices: Choices,
    deadline: Deadline,
) -> Result<Outcome, MachineError> {
    let (observation, visited) =
        run_with(machine, choices, deadline, |machine| run(program, machine, &BTreeSet::new(), Tags::OfPages));
    let mut observation = observation?;
    let seen = observation.seen.iter_mut().filter(|seen| matches!(seen.what, StepOutcome::Block(_)));
    let mut blocks = Vec::new();
    for (block, ended) in seen.zip(visited.blocks) {
        if ended.unknown.rgsr {
            block.unknown.push(SysReg::Rgsr);
        }
        block.unknown_v |= ended.unknown.v;
        block.unknown_p |= ended.unknown.p;
        block.unknown_x |= ended.unknown.x;
        let (at_faults, at_end, executed) = (ended.at_faults, ended.at_end, ended.executed);
        blocks.push(Block { step: block.step, at_faults, at_end, executed });
    }
    Ok(Outcome { observation, choices: visited.choices, blocks })
}
