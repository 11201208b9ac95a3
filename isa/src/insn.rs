//! An instruction: a word that is known to decode, and the row it belongs to.

use core::fmt;

use crate::access::Access;
use crate::arg::{Arg, Args};
use crate::error::OperandError;
use crate::index::candidates;
use crate::op::Op;
use crate::row::{Row, rows};

/// An A64 instruction of the table. It can only be had by decoding, assembling or from operands that fit.
///
/// ```
/// use isa::{Insn, Op};
/// let insn = Insn::decode(0xd920_0820).unwrap();
/// assert_eq!(insn.op(), Op::Stg);
/// assert_eq!(insn.to_string(), "stg x0, [x1]");
/// assert_eq!(insn.encode(), 0xd920_0820);
/// ```
#[derive(Clone, Copy)]
pub struct Insn {
    row: &'static Row,
    word: u32,
}

impl Insn {
    /// Decodes an instruction word.
    ///
    /// `None` means: not in the table, or a fixed or reserved bit is not as it should be, or CONSTRAINED UNPREDICTABLE
    /// (such as a load that writes back to the register it loads).
    #[must_use]
    pub fn decode(word: u32) -> Option<Self> {
        candidates(word).find_map(|row| Self::decode_row(row, word))
    }

    /// Makes the instruction `op` with these operands; those with a default may be missing at the end.
    ///
    /// Where encodings of `op` differ in nothing but the size of the access, this is the one of whole registers;
    /// [`Row::insn`] makes the others.
    ///
    /// # Errors
    /// Says what is wrong with the first operand that fits no encoding of `op`.
    pub fn new(op: Op, args: &[Arg]) -> Result<Self, OperandError> {
        let mut best: Option<(usize, OperandError)> = None;
        for row in rows().iter().filter(|row| row.op() == op) {
            match row.build(args) {
                Ok(insn) => return Ok(insn),
                Err(error) => keep_best(&mut best, error),
            }
        }
        // Every op has a row: the macro that makes them demands it.
        Err(best.map_or(OperandError::Count { min: 0, max: 0, found: args.len() }, |(_, error)| error))
    }

    /// Returns the instruction word.
    #[must_use]
    pub const fn encode(self) -> u32 {
        self.word
    }

    /// Returns the instruction, named as a section of Arm ARM C6.2.
    #[must_use]
    pub const fn op(self) -> Op {
        self.row.op()
    }

    /// Returns the row of the table: the very encoding of the instruction.
    #[must_use]
    pub const fn row(self) -> &'static Row {
        self.row
    }

    /// Returns the operands in the order of assembly.
    #[must_use]
    pub fn args(self) -> Args {
        // Only words whose operands decode become an instruction, so the default is never taken.
        self.row.args(self.word).unwrap_or(Args::EMPTY)
    }

    /// Returns the size of what a load, store or atomic reads or writes in memory.
    ///
    /// `None` for all others, among them those that handle nothing but tags, and those whose size is in a register or
    /// depends on the CPU: memory copies and sets, DC ZVA.
    #[must_use]
    pub fn access(self) -> Option<Access> {
        self.row.size().or_else(|| match self.args().first() {
            Some(Arg::Vectors(vectors)) => {
                Some(Access { bytes: vectors.arrangement().vector_bytes(), count: vectors.count(), signed: false })
            }
            _ => None,
        })
    }

    pub(crate) fn decode_row(row: &'static Row, word: u32) -> Option<Self> {
        if word & row.mask() != row.bits() {
            return None;
        }
        let args = row.args(word)?;
        row.clash(&args).is_none().then_some(Self { row, word })
    }

    /// Joins a row and a word that the row is known to decode.
    pub(crate) const fn of(row: &'static Row, word: u32) -> Self {
        Self { row, word }
    }
}

/// Keeps of two errors, each with the index of its operand, the one about the form that was more likely meant.
pub(crate) fn keep_best(best: &mut Option<(usize, OperandError)>, new: (usize, OperandError)) {
    let rank = |(index, error): &(usize, OperandError)| {
        let is_count = matches!(error, OperandError::Count { .. });
        (!is_count, *index, error.is_about_value())
    };
    if best.as_ref().is_none_or(|best| rank(&new) > rank(best)) {
        *best = Some(new);
    }
}

impl PartialEq for Insn {
    /// No two rows decode the same word, so the words decide.
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

impl Eq for Insn {}

impl core::hash::Hash for Insn {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.word.hash(state);
    }
}

impl fmt::Debug for Insn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Insn({:#010x}: {self})", self.word)
    }
}

impl fmt::Display for Insn {
    /// Writes the instruction as `objdump -M no-aliases` does, but hints, `dc` and `ic` by name and a target as `.+8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let args = self.args();
        let defaults = self.row.operands().iter().map(|operand| operand.default());
        let left_out = args.iter().zip(defaults).rev().take_while(|(arg, default)| Some(**arg) == *default).count();
        let mut shown = args[..args.len() - left_out].iter();
        match (self.row.around_letters(), self.row.mnemonic()) {
            (Some((before, after)), _) => {
                f.write_str(before)?;
                if let Some(letters) = shown.next() {
                    letters.fmt(f)?;
                }
                f.write_str(after)?;
            }
            (None, mnemonic) => f.write_str(mnemonic)?,
        }
        for (index, arg) in shown.enumerate() {
            write!(f, "{}{arg}", if index == 0 { " " } else { ", " })?;
        }
        Ok(())
    }
}
