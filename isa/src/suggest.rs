//! "Did you mean": the known name closest to a misspelled one.
//!
//! The crate strsim has this distance too, but needs `std`.

use alloc::vec::Vec;
use core::fmt;

/// The letters of the shortest name that may be misspelled.
const MIN_LETTERS: usize = 3;

/// The letters of the shortest name that may have two edits: `wfi` is not meant to be `bti`.
const LETTERS_FOR_TWO: usize = 8;

/// Returns the closest candidate, if it is one edit away, or two where both names have at least eight letters.
#[must_use]
pub fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = |edits: usize, candidate: &str| {
        let letters = name.len().min(candidate.len());
        letters >= MIN_LETTERS && edits <= if letters < LETTERS_FOR_TWO { 1 } else { 2 }
    };
    candidates
        .map(|candidate| (edits(name, candidate), candidate))
        .filter(|(edits, candidate)| near(*edits, candidate))
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

/// Returns the edits from one name to the other, ignoring case: a letter added, left out, replaced, or swapped with the next
/// (the optimal string alignment distance).
fn edits(from: &str, to: &str) -> usize {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    let same = |a: usize, b: usize| from[a].eq_ignore_ascii_case(&to[b]);
    let mut before = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for a in 0..from.len() {
        let mut row = Vec::with_capacity(to.len() + 1);
        row.push(a + 1);
        for b in 0..to.len() {
            let mut best = (last[b] + usize::from(!same(a, b))).min(last[b + 1] + 1).min(row[b] + 1);
            if a > 0 && b > 0 && same(a, b - 1) && same(a - 1, b) {
                best = best.min(before[b - 1] + 1);
            }
            row.push(best);
        }
        before = core::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_has_a_suggestion_and_nonsense_has_none() {
        let names = || ["stg", "stzg", "st2g", "bti"].into_iter();
        assert_eq!(closest("stgg", names()), Some("stg"));
        assert_eq!(closest("STZ2", names()), Some("stzg"));
        assert_eq!(closest("sgt", names()), Some("stg"));
        assert_eq!(closest("wfi", names()), None);
        assert_eq!(closest("vbar_el1", ["far_el1"].into_iter()), None);
        assert_eq!(closest("tsfr_el1", ["tfsr_el1"].into_iter()), Some("tfsr_el1"));
        assert_eq!(closest("tfsre_el1", ["tfsre0_el1"].into_iter()), Some("tfsre0_el1"));
        assert_eq!(closest("frobnicate", names()), None);
        assert_eq!(closest("", names()), None);
    }

    #[test]
    fn edits_are_counted_as_a_typist_makes_them() {
        for (from, to, count) in [("kitten", "sitting", 3), ("", "stg", 3), ("sgt", "stg", 1), ("ldr", "LDR", 0)] {
            assert_eq!((edits(from, to), edits(to, from)), (count, count), "{from} {to}");
        }
    }
}
