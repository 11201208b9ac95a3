//! Runs a vCPU until it rings, and serves its exits. What the rings mean is the mailbox's business.

use std::time::{Duration, Instant};

use abi::mailbox::{Request, Status};
use abi::map;

use super::KvmMachine;
use crate::vcpu::{Exit, Vcpu};
use crate::vm::{KvmVm, kernel};
use crate::watchdog::Watchdog;
use machine::mailbox::{Memory, Post, Turn};
use machine::registers::RegisterId;
use machine::{MachineError, Outcome, Vm};

/// Exits that one request may cause before the guest counts as flooding the host.
const MAX_EXITS: u64 = 10_000;
/// Exits from which on a guest that is late counts as flooding and not as silent; a request takes a few.
const FLOOD: u64 = 100;

impl KvmMachine {
    pub(super) fn check_cpu(&self, cpu: usize) -> Result<(), MachineError> {
        if cpu < self.config.cpus {
            return Ok(());
        }
        Err(MachineError::BadRequest(format!("there is no vCPU {cpu}; this VM has {}", self.config.cpus)))
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
        let mut vcpus = self.vm.take_vcpus();
        let turn = serve(&mut vcpus[cpu], &self.vm, &self.posts[cpu], cpu, (&self.watchdog, self.patience));
        self.vm.put_vcpus(vcpus);
        turn
    }

    /// Runs a vCPU until it has answered; a checkpoint is no answer.
    pub(super) fn expect_reply(&mut self, cpu: usize) -> Result<Status, MachineError> {
        match self.run_until_bell(cpu)? {
            Turn::Reply => self.posts[cpu].status(&self.vm),
            Turn::Checkpoint => Err(self.posts[cpu].misbehaved("rang a checkpoint where only a reply can come")),
        }
    }

    /// Makes a request that is not a block; gives its status and results.
    pub(super) fn call(&mut self, request: Request, arguments: [u64; 4]) -> Result<(Status, [u64; 4]), MachineError> {
        self.posts[0].call(&mut self.vm, request, arguments)?;
        let status = self.expect_reply(0)?;
        Ok((status, self.posts[0].results(&self.vm)?))
    }

    /// Runs the block on a vCPU to its end or a checkpoint.
    pub(super) fn advance(&mut self, cpu: usize) -> Result<Outcome, MachineError> {
        match self.run_until_bell(cpu)? {
            Turn::Checkpoint => Ok(Outcome::Checkpoint),
            Turn::Reply => Ok(Outcome::Done(Box::new(self.posts[cpu].trace(&self.vm)?))),
        }
    }
}

/// Runs a vCPU until it rings, with a watchdog of the thread that calls and how long the vCPU may take.
pub(super) fn serve(
    vcpu: &mut Vcpu,
    vm: &KvmVm,
    post: &Post,
    cpu: usize,
    (watchdog, patience): (&Watchdog, Duration),
) -> Result<Turn, MachineError> {
    let began = Instant::now();
    let _armed = watchdog.arm(patience);
    let mut exits = 0;
    loop {
        let exit = vcpu.run().map_err(|errno| kernel("KVM_RUN", errno))?;
        exits += 1;
        let late = began.elapsed() >= patience;
        match exit {
            Exit::Store { ipa: map::UART_DR, data } => {
                let byte = data.first().copied().unwrap_or(0);
                if let Some(turn) = post.bell(vm, byte)? {
                    return Ok(turn);
                }
            }
            Exit::Interrupted if late && exits < FLOOD => {
                let pc = vcpu.register(RegisterId::PC).unwrap_or(0);
                return Err(MachineError::Silent { cpu, millis: patience.as_millis() as u64, pc });
            }
            Exit::Interrupted => {}
            Exit::Store { ipa, .. } | Exit::Load { ipa } if ipa & !0xfff != map::UART_DR => {
                let what = format!("touched {ipa:#x}, where there is neither memory nor a device");
                return Err(post.misbehaved(what));
            }
            Exit::Store { .. } | Exit::Load { .. } => {}
            Exit::PowerOff => return Err(post.misbehaved("turned itself off")),
            Exit::Reset => return Err(post.misbehaved("asked to be reset")),
            Exit::Other(exit) => {
                return Err(post.misbehaved(format!("left the guest for an unknown reason: {exit}")));
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
        Vm::write(self, ipa, bytes)
    }
}
