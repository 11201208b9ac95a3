//! The mutants of the rules of KVM, numbered behind those of [`model::mutant`]. Only with the feature `mutants`.

use model::mutant::Mutant;

/// How many mutants `model` has.
const BEFORE: u32 = model::mutant::ALL.len() as u32;

static OWN: &[Mutant] = mutants::table!();

/// Lists the mutants of the CPU, the firmware and the kernel. The number of a mutant is its place here, from 1 on.
pub fn all() -> impl ExactSizeIterator<Item = &'static Mutant> + Clone {
    (0..model::mutant::ALL.len() + OWN.len())
        .map(|place| model::mutant::ALL.get(place).unwrap_or_else(|| &OWN[place - BEFORE as usize]))
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

/// As [`model::mutant::at`], of this package's own numbers.
#[inline]
#[must_use]
pub fn at(first: u32, count: u32) -> u32 {
    model::mutant::at(BEFORE + first, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = all().map(|mutant| mutant.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
