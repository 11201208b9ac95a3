//! What a machine is: something that runs blocks of A64 code and gives back what happened.
//!
//! A *program* is blocks with events between and inside them; a *machine* runs them and gives a
//! [`Trace`] for each. Cases are written against these traits and know no machine. [`Vm`] is the
//! kernel's contract alone, without a guest; [`Machine`] is a VM in which the firmware answers.

pub mod block;
mod error;
pub mod firmware;
pub mod hazard;
pub mod mailbox;
pub mod race;
pub mod registers;
pub mod snapshot;
pub mod tags;
pub mod target;
pub mod trace;

use std::ops::Range;
use std::time::Duration;

use abi::mailbox::{BootReport, PageKind};
use abi::map::Window;

pub use ::model::kernel::{Access, Backing, CopyResult, CopyTags, Errno, PageEvent, Protection, TagBuffer};
pub use block::{Block, El, Vectors};
pub use error::MachineError;
use error::no_kernel;
pub use hazard::{Hazard, HazardOutcome};
pub use race::{HostStep, Race, RaceReport, StepResult};
pub use trace::{Fault, Trace};

use crate::registers::{RegisterId, Registers};
use crate::snapshot::Snapshot;

/// What RAM a VM has by default, in bytes.
pub const DEFAULT_RAM: u64 = 64 << 20;

/// How long a guest may take for one request unless the user says otherwise.
pub const GUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// KVM's contract: a VM as the kernel offers it, with or without a guest in it.
pub trait Vm {
    /// Enables KVM_CAP_ARM_MTE with these flags.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn enable_mte(&mut self, flags: u32) -> Result<(), Errno>;

    /// Creates and initialises a vCPU; returns its index.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn add_vcpu(&mut self) -> Result<usize, Errno>;

    /// Adds memory at a guest-physical address. Address and size are multiples of the host's page size.
    ///
    /// # Errors
    ///
    /// What the kernel says, for the mapping or the slot.
    fn add_memory(&mut self, ipa: u64, bytes: u64, backing: Backing, access: Access) -> Result<(), MachineError>;

    /// Starts (or stops) logging dirty pages in the slot at `ipa`.
    ///
    /// # Errors
    ///
    /// What the kernel says; EINVAL when no slot starts there.
    fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno>;

    /// Takes the dirty log of the slot at `ipa`: numbers of the pages that the guest wrote or tagged since it was last
    /// taken, in ascending order (KVM_GET_DIRTY_LOG).
    ///
    /// # Errors
    ///
    /// What the kernel says; ENOENT when the slot is not logged.
    fn take_dirty(&mut self, ipa: u64) -> Result<Vec<u64>, MachineError> {
        let _ = ipa;
        Err(no_kernel("a dirty log"))
    }

    /// Logs dirty pages in rings, one for each vCPU, of this many entries (KVM_CAP_DIRTY_LOG_RING_ACQ_REL). Before any
    /// vCPU is made.
    ///
    /// # Errors
    ///
    /// What the kernel says; `Unsupported` where it has no rings.
    fn enable_dirty_ring(&mut self, entries: u32) -> Result<(), MachineError> {
        let _ = entries;
        Err(no_kernel("a dirty ring"))
    }

    /// Takes what is in a vCPU's dirty ring: guest-physical addresses of pages, in the order of the first write.
    ///
    /// # Errors
    ///
    /// When there is no ring, or the kernel refuses to reset it.
    fn take_dirty_ring(&mut self, cpu: usize) -> Result<Vec<u64>, MachineError> {
        let _ = cpu;
        Err(no_kernel("a dirty ring"))
    }

    /// Deletes the slot at `ipa` and the memory behind it.
    ///
    /// # Errors
    ///
    /// What the kernel says; EINVAL when no slot starts there.
    fn remove_memory(&mut self, ipa: u64) -> Result<(), MachineError> {
        let _ = ipa;
        Err(no_kernel("a memory slot"))
    }

    /// Moves the slot at `ipa` to another guest-physical address; the memory behind it is the same.
    ///
    /// # Errors
    ///
    /// What the kernel says; EINVAL when no slot starts there.
    fn move_memory(&mut self, ipa: u64, to: u64) -> Result<(), MachineError> {
        let _ = (ipa, to);
        Err(no_kernel("a memory slot"))
    }

    /// Lets something happen to pages behind guest memory. Range and length are in whole host pages, in one slot.
    /// Returns when it has happened to all of them, as far as the host tells (/proc/self/pagemap).
    ///
    /// # Errors
    ///
    /// `Unsupported` when this host cannot, with the reason (no swap, no KSM, …); what the kernel says otherwise.
    fn page_event(&mut self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), MachineError> {
        let _ = (ipa, bytes, event);
        Err(no_kernel("memory management"))
    }

