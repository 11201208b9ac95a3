//! The catalogue of defects: those of the firmware, and before them those of the CPU.

use model_base::defect::Defect;

use crate::{executor, heap, state};

/// Lists every defect of the CPU and the firmware.
pub fn all() -> impl Iterator<Item = &'static Defect> {
    model::catalogue::all().chain(firmware())
}

/// Finds a defect of the CPU or the firmware.
#[must_use]
pub fn named(name: &str) -> Option<&'static Defect> {
    all().find(|defect| defect.name == name)
}

/// The defects of the firmware's promises.
pub(crate) fn firmware() -> impl Iterator<Item = &'static Defect> {
    [state::DEFECTS, executor::DEFECTS, heap::DEFECTS].into_iter().flatten().copied()
}
