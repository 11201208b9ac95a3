//! Memory operands whose base moves by the size of the access: `[x1], #8` and `[x1, #-8]!` (FEAT_LRCPC3).

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::address::BASE;
use arch::{Address, Addressing, Arg};

/// A base register that is written back. The offset is not encoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step(i64);

/// After a load of a word.
pub(crate) const UP_4: Step = Step(4);
/// After a load of a doubleword, or of two words.
pub(crate) const UP_8: Step = Step(8);
/// After a load of two doublewords.
pub(crate) const UP_16: Step = Step(16);
/// Before a store of a word.
pub(crate) const DOWN_4: Step = Step(-4);
/// Before a store of a doubleword, or of two words.
pub(crate) const DOWN_8: Step = Step(-8);
/// Before a store of two doublewords.
pub(crate) const DOWN_16: Step = Step(-16);

impl Step {
    pub(crate) const fn mask(self) -> u32 {
        BASE.mask()
    }

    const fn addressing(self) -> Addressing {
        if self.0 > 0 { Addressing::PostIndex } else { Addressing::PreIndex }
    }

    /// Returns an address without an offset with this one's step.
    fn stepping(self, arg: Arg) -> Arg {
        match arg {
            Arg::Address(address) => Arg::Address(Address { offset: self.0, addressing: self.addressing(), ..address }),
            other => other,
        }
    }
}

impl Operand for Step {
    fn expects(&self) -> &'static str {
        match self.addressing() {
            Addressing::PostIndex => "an address such as [x1], #8, post-indexed by the size of the access",
            _ => "an address such as [x1, #-8]!, pre-indexed by the size of the access",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        BASE.decode(word).map(|plain| self.stepping(plain))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Address(address) if address.addressing == self.addressing() && address.offset == self.0 => {
                BASE.encode(Arg::Address(Address { offset: 0, addressing: Addressing::Offset, ..address }))
            }
            Arg::Address(Address { offset: value, addressing, .. }) if addressing == self.addressing() => {
                Err(OperandError::OutOfRange { what: "offset", value, min: self.0, max: self.0 })
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        BASE.samples().into_iter().map(|plain| self.stepping(plain)).collect()
    }
}
