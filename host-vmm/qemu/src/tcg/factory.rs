//! Makes `tcg` machines: starts QEMU, loads the firmware, and waits for its boot reports.

use std::time::Duration;

use abi::mailbox::BootReport;
use abi::map;

use super::active_qemu::ActiveQemu;
use super::emulator::{BoardConfig, QemuConfig, QemuProcess};
use super::{HostWrites, Notification, TcgBackend};
use machine::boot::{self, StartedBy};
use machine::capability::{Capability, MachineKind};
use machine::firmware::Firmware;
use machine::mailbox::MailboxClient;
use machine::need::Need;
use machine::session::{GuestState, Session};
use machine::{Backing, Config, Deadline, Factory, Machine, MachineError, Vm};

/// Makes machines with one QEMU, one CPU and one firmware.
#[derive(Clone, Debug)]
pub struct TcgFactory {
    qemu_config: QemuConfig,
    image: Vec<u8>,
    guest_timeout: Duration,
    deadline: Deadline,
    active: ActiveQemu,
}

impl TcgFactory {
    /// Takes the QEMU, an ELF image, how long a guest may take for one request, and when the run is to be over.
    #[must_use]
    pub fn new(qemu_config: QemuConfig, image: Vec<u8>, guest_timeout: Duration, deadline: Deadline) -> Self {
        Self { qemu_config, image, guest_timeout, deadline, active: ActiveQemu::default() }
    }
}

impl Factory for TcgFactory {
    fn kind(&self) -> MachineKind {
        MachineKind::Tcg
    }

    fn boot(&self, config: Config) -> Result<Box<dyn Machine>, MachineError> {
        config.check()?;
        // Huge pages are what a kernel gives if it likes; RAM of a kind that shows in KVM is not to be had.
        if config.backing == Backing::Shared {
            let reason = "RAM that is a memory slot's memfd: there is no KVM in this machine";
            return Err(Need::Capability(Capability::Vm).unmet(reason).into());
        }
        let firmware = Firmware::parse(&self.image, map::RAM_BASE..map::RAM_BASE.saturating_add(config.ram))?;
        let board = BoardConfig { cpus: config.cpus, bytes: config.ram, entry: firmware.entry };
        let mut emulator = QemuProcess::start(&self.qemu_config, &self.active, board)?;
        boot::write(&mut emulator, &firmware, config.cpus, StartedBy::Firmware)?;
        let mut backend = TcgBackend {
            emulator,
            guest_timeout: self.guest_timeout,
            deadline: self.deadline,
            mailboxes: (0..config.cpus).map(MailboxClient::of).collect(),
            tag_block: 0,
            tag_carrier: config.tag_carrier,
            host_writes: HostWrites::default(),
        };
        let mut reports: Vec<BootReport> = Vec::new();
        let guest = GuestState::new(config.cpus);
        for cpu in 0..config.cpus {
            let notification = backend.run_until_doorbell(cpu, &guest)?;
            let mailbox = &backend.mailboxes[cpu];
            if notification == Notification::Checkpoint {
                return Err(mailbox.misbehaved("rang a checkpoint before its boot report"));
            }
            mailbox.status(&backend.emulator)?;
            reports.push(mailbox.boot_report(&backend.emulator)?);
        }
        backend.tag_block = 4 << (reports[0].gmid & 0xf);
        Ok(Box::new(Session::new(backend, config, reports)))
    }

    fn bare(&self) -> Result<Option<Box<dyn Vm>>, MachineError> {
        Ok(None)
    }
}
