//! Races: vCPUs and threads of the VMM at work on the same memory at the same time.
//!
//! A race says who takes part and what each does; in which order it happens is the machine's. What a case may expect is
//! what holds in every order.

use kvm_model::kernel::{CopyResult, Errno, PageEvent};

use super::block::Block;

use super::error::MachineError;

use super::request::RequestError;

use super::trace::Trace;

/// What the VMM does while vCPUs run, step by step, in a thread of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostStep {
    /// Fetches the tags of whole host pages.
    Fetch {
        /// First byte, guest-physical.
        ipa: u64,
        /// Bytes of guest memory.
        length: u64,
    },
    /// Stores tags, one a byte, to whole host pages.
    Store {
        /// First byte, guest-physical.
        ipa: u64,
        /// The tags.
        tags: Vec<u8>,
    },
    /// Writes to guest memory.
    Write {
        /// First byte, guest-physical.
        ipa: u64,
        /// What is written.
        bytes: Vec<u8>,
    },
    /// Lets something happen to pages.
    Event {
        /// First byte, guest-physical.
        ipa: u64,
        /// Bytes of guest memory.
        length: u64,
        /// What happens.
        event: PageEvent,
    },
    /// Moves a slot that no vCPU needs away and back.
    MoveSlot {
        /// Where the slot is.
        ipa: u64,
        /// Where it is for a moment.
        to: u64,
    },
    /// Deletes a slot that no vCPU needs, and makes it again of the same memory.
    ReplaceSlot {
        /// Where the slot is.
        ipa: u64,
    },
    /// Fetches the tags of whole host pages through another VM of the same memory.
    FetchElsewhere {
        /// First byte, guest-physical.
        ipa: u64,
        /// Bytes of guest memory.
        length: u64,
    },
    /// Stores tags, one a byte, to whole host pages through another VM of the same memory.
    StoreElsewhere {
        /// First byte, guest-physical.
        ipa: u64,
        /// The tags.
        tags: Vec<u8>,
    },
    /// Stores tags, one a byte, by STG through a mapping of the VMM with PROT_MTE.
    StoreMapped {
        /// First byte, guest-physical.
        ipa: u64,
        /// The tags.
        tags: Vec<u8>,
    },
    /// Takes the dirty log of a slot.
    TakeDirty {
        /// Where the slot is.
        ipa: u64,
    },
}

/// Who takes part in a race.
#[derive(Clone, Debug, Default)]
pub struct Race {
    /// Blocks without checkpoints, each with the vCPU that runs it. All start at once.
    pub blocks: Vec<(usize, Block)>,
    /// Threads of the VMM: each does its steps in order, as often as `rounds` says.
    pub threads: Vec<Vec<HostStep>>,
    /// How often each thread does its steps; 1 or more.
    pub rounds: usize,
    /// Signals come to each thread of the VMM all the time. Their handler does nothing, and system calls that it interrupts
    /// are not begun again.
    pub signals: bool,
    /// Chooses an order where the machine has to choose one. A real machine has its own.
    pub seed: u64,
}

impl Race {
    /// Expects each vCPU to run one block at most.
    ///
    /// # Errors
    ///
    /// [`RequestError::TwoBlocksInRace`] when one is named twice.
    pub fn check(&self) -> Result<(), MachineError> {
        for (place, (cpu, _)) in self.blocks.iter().enumerate() {
            if self.blocks[..place].iter().any(|(other, _)| other == cpu) {
                return Err(RequestError::TwoBlocksInRace { cpu: *cpu }.into());
            }
        }
        Ok(())
    }
}

/// What came of a [`Race`].
#[derive(Clone, Debug, Default)]
pub struct RaceReport {
    /// The trace of each block, in the order of the blocks.
    pub traces: Vec<Trace>,
    /// For each thread, the results of its steps, round after round.
    pub threads: Vec<Vec<StepResult>>,
}

/// What a [`HostStep`] gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepResult {
    /// Nothing but success or an error.
    Done(Result<(), Errno>),
    /// What the ioctl returned, and the tag buffer afterwards.
    Copied(CopyResult, Vec<u8>),
    /// Numbers of dirty pages in the slot.
    Dirty(Vec<u64>),
}

impl StepResult {
    /// Makes a result of a step that gives nothing else. What is not the kernel's error ends the race.
    ///
    /// # Errors
    ///
    /// When the step could not be taken at all.
    pub fn done(result: Result<(), MachineError>) -> Result<Self, MachineError> {
        match result {
            Ok(()) => Ok(Self::Done(Ok(()))),
            Err(MachineError::Kernel { errno, .. }) => Ok(Self::Done(Err(errno))),
            Err(error) => Err(error),
        }
    }
}
