//! Machines that are saved and restored at every checkpoint of every block, whatever they run: nothing may change by that.

use abi::mailbox::{BootReport, PageKind};
use abi::map::Window;
use machine::capability::{MachineKind, Races, UnknownMemory};
use machine::snapshot::Snapshot as State;
use machine::target::{OpenError, Opened, Opener, Target};
use machine::{Block, Config, Factory, Machine, MachineError, Outcome, Vm};
use mte_snapshot::Snapshot;
use serde::{Deserialize, Serialize};

use super::convert::{self, Origin};

/// How a machine is saved and restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// As any saved state is.
    Memory,
    /// Through the bytes of a snapshot's file.
    File,
}

/// Opens targets whose machines are restored at every checkpoint.
pub struct RestoringOpener<'a> {
    /// What opens them.
    pub opener: &'a dyn Opener,
    /// How they are restored.
    pub way: Way,
}

impl Opener for RestoringOpener<'_> {
    fn open(&self, config: Config) -> Result<Opened, OpenError> {
        let Opened { factory, machine, target, took } = self.opener.open(config)?;
        let (way, target_of_all) = (self.way, target.clone());
        let machine = Box::new(Restoring { inner: machine, way, target: target.clone() });
        let factory = Box::new(RestoringFactory { inner: factory, way, target: target_of_all });
        Ok(Opened { factory, machine, target, took })
    }
}

struct RestoringFactory {
    inner: Box<dyn Factory>,
    way: Way,
    target: Target,
}

impl Factory for RestoringFactory {
    fn kind(&self) -> MachineKind {
        self.inner.kind()
    }

    fn boot(&self, config: Config) -> Result<Box<dyn Machine>, MachineError> {
        let inner = self.inner.boot(config)?;
        Ok(Box::new(Restoring { inner, way: self.way, target: self.target.clone() }))
    }

    fn bare(&self) -> Result<Option<Box<dyn Vm>>, MachineError> {
        self.inner.bare()
    }
}

/// A machine that is restored whenever a block comes to a checkpoint.
struct Restoring {
    inner: Box<dyn Machine>,
    way: Way,
    target: Target,
}

impl Restoring {
    fn behind(&mut self, outcome: Outcome) -> Result<Outcome, MachineError> {
        if matches!(outcome, Outcome::Checkpoint) {
            let state = self.inner.save()?;
            let state = match self.way {
                Way::Memory => state,
                Way::File => self.through_a_file(state)?,
            };
            self.inner.replace_by(&state)?;
        }
        Ok(outcome)
    }

    /// Returns what a saved state is after it was written and read.
    fn through_a_file(&self, state: State) -> Result<State, MachineError> {
        let refused = |error: super::SavedError| match error {
            super::SavedError::Machine(error) => error,
            other => MachineError::lost(other),
        };
        let origin = Origin::default();
        let snapshot = convert::snapshot(&state, &self.target, &origin, None).map_err(refused)?;
        let file = snapshot.encode().map_err(|error| refused(error.into()))?;
        let read = Snapshot::decode(&file).map_err(|error| refused(error.into()))?;
        convert::state(&read, state.config, state.guest, &self.target).map_err(refused)
    }
}

impl Machine for Restoring {
    fn boot_report(&self, cpu: usize) -> &BootReport {
        self.inner.boot_report(cpu)
    }

    fn page_size(&self) -> u64 {
        self.inner.page_size()
    }

    fn start(&mut self, cpu: usize, block: &Block) -> Result<Outcome, MachineError> {
        let outcome = self.inner.start(cpu, block)?;
        self.behind(outcome)
    }

    fn resume(&mut self, cpu: usize) -> Result<Outcome, MachineError> {
        let outcome = self.inner.resume(cpu)?;
        self.behind(outcome)
    }

    fn set_pages(&mut self, window: Window, ipa: u64, bytes: u64, kind: PageKind) -> Result<(), MachineError> {
        self.inner.set_pages(window, ipa, bytes, kind)
    }

    fn heap_alloc(&mut self, bytes: u64, align: u64) -> Result<u64, MachineError> {
        self.inner.heap_alloc(bytes, align)
    }

    fn heap_free(&mut self, pointer: u64, bytes: u64, align: u64) -> Result<bool, MachineError> {
        self.inner.heap_free(pointer, bytes, align)
    }

    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        self.inner.read(ipa, buffer)
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        self.inner.write(ipa, bytes)
    }

    fn fetch_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<(), MachineError> {
        self.inner.fetch_tags(ipa, tags)
    }

    fn store_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<(), MachineError> {
        self.inner.store_tags(ipa, tags)
    }

    fn recycle(&mut self) -> Result<bool, MachineError> {
        self.inner.recycle()
    }

    fn save(&mut self) -> Result<State, MachineError> {
        self.inner.save()
    }

    fn replace_by(&mut self, snapshot: &State) -> Result<(), MachineError> {
        self.inner.replace_by(snapshot)
    }

    fn vm(&mut self) -> Option<&mut (dyn Vm + 'static)> {
        self.inner.vm()
    }

    fn races(&mut self) -> Option<&mut (dyn Races + 'static)> {
        self.inner.races()
    }

    fn unknown_memory(&self) -> Option<&dyn UnknownMemory> {
        self.inner.unknown_memory()
    }
}
