//! Places in the arena, as verbs name them: an offset, a place in a window, or the register that points there.

use std::ops::Range;

use abi::map::ARENA_SIZE;

use super::error::InspectError;
use super::memory::GRANULE;
use super::read;
use super::state::State;

/// Reads a place; returns its offset into the arena.
pub fn offset(word: &str, state: &State) -> Result<u64, InspectError> {
    let value = match register(word, state) {
        Some(value) => value,
        None if word.contains('+') => read::value(&format!("{word} tag 0"))?,
        None => read::value(word)?,
    };
    let offset =
        if value < ARENA_SIZE && register(word, state).is_none() { Some(value) } else { program::arena_offset(value) };
    offset.ok_or_else(|| {
        InspectError::Usage(format!(
            "`{word}` leads out of the arena: expected an offset below {ARENA_SIZE:#x}, a place such as tagged+0x20, or a register that points to one"
        ))
    })
}

/// Returns the value of a general register.
fn register(word: &str, state: &State) -> Option<u64> {
    if word == "sp" {
        return Some(state.run.sp);
    }
    let number: usize = word.strip_prefix('x')?.parse().ok()?;
    state.run.x.get(number).copied()
}

/// Reads `ADDRESS [BYTES]`; returns the range of whole granules, or `None` for its end without a length.
pub fn range(words: &str, state: &State) -> Result<(u64, Option<Range<u64>>), InspectError> {
    let mut words = words.split_whitespace();
    let start = offset(words.next().unwrap_or_default(), state)?;
    let Some(length) = words.next() else { return Ok((start, None)) };
    if let Some(more) = words.next() {
        return Err(InspectError::Usage(format!(
            "expected the end of the line behind the number of bytes, found `{more}`"
        )));
    }
    let length = read::value(length)?;
    let end = start.checked_add(length).filter(|end| length > 0 && *end <= ARENA_SIZE);
    let Some(end) = end else {
        let most = ARENA_SIZE - start;
        return Err(InspectError::Usage(format!(
            "expected 1 to {most:#x} bytes from {start:#x} on, found {length:#x}"
        )));
    };
    Ok((start, Some(start & !(GRANULE - 1)..end.next_multiple_of(GRANULE))))
}
