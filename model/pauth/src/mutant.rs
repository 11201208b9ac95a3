//! The mutants of these rules, numbered behind those of [`model_base::mutant`]. Only with the feature `mutants`.

use model_base::mutant::Mutant;

/// How many mutants there are below this package.
const BEFORE: u32 = model_base::mutant::ALL.len() as u32;

static OWN: &[Mutant] = mutants::table!();

/// How many mutants there are up to this package.
pub const COUNT: usize = model_base::mutant::ALL.len() + OWN.len();

/// Lists the mutants up to this package, in the order of their numbers.
pub fn all() -> impl Iterator<Item = &'static Mutant> + Clone {
    model_base::mutant::ALL.iter().chain(OWN)
}

/// As [`model_base::mutant::at`], of this package's own numbers.
#[inline]
#[must_use]
pub fn at(first: u32, count: u32) -> u32 {
    model_base::mutant::at(BEFORE + first, count)
}
