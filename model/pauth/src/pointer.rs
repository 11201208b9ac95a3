//! Pointers with a code: pseudocode `AddPAC`, `Auth`, `Strip`.

use crate::scheme::{Key, Scheme};

mutants::defects!();

const BIT_55: u64 = 1 << 55;
/// Bits 59:56, the logical address tag where tag checks are extended to all memory.
const TAG: u64 = 0xf << 56;

/// What TCR_EL1 says of a pointer, by its bit 55.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The number of bits that an address has in its half of the address space (64 less T0SZ or T1SZ), 16 to 54.
    pub address_bits: u32,
    /// The top byte is ignored (pseudocode `EffectiveTBI`).
    pub tbi: bool,
    /// Bits 59:56 are a tag and no part of the address (pseudocode `EffectiveMTX`).
    pub mtx: bool,
    /// The top byte is ignored in either half, so that bit 55 and not bit 63 tells the halves apart.
    pub by_bit_55: bool,
}

/// What a pointer is authenticated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// By one of the keys B.
    pub key_b: bool,
    /// By an instruction that does more with it, such as LDRAA.
    pub combined: bool,
}

/// A pointer that is not what was signed, with a CPU that makes an exception of it (pseudocode `AArch64.PACFailException`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

#[mutants::rules]
impl Layout {
    /// The bits that hold a code (pseudocode `CalculateBottomPACBit`): never bit 55, nor a tag.
    fn code(self) -> u64 {
        let above = !(u64::MAX >> (64 - self.address_bits)) & !BIT_55;
        match (self.tbi, self.mtx) {
            (true, _) => above & (BIT_55 - 1),
            (false, true) => above & !TAG,
            (false, false) => above,
        }
    }

    /// Returns the pointer with the bits of its code as an address has them that is in the half which is asked for.
    fn extended(self, pointer: u64, upper: bool) -> u64 {
        let extension = self.code() | BIT_55;
        if upper { pointer | extension } else { pointer & !extension }
    }

    /// Returns the pointer without its code (pseudocode `Strip`): the bits of the code become bit 55.
    #[must_use]
    pub fn stripped(self, pointer: u64) -> u64 {
        self.extended(pointer, pointer & BIT_55 != 0)
    }
}

#[mutants::rules]
impl Scheme {
    /// FEAT_PAuth2: a code is exclusive-ored into the pointer, so that what was there before has its part in it.
    fn mixes(self) -> bool {
        self.level >= 3
    }

    /// Whether a pointer that is not authentic makes an exception: with FEAT_FPAC, and of instructions that do more than
    /// authenticate with FEAT_FPACCOMBINE.
    fn faults(self, combined: bool) -> bool {
        self.level >= if combined { 5 } else { 4 }
    }

    /// Returns the pointer with a code (pseudocode `AddPAC`); `None` if it is not known how this CPU computes it.
    #[must_use]
    pub fn sign(self, pointer: u64, modifier: u64, key: Key, layout: Layout) -> Option<u64> {
        let by_bit_55 = layout.by_bit_55 || self.constant_field && self.mixes();
        let upper = pointer >> if by_bit_55 { 55 } else { 63 } & 1 == 1;
        let bits = layout.code();
        let mut code = self.code(layout.extended(pointer, upper), modifier, key)?;
        let extension = pointer & (bits | BIT_55);
        if !self.mixes() && extension != 0 && extension != bits | BIT_55 {
            // What was no address is to be none when it is authenticated either.
            code = match self.level {
                2 => 0,
                _ => code ^ if layout.tbi { 1 << 54 } else { 1 << 62 },
            };
        }
        let field = if self.mixes() { (pointer ^ code) & bits } else { code & bits };
        let half = if upper { BIT_55 } else { 0 };
        Some(pointer & !(bits | BIT_55) | half | field)
    }

