//! What the image prints: carried on to where it is read, and looked through for the status that kvm-unit-tests print.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

/// The marker with which kvm-unit-tests end where there is no test device (lib/arm/io.c, `exit`).
const MARKER: &[u8] = b"EXIT: STATUS=";
/// A line is looked at up to here.
const LONGEST: usize = 256;

/// Somewhere the bytes of the console go.
pub trait Console {
    /// Takes bytes as they came.
    fn print(&mut self, bytes: &[u8]);
}

/// Looks for the marker in a stream of bytes.
#[derive(Clone, Debug, Default)]
pub struct ExitMarker {
    line: Vec<u8>,
    status: Option<u32>,
}

impl ExitMarker {
    /// Takes more of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => {
                    self.status = status(&self.line).or(self.status);
                    self.line.clear();
                }
                byte if self.line.len() < LONGEST => self.line.push(*byte),
                _ => {}
            }
        }
    }

    /// Returns the status of the last marker: what was printed is `STATUS * 2 + 1`.
    #[must_use]
    pub fn status(&self) -> Option<u32> {
        status(&self.line).or(self.status)
    }
}

fn status(line: &[u8]) -> Option<u32> {
    let at = line.windows(MARKER.len()).position(|window| window == MARKER)?;
    let digits = std::str::from_utf8(&line[at + MARKER.len()..]).ok()?;
    digits.trim().parse::<u32>().ok().map(|printed| printed >> 1)
}

/// A console that hands bytes to a writer. What the writer says is dropped: the image goes on without a reader.
#[derive(Debug)]
pub struct Through<W>(pub W);

impl<W: Write> Console for Through<W> {
    fn print(&mut self, bytes: &[u8]) {
        // A reader that has gone is no reason to end the run.
        let _ = self.0.write_all(bytes).and_then(|()| self.0.flush());
    }
}

/// The console as the image's output goes through it: the back end hands it bytes while the image runs.
pub struct SharedConsole {
    marker: ExitMarker,
    out: Box<dyn Console>,
}

impl SharedConsole {
    /// Makes a console that hands everything on.
    #[must_use]
    pub fn new(out: Box<dyn Console>) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self { marker: ExitMarker::default(), out }))
    }
}

impl Console for SharedConsole {
    fn print(&mut self, bytes: &[u8]) {
        self.marker.push(bytes);
        self.out.print(bytes);
    }
}

impl SharedConsole {
    /// Returns the status that the image has printed, if it has.
    #[must_use]
    pub fn status(&self) -> Option<u32> {
        self.marker.status()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_marker_counts_however_the_stream_is_cut() {
        let text = b"EXIT: STATUS=1\nmore\r\nEXIT: STATUS=x\n\nEXIT: STATUS=7\nbye";
        for step in [1, 3, text.len()] {
            let mut marker = ExitMarker::default();
            text.chunks(step).for_each(|piece| marker.push(piece));
            assert_eq!(marker.status(), Some(3));
        }
        let mut marker = ExitMarker::default();
        marker.push(b"no marker\n");
        assert_eq!(marker.status(), None);
        marker.push(b"EXIT: STATUS=3");
        assert_eq!(marker.status(), Some(1), "the line need not have ended");
        marker.push(&[b'x'; 1 << 16]);
        assert!(marker.line.len() <= LONGEST);
    }
}
