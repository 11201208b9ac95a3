//! QEMU's monitor (docs/interop/qmp-spec.rst): saves the machine's state into a file, and loads it.
//!
//! Commands and answers are JSON, a line each. Events come between them; those of a migration are kept until somebody waits
//! for them.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::end::{Monitored, ShutdownEvent};

/// An answer or event of more bytes than this is none of QEMU's.
const LONGEST_LINE: usize = 1 << 20;

/// The command that a QEMU refuses which has no files of pages.
pub(super) const CAPABILITIES: &str = "migrate-set-capabilities";

/// Why the monitor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// QEMU has closed it: it has ended, or is about to.
    #[error("QEMU has closed its monitor")]
    Closed,
    /// No answer.
    #[error("QEMU's monitor did not answer in time")]
    Late,
    /// The socket.
    #[error("QEMU's monitor: {0}")]
    Socket(#[from] io::Error),
    /// What came is not the protocol.
    #[error("QEMU's monitor said {0:?}, which is no line of its protocol")]
    Line(String),
    /// QEMU does not do it.
    #[error("QEMU refuses {command}: {reason}")]
    Refused {
        /// The command.
        command: &'static str,
        /// QEMU's own words.
        reason: String,
    },
    /// It was begun and came to nothing.
    #[error("QEMU's migration {0}")]
    Migration(String),
}

/// The monitor. It answers whether the guest runs or not.
#[derive(Debug)]
pub struct Monitor {
    socket: UnixStream,
    /// What was read and is not a whole line yet.
    unread: Vec<u8>,
    /// The last that was told about a migration.
    migration: Option<Value>,
    /// Whether commands may be given.
    open: bool,
    /// Whether migrations are files of pages.
    prepared: bool,
    /// What it said about the end of the machine.
    shutdown: Option<ShutdownEvent>,
}

impl Monitor {
    /// Takes the socket of a QEMU.
    #[must_use]
    pub fn new(socket: UnixStream) -> Self {
        Self { socket, unread: Vec::new(), migration: None, open: false, prepared: false, shutdown: None }
    }

    /// Writes all of the machine's state to a file, which QEMU opens by its path. The guest must stand still.
    ///
    /// # Errors
    ///
    /// [`MonitorError::Refused`] when this QEMU cannot (9.0 can); when it does not come to an end in time.
    pub fn save(&mut self, path: &str, deadline: Instant) -> Result<(), MonitorError> {
        self.migrate("migrate", path, deadline)
    }

    /// Loads what [`Monitor::save`] has written into a machine that waits for it (`-incoming defer`).
    ///
    /// # Errors
    ///
    /// As [`Monitor::save`], and when the file is not of such a machine.
    pub fn load(&mut self, path: &str, deadline: Instant) -> Result<(), MonitorError> {
        self.migrate("migrate-incoming", path, deadline)
    }

    /// Reads what a QEMU that has closed its sockets said about its end. It says so only if the monitor was used before.
    pub fn last_words(&mut self, deadline: Instant) -> Monitored {
        while let Ok(line) = self.line(deadline) {
            self.note(&line);
        }
        self.shutdown.clone().map_or(Monitored::Silent, Monitored::Said)
    }

    /// Opens the monitor, so that it says why the guest turns itself off.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time.
    pub fn open(&mut self, deadline: Instant) -> Result<(), MonitorError> {
        if !self.open {
            self.execute("qmp_capabilities", &json!({}), deadline)?;
            self.open = true;
        }
        Ok(())
    }

    /// Waits for what QEMU says about the end of the guest; it has to be open.
    pub fn shutdown(&mut self, deadline: Instant) -> Monitored {
        while self.shutdown.is_none() {
            match self.line(deadline) {
                Ok(line) => self.note(&line),
                Err(_) => break,
            }
        }
        self.shutdown.clone().map_or(Monitored::Silent, Monitored::Said)
    }

    fn migrate(&mut self, command: &'static str, path: &str, deadline: Instant) -> Result<(), MonitorError> {
        self.prepare(deadline)?;
        self.migration = None;
        self.execute(command, &json!({ "uri": format!("file:{path}") }), deadline)?;
        loop {
            let status = self.migration.take();
            match status.as_ref().and_then(Value::as_str) {
                Some("completed") => return Ok(()),
                Some(status @ ("failed" | "cancelled")) => return Err(MonitorError::Migration(status.to_owned())),
                _ => {}
            }
            let line = self.line(deadline)?;
            self.note(&line);
        }
    }

    /// Opens the monitor, and lets migrations be files in which each page has its place.
    fn prepare(&mut self, deadline: Instant) -> Result<(), MonitorError> {
        self.open(deadline)?;
        if !self.prepared {
            let on = |capability| json!({ "capability": capability, "state": true });
            let capabilities = json!({ "capabilities": [on("events"), on("mapped-ram")] });
            self.execute(CAPABILITIES, &capabilities, deadline)?;
            self.prepared = true;
        }
        Ok(())
    }

    fn execute(&mut self, command: &'static str, arguments: &Value, deadline: Instant) -> Result<(), MonitorError> {
        let line = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.socket.write_all(line.as_bytes()).map_err(gone)?;
        loop {
            let line = self.line(deadline)?;
            if line.get("return").is_some() {
                return Ok(());
            }
            if let Some(error) = line.get("error") {
                let reason = error.get("desc").and_then(Value::as_str).unwrap_or("without a reason").to_owned();
                return Err(MonitorError::Refused { command, reason });
            }
            self.note(&line);
        }
    }

