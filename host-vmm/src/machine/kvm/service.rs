//! The host's end of the mailbox: asks a vCPU, runs it until it rings, and believes nothing it says.

use std::mem::offset_of;
use std::time::Instant;

use abi::doorbell::Doorbell;
use abi::mailbox::{BlockReply, Control, MAX_MESSAGE, Mailbox, PanicRecord, Request, Status, Trap};
use abi::map;
use zerocopy::{FromBytes, IntoBytes};

use super::KvmMachine;
use crate::kvm::vcpu::{Exit, kernel};
use crate::machine::{MachineError, Outcome, Trace, Vm};
use crate::registers::RegisterId;

/// Exits that one request may cause before the guest counts as flooding the host.
const MAX_EXITS: u64 = 10_000;
/// Exits from which on a guest that is late counts as flooding and not as silent; a request takes a few.
const FLOOD: u64 = 100;

/// Why it is the host's turn. A panic is an error instead.
enum Turn {
    /// A request is answered.
    Reply,
    /// The block waits.
    Checkpoint,
}

impl KvmMachine {
    pub(super) fn check_cpu(&self, cpu: usize) -> Result<(), MachineError> {
        if cpu < self.config.cpus {
            return Ok(());
        }
        Err(MachineError::BadRequest(format!("there is no vCPU {cpu}; this VM has {}", self.config.cpus)))
    }

    /// Reads a record of a vCPU's mailbox.
    pub(super) fn record<T: FromBytes + IntoBytes>(&self, cpu: usize, offset: usize) -> Result<T, MachineError> {
        let mut value = T::new_zeroed();
        self.vm.read(map::mailbox_ipa(cpu) + offset as u64, value.as_mut_bytes())?;
        Ok(value)
    }

    /// Writes into a vCPU's mailbox.
    pub(super) fn post(&mut self, cpu: usize, offset: usize, bytes: &[u8]) -> Result<(), MachineError> {
        self.vm.write(map::mailbox_ipa(cpu) + offset as u64, bytes)
    }

    /// Runs a vCPU until it rings. After an error nobody knows where it is.
    fn run_until_bell(&mut self, cpu: usize) -> Result<Turn, MachineError> {
        let bell = self.run_until_bell_or_error(cpu);
        self.in_block[cpu] = matches!(bell, Ok(Turn::Checkpoint));
        if bell.is_err() {
            self.recyclable.set(false);
        }
        bell
    }

    fn run_until_bell_or_error(&mut self, cpu: usize) -> Result<Turn, MachineError> {
        let began = Instant::now();
        let armed = self.watchdog.arm(self.patience);
        let mut exits = 0;
        let bell = loop {
            let vcpu = &mut self.vm.vcpus()[cpu];
            let exit = vcpu.run().map_err(|errno| kernel("KVM_RUN", errno))?;
            exits += 1;
            let late = began.elapsed() >= self.patience;
            match exit {
                Exit::Store { ipa: map::UART_DR, data } => match data.first().map(|byte| Doorbell::decode(*byte)) {
                    Some(Some((bell, from))) if from == cpu => break bell,
                    Some(Some((bell, from))) => {
                        return Err(misbehaved(cpu, format!("rang {bell:?} in the name of vCPU {from}")));
                    }
                    // Console text, which the firmware only writes when there is no host.
                    _ => {}
                },
                Exit::Interrupted if late && exits < FLOOD => {
                    drop(armed);
                    let pc = self.vm.register(cpu, RegisterId::PC).unwrap_or(0);
                    return Err(MachineError::Silent { cpu, millis: self.patience.as_millis() as u64, pc });
                }
                Exit::Interrupted => {}
                Exit::Store { ipa, .. } | Exit::Load { ipa } if ipa & !0xfff != map::UART_DR => {
                    return Err(misbehaved(
                        cpu,
                        format!("touched {ipa:#x}, where there is neither memory nor a device"),
                    ));
                }
                Exit::Store { .. } | Exit::Load { .. } => {}
                Exit::PowerOff => return Err(misbehaved(cpu, "turned itself off".to_owned())),
                Exit::Reset => return Err(misbehaved(cpu, "asked to be reset".to_owned())),
                Exit::Other(exit) => {
                    return Err(misbehaved(cpu, format!("left the guest for an unknown reason: {exit}")));
                }
            }
            if exits >= MAX_EXITS || late {
                return Err(MachineError::Storm { cpu, exits });
            }
        };
        drop(armed);
        match bell {
            Doorbell::Reply => Ok(Turn::Reply),
            Doorbell::Checkpoint => Ok(Turn::Checkpoint),
            Doorbell::Panic => Err(self.panicked(cpu)?),
        }
    }

