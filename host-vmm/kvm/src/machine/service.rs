//! Runs a vCPU until it rings, and serves its exits. What the rings mean is the mailbox's business.

use std::time::{Duration, Instant};

use abi::mailbox::Status;
use abi::map;

use super::KvmBackend;
use crate::vcpu::{ExitReason, Vcpu};
use crate::vm::{KvmVm, kernel};
use crate::watchdog::Watchdog;
use machine::mailbox::{MailboxClient, Memory, Notification};
use machine::registers::RegisterId;
use machine::{MachineError, Outcome, Vm};

/// Exits that one request may cause before the guest counts as flooding the host.
const MAX_EXITS: u64 = 10_000;
/// Exits from which on a guest that is late counts as flooding and not as silent; a request takes a few.
const FLOOD: u64 = 100;

impl KvmBackend {
    /// Runs a vCPU until it rings.
    fn run_until_doorbell(&mut self, cpu: usize) -> Result<Notification, MachineError> {
        let mut vcpus = self.vm.take_vcpus();
        let notification =
            serve(&mut vcpus[cpu], &self.vm, &self.mailboxes[cpu], cpu, (&self.watchdog, self.guest_timeout));
        self.vm.put_vcpus(vcpus);
        notification
    }

    /// Runs a vCPU until it has answered; a checkpoint is no answer.
    pub(super) fn expect_reply(&mut self, cpu: usize) -> Result<Status, MachineError> {
        match self.run_until_doorbell(cpu)? {
            Notification::Reply => self.mailboxes[cpu].status(&self.vm),
            Notification::Checkpoint => {
                Err(self.mailboxes[cpu].misbehaved("rang a checkpoint where only a reply can come"))
            }
        }
    }

    /// Runs the block on a vCPU to its end or a checkpoint.
    pub(super) fn advance(&mut self, cpu: usize) -> Result<Outcome, MachineError> {
        match self.run_until_doorbell(cpu)? {
            Notification::Checkpoint => Ok(Outcome::Checkpoint),
            Notification::Reply => Ok(Outcome::Done(Box::new(self.mailboxes[cpu].trace(&self.vm)?))),
        }
    }
}

/// Runs a vCPU until it rings, with a watchdog of the thread that calls and how long the vCPU may take.
pub(super) fn serve(
    vcpu: &mut Vcpu,
    vm: &KvmVm,
    mailbox: &MailboxClient,
    cpu: usize,
    (watchdog, guest_timeout): (&Watchdog, Duration),
) -> Result<Notification, MachineError> {
    let began = Instant::now();
    let _armed = watchdog.arm(guest_timeout);
    let mut exits = 0;
    loop {
        let exit = vcpu.run().map_err(|errno| kernel("KVM_RUN", errno))?;
        exits += 1;
        let late = began.elapsed() >= guest_timeout;
        match exit {
            ExitReason::Store { ipa: map::UART_DR, data } => {
                let byte = data.first().copied().unwrap_or(0);
                if let Some(notification) = mailbox.decode_doorbell(vm, byte)? {
                    return Ok(notification);
                }
            }
            ExitReason::Interrupted if late && exits < FLOOD => {
                let pc = vcpu.register(RegisterId::PC).unwrap_or(0);
                return Err(MachineError::Silent { cpu, millis: guest_timeout.as_millis() as u64, pc });
            }
            ExitReason::Interrupted => {}
            ExitReason::Store { ipa, .. } | ExitReason::Load { ipa } if ipa & !0xfff != map::UART_DR => {
                let what = format!("touched {ipa:#x}, where there is neither memory nor a device");
                return Err(mailbox.misbehaved(what));
            }
            ExitReason::Store { .. } | ExitReason::Load { .. } => {}
            ExitReason::PowerOff => return Err(mailbox.misbehaved("turned itself off")),
            ExitReason::Reset => return Err(mailbox.misbehaved("asked to be reset")),
            ExitReason::Debug { .. } => return Err(mailbox.misbehaved("stopped for a debugger that there is not")),
            ExitReason::Other(exit) => {
                return Err(mailbox.misbehaved(format!("left the guest for an unknown reason: {exit}")));
            }
        }
        if exits >= MAX_EXITS || late {
            return Err(MachineError::Storm { cpu, exits });
        }
    }
}

impl Memory for KvmVm {
    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        Vm::read(self, ipa, buffer)
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        // The VMM's own requests change nothing for those who use the VM.
        self.write_unrecorded(ipa, bytes)
    }
}
