//! The random tag generator of IRG with `GCR_EL1.RRND` 0.
//!
//! The architecture defines the whole sequence in that mode, so a sequence that continues after a restore shows that
//! `RGSR_EL1` was restored. With RRND 1 the choice is IMPLEMENTATION DEFINED, and only the excluded tags can be tested.

use crate::exclude::Exclude;
use crate::tag::Tag;

/// The state of the generator: TAG (bits 3:0) and SEED (bits 23:8) of `RGSR_EL1` (Arm ARM, `RGSR_EL1`).
///
/// With RRND 1, SEED extends to bit 55 and its contents are IMPLEMENTATION DEFINED.
///
/// ```
/// use arch::{Exclude, Rgsr, Tag};
/// let mut rgsr = Rgsr::from_bits(0x0000_0100); // SEED 1, TAG 0
/// let tags = [(); 4].map(|()| rgsr.choose_random_tag(Exclude::NONE).value());
/// assert_eq!(tags, [1, 1, 9, 15]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rgsr {
    tag: Tag,
    seed: u16,
}

impl Rgsr {
    const SEED_SHIFT: u32 = 8;

    /// The bits of `RGSR_EL1` that hold the state of the generator.
    pub const MASK: u64 = 0xffff << Self::SEED_SHIFT | 0xf;

    /// Creates a state. A seed of 0 never changes, so every offset is 0.
    #[must_use]
    pub const fn new(tag: Tag, seed: u16) -> Self {
        Self { tag, seed }
    }

    /// Creates a state from a register value. Bits outside [`Self::MASK`] are ignored.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self { tag: Tag::truncate(bits as u8), seed: (bits >> Self::SEED_SHIFT) as u16 }
    }

    /// Returns the register value; bits outside [`Self::MASK`] are 0.
    #[must_use]
    pub const fn bits(self) -> u64 {
        (self.seed as u64) << Self::SEED_SHIFT | self.tag.value() as u64
    }

    /// Returns TAG, the tag that the last IRG generated.
    #[must_use]
    pub const fn tag(self) -> Tag {
        self.tag
    }

    /// Returns SEED, the contents of the linear feedback shift register.
    #[must_use]
    pub const fn seed(self) -> u16 {
        self.seed
    }

    /// Generates the tag of one IRG and advances the state: draws an offset from 0 to 15, and chooses the tag that is
    ///
    /// that many non-excluded tags after the last one.
    ///
    /// `exclude` is the union of `GCR_EL1.Exclude` and `Xm` (Arm ARM C6.2, IRG; `AArch64.RandomTag`).
    pub const fn choose_random_tag(&mut self, exclude: Exclude) -> Tag {
        let offset = self.next_four_bits();
        self.tag = exclude.choose_non_excluded_tag(self.tag, offset);
        self.tag
    }

    /// Shifts the register four times and returns the bits shifted in, the first one lowest (Arm ARM,
    /// `AArch64.NextRandomTagBit`). No tap (5, 3, 2, 0) reaches a new bit within four shifts, so all four bits are
    /// computed at once.
    const fn next_four_bits(&mut self) -> u8 {
        let lfsr = self.seed;
        let new = (lfsr >> 5 ^ lfsr >> 3 ^ lfsr >> 2 ^ lfsr) & 0xf;
        self.seed = new << 12 | lfsr >> 4;
        new as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn bits_outside_the_mask_are_ignored() {
        assert_eq!(Rgsr::from_bits(0xffff_ffff_ffff_ffff).bits(), 0x00ff_ff0f);
        assert_eq!(Rgsr::from_bits(0x0012_3405), Rgsr::new(Tag::truncate(5), 0x1234));
    }

    #[test]
    fn the_sequence_from_seed_1_is_as_computed_by_hand() {
        // Seed 1 shifts in 1, 0, 0, 0 (taps 5, 3, 2, 0): offset 1, and the register holds 0x1000.
        let mut rgsr = Rgsr::new(Tag::ZERO, 1);
        assert_eq!(rgsr.choose_random_tag(Exclude::NONE), Tag::truncate(1));
        assert_eq!(rgsr.seed(), 0x1000);
        // No tap is set until the bit reaches 5, seven shifts later: offset 0.
        assert_eq!(rgsr.choose_random_tag(Exclude::NONE), Tag::truncate(1));
        assert_eq!(rgsr.seed(), 0x0100);
        // 0x100, 0x80, 0x40 shift in zeros, 0x20 a one: offset 8.
        assert_eq!(rgsr.choose_random_tag(Exclude::NONE), Tag::truncate(9));
        assert_eq!(rgsr.seed(), 0x8010);
    }

    #[test]
    fn a_seed_of_0_never_changes() {
        let mut rgsr = Rgsr::new(Tag::truncate(3), 0);
        assert_eq!(rgsr.choose_random_tag(Exclude::NONE), Tag::truncate(3));
        assert_eq!(rgsr.choose_random_tag(Exclude::from_bits(1 << 3)), Tag::truncate(4));
    }

    #[test]
    fn offsets_follow_the_recurrence_of_the_taps() {
        // The register holds 16 consecutive bits of a sequence: bit n+16 is the sum of bits n, n+2, n+3 and n+5.
        let mut sequence: Vec<u8> = (0..16).map(|bit| (0xace1_u16 >> bit & 1) as u8).collect();
        for n in 0..4096 {
            sequence.push(sequence[n] ^ sequence[n + 2] ^ sequence[n + 3] ^ sequence[n + 5]);
        }
        let mut rgsr = Rgsr::new(Tag::ZERO, 0xace1);
        for bits in sequence[16..].chunks(4) {
            let before = rgsr.tag();
            let offset = bits[0] | bits[1] << 1 | bits[2] << 2 | bits[3] << 3;
            assert_eq!(rgsr.choose_random_tag(Exclude::NONE), before.wrapping_add(offset));
        }
    }

    #[test]
    fn the_register_takes_all_values_but_0() {
        // The taps form a primitive polynomial, and the four shifts of an IRG are coprime to 65,535.
        let mut rgsr = Rgsr::new(Tag::ZERO, 1);
        let period = (1..=65_536).find(|_| {
            rgsr.choose_random_tag(Exclude::NONE);
            rgsr.seed() == 1
        });
        assert_eq!(period, Some(65_535));
    }
}
