//! The options of the memory copy and memory set instructions: the letters at the end of their mnemonics.

use core::fmt;

/// Options of CPY*, the four bits of `op2` (Arm ARM C6.2, CPYFP and its fifteen variants).
///
/// Bits 0 and 1: stores, loads are made as if at EL0. Bits 2 and 3: stores, loads are non-temporal, which is a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CopyOptions(u8);

impl CopyOptions {
    /// The suffix of each value.
    const NAMES: [&str; 16] =
        ["", "wt", "rt", "t", "wn", "wtwn", "rtwn", "twn", "rn", "wtrn", "rtrn", "trn", "n", "wtn", "rtn", "tn"];

    /// Makes the options of their four bits, or `None` if there are more.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if bits < 16 { Some(Self(bits)) } else { None }
    }

    /// Lists all options, rising.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..16).map(Self)
    }

    /// Returns the four bits, 0 to 15.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Tells whether the stores are made as if at EL0.
    #[must_use]
    pub const fn writes_unprivileged(self) -> bool {
        self.0 & 1 != 0
    }

    /// Tells whether the loads are made as if at EL0.
    #[must_use]
    pub const fn reads_unprivileged(self) -> bool {
        self.0 & 2 != 0
    }

    /// Returns the letters in the mnemonic, maybe none.
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

/// Options of SET* and SETG*, the low two bits of `op2` (Arm ARM C6.2, SETP and its three variants).
///
/// Bit 0: stores are made as if at EL0. Bit 1: they are non-temporal, which is a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetOptions(u8);

impl SetOptions {
    const NAMES: [&str; 4] = ["", "t", "n", "tn"];

    /// Makes the options of their two bits, or `None` if there are more.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if bits < 4 { Some(Self(bits)) } else { None }
    }

    /// Lists all options, rising.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..4).map(Self)
    }

    /// Returns the two bits, 0 to 3.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Tells whether the stores are made as if at EL0.
    #[must_use]
    pub const fn writes_unprivileged(self) -> bool {
        self.0 & 1 != 0
    }

    /// Returns the letters in the mnemonic, maybe none.
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

    /// A letter without `w` or `r` before it is for both: so every name can be read without the table.
    #[test]
    fn names_say_what_the_bits_say() {
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
