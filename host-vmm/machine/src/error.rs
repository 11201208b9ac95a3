//! Why a machine could not do what was asked.

use crate::Errno;
use crate::firmware::FirmwareError;
use crate::need::Skip;
use crate::tags::TagError;

/// Why a machine could not do what was asked: none of these is a verdict on MTE by itself.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A system call failed that must not.
    #[error("{action} failed: {errno}")]
    Kernel {
        /// What was tried, naming the ioctl or system call.
        action: String,
        /// What the kernel said.
        errno: Errno,
    },
    /// The guest did not answer in time.
    #[error(
        "vCPU {cpu} did not answer within {millis} ms; it was at pc {pc:#x}. the program loops, or the firmware hangs"
    )]
    Silent {
        /// Which vCPU.
        cpu: usize,
        /// The deadline.
        millis: u64,
        /// Where the vCPU was stopped.
        pc: u64,
    },
    /// The guest rang without end.
    #[error("vCPU {cpu} left the guest {exits} times for one request: it floods the doorbell")]
    Storm {
        /// Which vCPU.
        cpu: usize,
        /// How many exits were served.
        exits: u64,
    },
    /// The firmware gave up.
    #[error("the firmware panicked on vCPU {cpu}: {message}")]
    Panicked {
        /// Which vCPU.
        cpu: usize,
        /// Its last words.
        message: String,
    },
    /// The guest did something that no firmware of ours does.
    #[error("vCPU {cpu}: {what}")]
    Misbehaved {
        /// Which vCPU.
        cpu: usize,
        /// What it did.
        what: String,
    },
    /// The request was wrong before it reached the guest.
    #[error("{0}")]
    BadRequest(String),
    /// The CPU, the kernel or the host lacks something. A case that declares the need is skipped, any other fails.
    #[error("{0}")]
    Lacking(Skip),
    /// The specification does not cover this.
    #[error("{0}")]
    Unsupported(String),
    /// The CPU has no allocation tags. Nothing can be checked on it.
    #[error("{0}")]
    NoMte(String),
    /// The machine itself is gone or out of order, whatever the guest did. The run cannot go on.
    #[error("{reason}")]
    Lost {
        /// What happened.
        reason: String,
        /// What the user can do.
        remedy: String,
    },
    /// Tags could not be carried.
    #[error(transparent)]
    Tags(#[from] TagError),
    /// The firmware image is no good.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
}

impl From<Errno> for MachineError {
    fn from(errno: Errno) -> Self {
        Self::Kernel { action: "the call".to_owned(), errno }
    }
}
