//! Recognises failures by the signs of errata.
//!
//! What is compared is the failure itself, not the name of its case. Everything that is not as promised must be
//! explained; a single value that no sign accounts for, and nothing is.

mod block;
mod program;

use report::failure::{Failure, Mismatch};

use crate::erratum::{Erratum, matches};
use crate::sign::{Numbers, Sign};

impl Erratum {
    /// Returns whether this erratum explains that a case failed in this way.
    #[must_use]
    pub fn explains_case(&self, case: &str, failure: &Failure) -> bool {
        let Some(mismatch) = failure.mismatch() else { return false };
        self.can_excuse()
            && self.concerns_case(case)
            && match mismatch {
                Mismatch::Block(block) => block::explains(self.signs, block),
                other => self.signs.iter().any(|sign| explains(sign, &failure.what, other)),
            }
    }

    /// Returns whether this erratum alone explains all that a program showed.
    #[must_use]
    pub fn explains_program(&self, failure: &Failure) -> bool {
        match failure.mismatch() {
            Some(Mismatch::Program(mismatch)) => self.can_excuse() && program::explains(self.signs, mismatch),
            _ => false,
        }
    }
}

/// Returns whether a case's failure looks like this, where it is not one of a block.
fn explains(sign: &Sign, what: &str, mismatch: &Mismatch) -> bool {
    match (sign, mismatch) {
        (Sign::Number { what: names, values }, Mismatch::Number { expected, found }) => {
            names.iter().any(|name| matches(name, what))
                && match values {
                    Numbers::Pairs(pairs) => pairs.contains(&(*expected, *found)),
                    Numbers::Lost => *found == 0,
                    Numbers::Bits(bits) => (expected ^ found) & !bits == 0,
                }
        }
        (Sign::Tags { expected, found }, Mismatch::Tags(tags)) => {
            tags.expected & !expected == 0 && tags.found & !found == 0
        }
        (Sign::Blocked, Mismatch::Blocked) => true,
        _ => false,
    }
}
