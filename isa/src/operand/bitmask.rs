//! Bitmask immediates, of AND, ORR, EOR and ANDS: a run of ones, rotated within an element that is repeated.
//!
//! Bits 22 (N), 21:16 (immr) and 15:10 (imms). Some patterns have several encodings, with a rotation of at least the
//! element size. Only the canonical one, which assemblers produce, decodes, so that a pattern has one encoding.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use arch::Arg;

const N: Field = Field::unsigned(22, 1, 1);
const ROTATION: Field = Field::unsigned(16, 6, 1);
const SIZES: Field = Field::unsigned(10, 6, 1);

/// The element sizes, in bits.
const ELEMENTS: [u32; 6] = [2, 4, 8, 16, 32, 64];

/// A bitmask immediate for registers of `width` bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bitmask {
    width: u32,
}

pub(crate) const BITMASK_X: Bitmask = Bitmask { width: 64 };
pub(crate) const BITMASK_W: Bitmask = Bitmask { width: 32 };

impl Bitmask {
    pub(crate) const fn mask(self) -> u32 {
        // With W registers N is a fixed bit: it must be 0.
        let n = if self.width == 64 { N.mask() } else { 0 };
        n | ROTATION.mask() | SIZES.mask()
    }

    /// Truncates `bits` to the width. For W registers, bits 63:32 may be zero or, in a negative number, ones.
    fn truncate(self, bits: u64) -> Option<u64> {
        let high = bits >> 32;
        match self.width {
            32 if high == 0 || high == 0xffff_ffff => Some(bits & 0xffff_ffff),
            32 => None,
            _ => Some(bits),
        }
    }
}

/// A run of `ones` ones in an element of `size` bits, rotated right by `rotation` (Arm ARM, `DecodeBitMasks`).
#[derive(Clone, Copy)]
struct Pattern {
    size: u32,
    ones: u32,
    rotation: u32,
}

impl Pattern {
    /// Decodes the three fields (Arm ARM, `DecodeBitMasks` with `immediate`).
    fn decode(word: u32) -> Option<Self> {
        let sizes = SIZES.read(word) as u32;
        // The highest set bit of N:NOT(imms) is the binary logarithm of the element size.
        let size = 1_u32 << ((N.read(word) as u32) << 6 | !sizes & 0x3f).checked_ilog2()?;
        let ones = (sizes & (size - 1)) + 1;
        let rotation = ROTATION.read(word) as u32;
        (size >= 2 && ones < size && rotation < size).then_some(Self { size, ones, rotation })
    }

    /// Encodes the three fields.
    fn encode(self) -> u32 {
        let Self { size, ones, rotation } = self;
        // Ones above a zero at the bit that marks the size.
        let marker = !(size * 2 - 1) & 0x3f;
        u32::from(size == 64) << 22 | rotation << 16 | (marker | (ones - 1)) << 10
    }

    /// Returns the pattern, replicated to 64 bits.
    fn bits(self) -> u64 {
        let Self { size, ones, rotation } = self;
        let run = (1_u64 << ones) - 1;
        let all = u64::MAX >> (64 - size);
        let element = if rotation == 0 { run } else { (run >> rotation | run << (size - rotation)) & all };
        element * (u64::MAX / all)
    }

    /// Returns the pattern that produces `bits`, or `None` if `bits` is not a bitmask immediate.
    fn of(bits: u64) -> Option<Self> {
        let repeats = |size: u32| size == 64 || bits == bits.rotate_right(size);
        let size = ELEMENTS.into_iter().find(|size| repeats(*size))?;
        let ones = (bits & (u64::MAX >> (64 - size))).count_ones();
        if ones == 0 || ones == size {
            return None;
        }
        (0..size).map(|rotation| Self { size, ones, rotation }).find(|pattern| pattern.bits() == bits)
    }
}

/// Returns whether `value` is a bitmask immediate for registers of `width` bits.
pub fn is_bitmask(value: i64, width: u32) -> bool {
    Bitmask { width }.encode(Arg::Imm(value)).is_ok()
}

impl Operand for Bitmask {
    fn expects(&self) -> &'static str {
        "a bitmask immediate such as #0xff00 or #0x0101010101010101"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let pattern = Pattern::decode(word)?;
        self.truncate(pattern.bits() & (u64::MAX >> (64 - self.width))).map(Arg::BitmaskImm)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let bits = match arg {
            Arg::BitmaskImm(bits) => bits,
            Arg::Imm(value) => value.cast_unsigned(),
            _ => return Err(self.wrong_kind(&arg.to_string())),
        };
        let repeated = self.truncate(bits).map(|bits| if self.width == 32 { bits << 32 | bits } else { bits });
        repeated.and_then(Pattern::of).map(Pattern::encode).ok_or(OperandError::NotBitmask { value: bits })
    }

    fn samples(&self) -> Vec<Arg> {
        let mut bits = Vec::new();
        for size in ELEMENTS.into_iter().filter(|size| *size <= self.width) {
            for (ones, rotation) in [(1, 0), (1, 1), (1, size - 1), (size - 1, 0), (size - 1, size - 1), (size / 2, 1)]
            {
                let pattern = Pattern { size, ones, rotation }.bits() & (u64::MAX >> (64 - self.width));
                if !bits.contains(&Arg::BitmaskImm(pattern)) {
                    bits.push(Arg::BitmaskImm(pattern));
                }
            }
        }
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    /// An element of `size` bits has `size * (size - 1)` different rotated runs.
    #[test]
    fn each_pattern_has_one_encoding() {
        let mut seen = BTreeSet::new();
        for fields in 0..1 << 13 {
            let word = fields << 10;
            let Some(Arg::BitmaskImm(bits)) = BITMASK_X.decode(word) else { continue };
            assert_eq!(BITMASK_X.encode(Arg::BitmaskImm(bits)), Ok(word), "{bits:#x}");
            assert!(seen.insert(bits), "{bits:#x}");
        }
        assert_eq!(seen.len() as u32, ELEMENTS.iter().map(|size| size * (size - 1)).sum());
    }

    #[test]
    fn other_patterns_are_rejected() {
        for bits in [0, u64::MAX, 0b101, 0x1234, 0xff00_ff01] {
            assert!(BITMASK_X.encode(Arg::BitmaskImm(bits)).is_err(), "{bits:#x}");
        }
        assert!(is_bitmask(-2, 32) && is_bitmask(-2, 64) && is_bitmask(0xffff_fffe, 32));
        assert!(!is_bitmask(0x1_0000_0000, 32) && !is_bitmask(-1, 32));
    }
}