    /// Reads tags as a debugger of the VMM does, through the VMM's own mapping, which must be [`Protection::Tagged`]
    /// (PTRACE_PEEKMTETAGS; Documentation/arch/arm64/memory-tagging-extension.rst). Gives how many were read.
    ///
    /// # Errors
    ///
    /// What the kernel says: EOPNOTSUPP when the mapping is not PROT_MTE, EIO when it cannot be accessed.
    fn ptrace_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<usize, MachineError> {
        let _ = (ipa, tags);
        Err(no_kernel("ptrace"))
    }

    /// Writes tags as a debugger of the VMM does (PTRACE_POKEMTETAGS). Gives how many were written.
    ///
    /// # Errors
    ///
    /// As [`Self::ptrace_tags`].
    fn set_ptrace_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<usize, MachineError> {
        let _ = (ipa, tags);
        Err(no_kernel("ptrace"))
    }

    /// Lets the VMM's own IRG draw only tags of `include`, a bit each, on the thread that runs vCPUs
    /// (prctl PR_SET_TAGGED_ADDR_CTRL).
    ///
    /// # Errors
    ///
    /// When the host gives its processes no tags.
    fn set_vmm_tag_mask(&mut self, include: u16) -> Result<(), MachineError> {
        let _ = include;
        Err(no_kernel("a VMM with tags"))
    }

    /// Executes IRG `count` times in the VMM itself, on the thread that runs vCPUs; returns the tags.
    ///
    /// # Errors
    ///
    /// As [`Self::set_vmm_tag_mask`].
    fn irg_in_vmm(&mut self, count: usize) -> Result<Vec<u8>, MachineError> {
        let _ = count;
        Err(no_kernel("a VMM with tags"))
    }

    /// Creates and initialises a vCPU that starts in AArch32 (KVM_ARM_VCPU_EL1_32BIT); returns its index.
    ///
    /// # Errors
    ///
    /// What the kernel says; `Unsupported` when the CPU has no AArch32 at EL1 at all.
    fn add_vcpu_aarch32(&mut self) -> Result<usize, MachineError> {
        Err(no_kernel("a vCPU in AArch32"))
    }

    /// Makes a synchronous external data abort pending in a vCPU (KVM_SET_VCPU_EVENTS): it takes it when it runs next.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn inject_data_abort(&mut self, cpu: usize) -> Result<(), MachineError> {
        let _ = cpu;
        Err(no_kernel("an injected abort"))
    }

    /// Tries what may hang a kernel that is wrong, in a VM of its own.
    ///
    /// # Errors
    ///
    /// `Unsupported` when this host lacks what it takes; what the kernel says when it refuses a step.
    fn attempt(&mut self, hazard: Hazard) -> Result<HazardOutcome, MachineError> {
        let _ = hazard;
        Err(no_kernel("a hazard"))
    }

    /// Calls KVM_ARM_MTE_COPY_TAGS as it is.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn copy_tags(&self, call: CopyTags<'_>) -> CopyResult;

    /// Reads guest memory as the VMM sees it.
    ///
    /// # Errors
    ///
    /// When the range is not in one memory slot.
    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError>;

    /// Writes guest memory as the VMM sees it.
    ///
    /// # Errors
    ///
    /// When the range is not in one memory slot.
    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError>;

    /// Reads all registers of a vCPU, by the kernel's own list.
    ///
    /// # Errors
    ///
    /// When the kernel refuses, or lists a register of a class that granule does not know.
    fn registers(&mut self, cpu: usize) -> Result<Registers, MachineError>;

    /// Reads one register of up to 64 bits.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn register(&self, cpu: usize, id: RegisterId) -> Result<u64, Errno>;

    /// Writes one register of up to 64 bits.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn set_register(&mut self, cpu: usize, id: RegisterId, value: u64) -> Result<(), Errno>;

    /// Whether KVM_CHECK_EXTENSION reports KVM_CAP_ARM_MTE.
    fn has_mte_capability(&self) -> bool;

    /// Bytes in a page of the host.
    fn page_size(&self) -> u64;
}

/// How a block came back.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It ended.
    Done(Box<Trace>),
    /// It rang the checkpoint doorbell and waits; [`Machine::resume`] continues it.
    Checkpoint,
}

/// A VM in which the firmware runs blocks.
pub trait Machine: Vm {
    /// What the firmware of a vCPU reported at boot.
    fn boot_report(&self, cpu: usize) -> &BootReport;

    /// Starts a block on a vCPU and runs it to its end or its next checkpoint.
    ///
    /// # Errors
    ///
    /// When the guest hangs, floods, panics or answers nonsense.
    fn start(&mut self, cpu: usize, block: &Block) -> Result<Outcome, MachineError>;