    /// Reads the firmware's last words.
    pub(super) fn panicked(&self, cpu: usize) -> Result<MachineError, MachineError> {
        let record: PanicRecord = self.record(cpu, offset_of!(Mailbox, panic))?;
        let length = usize::try_from(record.length).unwrap_or(MAX_MESSAGE).min(MAX_MESSAGE);
        let message = String::from_utf8_lossy(&record.message[..length]);
        // The guest's text may reach a terminal.
        let message = message.split('\0').next().unwrap_or_default().escape_debug().to_string();
        Ok(MachineError::Panicked { cpu, message })
    }

    /// Runs a vCPU until it has answered request `number`; a checkpoint is none.
    pub(super) fn expect_reply(&mut self, cpu: usize, number: u32) -> Result<Status, MachineError> {
        match self.run_until_bell(cpu)? {
            Turn::Reply => self.check_reply(cpu, number),
            Turn::Checkpoint => Err(misbehaved(cpu, "rang a checkpoint where only a reply can come".to_owned())),
        }
    }

    pub(super) fn check_reply(&self, cpu: usize, number: u32) -> Result<Status, MachineError> {
        let control: Control = self.record(cpu, 0)?;
        if control.reply != number {
            return Err(misbehaved(cpu, format!("answered request {} when {number} was asked", control.reply)));
        }
        Status::from_number(control.status)
            .ok_or_else(|| misbehaved(cpu, format!("answered with status {}, which does not exist", control.status)))
    }

    /// Files a request, without running the vCPU.
    pub(super) fn ask(&mut self, cpu: usize, request: Request) -> Result<u32, MachineError> {
        self.check_cpu(cpu)?;
        self.requests[cpu] += 1;
        let number = self.requests[cpu];
        self.post(cpu, offset_of!(Mailbox, control.kind), (request as u32).as_bytes())?;
        self.post(cpu, offset_of!(Mailbox, control.request), number.as_bytes())?;
        Ok(number)
    }

    /// Makes a request that is not a block; gives its status and results.
    pub(super) fn call(&mut self, request: Request, arguments: [u64; 4]) -> Result<(Status, [u64; 4]), MachineError> {
        self.post(0, offset_of!(Mailbox, arguments), arguments.as_bytes())?;
        let number = self.ask(0, request)?;
        let status = self.expect_reply(0, number)?;
        Ok((status, self.record(0, offset_of!(Mailbox, results))?))
    }

    /// Runs the block on a vCPU to its end or a checkpoint.
    pub(super) fn advance(&mut self, cpu: usize) -> Result<Outcome, MachineError> {
        match self.run_until_bell(cpu)? {
            Turn::Checkpoint => Ok(Outcome::Checkpoint),
            Turn::Reply => {
                let status = self.check_reply(cpu, self.requests[cpu])?;
                if status != Status::Done {
                    return Err(MachineError::BadRequest(format!("the firmware refused the block: {status:?}")));
                }
                Ok(Outcome::Done(Box::new(self.trace(cpu)?)))
            }
        }
    }

    /// Reads what a block left behind, believing no count.
    pub(super) fn trace(&self, cpu: usize) -> Result<Trace, MachineError> {
        let reply: BlockReply = self.record(cpu, offset_of!(Mailbox, reply))?;
        let v = match self.simd[cpu] {
            true => Some(Box::new(self.record(cpu, offset_of!(Mailbox, v_reply))?)),
            false => None,
        };
        let trap = |place| self.record(cpu, offset_of!(Mailbox, traps) + place * size_of::<Trap>());
        Trace::from_records(cpu, self.words[cpu].len(), &reply, trap, v)
    }
}

fn misbehaved(cpu: usize, what: String) -> MachineError {
    MachineError::Misbehaved { cpu, what }
}
