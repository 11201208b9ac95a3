//! The boot block: what the host writes to guest RAM before the first instruction.
//!
//! It is at [`crate::map::SHARED_BASE`]. Without the magic number there is no host, and the firmware runs its self-test
//! instead of waiting for requests.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The magic number of a boot block: "granuleH" as a little-endian number.
pub const HOST_MAGIC: u64 = u64::from_le_bytes(*b"granuleH");

/// The record at the start of the shared region.
///
/// ```
/// use abi::boot::{BootBlock, HOST_MAGIC};
/// use zerocopy::{FromBytes, IntoBytes};
///
/// let written = BootBlock { magic: HOST_MAGIC, version: abi::ABI_VERSION, cpus: 2, start_others: 1, reserved: 0 };
/// let read = BootBlock::read_from_bytes(written.as_bytes()).unwrap();
/// assert_eq!((&written.as_bytes()[..8], read.cpus), (b"granuleH".as_slice(), 2));
/// ```
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BootBlock {
    /// [`HOST_MAGIC`] if a host serves the mailboxes.
    pub magic: u64,
    /// [`crate::ABI_VERSION`] of the host.
    pub version: u32,
    /// The number of vCPUs of the VM, 1 to [`crate::map::MAX_CPUS`].
    pub cpus: u32,
    /// 1 if only vCPU 0 runs and the firmware starts the others (PSCI CPU_ON), 0 if the host starts them.
    pub start_others: u32,
    /// Must be 0.
    pub reserved: u32,
}

const _: () = assert!(size_of::<BootBlock>() == 24);
