//! A row of the instruction table: the fixed bits, operands and constraints of one encoding.
//!
//! Rows decode and encode operands; [`Insn`](crate::Insn) joins a row with an instruction word.

use core::fmt;

use crate::access::Access;
use crate::error::OperandError;
use crate::feature::Feature;
use crate::operand::Operand;
use arch::{Arg, Args, Op};

/// Returns why a choice of registers is CONSTRAINED UNPREDICTABLE, or `None` if it is not.
pub(crate) type Constraint = fn(&Args) -> Option<&'static str>;

/// Stands in a mnemonic for the row's first operand, such as the condition of `b.eq`.
const PLACEHOLDER: &str = "{}";

/// Splits a mnemonic at its placeholder. Evaluated at compile time, because the assembler looks at every row.
const fn split(mnemonic: &'static str) -> Option<(&'static str, &'static str)> {
    let (bytes, placeholder) = (mnemonic.as_bytes(), PLACEHOLDER.as_bytes());
    let mut at = 0;
    while at + placeholder.len() <= bytes.len() {
        if bytes[at] == placeholder[0] && bytes[at + 1] == placeholder[1] {
            let (before, rest) = mnemonic.split_at(at);
            return Some((before, rest.split_at(placeholder.len()).1));
        }
        at += 1;
    }
    None
}

/// One encoding of one instruction (an encoding diagram of Arm ARM C6.2 or C7.2).
///
/// ```
/// let rows = isa::rows().iter().filter(|row| row.op() == arch::Op::Stg);
/// let bits: Vec<u32> = rows.map(|row| row.bits()).collect();
/// assert_eq!(bits, [0xd920_0800, 0xd920_0c00, 0xd920_0400]); // signed offset, pre-index, post-index
/// ```
#[derive(Clone, Copy)]
pub struct Row {
    op: Op,
    mnemonic: &'static str,
    /// The parts of the mnemonic before and after its placeholder, if it has one.
    split_mnemonic: Option<(&'static str, &'static str)>,
    bits: u32,
    mask: u32,
    operands: &'static [&'static dyn Operand],
    access: Option<Access>,
    constraints: &'static [Constraint],
    feature: Option<Feature>,
}

impl Row {
    /// Creates a row; every bit of the word that no operand owns is fixed.
    ///
    /// # Panics
    /// If operands overlap each other or a fixed bit that is set. Rows are constants, so this is a compile error.
    pub(crate) const fn new(
        op: Op,
        mnemonic: &'static str,
        bits: u32,
        operands: &'static [&'static dyn Operand],
        operand_masks: &[u32],
    ) -> Self {
        assert!(operands.len() <= Args::MAX, "raise Args::MAX");
        let mut owned = bits;
        let mut index = 0;
        while index < operand_masks.len() {
            assert!(owned & operand_masks[index] == 0, "operands of a row must not share bits");
            owned |= operand_masks[index];
            index += 1;
        }
        let split_mnemonic = split(mnemonic);
        let mask = !(owned ^ bits);
        Self { op, mnemonic, split_mnemonic, bits, mask, operands, access: None, constraints: &[], feature: None }
    }

    /// Sets the size of the memory access of a load or store.
    pub(crate) const fn with_access(self, access: Access) -> Self {
        Self { access: Some(access), ..self }
    }

    /// Sets the constraints that exclude some words as CONSTRAINED UNPREDICTABLE.
    pub(crate) const fn with_constraints(self, constraints: &'static [Constraint]) -> Self {
        Self { constraints, ..self }
    }

    /// Sets the feature without which the instruction is UNDEFINED.
    pub(crate) const fn with_feature(self, feature: Feature) -> Self {
        Self { feature: Some(feature), ..self }
    }

    /// Returns the instruction that the row encodes.
    #[must_use]
    pub const fn op(&self) -> Op {
        self.op
    }

    /// Returns the mnemonic. `{}` in it stands for the first operand, as in `b.{}` or `ldadd{}b`.
    #[must_use]
    pub const fn mnemonic(&self) -> &'static str {
        self.mnemonic
    }

    /// Returns the parts of the mnemonic before and after its placeholder, or `None` if it has none.
    #[must_use]
    pub const fn split_mnemonic(&self) -> Option<(&'static str, &'static str)> {
        self.split_mnemonic
    }

    /// Returns the size of the memory access. LD1 and ST1 return `None`: their size follows from their operands.
    pub(crate) const fn access(&self) -> Option<Access> {
        self.access
    }

    /// Returns the feature without which the instruction is UNDEFINED, of those that [`Feature`] lists.
    #[must_use]
    pub const fn feature(&self) -> Option<Feature> {
        self.feature
    }

    /// Returns the values of the fixed bits of the word; all other bits are 0.
    #[must_use]
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// Returns a mask of the fixed bits of the word; the other bits belong to operands.
    #[must_use]
    pub const fn mask(&self) -> u32 {
        self.mask
    }

    /// Returns the kinds of its operands, in the order of assembly.
    #[must_use]
    pub const fn operands(&self) -> &'static [&'static dyn Operand] {
        self.operands
    }

    /// Returns the minimum number of operands in assembly: trailing operands that have a default are optional.
    fn required(&self) -> usize {
        self.operands.iter().rposition(|operand| operand.default().is_none()).map_or(0, |last| last + 1)
    }

    /// Decodes the operands of `word`, whose fixed bits must be those of the row. Returns `None` for a reserved value.
    pub(crate) fn args(&self, word: u32) -> Option<Args> {
        let mut args = Args::EMPTY;
        for operand in self.operands {
            args.push(operand.decode(word)?);
        }
        Some(args)
    }

    /// Returns whether a word with the fixed bits of the row has no reserved value and is not CONSTRAINED UNPREDICTABLE.
    pub(crate) fn accepts(&self, word: u32) -> bool {
        // Most rows have no constraint, and so no need for all operands at once.
        if self.constraints.is_empty() {
            return self.operands.iter().all(|operand| operand.decode(word).is_some());
        }
        self.args(word).is_some_and(|args| self.unpredictable(&args).is_none())
    }

    /// Decodes the first operand of a word that the row accepts.
    pub(crate) fn first_arg(&self, word: u32) -> Option<Arg> {
        self.operands.first()?.decode(word)
    }

    /// Returns why these operands are CONSTRAINED UNPREDICTABLE, or `None` if they are not.
    pub(crate) fn unpredictable(&self, args: &Args) -> Option<&'static str> {
        self.constraints.iter().find_map(|constraint| constraint(args))
    }

    /// Encodes the operands into an instruction word. An error comes with the index of the operand it is about.
    pub(crate) fn encode(&self, args: &[Arg]) -> Result<u32, (usize, OperandError)> {
        let (min, max, found) = (self.required(), self.operands.len(), args.len());
        if found < min || found > max {
            return Err((found.min(max), OperandError::Count { min, max, found }));
        }
        let mut word = self.bits;
        for (index, operand) in self.operands.iter().enumerate() {
            if let Some(arg) = args.get(index).copied().or_else(|| operand.default()) {
                word |= operand.encode(arg).map_err(|error| (index, error))?;
            }
        }
        for (index, (operand, arg)) in self.operands.iter().zip(args).enumerate() {
            operand.check(word, *arg).map_err(|error| (index, error))?;
        }
        match self.args(word).and_then(|args| self.unpredictable(&args)) {
            Some(reason) => Err((max.saturating_sub(1), OperandError::Unpredictable { reason })),
            None => Ok(word),
        }
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, mnemonic, bits, mask, .. } = self;
        write!(f, "Row({op:?}: {mnemonic} {bits:#010x} of {mask:#010x})")
    }
}
