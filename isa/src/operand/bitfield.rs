//! Bit numbers: of TBZ and TBNZ, and `immr` and `imms` of the bitfield moves.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use arch::Arg;

const WHAT: &str = "bit number";

/// A bit number: `first` plus the value of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BitNumber {
    field: Field,
    first: u8,
}

const fn bit_number(shift: u32, width: u32) -> BitNumber {
    BitNumber { field: Field::unsigned(shift, width.ilog2(), 1), first: 0 }
}

/// `immr` of SBFM, BFM and UBFM on X registers: the right rotate amount.
pub(crate) const IMMR_X: BitNumber = bit_number(16, 64);
/// `immr` on W registers.
pub(crate) const IMMR_W: BitNumber = bit_number(16, 32);
/// `imms` on X registers: the leftmost bit to move from the source.
pub(crate) const IMMS_X: BitNumber = bit_number(10, 64);
/// `imms` on W registers.
pub(crate) const IMMS_W: BitNumber = bit_number(10, 32);
/// Bits 0 to 31, of TBZ and TBNZ with `b5` 0.
pub(crate) const BIT_LOW: BitNumber = bit_number(19, 32);
/// Bits 32 to 63, of TBZ and TBNZ with `b5` 1.
pub(crate) const BIT_HIGH: BitNumber = BitNumber { first: 32, ..BIT_LOW };

impl BitNumber {
    pub(crate) const fn mask(self) -> u32 {
        self.field.mask()
    }

    fn value(self, raw: i64) -> Arg {
        Arg::BitNumber(raw as u8 + self.first)
    }
}

impl Operand for BitNumber {
    fn expects(&self) -> &'static str {
        "a bit number such as #3"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        Some(self.value(self.field.read(word)))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let value = match arg {
            Arg::BitNumber(number) => i64::from(number),
            Arg::Imm(number) => number,
            _ => return Err(self.wrong_kind(&arg.to_string())),
        };
        let first = i64::from(self.first);
        let (min, max) = (first, first + self.field.max());
        if !(min..=max).contains(&value) {
            return Err(OperandError::OutOfRange { what: WHAT, value, min, max });
        }
        self.field.write(WHAT, value - first)
    }

    fn samples(&self) -> Vec<Arg> {
        self.field.edges().into_iter().map(|raw| self.value(raw)).collect()
    }
}
