//! One life of a machine: booted, asked, saved and restored, handed on.
//!
//! A [`Session`] owns what is the same on every machine: which vCPU waits inside a block, what the guest must undo before
//! the machine can be handed on, what may be asked when. How a vCPU is made to run and how tags are carried is asked of a
//! [`Backend`]; one that has a kernel's VM is a [`KernelBackend`], whose memory and tags go through that VM.

mod backend;
pub(crate) mod change_mark;
pub(crate) mod guest_state;
mod kernel_backend;

use abi::mailbox::{BootReport, MAX_WORDS, PageKind, Status};
use abi::map::Window;

pub use backend::{Backend, GuestCall, RunReason};
pub use change_mark::{ChangeMark, SCRATCH};
pub use guest_state::GuestState;
pub use kernel_backend::KernelBackend;

use crate::block::Block;
use crate::capability::{Races, UnknownMemory};
use crate::config::Config;
use crate::error::MachineError;
use crate::machine::{Machine, Outcome};
use crate::race::{Race, RaceReport};
use crate::request::RequestError;
use crate::snapshot::Snapshot;
use crate::vm::Vm;
use kvm_model::kernel::Backing;

/// A booted machine over a back end.
#[derive(Debug)]
pub struct Session<B> {
    backend: B,
    config: Config,
    boot: Vec<BootReport>,
    guest: GuestState,
}

impl<B: Backend> Session<B> {
    /// Takes a back end that has booted, what it was booted with, and what each vCPU reported.
    #[must_use]
    pub fn new(backend: B, config: Config, boot: Vec<BootReport>) -> Self {
        Self { backend, config, boot, guest: GuestState::new(config.cpus) }
    }

    /// Returns the back end, for what only its kind of machine can do.
    pub fn backend(&mut self) -> &mut B {
        &mut self.backend
    }

    fn check_cpu(&self, cpu: usize) -> Result<(), MachineError> {
        if cpu < self.config.cpus {
            return Ok(());
        }
        Err(RequestError::NoSuchVcpu { cpu, cpus: self.config.cpus }.into())
    }

    /// Rejects to ask a vCPU that waits at a checkpoint: it would go on with its block.
    fn check_idle(&self, cpu: usize) -> Result<(), MachineError> {
        self.check_cpu(cpu)?;
        if self.guest.in_block[cpu] {
            return Err(RequestError::VcpuInBlock { cpu }.into());
        }
        Ok(())
    }

    /// Lets a vCPU run. After an error nobody knows where it is.
    fn run(&mut self, cpu: usize, reason: RunReason<'_>) -> Result<Outcome, MachineError> {
        self.guest.in_block[cpu] = false;
        let outcome = self.backend.run(cpu, reason, &self.guest);
        self.guest.in_block[cpu] = matches!(outcome, Ok(Outcome::Checkpoint));
        self.guest.spoiled |= outcome.is_err();
        outcome
    }

    /// Asks vCPU 0 for something other than a block.
    fn call(&mut self, call: GuestCall) -> Result<(Status, [u64; 4]), MachineError> {
        self.check_idle(0)?;
        let answer = self.backend.call(call, &self.guest);
        self.guest.spoiled |= answer.is_err();
        answer
    }

    fn can_be_handed_on(&self) -> bool {
        // What is in a shared file stays when its pages are given back.
        let stays = self.config.backing == Backing::Shared;
        !stays && !self.guest.spoiled && !self.backend.is_changed() && !self.guest.in_block.contains(&true)
    }
}

/// Makes an error of an answer that refuses what was asked.
fn refused(call: GuestCall, status: Status) -> MachineError {
    let (request, arguments) = call.record();
    RequestError::FirmwareRefused { request, arguments: arguments.to_vec(), status }.into()
}

