//! The scalable registers of SVE as text: numbers of 64 bits, the highest first, several of the same as `number*count`.
//!
//! `z0 = 0x1 0x0*3` is a register of 32 bytes with bit 192 set. Numbers that are left out are 0, the highest first.

use super::value::Hex;

/// Bytes of a number.
const WORD: usize = 8;

/// Writes the bytes of a register, lowest first, without zeros at the top.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let words: Vec<u64> = bytes.chunks(WORD).map(word).collect();
    let length = words.iter().rposition(|word| *word != 0).map_or(1, |last| last + 1);
    let highest_first: Vec<u64> = words.into_iter().take(length).rev().collect();
    let runs = highest_first.chunk_by(|a, b| a == b).map(|run| match run {
        [word] => Hex(*word).to_string(),
        run => format!("{}*{}", Hex(run[0]), run.len()),
    });
    runs.collect::<Vec<_>>().join(" ")
}

/// Returns the bytes of a register of this length from its numbers, the highest first; `None` if they do not fit.
#[must_use]
pub fn bytes(numbers: &[u64], length: usize) -> Option<Vec<u8>> {
    let mut all: Vec<u8> = numbers.iter().rev().flat_map(|number| number.to_le_bytes()).collect();
    all.resize(all.len().max(length), 0);
    let above = all.split_off(length);
    above.iter().all(|byte| *byte == 0).then_some(all)
}

/// Returns whether the set bits are those from bit 0 on: only such a value may be written to FFR (Arm ARM, WRFFR).
#[must_use]
pub fn is_monotonic(bytes: &[u8]) -> bool {
    let mut rest = bytes.iter().skip_while(|byte| **byte == 0xff);
    let first = rest.next().copied().unwrap_or(0);
    first & first.wrapping_add(1) == 0 && rest.all(|byte| *byte == 0)
}

/// Returns whether an instruction is in the encoding space of SVE (Arm ARM, "Top-level encodings for A64").
#[must_use]
pub fn is_scalable_instruction(word: u32) -> bool {
    word >> 25 & 0xf == 0b0010
}

fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_written_as_they_are_read() {
        let mut register = [0; 48];
        assert_eq!(text(&register), "0x0");
        register[..8].fill(1);
        register[40..].fill(0xff);
        assert_eq!(text(&register), "0xffff_ffff_ffff_ffff 0x0*4 0x0101_0101_0101_0101");
        assert_eq!(text(&[0x12, 0x34]), "0x3412");
        let numbers = [u64::MAX, 0, 0, 0, 0, 0x0101_0101_0101_0101];
        assert_eq!(bytes(&numbers, 48).as_deref(), Some(&register[..]));
        assert_eq!(bytes(&[0x3412], 2), Some(vec![0x12, 0x34]));
        assert_eq!(bytes(&[0x1_0000], 2), None);
        assert_eq!(bytes(&[1, 0, 0], 16), None);
        assert_eq!(bytes(&[0, 1, 2], 16), bytes(&[1, 2], 16));
    }

    #[test]
    fn a_first_fault_register_has_its_set_bits_at_the_bottom() {
        for yes in [&[0, 0][..], &[0xff, 0xff], &[0xff, 0x07], &[0x01, 0]] {
            assert!(is_monotonic(yes), "{yes:?}");
        }
        for no in [&[0x02, 0][..], &[0xfe, 0xff], &[0x7f, 0x01], &[0, 1]] {
            assert!(!is_monotonic(no), "{no:?}");
        }
    }
}
