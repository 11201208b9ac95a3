//! What can go wrong with a QEMU, and how it is reported.

use std::borrow::Cow;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use super::debugger::DebugError;
use super::qmp::{CAPABILITIES, Monitor, MonitorError};
use crate::child::Subprocess;
use crate::end::{EndKind, Monitored, QemuEnd};
use crate::program::{QemuError, refusal};
use machine::error::REPORT_IF_REPEATED;
use machine::{Explain, MachineError};

/// How long QEMU may take to end once it has closed its sockets.
const GRACE: Duration = Duration::from_secs(20);
/// How long the last words of its monitor may take: they are in the socket already.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What went wrong at one of QEMU's sockets.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocketError {
    /// QEMU has closed it, or says that it ends.
    #[error("QEMU has closed its sockets")]
    Ended,
    /// It works, but does not do this.
    #[error("{0}")]
    Refused(String),
    /// The gdb port, after which nobody knows what QEMU does.
    #[error(transparent)]
    Debugger(DebugError),
    /// The monitor, after which nobody knows what QEMU does.
    #[error(transparent)]
    Monitor(MonitorError),
}

impl From<DebugError> for SocketError {
    fn from(error: DebugError) -> Self {
        match error {
            DebugError::Closed => Self::Ended,
            error => Self::Debugger(error),
        }
    }
}

impl From<MonitorError> for SocketError {
    fn from(error: MonitorError) -> Self {
        match error {
            MonitorError::Closed => Self::Ended,
            // All else that it refuses it should be able to do.
            MonitorError::Refused { command: CAPABILITIES, .. } => {
                Self::Refused(format!("saving this machine takes QEMU 9.0 or newer: {error}"))
            }
            error => Self::Monitor(error),
        }
    }
}

/// Why a QEMU is of no more use, apart from [`QemuEnd`] and [`QemuError`].
#[derive(Debug, thiserror::Error)]
pub(super) enum EmulatorError {
    /// This host cannot do what it takes.
    #[error("{what}: {source}")]
    System {
        /// What cannot be done.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A socket is out of order.
    #[error("{error}{}{errors}", if errors.is_empty() { "" } else { "\n" })]
    Socket {
        /// What is wrong with it.
        error: SocketError,
        /// What QEMU wrote to standard error.
        errors: String,
    },
    /// It has ended before, which was reported then.
    #[error("QEMU has ended")]
    Ended,
    /// A file with a saved state.
    #[error("the state that QEMU saved cannot be used: {0}")]
    SavedState(#[from] io::Error),
}

impl Explain for EmulatorError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(REPORT_IF_REPEATED.into())
    }
}

/// Makes what went wrong the end of the run.
pub(super) fn lost(error: impl Into<EmulatorError>) -> MachineError {
    MachineError::lost(error.into())
}

/// Returns what makes an error of this host's the end of the run.
pub(super) fn system(what: &'static str) -> impl Fn(io::Error) -> MachineError {
    move |source| MachineError::lost(EmulatorError::System { what, source })
}

/// Returns why QEMU did not take its command line.
pub(super) fn refused(child: Subprocess, error: DebugError) -> MachineError {
    if !matches!(error, DebugError::Closed) {
        let (_, errors) = child.end(Instant::now());
        return lost(EmulatorError::Socket { error: error.into(), errors });
    }
    let (status, errors) = child.end(Instant::now() + GRACE);
    if status.is_some_and(|status| status.signal().is_some()) {
        return MachineError::lost(QemuEnd::of(status, errors, &Monitored::Silent));
    }
    match refusal(errors) {
        error @ QemuError::NoMte => MachineError::NoMte(Box::new(error)),
        error => MachineError::lost(error),
    }
}

/// What the guest did whose machine is off.
pub(super) const POWERED_OFF: &str = "turned itself off, or asked to be reset";

/// Collects how a QEMU ended that has closed a socket.
pub(super) fn ended(child: Subprocess, monitor: &mut Monitor) -> QemuEnd {
    let (status, errors) = child.end(Instant::now() + GRACE);
    QemuEnd::of(status, errors, &monitor.last_words(Instant::now() + LAST_WORDS))
}

/// Returns what became of a machine whose QEMU has ended: its guest's doing is a verdict on the guest.
pub(super) fn end_of_machine(end: QemuEnd) -> MachineError {
    match end.kind {
        EndKind::Guest => MachineError::Misbehaved { cpu: 0, what: POWERED_OFF.to_owned() },
        _ => MachineError::lost(end),
    }
}
