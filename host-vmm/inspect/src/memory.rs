//! What the arena holds: the pages that are not all zeros.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use abi::map::{ARENA_SIZE, GUEST_PAGE};
use arch::Tag;
use program::{Event, Observation};

/// Bytes that share a tag.
pub const GRANULE: u64 = arch::GRANULE_BYTES as u64;
/// Granules of a page.
const GRANULES: usize = (GUEST_PAGE / GRANULE) as usize;

/// The arena's data and allocation tags. Pages that are not here are zeros with tag 0. Copies share their pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory(BTreeMap<u64, Rc<Page>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    data: Vec<u8>,
    tags: Vec<u8>,
}

impl Memory {
    /// Takes memory as it was at the end of a program.
    #[must_use]
    pub fn of(observation: &Observation) -> Self {
        let mut pages = BTreeMap::new();
        for extent in &observation.memory {
            let offsets = (extent.offset..).step_by(GUEST_PAGE as usize);
            for (number, (offset, data)) in offsets.zip(extent.data.chunks(GUEST_PAGE as usize)).enumerate() {
                // A VM without tags shows none.
                let tags = extent.tags.get(number * GRANULES..(number + 1) * GRANULES).unwrap_or(&[0; GRANULES]);
                if data.iter().chain(tags).any(|byte| *byte != 0) {
                    pages.insert(offset, Rc::new(Page { data: data.to_vec(), tags: tags.to_vec() }));
                }
            }
        }
        Self(pages)
    }

    /// Lists the pages that are not all zeros, by their offsets.
    #[must_use]
    pub fn pages(&self) -> BTreeSet<u64> {
        self.0.keys().copied().collect()
    }

    /// Returns the allocation tag of the granule at an offset.
    #[must_use]
    pub fn tag(&self, offset: u64) -> Tag {
        let page = self.0.get(&(offset & !(GUEST_PAGE - 1)));
        let tag = page.map(|page| page.tags[(offset % GUEST_PAGE / GRANULE) as usize]);
        Tag::truncate(tag.unwrap_or(0))
    }

    /// Returns the byte at an offset.
    #[must_use]
    pub fn byte(&self, offset: u64) -> u8 {
        self.0.get(&(offset & !(GUEST_PAGE - 1))).map_or(0, |page| page.data[(offset % GUEST_PAGE) as usize])
    }

    /// Returns the bytes of a range.
    #[must_use]
    pub fn bytes(&self, range: Range<u64>) -> Vec<u8> {
        range.map(|offset| self.byte(offset)).collect()
    }

    /// Lists ranges of granules in which `other` has other data, or other tags.
    fn differing(&self, other: &Self, differs: impl Fn(u64) -> bool) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for page in self.pages().union(&other.pages()) {
            if self.0.get(page) == other.0.get(page) {
                continue;
            }
            for granule in (*page..page + GUEST_PAGE).step_by(GRANULE as usize).filter(|granule| differs(*granule)) {
                match ranges.last_mut().filter(|last| last.end == granule) {
                    Some(last) => last.end += GRANULE,
                    None => ranges.push(granule..granule + GRANULE),
                }
            }
        }
        ranges
    }

    /// Lists the ranges, in whole granules, where `other` has other tags.
    #[must_use]
    pub fn other_tags(&self, other: &Self) -> Vec<Range<u64>> {
        self.differing(other, |granule| self.tag(granule) != other.tag(granule))
    }

    /// Lists the ranges, in whole granules, where `other` has other data.
    #[must_use]
    pub fn other_data(&self, other: &Self) -> Vec<Range<u64>> {
        let data = |memory: &Self, granule| memory.bytes(granule..granule + GRANULE);
        self.differing(other, |granule| data(self, granule) != data(other, granule))
    }

    /// Lists the tags of a range, one a granule.
    #[must_use]
    pub fn tags(&self, range: Range<u64>) -> Vec<Tag> {
        range.step_by(GRANULE as usize).map(|granule| self.tag(granule)).collect()
    }

    /// Lists what a host does to memory that is as this one so that it becomes `target`.
    #[must_use]
    pub fn events_to(&self, target: &Self) -> Vec<Event> {
        let data = self.other_data(target).into_iter();
        let data = data.map(|range| Event::Data { offset: range.start, bytes: target.bytes(range) });
        let tags = self.other_tags(target).into_iter();
        data.chain(tags.map(|range| Event::Tags { offset: range.start, tags: target.tags(range) })).collect()
    }

    /// Lists the tags that are not 0, in ranges of whole rows of this many bytes.
    #[must_use]
    pub fn tagged_rows(&self, row: u64) -> Vec<u64> {
        let rows = self.0.keys().flat_map(|page| (*page..page + GUEST_PAGE).step_by(row as usize));
        rows.filter(|start| self.tags(*start..(start + row).min(ARENA_SIZE)).iter().any(|tag| *tag != Tag::ZERO))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use program::observation::ObservedExtent;

    fn memory(tags: &[(usize, u8)], data: &[(usize, u8)]) -> Memory {
        let mut extent = ObservedExtent {
            offset: GUEST_PAGE,
            data: vec![0; 2 * GUEST_PAGE as usize],
            tags: vec![0; 2 * GRANULES],
            unknown: Vec::new(),
        };
        tags.iter().for_each(|(at, tag)| extent.tags[*at] = *tag);
        data.iter().for_each(|(at, byte)| extent.data[*at] = *byte);
        Memory::of(&Observation { memory: vec![extent], ..Observation::default() })
    }

    #[test]
    fn what_is_all_zeros_is_not_kept_and_the_rest_is_found_again() {
        assert_eq!(memory(&[], &[]), Memory::default());
        let memory = memory(&[(GRANULES, 5)], &[(3, 0xab)]);
        assert_eq!(memory.pages().into_iter().collect::<Vec<_>>(), [GUEST_PAGE, 2 * GUEST_PAGE]);
        assert_eq!((memory.tag(2 * GUEST_PAGE + 15).value(), memory.byte(GUEST_PAGE + 3)), (5, 0xab));
        assert_eq!((memory.tag(0), memory.byte(ARENA_SIZE - 1)), (Tag::ZERO, 0));
        assert_eq!(memory.tagged_rows(0x100), [2 * GUEST_PAGE]);
    }

    #[test]
    fn events_lead_from_one_memory_to_the_other_and_say_no_more_than_needed() {
        let (one, other) = (memory(&[(1, 3), (2, 4)], &[]), memory(&[(1, 5), (2, 6)], &[(0, 1)]));
        let at = GUEST_PAGE;
        let tags = |tags: [u8; 2]| Event::Tags { offset: at + 16, tags: tags.map(Tag::truncate).to_vec() };
        let mut first = vec![0; 16];
        let back = Event::Data { offset: at, bytes: first.clone() };
        first[0] = 1;
        assert_eq!(one.events_to(&other), [Event::Data { offset: at, bytes: first }, tags([5, 6])]);
        assert_eq!(other.events_to(&one), [back, tags([3, 4])]);
        assert_eq!(one.events_to(&one), []);
    }
}
