//! What was expected and what was found instead: as sentences for a person, and as values for a program.
//!
//! The values are what an erratum is recognised by. Only a [`Mismatch`] can be: a guest that misbehaves, a kernel that
//! complains and a machine that is gone are never excused, whatever the case.

use machine::MachineError;
use machine::tags::TagError;
use serde::{Deserialize, Serialize};

/// What was expected and what was found instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was looked at, in a few words.
    pub what: String,
    /// The value or behaviour promised.
    pub expected: String,
    /// The value or behaviour seen.
    pub found: String,
    /// More for a person to look at, line by line: tags around an address, a listing.
    pub detail: Vec<String>,
    /// The same in machine-readable form.
    pub kind: FailureKind,
}

/// What kind of failure it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// A promise does not hold.
    Mismatch(Mismatch),
    /// The guest did what no firmware of ours does.
    Guest(GuestError),
    /// The machine is gone.
    MachineLost,
    /// A system call failed that must not, with this error number.
    Kernel {
        /// The error number; 0 where the kernel returned a count that makes no sense.
        errno: i32,
    },
    /// The kernel under test complained in its log.
    KernelWarning,
    /// The kernel under test died while the case ran.
    KernelDied,
    /// granule asked for something that makes no sense: a bug of its own.
    Request,
}

impl From<&MachineError> for FailureKind {
    fn from(error: &MachineError) -> Self {
        match error {
            MachineError::Misbehaved { .. } => Self::Guest(GuestError::Misbehaved),
            MachineError::Panicked { .. } => Self::Guest(GuestError::Panicked),
            MachineError::Silent { .. } => Self::Guest(GuestError::Silent),
            MachineError::Storm { .. } => Self::Guest(GuestError::Storm),
            MachineError::Lost { .. } => Self::MachineLost,
            MachineError::Kernel { errno, .. } => Self::Kernel { errno: errno.0 },
            MachineError::Tags(TagError::Stopped { cause, .. }) => Self::Kernel { errno: cause.0 },
            MachineError::Tags(TagError::BadCount { .. }) => Self::Kernel { errno: 0 },
            _ => Self::Request,
        }
    }
}

impl Default for FailureKind {
    fn default() -> Self {
        Self::Mismatch(Mismatch::Described)
    }
}

/// What a guest did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuestError {
    /// It did something that no firmware of ours does.
    Misbehaved,
    /// The firmware panicked.
    Panicked,
    /// It did not answer in time.
    Silent,
    /// It rang the doorbell without end.
    Storm,
}

/// How a promise does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mismatch {
    /// Only the sentences say so.
    Described,
    /// A number is another one.
    Number {
        /// The number promised.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// Allocation tags are others.
    Tags(TagMismatch),
    /// A block took other exceptions.
    Block(BlockMismatch),
    /// A program showed what no permitted outcome has.
    Program(ProgramMismatch),
    /// A thread in the kernel did not come back before it was served, or at all.
    Blocked,
}

/// Tags of consecutive granules, some of which are not as promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagMismatch {
    /// The guest-physical address of the first granule.
    pub ipa: u64,
    /// How many granules were compared.
    pub granules: usize,
    /// How many of them differ.
    pub differing: usize,
    /// The tags that those should have, a bit each.
    pub expected: u16,
    /// The tags that they have, a bit each.
    pub found: u16,
}

impl TagMismatch {
    /// Compares tags of granules from `ipa` on; `None` if there is no difference that tags can express.
    #[must_use]
    pub fn new(ipa: u64, expected: &[u8], found: &[u8]) -> Option<Self> {
        let differing = || expected.iter().zip(found).filter(|(expected, found)| expected != found);
        let this = Self {
            ipa,
            granules: expected.len(),
            differing: differing().count(),
            expected: set(differing().map(|(expected, _)| *expected))?,
            found: set(differing().map(|(_, found)| *found))?,
        };
        (this.differing > 0 && expected.len() == found.len()).then_some(this)
    }
}