    /// Keeps what an event tells about a migration or about the end.
    fn note(&mut self, line: &Value) {
        match line.get("event").and_then(Value::as_str) {
            Some("MIGRATION") => self.migration = line.pointer("/data/status").cloned(),
            Some("SHUTDOWN") => {
                let guest = line.pointer("/data/guest").and_then(Value::as_bool).unwrap_or(false);
                let reason = line.pointer("/data/reason").and_then(Value::as_str).unwrap_or_default().to_owned();
                self.shutdown = Some(ShutdownEvent { guest, reason });
            }
            _ => {}
        }
    }

    /// Waits for the next line.
    fn line(&mut self, deadline: Instant) -> Result<Value, MonitorError> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return serde_json::from_slice(&line).map_err(|_| nonsense(&line));
            }
            if self.unread.len() > LONGEST_LINE {
                return Err(nonsense(&self.unread));
            }
            self.receive(deadline)?;
        }
    }

    fn receive(&mut self, deadline: Instant) -> Result<(), MonitorError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            return Err(MonitorError::Late);
        }
        self.socket.set_read_timeout(Some(left))?;
        let mut buffer = [0; 4096];
        match self.socket.read(&mut buffer) {
            Ok(0) => Err(MonitorError::Closed),
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                Ok(())
            }
            // The loop above looks at the clock.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(()),
            Err(error) => Err(gone(error)),
        }
    }
}

fn nonsense(line: &[u8]) -> MonitorError {
    let shown = &line[..line.len().min(80)];
    MonitorError::Line(String::from_utf8_lossy(shown).trim_end().to_owned())
}

/// Reports the end of QEMU from other errors of a socket.
fn gone(error: io::Error) -> MonitorError {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => MonitorError::Closed,
        _ => MonitorError::Socket(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"major": 10}}, "capabilities": []}}"#;
    const DONE: &str = r#"{"return": {}}"#;

    fn status(status: &str) -> String {
        format!(r#"{{"event": "MIGRATION", "data": {{"status": "{status}"}}}}"#)
    }

    /// Returns a monitor that will hear these lines, and what it was told.
    fn hears(lines: &[&str]) -> (Monitor, UnixStream) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        for line in lines {
            theirs.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        }
        (Monitor::new(ours), theirs)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn a_save_is_over_when_qemu_says_so_and_the_next_waits_for_its_own_end() {
        let (setup, done) = (status("setup"), status("completed"));
        let lines = [GREETING, DONE, DONE, &setup, DONE, r#"{"event": "STOP"}"#, &done, DONE, &status("failed")];
        let (mut monitor, mut theirs) = hears(&lines);
        monitor.save("/a", soon()).unwrap();
        let error = monitor.save("/b", soon()).unwrap_err();
        assert!(matches!(&error, MonitorError::Migration(how) if how == "failed"), "{error}");
        drop(monitor);
        let mut told = String::new();
        theirs.read_to_string(&mut told).unwrap();
        let commands: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let names: Vec<_> = commands.iter().map(|command| command["execute"].as_str().unwrap()).collect();
        assert_eq!(names, ["qmp_capabilities", "migrate-set-capabilities", "migrate", "migrate"], "prepared once");
        assert_eq!(commands[3]["arguments"]["uri"], "file:/b");
    }

    #[test]
    fn the_reason_of_the_end_is_read_up_to_the_end() {
        let off = r#"{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}"#;
        let (mut monitor, theirs) = hears(&[GREETING, DONE, DONE, DONE, &status("completed"), off]);
        monitor.save("/a", soon()).unwrap();
        drop(theirs);
        let expected = ShutdownEvent { guest: true, reason: "guest-shutdown".to_owned() };
        assert_eq!(monitor.last_words(soon()), Monitored::Said(expected));
        let (mut monitor, theirs) = hears(&[GREETING]);
        drop(theirs);
        assert_eq!(monitor.last_words(soon()), Monitored::Silent);
    }

    #[test]
    fn an_old_qemu_is_rejected() {
        let no = r#"{"error": {"class": "GenericError", "desc": "Parameter 'mapped-ram' is new"}}"#;
        let (mut monitor, _theirs) = hears(&[GREETING, DONE, no, no]);
        // The monitor is opened once only.
        for _ in 0..2 {
            let error = monitor.load("/a", soon()).unwrap_err();
            assert!(
                matches!(&error, MonitorError::Refused { command: CAPABILITIES, reason } if reason.contains("new")),
                "{error}"
            );
        }
    }

    #[test]
    fn invalid_lines_timeouts_and_eof_are_errors() {
        let (mut monitor, _theirs) = hears(&["what?"]);
        assert!(matches!(monitor.save("/a", soon()), Err(MonitorError::Line(line)) if line == "what?"));
        let (mut monitor, _theirs) = hears(&[GREETING]);
        assert!(matches!(monitor.save("/a", Instant::now()), Err(MonitorError::Late)));
        let (mut monitor, theirs) = hears(&[GREETING, DONE]);
        drop(theirs);
        assert!(matches!(monitor.save("/a", soon()), Err(MonitorError::Closed)));
        let (mut monitor, mut theirs) = hears(&[]);
        theirs.set_nonblocking(true).unwrap();
        let flood = std::thread::spawn(move || while theirs.write_all(&[b'x'; 4096]).is_ok() || !is_closed(&theirs) {});
        assert!(matches!(monitor.save("/a", soon()), Err(MonitorError::Line(_))));
        drop(monitor);
        flood.join().unwrap();
    }

    /// Returns whether the other end is gone.
    fn is_closed(mut socket: &UnixStream) -> bool {
        matches!(socket.write(b"x"), Err(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
