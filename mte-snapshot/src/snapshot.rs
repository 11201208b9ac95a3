//! What a snapshot holds.

use std::fmt;

/// The state of a VM whose vCPUs are stopped.
///
/// Pages that are zero and have zero tags need not be in [`memory`](Self::memory): what a slot has beyond its extents is
/// zero. [`decode`](Self::decode) returns the extents without such pages, as long as possible, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Where the VM ran, and what its guest is.
    pub identity: Identity,
    /// The VM's memory slots. They do not overlap.
    pub slots: Vec<Slot>,
    /// Data and tags. Each extent lies in one slot, and none overlaps another.
    pub memory: Vec<Extent>,
    /// Where the guest sees its memory. Only debuggers use them; a restored VM does not depend on them.
    pub views: Vec<View>,
    /// The vCPUs in the order of their indices.
    pub vcpus: Vec<Vcpu>,
    /// What the VMM needs beyond that.
    pub application: Option<Application>,
}

/// What the state depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The host's page size in bytes: 4096, 16384 or 65536. KVM_ARM_MTE_COPY_TAGS works in such pages.
    pub page_size: u64,
    /// ID_AA64PFR1_EL1.MTE of the guest, 0 to 15: 2 or more if its memory has tags.
    pub mte: u8,
    /// GMID_EL1 of the guest.
    pub gmid: u64,
    /// MIDR_EL1 of the guest.
    pub midr: u64,
    /// The release of the kernel whose KVM ran the VM.
    pub kernel: String,
    /// What emulates the host, empty for hardware.
    pub emulator: String,
    /// The model of the CPU.
    pub cpu: String,
    /// BLAKE3 of the guest's image.
    pub guest: [u8; 32],
}

/// A memory slot of the VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its first guest-physical address, a multiple of the host's page size.
    pub ipa: u64,
    /// Its size, a multiple of the host's page size and not 0.
    pub bytes: u64,
    /// Whether the guest can only read it (KVM_MEM_READONLY).
    pub read_only: bool,
}

/// A range of guest-physical memory with its tags.
#[derive(Clone, PartialEq, Eq)]
pub struct Extent {
    /// Its first guest-physical address, a multiple of the host's page size.
    pub ipa: u64,
    /// Its bytes, whole host pages.
    pub data: Vec<u8>,
    /// The allocation tag of each granule, 0 to 15, one a byte: a sixteenth as many bytes as `data`.
    pub tags: Vec<u8>,
}

impl fmt::Debug for Extent {
    /// Formats the range, not its contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extent")
            .field("ipa", &format_args!("{:#x}", self.ipa))
            .field("data", &format_args!("{:#x} bytes", self.data.len()))
            .field("tags", &format_args!("{:#x}", self.tags.len()))
            .finish()
    }
}

/// A range of virtual addresses at which the guest sees guest-physical memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Its first virtual address, a multiple of 4096, with a canonical top byte.
    pub va: u64,
    /// The guest-physical address of its first byte, a multiple of 4096.
    pub ipa: u64,
    /// Its size, a multiple of 4096 and not 0.
    pub bytes: u64,
    /// Whether it is mapped Normal-Tagged, so that accesses through it are checked.
    pub tagged: bool,
}

/// The state of a vCPU, all of it as KVM represents it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vcpu {
    /// Ids of KVM_GET_ONE_REG and little-endian values, in the order of KVM_GET_REG_LIST.
    pub registers: Vec<(u64, Vec<u8>)>,
    /// `struct kvm_mp_state`.
    pub mp_state: u32,
    /// `struct kvm_vcpu_events`, 64 bytes, where the kernel has KVM_CAP_VCPU_EVENTS.
    pub events: Option<Vec<u8>>,
}

/// What a VMM stores for itself. This package does not look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Whose it is, and of which version: a VMM restores only what bears a name that it uses.
    pub name: String,
    /// Any bytes.
    pub bytes: Vec<u8>,
}
