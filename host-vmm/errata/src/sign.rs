//! How an erratum shows, as data: which instruction does what instead of what, which number is which other one, which
//! tags are which others.

use arch::{Arg, ExceptionClass, FaultStatus, Syndrome};
use isa::Insn;

/// One way in which an erratum shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// An instruction takes another exception than it should, or one that it should not, or none.
    Instruction(InstructionSign),
    /// A number that a case looks at is another one.
    Number {
        /// What is looked at, as the failure names it; with `*` for any text.
        what: &'static [&'static str],
        /// The numbers.
        values: Numbers,
    },
    /// Tags are others: each granule that differs should have one of the first tags, and has one of the second.
    Tags {
        /// What they should be, a bit each.
        expected: u16,
        /// What they are, a bit each.
        found: u16,
    },
    /// One of these instructions stored a tag, the same to all granules that differ.
    TagsStored(&'static [&'static str]),
    /// A thread does not come back from the kernel.
    Blocked,
}

/// Which numbers are found instead of which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// These pairs: what should be, and what is.
    Pairs(&'static [(u64, u64)]),
    /// The number differs in these bits alone.
    Bits(u64),
    /// It is 0.
    Lost,
}

/// What an instruction does instead of what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstructionSign {
    /// Which instructions: how they begin as `isa` prints them, such as `dc zva` or `ldadd`.
    pub instructions: &'static [&'static str],
    /// Of those only lists of vectors of more bytes than this.
    pub longer_than: Option<u8>,
    /// Of those only what a predicate-as-counter governs.
    pub counted: bool,
    /// What should happen.
    pub promised: Reaction,
    /// What happens.
    pub found: Reaction,
    /// Where FAR_EL1 leads if both are aborts.
    pub far: Far,
}

/// What comes of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It is done, without an exception.
    Done,
    /// It is done, and a tag check fault is pending in TFSR_EL1 or TFSRE0_EL1.
    Pending,
    /// It takes a data abort.
    Abort {
        /// Of one of these kinds.
        statuses: &'static [FaultStatus],
        /// ESR_EL1.WnR; `None`: as the other reaction has it.
        write: Option<bool>,
        /// ESR_EL1.CM: one of cache maintenance.
        maintenance: bool,
    },
    /// It takes another exception, with this syndrome.
    Exception(u64),
}

/// How FAR_EL1 of what is found relates to that of what is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Far {
    /// It is the same.
    Same,
    /// It is the same, and in a window without tags: the fault is of a canonical tag.
    Untagged,
    /// It is the start of the cache line.
    StartOfLine,
    /// It is the start of the granule behind.
    NextGranule,
    /// It is the same, and the last byte of the address space.
    LastByte,
}

/// Faults that have the wrong direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction {
    /// The instructions, as in [`InstructionSign`].
    pub instructions: &'static [&'static str],
    /// Which of their faults.
    pub statuses: &'static [FaultStatus],
    /// What WnR should be.
    pub write: bool,
}

/// Loads and stores of lists of vectors and of their lanes, as the beginnings of what `isa` prints. ST2G is none of them.
pub(crate) const VECTOR_LISTS: &[&str] = &["ld1", "ld2", "ld3", "ld4", "st1 {", "st2 {", "st3 {", "st4 {"];

/// Contiguous loads and stores of SVE, as the beginnings of what `isa` prints; gathers and scatters begin so, too.
pub(crate) const SCALABLE_LISTS: &[&str] = &[
    "ld1b {z", "ld1h {z", "ld1w {z", "ld1d {z", "ld1sb {z", "ld1sh {z", "ld1sw {z", "ld1rq", "ld1ro", "ldnt1", "ld2b",
    "ld2h", "ld2w", "ld2d", "ld3b", "ld3h", "ld3w", "ld3d", "ld4b", "ld4h", "ld4w", "ld4d", "st1b {z", "st1h {z",
    "st1w {z", "st1d {z", "stnt1", "st2b", "st2h", "st2w", "st2d", "st3b", "st3h", "st3w", "st3d", "st4b", "st4h",
    "st4w", "st4d", "ld1q {za", "st1q {za",
];

/// All loads and stores of SVE, likewise.
pub(crate) const SCALABLE: &[&str] = &[
    "ld1b {z", "ld1h {z", "ld1w {z", "ld1d {z", "ld1s", "ld1r", "ldnt1", "ldr z", "ldr p", "st1b {z", "st1h {z",
    "st1w {z", "st1d {z", "stnt1", "str z", "str p", "ld2b", "ld2h", "ld2w", "ld2d", "ld3b", "ld3h", "ld3w", "ld3d",
    "ld4b", "ld4h", "ld4w", "ld4d", "st2b", "st2h", "st2w", "st2d", "st3b", "st3h", "st3w", "st3d", "st4b", "st4h",
    "st4w", "st4d", "ldff1", "ld1q {za", "st1q {za",
];

