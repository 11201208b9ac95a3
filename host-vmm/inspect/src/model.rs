//! The specification in a session: it runs every line, and explains it.

use fuzz::reference::{Outcome, observe_on};
use machine::snapshot::Snapshot;
use machine::target::Target;
use machine::{Deadline, MachineError};
use model::cpu::watch::{self, Watched};
use model_base::Hypervisor;
use model_base::choice::Choices;
use modelled::{ModelFactory, ModelMachine, Settings, features};
use program::{Program, Step};
use std::time::Duration;

use super::error::InspectError;
use super::memory::Memory;
use super::subject::config;

/// How long one line may take.
const LIMIT: Duration = Duration::from_secs(10);
/// Instructions that a line may execute; more counts as one that does not end.
const BUDGET: u64 = 5_000_000;
/// Instructions of a line that are watched.
pub const WATCHED: usize = 1024;

/// The model of a session's CPU.
pub struct Model {
    factory: ModelFactory,
    machine: Box<ModelMachine>,
    memory: Memory,
    /// Whether its next block must bring every register.
    all: bool,
    saved: Option<(Snapshot, Memory, bool)>,
}

/// What the model did of a program.
pub struct Observed {
    /// The outcome.
    pub outcome: Outcome,
    /// The first instructions, [`WATCHED`] at most.
    pub watched: Vec<Watched>,
}

impl Model {
    /// Models the CPU of a target.
    ///
    /// # Errors
    ///
    /// When there is no such model.
    pub fn of(target: &Target) -> Result<Self, MachineError> {
        // Without a kernel it is QEMU's board that answers calls.
        let hypervisor = if target.has_kernel() { Hypervisor::Kvm } else { Hypervisor::Board };
        let release = target.release().unwrap_or_default();
        Self::new(Settings { release, features: features(&target.boot), hypervisor, ..Settings::default() })
    }

    /// Models what the settings say.
    ///
    /// # Errors
    ///
    /// When there is no such model.
    pub fn new(settings: Settings) -> Result<Self, MachineError> {
        let factory = ModelFactory::new(Settings { budget: BUDGET, ..settings });
        let machine = factory.boot_model(config())?;
        Ok(Self { factory, machine, memory: Memory::default(), all: true, saved: None })
    }

    /// Whether its next block must bring every register.
    pub fn needs_all(&self) -> bool {
        self.all
    }

    /// Runs a program on the model as it is, with these answers to the architecture's choices.
    ///
    /// # Errors
    ///
    /// When the specification does not cover it, or it does not end. The model must be [restarted](Self::restart) then.
    pub fn observe(&mut self, program: &Program, choices: Choices) -> Result<Observed, MachineError> {
        let _unbroken = model_base::defect::activate(None);
        let (outcome, watched) =
            watch::record_first(WATCHED, || observe_on(&mut self.machine, program, choices, Deadline::after(LIMIT)));
        let outcome = outcome?;
        self.memory = Memory::of(&outcome.observation);
        self.all &= program.runs().next().is_none();
        Ok(Observed { outcome, watched })
    }

    /// Makes its memory what it should be; the next block brings every register.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub fn go_to(&mut self, memory: &Memory) -> Result<(), MachineError> {
        let steps = self.memory.events_to(memory).into_iter().map(Step::Event).collect();
        self.observe(&Program { steps }, Choices::default())?;
        self.all = true;
        Ok(())
    }

    /// Boots a new model with this memory.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub fn restart(&mut self, memory: &Memory) -> Result<(), MachineError> {
        self.machine = self.factory.boot_model(config())?;
        self.memory = Memory::default();
        self.go_to(memory)
    }

    /// Saves the VM.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub fn save(&mut self) -> Result<(), MachineError> {
        use machine::Machine as _;
        self.saved = Some((self.machine.save()?, self.memory.clone(), self.all));
        Ok(())
    }

    /// Destroys the VM and restores the saved one.
    ///
    /// # Errors
    ///
    /// When nothing was saved, or it cannot.
    pub fn restore(&mut self) -> Result<(), InspectError> {
        use machine::Machine as _;
        let Some((snapshot, memory, all)) = &self.saved else { return Err(InspectError::NothingSaved) };
        self.machine.replace_by(snapshot)?;
        (self.memory, self.all) = (memory.clone(), *all);
        self.observe(&Program::default(), Choices::default())?;
        Ok(())
    }

    /// What its arena holds.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }
}
