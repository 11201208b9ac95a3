//! The layer between a debugger and gdbstub: packets that gdbstub does not know.
//!
//! A packet is `$`, its body, `#`, and the sum of the body's bytes in two hexadecimal digits (GDB manual, "Overview"). Bodies that are
//! handled here have no escapes.

use std::ops::Range;

use arch::Tag;
use machine::debuggee::{Debuggee, DebuggeeError};
use machine::debugger_needs;
use machine::tags::GRANULE;

/// No request for tags is longer, in granules.
const MOST_GRANULES: u64 = 1 << 16;
/// The type of allocation tags (GDB manual, "Memory Tagging Packets"; gdb/arch/aarch64-mte-linux.h).
const ALLOCATION: u64 = 1;
/// What a debugger may ask for if the stub says so.
const SUPPORTED: &str = ";memory-tagging+";
/// The answer to a request that cannot be fulfilled.
const REFUSED: &str = "E01";

/// What the debugger sent, in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// For the stub.
    Stub(Vec<u8>),
    /// A request for the features of the stub, whose answer is to be [completed](complete_features).
    Features(Vec<u8>),
    /// The debugger asks for packets not to be acknowledged any more, which the stub grants.
    NoAcknowledgements(Vec<u8>),
    /// A request that is answered here: its body.
    Request(String),
}

/// Divides what the debugger sends into packets.
#[derive(Debug, Default)]
pub struct Splitter {
    packet: Vec<u8>,
}

impl Splitter {
    /// Takes a byte. Returns what is complete with it.
    pub fn push(&mut self, byte: u8) -> Option<Incoming> {
        if self.packet.is_empty() && byte != b'$' {
            return Some(Incoming::Stub(vec![byte]));
        }
        self.packet.push(byte);
        let body = body(&self.packet)?;
        let packet = std::mem::take(&mut self.packet);
        let text = std::str::from_utf8(&packet[body]).unwrap_or_default();
        Some(match text {
            _ if text.starts_with("qSupported") => Incoming::Features(packet),
            "QStartNoAckMode" => Incoming::NoAcknowledgements(packet),
            _ if is_ours(text) => Incoming::Request(text.to_owned()),
            _ => Incoming::Stub(packet),
        })
    }
}

/// Returns where the body of a packet is, if it is all there.
fn body(packet: &[u8]) -> Option<Range<usize>> {
    let end = packet.len().checked_sub(3)?;
    // `#` does not occur in a body.
    (packet[end] == b'#').then_some(1..end)
}

fn is_ours(body: &str) -> bool {
    ["qMemTags:", "QMemTags:", "qIsAddressTagged:", "qMemoryRegionInfo:"].iter().any(|name| body.starts_with(name))
}

/// Returns a packet.
#[must_use]
pub fn packet(body: &str) -> Vec<u8> {
    let sum = body.bytes().fold(0_u8, u8::wrapping_add);
    format!("${body}#{sum:02x}").into_bytes()
}

/// Adds to a stub's answer what this layer supports.
pub fn complete_features(answer: &mut Vec<u8>) {
    let find = |from: usize, wanted: u8| answer[from..].iter().position(|byte| *byte == wanted).map(|at| from + at);
    let Some(start) = find(0, b'$') else { return };
    let Some(end) = find(start, b'#') else { return };
    let body = format!("{}{SUPPORTED}", String::from_utf8_lossy(&answer[start + 1..end]));
    answer.splice(start..(end + 3).min(answer.len()), packet(&body));
}

/// Answers a request on a vCPU.
///
/// # Errors
///
/// When the machine is lost; what is refused is an answer.
pub fn answer(board: &mut dyn Debuggee, cpu: usize, request: &str) -> Result<String, DebuggeeError> {
    let answered = match request.split_once(':') {
        Some(("qMemTags", rest)) => fetch(board, cpu, rest),
        Some(("QMemTags", rest)) => store(board, cpu, rest),
        Some(("qIsAddressTagged", rest)) => is_tagged(board, cpu, rest),
        Some(("qMemoryRegionInfo", rest)) => Ok(hex(rest).map(debugger_needs::region)),
        _ => Ok(Some(String::new())),
    };
    match answered {
        Ok(answer) => Ok(answer.unwrap_or_else(|| REFUSED.to_owned())),
        Err(DebuggeeError::Lost(error)) => Err(error.into()),
        Err(_) => Ok(REFUSED.to_owned()),
    }
}

/// `qMemTags:ADDRESS,LENGTH:TYPE`: `m` and a byte for each granule.
fn fetch(board: &mut dyn Debuggee, cpu: usize, rest: &str) -> Result<Option<String>, DebuggeeError> {
    let Some((start, count)) = granules(rest) else { return Ok(None) };
    let mut tags = vec![Tag::ZERO; count];
    board.tags(cpu, start, &mut tags)?;
    let digits: String = tags.iter().map(|tag| format!("{:02x}", tag.value())).collect();
    Ok(Some(format!("m{digits}")))
}

/// `QMemTags:ADDRESS,LENGTH:TYPE:TAGS`: fewer tags than granules are repeated.
fn store(board: &mut dyn Debuggee, cpu: usize, rest: &str) -> Result<Option<String>, DebuggeeError> {
    let parsed = rest.rsplit_once(':').and_then(|(range, digits)| Some((granules(range)?, tags(digits)?)));
    let Some(((start, count), pattern)) = parsed else { return Ok(None) };
    let tags: Vec<Tag> = pattern.into_iter().cycle().take(count).collect();
    board.set_tags(cpu, start, &tags)?;
    Ok(Some("OK".to_owned()))
}

/// `qIsAddressTagged:ADDRESS`.
fn is_tagged(board: &mut dyn Debuggee, cpu: usize, rest: &str) -> Result<Option<String>, DebuggeeError> {
    let Some(address) = hex(rest) else { return Ok(None) };
    match board.tags(cpu, address & !(GRANULE - 1), &mut [Tag::ZERO]) {
        Ok(()) => Ok(Some("01".to_owned())),
        Err(DebuggeeError::Lost(error)) => Err(error.into()),
        Err(_) => Ok(Some("00".to_owned())),
    }
}

fn hex(digits: &str) -> Option<u64> {
    // `from_str_radix` takes a sign.
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, 16).ok())?
}

/// Reads `ADDRESS,LENGTH:TYPE` as the first granule's address and how many there are.
fn granules(text: &str) -> Option<(u64, usize)> {
    let (range, kind) = text.split_once(':')?;
    let (address, length) = range.split_once(',')?;
    let (address, length) = (hex(address)?, hex(length)?);
    if hex(kind)? != ALLOCATION {
        return None;
    }
    let start = address & !(GRANULE - 1);
    let count = (address - start).checked_add(length.max(1))?.div_ceil(GRANULE);
    if count <= MOST_GRANULES { Some((start, usize::try_from(count).ok()?)) } else { None }
}

/// Reads tags, a byte each.
fn tags(digits: &str) -> Option<Vec<Tag>> {
    let pair = |at: usize| Tag::new(u8::try_from(hex(digits.get(at..at + 2)?)?).ok()?);
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    (0..digits.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests;