    /// Returns the pointer without its code if that is the right one, else a pointer that is no address or [`Failed`]
    /// (pseudocode `Auth`); `None` if it is not known how this CPU computes codes.
    #[must_use]
    pub fn authenticate(
        self,
        pointer: u64,
        modifier: u64,
        key: Key,
        layout: Layout,
        purpose: Purpose,
    ) -> Option<Result<u64, Failed>> {
        let original = layout.stripped(pointer);
        let bits = layout.code();
        let code = self.code(original, modifier, key)? & bits;
        if self.mixes() {
            let result = pointer ^ code;
            let failed = self.faults(purpose.combined) && result != layout.stripped(result);
            return Some(if failed { Err(Failed) } else { Ok(result) });
        }
        let shift = if layout.tbi { 53 } else { 61 };
        let error = if purpose.key_b { 0b10 } else { 0b01 };
        Some(Ok(if code == pointer & bits { original } else { original & !(0b11 << shift) | error << shift }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::Algorithm;

    const KEY: Key = Key { lo: 0x0123_4567_89ab_cdef, hi: 0xfedc_ba98_7654_3210 };
    const TAGGED: Layout = Layout { address_bits: 39, tbi: true, mtx: false, by_bit_55: true };
    const WIDE: Layout = Layout { tbi: false, by_bit_55: false, ..TAGGED };
    const CANONICAL: Layout = Layout { mtx: true, ..WIDE };
    const ALONE: Purpose = Purpose { key_b: false, combined: false };
    const COMBINED: Purpose = Purpose { combined: true, ..ALONE };
    const LOWER: u64 = 0x0000_0001_4060_0040;
    const UPPER: u64 = 0xffff_ffc1_4060_0040;

    fn scheme(level: u8) -> Scheme {
        Scheme { algorithm: Algorithm::Qarma5, level, constant_field: false }
    }

    #[test]
    fn a_code_is_where_no_address_and_no_tag_is() {
        for (layout, bits) in
            [(TAGGED, 0x007f_ff80_0000_0000), (WIDE, 0xff7f_ff80_0000_0000), (CANONICAL, 0xf07f_ff80_0000_0000u64)]
        {
            assert_eq!(layout.code(), bits);
            assert_eq!(Layout { address_bits: 48, ..layout }.code(), bits & !0xffff_ffff_ffff);
            for pointer in [LOWER, UPPER] {
                assert_eq!(layout.stripped(pointer ^ bits), pointer, "{layout:?}");
            }
        }
        assert_eq!(TAGGED.stripped(UPPER & !(0xfa << 56)), UPPER & !(0xfa << 56), "all of the top byte is kept");
        assert_eq!(CANONICAL.stripped(LOWER | 5 << 56 | 0xa << 60), LOWER | 5 << 56);
    }

    #[test]
    fn what_was_signed_is_authentic_at_each_level_and_with_each_layout() {
        for level in 1..=5 {
            for layout in [TAGGED, WIDE, CANONICAL] {
                for pointer in [LOWER, UPPER] {
                    let pointer = if layout == WIDE { pointer } else { pointer ^ 5 << 56 };
                    let signed = scheme(level).sign(pointer, 7, KEY, layout).unwrap();
                    assert_ne!(signed, pointer);
                    assert_eq!(signed & !layout.code(), pointer & !layout.code());
                    for purpose in [ALONE, COMBINED, Purpose { key_b: true, combined: false }] {
                        let found = scheme(level).authenticate(signed, 7, KEY, layout, purpose);
                        assert_eq!(found, Some(Ok(pointer)), "{level} {layout:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_authentic_fails_as_the_level_says() {
        let outcome = |level, layout: Layout, purpose| {
            let signed = scheme(level).sign(LOWER, 7, KEY, layout).unwrap();
            scheme(level).authenticate(signed, 8, KEY, layout, purpose).unwrap()
        };
        for level in [1, 2] {
            assert_eq!(outcome(level, TAGGED, ALONE), Ok(LOWER | 1 << 53));
            assert_eq!(outcome(level, TAGGED, Purpose { key_b: true, combined: false }), Ok(LOWER | 1 << 54));
            assert_eq!(outcome(level, WIDE, ALONE), Ok(LOWER | 1 << 61));
            assert_eq!(outcome(level, WIDE, Purpose { key_b: true, combined: true }), Ok(LOWER | 1 << 62));
        }
        let [right, wrong] = [7, 8].map(|modifier| scheme(3).code(LOWER, modifier, KEY).unwrap() & TAGGED.code());
        assert_eq!(outcome(3, TAGGED, ALONE), Ok(LOWER ^ right ^ wrong));
        for (level, purpose, fails) in
            [(3, ALONE, false), (4, ALONE, true), (4, COMBINED, false), (5, ALONE, true), (5, COMBINED, true)]
        {
            for layout in [TAGGED, WIDE, CANONICAL] {
                assert_eq!(outcome(level, layout, purpose).is_err(), fails, "{level} {purpose:?}");
            }
        }
    }

    #[test]
    fn what_is_no_address_is_not_authentic_after_it_was_signed() {
        for layout in [TAGGED, WIDE] {
            let wrong = LOWER | 1 << 45;
            for (level, expected) in [(1, LOWER | if layout.tbi { 1 << 53 } else { 1 << 61 }), (3, wrong)] {
                let signed = scheme(level).sign(wrong, 7, KEY, layout).unwrap();
                assert_eq!(scheme(level).authenticate(signed, 7, KEY, layout, ALONE), Some(Ok(expected)), "{level}");
            }
            assert_eq!(scheme(2).sign(wrong, 7, KEY, layout), Some(LOWER));
            let signed = scheme(4).sign(wrong, 7, KEY, layout).unwrap();
            assert_eq!(scheme(4).authenticate(signed, 7, KEY, layout, ALONE), Some(Err(Failed)));
        }
    }

    #[test]
    fn the_half_is_told_by_bit_55_or_by_bit_63() {
        let pointer = UPPER & !(1 << 55);
        let half = |scheme: Scheme, layout| scheme.sign(pointer, 0, KEY, layout).unwrap() >> 55 & 1;
        assert_eq!((half(scheme(3), WIDE), half(scheme(3), Layout { by_bit_55: true, ..WIDE })), (1, 0));
        let constant = |level| Scheme { constant_field: true, ..scheme(level) };
        assert_eq!((half(constant(3), WIDE), half(constant(2), WIDE)), (0, 1));
    }
}
