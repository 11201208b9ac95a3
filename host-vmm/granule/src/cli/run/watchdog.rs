//! Ends a run on this host's KVM whose kernel does not come back.
//!
//! Everything else looks at the run's deadline itself. A thread that is stuck in a system call cannot, so another one closes
//! the report in its place and ends the process.

use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use machine::deadline::OutOfTime;
use machine::{Deadline, Explain};
use report::event::{Event, Sink};
use report::exit::{Exit, Tally};
use report::{Report, Settings};

use super::{Via, explain};

/// How long after the deadline, and after what a guest may take, a run may still end by itself.
const GRACE: Duration = Duration::from_secs(20);

/// A report that two threads may close: the one that works, and the one that watches it.
#[derive(Debug)]
pub struct SharedReport<W>(Arc<Mutex<Option<Report<W>>>>);

impl<W: Write> SharedReport<W> {
    /// Makes a report that writes to `out`.
    pub fn new(out: W, settings: Settings) -> Self {
        Self(Arc::new(Mutex::new(Some(Report::new(out, settings)))))
    }

    /// Closes a stream that is still open, and returns the counts.
    ///
    /// # Errors
    ///
    /// The first error of writing.
    pub fn finish(self) -> io::Result<Tally> {
        let report = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut report) = report else { return Err(io::Error::other("the watchdog has closed the report")) };
        report.end_if_open();
        report.finish()
    }

    /// Closes the report from another thread, unless the first is writing to it; returns the counts.
    fn close(&self, closing: Event) -> Option<Tally> {
        let report = match self.0.try_lock() {
            Ok(mut report) => report.take(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().take(),
            Err(TryLockError::WouldBlock) => None,
        };
        let mut report = report?;
        report.event(closing);
        report.finish().ok()
    }
}

impl<W: Write> Sink for SharedReport<W> {
    fn event(&mut self, event: Event) {
        if let Some(report) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            report.event(event);
        }
    }
}

/// Ends the process if it is not dropped in time.
#[derive(Debug)]
pub struct Watchdog {
    _in_time: mpsc::Sender<()>,
}

impl Watchdog {
    /// Begins to wait, if the machine is this host's kernel.
    pub fn start<W: Write + Send + 'static>(
        via: Via,
        deadline: Deadline,
        guest_timeout: Duration,
        report: &SharedReport<W>,
    ) -> Option<Self> {
        if via != Via::Kvm {
            return None;
        }
        let (in_time, wait) = mpsc::channel();
        let report = SharedReport(Arc::clone(&report.0));
        std::thread::spawn(move || {
            let time = deadline.remaining().saturating_add(guest_timeout).saturating_add(GRACE);
            if wait.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
                std::process::exit(i32::from(expire(&report, OutOfTime(deadline)) as u8));
            }
        });
        Some(Self { _in_time: in_time })
    }
}

/// Closes a report whose run is stuck.
fn expire<W: Write>(report: &SharedReport<W>, late: OutOfTime) -> Exit {
    match report.close(Event::broken(&late)) {
        Some(tally) => {
            explain(&tally);
            tally.exit()
        }
        None => {
            anstream::eprintln!("could not run: {}", late.sentence());
            Exit::Broken
        }
    }
}

#[cfg(test)]
mod tests {
    use report::Format;

    use super::*;
    use crate::cli::run::settings_for;

    /// A writer whose text outlives the report.
    #[derive(Clone, Debug, Default)]
    struct Shown(Arc<Mutex<Vec<u8>>>);

    impl Write for Shown {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn report(shown: &Shown) -> SharedReport<Shown> {
        SharedReport::new(shown.clone(), settings_for(Format::Json, Via::Kvm, String::new(), String::new()))
    }

    fn closing(shown: &Shown) -> String {
        let text = String::from_utf8(shown.0.lock().unwrap().clone()).unwrap();
        text.lines().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_stuck_run_ends_in_a_closing_event_and_nothing_comes_behind_it() {
        let shown = Shown::default();
        let mut report = report(&shown);
        report.event(Event::Hello(1));
        let late = OutOfTime(Deadline::after(Duration::from_secs(7)));
        assert_eq!(expire(&report, late), Exit::Broken);
        let closed = closing(&shown);
        assert!(closed.contains("Broken") && closed.contains("7 s") && closed.contains("--timeout"), "{closed}");
        report.event(Event::Finished { micros: 1 });
        assert_eq!(closing(&shown), closed);
        assert!(report.finish().is_err());
    }

    #[test]
    fn a_report_that_is_being_written_is_left_alone() {
        let shown = Shown::default();
        let report = report(&shown);
        let writing = report.0.lock().unwrap();
        assert_eq!(expire(&report, OutOfTime(Deadline::after(Duration::ZERO))), Exit::Broken);
        drop(writing);
        assert_eq!(closing(&shown), "");
        assert_eq!(report.finish().unwrap().exit(), Exit::Broken);
    }
}
