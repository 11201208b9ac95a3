//! Register pairs of CASP: an even-numbered register, and the next one, which has no bits of its own.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::register::{WD, WM, XD, XM};
use arch::{Arg, Reg, RegClass};

/// The first register of a pair; an odd number is UNDEFINED.
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
        "an even-numbered register"
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

/// The second register of a pair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Odd(Even);

pub(crate) const XS_ODD: Odd = Odd(XS_EVEN);
pub(crate) const WS_ODD: Odd = Odd(WS_EVEN);
pub(crate) const XT_ODD: Odd = Odd(XT_EVEN);
pub(crate) const WT_ODD: Odd = Odd(WT_EVEN);

impl Odd {
    pub(crate) const fn mask(self) -> u32 {
        0
    }
}

impl Operand for Odd {
    fn expects(&self) -> &'static str {
        "the next consecutive register"
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
