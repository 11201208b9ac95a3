//! "Did you mean": the known name closest to a misspelt one.

use alloc::vec::Vec;

/// More edits than this and the names have nothing to do with each other.
const MOST_EDITS: usize = 2;

/// Returns the candidate that takes the fewest edits, if that is at most two and fewer than the name has letters.
pub(crate) fn closest(name: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    candidates
        .map(|candidate| (edits(name, candidate), candidate))
        .filter(|(edits, _)| *edits <= MOST_EDITS && *edits < name.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Counts the insertions, deletions and replacements of one letter that turn `from` into `to`, ignoring case.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (done, a) in from.bytes().enumerate() {
        let mut diagonal = done;
        row[0] = done + 1;
        for (column, b) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(!a.eq_ignore_ascii_case(&b));
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_typo_is_found_and_nonsense_is_not() {
        let names = || ["stg", "stzg", "st2g"].into_iter();
        assert_eq!(closest("stgg", names()), Some("stg"));
        assert_eq!(closest("STZ2", names()), Some("stzg"));
        assert_eq!(closest("frobnicate", names()), None);
        assert_eq!(closest("", names()), None);
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
