//! The mutants of the rules of KVM, numbered behind those of [`firmware_model::mutant`]. Only with the feature `mutants`.

use model_base::mutant::Mutant;

/// How many mutants there are below this package.
const BEFORE: u32 = firmware_model::mutant::COUNT as u32;

static OWN: &[Mutant] = mutants::table!();

/// How many mutants the CPU, the firmware and the kernel have.
pub const COUNT: usize = firmware_model::mutant::COUNT + OWN.len();

/// Lists the mutants of the CPU, the firmware and the kernel. The number of a mutant is its place here, from 1 on.
pub fn all() -> impl Iterator<Item = &'static Mutant> + Clone {
    firmware_model::mutant::all().chain(OWN)
}

/// Returns the mutant of a number.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn numbered(number: u32) -> &'static Mutant {
    all().nth(number as usize - 1).expect("the number of a mutant")
}

/// As [`model_base::mutant::at`], of this package's own numbers.
#[inline]
#[must_use]
pub fn at(first: u32, count: u32) -> u32 {
    model_base::mutant::at(BEFORE + first, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = all().map(|mutant| mutant.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COUNT);
    }
}
