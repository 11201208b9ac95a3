//! The catalogue of defects of the CPU, each declared beside the rule that it breaks.

use model_base::defect::Defect;

/// Lists every defect of the CPU.
pub fn all() -> impl Iterator<Item = &'static Defect> {
    crate::cpu::defects().chain(pauth::defects())
}

/// Finds a defect of the CPU.
#[must_use]
pub fn named(name: &str) -> Option<&'static Defect> {
    all().find(|defect| defect.name == name)
}