/// ESR_EL1.ISS of a data abort: cache maintenance, and a write.
pub(crate) const CM: u64 = 1 << 8;
pub(crate) const WNR: u64 = 1 << 6;
pub(crate) const DFSC: u64 = 0x3f;

/// An abort of a kind.
pub(crate) const fn abort(statuses: &'static [FaultStatus], write: bool) -> Reaction {
    Reaction::Abort { statuses, write: Some(write), maintenance: false }
}

/// An abort of a kind, a read or a write.
pub(crate) const fn any_abort(statuses: &'static [FaultStatus]) -> Reaction {
    Reaction::Abort { statuses, write: None, maintenance: false }
}

/// These instructions do one thing instead of another.
pub(crate) const fn instead(
    instructions: &'static [&'static str],
    promised: Reaction,
    found: Reaction,
) -> InstructionSign {
    InstructionSign { instructions, longer_than: None, counted: false, promised, found, far: Far::Same }
}

/// Faults of these instructions have the wrong direction.
pub(crate) const fn direction(
    instructions: &'static [&'static str],
    statuses: &'static [FaultStatus],
    write: bool,
) -> Sign {
    Sign::Instruction(instead(instructions, abort(statuses, write), abort(statuses, !write)))
}

impl Sign {
    /// Returns the faults whose direction alone is wrong, if that is what the sign says.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        let Self::Instruction(sign) = self else { return None };
        match (sign.promised, sign.found) {
            (
                Reaction::Abort { statuses, write: Some(write), .. },
                Reaction::Abort { statuses: same, write: Some(other), .. },
            ) if statuses == same && write != other && sign.far == Far::Same => {
                Some(Direction { instructions: sign.instructions, statuses, write })
            }
            _ => None,
        }
    }
}

impl Direction {
    /// Returns whether an instruction is one of these.
    #[must_use]
    pub fn concerns(&self, insn: Insn) -> bool {
        begins(insn, self.instructions)
    }
}

impl InstructionSign {
    /// Returns whether the instruction is one of those that the sign is about.
    pub(crate) fn concerns(&self, insn: Insn) -> bool {
        let list = || insn.args().iter().any(|arg| matches!(arg, Arg::VectorList(_)));
        let long = |least: u8| list() && insn.access().is_some_and(|access| access.total() > least);
        let counter = || insn.args().iter().any(|arg| matches!(arg, Arg::PredicateCounter(_)));
        begins(insn, self.instructions) && self.longer_than.is_none_or(long) && (!self.counted || counter())
    }
}

/// Returns whether an instruction begins like one of these, in print.
pub(crate) fn begins(insn: Insn, beginnings: &[&str]) -> bool {
    let text = insn.to_string();
    beginnings.iter().any(|beginning| text.starts_with(beginning))
}

impl Reaction {
    /// Returns whether a synchronous exception is this.
    pub(crate) fn is(self, esr: u64) -> bool {
        match self {
            Self::Done | Self::Pending => false,
            Self::Exception(syndrome) => esr == syndrome,
            Self::Abort { statuses, write, maintenance } => {
                let syndrome = Syndrome::from_bits(esr);
                let class = syndrome.class();
                matches!(class, ExceptionClass::DATA_ABORT_LOWER | ExceptionClass::DATA_ABORT_SAME)
                    && syndrome.dfsc().is_some_and(|status| statuses.contains(&status))
                    && write.is_none_or(|write| write == (esr & WNR != 0))
                    && maintenance == (esr & CM != 0)
            }
        }
    }

    /// Returns whether no synchronous exception is taken.
    pub(crate) fn is_silent(self) -> bool {
        matches!(self, Self::Done | Self::Pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_vectors_are_no_tags() {
        let concerns = |text: &str| begins(assembler::assemble(text).unwrap()[0], VECTOR_LISTS);
        for text in ["ld1 {v0.8b}, [x0]", "ld4r {v0.8b-v3.8b}, [x0]", "st2 {v0.b, v1.b}[1], [x0]", "st1 {v0.2d}, [x0]"]
        {
            assert!(concerns(text), "{text}");
        }
        for text in ["st2g x0, [x0]", "stz2g x0, [x0]", "str q0, [x0]", "ldr q0, [x0]"] {
            assert!(!concerns(text), "{text}");
        }
    }
}
