//! The extension of a register operand: how many of its low bits count, and what stands above them.

use core::fmt;

/// An extension, in the order of its three-bit encoding (Arm ARM, `DecodeRegExtend` and `ExtendReg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExtendKind {
    /// The low byte, zeros above.
    Uxtb,
    /// The low halfword, zeros above.
    Uxth,
    /// The low word, zeros above.
    Uxtw,
    /// All 64 bits; in an address it is written `lsl`.
    Uxtx,
    /// The low byte, copies of its sign above.
    Sxtb,
    /// The low halfword, copies of its sign above.
    Sxth,
    /// The low word, copies of its sign above.
    Sxtw,
    /// All 64 bits.
    Sxtx,
}

impl ExtendKind {
    /// All kinds, indexed by encoding.
    pub const ALL: [Self; 8] =
        [Self::Uxtb, Self::Uxth, Self::Uxtw, Self::Uxtx, Self::Sxtb, Self::Sxth, Self::Sxtw, Self::Sxtx];

    const NAMES: [&str; 8] = ["uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx"];

    /// Returns the name in assembly, such as `uxtw`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Returns how many bits of the register count: 8, 16, 32 or 64.
    #[must_use]
    pub const fn bits(self) -> u32 {
        8 << (self as u32 & 3)
    }

    /// Tells whether the bits above repeat the sign.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        self as u8 >= Self::Sxtb as u8
    }

    /// Finds a kind by its name, in either case.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for ExtendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An extension of the register before it, then a shift to the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extend {
    /// The extension.
    pub kind: ExtendKind,
    /// By how many bits the result is shifted to the left, 0 to 4.
    pub amount: u8,
}

impl fmt::Display for Extend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.amount {
            0 => self.kind.fmt(f),
            amount => write!(f, "{} #{amount}", self.kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_indexed_by_encoding() {
        for (encoding, kind) in (0..).zip(ExtendKind::ALL) {
            assert_eq!(kind as u8, encoding);
            assert_eq!(ExtendKind::by_name(kind.name()), Some(kind));
            assert_eq!(kind.is_signed(), kind.name().starts_with('s'));
        }
        assert_eq!(ExtendKind::ALL.map(ExtendKind::bits), [8, 16, 32, 64, 8, 16, 32, 64]);
    }
}
