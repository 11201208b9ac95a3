//! The mutants of the firmware's rules, numbered behind those of [`model::mutant`]. Only with the feature `mutants`.

use model_base::mutant::Mutant;

/// How many mutants there are below this package.
const BEFORE: u32 = model::mutant::COUNT as u32;

static OWN: &[Mutant] = mutants::table!();

/// How many mutants the CPU and the firmware have.
pub const COUNT: usize = model::mutant::COUNT + OWN.len();

/// Lists the mutants of the CPU and the firmware, in the order of their numbers.
pub fn all() -> impl Iterator<Item = &'static Mutant> + Clone {
    model::mutant::all().chain(OWN)
}

/// As [`model_base::mutant::at`], of this package's own numbers.
#[inline]
#[must_use]
pub fn at(first: u32, count: u32) -> u32 {
    model_base::mutant::at(BEFORE + first, count)
}
