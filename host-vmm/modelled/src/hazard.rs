//! Hazards on the model, where nothing ever waits: the call is a store like any other, unless a defect lets it hang.

use model::defects;

use machine::{CopyTags, Hazard, HazardOutcome, TagBuffer};

defects! {
    WAITS_FOR_ITSELF "hazard.buffer-faults-under-the-lock-of-its-page"
        "a store whose buffer lies in the page that it tags waits for a lock that it holds";
    TOUCH_WAITS "hazard.touch-waits-for-the-buffer"
        "whoever touches a page that is being tagged waits in the kernel until the buffer of that store is there";
    PROTECT_WAITS "hazard.mprotect-waits-for-the-buffer"
        "mprotect(PROT_MTE) waits for a store whose buffer needs the address space that mprotect has locked";
}

/// Host page of the guest's that is stored to.
const IPA: u64 = 0x4000_0000;
/// What an attempt waits for somebody to come back, where it would.
const MILLIS: u64 = 2000;

/// Tries a hazard in a VM, which gets MTE and a page for it.
pub(super) fn attempt(vm: &mut model::kvm::Vm, hazard: Hazard) -> HazardOutcome {
    let injected = vm.injected();
    let wrong = match hazard {
        Hazard::BufferInThePage => &WAITS_FOR_ITSELF,
        Hazard::TouchedMeanwhile => &TOUCH_WAITS,
        Hazard::ProtectedMeanwhile => &PROTECT_WAITS,
    };
    if injected.is(wrong) {
        return HazardOutcome::Hangs { millis: MILLIS, dies: false };
    }
    let page = vm.page_size();
    let prepared = vm
        .enable_mte(0)
        .and_then(|()| vm.add_memory(IPA, page, machine::Backing::Anonymous, machine::Access::ReadWrite));
    // The page's own bytes are zeros, and so is what userfaultfd serves as tags, but for their number.
    let mut tags = vec![0; (page / machine::tags::GRANULE) as usize];
    let store = |()| {
        let buffer = TagBuffer::Bytes(&mut tags);
        vm.copy_tags(CopyTags { ipa: IPA, length: page, buffer, flags: CopyTags::TO_GUEST, reserved: [0; 2] })
    };
    HazardOutcome::Returned(prepared.and_then(store))
}
