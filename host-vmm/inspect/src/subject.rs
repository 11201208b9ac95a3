//! A machine that stays open while lines are executed on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use abi::mailbox::BootReport;
use errata::avoid::Avoided;
use fuzz::contender::KnownErrata;
use fuzz::session;
use machine::snapshot::Snapshot;
use machine::target::{OpenError, Opened, Opener, Target};
use machine::{Config, Factory, Machine, MachineError};
use program::run::{Tags, run};
use program::{Observation, Program};

use super::error::InspectError;
use super::memory::Memory;

/// A machine that runs one program after the other, each on what the last one left.
pub trait Subject {
    /// What it is.
    fn target(&self) -> &Target;

    /// Runs a program on the machine as it is, and looks at these pages of the arena besides.
    ///
    /// # Errors
    ///
    /// When the machine cannot do it. It may be of no use then, as after a block that does not end.
    fn run(&mut self, program: &Program, pages: &BTreeSet<u64>) -> Result<Observation, MachineError>;

    /// Starts a new machine in place of this one.
    ///
    /// # Errors
    ///
    /// When none can be had.
    fn restart(&mut self) -> Result<(), MachineError>;

    /// Saves the VM, and keeps its state in place of the one that was saved last.
    ///
    /// # Errors
    ///
    /// When any part cannot be had.
    fn save(&mut self) -> Result<(), MachineError>;

    /// Destroys the VM, and restores the saved state into a new one.
    ///
    /// # Errors
    ///
    /// When nothing was saved, or any part is refused.
    fn restore(&mut self) -> Result<(), MachineError>;
}

/// A machine in this process.
pub struct Local {
    factory: Box<dyn Factory>,
    machine: Box<dyn Machine>,
    target: Target,
    saved: Option<Snapshot>,
}

/// What a session's machines look like: one vCPU, and no more RAM than the firmware needs.
#[must_use]
pub fn config() -> Config {
    session::config(1)
}

impl Local {
    /// Opens a target.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or has no allocation tags.
    pub fn open(opener: &dyn Opener) -> Result<Self, OpenError> {
        let Opened { factory, machine, target, .. } = opener.open(config()).and_then(Opened::with_tags)?;
        Ok(Self { factory, machine, target, saved: None })
    }
}

impl Subject for Local {
    fn target(&self) -> &Target {
        &self.target
    }

    fn run(&mut self, program: &Program, pages: &BTreeSet<u64>) -> Result<Observation, MachineError> {
        run(program, &mut *self.machine, pages, Tags::OfArena)
    }

    fn restart(&mut self) -> Result<(), MachineError> {
        self.machine = self.factory.boot(config())?;
        Ok(())
    }

    fn save(&mut self) -> Result<(), MachineError> {
        self.saved = Some(self.machine.save()?);
        Ok(())
    }

    fn restore(&mut self) -> Result<(), MachineError> {
        let nothing = || MachineError::Unsupported("nothing was saved on this machine".to_owned());
        self.machine.replace_by(self.saved.as_ref().ok_or_else(nothing)?)
    }
}

/// A machine of a session: what it is called, and what its memory is.
pub struct Member {
    /// The name by which it was asked for, such as `tcg`.
    pub name: String,
    /// The machine.
    pub subject: Box<dyn Subject>,
    /// What is known of it and overlooked: what would hide all else.
    pub known: Arc<Avoided>,
    /// What its arena holds.
    memory: Memory,
    /// Whether its next block must bring every register.
    all: bool,
    /// What both were when it was saved.
    saved: Option<(Memory, bool)>,
}

impl Member {
    /// Takes a machine that has just booted. `around` is the emulator around it, as in [`KnownErrata`].
    #[must_use]
    pub fn new(name: &str, subject: Box<dyn Subject>, around: &str) -> Self {
        let known = KnownErrata { avoided: false, restores: false, around: around.to_owned() }.of(subject.target());
        Self {
            name: name.to_owned(),
            subject,
            known: Arc::new(known),
            memory: Memory::default(),
            all: true,
            saved: None,
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn description(&self) -> String {
        description(&self.name, self.subject.target())
    }

    /// What the firmware reported.
    #[must_use]
    pub fn boot(&self) -> &BootReport {
        &self.subject.target().boot
    }

    /// Whether its next block must bring every register.
    #[must_use]
    pub fn needs_all(&self) -> bool {
        self.all
    }

    /// Runs a program on the machine as it is, and looks at these pages, too.
    ///
    /// # Errors
    ///
    /// When it cannot. The machine must be [restarted](Self::restart) then.
    pub fn run(&mut self, program: &Program, pages: &BTreeSet<u64>) -> Result<Observation, InspectError> {
        let pages = self.memory.pages().union(pages).copied().collect();
        let mut observation = self.subject.run(program, &pages)?;
        fuzz::known::mask_known(&self.known, program, &mut observation);
        if observation.endless.is_some() {
            return Err(InspectError::Endless { machine: self.name.clone() });
        }
        self.memory = Memory::of(&observation);
        self.all &= program.runs().next().is_none();
        Ok(observation)
    }

    /// Makes its memory what it should be; the next block brings every register.
    ///
    /// # Errors
    ///
    /// When the machine cannot do that.
    pub fn go_to(&mut self, memory: &Memory) -> Result<(), InspectError> {
        let steps = self.memory.events_to(memory).into_iter().map(program::Step::Event).collect();
        self.run(&Program { steps }, &BTreeSet::new())?;
        self.all = true;
        Ok(())
    }

    /// Starts a new machine with this memory.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn restart(&mut self, memory: &Memory) -> Result<(), InspectError> {
        self.subject.restart()?;
        self.memory = Memory::default();
        self.go_to(memory)
    }

    /// Saves the VM.
    ///
    /// # Errors
    ///
    /// When the machine cannot.
    pub fn save(&mut self) -> Result<(), InspectError> {
        self.subject.save()?;
        self.saved = Some((self.memory.clone(), self.all));
        Ok(())
    }

    /// Destroys the VM and restores the saved one, and looks at its memory.
    ///
    /// # Errors
    ///
    /// When the machine cannot.
    pub fn restore(&mut self) -> Result<(), InspectError> {
        self.subject.restore()?;
        let Some((memory, all)) = self.saved.clone() else { return Err(InspectError::NothingSaved) };
        (self.memory, self.all) = (memory, all);
        self.run(&Program::default(), &BTreeSet::new())?;
        Ok(())
    }
}

/// Describes a machine in a few words.
#[must_use]
pub fn description(name: &str, target: &Target) -> String {
    let host = &target.host;
    let mut parts = Vec::new();
    if !host.emulator.is_empty() {
        parts.push(host.emulator.clone());
    }
    if target.has_kernel() && !host.kvm_mode.is_empty() && host.cpu.is_empty() {
        parts.push(format!("Linux {} ({})", host.kernel, host.kvm_mode));
    }
    if !host.cpu.is_empty() {
        parts.push(format!("cpu {}", host.cpu));
    }
    parts.push(format!("MTE{}", target.mte()));
    format!("{name}: {}", parts.join(", "))
}
