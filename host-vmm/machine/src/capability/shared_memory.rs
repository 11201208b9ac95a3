//! Guest memory that others have, too: another VM, and the VMM's own mapping with PROT_MTE.

use crate::error::MachineError;
use kvm_model::kernel::CopyResult;

/// Shares guest memory, and looks at it as those do who share it.
pub trait SharedMemory {
    /// Makes another VM with MTE whose memory is that of the first slot, at the same address, and maps that memory with PROT_MTE.
    ///
    /// # Errors
    ///
    /// What the kernel says; when the first slot is not of shared memory.
    fn share(&mut self) -> Result<(), MachineError>;

    /// Fetches tags of whole pages through the other VM (KVM_ARM_MTE_COPY_TAGS).
    ///
    /// # Errors
    ///
    /// What the kernel says; ENOENT before [`Self::share`].
    fn fetch_elsewhere(&mut self, ipa: u64, tags: &mut [u8]) -> CopyResult;

    /// Stores tags to whole pages through the other VM.
    ///
    /// # Errors
    ///
    /// As [`Self::fetch_elsewhere`].
    fn store_elsewhere(&mut self, ipa: u64, tags: &[u8]) -> CopyResult;

    /// Loads tags through the mapping, by LDG.
    ///
    /// # Errors
    ///
    /// When the range is not all in the mapping.
    fn load_mapped(&mut self, ipa: u64, tags: &mut [u8]) -> Result<(), MachineError>;

    /// Stores tags through the mapping, by STG.
    ///
    /// # Errors
    ///
    /// As [`Self::load_mapped`].
    fn store_mapped(&mut self, ipa: u64, tags: &[u8]) -> Result<(), MachineError>;
}
