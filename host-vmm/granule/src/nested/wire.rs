//! Events as lines on a console that the kernel writes to as well.
//!
//! A frame is `RS number SP event checksum LF`: the byte 0x1e, which no kernel message contains; the
//! frame's number in hexadecimal, from 0 on; the event as JSON, which has no control characters; and
//! eight hexadecimal digits of CRC-32 over number, space and JSON. Every byte is an access to an emulated UART, so the
//! two events that come again and again are abbreviated: `bN` for the beginning of case number N, and `pM` for a case
//! that passed in M microseconds.
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
        let body = format!("{:x} {text}", self.next);
        self.next += 1;
        let checksum = checksum(body.as_bytes());
        Ok([&[MARK], body.as_bytes(), checksum.as_bytes(), b"\n"].concat())
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
mod tests {
    use super::*;
    use report::event::Failure;

    fn events() -> Vec<Event> {
        vec![
            Event::Hello(1),
            Event::Begin(CaseInfo {
                name: "a.b.c".into(),
                claim: "§ \"1\"\nnext".into(),
                cite: "[    0.123456] x".into(),
            }),
            Event::End {
                name: "a.b.c".into(),
                verdict: Verdict::Failed(Failure {
                    what: "\u{1e}".into(),
                    detail: vec!["x".into()],
                    ..Failure::default()
                }),
                micros: 7,
            },
            Event::Finished { micros: 12 },
        ]
    }

    fn frames() -> Vec<Vec<u8>> {
        let mut encoder = Encoder::default();
        events().iter().map(|event| encoder.frame(event).unwrap()).collect()
    }

    fn decode(bytes: &[u8]) -> Vec<Result<Item, WireError>> {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        std::iter::from_fn(|| decoder.next_item()).collect()
    }

    fn expected() -> Vec<Result<Item, WireError>> {
        events().into_iter().map(|event| Ok(Item::Event(Box::new(event)))).collect()
    }

    #[test]
    fn events_survive_in_any_pieces_and_with_a_terminals_line_ends() {
        let bytes = frames().concat();
        let raw: Vec<u8> = bytes.iter().flat_map(|b| if *b == b'\n' { vec![b'\r', b'\n'] } else { vec![*b] }).collect();
        for size in [1, 2, 3, 7, raw.len()] {
            let mut decoder = Decoder::default();
            let mut items = Vec::new();
            for piece in raw.chunks(size) {
                decoder.push(piece);
                items.extend(std::iter::from_fn(|| decoder.next_item()));
            }
            assert_eq!(items, expected(), "in pieces of {size}");
        }
    }

    #[test]
    fn a_frame_has_one_mark_and_one_line_end() {
        for frame in frames() {
            assert_eq!(frame.iter().filter(|byte| **byte == MARK).count(), 1);
            assert_eq!(frame.iter().filter(|byte| **byte == b'\n').count(), 1);
        }
    }

    #[test]
    fn every_flipped_bit_is_an_error() {
        let frame = frames().remove(1);
        for bit in 8..(frame.len() - 1) * 8 {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let mut bytes = frames().remove(0);
            bytes.extend(damaged);
            bytes.extend(frames().remove(2));
            let items = decode(&bytes);
            assert!(items[1..].iter().any(Result::is_err), "bit {bit}: {items:?}");
            assert_ne!(items.get(1), Some(&Ok(Item::Event(Box::new(events().remove(1))))), "bit {bit}");
        }
    }

    #[test]
    fn a_lost_or_repeated_frame_is_a_gap() {
        let frames = frames();
        let lost = decode(&[&*frames[0], &frames[2]].concat());
        assert_eq!(lost[1], Err(WireError::Gap { expected: 1, found: 2 }));
        let twice = decode(&[&*frames[0], &frames[0]].concat());
        assert_eq!(twice[1], Err(WireError::Gap { expected: 1, found: 0 }));
    }

    #[test]
    fn a_truncated_frame_is_an_error() {
        let frames = frames();
        let items = decode(&[&frames[0][..5], &frames[1]].concat());
        assert!(matches!(&items[0], Err(WireError::Damaged { number: 0, .. })), "{items:?}");
    }

    #[test]
    fn an_event_of_another_version_is_an_error() {
        let body = "0 {\"Surprise\":1}";
        let frame = format!("\u{1e}{body}{:08x}\n", crc32fast::hash(body.as_bytes()));
        assert!(matches!(&decode(frame.as_bytes())[0], Err(WireError::Unknown { number: 0, .. })));
    }

    #[test]
    fn kernel_lines_between_and_within_frames_are_taken_out() {
        let lines = ["[    1.234567] BUG: one", "[   12.000001]  two [3]"];
        let frames = frames();
        for at in 1..frames[1].len() - 1 {
            let mut bytes = b"[    0.000000] zero\r\n".to_vec();
            bytes.extend(&frames[0]);
            bytes.extend(&frames[1][..at]);
            bytes.extend(format!("{}\r\n{}\r\n", lines[0], lines[1]).as_bytes());
            bytes.extend(&frames[1][at..]);
            let items = decode(&bytes);
            let (events_found, lines_found): (Vec<_>, Vec<_>) =
                items.into_iter().map(Result::unwrap).partition(|item| matches!(item, Item::Event(_)));
            assert_eq!(
                events_found,
                events()[..2].iter().cloned().map(|event| Item::Event(Box::new(event))).collect::<Vec<_>>(),
                "at {at}"
            );
            assert_eq!(lines_found.len(), 3, "at {at}");
            assert_eq!(lines_found[1], Item::Line(lines[0].into()));
        }
    }

    #[test]
    fn a_partial_last_line_is_shown_and_long_lines_are_truncated() {
        let mut decoder = Decoder::default();
        decoder.push(b"tail");
        assert_eq!(decoder.finish(), ["tail"]);
        let mut decoder = Decoder::default();
        decoder.push(&frames()[0][..4]);
        assert_eq!(decoder.next_item(), None);
        assert_eq!(decoder.finish().len(), 1);
        assert_eq!(decode(&[b'x'; LONGEST_LINE * 2]).len(), 2);
        let mut flood = vec![MARK];
        flood.resize(LONGEST_FRAME + 2, b'x');
        assert!(matches!(&decode(&flood)[0], Err(WireError::Damaged { .. })));
    }

    #[test]
    fn abbreviated_events_round_trip() {
        let begin = |name: &str, claim: &str| {
            Event::Begin(CaseInfo { name: name.into(), claim: claim.into(), cite: String::new() })
        };
        let end = |name: &str, micros| Event::End { name: name.into(), verdict: Verdict::Passed, micros };
        for (event, short) in [
            (begin("#0", ""), true),
            (begin("#123", ""), true),
            (begin("#123", "claim"), false),
            (begin("arch.irg.el0", ""), false),
            (begin("#x", ""), false),
            (end("", 0), true),
            (end("", u64::MAX), true),
            (end("arch.irg.el0", 1), false),
        ] {
            let frame = Encoder::default().frame(&event).unwrap();
            assert_eq!(!frame.contains(&b'{'), short, "{event:?}");
            let mut decoder = Decoder::default();
            decoder.push(&frame);
            assert_eq!(decoder.next_item(), Some(Ok(Item::Event(Box::new(event)))));
        }
        for text in ["b", "p", "bx", "p-1", "b1 2", "q1"] {
            assert_eq!(expanded(text.as_bytes()), None, "{text}");
        }
    }
}
