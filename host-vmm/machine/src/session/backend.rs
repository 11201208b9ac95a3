//! What a session asks of the machine under it.

use abi::mailbox::{BootReport, PageKind, Request, Status};
use abi::map::Window;

use super::guest_state::GuestState;
use crate::block::Block;
use crate::capability::UnknownMemory;
use crate::config::Config;
use crate::error::MachineError;
use crate::machine::Outcome;
use crate::race::{Race, RaceReport};
use crate::snapshot::Snapshot;
use crate::vm::Vm;

/// Why a vCPU runs.
#[derive(Clone, Copy, Debug)]
pub enum RunReason<'a> {
    /// It begins a block.
    Start(&'a Block),
    /// It goes on behind a checkpoint.
    Resume,
}

/// A request to the firmware other than a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestCall {
    /// Makes pages of a window into something else.
    SetPages {
        /// The window.
        window: Window,
        /// First byte, guest-physical.
        ipa: u64,
        /// Bytes.
        bytes: u64,
        /// What they become.
        kind: PageKind,
    },
    /// Allocates from the tagged heap.
    HeapAlloc {
        /// Bytes.
        bytes: u64,
        /// A power of two.
        align: u64,
    },
    /// Frees to the tagged heap.
    HeapFree {
        /// As it was allocated.
        pointer: u64,
        /// Bytes.
        bytes: u64,
        /// As it was allocated.
        align: u64,
    },
    /// Empties the heap.
    HeapReset,
}

impl GuestCall {
    /// Returns the request and its arguments as a mailbox takes them.
    #[must_use]
    pub fn record(self) -> (Request, [u64; 4]) {
        match self {
            Self::SetPages { window, ipa, bytes, kind } => {
                (Request::SetPages, [window as u64, ipa, bytes, kind as u64])
            }
            Self::HeapAlloc { bytes, align } => (Request::HeapAlloc, [bytes, align, 0, 0]),
            Self::HeapFree { pointer, bytes, align } => (Request::HeapFree, [pointer, bytes, align, 0]),
            Self::HeapReset => (Request::HeapReset, [0; 4]),
        }
    }
}

/// A machine as a session needs it. A vCPU that waits at a checkpoint ([`GuestState::in_block`]) must stay there.
pub trait Backend {
    /// Runs a vCPU to the end of its block or to its next checkpoint. It does not wait at one before.
    ///
    /// # Errors
    ///
    /// When the guest hangs, floods, panics or answers nonsense.
    fn run(&mut self, cpu: usize, reason: RunReason<'_>, guest: &GuestState) -> Result<Outcome, MachineError>;

    /// Asks vCPU 0 for something other than a block; returns its status and results.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    fn call(&mut self, call: GuestCall, guest: &GuestState) -> Result<(Status, [u64; 4]), MachineError>;

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

    /// Fetches tags of granules; see [`crate::machine::Machine::fetch_tags`].
    ///
    /// # Errors
    ///
    /// When not all of them can be had.
    fn fetch_tags(&mut self, ipa: u64, tags: &mut [u8], guest: &GuestState) -> Result<(), MachineError>;

    /// Stores tags of granules; see [`crate::machine::Machine::store_tags`].
    ///
    /// # Errors
    ///
    /// When a byte is above 15, or not all of them can be stored.
    fn store_tags(&mut self, ipa: u64, tags: &[u8], guest: &GuestState) -> Result<(), MachineError>;

    /// Returns the bytes in a page of the host.
    fn page_size(&self) -> u64;

    /// Returns whether something was done since boot that [`Self::clear`] does not undo.
    fn is_changed(&self) -> bool;

    /// Makes arena, heap and the program's registers as after boot. No vCPU is in a block.
    ///
    /// # Errors
    ///
    /// When the kernel refuses, or the guest does not do what it is asked.
    fn clear(&mut self, config: Config, boot: &[BootReport]) -> Result<(), MachineError>;

    /// Saves memory, tags and all registers. The guest may be inside a block.
    ///
    /// # Errors
    ///
    /// When any part cannot be had.
    fn save(&mut self, config: Config) -> Result<Snapshot, MachineError>;

    /// Destroys this VM and puts a snapshot into a new one, after which nothing has changed.
    ///
    /// # Errors
    ///
    /// When any part is refused.
    fn replace_by(&mut self, snapshot: &Snapshot) -> Result<(), MachineError>;

    /// Returns the kernel's VM, if there is a kernel.
    fn vm(&mut self) -> Option<&mut (dyn Vm + 'static)>;

    /// Returns whether [`Self::race`] can be called.
    fn has_races(&self) -> bool;

    /// Runs a race that was checked, on vCPUs that are in no block.
    ///
    /// # Errors
    ///
    /// As [`Self::run`]; when a block rings a checkpoint, or there are no races here.
    fn race(&mut self, race: &Race) -> Result<RaceReport, MachineError>;

    /// Returns what knows of UNKNOWN memory.
    fn unknown_memory(&self) -> Option<&dyn UnknownMemory>;
}
