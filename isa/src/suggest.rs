//! "Did you mean": the known name closest to a misspelled one.
//!
//! The crate strsim has this distance too, but needs `std`.

use alloc::vec::Vec;
use core::fmt;

/// The maximum distance of a suggestion, in edits.
const MAX_EDITS: usize = 2;

/// Returns the closest candidate, if it is at most two edits away and the name is longer than that distance.
#[must_use]
pub fn closest(name: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    candidates
        .map(|candidate| (edits(name, candidate), candidate))
        .filter(|(edits, _)| *edits <= MAX_EDITS && *edits < name.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Writes the end of a message about an unknown name.
///
/// # Errors
/// Those of the formatter.
pub fn did_you_mean(f: &mut fmt::Formatter<'_>, suggestion: Option<&str>) -> fmt::Result {
    match suggestion {
        Some(name) => write!(f, "; did you mean `{name}`?"),
        None => Ok(()),
    }
}

/// Returns the Levenshtein distance of two names, ignoring case.
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
    fn a_typo_has_a_suggestion_and_nonsense_has_none() {
        let names = || ["stg", "stzg", "st2g"].into_iter();
        assert_eq!(closest("stgg", names()), Some("stg"));
        assert_eq!(closest("STZ2", names()), Some("stzg"));
        assert_eq!(closest("frobnicate", names()), None);
        assert_eq!(closest("", names()), None);
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
