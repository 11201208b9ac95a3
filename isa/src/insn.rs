//! An instruction: a word that is known to decode, and the row it belongs to.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::access::Access;
use crate::error::OperandError;
use crate::index::candidates;
use crate::row::Row;
use crate::table::rows;
use arch::{Arg, Args, Op};

/// A valid A64 instruction of the table.
///
/// It is created by decoding a word ([`Insn::decode`]), by assembling text (the package `assembler`) or from
/// operands ([`Insn::new`]), so the word always decodes.
///
/// ```
/// use arch::Op;
/// use isa::Insn;
/// let insn = Insn::decode(0xd920_0820).unwrap();
/// assert_eq!(insn.op(), Op::Stg);
/// assert_eq!(insn.to_string(), "stg x0, [x1]");
/// assert_eq!(insn.encode(), 0xd920_0820);
/// // Bits 11:10 of zero make it STZGM, whose offset must be 0.
/// assert_eq!(Insn::decode(0xd920_1020), None);
/// ```
#[derive(Clone, Copy)]
pub struct Insn {
    row: &'static Row,
    word: u32,
}

impl Insn {
    /// Decodes an instruction word.
    ///
    /// Returns `None` if the instruction is not in the table, if a fixed bit or field has a reserved value, or if the
    /// word is CONSTRAINED UNPREDICTABLE, such as a load that writes back to the register it loads.
    #[must_use]
    pub fn decode(word: u32) -> Option<Self> {
        candidates(word).find_map(|row| Self::decode_row(row, word))
    }

    /// Creates the instruction `op` with these operands. Trailing operands that have a default may be left out.
    ///
    /// Where the encodings of `op` differ only in the size of the access, this returns the one that transfers whole
    /// registers; use [`Row::insn`] for the others.
    ///
    /// ```
    /// use arch::{Arg, Reg};
    /// use arch::Op;
    /// use isa::Insn;
    /// let irg = Insn::new(Op::Irg, &[Arg::Reg(Reg::SP), Arg::Reg(Reg::SP)]).unwrap();
    /// assert_eq!((irg.to_string().as_str(), irg.encode()), ("irg sp, sp", 0x9adf_13ff));
    /// let error = Insn::new(Op::Irg, &[Arg::Reg(Reg::XZR), Arg::Reg(Reg::SP)]).unwrap_err();
    /// assert_eq!(error.to_string(), "expected a register x0 to x30 or sp, found `xzr`");
    /// ```
    ///
    /// # Errors
    /// Returns the error of the first invalid operand if no encoding of `op` accepts the operands.
    pub fn new(op: Op, args: &[Arg]) -> Result<Self, OperandError> {
        let mut best: Option<(usize, OperandError)> = None;
        for row in rows().iter().filter(|row| row.op() == op) {
            match row.build(args) {
                Ok(insn) => return Ok(insn),
                Err(error) => keep_best(&mut best, error),
            }
        }
        // Every op has a row (tests/table.rs), so an error was recorded.
        Err(best.map_or(OperandError::Count { min: 0, max: 0, found: args.len() }, |(_, error)| error))
    }

    /// Returns the instruction word.
    #[must_use]
    pub const fn encode(self) -> u32 {
        self.word
    }

    /// Returns the instruction, named after its section in Arm ARM C6.2 or C7.2.
    #[must_use]
    pub const fn op(self) -> Op {
        self.row.op()
    }

    /// Returns the row of the table, which identifies the encoding.
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

