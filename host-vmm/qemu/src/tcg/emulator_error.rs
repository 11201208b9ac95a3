//! What can go wrong with a QEMU, and how that is told.

use std::time::{Duration, Instant};

use super::debugger::DebugError;
use super::qmp::{CAPABILITIES, MonitorError};
use crate::child::Subprocess;
use crate::program::{QemuError, refusal};
use crate::reason_and_remedy;
use machine::MachineError;

/// How long QEMU may take to end once it has closed its sockets.
const GRACE: Duration = Duration::from_secs(20);

/// What went wrong at one of QEMU's sockets.
pub(super) enum EmulatorError {
    /// It has closed it.
    Ended,
    /// It works, but does not do this.
    Refused(String),
    /// Anything else, after which nobody knows what it does.
    Other(String),
}

impl From<DebugError> for EmulatorError {
    fn from(error: DebugError) -> Self {
        match error {
            DebugError::Closed => Self::Ended,
            error => Self::Other(error.to_string()),
        }
    }
}

impl From<MonitorError> for EmulatorError {
    fn from(error: MonitorError) -> Self {
        match error {
            MonitorError::Closed => Self::Ended,
            // All else that it refuses it should be able to do.
            MonitorError::Refused { command: CAPABILITIES, .. } => {
                Self::Refused(format!("saving this machine takes QEMU 9.0 or newer: {error}"))
            }
            error => Self::Other(error.to_string()),
        }
    }
}

/// Returns why QEMU did not take its command line.
pub(super) fn refused(child: Subprocess, error: &DebugError) -> MachineError {
    if !matches!(error, DebugError::Closed) {
        return lost(error);
    }
    let (_, errors) = child.end(Instant::now() + GRACE);
    let error = refusal(errors);
    let (reason, remedy) = reason_and_remedy(&error.to_string());
    match error {
        QemuError::NoMte => MachineError::NoMte(reason),
        _ => MachineError::Lost { reason, remedy },
    }
}

/// Returns how QEMU ended.
pub(super) fn ended(child: Subprocess) -> String {
    let (status, errors) = child.end(Instant::now() + GRACE);
    let how = status.map_or_else(|| "without exiting".to_owned(), |status| status.to_string());
    format!("QEMU ended in the middle of the run ({how})\n{errors}").trim_end().to_owned()
}

/// Makes what went wrong the end of the run.
pub(super) fn lost(what: impl ToString) -> MachineError {
    let remedy = "run it again; if it ends like this again, please report it".to_owned();
    MachineError::Lost { reason: what.to_string(), remedy }
}
