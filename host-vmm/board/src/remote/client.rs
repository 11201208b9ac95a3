//! The debugger's end.

use std::time::{Duration, Instant};

use arch::Tag;
use machine::debuggee::{Debuggee, DebuggeeError, FloatRegister, Register, Stop};
use machine::target::OpenError;
use machine::{Deadline, MachineError};

use super::Line;
use super::message::{Bytes, Message, RemoteError, Request, of_tags};
use crate::console::Console;

/// A board that runs nothing answers long before.
const ANSWER: Duration = Duration::from_secs(60);
/// How long to wait for messages before looking for input again.
const INPUT: Duration = Duration::from_millis(20);

/// A board at the other end of a line.
pub struct Remote<L> {
    line: L,
    console: Box<dyn Console>,
    cpus: usize,
    host: String,
}

impl<L> std::fmt::Debug for Remote<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("cpus", &self.cpus).finish_non_exhaustive()
    }
}

fn unexpected(message: &impl std::fmt::Debug) -> MachineError {
    MachineError::lost(RemoteError::Unexpected(format!("{message:?}")))
}

impl<L: Line> Remote<L> {
    /// Waits until the board is there, for `longest` at most.
    ///
    /// # Errors
    ///
    /// When it never is.
    pub fn connect(line: L, console: Box<dyn Console>, longest: Duration) -> Result<Self, OpenError> {
        let mut remote = Self { line, console, cpus: 0, host: String::new() };
        match remote.reply(Deadline::after(longest), false).map_err(|error| OpenError::broken(&error))? {
            Message::Ready(host) => remote.host = host,
            Message::Refused { unavailable: true, reason, remedy } => {
                return Err(OpenError::Unavailable { reason, remedy });
            }
            Message::Refused { unavailable: false, reason, remedy } => {
                return Err(OpenError::Broken { reason, remedy });
            }
            other => return Err(OpenError::broken(&unexpected(&other))),
        }
        remote.cpus = match remote.value(&Request::Cpus) {
            Ok(cpus) => usize::try_from(cpus).unwrap_or(0),
            Err(DebuggeeError::Lost(error)) => return Err(OpenError::broken(&error)),
            Err(other) => return Err(OpenError::broken(&unexpected(&other))),
        };
        Ok(remote)
    }

    /// Returns what the board stands on, for people.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Tells the board that no more is asked of it.
    ///
    /// # Errors
    ///
    /// When the line breaks.
    pub fn end(&mut self) -> Result<(), MachineError> {
        self.send(&Request::End)
    }

    fn send(&mut self, request: &Request) -> Result<(), MachineError> {
        let text = serde_json::to_string(request).map_err(|error| unexpected(&error))?;
        self.line.send(&text)
    }

    /// Receives the next message that is no console's; while the guest runs, the console's input is passed on.
    fn reply(&mut self, deadline: Deadline, runs: bool) -> Result<Message, MachineError> {
        loop {
            deadline.check()?;
            if let Some(text) = self.line.receive(Instant::now() + INPUT)? {
                match serde_json::from_str(&text).map_err(|error| unexpected(&(error.to_string(), &text)))? {
                    Message::Console(Bytes(bytes)) => self.console.write(&bytes),
                    other => return Ok(other),
                }
            }
            if runs {
                let input: Vec<u8> = std::iter::from_fn(|| self.console.read()).take(64).collect();
                if !input.is_empty() {
                    self.send(&Request::Input(Bytes(input)))?;
                }
            }
        }
    }

    fn call(&mut self, request: &Request) -> Result<Message, DebuggeeError> {
        self.send(request)?;
        let (time, runs) = match request {
            Request::Resume(micros) | Request::Step(_, micros) => (Duration::from_micros(*micros), true),
            _ => (Duration::ZERO, false),
        };
        match self.reply(Deadline::after(time.saturating_add(ANSWER)), runs)? {
            Message::Failed(failure) => Err(failure.into()),
            other => Ok(other),
        }
    }

    fn value(&mut self, request: &Request) -> Result<u128, DebuggeeError> {
        match self.call(request)? {
            Message::Value(value) => Ok(value),
            other => Err(unexpected(&other).into()),
        }
    }

    fn done(&mut self, request: &Request) -> Result<(), DebuggeeError> {
        match self.call(request)? {
            Message::Done => Ok(()),
            other => Err(unexpected(&other).into()),
        }
    }

    fn bytes(&mut self, request: &Request, expected: usize) -> Result<Vec<u8>, DebuggeeError> {
        match self.call(request)? {
            Message::Bytes(Bytes(bytes)) if bytes.len() == expected => Ok(bytes),
            other => Err(unexpected(&other).into()),
        }
    }

    fn stopped(&mut self, request: &Request) -> Result<Stop, DebuggeeError> {
        match self.call(request)? {
            Message::Stopped(reason) => Ok(reason.into()),
            other => Err(unexpected(&other).into()),
        }
    }
}

fn micros(deadline: Instant) -> u64 {
    u64::try_from(deadline.saturating_duration_since(Instant::now()).as_micros()).unwrap_or(u64::MAX)
}

impl<L: Line> Debuggee for Remote<L> {
    fn cpus(&self) -> usize {
        self.cpus
    }

    fn register(&mut self, cpu: usize, register: Register) -> Result<u64, DebuggeeError> {
        let value = self.value(&Request::Register(cpu, register.number()))?;
        u64::try_from(value).map_err(|_| unexpected(&value).into())
    }

    fn set_register(&mut self, cpu: usize, register: Register, value: u64) -> Result<(), DebuggeeError> {
        self.done(&Request::SetRegister(cpu, register.number(), value))
    }

    fn float_register(&mut self, cpu: usize, register: FloatRegister) -> Result<u128, DebuggeeError> {
        self.value(&Request::FloatRegister(cpu, register.number()))
    }

    fn set_float_register(&mut self, cpu: usize, register: FloatRegister, value: u128) -> Result<(), DebuggeeError> {
        self.done(&Request::SetFloatRegister(cpu, register.number(), value))
    }

    fn read(&mut self, cpu: usize, va: u64, buffer: &mut [u8]) -> Result<(), DebuggeeError> {
        let bytes = self.bytes(&Request::Read(cpu, va, buffer.len()), buffer.len())?;
        buffer.copy_from_slice(&bytes);
        Ok(())
    }

    fn write(&mut self, cpu: usize, va: u64, bytes: &[u8]) -> Result<(), DebuggeeError> {
        self.done(&Request::Write(cpu, va, Bytes(bytes.to_vec())))
    }

    fn tags(&mut self, cpu: usize, va: u64, tags: &mut [Tag]) -> Result<(), DebuggeeError> {
        let bytes = self.bytes(&Request::Tags(cpu, va, tags.len()), tags.len())?;
        tags.iter_mut().zip(bytes).for_each(|(tag, byte)| *tag = Tag::truncate(byte));
        Ok(())
    }

    fn set_tags(&mut self, cpu: usize, va: u64, tags: &[Tag]) -> Result<(), DebuggeeError> {
        self.done(&Request::SetTags(cpu, va, of_tags(tags)))
    }

    fn set_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        self.done(&Request::SetBreakpoint(va))
    }

    fn clear_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        self.done(&Request::ClearBreakpoint(va))
    }

    fn step(&mut self, cpu: usize, deadline: Instant) -> Result<Stop, DebuggeeError> {
        self.stopped(&Request::Step(cpu, micros(deadline)))
    }

    fn resume(&mut self, deadline: Instant) -> Result<Stop, DebuggeeError> {
        self.stopped(&Request::Resume(micros(deadline)))
    }
}
