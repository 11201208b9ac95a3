//! The 4-bit tag that every granule of tagged memory and every pointer has.
//!
//! It has its own type so that it is not confused with a byte of a tag buffer, which may be above 15, or with an offset.

use core::fmt;

/// The size of a granule, which has one allocation tag, in bytes (Arm ARM, `TAG_GRANULE`).
pub const GRANULE_BYTES: usize = 16;

/// A 4-bit tag: the allocation tag of a granule or the logical tag of a pointer (Arm ARM, The Memory Tagging Extension).
///
/// ```
/// use arch::Tag;
/// assert_eq!(Tag::new(5).map(Tag::value), Some(5));
/// assert_eq!(Tag::new(16), None);
/// assert_eq!(Tag::truncate(0x37), Tag::truncate(7));
/// assert_eq!(Tag::MAX.wrapping_add(1), Tag::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u8);

impl Tag {
    /// Tag 0, the tag of zeroed pages and of untagged pointers in the TTBR0 half of the address space.
    pub const ZERO: Self = Self(0);

    /// Tag 15, the tag of untagged pointers in the TTBR1 half of the address space.
    pub const MAX: Self = Self(15);

    /// Creates a tag. Returns `None` if `value` is above 15.
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        if value <= Self::MAX.0 { Some(Self(value)) } else { None }
    }

    /// Creates a tag from the low four bits of `value`.
    #[must_use]
    pub const fn truncate(value: u8) -> Self {
        Self(value & 0xf)
    }

    /// Returns the tag as a number from 0 to 15.
    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }

    /// Returns the tag `steps` after this one, wrapping from 15 to 0.
    #[must_use]
    pub const fn wrapping_add(self, steps: u8) -> Self {
        Self::truncate(self.0.wrapping_add(steps))
    }

    /// Returns all tags in ascending order.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator + Clone {
        (0u8..16).map(Self)
    }
}

impl TryFrom<u8> for Tag {
    /// The rejected value, which is above 15.
    type Error = u8;

    fn try_from(value: u8) -> Result<Self, u8> {
        Self::new(value).ok_or(value)
    }
}

impl From<Tag> for u8 {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

impl fmt::Display for Tag {
    /// Writes the tag as `0x7`, always with one digit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn only_sixteen_values_are_tags() {
        assert_eq!(Tag::all().len(), 16);
        assert_eq!((0..=255).filter_map(Tag::new).count(), 16);
        assert_eq!(Tag::try_from(16), Err(16));
        assert_eq!(Tag::MAX.wrapping_add(1), Tag::ZERO);
        assert_eq!(Tag::truncate(0x37).to_string(), "0x7");
    }
}
