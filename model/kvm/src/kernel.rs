//! The kernel's interface as types: what `KVM_ARM_MTE_COPY_TAGS` takes, and how calls fail.
//!
//! A real machine and the model are both asked in these terms.

pub mod host_event;
pub mod kernel_memory;
pub mod page_event;
pub mod register;

pub use host_event::HostEvent;
pub use kernel_memory::{Introduced, KernelMemory, KernelMemoryAnswers};
pub use kvm_mte::Errno;
pub use page_event::{PageEvent, Protection};
pub use register::RegisterId;

/// Whether a memory slot or the mapping behind it lets the guest and the kernel write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Slot and mapping are writable.
    ReadWrite,
    /// The slot is KVM_MEM_READONLY; the mapping is writable.
    ReadOnlySlot,
    /// The slot is writable; the VMM's mapping is PROT_NONE.
    NoMapping,
}

/// What kind of memory stands behind a slot. All of these are zeroed, but for device memory, which nobody touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backing {
    /// Private anonymous memory in pages of the base size.
    Anonymous,
    /// Private anonymous memory in transparent huge pages where the kernel has them.
    HugePages,
    /// A memfd, mapped shared.
    Shared,
    /// A regular file, mapped private.
    PrivateFile,
    /// Private anonymous memory in huge pages of the pool (hugetlb).
    Hugetlb,
    /// Device memory: a mapping of page frames without `struct page` (VM_PFNMAP).
    Device,
    /// A guest_memfd.
    GuestMemfd,
}

/// Where the tag buffer of a raw ioctl lies.
#[derive(Debug)]
pub enum TagBuffer<'a> {
    /// In this memory, at least `length / 16` bytes for the ioctl to be sound.
    Bytes(&'a mut [u8]),
    /// In memory that ends after this many bytes: what follows is not mapped.
    EndsAfter(usize),
    /// In memory that ends with these bytes, which are stored from.
    EndsWith(&'a [u8]),
}

/// One KVM_ARM_MTE_COPY_TAGS call, field by field and unchecked.
#[derive(Debug)]
pub struct CopyTags<'a> {
    /// `guest_ipa`.
    pub ipa: u64,
    /// `length`, in bytes of guest memory.
    pub length: u64,
    /// `addr`.
    pub buffer: TagBuffer<'a>,
    /// `flags`: [`CopyTags::TO_GUEST`] or [`CopyTags::FROM_GUEST`].
    pub flags: u64,
    /// `reserved`.
    pub reserved: [u64; 2],
}

impl CopyTags<'_> {
    /// KVM_ARM_TAGS_TO_GUEST.
    pub const TO_GUEST: u64 = kvm_mte::ioctl::KVM_ARM_TAGS_TO_GUEST;
    /// KVM_ARM_TAGS_FROM_GUEST.
    pub const FROM_GUEST: u64 = kvm_mte::ioctl::KVM_ARM_TAGS_FROM_GUEST;
}

/// What the kernel returned for a raw ioctl: bytes of guest memory covered, or the error.
pub type CopyResult = Result<u64, Errno>;
