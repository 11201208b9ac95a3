//! A guest as gdbstub sees it: one thread, vCPU 0.

mod access;
mod files;
mod registers;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use arch::{ExceptionClass, FaultStatus, Syndrome};
use gdbstub::common::Signal;
use gdbstub::stub::SingleThreadStopReason;
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::singlethread::{SingleThreadResume, SingleThreadSingleStep, SingleThreadSingleStepOps};
use gdbstub::target::ext::breakpoints::{
    Breakpoints, BreakpointsOps, HwBreakpoint, HwBreakpointOps, SwBreakpoint, SwBreakpointOps,
};
use gdbstub::target::ext::host_io::HostIoOps;
use gdbstub::target::ext::target_description_xml_override::{
    TargetDescriptionXmlOverride, TargetDescriptionXmlOverrideOps,
};
use gdbstub::target::{Target, TargetError, TargetResult};
use machine::debuggee::{Debuggee, DebuggeeError, HostCalls, Register, Stop, SystemRegister};

pub use registers::{AArch64WithTags, GuestRegisters, RegisterNumber};

use crate::description;

/// The vCPU that is shown.
pub const CPU: usize = 0;
/// How long the guest runs before the debugger is listened to again.
const SLICE: Duration = Duration::from_millis(50);
/// EFAULT, which debuggers show as an address that cannot be accessed.
const EFAULT: u8 = 14;

/// Returns an error of the guest as gdbstub has it: only a lost machine ends the session.
fn refused(error: DebuggeeError) -> TargetError<DebuggeeError> {
    match error {
        lost @ DebuggeeError::Lost(_) => TargetError::Fatal(lost),
        _ => TargetError::Errno(EFAULT),
    }
}

/// Returns the end that a status is, and how it is told.
fn exited(status: u32) -> (Stop, SingleThreadStopReason<u64>) {
    (Stop::Exited { status }, SingleThreadStopReason::Exited(u8::try_from(status).unwrap_or(u8::MAX)))
}

/// A guest in a debugger's hands.
pub struct Guest<'a> {
    board: &'a mut dyn Debuggee,
    calls: Box<dyn HostCalls>,
    description: String,
    /// Whether it is to execute one instruction rather than to run.
    stepping: bool,
    software: BTreeSet<u64>,
    hardware: BTreeSet<u64>,
}

impl std::fmt::Debug for Guest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest").field("stepping", &self.stepping).finish_non_exhaustive()
    }
}

impl<'a> Guest<'a> {
    /// Takes a guest, which stands.
    ///
    /// # Errors
    ///
    /// When the machine is lost.
    pub fn new(board: &'a mut dyn Debuggee, calls: Box<dyn HostCalls>) -> Result<Self, DebuggeeError> {
        let description = description::xml();
        calls.addresses().iter().try_for_each(|va| board.set_breakpoint(*va))?;
        Ok(Self { board, calls, description, stepping: false, software: BTreeSet::new(), hardware: BTreeSet::new() })
    }

    /// Returns the machine.
    pub fn board(&mut self) -> &mut dyn Debuggee {
        self.board
    }

    /// Lets it run as was asked for, for a moment. Returns why it stopped, if it did, and how that is told.
    ///
    /// # Errors
    ///
    /// When the machine is lost.
    pub fn run(&mut self, deadline: Instant) -> Result<Option<(Stop, SingleThreadStopReason<u64>)>, DebuggeeError> {
        let until = deadline.min(Instant::now() + SLICE);
        match self.serve_call()? {
            None => {}
            Some(Some(status)) => return Ok(Some(exited(status))),
            Some(None) if self.stepping => return Ok(Some((Stop::Stepped, SingleThreadStopReason::DoneStep))),
            Some(None) => return Ok(None),
        }
        let stop = if self.stepping { self.board.step(CPU, until)? } else { self.board.resume(until)? };
        let reason = match stop {
            Stop::TimedOut => return Ok(None),
            Stop::Stepped => SingleThreadStopReason::DoneStep,
            Stop::Exception { cpu } => SingleThreadStopReason::Signal(self.signal(cpu)?),
            Stop::Breakpoint { .. } => match self.breakpoint()? {
                Some(reason) => reason,
                None => return Ok(None),
            },
            Stop::Off | Stop::Reset => SingleThreadStopReason::Exited(0),
            Stop::Exited { status } => return Ok(Some(exited(status))),
        };
        Ok(Some((stop, reason)))
    }

    /// Returns the signal that a process would get for an exception that was taken (arch/arm64/mm/fault.c and kernel/traps.c of Linux).
    fn signal(&mut self, cpu: usize) -> Result<Signal, DebuggeeError> {
        let esr = Syndrome::from_bits(self.board.register(cpu, Register::System(SystemRegister::EsrEl1))?);
        let class = esr.class();
        Ok(match esr.dfsc() {
            Some(FaultStatus::ALIGNMENT | FaultStatus::EXTERNAL) => Signal::SIGBUS,
            Some(_) => Signal::SIGSEGV,
            None if class.is_instruction_abort() => Signal::SIGSEGV,
            None => match class {
                ExceptionClass::PC_ALIGNMENT | ExceptionClass::SP_ALIGNMENT => Signal::SIGBUS,
                ExceptionClass::GCS => Signal::SIGSEGV,
                ExceptionClass::BRK => Signal::SIGTRAP,
                _ => Signal::SIGILL,
            },
        })
    }

