//! Events as lines on a console that the kernel writes to as well.
//!
//! A frame is `RS number SP event checksum LF`: the byte 0x1e, which no kernel message contains; the
//! frame's number in hexadecimal, from 0 on; the event as JSON, which has no control characters; and
//! eight hexadecimal digits of CRC-32 over number, space and JSON. Every byte is an access to an emulated UART, so the
//! two events that come again and again are abbreviated: `bN` for the beginning of case number N, and `pM` for a case
//! that passed in M microseconds. Frames that are no events but texts for somebody else (a board's, [`Item::Text`]) begin with `t`.
//!
//! The kernel may print in the middle of a frame, always whole lines that begin with its time stamp. The
//! decoder takes them out and goes on with the frame. Anything else that is missing or damaged is an
//! error, never skipped: a lost `End` must not look like a case that passed.

use std::collections::VecDeque;
use std::ops::Range;

use report::event::{CaseInfo, Event, Verdict};

/// Begins a frame.
const MARK: u8 = 0x1e;
/// Stands before the number of a case that is named by its place among those asked for, from 0 on.
pub const NUMBER: char = '#';
/// Begins the abbreviation of a case that begins.
const BEGIN: char = 'b';
/// Begins the abbreviation of a case that passed.
const PASSED: char = 'p';
/// Begins a text that is no event.
const TEXT: char = 't';
/// Digits of the checksum.
const CHECKSUM: usize = 8;
/// No event is longer; a guest that writes without end is stopped here.
const LONGEST_FRAME: usize = 1 << 20;
/// Console text without a line end is cut into lines of this many bytes.
const LONGEST_LINE: usize = 4096;
/// How much of a damaged frame an error shows.
const SHOWN: usize = 120;

/// What came over the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An event of the granule inside.
    Event(Box<Event>),
    /// A text that is no event, as it was sent.
    Text(String),
    /// A line that somebody else wrote: the kernel, mostly.
    Line(String),
}

/// Why the stream cannot be trusted any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A number was left out or came twice.
    #[error("event {expected} was expected on the console, and event {found} came: lines were lost")]
    Gap {
        /// The next number.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// The checksum does not fit, or there is none.
    #[error("event {number} was damaged on the console: {text:?}")]
    Damaged {
        /// The number that was expected.
        number: u64,
        /// What came, cut.
        text: String,
    },
    /// Whole, but not an event that this granule knows.
    #[error("event {number} is none that this version of granule knows ({cause}): {text:?}")]
    Unknown {
        /// Its number.
        number: u64,
        /// What the JSON decoder says.
        cause: String,
        /// What came, cut.
        text: String,
    },
}

/// Turns events into frames.
#[derive(Debug, Default)]
pub struct Encoder {
    next: u64,
}

impl Encoder {
    /// Returns the frame of the next event.
    ///
    /// # Errors
    ///
    /// When the event cannot be written as JSON; the number is not used up then.
    pub fn frame(&mut self, event: &Event) -> serde_json::Result<Vec<u8>> {
        let text = match abbreviated(event) {
            Some(text) => text,
            None => serde_json::to_string(event)?,
        };
        Ok(self.numbered(&text))
    }

    /// Returns the frame of a text without characters below U+0020.
    pub fn text(&mut self, text: &str) -> Vec<u8> {
        self.numbered(&format!("{TEXT}{text}"))
    }

    fn numbered(&mut self, text: &str) -> Vec<u8> {
        let body = format!("{:x} {text}", self.next);
        self.next += 1;
        let checksum = checksum(body.as_bytes());
        [&[MARK], body.as_bytes(), checksum.as_bytes(), b"\n"].concat()
    }
}

/// Turns console bytes into events and the lines between them.
#[derive(Debug, Default)]
pub struct Decoder {
    next: u64,
    line: Vec<u8>,
    /// The frame so far, without its mark, when inside one.
    frame: Option<Vec<u8>>,
    ready: VecDeque<Result<Item, WireError>>,
}