impl<B: Backend + 'static> Machine for Session<B> {
    fn boot_report(&self, cpu: usize) -> &BootReport {
        &self.boot[cpu]
    }

    fn page_size(&self) -> u64 {
        self.backend.page_size()
    }

    fn start(&mut self, cpu: usize, block: &Block) -> Result<Outcome, MachineError> {
        self.check_idle(cpu)?;
        let words = block.words().len();
        if words == 0 || words > MAX_WORDS {
            return Err(RequestError::WordCount { words }.into());
        }
        self.run(cpu, RunReason::Start(block))
    }

    fn resume(&mut self, cpu: usize) -> Result<Outcome, MachineError> {
        self.check_cpu(cpu)?;
        if !self.guest.in_block[cpu] {
            return Err(RequestError::NotInBlock { cpu }.into());
        }
        self.run(cpu, RunReason::Resume)
    }

    fn set_pages(&mut self, window: Window, ipa: u64, bytes: u64, kind: PageKind) -> Result<(), MachineError> {
        self.guest.changed_pages.push((window, ipa, bytes));
        let call = GuestCall::SetPages { window, ipa, bytes, kind };
        match self.call(call)? {
            (Status::Done, _) => Ok(()),
            (status, _) => Err(refused(call, status)),
        }
    }

    fn heap_alloc(&mut self, bytes: u64, align: u64) -> Result<u64, MachineError> {
        self.guest.heap_used = true;
        let call = GuestCall::HeapAlloc { bytes, align };
        match self.call(call)? {
            (Status::Done, [pointer, ..]) => Ok(pointer),
            (status, _) => Err(refused(call, status)),
        }
    }

    fn heap_free(&mut self, pointer: u64, bytes: u64, align: u64) -> Result<bool, MachineError> {
        let call = GuestCall::HeapFree { pointer, bytes, align };
        match self.call(call)? {
            (Status::Done, _) => Ok(true),
            (Status::BadFree, _) => Ok(false),
            (status, _) => Err(refused(call, status)),
        }
    }

    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        self.backend.read(ipa, buffer)
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        self.backend.write(ipa, bytes)
    }

    fn fetch_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<(), MachineError> {
        let fetched = self.backend.fetch_tags(ipa, tags, &self.guest);
        self.guest.spoiled |= fetched.is_err();
        fetched
    }

    fn store_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<(), MachineError> {
        let stored = self.backend.store_tags(ipa, tags, &self.guest);
        self.guest.spoiled |= stored.is_err();
        stored
    }

    fn recycle(&mut self) -> Result<bool, MachineError> {
        if !self.can_be_handed_on() {
            return Ok(false);
        }
        for (window, ipa, bytes) in std::mem::take(&mut self.guest.changed_pages) {
            self.call(GuestCall::SetPages { window, ipa, bytes, kind: PageKind::Default })?;
        }
        if std::mem::take(&mut self.guest.heap_used) {
            self.call(GuestCall::HeapReset)?;
        }
        self.backend.clear(self.config, &self.boot)?;
        Ok(true)
    }

    fn save(&mut self) -> Result<Snapshot, MachineError> {
        let mut snapshot = self.backend.save(self.config)?;
        snapshot.guest = self.guest.clone();
        snapshot.guest.spoiled |= self.backend.is_changed();
        Ok(snapshot)
    }

    fn replace_by(&mut self, snapshot: &Snapshot) -> Result<(), MachineError> {
        if snapshot.config.cpus != self.config.cpus {
            return Err(RequestError::OtherVcpus { saved: snapshot.config.cpus, cpus: self.config.cpus }.into());
        }
        self.guest.spoiled = true;
        self.backend.replace_by(snapshot)?;
        self.config = snapshot.config;
        self.guest = snapshot.guest.clone();
        Ok(())
    }

    fn vm(&mut self) -> Option<&mut (dyn Vm + 'static)> {
        self.backend.vm()
    }

    fn races(&mut self) -> Option<&mut (dyn Races + 'static)> {
        if self.backend.has_races() { Some(self) } else { None }
    }

    fn unknown_memory(&self) -> Option<&dyn UnknownMemory> {
        self.backend.unknown_memory()
    }
}

impl<B: Backend> Races for Session<B> {
    fn race(&mut self, race: &Race) -> Result<RaceReport, MachineError> {
        race.check()?;
        race.blocks.iter().try_for_each(|(cpu, _)| self.check_idle(*cpu))?;
        let report = self.backend.race(race);
        self.guest.spoiled |= report.is_err();
        report
    }
}

#[cfg(test)]
mod tests;
