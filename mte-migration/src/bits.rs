//! A stream of bits: the first bit is bit 0 of the first byte. And whether all are 0.

/// Writes bits to the end of a vector.
#[derive(Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that do not fill a byte yet, and their number: below 8.
    rest: u64,
    filled: u32,
}

impl BitWriter {
    /// Writes the low `count` bits of a value, the lowest first. `count` is at most 32, and higher bits are 0.
    pub fn write(&mut self, value: u32, count: u32) {
        debug_assert!(count <= 32 && (count == 32 || value >> count == 0));
        self.rest |= u64::from(value) << self.filled;
        self.filled += count;
        while self.filled >= 8 {
            self.bytes.push(self.rest as u8);
            self.rest >>= 8;
            self.filled -= 8;
        }
    }

    /// Writes a Rice code: the quotient by 2^k in unary, ones that a zero ends, then k bits of remainder.
    pub fn write_rice(&mut self, value: u32, k: u32) {
        let mut quotient = value >> k;
        while quotient >= 16 {
            self.write(0xffff, 16);
            quotient -= 16;
        }
        self.write((1 << quotient) - 1, quotient + 1);
        self.write(value & ((1 << k) - 1), k);
    }

    /// Returns the bytes. Unused bits of the last one are 0.
    pub fn finish(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.bytes.push(self.rest as u8);
        }
        self.bytes
    }
}

/// Bits of a Rice code.
pub const fn rice_bits(value: u32, k: u32) -> u32 {
    (value >> k) + 1 + k
}

/// Reads bits of a slice.
#[derive(Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    /// Begins at the first bit.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns the number of bits that were read.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// Reads up to 16 bits, or returns `None` where the slice ends.
    pub fn read(&mut self, count: u32) -> Option<u32> {
        debug_assert!(count <= 16);
        let (byte, bit) = (self.at / 8, self.at % 8);
        let end = self.at + count as usize;
        if end > self.bytes.len() * 8 {
            return None;
        }
        let mut window = 0;
        for (index, value) in self.bytes[byte..].iter().take(3).enumerate() {
            window |= u32::from(*value) << (8 * index);
        }
        self.at = end;
        Some((window >> bit) & ((1 << count) - 1))
    }

    /// Reads a Rice code, or returns `None` where the slice ends or the value is above `max`.
    pub fn read_rice(&mut self, k: u32, max: u32) -> Option<u32> {
        let mut quotient = 0;
        while self.read(1)? == 1 {
            quotient += 1;
            if quotient > max >> k {
                return None;
            }
        }
        let value = quotient << k | self.read(k)?;
        (value <= max).then_some(value)
    }

    /// Returns whether everything was read but for unused bits of the last byte, which are 0.
    pub fn is_finished(&self) -> bool {
        let rest = self.bytes.len() * 8 - self.at;
        rest < 8 && self.bytes.last().is_none_or(|last| rest == 0 || last >> (8 - rest) == 0)
    }
}

/// Returns whether all bytes are 0. The length is a multiple of 16.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.as_chunks::<16>().0.iter().all(|chunk| u128::from_ne_bytes(*chunk) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = BitWriter::default();
        writer.write(0b101, 3);
        writer.write(0xffff_fffe, 32);
        for value in 0..=255 {
            for k in 0..6 {
                writer.write_rice(value, k);
            }
        }
        let bytes = writer.finish();
        let mut reader = BitReader::new(&bytes);
        assert_eq!(reader.read(3), Some(0b101));
        assert_eq!((reader.read(16), reader.read(16)), (Some(0xfffe), Some(0xffff)));
        for value in 0..=255 {
            for k in 0..6 {
                let before = reader.position();
                assert_eq!(reader.read_rice(k, 255), Some(value));
                assert_eq!(reader.position() - before, rice_bits(value, k) as usize);
            }
        }
        assert!(reader.is_finished());
        assert_eq!(BitReader::new(&bytes[..1]).read(9), None);
    }

    #[test]
    fn a_code_above_the_maximum_and_a_set_bit_at_the_end_are_rejected() {
        assert_eq!(BitReader::new(&[0xff; 64]).read_rice(0, 255), None);
        assert_eq!(BitReader::new(&[0b0001]).read_rice(2, 5), Some(4));
        assert_eq!(BitReader::new(&[0b1101]).read_rice(2, 5), None, "quotient 1, remainder 3");
        let mut reader = BitReader::new(&[0b0000_0100]);
        assert_eq!(reader.read(2), Some(0));
        assert!(!reader.is_finished());
        assert_eq!(reader.read(1), Some(1));
        assert!(reader.is_finished());
    }
}