    /// Serves the call at which the guest stands, if there is one. Returns the status if that is its end.
    fn serve_call(&mut self) -> Result<Option<Option<u32>>, DebuggeeError> {
        if self.calls.addresses().is_empty() {
            return Ok(None);
        }
        let pc = self.board.register(CPU, Register::Pc)?;
        if !self.calls.addresses().contains(&pc) {
            return Ok(None);
        }
        self.calls.serve(self.board, CPU).map(Some)
    }

    /// Returns how a breakpoint is told; `None` for one of ours alone, at a call, which is served before the guest runs on.
    fn breakpoint(&mut self) -> Result<Option<SingleThreadStopReason<u64>>, DebuggeeError> {
        let pc = self.board.register(CPU, Register::Pc)?;
        Ok(Some(if self.software.contains(&pc) {
            SingleThreadStopReason::SwBreak(())
        } else if self.hardware.contains(&pc) {
            SingleThreadStopReason::HwBreak(())
        } else if self.calls.addresses().contains(&pc) {
            return Ok(None);
        } else {
            SingleThreadStopReason::Signal(Signal::SIGTRAP)
        }))
    }

    /// Clears the breakpoints of a debugger that has gone, and those at calls.
    ///
    /// # Errors
    ///
    /// When the machine is lost.
    pub fn clear_breakpoints(&mut self) -> Result<(), DebuggeeError> {
        let all: Vec<u64> = self.software.iter().chain(&self.hardware).chain(self.calls.addresses()).copied().collect();
        self.software.clear();
        self.hardware.clear();
        all.into_iter().try_for_each(|va| self.board.clear_breakpoint(va))
    }

    fn insert(&mut self, va: u64) -> TargetResult<bool, Self> {
        self.board.set_breakpoint(va).map(|()| true).map_err(refused)
    }

    fn remove(&mut self, va: u64) -> TargetResult<bool, Self> {
        if [&self.software, &self.hardware, self.calls.addresses()].iter().any(|set| set.contains(&va)) {
            return Ok(true);
        }
        self.board.clear_breakpoint(va).map(|()| true).map_err(refused)
    }
}

impl Target for Guest<'_> {
    type Arch = AArch64WithTags;
    type Error = DebuggeeError;

    fn base_ops(&mut self) -> BaseOps<'_, Self::Arch, Self::Error> {
        BaseOps::SingleThread(self)
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_target_description_xml_override(&mut self) -> Option<TargetDescriptionXmlOverrideOps<'_, Self>> {
        Some(self)
    }

    fn support_host_io(&mut self) -> Option<HostIoOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadResume for Guest<'_> {
    fn resume(&mut self, _signal: Option<Signal>) -> Result<(), Self::Error> {
        self.stepping = false;
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<SingleThreadSingleStepOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadSingleStep for Guest<'_> {
    fn step(&mut self, _signal: Option<Signal>) -> Result<(), Self::Error> {
        self.stepping = true;
        Ok(())
    }
}

impl Breakpoints for Guest<'_> {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<HwBreakpointOps<'_, Self>> {
        Some(self)
    }
}

// The machine knows one kind of breakpoint, which changes no memory that the debugger sees.

impl SwBreakpoint for Guest<'_> {
    fn add_sw_breakpoint(&mut self, va: u64, _kind: usize) -> TargetResult<bool, Self> {
        self.insert(va)?;
        self.software.insert(va);
        Ok(true)
    }

    fn remove_sw_breakpoint(&mut self, va: u64, _kind: usize) -> TargetResult<bool, Self> {
        self.software.remove(&va);
        self.remove(va)
    }
}

impl HwBreakpoint for Guest<'_> {
    fn add_hw_breakpoint(&mut self, va: u64, _kind: usize) -> TargetResult<bool, Self> {
        self.insert(va)?;
        self.hardware.insert(va);
        Ok(true)
    }

    fn remove_hw_breakpoint(&mut self, va: u64, _kind: usize) -> TargetResult<bool, Self> {
        self.hardware.remove(&va);
        self.remove(va)
    }
}

impl TargetDescriptionXmlOverride for Guest<'_> {
    fn target_description_xml(
        &self,
        annex: &[u8],
        offset: u64,
        length: usize,
        buffer: &mut [u8],
    ) -> TargetResult<usize, Self> {
        if annex != b"target.xml" {
            return Err(TargetError::NonFatal);
        }
        Ok(piece(self.description.as_bytes(), offset, length, buffer))
    }
}

/// Copies a part of a file into a buffer. Returns how many bytes.
fn piece(file: &[u8], offset: u64, length: usize, buffer: &mut [u8]) -> usize {
    let rest = usize::try_from(offset).ok().and_then(|offset| file.get(offset..)).unwrap_or_default();
    let count = rest.len().min(length).min(buffer.len());
    buffer[..count].copy_from_slice(&rest[..count]);
    count
}
