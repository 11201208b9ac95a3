//! What the kernel under test says about itself while a case runs, read inside from /dev/kmsg.
//!
//! A warning of the kernel is a failure of the case that caused it, even if the case saw nothing wrong. It
//! never shows on a console that boots with `quiet`, so the inner granule looks for it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

use super::kernel_warning::is_warning;
use super::watch::failure_of;
use report::event::{Event, Sink, Verdict};
use report::failure::FailureKind;

/// Longest record that the kernel gives (CONSOLE_EXT_LOG_MAX).
const RECORD: usize = 8192;
/// Lines taken behind a complaint.
const LINES: usize = 40;

/// Passes events on, and fails a case during which the kernel complained.
pub struct KernelLog<'a> {
    sink: &'a mut dyn Sink,
    log: Option<File>,
}

impl std::fmt::Debug for KernelLog<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KernelLog").field("log", &self.log).finish_non_exhaustive()
    }
}

impl<'a> KernelLog<'a> {
    /// Listens to what comes from now on. Without /dev/kmsg nothing is heard.
    pub fn new(sink: &'a mut dyn Sink) -> Self {
        let log = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg");
        let log = log.ok().filter(|log| {
            let mut log = log;
            log.seek(SeekFrom::End(0)).is_ok()
        });
        Self { sink, log }
    }

    /// Returns the first complaint since the last call, and the lines behind it.
    fn kernel_warning(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let Some(log) = &mut self.log else { return lines };
        let mut record = [0; RECORD];
        loop {
            match log.read(&mut record) {
                Ok(0) => return lines,
                Ok(count) => {
                    let text = text(&record[..count]);
                    if (!lines.is_empty() || is_warning(&text)) && lines.len() < LINES {
                        lines.push(text);
                    }
                }
                // Records were overwritten before they were read; the next read goes on behind them.
                Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::Interrupted) => {}
                Err(_) => return lines,
            }
        }
    }
}

impl Sink for KernelLog<'_> {
    fn event(&mut self, event: Event) {
        let event = match event {
            Event::End { name, verdict, micros } => {
                let kernel_warning = self.kernel_warning();
                Event::End { name, verdict: judged(verdict, kernel_warning), micros }
            }
            other => other,
        };
        self.sink.event(event);
    }
}

/// Fails what passed, and adds to what failed.
fn judged(verdict: Verdict, kernel_warning: Vec<String>) -> Verdict {
    match verdict {
        verdict if kernel_warning.is_empty() => verdict,
        Verdict::Failed(mut failure) => {
            failure.detail.push("meanwhile in the kernel's log:".to_owned());
            failure.detail.extend(kernel_warning.into_iter().map(|line| format!("  {line}")));
            // Whatever else went wrong, this is no erratum.
            failure.kind = FailureKind::KernelWarning;
            Verdict::Failed(failure)
        }
        Verdict::Passed | Verdict::Known { .. } | Verdict::Skipped(_) => Verdict::Failed(failure_of(kernel_warning)),
    }
}

/// Returns the message of a record `priority,number,time,flags;message` and leaves out the lines of its dictionary.
fn text(record: &[u8]) -> String {
    let record = String::from_utf8_lossy(record);
    let message = record.split_once(';').map_or(&*record, |(_, message)| message);
    message.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::event::{Failure, Skip};

    #[test]
    fn a_records_message_is_its_text_only() {
        assert_eq!(text(b"4,339,5140900,-;WARNING: CPU: 0; at x\n SUBSYSTEM=acpi\n"), "WARNING: CPU: 0; at x");
    }

    #[test]
    fn a_kernel_warning_fails_a_passed_case() {
        assert_eq!(judged(Verdict::Passed, vec![]), Verdict::Passed);
        let kernel_warning = vec!["BUG: x".to_owned(), "y".to_owned()];
        for verdict in [Verdict::Passed, Verdict::Skipped(Skip::new("k", "r"))] {
            let Verdict::Failed(failure) = judged(verdict, kernel_warning.clone()) else { panic!() };
            assert_eq!((&*failure.found, failure.detail), ("BUG: x", kernel_warning.clone()));
        }
        let before = Failure { what: "w".into(), found: "f".into(), ..Failure::default() };
        let Verdict::Failed(after) = judged(Verdict::Failed(before), kernel_warning) else { panic!() };
        assert_eq!((&*after.found, after.detail.len(), after.kind), ("f", 3, FailureKind::KernelWarning));
    }
}