impl Decoder {
    /// Takes bytes as they come; the parts of a line may come apart anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                MARK => {
                    if let Some(frame) = self.frame.take() {
                        let line = std::mem::take(&mut self.line);
                        self.damaged(&[frame, line].concat());
                    } else {
                        self.end_line();
                    }
                    self.frame = Some(Vec::new());
                }
                b'\n' => self.end_line(),
                b'\r' => {}
                _ => self.line.push(byte),
            }
            let longest = if self.frame.is_some() { LONGEST_FRAME } else { LONGEST_LINE };
            if self.line.len() >= longest {
                self.end_line();
            }
        }
    }

    /// Returns what is complete, in order.
    pub fn next_item(&mut self) -> Option<Result<Item, WireError>> {
        self.ready.pop_front()
    }

    /// Ends the console: gives what was left without a line end, for a person to look at.
    #[must_use]
    pub fn finish(mut self) -> Vec<String> {
        let frame = self.frame.take().unwrap_or_default();
        let rest = [frame, std::mem::take(&mut self.line)].concat();
        if rest.is_empty() { Vec::new() } else { vec![text(&rest)] }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let Some(mut frame) = self.frame.take() else {
            if !line.is_empty() {
                self.ready.push_back(Ok(Item::Line(text(&line))));
            }
            return;
        };
        let held = frame.len();
        frame.extend_from_slice(&line);
        if let Some(body) = checked(&frame) {
            let item = self.event(&frame[body]);
            self.ready.push_back(item);
        } else if let Some(at) = kernel_stamp(&line) {
            frame.truncate(held + at);
            self.ready.push_back(Ok(Item::Line(text(&line[at..]))));
            self.frame = Some(frame);
        } else {
            self.damaged(&frame);
        }
    }

    fn damaged(&mut self, frame: &[u8]) {
        self.ready.push_back(Err(WireError::Damaged { number: self.next, text: cut(frame) }));
    }

    fn event(&mut self, body: &[u8]) -> Result<Item, WireError> {
        let split = body.iter().position(|byte| *byte == b' ');
        let number = split.and_then(|at| u64::from_str_radix(std::str::from_utf8(&body[..at]).ok()?, 16).ok());
        let (Some(split), Some(number)) = (split, number) else {
            return Err(WireError::Damaged { number: self.next, text: cut(body) });
        };
        if number != self.next {
            return Err(WireError::Gap { expected: self.next, found: number });
        }
        self.next += 1;
        let text = &body[split + 1..];
        if let Some(text) = text.strip_prefix(&[TEXT as u8]) {
            return Ok(Item::Text(String::from_utf8_lossy(text).into_owned()));
        }
        if let Some(event) = expanded(text) {
            return Ok(Item::Event(Box::new(event)));
        }
        serde_json::from_slice(text).map(|event| Item::Event(Box::new(event))).map_err(|error| WireError::Unknown {
            number,
            cause: error.to_string(),
            text: cut(text),
        })
    }
}

/// Abbreviates the events that there are most of.
fn abbreviated(event: &Event) -> Option<String> {
    match event {
        Event::Begin(CaseInfo { name, claim, cite }) if claim.is_empty() && cite.is_empty() => {
            let number: u64 = name.strip_prefix(NUMBER)?.parse().ok()?;
            Some(format!("{BEGIN}{number}"))
        }
        Event::End { name, verdict: Verdict::Passed, micros } if name.is_empty() => Some(format!("{PASSED}{micros}")),
        _ => None,
    }
}

/// Spells out what [`abbreviated`] made; `None` for anything else.
fn expanded(text: &[u8]) -> Option<Event> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(number) = text.strip_prefix(BEGIN) {
        let number: u64 = number.parse().ok()?;
        let name = format!("{NUMBER}{number}");
        return Some(Event::Begin(CaseInfo { name, claim: String::new(), cite: String::new() }));
    }
    let micros = text.strip_prefix(PASSED)?.parse().ok()?;
    Some(Event::End { name: String::new(), verdict: Verdict::Passed, micros })
}

/// Returns the part of a frame that its checksum covers, if the checksum fits.
fn checked(frame: &[u8]) -> Option<Range<usize>> {
    let end = frame.len().checked_sub(CHECKSUM)?;
    (frame[end..] == *checksum(&frame[..end]).as_bytes()).then_some(0..end)
}

/// Finds where a kernel message begins in a line: `[    1.234567]`. The last place counts, as the event
/// before it may speak of such messages.
fn kernel_stamp(line: &[u8]) -> Option<usize> {
    (0..line.len()).rfind(|&at| is_stamp(&line[at..]))
}

fn is_stamp(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"[") else { return false };
    let rest = rest.trim_ascii_start();
    let seconds = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let Some((b'.', fraction)) = rest[seconds..].split_first() else { return false };
    seconds > 0 && fraction.len() > 6 && fraction[..6].iter().all(u8::is_ascii_digit) && fraction[6] == b']'
}

/// Returns console text for a person: control characters, which may come from anywhere, are spelt out.
fn text(bytes: &[u8]) -> String {
    let escape = |c: char| if c.is_control() && c != '\t' { c.escape_debug().to_string() } else { c.to_string() };
    String::from_utf8_lossy(bytes).chars().map(escape).collect()
}

fn cut(bytes: &[u8]) -> String {
    text(&bytes[..bytes.len().min(SHOWN)])
}

fn checksum(body: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(body))
}

#[cfg(test)]
mod tests;
