//! The mutants of the CPU's rules, numbered behind those of [`pauth::mutant`]. Only with the feature `mutants`.

use model_base::mutant::Mutant;

/// How many mutants there are below this package.
const BEFORE: u32 = pauth::mutant::COUNT as u32;

static OWN: &[Mutant] = mutants::table!();

/// How many mutants the CPU has.
pub const COUNT: usize = pauth::mutant::COUNT + OWN.len();

/// Lists the mutants of the CPU, in the order of their numbers.
pub fn all() -> impl Iterator<Item = &'static Mutant> + Clone {
    pauth::mutant::all().chain(OWN)
}

/// As [`model_base::mutant::at`], of this package's own numbers.
#[inline]
#[must_use]
pub fn at(first: u32, count: u32) -> u32 {
    model_base::mutant::at(BEFORE + first, count)
}
