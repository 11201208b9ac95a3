//! An index of the rows by the top bits of a word, so that decoding tries a few rows instead of all.
//!
//! The index is built from the table at compile time. It only rules out rows whose fixed bits differ from the word's.

use crate::row::Row;
use crate::table::ROWS;

/// The key of a word is its bits 31:21: the main encoding groups, sizes and most opcodes.
const KEY_SHIFT: u32 = 21;
const KEYS: usize = 1 << (32 - KEY_SHIFT);

/// The rows of key `k` are `rows[first[k]..first[k + 1]]`, as indexes into the table.
struct Index {
    first: [u16; KEYS + 1],
    rows: [u16; ENTRIES],
}

static INDEX: Index = build();

/// The number of entries. A row has one for every key that its operands can produce.
const ENTRIES: usize = {
    let mut entries = 0;
    let mut row = 0;
    while row < ROWS.len() {
        entries += 1 << free_bits(row).count_ones();
        row += 1;
    }
    entries
};

/// Returns a mask of the key bits that belong to operands of a row.
const fn free_bits(row: usize) -> u32 {
    !ROWS[row].mask() >> KEY_SHIFT
}

/// Builds the index by a counting sort of the rows by key.
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
                    // `first` holds the end of the key's rows; it moves down to the start.
                    first[key] -= 1;
                    rows[first[key] as usize] = row as u16;
                }
                // Next subset of the free bits.
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

/// Returns the rows that may decode `word`, in the order of the table.
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
        assert!(most < Some(40), "decoding has become slow: up to {most:?} candidate rows per word");
    }
}
