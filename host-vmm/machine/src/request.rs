//! Requests that a machine rejects before the guest sees them, and those that the firmware refuses.

use std::borrow::Cow;

use abi::mailbox::{MAX_WORDS, Request, Status};
use abi::map;

use crate::explain::Explain;
use kvm_model::kernel::PageEvent;
use kvm_model::kernel::RegisterId;

/// What is wrong about a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The vCPU does not exist.
    #[error("there is no vCPU {cpu}; this VM has {cpus}")]
    NoSuchVcpu {
        /// Which was named.
        cpu: usize,
        /// How many there are.
        cpus: usize,
    },
    /// The vCPU waits at a checkpoint.
    #[error("vCPU {cpu} waits at a checkpoint of its block")]
    VcpuInBlock {
        /// Which.
        cpu: usize,
    },
    /// The vCPU waits at no checkpoint.
    #[error("vCPU {cpu} waits in no block that could be resumed")]
    NotInBlock {
        /// Which.
        cpu: usize,
    },
    /// A block rang a checkpoint where none may be.
    #[error("the block on vCPU {cpu} rang a checkpoint, and none was expected")]
    UnexpectedCheckpoint {
        /// Which vCPU.
        cpu: usize,
    },
    /// A block ended without the checkpoint that was expected.
    #[error("the block on vCPU {cpu} ended without a checkpoint, and one was expected")]
    NoCheckpoint {
        /// Which vCPU.
        cpu: usize,
    },
    /// Not all of a range is guest memory that the VMM can reach.
    #[error("{length:#x} bytes at {ipa:#x} are not all in one accessible memory slot of the VM")]
    OutsideMemory {
        /// First byte, guest-physical.
        ipa: u64,
        /// Bytes.
        length: u64,
    },
    /// No machine can look like this.
    #[error(
        "{ram} bytes of RAM and {cpus} vCPUs were asked for: a machine has {} MiB or more, in units of 64 KiB, and 1 to {} vCPUs",
        map::RAM_MIN >> 20,
        map::MAX_CPUS
    )]
    BadConfig {
        /// Bytes of RAM.
        ram: u64,
        /// vCPUs.
        cpus: usize,
    },
    /// A block is empty or too long.
    #[error("a block has 1 to {MAX_WORDS} instructions, this one has {words}")]
    WordCount {
        /// How many it has.
        words: usize,
    },
    /// The CPU has no such vectors.
    #[error("the program wants vectors of {bytes} bytes; this CPU has {}", lengths_in_words(.lengths))]
    VectorLength {
        /// What the block asks for, in bytes.
        bytes: u16,
        /// What there is, in bytes, in ascending order.
        lengths: Vec<u16>,
    },
    /// The text of a block is not A64.
    #[error("a block does not assemble: {0}")]
    NotAssembled(#[from] assembler::ParseError),
    /// The firmware refused a request.
    #[error("the firmware refused {request:?} of {arguments:#x?}: {status:?}")]
    FirmwareRefused {
        /// The request.
        request: Request,
        /// Its arguments; none of a block.
        arguments: Vec<u64>,
        /// Its answer.
        status: Status,
    },
    /// A race gives a vCPU two blocks.
    #[error("vCPU {cpu} can run one block of a race, and has two")]
    TwoBlocksInRace {
        /// Which.
        cpu: usize,
    },
    /// The kernel lists a register of a class that granule does not know.
    #[error(
        "the kernel lists register {id}, whose class granule does not know; saving without it would lose guest state"
    )]
    UnknownRegister {
        /// Its id.
        id: RegisterId,
    },
    /// There is no memory for the kernel's list of registers.
    #[error("a list of {ids} register ids cannot be made")]
    RegisterList {
        /// How many it would hold.
        ids: usize,
    },
    /// The kernel did not complete an MMIO access.
    #[error("KVM_RUN with immediate_exit: expected EINTR, found {exit}")]
    MmioNotCompleted {
        /// How it came back instead.
        exit: String,
    },
    /// A state was saved by a machine with more or fewer vCPUs.
    #[error("{saved} vCPUs were saved, and this machine has {cpus}")]
    OtherVcpus {
        /// Those that were saved.
        saved: usize,
        /// Those of the machine.
        cpus: usize,
    },
    /// A state was saved by a machine of another kind.
    #[error("this state was saved by a machine of another kind")]
    ForeignSnapshot,
    /// A saved extent of memory has not one tag for each granule.
    #[error("the saved memory at {ipa:#x} has {tags} tags for {bytes:#x} bytes, expected one for each granule")]
    TagCount {
        /// First byte, guest-physical.
        ipa: u64,
        /// Bytes.
        bytes: u64,
        /// Tags.
        tags: u64,
    },
    /// A program repeats its last block, and there is none.
    #[error("`again` needs a block before it")]
    NothingToRepeat,
    /// An event needs a whole VM and was asked of a range.
    #[error("{event:?} is done to a VM and not to a range of its memory")]
    NotForRange {
        /// The event.
        event: PageEvent,
    },
    /// Memory of a kind that only a VM makes was to be mapped.
    #[error("a guest_memfd is not mapped: the VM makes it")]
    MadeByVm,
    /// The machine runs one vCPU at a time.
    #[error("this machine has no races")]
    NoRaces,
    /// The VM has no dirty rings.
    #[error("this VM has no dirty rings")]
    NoDirtyRing,
    /// A trace counts more exceptions than were recorded.
    #[error("there is no record of exception {place}")]
    NoTrapRecord {
        /// Its number, from 0.
        place: usize,
    },
    /// A thread of the VMM panicked.
    #[error("{thread} panicked")]
    ThreadPanicked {
        /// What it did.
        thread: &'static str,
    },
}

/// Says which vector lengths a CPU has.
fn lengths_in_words(lengths: &[u16]) -> String {
    match lengths {
        [] => "no SVE".to_owned(),
        lengths => lengths.iter().map(u16::to_string).collect::<Vec<_>>().join(", "),
    }
}

impl Explain for RequestError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::VcpuInBlock { .. } => Some("resume it first".into()),
            Self::VectorLength { lengths, .. } if lengths.is_empty() => Some("choose a CPU with SVE".into()),
            Self::VectorLength { .. } => Some("write one of these behind `vl=`, or choose another CPU".into()),
            Self::UnknownRegister { .. } => Some("use a granule that knows this kernel".into()),
            _ => None,
        }
    }
}
