//! The memory ordering of an atomic instruction: the `a` and `l` in its mnemonic.

use core::fmt;

/// The memory ordering of an atomic, in the order of its bits `A:L` (Arm ARM C6.2, LDADD and CAS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Order {
    /// No ordering.
    Relaxed,
    /// Release: `l`.
    Release,
    /// Acquire: `a`.
    Acquire,
    /// Acquire and release: `al`.
    AcquireRelease,
}

impl Order {
    /// All orderings, indexed by `A:L`.
    pub const ALL: [Self; 4] = [Self::Relaxed, Self::Release, Self::Acquire, Self::AcquireRelease];

    const NAMES: [&str; 4] = ["", "l", "a", "al"];

    /// Returns the letters in the mnemonic, which may be empty.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Returns whether the load has acquire semantics. A load to the zero register has none whatever this returns.
    #[must_use]
    pub const fn acquires(self) -> bool {
        matches!(self, Self::Acquire | Self::AcquireRelease)
    }

    /// Returns whether the store has release semantics.
    #[must_use]
    pub const fn releases(self) -> bool {
        matches!(self, Self::Release | Self::AcquireRelease)
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
