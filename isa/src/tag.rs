//! The tag: four bits, one for every granule of tagged memory and one in every pointer.
//!
//! A type of its own, so that a tag can't be confused with a byte of a tag buffer (which may hold more than 15) or with
//! an IRG offset.

use core::fmt;

/// The bytes that share one allocation tag (Arm ARM, The Memory Tagging Extension; `TAG_GRANULE` in the pseudocode).
pub const GRANULE_BYTES: usize = 16;

/// A 4-bit tag: an allocation tag of a granule or the logical tag of a pointer (Arm ARM, The Memory Tagging Extension).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u8);

impl Tag {
    /// Tag 0, which fresh memory and untagged pointers carry.
    pub const ZERO: Self = Self(0);

    /// Tag 15, the tag of an untagged pointer in the upper half of the address space.
    pub const MAX: Self = Self(15);

    /// Makes a tag of `value`, or `None` if that is above 15.
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        if value <= Self::MAX.0 { Some(Self(value)) } else { None }
    }

    /// Makes a tag of the low four bits of `value`, as hardware does.
    #[must_use]
    pub const fn truncate(value: u8) -> Self {
        Self(value & 0xf)
    }

    /// Returns the tag as a number from 0 to 15.
    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }

    /// Returns the tag `steps` further on, going from 15 to 0.
    #[must_use]
    pub const fn wrapping_add(self, steps: u8) -> Self {
        Self::truncate(self.0.wrapping_add(steps))
    }

    /// Lists all tags in rising order.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator + Clone {
        (0u8..16).map(Self)
    }
}

impl TryFrom<u8> for Tag {
    /// The value that was above 15.
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
    /// Writes `0x7`: one digit always, so that columns of tags line up.
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
