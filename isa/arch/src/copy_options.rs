//! The options of the memory copy and memory set instructions, the suffixes of their mnemonics.

use core::fmt;

/// The options of CPY*, the four bits of `op2` (Arm ARM C6.2, CPYFP and its fifteen variants).
///
/// Bit 0 makes the stores unprivileged, bit 1 the loads. Bits 2 and 3 are the non-temporal hints of stores and loads.
///
/// ```
/// use arch::CopyOptions;
/// let options = CopyOptions::new(0b0001).unwrap();
/// assert_eq!((options.name(), options.writes_unprivileged(), options.reads_unprivileged()), ("wt", true, false));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CopyOptions(u8);

impl CopyOptions {
    /// The suffixes, indexed by the bits.
    const NAMES: [&str; 16] =
        ["", "wt", "rt", "t", "wn", "wtwn", "rtwn", "twn", "rn", "wtrn", "rtrn", "trn", "n", "wtn", "rtn", "tn"];

    /// Creates the options from `op2`. Returns `None` if `bits` is above 15.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if bits < 16 { Some(Self(bits)) } else { None }
    }

    /// Returns all options, in ascending order of their bits.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..16).map(Self)
    }

    /// Returns the four bits of `op2`, 0 to 15.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Returns whether the stores are unprivileged: checked as if executed at EL0.
    #[must_use]
    pub const fn writes_unprivileged(self) -> bool {
        self.0 & 1 != 0
    }

    /// Returns whether the loads are unprivileged: checked as if executed at EL0.
    #[must_use]
    pub const fn reads_unprivileged(self) -> bool {
        self.0 & 2 != 0
    }

    /// Returns the suffix of the mnemonic, which may be empty.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self.0 as usize]
    }
}

impl fmt::Display for CopyOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The options of SET* and SETG*, the low two bits of `op2` (Arm ARM C6.2, SETP and its three variants).
///
/// Bit 0 makes the stores unprivileged. Bit 1 is their non-temporal hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetOptions(u8);

impl SetOptions {
    const NAMES: [&str; 4] = ["", "t", "n", "tn"];

    /// Creates the options from the low two bits of `op2`. Returns `None` if `bits` is above 3.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if bits < 4 { Some(Self(bits)) } else { None }
    }

    /// Returns all options, in ascending order of their bits.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..4).map(Self)
    }

    /// Returns the low two bits of `op2`, 0 to 3.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Returns whether the stores are unprivileged: checked as if executed at EL0.
    #[must_use]
    pub const fn writes_unprivileged(self) -> bool {
        self.0 & 1 != 0
    }

    /// Returns the suffix of the mnemonic, which may be empty.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self.0 as usize]
    }
}

impl fmt::Display for SetOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads every suffix without the table: a letter without `w` or `r` before it applies to stores and loads.
    #[test]
    fn suffixes_agree_with_the_bits() {
        for options in CopyOptions::all() {
            let (name, mut bits, mut who) = (options.name(), 0, 3);
            for letter in name.bytes() {
                match letter {
                    b'w' => who = 1,
                    b'r' => who = 2,
                    b't' => bits |= core::mem::replace(&mut who, 3),
                    b'n' => bits |= core::mem::replace(&mut who, 3) << 2,
                    other => panic!("{name}: {other}"),
                }
            }
            assert_eq!(bits, options.bits(), "{name}");
        }
        for options in SetOptions::all() {
            assert_eq!(options.name().contains('t'), options.writes_unprivileged());
        }
    }
}
