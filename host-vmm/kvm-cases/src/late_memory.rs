//! Chapter: memory of the kernel's own that becomes a VM's, under a slot that stays or before the VM has MTE.
//!
//! The ring of an io_uring cannot be put where other memory was, only made a slot of. Memory that becomes a regular file's is
//! [`super::replaced`]'s.

use super::calls::{handed, returns, succeeds};
use case::expect::{fail_with, holds};
use case::{Case, CaseContext, CaseResult};
use kvm_model::contract::Rule;
use machine::capability::Capability;
use machine::need::Need;
use machine::{CopyResult, Errno, Introduced, KernelMemory};

const VDSO: &str = "arch/arm64/kvm/mmu.c, user_mem_abort(), mte_allowed; arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags(); \
                    virt/kvm/kvm_main.c, hva_to_pfn_remapped(). No document says so";
const DEVICE: &str = "arch/arm64/kvm/mmu.c, user_mem_abort(): a device is not asked; arch/arm64/kvm/guest.c, \
                      kvm_vm_ioctl_mte_copy_tags(): no page. No document says so";

const NEEDS_VDSO: &[Need] = &[Need::Capability(Capability::LateMemory), Need::VdsoData];
const NEEDS_RING: &[Need] = &[Need::Capability(Capability::LateMemory), Need::IoUring];
const NEEDS_DEVICE: &[Need] = &[Need::Capability(Capability::LateMemory), Need::HarmlessDevice];

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.late.vdso-data",
        "data of the vDSO that takes the place of guest memory stops a guest with MTE from Linux 6.2 on: EFAULT; its tags cannot be stored",
        VDSO,
        |b| late(b, KernelMemory::VdsoData, Introduced::AfterSlot),
    )
    .needing(NEEDS_VDSO),
    Case::new(
        "kvm.late.vdso-data-before-the-capability",
        "data of the vDSO in a slot from before the capability stops a guest with MTE from Linux 6.2 on: EFAULT; its tags cannot be stored",
        VDSO,
        |b| late(b, KernelMemory::VdsoData, Introduced::BeforeCapability),
    )
    .needing(NEEDS_VDSO),
    Case::new(
        "kvm.late.ring-before-the-capability",
        "the ring of an io_uring in a slot from before the capability stops a guest with MTE: EFAULT; the ioctl copies its tags",
        VDSO,
        |b| late(b, KernelMemory::Ring, Introduced::BeforeCapability),
    )
    .needing(NEEDS_RING),
    Case::new(
        "kvm.late.device",
        "a device that takes the place of guest memory is loaded from by a guest with MTE, and has no tags: EFAULT",
        DEVICE,
        |b| late(b, KernelMemory::Device, Introduced::AfterSlot),
    )
    .needing(NEEDS_DEVICE),
    Case::new(
        "kvm.late.device-before-the-capability",
        "a device in a slot from before the capability is loaded from by a guest with MTE, and has no tags: EFAULT",
        DEVICE,
        |b| late(b, KernelMemory::Device, Introduced::BeforeCapability),
    )
    .needing(NEEDS_DEVICE),
];

fn late(cx: &mut CaseContext<'_>, memory: KernelMemory, introduced: Introduced) -> CaseResult {
    let contract = cx.target().contract();
    let mut vm = cx.bare()?;
    let page = vm.page_size();
    let late = handed(Capability::LateMemory, vm.late_memory())?;
    // It is MTE that a guest is stopped for.
    let control = succeeds("a VM without MTE", late.access_kernel_memory(memory, Introduced::WithoutMte))?;
    ran("KVM_RUN of a load in a VM without MTE", Ok(()), control.run)?;
    returns("a fetch in a VM without MTE", Err(Errno::EINVAL), control.fetch)?;
    returns("a store in a VM without MTE", Err(Errno::EINVAL), control.store)?;
    let answers = succeeds("a VM with MTE", late.access_kernel_memory(memory, introduced))?;
    let (run, fetch, store): (_, CopyResult, CopyResult) = match memory {
        KernelMemory::VdsoData => {
            // Before 6.2 the guest was asked for shared mappings alone.
            let asked = contract.holds(Rule::PrivateFileRefused);
            let fetched = contract.holds(Rule::VdsoDataHasTags);
            let run = if asked { Err(Errno::EFAULT) } else { Ok(()) };
            (run, if fetched { Ok(page) } else { Err(Errno::EFAULT) }, Err(Errno::EFAULT))
        }
        KernelMemory::Ring => (Err(Errno::EFAULT), Ok(page), Ok(page)),
        KernelMemory::Device => (Ok(()), Err(Errno::EFAULT), Err(Errno::EFAULT)),
    };
    ran("KVM_RUN of a load in a VM with MTE", run, answers.run)?;
    returns("a fetch of tags", fetch, answers.fetch)?;
    returns("a store of tags", store, answers.store)
}

/// Expects a guest to have loaded, or to have been stopped.
fn ran(what: &str, expected: Result<(), Errno>, found: Result<Option<u64>, Errno>) -> CaseResult {
    match (expected, found) {
        (Ok(()), Ok(None)) => Ok(()),
        (Err(expected), Err(found)) => holds(what, expected, found, expected == found),
        (_, Ok(Some(esr))) => fail_with(what, "no exception", format!("ESR_EL1 {esr:#x}"), Vec::new()),
        (Ok(()), Err(errno)) => fail_with(what, "the load is done", errno, Vec::new()),
        (Err(errno), Ok(None)) => fail_with(what, errno, "the load is done", Vec::new()),
    }
}
