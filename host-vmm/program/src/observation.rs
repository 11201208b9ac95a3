//! What was seen of a program that ran: every block's trace, every fetched tag, and the memory at the end.

use std::collections::BTreeSet;
use std::ops::Range;

use abi::mailbox::SysReg;
use abi::map::GUEST_PAGE;

use machine::Trace;

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// What the steps showed, in order.
    pub seen: Vec<StepObservation>,
    /// Memory at the end, page by page joined where they follow each other: see [`super::run::run`]. Data and tags of all
    /// other pages are zeros. Empty when a block did not end.
    pub memory: Vec<ObservedExtent>,
    /// The step whose block did not end in time or rang checkpoints without end; nothing after it was run.
    pub endless: Option<usize>,
    /// What ran it has FEAT_MTE_TAGGED_FAR: all bits of FAR_EL1 are known for a tag check fault.
    pub tagged_far: bool,
}

/// Something that a step showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepObservation {
    /// The step, counted from 0.
    pub step: usize,
    /// What it showed.
    pub what: StepOutcome,
    /// System registers that the architecture leaves UNKNOWN after this block, if what ran it can tell.
    pub unknown: Vec<SysReg>,
    /// The same of v0 to v31 and z0 to z31, bit by bit.
    pub unknown_v: u32,
    /// The same of p0 to p15, bit by bit, and of FFR in bit 16.
    pub unknown_p: u32,
    /// The same of x0 to x30, bit by bit, and of the stack pointer in bit 31.
    pub unknown_x: u32,
}

/// What a step shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// A block ended.
    Block(Box<Trace>),
    /// Tags were fetched, one a granule.
    Tags {
        /// From where on, in bytes from the arena's start.
        offset: u64,
        /// The tags.
        tags: Vec<u8>,
    },
    /// Memory was read.
    Data {
        /// From where on, in bytes from the arena's start.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether some are UNKNOWN, if what ran the program can tell.
        unknown: bool,
    },
}

/// Memory at the end of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedExtent {
    /// Where it begins, in bytes from the arena's start.
    pub offset: u64,
    /// The bytes.
    pub data: Vec<u8>,
    /// The tags, one a granule; none in a VM without tags.
    pub tags: Vec<u8>,
    /// Bytes that the architecture leaves UNKNOWN, if what ran the program can tell: offsets from the arena's start.
    pub unknown: Vec<Range<u64>>,
}

impl Observation {
    /// Lists the pages that were looked at when the program had ended, by their offsets from the arena's start.
    #[must_use]
    pub fn pages(&self) -> BTreeSet<u64> {
        let pages = |extent: &ObservedExtent| {
            (extent.offset..extent.offset + extent.data.len() as u64).step_by(GUEST_PAGE as usize)
        };
        self.memory.iter().flat_map(pages).collect()
    }

    /// Returns the extent that has a page.
    pub(crate) fn extent_at(&self, offset: u64) -> Option<&ObservedExtent> {
        let extents = &self.memory;
        let behind = extents.partition_point(|extent| extent.offset <= offset);
        extents[..behind].last().filter(|extent| offset < extent.offset + extent.data.len() as u64)
    }
}

impl ObservedExtent {
    /// Returns the data of a page of it, with zeros for what is UNKNOWN here or in `other`, and its tags.
    pub(crate) fn page(&self, offset: u64, other: Option<&Self>) -> (Vec<u8>, &[u8]) {
        let at = (offset - self.offset) as usize;
        let mut data = self.data[at..at + GUEST_PAGE as usize].to_vec();
        let end = offset + GUEST_PAGE;
        for range in [Some(self), other].into_iter().flatten().flat_map(|extent| &extent.unknown) {
            let (start, end) = (range.start.clamp(offset, end), range.end.clamp(offset, end));
            data[(start - offset) as usize..(end - offset) as usize].fill(0);
        }
        let tags =
            if self.tags.is_empty() { &[] } else { &self.tags[at / GRANULE..(at + GUEST_PAGE as usize) / GRANULE] };
        (data, tags)
    }
}

const GRANULE: usize = arch::GRANULE_BYTES;
