//! A row of the instruction table, and everything that follows from it: encoding, decoding, samples.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::arg::{Arg, Args};
use crate::error::OperandError;
use crate::insn::Insn;
use crate::operand::Operand;
use crate::table::{Op, ROWS};

/// Returns the whole instruction table.
#[must_use]
pub fn rows() -> &'static [Row] {
    ROWS
}

/// Says which operands clash, if some do: a CONSTRAINED UNPREDICTABLE choice of registers.
pub(crate) type Rule = fn(&Args) -> Option<&'static str>;

/// One encoding of one instruction: fixed bits and operands.
pub struct Row {
    op: Op,
    mnemonic: &'static str,
    bits: u32,
    mask: u32,
    operands: &'static [&'static dyn Operand],
    rules: &'static [Rule],
}

impl Row {
    /// Makes a row; every bit of the word that no operand owns is fixed.
    ///
    /// Runs in a constant, so operands that overlap each other or a set fixed bit do not compile.
    pub(crate) const fn new(
        op: Op,
        mnemonic: &'static str,
        bits: u32,
        operands: &'static [&'static dyn Operand],
        operand_masks: &[u32],
        rules: &'static [Rule],
    ) -> Self {
        assert!(operands.len() <= Args::MAX, "raise Args::MAX");
        let mut owned = bits;
        let mut index = 0;
        while index < operand_masks.len() {
            assert!(owned & operand_masks[index] == 0, "operands of a row must not share bits");
            owned |= operand_masks[index];
            index += 1;
        }
        Self { op, mnemonic, bits, mask: !(owned ^ bits), operands, rules }
    }

    /// Returns the instruction this row is an encoding of.
    #[must_use]
    pub const fn op(&self) -> Op {
        self.op
    }

    /// Returns the mnemonic; one that ends with a dot is followed by a condition.
    #[must_use]
    pub const fn mnemonic(&self) -> &'static str {
        self.mnemonic
    }

    /// Returns the fixed bits of the word.
    #[must_use]
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// Returns which bits of the word are fixed; the others belong to operands.
    #[must_use]
    pub const fn mask(&self) -> u32 {
        self.mask
    }

    /// Fills the operands with bits of `random`; `None` where they come out reserved or unpredictable.
    ///
    /// With uniform `random` this draws uniformly from the instructions of the row.
    #[must_use]
    pub fn fill(&'static self, random: u32) -> Option<Insn> {
        Insn::decode_row(self, self.bits | random & !self.mask)
    }

    /// Lists the instructions in which every operand has an edge value, in all combinations that are predictable.
    ///
    /// The edges are the least and the greatest value, zero and a step to either side, registers 0, 30 and 31.
    #[must_use]
    pub fn samples(&'static self) -> Vec<Insn> {
        let mut combinations = vec![Vec::new()];
        for operand in self.operands {
            let values = operand.samples();
            combinations = combinations
                .iter()
                .flat_map(|combination| values.iter().map(|value| [combination.as_slice(), &[*value]].concat()))
                .collect();
        }
        combinations.iter().filter_map(|args| self.build(args).ok()).collect()
    }

    pub(crate) const fn operands(&self) -> &'static [&'static dyn Operand] {
        self.operands
    }

    /// Returns the fewest operands that may be written: those at the end that have a default may be missing.
    pub(crate) fn required(&self) -> usize {
        self.operands.iter().rposition(|operand| operand.default().is_none()).map_or(0, |last| last + 1)
    }

    /// Reads the operands of `word`, whose fixed bits are those of the row.
    pub(crate) fn args(&self, word: u32) -> Option<Args> {
        let mut args = Args::EMPTY;
        for operand in self.operands {
            args.push(operand.decode(word)?);
        }
        Some(args)
    }

    /// Says which operands clash.
    pub(crate) fn clash(&self, args: &Args) -> Option<&'static str> {
        self.rules.iter().find_map(|rule| rule(args))
    }

    /// Makes the instruction with these operands; an error comes with the index of the operand it is about.
    pub(crate) fn build(&'static self, args: &[Arg]) -> Result<Insn, (usize, OperandError)> {
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
        match self.args(word).and_then(|args| self.clash(&args)) {
            Some(clash) => Err((max.saturating_sub(1), OperandError::Unpredictable { clash })),
            None => Ok(Insn::of(self, word)),
        }
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, mnemonic, bits, mask, .. } = self;
        write!(f, "Row({op:?}: {mnemonic} {bits:#010x} of {mask:#010x})")
    }
}
