//! One step of a thread of the VMM in a race.

use machine::capability::{DirtyLog as _, PageEvents as _, SharedMemory as _};
use machine::tags::GRANULE;
use machine::{HostStep, MachineError, StepResult, Vm as _};

use super::vm::ModelVm;

/// Takes a step.
///
/// # Errors
///
/// When it cannot be taken at all.
pub(super) fn take(vm: &mut ModelVm, step: &HostStep) -> Result<StepResult, MachineError> {
    match step {
        HostStep::Fetch { ipa, length } => Ok(StepResult::fetch(vm, *ipa, *length)),
        HostStep::Store { ipa, tags } => Ok(StepResult::store(vm, *ipa, tags)),
        HostStep::Write { ipa, bytes } => StepResult::done(vm.write(*ipa, bytes)),
        HostStep::Event { ipa, length, event } => StepResult::done(vm.page_event(*ipa, *length, *event)),
        // These are taken apart into moves.
        HostStep::MoveSlot { .. } | HostStep::ReplaceSlot { .. } => StepResult::done(Ok(())),
        HostStep::FetchElsewhere { ipa, length } => {
            let mut tags = vec![0xff; (length / GRANULE) as usize];
            let result = vm.fetch_elsewhere(*ipa, &mut tags);
            Ok(StepResult::Copied(result, tags))
        }
        HostStep::StoreElsewhere { ipa, tags } => Ok(StepResult::Copied(vm.store_elsewhere(*ipa, tags), tags.clone())),
        HostStep::StoreMapped { ipa, tags } => StepResult::done(vm.store_mapped(*ipa, tags)),
        HostStep::TakeDirty { ipa } => vm.take_dirty(*ipa).map(StepResult::Dirty),
    }
}
