//! Verbs that show memory and tags, or change them as a host does.

use abi::map::ARENA_SIZE;
use program::Event;

use super::{Answer, Inspector};
use crate::address;
use crate::error::InspectError;
use crate::memory::GRANULE;
use crate::{read, show};

/// Bytes that `mem` shows without a length.
const SHOWN: u64 = 4 * GRANULE;

impl Inspector {
    pub(super) fn tags(&mut self, rest: &str) -> Result<Answer, InspectError> {
        let state = self.session.state();
        if let Some((place, tags)) = rest.split_once('=') {
            let (offset, length) = address::range(place, state)?;
            let offset = offset & !(GRANULE - 1);
            let event = read::event(&format!("tags {offset:#x} {}", tags.trim()))?;
            if let (Some(range), Event::Tags { tags, .. }) = (length, &event)
                && (range.end - range.start) / GRANULE != tags.len() as u64
            {
                let granules = (range.end - range.start) / GRANULE;
                return Err(InspectError::Usage(format!(
                    "expected {granules} tags for {granules} granules, found {}",
                    tags.len()
                )));
            }
            return self.host(&format!("tags {rest}"), event);
        }
        let memory = &state.memory;
        if rest.is_empty() {
            let rows = memory.tagged_rows(show::ROW);
            let none = || "  every tag is 0\n".to_owned();
            return Ok(Answer::done(if rows.is_empty() {
                none()
            } else {
                show::tag_rows(memory, rows.into_iter(), None)
            }));
        }
        let row = |at: u64| at & !(show::ROW - 1);
        Ok(Answer::done(match address::range(rest, state)? {
            (at, None) => show::tag_rows(memory, std::iter::once(row(at)), Some(at)),
            (_, Some(range)) => show::tag_rows(memory, (row(range.start)..range.end).step_by(show::ROW as usize), None),
        }))
    }

    pub(super) fn mem(&mut self, rest: &str) -> Result<Answer, InspectError> {
        let state = self.session.state();
        if let Some((place, bytes)) = rest.split_once('=') {
            let offset = address::offset(place.trim(), state)?;
            let event = read::event(&format!("data {offset:#x} {}", bytes.trim()))?;
            return self.host(&format!("mem {rest}"), event);
        }
        if rest.is_empty() {
            return Err(InspectError::Usage("expected an address, such as `mem x0` or `mem 0x20 64`".to_owned()));
        }
        let (at, range) = address::range(rest, state)?;
        let start = at & !(GRANULE - 1);
        let range = range.unwrap_or(start..(start + SHOWN).min(ARENA_SIZE));
        Ok(Answer::done(show::bytes(&state.memory, range)))
    }

    fn host(&mut self, line: &str, event: Event) -> Result<Answer, InspectError> {
        let before = self.session.state().clone();
        self.session.host(line, event)?;
        Ok(Answer::done(show::changes(&before, self.session.state(), self.session.boot())))
    }
}
