//! The catalogue of defects: those of the CPU, the firmware and the kernel, each declared beside the rule that it breaks.

use crate::defect::Defect;

/// Lists every defect of the CPU, the firmware and the kernel.
pub fn all() -> impl Iterator<Item = &'static Defect> {
    crate::cpu::defects().chain(crate::firmware::defects()).chain(crate::kvm::defects())
}

/// Finds a defect of the CPU, the firmware or the kernel.
#[must_use]
pub fn named(name: &str) -> Option<&'static Defect> {
    all().find(|defect| defect.name == name)
}
