//! A number in an instruction word: its position, signedness and unit.

use alloc::vec::Vec;

use crate::error::OperandError;

/// A bit field whose value is in units of `scale`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    shift: u32,
    bits: u32,
    signed: bool,
    scale: i64,
    /// Where the most significant bit is, if it is not next to the others.
    top: Option<u32>,
}

impl Field {
    /// Creates an unsigned field of `bits` bits at bit `shift`.
    pub(crate) const fn unsigned(shift: u32, bits: u32, scale: i64) -> Self {
        Self { shift, bits, signed: false, scale, top: None }
    }

    /// Creates a two's complement field of `bits` bits at bit `shift`.
    pub(crate) const fn signed(shift: u32, bits: u32, scale: i64) -> Self {
        Self { shift, bits, signed: true, scale, top: None }
    }

    /// Creates a two's complement field of `bits` bits: the most significant one at bit `top`, the others at bit `shift`.
    pub(crate) const fn split(top: u32, shift: u32, bits: u32, scale: i64) -> Self {
        Self { shift, bits, signed: true, scale, top: Some(top) }
    }

    pub(crate) const fn mask(self) -> u32 {
        match self.top {
            Some(top) => ((1 << (self.bits - 1)) - 1) << self.shift | 1 << top,
            None => ((1 << self.bits) - 1) << self.shift,
        }
    }

    /// Joins the bits of the field in a word.
    const fn gather(self, word: u32) -> u32 {
        let low = word >> self.shift;
        match self.top {
            Some(top) => low & ((1 << (self.bits - 1)) - 1) | (word >> top & 1) << (self.bits - 1),
            None => low & ((1 << self.bits) - 1),
        }
    }

    /// Puts bits where the field has them in a word.
    const fn scatter(self, raw: u32) -> u32 {
        let low = raw << self.shift & self.mask();
        match self.top {
            Some(top) => low & !(1 << top) | (raw >> (self.bits - 1) & 1) << top,
            None => low,
        }
    }

    pub(crate) const fn min(self) -> i64 {
        if self.signed { -(1 << (self.bits - 1)) * self.scale } else { 0 }
    }

    pub(crate) const fn max(self) -> i64 {
        let bits = if self.signed { self.bits - 1 } else { self.bits };
        ((1 << bits) - 1) * self.scale
    }

    /// Decodes the value in `word`.
    pub(crate) const fn read(self, word: u32) -> i64 {
        let raw = self.gather(word) as i64;
        let negative = self.signed && raw >> (self.bits - 1) == 1;
        (if negative { raw - (1 << self.bits) } else { raw }) * self.scale
    }

    /// Encodes `value` into the bits of the field. `what` names the value in the error.
    pub(crate) const fn write(self, what: &'static str, value: i64) -> Result<u32, OperandError> {
        if value < self.min() || value > self.max() {
            return Err(OperandError::OutOfRange { what, value, min: self.min(), max: self.max() });
        }
        if value % self.scale != 0 {
            return Err(OperandError::NotMultiple { what, value, step: self.scale });
        }
        Ok(self.scatter((value / self.scale) as u32))
    }

    /// Returns the edge values, in ascending order and without duplicates.
    pub(crate) fn edges(self) -> Vec<i64> {
        let mut edges: Vec<i64> = [self.min(), -self.scale, 0, self.scale, self.max()]
            .into_iter()
            .filter(|value| (self.min()..=self.max()).contains(value))
            .collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_field_holds_its_limits_and_rejects_what_is_beyond() {
        let field = Field::signed(12, 9, 16);
        assert_eq!((field.min(), field.max()), (-4096, 4080));
        assert_eq!(field.write("offset", -4096), Ok(0x100 << 12));
        assert_eq!(field.read(0x0ff << 12), 4080);
        assert_eq!(
            field.write("offset", 4096),
            Err(OperandError::OutOfRange { what: "offset", value: 4096, min: -4096, max: 4080 })
        );
        assert_eq!(field.write("offset", 8), Err(OperandError::NotMultiple { what: "offset", value: 8, step: 16 }));
    }

    #[test]
    fn the_most_significant_bit_may_be_elsewhere() {
        let field = Field::split(22, 12, 10, 8);
        assert_eq!((field.mask(), field.min(), field.max()), (0x005f_f000, -4096, 4088));
        assert_eq!((field.write("offset", -4096), field.write("offset", 4088)), (Ok(1 << 22), Ok(0x1ff << 12)));
        for value in field.edges() {
            assert_eq!(field.write("offset", value).map(|bits| field.read(bits | !field.mask())), Ok(value));
        }
    }

    #[test]
    fn edges_are_unique() {
        assert_eq!(Field::unsigned(8, 1, 1).edges(), [0, 1]);
        assert_eq!(Field::signed(5, 19, 4).edges(), [-(1 << 20), -4, 0, 4, (1 << 20) - 4]);
    }
}