    /// Returns the size of the memory access of a load, store or atomic.
    ///
    /// Returns `None` for all other instructions. Among them are those that access only tags, and those whose size is
    /// in a register or depends on the CPU: memory copies and sets, and DC ZVA.
    ///
    /// ```
    /// let access = |word| isa::Insn::decode(word).unwrap().access();
    /// assert_eq!(access(0xa940_07e0).map(|access| access.total()), Some(16)); // ldp x0, x1, [sp]
    /// assert_eq!(access(0xd920_0820), None); // stg x0, [x1]
    /// ```
    #[must_use]
    pub fn access(self) -> Option<Access> {
        self.row.access().or_else(|| {
            let (bytes, count) = match self.row.first_arg(self.word)? {
                Arg::VectorList(vectors) if self.op().replicates() => {
                    (vectors.arrangement().element_bytes(), vectors.count())
                }
                Arg::VectorList(vectors) => (vectors.arrangement().vector_bytes(), vectors.count()),
                Arg::LaneList(lanes) => (lanes.width().bytes(), lanes.count()),
                _ => return None,
            };
            Some(Access { bytes, count, signed: false })
        })
    }

    fn decode_row(row: &'static Row, word: u32) -> Option<Self> {
        (word & row.mask() == row.bits() && row.accepts(word)).then_some(Self { row, word })
    }
}

/// Creation of instructions from a row.
impl Row {
    /// Creates an instruction of the row from uniformly random bits.
    ///
    /// The fixed bits are the row's and the operands take theirs from `random`. Returns `None` if an operand comes out
    /// reserved or the instruction CONSTRAINED UNPREDICTABLE, so with uniformly distributed `random` the instructions
    /// of the row are uniformly distributed.
    #[must_use]
    pub fn fill(&'static self, random: u32) -> Option<Insn> {
        Insn::decode_row(self, self.bits() | random & !self.mask())
    }

    /// Creates the instruction of this row with these operands. Trailing operands that have a default may be left out.
    ///
    /// # Errors
    /// Returns the error of the first operand that the row does not accept.
    pub fn insn(&'static self, args: &[Arg]) -> Result<Insn, OperandError> {
        self.build(args).map_err(|(_, error)| error)
    }

    /// Returns the instructions in which every operand has an edge value, in all combinations that are predictable.
    ///
    /// Edge values are the minimum, the maximum, zero and one step to either side of it, and registers 0, 30 and 31.
    #[must_use]
    pub fn samples(&'static self) -> Vec<Insn> {
        let mut words = vec![self.bits()];
        for operand in self.operands() {
            let values = operand.samples();
            if values.is_empty() {
                continue;
            }
            let fields: Vec<u32> = values.into_iter().filter_map(|value| operand.encode(value).ok()).collect();
            words = words.iter().flat_map(|word| fields.iter().map(move |field| word | field)).collect();
        }
        words.into_iter().filter_map(|word| Insn::decode_row(self, word)).collect()
    }

    /// Creates the instruction with these operands.
    ///
    /// # Errors
    /// Says what is wrong with an operand, and the index of that operand.
    pub fn build(&'static self, args: &[Arg]) -> Result<Insn, (usize, OperandError)> {
        self.encode(args).map(|word| Insn { row: self, word })
    }
}

/// Keeps the error of the row that was more likely meant. Each error comes with the index of its operand.
pub fn keep_best(best: &mut Option<(usize, OperandError)>, new: (usize, OperandError)) {
    let rank = |(index, error): &(usize, OperandError)| {
        let is_count = matches!(error, OperandError::Count { .. });
        (!is_count, *index, error.is_about_value())
    };
    if best.as_ref().is_none_or(|best| rank(&new) > rank(best)) {
        *best = Some(new);
    }
}

impl PartialEq for Insn {
    /// Compares the words: no two rows decode the same word.
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
    /// Writes the instruction as `objdump -M no-aliases` does, except that hints, `dc` and `ic` operations have their
    /// names and branch targets are relative (`.+8`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let args = self.args();
        let defaults = self.row.operands().iter().map(|operand| operand.default());
        let omitted = args.iter().zip(defaults).rev().take_while(|(arg, default)| Some(**arg) == *default).count();
        let mut shown = args[..args.len() - omitted].iter();
        match (self.row.split_mnemonic(), self.row.mnemonic()) {
            (Some((before, after)), _) => {
                f.write_str(before)?;
                if let Some(embedded) = shown.next() {
                    embedded.fmt(f)?;
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
