//! Pairs of registers as CASP names them: an even one, and the one after it, which has no bits of its own.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::arg::Arg;
use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::register::{WD, WM, XD, XM};
use crate::register::{Reg, RegClass};

/// The first of a pair; an odd number is UNDEFINED.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Even(crate::operand::register::Gpr);

pub(crate) const XS_EVEN: Even = Even(XM);
pub(crate) const WS_EVEN: Even = Even(WM);
pub(crate) const XT_EVEN: Even = Even(XD);
pub(crate) const WT_EVEN: Even = Even(WD);

impl Even {
    pub(crate) const fn mask(self) -> u32 {
        self.0.mask()
    }

    fn is_even(arg: Arg) -> bool {
        matches!(arg, Arg::Reg(register) if register.index() % 2 == 0)
    }
}

impl Operand for Even {
    fn expects(&self) -> &'static str {
        "a register with an even number"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        self.0.decode(word).filter(|arg| Self::is_even(*arg))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        if Self::is_even(arg) { self.0.encode(arg) } else { Err(self.wrong_kind(&arg.to_string())) }
    }

    fn samples(&self) -> Vec<Arg> {
        let numbered = |index: u32| self.0.decode(index << self.mask().trailing_zeros());
        [0, 2, 16, 30].into_iter().filter_map(numbered).collect()
    }
}

/// The second of a pair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct After(Even);

pub(crate) const XS_ODD: After = After(XS_EVEN);
pub(crate) const WS_ODD: After = After(WS_EVEN);
pub(crate) const XT_ODD: After = After(XT_EVEN);
pub(crate) const WT_ODD: After = After(WT_EVEN);

impl After {
    pub(crate) const fn mask(self) -> u32 {
        0
    }
}

impl Operand for After {
    fn expects(&self) -> &'static str {
        "the register after the one before"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let Some(Arg::Reg(first)) = self.0.decode(word) else { return None };
        Reg::new(first.index() + 1, first.class()).map(Arg::Reg)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Reg(register) if matches!(register.class(), RegClass::X | RegClass::W) => Ok(0),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        Vec::new()
    }

    fn check(&self, word: u32, arg: Arg) -> Result<(), OperandError> {
        if self.decode(word) == Some(arg) { Ok(()) } else { Err(self.wrong_kind(&arg.to_string())) }
    }
}
