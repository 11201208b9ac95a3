//! What every machine can do, and where machines come from.

use abi::mailbox::{BootReport, PageKind};
use abi::map::Window;

use crate::block::Block;
use crate::capability::{MachineKind, Races, UnknownMemory};
use crate::config::Config;
use crate::error::MachineError;
use crate::snapshot::Snapshot;
use crate::trace::Trace;
use crate::vm::Vm;

/// How a block came back.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It ended.
    Done(Box<Trace>),
    /// It rang the checkpoint doorbell and waits; [`Machine::resume`] continues it.
    Checkpoint,
}

/// A machine in which the firmware runs blocks.
pub trait Machine {
    /// Returns what the firmware of a vCPU reported at boot.
    fn boot_report(&self, cpu: usize) -> &BootReport;

    /// Returns the bytes in a page of the host.
    fn page_size(&self) -> u64;

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

    /// Reads guest memory as the VMM sees it.
    ///
    /// # Errors
    ///
    /// When the range is not all RAM.
    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError>;

    /// Writes guest memory as the VMM sees it.
    ///
    /// # Errors
    ///
    /// When the range is not all RAM.
    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError>;

    /// Fetches tags of guest memory from `ipa` on, a multiple of a granule: one a byte, lowest address first.
    ///
    /// # Errors
    ///
    /// When not all of them can be had.
    fn fetch_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<(), MachineError>;

    /// Stores tags, one a byte, lowest address first, to guest memory from `ipa` on, a multiple of a granule. The tags
    /// of other granules stay.
    ///
    /// # Errors
    ///
    /// When a byte is above 15, or not all of them can be stored.
    fn store_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<(), MachineError>;

    /// Puts the machine back to how it was after boot, as far as a program or a fetch can tell. `false` when
    /// something was done to it that only a new machine undoes.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    fn recycle(&mut self) -> Result<bool, MachineError>;

    /// Saves memory, tags and all registers. The guest may be inside a block.
    ///
    /// # Errors
    ///
    /// When any part cannot be had.
    fn save(&mut self) -> Result<Snapshot, MachineError>;

    /// Destroys the VM and puts a snapshot into a new one.
    ///
    /// # Errors
    ///
    /// When any part is refused.
    fn replace_by(&mut self, snapshot: &Snapshot) -> Result<(), MachineError>;

    /// Returns the kernel's VM, if the machine has a kernel.
    fn vm(&mut self) -> Option<&mut (dyn Vm + 'static)>;

    /// Returns what runs vCPUs and threads of the VMM at the same time, if the machine can.
    fn races(&mut self) -> Option<&mut (dyn Races + 'static)>;

    /// Returns what knows of memory that the architecture leaves UNKNOWN, if the machine does.
    fn unknown_memory(&self) -> Option<&dyn UnknownMemory>;
}

/// Where machines come from.
pub trait Factory {
    /// Returns what kind of machine it makes.
    fn kind(&self) -> MachineKind;

    /// Boots the firmware in a new VM.
    ///
    /// # Errors
    ///
    /// When the kernel refuses, or the firmware does not report in time.
    fn boot(&self, config: Config) -> Result<Box<dyn Machine>, MachineError>;

    /// Creates a kernel's VM without memory, vCPUs or MTE; `None` where there is no kernel.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    fn bare(&self) -> Result<Option<Box<dyn Vm>>, MachineError>;
}
