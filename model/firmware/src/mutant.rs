//! The mutants of the firmware's rules, numbered behind those of [`model::mutant`]. Only with the feature `mutants`.

use model::mutant::Mutant;

/// How many mutants `model` has.
const BEFORE: u32 = model::mutant::ALL.len() as u32;

static OWN: &[Mutant] = mutants::table!();

/// How many mutants the CPU and the firmware have.
pub const COUNT: usize = model::mutant::ALL.len() + OWN.len();

/// Lists the mutants of the CPU and the firmware, in the order of their numbers.
pub fn all() -> impl Iterator<Item = &'static Mutant> + Clone {
    model::mutant::ALL.iter().chain(OWN)
}

/// As [`model::mutant::at`], of this package's own numbers.
#[inline]
#[must_use]
pub fn at(first: u32, count: u32) -> u32 {
    model::mutant::at(BEFORE + first, count)
}
