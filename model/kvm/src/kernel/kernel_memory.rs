//! Memory of the kernel's own that a process has mapped, as a memory slot: what a VM with MTE may not have, and what becomes of
//! it when it comes late.

use super::{CopyResult, Errno};

/// Memory of the kernel's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KernelMemory {
    /// The data pages of the vDSO, which a process can only read.
    VdsoData,
    /// The ring of an io_uring, which a process can write.
    Ring,
    /// The registers of a device: page frames that are no memory (VM_PFNMAP).
    Device,
}

/// When such memory comes to a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Introduced {
    /// The VM has MTE, and the memory takes the place of other memory, under a slot that stays (mremap).
    AfterSlot,
    /// A slot was made of the memory, and the VM gets MTE later.
    BeforeCapability,
    /// The VM has no MTE at all.
    WithoutMte,
}

/// What the kernel answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelMemoryAnswers {
    /// KVM_RUN of a load from it: whether the guest took an exception, and its syndrome.
    pub run: Result<Option<u64>, Errno>,
    /// A fetch of the tags of a page.
    pub fetch: CopyResult,
    /// A store of tags 0 to a page.
    pub store: CopyResult,
}
