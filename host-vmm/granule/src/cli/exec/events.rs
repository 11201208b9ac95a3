//! Where the console and the events of `granule exec` go.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use super::Format;
use ::exec::console::Console;
use ::exec::report::Event;
use ::exec::session::Sink;
use ::exec::text;

/// Standard output and error, as the format says.
pub struct Output {
    format: Format,
    /// What the image printed of a line that has not ended, as JSON has lines.
    line: Vec<u8>,
    /// Whether what the image printed last has ended its line.
    at_line_start: bool,
}

impl Output {
    /// Makes the output.
    pub fn new(format: Format) -> Self {
        Self { format, line: Vec::new(), at_line_start: true }
    }

    fn json(event: &Event) {
        let mut out = std::io::stdout().lock();
        // A reader that has gone ends the process by SIGPIPE.
        let _ = serde_json::to_writer(&mut out, event)
            .map_err(std::io::Error::from)
            .and_then(|()| writeln!(out))
            .and_then(|()| out.flush());
    }

    /// Makes an event of the text that was printed so far.
    fn flush_line(&mut self) {
        if !self.line.is_empty() {
            let text = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
            Self::json(&Event::Console { text });
        }
    }
}

impl Sink for Output {
    fn event(&mut self, event: Event) {
        if self.format == Format::Json {
            self.flush_line();
            return Self::json(&event);
        }
        let mut err = anstream::stderr().lock();
        let begin = if std::mem::replace(&mut self.at_line_start, true) { "" } else { "\n" };
        // Nothing can be done about a standard error that takes no text.
        let _ = write!(err, "{begin}").and_then(|()| text::write(&event, &mut err)).and_then(|()| err.flush());
    }
}

/// The console of the image.
pub struct Printer(pub Rc<RefCell<Output>>);

/// A line that is longer is cut into several events.
const LONGEST_LINE: usize = 4096;

impl Console for Printer {
    fn print(&mut self, bytes: &[u8]) {
        let output = &mut *self.0.borrow_mut();
        if output.format == Format::Text {
            let mut out = std::io::stdout().lock();
            // A reader that has gone ends the process by SIGPIPE.
            let _ = out.write_all(bytes).and_then(|()| out.flush());
            output.at_line_start = bytes.last().map_or(output.at_line_start, |last| *last == b'\n');
            return;
        }
        for byte in bytes {
            output.line.push(*byte);
            if *byte == b'\n' || output.line.len() >= LONGEST_LINE {
                output.flush_line();
            }
        }
    }
}
