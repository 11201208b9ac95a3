//! Makes `tcg` machines: starts QEMU, loads the firmware, and waits for its boot reports.

use std::time::Duration;

use abi::boot::{BootBlock, HOST_MAGIC};
use abi::map;
use zerocopy::IntoBytes;

use super::active_qemu::ActiveQemu;
use super::emulator::{BoardConfig, QemuConfig, QemuProcess};
use super::{Notification, SinceBoot, TcgMachine, unsupported};
use machine::firmware::Firmware;
use machine::mailbox::MailboxClient;
use machine::{Backing, Config, Factory, Machine, MachineError, Vm};

/// Makes machines with one QEMU, one CPU and one firmware.
#[derive(Clone, Debug)]
pub struct TcgFactory {
    qemu_config: QemuConfig,
    image: Vec<u8>,
    guest_timeout: Duration,
    active: ActiveQemu,
}

impl TcgFactory {
    /// Takes the QEMU, an ELF image, and how long a guest may take for one request.
    #[must_use]
    pub fn new(qemu_config: QemuConfig, image: Vec<u8>, guest_timeout: Duration) -> Self {
        Self { qemu_config, image, guest_timeout, active: ActiveQemu::default() }
    }
}

impl Factory for TcgFactory {
    fn boot(&self, config: Config) -> Result<Box<dyn Machine>, MachineError> {
        // Huge pages are what a kernel gives if it likes; RAM of a kind that shows in KVM is not to be had.
        if config.backing == Backing::Shared {
            return unsupported("RAM that is a memory slot's memfd");
        }
        if config.ram < map::RAM_MIN
            || !config.ram.is_multiple_of(0x1_0000)
            || !(1..=map::MAX_CPUS).contains(&config.cpus)
        {
            return Err(MachineError::BadRequest(format!(
                "a machine needs {} MiB of RAM or more, in units of 64 KiB, and 1 to {} vCPUs; {} bytes and {} vCPUs were asked for",
                map::RAM_MIN >> 20,
                map::MAX_CPUS,
                config.ram,
                config.cpus
            )));
        }
        let firmware = Firmware::parse(&self.image, map::RAM_BASE..map::RAM_BASE.saturating_add(config.ram))?;
        let board = BoardConfig { cpus: config.cpus, bytes: config.ram, entry: firmware.entry };
        let mut emulator = QemuProcess::start(&self.qemu_config, &self.active, board)?;
        for segment in &firmware.segments {
            emulator.write(segment.ipa, segment.data)?;
        }
        let block = BootBlock {
            magic: HOST_MAGIC,
            version: abi::ABI_VERSION,
            cpus: config.cpus as u32,
            start_others: 1,
            reserved: 0,
        };
        emulator.write(map::SHARED_BASE, block.as_bytes())?;
        let mut machine = TcgMachine {
            emulator,
            config,
            guest_timeout: self.guest_timeout,
            mailboxes: (0..config.cpus).map(MailboxClient::of).collect(),
            boot: Vec::new(),
            since: SinceBoot::new(config.cpus),
        };
        for cpu in 0..config.cpus {
            let notification = machine.run_until_doorbell(cpu)?;
            let mailbox = &machine.mailboxes[cpu];
            if notification == Notification::Checkpoint {
                return Err(mailbox.misbehaved("rang a checkpoint before its boot report"));
            }
            mailbox.status(&machine.emulator)?;
            machine.boot.push(mailbox.boot_report(&machine.emulator)?);
        }
        Ok(Box::new(machine))
    }

    fn bare(&self) -> Result<Box<dyn Vm>, MachineError> {
        unsupported("the kernel's interface")
    }
}
