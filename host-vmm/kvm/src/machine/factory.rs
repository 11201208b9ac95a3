//! Makes machines: creates the VM, loads the firmware, and waits for its boot reports.

use std::rc::Rc;
use std::time::Duration;

use abi::map;
use kvm_ioctls::Kvm;

use super::KvmBackend;
use crate::vm::{KvmVm, kernel};
use crate::watchdog::Watchdog;
use machine::boot::{self, StartedBy};
use machine::capability::MachineKind;
use machine::firmware::Firmware;
use machine::mailbox::MailboxClient;
use machine::migration::{self, SavableVm as _};
use machine::registers::RegisterId;
use machine::session::Session;
use machine::{Config, Factory, Machine, MachineError, Vm};

/// Makes VMs with one firmware.
#[derive(Debug)]
pub struct KvmFactory {
    kvm: Rc<Kvm>,
    image: Vec<u8>,
    guest_timeout: Duration,
}

impl KvmFactory {
    /// Takes /dev/kvm, an ELF image, and how long a guest may take for one request.
    #[must_use]
    pub fn new(kvm: Kvm, image: Vec<u8>, guest_timeout: Duration) -> Self {
        Self { kvm: Rc::new(kvm), image, guest_timeout }
    }
}

impl Factory for KvmFactory {
    fn kind(&self) -> MachineKind {
        MachineKind::Kvm
    }

    fn boot(&self, config: Config) -> Result<Box<dyn Machine>, MachineError> {
        config.check()?;
        let mut vm = KvmVm::new(&self.kvm)?;
        migration::build(&mut vm, config)?;
        let firmware = Firmware::parse(&self.image, map::RAM_BASE..map::RAM_BASE.saturating_add(config.ram))?;
        boot::write(&mut vm, &firmware, config.cpus, StartedBy::Host)?;
        let mut backend = KvmBackend {
            vm,
            kvm: Rc::clone(&self.kvm),
            guest_timeout: self.guest_timeout,
            watchdog: Watchdog::new().map_err(|errno| kernel("timer_create", errno))?,
            mailboxes: (0..config.cpus).map(MailboxClient::of).collect(),
        };
        let mut reports = Vec::new();
        for cpu in 0..config.cpus {
            backend
                .vm
                .set_register(cpu, RegisterId::PC, firmware.entry)
                .map_err(|errno| kernel("KVM_SET_ONE_REG of PC", errno))?;
            backend.expect_reply(cpu)?;
            reports.push(backend.mailboxes[cpu].boot_report(&backend.vm)?);
        }
        backend.vm.changes().reset();
        Ok(Box::new(Session::new(backend, config, reports)))
    }

    fn bare(&self) -> Result<Option<Box<dyn Vm>>, MachineError> {
        Ok(Some(Box::new(KvmVm::new(&self.kvm)?)))
    }
}
