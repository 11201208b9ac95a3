//! Why a machine could not do what was asked, and what a person can do about it.
//!
//! An error's [`Display`](std::fmt::Display) is the reason alone. What to do is [`Explain::remedy`], so that no text is
//! ever taken apart again.

use std::borrow::Cow;

use crate::deadline::OutOfTime;
use crate::explain::Explain;
use crate::firmware::FirmwareError;
use crate::need::Skip;
use crate::request::RequestError;
use kvm_model::kernel::Errno;
use kvm_mte::TagError;

/// An error of a back end, which knows more about it than this package.
pub type Cause = Box<dyn Explain + Send + Sync>;

/// What to do about something that should not happen, if nothing better is known.
pub const REPORT_IF_REPEATED: &str = "run it again; if it ends like this again, please report it";

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
    /// The request was wrong, or the firmware refused it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The CPU, the kernel or the host lacks something. A case that declares the need is skipped, any other fails.
    #[error("{0}")]
    Lacking(Skip),
    /// The specification does not cover this.
    #[error("{0}")]
    Unsupported(String),
    /// The CPU has no allocation tags. Nothing can be checked on it.
    #[error("{0}")]
    NoMte(Cause),
    /// The machine itself is gone or out of order, whatever the guest did. The run cannot go on.
    #[error("{0}")]
    Lost(Cause),
    /// The time for the whole run is over. The run cannot go on.
    #[error(transparent)]
    OutOfTime(#[from] OutOfTime),
    /// Tags could not be carried.
    #[error(transparent)]
    Tags(#[from] TagError),
    /// The firmware image is no good.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
}

impl MachineError {
    /// Makes the end of the run out of a back end's error.
    #[must_use]
    pub fn lost(cause: impl Explain + Send + Sync + 'static) -> Self {
        Self::Lost(Box::new(cause))
    }

    /// Returns whether the run cannot go on, whatever was being done: this is no verdict on the guest.
    #[must_use]
    pub fn ends_run(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::OutOfTime(_))
    }
}

impl From<Skip> for MachineError {
    fn from(skip: Skip) -> Self {
        Self::Lacking(skip)
    }
}

impl Explain for MachineError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Request(error) => error.remedy(),
            Self::NoMte(cause) | Self::Lost(cause) => cause.remedy(),
            Self::OutOfTime(error) => error.remedy(),
            Self::Firmware(error) => error.remedy(),
            Self::Tags(error) => Some(error.remedy().into()),
            Self::Kernel { .. }
            | Self::Silent { .. }
            | Self::Storm { .. }
            | Self::Panicked { .. }
            | Self::Misbehaved { .. }
            | Self::Lacking(_)
            | Self::Unsupported(_) => None,
        }
    }
}

impl From<Errno> for MachineError {
    fn from(errno: Errno) -> Self {
        Self::Kernel { action: "the call".to_owned(), errno }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::deadline::Deadline;

    #[test]
    fn a_wrapped_error_keeps_its_remedy() {
        let truncated = || FirmwareError::Truncated { field: "e_phoff" };
        let own = truncated().remedy();
        assert!(own.is_some());
        assert_eq!(MachineError::from(truncated()).remedy(), own);
        assert_eq!(MachineError::lost(truncated()).remedy(), own);
        assert_eq!(MachineError::lost(truncated()).reason(), truncated().reason());
        assert_eq!(MachineError::from(Errno::EFAULT).remedy(), None);
    }

    #[test]
    fn reasons_hold_no_remedy_and_a_sentence_holds_both() {
        let error = FirmwareError::Truncated { field: "e_phoff" };
        let remedy = error.remedy().unwrap();
        assert!(!error.reason().contains(&*remedy));
        assert_eq!(error.sentence(), format!("{}; {remedy}", error.reason()));
    }

    #[test]
    fn only_what_ends_the_run_does() {
        let lost = MachineError::lost(FirmwareError::Truncated { field: "e_phoff" });
        let late = MachineError::from(OutOfTime(Deadline::after(Duration::from_secs(5))));
        assert!(lost.ends_run() && late.ends_run());
        assert!(!MachineError::Storm { cpu: 0, exits: 1 }.ends_run());
        assert!(!MachineError::from(RequestError::NotInBlock { cpu: 0 }).ends_run());
    }
}
