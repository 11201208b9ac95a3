//! Hazards on the model, where nothing ever waits: the call is a store like any other.

use machine::{Access, Backing, CopyTags, Hazard, HazardOutcome, TagBuffer};

/// Host page of the guest's that is stored to.
const IPA: u64 = 0x4000_0000;

/// Tries a hazard in a VM, which gets MTE and a page for it.
pub(super) fn attempt(vm: &mut kvm_model::Vm, hazard: Hazard) -> HazardOutcome {
    if let Some(outcome) = super::faulty::hazard::wrong_outcome(model_base::defect::Injected::NONE, hazard) {
        return outcome;
    }
    let page = vm.page_size();
    let prepared = vm.enable_mte(0).and_then(|()| vm.add_memory(IPA, page, Backing::Anonymous, Access::ReadWrite));
    // The page's own bytes are zeros, and so is what userfaultfd serves as tags, but for their number.
    let mut tags = vec![0; (page / machine::tags::GRANULE) as usize];
    let store = |()| {
        let buffer = TagBuffer::Bytes(&mut tags);
        vm.copy_tags(CopyTags { ipa: IPA, length: page, buffer, flags: CopyTags::TO_GUEST, reserved: [0; 2] })
    };
    HazardOutcome::Returned(prepared.and_then(store))
}
