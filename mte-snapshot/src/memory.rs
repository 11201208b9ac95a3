//! The extents of a snapshot, put together from segments of data and of tags.

use std::fmt::Display;

use kvm_mte::packed::BYTES_PER_PACKED_BYTE as PACKED;
use kvm_mte::{GRANULE, unpack};

use crate::error::DecodeError;
use crate::snapshot::{Extent, Slot};

/// A segment of guest-physical memory.
pub(crate) struct Segment<'a> {
    /// What it is, for errors.
    pub(crate) part: &'static str,
    /// Its first guest-physical address.
    pub(crate) ipa: u64,
    /// Data, or packed tags.
    pub(crate) bytes: &'a [u8],
}

/// First and last guest-physical address.
type Range = (u64, u64);

/// Returns the extents, in ascending order, as long as possible, none beyond the start or the end of a slot.
///
/// What they take is bounded by the bytes of the segments: each page is in a segment of data, or in one of tags, whose bytes
/// cover 32 times as much.
///
/// # Errors
///
/// When segments have no whole pages, are not in ascending order, or overlap.
pub(crate) fn assemble(
    data: &[Segment<'_>],
    tags: &[Segment<'_>],
    slots: &[Slot],
    page: u64,
) -> Result<Vec<Extent>, DecodeError> {
    let data_ranges = ranges(data, 1, page)?;
    let tag_ranges = ranges(tags, PACKED, page)?;
    let mut extents: Vec<Extent> = cut(&join(&data_ranges, &tag_ranges), slots).into_iter().map(zero).collect();
    for (segment, range) in data.iter().zip(data_ranges) {
        for (extent, start, last) in parts(&mut extents, range) {
            let at = (start - extent.ipa) as usize..=(last - extent.ipa) as usize;
            extent.data[at]
                .copy_from_slice(&segment.bytes[(start - segment.ipa) as usize..=(last - segment.ipa) as usize]);
        }
    }
    for (segment, range) in tags.iter().zip(tag_ranges) {
        for (extent, start, last) in parts(&mut extents, range) {
            let at = ((start - extent.ipa) / GRANULE) as usize..=((last - extent.ipa) / GRANULE) as usize;
            let packed = ((start - segment.ipa) / PACKED) as usize..=((last - segment.ipa) / PACKED) as usize;
            unpack(&segment.bytes[packed], &mut extent.tags[at])
                .map_err(|error| segment.malformed("whole pages", error))?;
        }
    }
    Ok(extents)
}

impl Segment<'_> {
    fn malformed(&self, expected: impl Display, found: impl Display) -> DecodeError {
        let (expected, found) = (expected.to_string(), found.to_string());
        DecodeError::Malformed { part: format!("{} at {:#x}", self.part, self.ipa), expected, found }
    }
}

/// Returns the ranges of segments, whose bytes stand for `unit` bytes of guest memory each.
fn ranges(segments: &[Segment<'_>], unit: u64, page: u64) -> Result<Vec<Range>, DecodeError> {
    let mut ranges: Vec<Range> = Vec::with_capacity(segments.len());
    for segment in segments {
        let bytes = segment.bytes.len() as u64 * unit;
        if !bytes.is_multiple_of(page) || !segment.ipa.is_multiple_of(page) {
            return Err(
                segment.malformed(format_args!("whole pages of {page} bytes"), format_args!("{bytes:#x} bytes"))
            );
        }
        let Some(last) = segment.ipa.checked_add(bytes - 1) else {
            return Err(segment.malformed("an end in the address space", format_args!("{bytes:#x} bytes")));
        };
        if let Some((_, end)) = ranges.last().filter(|(_, end)| *end >= segment.ipa) {
            return Err(segment.malformed(format_args!("an address above {end:#x}"), "one that is not"));
        }
        ranges.push((segment.ipa, last));
    }
    Ok(ranges)
}

/// Returns the ranges of both lists, those joined that overlap or touch.
fn join(left: &[Range], right: &[Range]) -> Vec<Range> {
    let mut all = [left, right].concat();
    all.sort_unstable();
    let mut joined: Vec<Range> = Vec::with_capacity(all.len());
    for (first, last) in all {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// Returns the ranges, cut where slots begin and end.
fn cut(ranges: &[Range], slots: &[Slot]) -> Vec<Range> {
    let mut borders: Vec<u64> = slots.iter().flat_map(|slot| [slot.ipa, slot.ipa.wrapping_add(slot.bytes)]).collect();
    borders.sort_unstable();
    let mut pieces = Vec::with_capacity(ranges.len());
    for &(mut first, last) in ranges {
        for &border in &borders[borders.partition_point(|border| *border <= first)..] {
            if border > last {
                break;
            }
            if border > first {
                pieces.push((first, border - 1));
                first = border;
            }
        }
        pieces.push((first, last));
    }
    pieces
}

fn zero((first, last): Range) -> Extent {
    let bytes = (last - first) as usize + 1;
    Extent { ipa: first, data: vec![0; bytes], tags: vec![0; bytes / GRANULE as usize] }
}

/// Returns the extents that a range overlaps, each with the first and the last address that they share.
fn parts(extents: &mut [Extent], (first, last): Range) -> impl Iterator<Item = (&mut Extent, u64, u64)> {
    let end = |extent: &Extent| extent.ipa + (extent.data.len() as u64 - 1);
    let start = extents.partition_point(|extent| end(extent) < first);
    extents[start..].iter_mut().take_while(move |extent| extent.ipa <= last).map(move |extent| {
        let (start, last) = (first.max(extent.ipa), last.min(end(extent)));
        (extent, start, last)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u64 = 4096;

    fn segment(ipa: u64, bytes: &[u8]) -> Segment<'_> {
        Segment { part: "segment", ipa, bytes }
    }

    #[test]
    fn data_and_tags_that_overlap_are_one_extent_within_a_slot() {
        let slots =
            [(0, 2), (2, 4)].map(|(ipa, pages)| Slot { ipa: ipa * PAGE, bytes: pages * PAGE, read_only: false });
        let data = vec![7; 3 * PAGE as usize];
        let tags = vec![0x21; 2 * PAGE as usize / 32];
        // Data in pages 1 to 3, tags in pages 3 and 4.
        let extents = assemble(&[segment(PAGE, &data)], &[segment(3 * PAGE, &tags)], &slots, PAGE).unwrap();
        let found: Vec<_> = extents.iter().map(|extent| (extent.ipa / PAGE, extent.data.len() as u64 / PAGE)).collect();
        assert_eq!(found, [(1, 1), (2, 3)]);
        assert_eq!(extents[1].data[..2 * PAGE as usize], data[PAGE as usize..]);
        assert_eq!(extents[1].data[2 * PAGE as usize..], [0; PAGE as usize]);
        assert_eq!(extents[1].tags[..256], [0; 256]);
        assert_eq!(extents[1].tags[256..], [1, 2].repeat(256));
    }

    #[test]
    fn segments_that_overlap_or_are_no_whole_pages_are_rejected() {
        let page = vec![1; PAGE as usize];
        let reject = |segments: &[Segment<'_>]| assemble(segments, &[], &[], PAGE).unwrap_err().to_string();
        assert!(reject(&[segment(0, &page), segment(0, &page)]).contains("an address above 0xfff"));
        assert!(reject(&[segment(PAGE, &page), segment(0, &page)]).contains("an address above 0x1fff"));
        assert!(reject(&[segment(8, &page)]).contains("whole pages of 4096 bytes"));
        assert!(reject(&[segment(0, &page[1..])]).contains("whole pages of 4096 bytes"));
        assert!(assemble(&[segment(0u64.wrapping_sub(PAGE), &page)], &[], &[], PAGE).is_ok());
        assert!(reject(&[segment(0u64.wrapping_sub(PAGE), &page.repeat(2))]).contains("address space"));
    }
}
