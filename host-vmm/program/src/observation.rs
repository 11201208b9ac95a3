//! What was seen of a program that ran: every block's trace, every fetched tag, and the memory at the end.

use std::ops::Range;

use abi::mailbox::SysReg;

use machine::Trace;

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// What the steps showed, in order.
    pub seen: Vec<StepObservation>,
    /// The reach of the program, page by page joined where they follow each other, at the end. Empty when a block did
    /// not end.
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
    /// The same of v0 to v31, bit by bit.
    pub unknown_v: u32,
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
