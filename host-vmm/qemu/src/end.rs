//! How a QEMU ended: decided once, from its exit status, its error text and its monitor together.
//!
//! Which of its sockets closes first says nothing, so nobody decides by that.

use std::borrow::Cow;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use machine::Explain;
use machine::error::REPORT_IF_REPEATED;
use rustix::process::Signal;

/// Signals by which somebody, or the kernel without memory, ends a process. The others that kill are of its own making.
const FROM_OUTSIDE: [Signal; 5] = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];
/// What QEMU writes when it obeys such a signal and exits with status 0 (system/runstate.c, `main_loop_should_exit`).
const OBEYED: &str = "terminating on signal";

/// What QEMU's monitor says about the end (qapi/run-state.json, `SHUTDOWN`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShutdownEvent {
    /// Whether the guest asked for it.
    pub guest: bool,
    /// QEMU's own word, such as `host-signal`.
    pub reason: String,
}

/// What there is of QEMU's monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Monitored {
    /// It was started without one, and so that it exits with its guest.
    No,
    /// It said nothing about an end.
    Silent,
    /// It said this.
    Said(ShutdownEvent),
}

/// How a QEMU ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QemuEnd {
    /// What kind of end it was.
    pub kind: EndKind,
    /// How it exited; `None` when it still runs.
    pub status: Option<ExitStatus>,
    /// What it wrote to standard error.
    pub errors: String,
}

/// Who ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKind {
    /// The guest turned itself off, or asked to be reset.
    Guest,
    /// A person, or a kernel without memory.
    Killed,
    /// Its own mistake, or an error that it met.
    Crashed,
    /// It exited as if all were well, or closed its sockets and still runs.
    Closed,
}

impl QemuEnd {
    /// Decides by everything that is known.
    #[must_use]
    pub fn of(status: Option<ExitStatus>, errors: String, monitored: &Monitored) -> Self {
        let signal = status.and_then(|status| status.signal());
        let said =
            |wanted: &dyn Fn(&ShutdownEvent) -> bool| matches!(monitored, Monitored::Said(event) if wanted(event));
        let obeyed = errors.contains(OBEYED) || said(&|event| event.reason == "host-signal");
        let kind = match (signal, status) {
            (Some(signal), _) if FROM_OUTSIDE.iter().any(|outside| outside.as_raw() == signal) => EndKind::Killed,
            (Some(_), _) => EndKind::Crashed,
            _ if said(&|event| event.guest) => EndKind::Guest,
            _ if obeyed => EndKind::Killed,
            (None, Some(status)) if !status.success() => EndKind::Crashed,
            (None, Some(_)) if *monitored == Monitored::No => EndKind::Guest,
            _ => EndKind::Closed,
        };
        Self { kind, status, errors }
    }
}

impl fmt::Display for QemuEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            EndKind::Guest => f.write_str("the guest turned QEMU off")?,
            EndKind::Killed => f.write_str("QEMU was killed")?,
            EndKind::Crashed => f.write_str("QEMU crashed")?,
            EndKind::Closed => f.write_str("QEMU closed its sockets")?,
        }
        match self.status {
            Some(status) => write!(f, " ({status})")?,
            None => f.write_str(" and did not exit")?,
        }
        if !self.errors.is_empty() {
            write!(f, "\n{}", self.errors)?;
        }
        Ok(())
    }
}

impl std::error::Error for QemuEnd {}

impl Explain for QemuEnd {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self.kind {
            EndKind::Guest => None,
            EndKind::Killed => Some("if nobody ended it, look for `Out of memory` in this host's kernel log".into()),
            EndKind::Crashed | EndKind::Closed => Some(REPORT_IF_REPEATED.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exited(code: i32) -> Option<ExitStatus> {
        Some(ExitStatus::from_raw(code << 8))
    }

    fn signalled(signal: Signal) -> Option<ExitStatus> {
        Some(ExitStatus::from_raw(signal.as_raw()))
    }

    fn event(guest: bool, reason: &str) -> Monitored {
        Monitored::Said(ShutdownEvent { guest, reason: reason.to_owned() })
    }

    #[test]
    fn each_end_is_decided_by_all_that_is_known() {
        let terminated = "qemu-system-aarch64: terminating on signal 15 from pid 7 (bash)";
        let table = [
            (exited(0), "", event(true, "guest-shutdown"), EndKind::Guest),
            (exited(0), "", event(true, "guest-reset"), EndKind::Guest),
            // The guest had turned itself off, and QEMU was waiting when somebody ended it.
            (signalled(Signal::KILL), "", event(true, "guest-shutdown"), EndKind::Killed),
            (signalled(Signal::KILL), "", Monitored::Silent, EndKind::Killed),
            (signalled(Signal::TERM), "", Monitored::Silent, EndKind::Killed),
            (exited(0), terminated, Monitored::Silent, EndKind::Killed),
            (exited(0), "", event(false, "host-signal"), EndKind::Killed),
            (signalled(Signal::ABORT), "assertion failed", Monitored::Silent, EndKind::Crashed),
            (signalled(Signal::SEGV), "", Monitored::Silent, EndKind::Crashed),
            (exited(1), "out of file descriptors", Monitored::Silent, EndKind::Crashed),
            (exited(0), "", Monitored::Silent, EndKind::Closed),
            (exited(0), "", event(false, "host-qmp-quit"), EndKind::Closed),
            (None, "", Monitored::Silent, EndKind::Closed),
            // Without a monitor, nothing but its guest makes it exit so.
            (exited(0), "", Monitored::No, EndKind::Guest),
            (exited(0), terminated, Monitored::No, EndKind::Killed),
            (exited(1), "", Monitored::No, EndKind::Crashed),
            (None, "", Monitored::No, EndKind::Closed),
        ];
        for (status, errors, monitored, expected) in table {
            let end = QemuEnd::of(status, errors.to_owned(), &monitored);
            assert_eq!(end.kind, expected, "{status:?} {errors:?} {monitored:?}");
            assert_eq!(end.remedy().is_some(), expected != EndKind::Guest);
            assert!(end.reason().ends_with(errors), "{end}");
        }
    }
}
