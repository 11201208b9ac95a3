//! Guest-physical memory as the CPU sees it: bytes, and a tag for every granule.

use isa::Tag;

/// There is no memory at this address, or the access is not permitted there: KVM exits to the VMM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory {
    /// The guest-physical address.
    pub ipa: u64,
}

/// What a CPU accesses. No call crosses a guest page (4 KiB).
pub trait Bus {
    /// Reads bytes.
    ///
    /// # Errors
    ///
    /// Where there is no memory.
    fn read(&mut self, ipa: u64, bytes: &mut [u8]) -> Result<(), NoMemory>;

    /// Writes bytes.
    ///
    /// # Errors
    ///
    /// Where there is no memory, or none that can be written.
    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), NoMemory>;

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
