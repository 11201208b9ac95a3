//! Back ends that own a kernel's VM: memory and tags are that VM's.

use abi::mailbox::{BootReport, Status, SysReg};

use super::backend::{Backend, GuestCall, RunReason};
use super::change_mark::SCRATCH;
use super::guest_state::GuestState;
use crate::capability::UnknownMemory;
use crate::config::Config;
use crate::error::MachineError;
use crate::machine::Outcome;
use crate::migration::SavableVm;
use crate::race::{Race, RaceReport};
use crate::registers::RegisterId;
use crate::snapshot::Snapshot;
use crate::tags;
use crate::vm::Vm;

/// The boot report's names of [`RegisterId::MTE`].
const MTE_REGISTERS: [SysReg; 4] = [SysReg::Rgsr, SysReg::Gcr, SysReg::Tfsr, SysReg::Tfsre0];

/// A machine with a kernel's VM.
pub trait KernelBackend {
    /// The VM.
    type Vm: SavableVm + 'static;

    /// Returns the VM.
    fn owned(&self) -> &Self::Vm;

    /// Returns the VM, to change it.
    fn owned_mut(&mut self) -> &mut Self::Vm;

    /// As [`Backend::run`].
    ///
    /// # Errors
    ///
    /// As there.
    fn run(&mut self, cpu: usize, reason: RunReason<'_>) -> Result<Outcome, MachineError>;

    /// As [`Backend::call`].
    ///
    /// # Errors
    ///
    /// As there.
    fn call(&mut self, call: GuestCall) -> Result<(Status, [u64; 4]), MachineError>;

    /// Returns guest memory from an address on to the kernel: it is zero again, and has no tags.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn forget(&mut self, from: u64) -> Result<(), MachineError>;

    /// As [`Backend::save`], by [`crate::migration::save`].
    ///
    /// # Errors
    ///
    /// As there.
    fn save(&mut self, config: Config) -> Result<Snapshot, MachineError>;

    /// As [`Backend::replace_by`], by [`crate::migration::restore`].
    ///
    /// # Errors
    ///
    /// As there.
    fn replace_by(&mut self, snapshot: &Snapshot) -> Result<(), MachineError>;

    /// Returns whether races can be run.
    fn has_races(&self) -> bool;

    /// As [`Backend::race`].
    ///
    /// # Errors
    ///
    /// As there.
    fn race(&mut self, race: &Race) -> Result<RaceReport, MachineError>;

    /// Returns what knows of UNKNOWN memory.
    fn unknown_memory(&self) -> Option<&dyn UnknownMemory>;
}

impl<K: KernelBackend> Backend for K {
    fn run(&mut self, cpu: usize, reason: RunReason<'_>, _guest: &GuestState) -> Result<Outcome, MachineError> {
        KernelBackend::run(self, cpu, reason)
    }

    fn call(&mut self, call: GuestCall, _guest: &GuestState) -> Result<(Status, [u64; 4]), MachineError> {
        KernelBackend::call(self, call)
    }

    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        self.owned().read(ipa, buffer)
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        self.owned_mut().write(ipa, bytes)
    }

    fn fetch_tags(&mut self, ipa: u64, tags: &mut [u8], _guest: &GuestState) -> Result<(), MachineError> {
        Ok(tags::fetch_granules(self.owned(), ipa, tags)?)
    }

    fn store_tags(&mut self, ipa: u64, tags: &[u8], _guest: &GuestState) -> Result<(), MachineError> {
        Ok(tags::store_granules(self.owned(), ipa, tags)?)
    }

    fn page_size(&self) -> u64 {
        self.owned().page_size()
    }

    fn is_changed(&self) -> bool {
        self.owned().changes().is_marked()
    }

    fn clear(&mut self, config: Config, boot: &[BootReport]) -> Result<(), MachineError> {
        self.forget(SCRATCH)?;
        let vm = self.owned_mut();
        for (cpu, report) in boot.iter().enumerate().filter(|_| config.mte) {
            for (id, register) in RegisterId::MTE.into_iter().zip(MTE_REGISTERS) {
                vm.set_register(cpu, id, report.sys[register as usize])
                    .map_err(|errno| MachineError::Kernel { action: format!("KVM_SET_ONE_REG of {id}"), errno })?;
            }
        }
        vm.changes().reset();
        Ok(())
    }

    fn save(&mut self, config: Config) -> Result<Snapshot, MachineError> {
        KernelBackend::save(self, config)
    }

    fn replace_by(&mut self, snapshot: &Snapshot) -> Result<(), MachineError> {
        KernelBackend::replace_by(self, snapshot)?;
        self.owned().changes().reset();
        Ok(())
    }

    fn vm(&mut self) -> Option<&mut (dyn Vm + 'static)> {
        Some(self.owned_mut())
    }

    fn has_races(&self) -> bool {
        KernelBackend::has_races(self)
    }

    fn race(&mut self, race: &Race) -> Result<RaceReport, MachineError> {
        KernelBackend::race(self, race)
    }

    fn unknown_memory(&self) -> Option<&dyn UnknownMemory> {
        KernelBackend::unknown_memory(self)
    }
}