    /// Continues a block after a checkpoint.
    ///
    /// # Errors
    ///
    /// As [`Machine::start`].
    fn resume(&mut self, cpu: usize) -> Result<Outcome, MachineError>;

    /// Makes pages of a window into something else, for all vCPUs.
    ///
    /// # Errors
    ///
    /// As [`Machine::start`], and when the firmware refuses the range.
    fn set_pages(&mut self, window: Window, ipa: u64, bytes: u64, kind: PageKind) -> Result<(), MachineError>;

    /// Allocates from the guest's tagged heap; 0 when there is no room.
    ///
    /// # Errors
    ///
    /// As [`Machine::start`].
    fn heap_alloc(&mut self, bytes: u64, align: u64) -> Result<u64, MachineError>;

    /// Frees to the guest's tagged heap. `false` when the heap does not know that pointer and tag.
    ///
    /// # Errors
    ///
    /// As [`Machine::start`].
    fn heap_free(&mut self, pointer: u64, bytes: u64, align: u64) -> Result<bool, MachineError>;

    /// Fetches tags of guest memory from `ipa` on, a multiple of a granule: one a byte, lowest address first.
    ///
    /// # Errors
    ///
    /// When not all of them can be had.
    fn fetch_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<(), MachineError> {
        Ok(tags::fetch_granules(self, ipa, tags)?)
    }

    /// Stores tags, one a byte, lowest address first, to guest memory from `ipa` on, a multiple of a granule. The tags
    /// of other granules stay.
    ///
    /// # Errors
    ///
    /// When a byte is above 15, or not all of them can be stored.
    fn store_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<(), MachineError> {
        Ok(tags::store_granules(self, ipa, tags)?)
    }

    /// Lists what the architecture leaves UNKNOWN of guest memory from `ipa` on, if the machine can tell: ranges of
    /// guest-physical addresses, in ascending order.
    fn unknown_memory(&self, ipa: u64, bytes: u64) -> Vec<Range<u64>> {
        let _ = (ipa, bytes);
        Vec::new()
    }

    /// Runs blocks on several vCPUs while threads of the VMM do their steps, all at the same time, and waits for all of
    /// them. Blocks have no checkpoints.
    ///
    /// # Errors
    ///
    /// As [`Machine::start`]; when a vCPU is named twice or a block rings a checkpoint.
    fn race(&mut self, race: &Race) -> Result<RaceReport, MachineError> {
        let _ = race;
        Err(no_kernel("a race"))
    }

    /// Puts the VM back to how it was after boot, as far as a program or a fetch can tell. `false` when
    /// something was done to it that only a new VM undoes.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    fn recycle(&mut self) -> Result<bool, MachineError>;

    /// Saves memory, tags and all registers. The guest may be inside a block.
    ///
    /// # Errors
    ///
    /// When the kernel refuses any part.
    fn save(&mut self) -> Result<Snapshot, MachineError>;

    /// Destroys this VM and puts a snapshot into a new one.
    ///
    /// # Errors
    ///
    /// When the kernel refuses any part.
    fn replace_by(&mut self, snapshot: &Snapshot) -> Result<(), MachineError>;
}

/// What a VM to be booted looks like.
///
/// ```
/// use machine::{Backing, Config, DEFAULT_RAM};
///
/// let config = Config { cpus: 2, backing: Backing::HugePages, ..Config::default() };
/// assert_eq!((config.ram, config.mte), (DEFAULT_RAM, true));
/// assert_ne!(config, Config::default(), "VMs are handed on between cases of one configuration only");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// vCPUs, 1 to [`abi::map::MAX_CPUS`].
    pub cpus: usize,
    /// Bytes of RAM from [`abi::map::RAM_BASE`] on, a multiple of 64 KiB.
    pub ram: u64,
    /// What the RAM is.
    pub backing: Backing,
    /// Whether the VM has MTE. Without, the firmware runs blocks all the same.
    pub mte: bool,
    /// Entries of each vCPU's dirty ring, a power of two; 0 for no rings.
    pub dirty_ring: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { cpus: 1, ram: DEFAULT_RAM, backing: Backing::Anonymous, mte: true, dirty_ring: 0 }
    }
}

/// Where machines come from.
pub trait Factory {
    /// Boots the firmware in a new VM.
    ///
    /// # Errors
    ///
    /// When the kernel refuses, or the firmware does not report in time.
    fn boot(&self, config: Config) -> Result<Box<dyn Machine>, MachineError>;

    /// Creates a VM without memory, vCPUs or MTE.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    fn bare(&self) -> Result<Box<dyn Vm>, MachineError>;
}
