//! Memory addresses with a register offset instead of an immediate.

use core::fmt;

use crate::extend::ExtendKind;
use crate::register::Reg;

/// A base register plus an extended and shifted index register: `[x1, w2, uxtw #3]` (Arm ARM C1.3.3).
///
/// ```
/// use arch::{ExtendKind, Indexed, Reg};
/// let address = Indexed { base: Reg::SP, index: Reg::WZR, extend: ExtendKind::Sxtw, amount: Some(3) };
/// assert_eq!((address.to_string().as_str(), address.shift()), ("[sp, wzr, sxtw #3]", 3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// The base register; register 31 is the stack pointer.
    pub base: Reg,
    /// The index register: W for `uxtw` and `sxtw`, X for `uxtx` and `sxtx`; register 31 is the zero register.
    pub index: Reg,
    /// The extension of the index to 64 bits. [`ExtendKind::Uxtx`] is written `lsl`.
    pub extend: ExtendKind,
    /// The left shift of the extended index, in bits. `None` shifts by 0 too, but is another encoding and assembly.
    pub amount: Option<u8>,
}

impl Indexed {
    /// Returns the left shift of the extended index in bits, 0 to 4.
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

/// A base register that is post-indexed by another register: `[x1], x2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostIndexed {
    /// The base register; register 31 is the stack pointer.
    pub base: Reg,
    /// The register that is added to the base after the access: `x0` to `x30`.
    pub index: Reg,
}

impl fmt::Display for PostIndexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base, index } = self;
        write!(f, "[{base}], {index}")
    }
}
