//! The random tag generator: what IRG chooses next when `GCR_EL1.RRND` is 0.
//!
//! The architecture fixes the whole sequence in that mode, so a sequence that continues after a restore proves that
//! `RGSR_EL1` came along. With RRND set the choice is the implementation's and only the exclusion can be demanded.

use crate::exclude::Exclude;
use crate::tag::Tag;

/// The state of the generator: TAG (3:0) and the lower 16 bits of SEED (23:8) of `RGSR_EL1` (Arm ARM, `RGSR_EL1`). With
/// RRND set SEED goes up to bit 55, and what is in it is the implementation's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rgsr {
    tag: Tag,
    seed: u16,
}

impl Rgsr {
    const SEED_SHIFT: u32 = 8;

    /// The bits of `RGSR_EL1` that are the generator's.
    pub const MASK: u64 = 0xffff << Self::SEED_SHIFT | 0xf;

    /// Makes the state that starts at `tag` with `seed`. A seed of zero never changes: the sequence stands still.
    #[must_use]
    pub const fn new(tag: Tag, seed: u16) -> Self {
        Self { tag, seed }
    }

    /// Reads the generator's bits of a register value; the others have no part in it.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self { tag: Tag::truncate(bits as u8), seed: (bits >> Self::SEED_SHIFT) as u16 }
    }

    /// Returns the register value, all other bits 0.
    #[must_use]
    pub const fn bits(self) -> u64 {
        (self.seed as u64) << Self::SEED_SHIFT | self.tag.value() as u64
    }

    /// Returns the tag that the last IRG produced.
    #[must_use]
    pub const fn tag(self) -> Tag {
        self.tag
    }

    /// Returns the contents of the shift register.
    #[must_use]
    pub const fn seed(self) -> u16 {
        self.seed
    }

    /// Performs one IRG: draws an offset, walks that far from the last tag, and keeps the result as the last tag.
    ///
    /// `exclude` is the union of `GCR_EL1.Exclude` and `Xm` (Arm ARM C6.2, IRG; `AArch64.RandomTag`).
    pub const fn choose_random_tag(&mut self, exclude: Exclude) -> Tag {
        let offset = self.next_four_bits();
        self.tag = exclude.choose(self.tag, offset);
        self.tag
    }

    /// Shifts the register four times and returns the bits shifted in, the first one lowest (Arm ARM,
    /// `AArch64.NextRandomTagBit`). The taps 5, 3, 2 and 0 are too low to meet a bit that is new, so all four
    /// come at once.
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
    fn fields_survive_the_register_and_other_bits_do_not() {
        assert_eq!(Rgsr::from_bits(0xffff_ffff_ffff_ffff).bits(), 0x00ff_ff0f);
        assert_eq!(Rgsr::from_bits(0x0012_3405), Rgsr::new(Tag::truncate(5), 0x1234));
    }

    #[test]
    fn the_sequence_from_seed_one_is_the_one_worked_by_hand() {
        // Seed 1 shifts in 1, 0, 0, 0 (taps 5, 3, 2, 0): offset 1, and the register holds 0x1000.
        let mut rgsr = Rgsr::new(Tag::ZERO, 1);
        assert_eq!(rgsr.choose_random_tag(Exclude::NONE), Tag::truncate(1));
        assert_eq!(rgsr.seed(), 0x1000);
        // None of the taps is set until the bit reaches 5, seven shifts on: offset 0, twice in this case.
        assert_eq!(rgsr.choose_random_tag(Exclude::NONE), Tag::truncate(1));
        assert_eq!(rgsr.seed(), 0x0100);
        // 0x100, 0x80, 0x40 shift in zeros, 0x20 a one: offset 8.
        assert_eq!(rgsr.choose_random_tag(Exclude::NONE), Tag::truncate(9));
        assert_eq!(rgsr.seed(), 0x8010);
    }

    #[test]
    fn a_zero_seed_stands_still() {
        let mut rgsr = Rgsr::new(Tag::truncate(3), 0);
        assert_eq!(rgsr.choose_random_tag(Exclude::NONE), Tag::truncate(3));
        assert_eq!(rgsr.choose_random_tag(Exclude::from_bits(1 << 3)), Tag::truncate(4));
    }

    #[test]
    fn offsets_follow_the_recurrence_of_the_taps() {
        // The register holds the next 16 bits of one sequence: bit n+16 is the sum of bits n, n+2, n+3 and n+5.
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
    fn the_register_runs_through_all_values_but_zero() {
        // The taps make a primitive polynomial, and 4 shifts an IRG have no factor in common with 65,535.
        let mut rgsr = Rgsr::new(Tag::ZERO, 1);
        let period = (1..=65_536).find(|_| {
            rgsr.choose_random_tag(Exclude::NONE);
            rgsr.seed() == 1
        });
        assert_eq!(period, Some(65_535));
    }
}
