//! The first of the eight consecutive registers of a 64-byte access (FEAT_LS64).

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::register::{Gpr, XT};
use arch::Arg;

/// An even register, x0 to x22; others are UNDEFINED (Arm ARM C6.2, LD64B).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eight(Gpr);

pub(crate) const XT_EIGHT: Eight = Eight(XT);

/// The last register with seven others after it.
const LAST: u8 = 22;

impl Eight {
    pub(crate) const fn mask(self) -> u32 {
        self.0.mask()
    }

    fn is_first(arg: Arg) -> bool {
        matches!(arg, Arg::Reg(register) if register.index() % 2 == 0 && register.index() <= LAST)
    }
}

impl Operand for Eight {
    fn expects(&self) -> &'static str {
        "an even-numbered register x0 to x22"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        self.0.decode(word).filter(|arg| Self::is_first(*arg))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        if Self::is_first(arg) { self.0.encode(arg) } else { Err(self.wrong_kind(&arg.to_string())) }
    }

    fn samples(&self) -> Vec<Arg> {
        [0, 2, 8, LAST].into_iter().filter_map(|index| self.0.decode(index.into())).collect()
    }
}
