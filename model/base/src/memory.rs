//! Guest-physical memory as the CPU sees it: bytes, and a tag for every granule.

use arch::Tag;

/// There is no memory at this address, or the access is not permitted there: KVM exits to the VMM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory {
    /// The guest-physical address.
    pub ipa: u64,
    /// What is missing, and so how the VMM learns of it.
    pub lacks: Lacks,
}

/// What is missing where a guest touches what it cannot have (arch/arm64/kvm/mmu.c, kvm_handle_guest_abort()).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacks {
    /// A memory slot, or one that can be written: the access is one to a device (KVM_EXIT_MMIO).
    Slot,
    /// A mapping of the VMM behind the slot that permits the access, and that a VM with MTE may use: KVM_RUN fails with EFAULT
    /// (`user_mem_abort()`).
    Mapping,
}

/// Some of the 64 bytes from an address on, bit by bit: the lowest is the byte at the address.
pub type ByteMask = u64;

/// What a CPU accesses. No call crosses a guest page (4 KiB).
///
/// Beside its value a byte has whether that value is UNKNOWN: then it is some value, and no program may depend on which.
pub trait Bus {
    /// Reads bytes, and returns which of the first 64 are UNKNOWN.
    ///
    /// # Errors
    ///
    /// Where there is no memory.
    fn read(&mut self, ipa: u64, bytes: &mut [u8]) -> Result<ByteMask, NoMemory>;

    /// Writes bytes, which are known from then on.
    ///
    /// # Errors
    ///
    /// Where there is no memory, or none that can be written.
    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), NoMemory>;

    /// Makes bytes UNKNOWN until they are written. Where there is no memory there is nothing to do.
    fn make_unknown(&mut self, ipa: u64, which: ByteMask);

    /// Reads the allocation tag of the granule at an address.
    ///
    /// # Errors
    ///
    /// Where there is no memory.
    fn tag(&mut self, ipa: u64) -> Result<Tag, NoMemory>;

    /// Stores the allocation tag of the granule at an address.
    ///
    /// # Errors
    ///
    /// Where there is no memory, or none that can be written.
    fn set_tag(&mut self, ipa: u64, tag: Tag) -> Result<(), NoMemory>;
}
