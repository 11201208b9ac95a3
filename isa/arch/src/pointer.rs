//! A guest pointer: a virtual address with a logical tag in its top byte.

use core::fmt;

use crate::tag::{GRANULE_BYTES, Tag};

/// A 64-bit virtual address whose bits 59:56 are the logical tag (Arm ARM, `AArch64.AllocationTagFromAddress`).
///
/// With TBI the top byte is ignored by translation, and bit 55 selects TTBR0_EL1 or TTBR1_EL1. The address is therefore
/// sign-extended from bit 55, not from bit 63.
///
/// ```
/// use arch::{Tag, TaggedPtr};
/// let pointer = TaggedPtr::new(0x4060_0038).with_tag(Tag::truncate(7));
/// assert_eq!((pointer.bits(), pointer.tag().value()), (0x0700_0000_4060_0038, 7));
/// assert_eq!(pointer.granule().bits(), 0x0700_0000_4060_0030);
/// assert_eq!(pointer.untagged().bits(), 0x4060_0038);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaggedPtr(u64);

impl TaggedPtr {
    const TAG_SHIFT: u32 = 56;

    /// Creates a pointer from the 64 bits of a register.
    #[must_use]
    pub const fn new(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns all 64 bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Returns the logical tag, bits 59:56.
    #[must_use]
    pub const fn tag(self) -> Tag {
        Tag::truncate((self.0 >> Self::TAG_SHIFT) as u8)
    }

    /// Returns the pointer with another logical tag; bits 63:60 and 55:0 stay (`AArch64.AddressWithAllocationTag`).
    #[must_use]
    pub const fn with_tag(self, tag: Tag) -> Self {
        Self(self.0 & !(0xf << Self::TAG_SHIFT) | (tag.value() as u64) << Self::TAG_SHIFT)
    }

    /// Returns the address that is translated with TBI: bits 55:0, sign-extended from bit 55.
    ///
    /// The result is canonical. Its tag is 0 in the TTBR0 half of the address space and 15 in the TTBR1 half.
    #[must_use]
    pub const fn untagged(self) -> Self {
        Self((((self.0 << 8) as i64) >> 8) as u64)
    }

    /// Returns bit 55, which selects the translation table: false for TTBR0_EL1, true for TTBR1_EL1.
    #[must_use]
    pub const fn bit55(self) -> bool {
        self.0 >> 55 & 1 == 1
    }

    /// Adds `offset`, in bytes, as an address computation does: over all 64 bits, so a carry changes the tag.
    #[must_use]
    pub const fn wrapping_add(self, offset: i64) -> Self {
        Self(self.0.wrapping_add_signed(offset))
    }

    /// Returns the pointer aligned down to its granule, with the same tag.
    #[must_use]
    pub const fn granule(self) -> Self {
        Self(self.0 & !(GRANULE_BYTES as u64 - 1))
    }

    /// Returns whether the pointer is granule-aligned, as the address of a tag store must be.
    #[must_use]
    pub const fn is_granule_aligned(self) -> bool {
        self.0.is_multiple_of(GRANULE_BYTES as u64)
    }
}

impl From<u64> for TaggedPtr {
    fn from(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Display for TaggedPtr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#018x}", self.0)
    }
}

impl fmt::LowerHex for TaggedPtr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_four_bits_of_the_top_byte() {
        let pointer = TaggedPtr::new(0xa500_0000_4000_1238);
        assert_eq!(pointer.tag(), Tag::truncate(5));
        assert_eq!(pointer.with_tag(Tag::MAX).bits(), 0xaf00_0000_4000_1238);
        assert_eq!(pointer.granule().bits(), 0xa500_0000_4000_1230);
        assert!(!pointer.is_granule_aligned());
    }

    #[test]
    fn the_untagged_address_is_sign_extended_from_bit_55() {
        assert_eq!(TaggedPtr::new(0xff7f_0000_0000_0000).untagged().bits(), 0x007f_0000_0000_0000);
        assert_eq!(TaggedPtr::new(0x0080_0000_0000_0000).untagged().bits(), 0xff80_0000_0000_0000);
        assert!(TaggedPtr::new(0x0080_0000_0000_0000).bit55());
    }

    #[test]
    fn a_carry_out_of_the_address_reaches_the_tag() {
        let last = TaggedPtr::new(0x00ff_ffff_ffff_ffff);
        assert_eq!(last.wrapping_add(1).tag(), Tag::truncate(1));
        assert_eq!(TaggedPtr::new(0).wrapping_add(-1).tag(), Tag::MAX);
    }
}
