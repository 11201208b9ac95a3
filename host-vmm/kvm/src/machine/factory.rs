//! Makes machines: creates the VM, loads the firmware, and waits for its boot reports.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use abi::boot::{BootBlock, HOST_MAGIC};
use abi::map;
use kvm_ioctls::Kvm;
use zerocopy::IntoBytes;

use super::KvmMachine;
use crate::vm::{KvmVm, kernel};
use crate::watchdog::Watchdog;
use machine::firmware::Firmware;
use machine::mailbox::MailboxClient;
use machine::registers::RegisterId;
use machine::{Access, Config, Factory, Machine, MachineError, Vm};

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

    /// Creates a VM with memory and vCPUs but nothing in them.
    pub(super) fn create(kvm: &Kvm, config: Config) -> Result<KvmVm, MachineError> {
        let mut vm = KvmVm::new(kvm)?;
        if config.mte {
            vm.enable_mte(0).map_err(|errno| kernel("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", errno))?;
        }
        if config.dirty_ring != 0 {
            vm.enable_dirty_ring(config.dirty_ring)?;
        }
        vm.add_memory(map::RAM_BASE, config.ram, config.backing, Access::ReadWrite)?;
        for _ in 0..config.cpus {
            vm.add_vcpu().map_err(|errno| kernel("KVM_CREATE_VCPU and KVM_ARM_VCPU_INIT", errno))?;
        }
        Ok(vm)
    }
}

impl Factory for KvmFactory {
    fn boot(&self, config: Config) -> Result<Box<dyn Machine>, MachineError> {
        let ram = map::RAM_BASE..map::RAM_BASE.saturating_add(config.ram);
        if config.ram < map::RAM_MIN || !(1..=map::MAX_CPUS).contains(&config.cpus) {
            return Err(MachineError::BadRequest(format!(
                "a VM needs {} MiB of RAM or more and 1 to {} vCPUs; {} bytes and {} vCPUs were asked for",
                map::RAM_MIN >> 20,
                map::MAX_CPUS,
                config.ram,
                config.cpus
            )));
        }
        let mut vm = Self::create(&self.kvm, config)?;
        let firmware = Firmware::parse(&self.image, ram)?;
        for segment in &firmware.segments {
            vm.write(segment.ipa, segment.data)?;
        }
        let block = BootBlock {
            magic: HOST_MAGIC,
            version: abi::ABI_VERSION,
            cpus: config.cpus as u32,
            start_others: 0,
            reserved: 0,
        };
        vm.write(map::SHARED_BASE, block.as_bytes())?;
        let mut machine = KvmMachine {
            vm,
            kvm: Rc::clone(&self.kvm),
            config,
            guest_timeout: self.guest_timeout,
            watchdog: Watchdog::new().map_err(|errno| kernel("timer_create", errno))?,
            boot: Vec::new(),
            mailboxes: (0..config.cpus).map(MailboxClient::of).collect(),
            in_block: vec![false; config.cpus],
            recyclable: Cell::new(true),
            changed_pages: Vec::new(),
            heap_used: false,
        };
        for cpu in 0..config.cpus {
            machine
                .vm
                .set_register(cpu, RegisterId::PC, firmware.entry)
                .map_err(|errno| kernel("KVM_SET_ONE_REG of PC", errno))?;
            machine.expect_reply(cpu)?;
            let report = machine.mailboxes[cpu].boot_report(&machine.vm)?;
            machine.boot.push(report);
        }
        Ok(Box::new(machine))
    }

    fn bare(&self) -> Result<Box<dyn Vm>, MachineError> {
        Ok(Box::new(KvmVm::new(&self.kvm)?))
    }
}
