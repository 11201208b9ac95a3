//! Reads events: `tags`, `data`, `pages`, `fetch`, `save-restore`.

use abi::map::{ARENA_SIZE, GUEST_PAGE};
use arch::Tag;

use super::super::Event;
use super::super::error::{TextError, TextErrorKind};
use super::super::text::PAGE_KINDS;
use super::super::value::WINDOWS;
use super::line::{Line, number};

/// Bytes that share a tag.
const GRANULE: u64 = arch::GRANULE_BYTES as u64;

/// Reads the event that a line names; `None` and nothing taken when it names none.
pub fn read(line: &mut Line<'_>) -> Result<Option<Event>, TextError> {
    let Some(word) = line.peek() else { return Ok(None) };
    let reader: fn(&mut Line<'_>) -> Result<Event, TextError> = match word.text {
        "tags" => tags,
        "data" => data,
        "pages" => pages,
        "fetch" => fetch,
        "save-restore" => |_| Ok(Event::SaveRestore),
        _ => return Ok(None),
    };
    line.keyword(word.text)?;
    reader(line).map(Some)
}

/// Reads an offset into the arena.
fn offset(line: &mut Line<'_>, step: u64) -> Result<u64, TextError> {
    line.bounded("offset into the arena", 0, ARENA_SIZE - step, step)
}

/// Reads how many bytes of the arena from an offset on.
fn bytes(line: &mut Line<'_>, offset: u64, step: u64) -> Result<u64, TextError> {
    line.bounded("count of bytes", step, ARENA_SIZE - offset, step)
}

fn tags(line: &mut Line<'_>) -> Result<Event, TextError> {
    let offset = offset(line, GRANULE)?;
    let room = (ARENA_SIZE - offset) / GRANULE;
    let mut tags = Vec::new();
    loop {
        let expected = || line.expected("tags such as `3` or `f`, several of the same as `0*16`");
        let word = line.peek().ok_or_else(expected)?;
        let (tag, count) = word.text.split_once('*').unwrap_or((word.text, "1"));
        let tag = match tag.as_bytes() {
            [digit] => char::from(*digit).to_digit(16).map(|digit| Tag::truncate(digit as u8)),
            _ => None,
        };
        let (Some(tag), Some(count)) = (tag, number(count)) else { return Err(expected()) };
        let max = room - tags.len() as u64;
        if count == 0 || count > max {
            let kind = TextErrorKind::OutOfRange { what: "count of granules", value: count, min: 1, max };
            return Err(line.error(word.column, kind));
        }
        line.take();
        tags.resize(tags.len() + count as usize, tag);
        if line.peek().is_none() {
            return Ok(Event::Tags { offset, tags });
        }
    }
}

fn data(line: &mut Line<'_>) -> Result<Event, TextError> {
    let offset = offset(line, 1)?;
    let mut bytes = Vec::new();
    loop {
        let expected = || line.expected("bytes in the order of memory, two hexadecimal digits each, such as `00ff`");
        let word = line.peek().ok_or_else(expected)?;
        let digits: Option<Vec<u8>> =
            word.text.chars().filter(|c| *c != '_').map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
        let digits = digits.filter(|digits| digits.len() % 2 == 0 && !digits.is_empty()).ok_or_else(expected)?;
        let (pairs, _) = digits.as_chunks::<2>();
        bytes.extend(pairs.iter().map(|[high, low]| high << 4 | low));
        let max = ARENA_SIZE - offset;
        if bytes.len() as u64 > max {
            let value = bytes.len() as u64;
            return Err(
                line.error(word.column, TextErrorKind::OutOfRange { what: "count of bytes", value, min: 1, max })
            );
        }
        line.take();
        if line.peek().is_none() {
            return Ok(Event::Data { offset, bytes });
        }
    }
}

fn pages(line: &mut Line<'_>) -> Result<Event, TextError> {
    let window = line.name("a window", &WINDOWS)?;
    let offset = offset(line, GUEST_PAGE)?;
    let bytes = bytes(line, offset, GUEST_PAGE)?;
    let kind = line.name("a kind of pages", &PAGE_KINDS)?;
    Ok(Event::Pages { window, offset, bytes, kind })
}

fn fetch(line: &mut Line<'_>) -> Result<Event, TextError> {
    let offset = offset(line, GRANULE)?;
    Ok(Event::Fetch { offset, bytes: bytes(line, offset, GRANULE)? })
}
