//! The boot block: what the host leaves in guest RAM before the first instruction.
//!
//! It lies at [`crate::map::SHARED_BASE`]. Where its magic is missing there is no host, and the
//! firmware runs its self-test instead of waiting for requests.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// "granuleH" read as a little-endian number.
pub const HOST_MAGIC: u64 = u64::from_le_bytes(*b"granuleH");

/// The record at the start of the shared region.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BootBlock {
    /// [`HOST_MAGIC`] when a host will serve the mailboxes.
    pub magic: u64,
    /// [`crate::ABI_VERSION`] of the host.
    pub version: u32,
    /// How many vCPUs the host created, 1 to [`crate::map::MAX_CPUS`].
    pub cpus: u32,
    /// 1 if only vCPU 0 was started, and the firmware must start the others (PSCI CPU_ON); 0 if the host does.
    pub start_others: u32,
    /// 0.
    pub reserved: u32,
}

const _: () = assert!(size_of::<BootBlock>() == 24);
