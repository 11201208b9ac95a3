//! The `kvm` machine: the firmware in a VM on /dev/kvm.

mod factory;
mod race;
mod service;

use std::rc::Rc;
use std::time::Duration;

use abi::mailbox::Status;
use kvm_ioctls::Kvm;

pub use factory::KvmFactory;

use crate::vm::{KvmVm, kernel};
use crate::watchdog::Watchdog;
use machine::capability::UnknownMemory;
use machine::mailbox::MailboxClient;
use machine::migration::{self, SavableVm as _};
use machine::session::{GuestCall, KernelBackend, RunReason};
use machine::snapshot::Snapshot;
use machine::{Config, MachineError, Outcome, Race, RaceReport};

/// A VM on /dev/kvm with the firmware in it.
struct KvmBackend {
    vm: KvmVm,
    kvm: Rc<Kvm>,
    guest_timeout: Duration,
    watchdog: Watchdog,
    mailboxes: Vec<MailboxClient>,
}

impl KernelBackend for KvmBackend {
    type Vm = KvmVm;

    fn owned(&self) -> &KvmVm {
        &self.vm
    }

    fn owned_mut(&mut self) -> &mut KvmVm {
        &mut self.vm
    }

    fn run(&mut self, cpu: usize, reason: RunReason<'_>) -> Result<Outcome, MachineError> {
        if let RunReason::Start(block) = reason {
            self.mailboxes[cpu].run(&mut self.vm, block)?;
        }
        self.advance(cpu)
    }

    fn call(&mut self, call: GuestCall) -> Result<(Status, [u64; 4]), MachineError> {
        let (request, arguments) = call.record();
        self.mailboxes[0].call(&mut self.vm, request, arguments)?;
        let status = self.expect_reply(0)?;
        Ok((status, self.mailboxes[0].results(&self.vm)?))
    }

    fn forget(&mut self, from: u64) -> Result<(), MachineError> {
        for slot in self.vm.slots() {
            let scratch = from.saturating_sub(slot.ipa)..slot.mapping.bytes();
            slot.mapping.forget(scratch).map_err(|errno| kernel("madvise of the guest's RAM", errno))?;
        }
        Ok(())
    }

    fn save(&mut self, config: Config) -> Result<Snapshot, MachineError> {
        migration::save(&mut self.vm, config)
    }

    fn replace_by(&mut self, snapshot: &Snapshot) -> Result<(), MachineError> {
        // The old VM is gone before anything is put into the new one.
        self.vm = KvmVm::new(&self.kvm)?;
        migration::restore(&mut self.vm, snapshot)?;
        let restored = (0..snapshot.config.cpus).map(|cpu| MailboxClient::restored(cpu, &self.vm));
        self.mailboxes = restored.collect::<Result<_, _>>()?;
        self.vm.changes().reset();
        Ok(())
    }

    fn has_races(&self) -> bool {
        true
    }

    fn race(&mut self, race: &Race) -> Result<RaceReport, MachineError> {
        self.run_race(race)
    }

    fn unknown_memory(&self) -> Option<&dyn UnknownMemory> {
        None
    }
}
