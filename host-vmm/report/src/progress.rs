//! One line on a terminal that says what is going on, and vanishes.

use std::io::Write;

use crate::event::Event;

/// Goes to the line's beginning and clears it (ECMA-48: CR, EL).
const CLEAR: &str = "\r\u{1b}[K";

/// The line, on standard error.
#[derive(Debug)]
pub struct Progress {
    enabled: bool,
    shown: bool,
}

impl Progress {
    /// Begins with the words for what comes before any event.
    pub fn new(enabled: bool) -> Self {
        let mut progress = Self { enabled, shown: false };
        progress.write("starting …");
        progress
    }

    /// Shows what follows an event.
    pub fn show(&mut self, event: &Event) {
        if let Event::Begin(case) = event {
            self.write(&format!("{} …", case.name));
        }
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if self.shown {
            self.shown = false;
            print(CLEAR);
        }
    }

    fn write(&mut self, text: &str) {
        if self.enabled {
            self.shown = true;
            print(&format!("{CLEAR}{text}"));
        }
    }
}

/// Writes on standard error. Progress that cannot be shown is no loss.
fn print(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
