//! Which rows a word can belong to, by its top bits: so that decoding tries a few rows and not all.
//!
//! The index is made of the table when this crate is compiled. It must not decide anything: it only leaves out rows
//! whose fixed bits differ from the word's.

use crate::row::Row;
use crate::table::ROWS;

/// The key of a word is what stands from this bit up: the main groups of the encoding, sizes and most opcodes.
const KEY_SHIFT: u32 = 21;
const KEYS: usize = 1 << (32 - KEY_SHIFT);

/// The rows of key `k` are `rows[first[k]..first[k + 1]]`, as positions in the table.
struct Index {
    first: [u16; KEYS + 1],
    rows: [u16; ENTRIES],
}

static INDEX: Index = build();

/// How often a row is listed: once for every key that its operands can make.
const ENTRIES: usize = {
    let mut entries = 0;
    let mut row = 0;
    while row < ROWS.len() {
        entries += 1 << free_bits(row).count_ones();
        row += 1;
    }
    entries
};

/// Returns the bits of the key that belong to operands of a row.
const fn free_bits(row: usize) -> u32 {
    !ROWS[row].mask() >> KEY_SHIFT
}

/// Sorts the rows by key: counts them, then adds up, then puts each in its place.
const fn build() -> Index {
    assert!(ROWS.len() <= u16::MAX as usize && ENTRIES <= u16::MAX as usize);
    let (mut first, mut rows) = ([0; KEYS + 1], [0; ENTRIES]);
    let mut counting = true;
    loop {
        let mut row = ROWS.len();
        while row != 0 {
            row -= 1;
            let (fixed, free) = (ROWS[row].bits() >> KEY_SHIFT, free_bits(row));
            let mut chosen: u32 = 0;
            loop {
                let key = (fixed | chosen) as usize;
                if counting {
                    first[key] += 1;
                } else {
                    // The sums say where a key's rows end, and so go down to where they begin.
                    first[key] -= 1;
                    rows[first[key] as usize] = row as u16;
                }
                // The next subset of the free bits.
                chosen = chosen.wrapping_sub(free) & free;
                if chosen == 0 {
                    break;
                }
            }
        }
        if !counting {
            return Index { first, rows };
        }
        counting = false;
        let mut key = 1;
        while key <= KEYS {
            first[key] += first[key - 1];
            key += 1;
        }
    }
}

/// Lists the rows that `word` can belong to, in the order of the table.
pub(crate) fn candidates(word: u32) -> impl Iterator<Item = &'static Row> {
    let key = (word >> KEY_SHIFT) as usize;
    let (start, end) = (usize::from(INDEX.first[key]), usize::from(INDEX.first[key + 1]));
    INDEX.rows[start..end].iter().map(|row| &ROWS[usize::from(*row)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_listed_under_all_its_keys_and_no_others() {
        for key in 0..KEYS {
            let word = (key as u32) << KEY_SHIFT;
            let expected = ROWS.iter().filter(|row| (word ^ row.bits()) & row.mask() >> KEY_SHIFT << KEY_SHIFT == 0);
            assert!(candidates(word).map(Row::bits).eq(expected.map(Row::bits)), "{key:#x}");
        }
        let most = (0..KEYS as u32).map(|key| candidates(key << KEY_SHIFT).count()).max();
        assert!(most < Some(40), "decoding has become slow: a word may be one of {most:?} rows");
    }
}
