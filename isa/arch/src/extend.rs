//! The extension of a register operand: its width, and whether it is sign-extended or zero-extended.

use core::fmt;

/// An extension, in the order of its three-bit encoding (Arm ARM, `DecodeRegExtend` and `ExtendReg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExtendKind {
    /// Zero-extend the low byte.
    Uxtb,
    /// Zero-extend the low halfword.
    Uxth,
    /// Zero-extend the low word.
    Uxtw,
    /// All 64 bits; written `lsl` in an address.
    Uxtx,
    /// Sign-extend the low byte.
    Sxtb,
    /// Sign-extend the low halfword.
    Sxth,
    /// Sign-extend the low word.
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

    /// Returns the number of bits that are extended: 8, 16, 32 or 64.
    #[must_use]
    pub const fn bits(self) -> u32 {
        8 << (self as u32 & 3)
    }

    /// Returns whether the bits are sign-extended.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        self as u8 >= Self::Sxtb as u8
    }

    /// Finds a kind by its name, ignoring case.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for ExtendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An extension of the preceding register, followed by a left shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extend {
    /// The extension.
    pub kind: ExtendKind,
    /// The left shift in bits, 0 to 4.
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
