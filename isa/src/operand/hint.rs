//! The number of HINT: `CRm:op2`, bits 11:5.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use arch::Arg;

/// A hint that has no row of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HintNumber;

pub(crate) const HINT_NUMBER: HintNumber = HintNumber;

impl HintNumber {
    const FIELD: Field = Field::unsigned(5, 7, 1);

    pub(crate) const fn mask(self) -> u32 {
        Self::FIELD.mask()
    }

    /// Returns whether a number has a row of its own or none at all.
    ///
    /// NOP, YIELD and the hints of FEAT_PAuth have rows: XPACLRI, PACIA1716 to AUTIB1716, PACIAZ to AUTIBSP. WFE and WFI
    /// have none: they wait for what never comes in a block.
    const fn is_other(number: i64) -> bool {
        matches!(number, 0 | 1 | 2 | 3 | 7 | 8 | 10 | 12 | 14 | 24..=31)
    }
}

impl Operand for HintNumber {
    fn expects(&self) -> &'static str {
        "the number of a hint, 0 to 127, that has no name and does not wait"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let number = Self::FIELD.read(word);
        (!Self::is_other(number)).then_some(Arg::Imm(number))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Imm(number) if Self::is_other(number) => Err(self.wrong_kind(&arg.to_string())),
            Arg::Imm(number) => Self::FIELD.write("hint", number),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        (0..=Self::FIELD.max()).filter(|number| !Self::is_other(*number)).map(Arg::Imm).collect()
    }
}
