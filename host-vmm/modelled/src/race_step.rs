//! One step of a thread of the VMM in a race.

use machine::capability::{DirtyLog as _, PageEvents as _};
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
        HostStep::TakeDirty { ipa } => vm.take_dirty(*ipa).map(StepResult::Dirty),
    }
}
