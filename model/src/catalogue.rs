//! The catalogue of defects: those of the CPU and the firmware, each declared beside the rule that it breaks.

use crate::defect::Defect;

/// Lists every defect of the CPU and the firmware.
pub fn all() -> impl Iterator<Item = &'static Defect> {
    crate::cpu::defects().chain(crate::firmware::defects())
}

/// Finds a defect of the CPU or the firmware.
#[must_use]
pub fn named(name: &str) -> Option<&'static Defect> {
    all().find(|defect| defect.name == name)
}
