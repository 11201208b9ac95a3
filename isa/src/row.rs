//! A row of the instruction table, and everything that follows from it: encoding, decoding, samples.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::access::Access;
use crate::arg::{Arg, Args};
use crate::error::OperandError;
use crate::insn::Insn;
use crate::op::Op;
use crate::operand::Operand;
use crate::table::ROWS;

/// Returns the whole instruction table.
#[must_use]
pub fn rows() -> &'static [Row] {
    &ROWS
}

/// Says which operands clash, if some do: a CONSTRAINED UNPREDICTABLE choice of registers.
pub(crate) type Rule = fn(&Args) -> Option<&'static str>;

/// Where in a mnemonic its first operand stands.
const LETTERS: &str = "{}";

/// Splits a mnemonic at its letters that are an operand. Done when this crate is compiled: an assembler asks all rows.
const fn split(mnemonic: &'static str) -> Option<(&'static str, &'static str)> {
    let (bytes, letters) = (mnemonic.as_bytes(), LETTERS.as_bytes());
    let mut at = 0;
    while at + letters.len() <= bytes.len() {
        if bytes[at] == letters[0] && bytes[at + 1] == letters[1] {
            let (before, rest) = mnemonic.split_at(at);
            return Some((before, rest.split_at(letters.len()).1));
        }
        at += 1;
    }
    None
}

/// One encoding of one instruction: fixed bits and operands.
#[derive(Clone, Copy)]
pub struct Row {
    op: Op,
    mnemonic: &'static str,
    /// What stands before and after the letters of the mnemonic that are an operand, if there are any.
    around: Option<(&'static str, &'static str)>,
    bits: u32,
    mask: u32,
    operands: &'static [&'static dyn Operand],
    moves: Option<Access>,
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
    ) -> Self {
        assert!(operands.len() <= Args::MAX, "raise Args::MAX");
        let mut owned = bits;
        let mut index = 0;
        while index < operand_masks.len() {
            assert!(owned & operand_masks[index] == 0, "operands of a row must not share bits");
            owned |= operand_masks[index];
            index += 1;
        }
        Self { op, mnemonic, around: split(mnemonic), bits, mask: !(owned ^ bits), operands, moves: None, rules: &[] }
    }

    /// Adds the size of what a load or store moves.
    pub(crate) const fn moves(self, size: Access) -> Self {
        Self { moves: Some(size), ..self }
    }

    /// Adds the rules that make some words unpredictable.
    pub(crate) const fn with_rules(self, rules: &'static [Rule]) -> Self {
        Self { rules, ..self }
    }

    /// Returns the instruction this row is an encoding of.
    #[must_use]
    pub const fn op(&self) -> Op {
        self.op
    }

    /// Returns the mnemonic; `{}` in it stands for the first operand, as in `b.{}` or `ldadd{}b`.
    #[must_use]
    pub const fn mnemonic(&self) -> &'static str {
        self.mnemonic
    }

    /// Returns what stands before and after the first operand in the mnemonic, if that is where it belongs.
    pub(crate) const fn around_letters(&self) -> Option<(&'static str, &'static str)> {
        self.around
    }

    /// Returns the size of what a load or store moves; LD1 and ST1 have it in their operands.
    pub(crate) const fn size(&self) -> Option<Access> {
        self.moves
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

    /// Makes the row's instruction with these operands; those with a default may be missing at the end.
    ///
    /// # Errors
    /// Says what is wrong with the first operand that does not fit.
    pub fn insn(&'static self, args: &[Arg]) -> Result<Insn, OperandError> {
        self.build(args).map_err(|(_, error)| error)
    }

    /// Lists the instructions in which every operand has an edge value, in all combinations that are predictable.
    ///
    /// The edges are the least and the greatest value, zero and a step to either side, registers 0, 30 and 31.
    #[must_use]
    pub fn samples(&'static self) -> Vec<Insn> {
        let mut words = vec![self.bits];
        for operand in self.operands {
            let values = operand.samples();
            if values.is_empty() {
                continue;
            }
            let fields: Vec<u32> = values.into_iter().filter_map(|value| operand.encode(value).ok()).collect();
            words = words.iter().flat_map(|word| fields.iter().map(move |field| word | field)).collect();
        }
        words.into_iter().filter_map(|word| Insn::decode_row(self, word)).collect()
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
        for (index, (operand, arg)) in self.operands.iter().zip(args).enumerate() {
            operand.check(word, *arg).map_err(|error| (index, error))?;
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
