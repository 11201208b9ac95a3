//! What goes over the line.

use std::borrow::Cow;

use arch::Tag;
use machine::debuggee::{DebuggeeError, FloatRegister, Register, Stop};
use machine::target::OpenError;
use machine::{Explain, MachineError};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes as a text in which each is the character of its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = self.0.iter().copied().map(char::from).collect();
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = text.chars().map(u8::try_from).collect::<Result<_, _>>();
        bytes.map(Self).map_err(|_| D::Error::custom("a character above U+00FF stands for no byte"))
    }
}

/// From the debugger to the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// How many vCPUs?
    Cpus,
    /// Read a register: vCPU, number.
    Register(usize, u16),
    /// Write it.
    SetRegister(usize, u16, u64),
    /// Read a register of SIMD and floating point: vCPU, number.
    FloatRegister(usize, u16),
    /// Write it.
    SetFloatRegister(usize, u16, u128),
    /// Read memory: vCPU, address, bytes.
    Read(usize, u64, usize),
    /// Write it.
    Write(usize, u64, Bytes),
    /// Read tags: vCPU, address, granules.
    Tags(usize, u64, usize),
    /// Store them.
    SetTags(usize, u64, Bytes),
    /// Set a breakpoint.
    SetBreakpoint(u64),
    /// Take it away.
    ClearBreakpoint(u64),
    /// Step a vCPU for at most so many microseconds.
    Step(usize, u64),
    /// Let all run for at most so many microseconds.
    Resume(u64),
    /// Bytes for the guest's UART. This has no reply.
    Input(Bytes),
    /// The debugger is done.
    End,
}

/// From the board to the debugger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// The board is there; what it stands on, for people.
    Ready(String),
    /// It is not.
    Refused {
        /// Whether there can be none here, rather than that something went wrong.
        unavailable: bool,
        /// Why.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// Bytes from the guest's UART. No reply to anything.
    Console(Bytes),
    /// A number.
    Value(u128),
    /// Memory, or tags.
    Bytes(Bytes),
    /// It is done.
    Done,
    /// Why the guest stands.
    Stopped(StopReason),
    /// It could not be done.
    Failed(Failure),
}

/// [`Stop`] on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopReason {
    /// As there.
    Breakpoint(usize),
    /// As there.
    Stepped,
    /// As there.
    Exception(usize),
    /// As there.
    TimedOut,
    /// As there.
    Off,
    /// As there.
    Reset,
    /// As there.
    Exited(u32),
}

impl From<Stop> for StopReason {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Breakpoint { cpu } => Self::Breakpoint(cpu),
            Stop::Stepped => Self::Stepped,
            Stop::Exception { cpu } => Self::Exception(cpu),
            Stop::TimedOut => Self::TimedOut,
            Stop::Off => Self::Off,
            Stop::Reset => Self::Reset,
            Stop::Exited { status } => Self::Exited(status),
        }
    }
}

impl From<StopReason> for Stop {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Breakpoint(cpu) => Self::Breakpoint { cpu },
            StopReason::Stepped => Self::Stepped,
            StopReason::Exception(cpu) => Self::Exception { cpu },
            StopReason::TimedOut => Self::TimedOut,
            StopReason::Off => Self::Off,
            StopReason::Reset => Self::Reset,
            StopReason::Exited(status) => Self::Exited { status },
        }
    }
}

/// [`DebuggeeError`] on the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// As there.
    Unmapped(u64),
    /// As there.
    NotTagged(u64),
    /// As there; the register's number.
    NoRegister(u16),
    /// Everything else, as text.
    Lost(String),
}

impl From<DebuggeeError> for Failure {
    fn from(error: DebuggeeError) -> Self {
        match error {
            DebuggeeError::Unmapped { va } => Self::Unmapped(va),
            DebuggeeError::NotTagged { va } => Self::NotTagged(va),
            DebuggeeError::NoRegister(register) => Self::NoRegister(register.number()),
            DebuggeeError::NoFloatRegister(register) => Self::NoRegister(register.number()),
            DebuggeeError::Lost(error) => Self::Lost(error.to_string()),
        }
    }
}

impl From<Failure> for DebuggeeError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unmapped(va) => Self::Unmapped { va },
            Failure::NotTagged(va) => Self::NotTagged { va },
            Failure::NoRegister(number) => {
                let (register, float) = (Register::from_number(number), FloatRegister::from_number(number));
                match (register, float) {
                    (Some(register), _) => Self::NoRegister(register),
                    (None, Some(register)) => Self::NoFloatRegister(register),
                    (None, None) => MachineError::lost(RemoteError::Unexpected(format!("register {number}"))).into(),
                }
            }
            Failure::Lost(text) => MachineError::lost(RemoteError::Lost(text)).into(),
        }
    }
}

impl From<OpenError> for Message {
    fn from(error: OpenError) -> Self {
        let unavailable = matches!(error, OpenError::Unavailable { .. });
        let (OpenError::Unavailable { reason, remedy } | OpenError::Broken { reason, remedy }) = error;
        Self::Refused { unavailable, reason, remedy }
    }
}

/// What went wrong at the other end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// The board is of no more use, as it says itself.
    #[error("{0}")]
    Lost(String),
    /// A message that makes no sense here.
    #[error("on the line to the board came {0}, which was not expected")]
    Unexpected(String),
}

impl Explain for RemoteError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(machine::error::REPORT_IF_REPEATED.into())
    }
}

/// Returns tags as bytes.
pub fn of_tags(tags: &[Tag]) -> Bytes {
    Bytes(tags.iter().map(|tag| tag.value()).collect())
}
