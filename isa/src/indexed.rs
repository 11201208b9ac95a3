//! Memory addresses with a register in place of a constant offset.

use core::fmt;

use crate::extend::ExtendKind;
use crate::register::Reg;

/// A base register plus an extended and shifted index register: `[x1, w2, uxtw #3]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// The base; register 31 is the stack pointer.
    pub base: Reg,
    /// The index: a W register under `uxtw` and `sxtw`, an X register under `uxtx` and `sxtx`; 31 is the zero register.
    pub index: Reg,
    /// How the index is extended to 64 bits. [`ExtendKind::Uxtx`] is written `lsl`.
    pub extend: ExtendKind,
    /// By how many bits the extended index is shifted to the left; `None` is 0, encoded and written differently.
    pub amount: Option<u8>,
}

impl Indexed {
    /// Returns by how many bits the extended index is shifted to the left, 0 to 4.
    #[must_use]
    pub const fn shift(self) -> u8 {
        match self.amount {
            Some(amount) => amount,
            None => 0,
        }
    }
}

impl fmt::Display for Indexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base, index, extend, amount } = self;
        let name = if *extend == ExtendKind::Uxtx { "lsl" } else { extend.name() };
        match amount {
            Some(amount) => write!(f, "[{base}, {index}, {name} #{amount}]"),
            None if *extend == ExtendKind::Uxtx => write!(f, "[{base}, {index}]"),
            None => write!(f, "[{base}, {index}, {name}]"),
        }
    }
}

/// A base register that is used as it is and then moved by another register: `[x1], x2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostIndexed {
    /// The base; register 31 is the stack pointer.
    pub base: Reg,
    /// What is added to the base: `x0` to `x30`.
    pub index: Reg,
}

impl fmt::Display for PostIndexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base, index } = self;
        write!(f, "[{base}], {index}")
    }
}
