//! Compares memory and tags, page by page.

use std::collections::{BTreeMap, BTreeSet};

use kvm_mte::GRANULE;

use super::Difference;
use crate::check::SMALLEST_PAGE;
use crate::snapshot::Snapshot;

static ZEROES: [u8; SMALLEST_PAGE as usize] = [0; SMALLEST_PAGE as usize];
const GRANULES: usize = (SMALLEST_PAGE / GRANULE) as usize;

/// The data and the tags of pages by their guest-physical addresses.
type Pages<'a> = BTreeMap<u64, (&'a [u8], &'a [u8])>;

fn pages(snapshot: &Snapshot) -> Pages<'_> {
    let mut pages = Pages::new();
    for extent in &snapshot.memory {
        let address = |at: usize| extent.ipa.wrapping_add(at as u64 * SMALLEST_PAGE);
        let contents = extent.data.chunks(SMALLEST_PAGE as usize).zip(extent.tags.chunks(GRANULES));
        pages.extend(contents.enumerate().map(|(at, page)| (address(at), page)));
    }
    pages
}

/// Appends the differences of the memory of two snapshots.
pub(super) fn memory(left: &Snapshot, right: &Snapshot, found: &mut Vec<Difference>) {
    let (lefts, rights) = (pages(left), pages(right));
    let zero: (&[u8], &[u8]) = (&ZEROES, &ZEROES[..GRANULES]);
    let (mut data, mut tags) = (Spans::default(), Spans::default());
    for ipa in lefts.keys().chain(rights.keys()).copied().collect::<BTreeSet<u64>>() {
        let (left, right) = (lefts.get(&ipa).unwrap_or(&zero), rights.get(&ipa).unwrap_or(&zero));
        data.compare(ipa, 1, left.0, right.0);
        tags.compare(ipa, GRANULE, left.1, right.1);
    }
    let memory = |Span { ipa, end, count, left, right }| Difference::Memory { ipa, end, count, left, right };
    found.extend(data.0.into_iter().map(|(_, span)| memory(span)));
    let tag = |Span { ipa, end, count, left, right }| Difference::Tags { ipa, end, count, left, right };
    found.extend(tags.0.into_iter().map(|(_, span)| tag(span)));
}

/// What differs in pages that follow one another.
struct Span {
    ipa: u64,
    end: u64,
    count: u64,
    left: u8,
    right: u8,
}

/// Spans, each with its last page.
#[derive(Default)]
struct Spans(Vec<(u64, Span)>);

impl Spans {
    /// Compares a page, in which an element stands for `unit` bytes of guest memory.
    fn compare(&mut self, page: u64, unit: u64, left: &[u8], right: &[u8]) {
        if left == right {
            return;
        }
        let pairs = left.iter().zip(right).enumerate().filter(|(_, (left, right))| left != right);
        for (at, (left, right)) in pairs {
            let ipa = page + at as u64 * unit;
            match self.0.last_mut() {
                Some((last, span)) if page - *last <= SMALLEST_PAGE => {
                    *last = page;
                    span.end = ipa + unit;
                    span.count += 1;
                }
                _ => self.0.push((page, Span { ipa, end: ipa + unit, count: 1, left: *left, right: *right })),
            }
        }
    }
}
