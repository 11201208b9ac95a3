//! Sets of guest pages: what a dirty log yields, and what a round copies.

use std::ops::Range;

/// Pages of 4 KiB by their number, which is the guest-physical address divided by [`PAGE`](crate::PAGE): ranges in ascending
/// order that neither overlap nor touch.
///
/// ```
/// use mte_migration::PageSet;
///
/// let set: PageSet = [4..6, 1..2, 6..9].into_iter().collect();
/// assert_eq!(set.ranges(), [1..2, 4..9]);
/// assert_eq!(set.len(), 6);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageSet {
    ranges: Vec<Range<u64>>,
}

impl PageSet {
    /// Returns the ranges, in ascending order.
    #[must_use]
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.ranges
    }

    /// Returns the number of pages.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// Returns whether there is no page.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Returns whether a page is in the set.
    #[must_use]
    pub fn contains(&self, page: u64) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= page);
        after > 0 && page < self.ranges[after - 1].end
    }

    /// Returns whether all pages of a range are in the set.
    #[must_use]
    pub fn contains_all(&self, pages: &Range<u64>) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= pages.start);
        pages.is_empty() || (after > 0 && pages.end <= self.ranges[after - 1].end)
    }

    /// Adds a range of pages.
    pub fn insert(&mut self, pages: Range<u64>) {
        if pages.is_empty() {
            return;
        }
        // What overlaps or touches the new range.
        let first = self.ranges.partition_point(|range| range.end < pages.start);
        let last = self.ranges.partition_point(|range| range.start <= pages.end);
        let merged = self.ranges[first..last].iter().fold(pages, |a, b| a.start.min(b.start)..a.end.max(b.end));
        self.ranges.splice(first..last, [merged]);
    }

    /// Adds all pages of another set.
    pub fn union(&mut self, other: &Self) {
        let mut all = std::mem::take(&mut self.ranges);
        all.extend_from_slice(&other.ranges);
        *self = all.into_iter().collect();
    }

    /// Returns the set as ranges of at most `size` pages that each lie within one slot. Pages of no slot are left out.
    pub(crate) fn parts(&self, slots: &[Range<u64>], size: u64) -> Vec<Range<u64>> {
        let mut parts = Vec::new();
        for slot in slots {
            let first = self.ranges.partition_point(|range| range.end <= slot.start);
            for range in self.ranges[first..].iter().take_while(|range| range.start < slot.end) {
                let (start, end) = (range.start.max(slot.start), range.end.min(slot.end));
                parts.extend((start..end).step_by(size as usize).map(|start| start..end.min(start + size)));
            }
        }
        parts
    }
}

impl FromIterator<Range<u64>> for PageSet {
    /// Collects ranges in any order; they may overlap.
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        sorted.sort_by_key(|range| range.start);
        let mut set = Self::default();
        for range in sorted {
            match set.ranges.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => set.ranges.push(range),
            }
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(ranges in vec((0u64..200, 0u64..20), 0..20), more in vec((0u64..200, 0u64..20), 0..20), size in 1u64..9) {
            let range = |(start, length): (u64, u64)| start..start + length;
            let reference: BTreeSet<u64> = ranges.iter().chain(&more).flat_map(|r| range(*r)).collect();
            let mut set: PageSet = ranges.iter().map(|r| range(*r)).collect();
            set.union(&more.iter().map(|r| range(*r)).collect());
            let mut inserted = PageSet::default();
            ranges.iter().chain(&more).for_each(|r| inserted.insert(range(*r)));
            prop_assert_eq!(&inserted, &set);
            prop_assert_eq!(set.len(), reference.len() as u64);
            prop_assert!((0..230).all(|page| set.contains(page) == reference.contains(&page)));
            prop_assert!(set.ranges().windows(2).all(|pair| pair[0].end < pair[1].start));
            let parts = set.parts(&[0..40, 40..90, 100..300], size);
            prop_assert!(parts.iter().all(|part| !part.is_empty() && part.end - part.start <= size));
            prop_assert!(parts.iter().all(|part| set.contains_all(part)));
            prop_assert!(parts.iter().all(|part| part.end <= 40 || part.start >= 40));
            let in_slots = reference.into_iter().filter(|page| !(90..100).contains(page)).collect::<BTreeSet<_>>();
            prop_assert_eq!(parts.into_iter().flatten().collect::<BTreeSet<_>>(), in_slots);
        }
    }
}