/// Returns tags as a set, a bit each; `None` if one has more than four bits.
fn set(mut tags: impl Iterator<Item = u8>) -> Option<u16> {
    tags.try_fold(0, |set, tag| Some(set | 1_u16.checked_shl(u32::from(tag))?))
}

/// A synchronous exception that a block took, or should have taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// The instruction's place in the block; `None` outside it, or where nothing is promised.
    pub index: Option<usize>,
    /// ESR_EL1.
    pub esr: u64,
    /// FAR_EL1; `None` where it is UNKNOWN or nothing is promised.
    pub far: Option<u64>,
    /// The flags, TCO and the level of SPSR_EL1; `None` where nothing is promised.
    pub pstate: Option<u64>,
}

/// A block that did not do what was promised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockMismatch {
    /// Its instructions.
    pub words: Vec<u32>,
    /// The exceptions promised.
    pub expected: Vec<Exception>,
    /// The exceptions taken.
    pub found: Vec<Exception>,
    /// What else differs: from what was promised or, of a case that promises nothing about it, from before the block.
    pub others: Vec<PlaceDifference>,
    /// Whether `others` tells what changed in the block.
    pub from_before: bool,
}

/// Where two states differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// A general register.
    X(usize),
    /// The stack pointer.
    Sp,
    /// A SIMD register.
    V(usize),
    /// Flags, TCO, level.
    Pstate,
    /// A system register, in lower case.
    Register(String),
    /// The tag of the granule at this offset from the arena's start.
    Tag(u64),
    /// The eight bytes at this offset from the arena's start.
    Data(u64),
    /// Why a block ended, or how far a program came.
    End,
}

/// Something else that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceDifference {
    /// Where.
    pub place: Place,
    /// The value promised, or before.
    pub expected: String,
    /// The value found.
    pub found: String,
}

/// What a program showed that is not permitted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramMismatch {
    /// The blocks that differ, in order.
    pub blocks: Vec<BlockMismatch>,
    /// Tags that steps fetched, and tags and data at the end.
    pub memory: Vec<PlaceDifference>,
    /// The instructions of all its blocks.
    pub words: Vec<u32>,
    /// Whether all differences are listed.
    pub complete: bool,
}

impl Failure {
    /// Makes a failure of a promise that sentences alone describe.
    #[must_use]
    pub fn described(what: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), expected: expected.into(), found: found.into(), ..Self::default() }
    }

    /// Returns the mismatch, if the failure is one that can be excused at all.
    #[must_use]
    pub fn mismatch(&self) -> Option<&Mismatch> {
        match &self.kind {
            FailureKind::Mismatch(mismatch) => Some(mismatch),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_differ_are_summed_up_as_sets() {
        let mismatch = TagMismatch::new(0x1000, &[0, 3, 5, 7], &[0, 0, 0, 7]).unwrap();
        assert_eq!((mismatch.granules, mismatch.differing), (4, 2));
        assert_eq!((mismatch.expected, mismatch.found), (1 << 3 | 1 << 5, 1));
        assert_eq!(TagMismatch::new(0, &[1, 2], &[1, 2]), None);
        assert_eq!(TagMismatch::new(0, &[1, 2], &[2]), None);
        assert_eq!(TagMismatch::new(0, &[1], &[0x20]), None, "no tag");
    }

    #[test]
    fn only_a_mismatch_can_be_excused() {
        let of = |kind| Failure { kind, ..Failure::default() };
        assert!(of(FailureKind::default()).mismatch().is_some());
        for kind in [
            FailureKind::Guest(GuestError::Silent),
            FailureKind::MachineLost,
            FailureKind::Kernel { errno: 14 },
            FailureKind::KernelWarning,
            FailureKind::KernelDied,
            FailureKind::Request,
        ] {
            assert_eq!(of(kind).mismatch(), None);
        }
    }
}
