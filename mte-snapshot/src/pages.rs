//! Which pages take space in a file, as runs: pages that follow one another, in one slot, all with data or all without, and
//! all with tags or all without.
//!
//! A page has data if a byte is not 0, and has tags if a tag is not 0; a page with neither is in no run. Runs are as long as
//! possible. So they follow from what the memory holds, and not from how it is cut into extents.
//!
//! That tags change where a run ends has a reason: lldb regards memory as tagged only if a segment of tags covers exactly the
//! range of a segment of memory (lldb 16, `ProcessElfCore::DoGetMemoryRegionInfo`).

use kvm_mte::GRANULE;

use crate::snapshot::{Extent, Snapshot};

/// The largest host page.
static ZEROES: [u8; 65536] = [0; 65536];

/// What a page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Has {
    data: bool,
    tags: bool,
}

/// Pages that follow one another.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// The first guest-physical address.
    pub(crate) ipa: u64,
    /// Bytes of guest memory.
    pub(crate) bytes: u64,
    has: Has,
    /// The parts of extents that it consists of: data, and tags one a byte.
    pieces: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Run<'a> {
    /// Returns whether the pages have data.
    pub(crate) fn has_data(&self) -> bool {
        self.has.data
    }

    /// Returns whether the pages have tags.
    pub(crate) fn has_tags(&self) -> bool {
        self.has.tags
    }

    /// Returns what is stored of the data.
    pub(crate) fn data(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.pieces.iter().filter(|_| self.has.data).map(|(data, _)| *data)
    }

    /// Returns what is stored of the tags, one a byte.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.pieces.iter().filter(|_| self.has.tags).map(|(_, tags)| *tags)
    }
}

/// Returns the runs of a valid snapshot in ascending order.
pub(crate) fn runs(snapshot: &Snapshot) -> Vec<Run<'_>> {
    let mut starts: Vec<u64> = snapshot.slots.iter().map(|slot| slot.ipa).collect();
    starts.sort_unstable();
    let mut extents: Vec<&Extent> = snapshot.memory.iter().collect();
    extents.sort_unstable_by_key(|extent| extent.ipa);
    let mut runs: Vec<Run<'_>> = Vec::new();
    for run in extents.into_iter().flat_map(|extent| runs_of(extent, snapshot.identity.page_size as usize)) {
        match runs.last_mut() {
            Some(last) if continues(last, &run) && starts.binary_search(&run.ipa).is_err() => {
                last.bytes += run.bytes;
                last.pieces.extend(run.pieces);
            }
            _ => runs.push(run),
        }
    }
    runs
}

fn continues(last: &Run<'_>, run: &Run<'_>) -> bool {
    last.ipa + last.bytes == run.ipa && last.has == run.has
}

/// Returns the runs of one extent.
fn runs_of(extent: &Extent, page: usize) -> impl Iterator<Item = Run<'_>> {
    let granules = page / GRANULE as usize;
    let pages = extent.data.chunks(page).zip(extent.tags.chunks(granules));
    let has: Vec<Has> = pages.map(|(data, tags)| Has { data: !is_zero(data), tags: !is_zero(tags) }).collect();
    let mut at = 0;
    let mut runs = Vec::new();
    for same in has.chunk_by(|left, right| left == right) {
        let (has, next) = (same[0], at + same.len());
        if has.data || has.tags {
            let data = &extent.data[at * page..next * page];
            let tags = &extent.tags[at * granules..next * granules];
            let ipa = extent.ipa + (at * page) as u64;
            runs.push(Run { ipa, bytes: data.len() as u64, has, pieces: vec![(data, tags)] });
        }
        at = next;
    }
    runs.into_iter()
}

fn is_zero(page: &[u8]) -> bool {
    ZEROES.get(..page.len()).is_some_and(|zeroes| zeroes == page)
}
