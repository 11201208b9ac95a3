//! The catalogue of defects: those of the kernel, and before them those of the CPU and the firmware.

use model_base::defect::Defect;

use crate::{
    copy_tags, el2, host_event, host_tags, late_memory, life, memory, offer, registers, scalable, sharing, transfer,
    vcpu, vm,
};

/// Lists every defect of the CPU, the firmware and the kernel.
pub fn all() -> impl Iterator<Item = &'static Defect> {
    firmware_model::catalogue::all().chain(kernel())
}

/// Finds a defect of the CPU, the firmware or the kernel.
#[must_use]
pub fn named(name: &str) -> Option<&'static Defect> {
    all().find(|defect| defect.name == name)
}

/// The defects of the kernel.
fn kernel() -> impl Iterator<Item = &'static Defect> {
    [
        vm::DEFECTS,
        copy_tags::DEFECTS,
        el2::DEFECTS,
        host_tags::DEFECTS,
        life::DEFECTS,
        late_memory::DEFECTS,
        host_event::DEFECTS,
        transfer::DEFECTS,
        registers::DEFECTS,
        offer::DEFECTS,
        scalable::DEFECTS,
        sharing::DEFECTS,
        vcpu::DEFECTS,
    ]
    .into_iter()
    .flatten()
    .copied()
    .chain(memory::defects())
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_defects_have_the_same_name_or_number() {
        let mut names: Vec<_> = super::all().map(|defect| defect.name).collect();
        let mut ids: Vec<_> = super::all().map(model_base::defect::Defect::id).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((names.len(), ids.len()), (count, count));
        assert!(!ids.contains(&0), "0 is no defect");
    }
}
