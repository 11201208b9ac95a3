//! What frames contain. All numbers are little-endian, reserved bytes are 0, and every length is bounded before it is used.

pub(crate) mod layout;
mod pages;

use std::fmt;
use std::ops::Range;

pub use layout::{Type, WireError};
pub use pages::Pages;

/// Bytes of the largest payload: 1 MiB of data, its tags, and some.
pub const MAX_PAYLOAD: usize = 0x11_0000;
/// Bytes of the largest state of a vCPU or of the VM.
pub const MAX_STATE: usize = 1 << 20;
/// Bytes of the largest identity.
pub const MAX_IDENTITY: usize = 1 << 16;
/// Slots of a guest at most.
pub const MAX_SLOTS: usize = 1024;
/// vCPUs of a guest at most.
pub const MAX_VCPUS: u16 = 4096;
/// Bytes of the text of a [`Reason`] at most.
pub const MAX_TEXT: usize = 1024;
/// The first page number that no guest-physical address has: they have 52 bits.
pub const MAX_PAGE: u64 = 1 << 40;

/// BLAKE2b with 32 bytes.
pub type Digest = [u8; 32];

/// Digests of a guest's memory, tags and registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// The data of all pages.
    pub memory: Digest,
    /// The tags of all pages.
    pub tags: Digest,
    /// The states of the VM and of all vCPUs.
    pub registers: Digest,
}

impl Digests {
    /// Returns the names of those that differ.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let pairs = [
            ("memory", self.memory == other.memory),
            ("tags", self.tags == other.tags),
            ("registers", self.registers == other.registers),
        ];
        pairs.into_iter().filter(|(_, equal)| !equal).map(|(name, _)| name).collect()
    }
}

/// How memory comes to the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In rounds, while the guest runs; the last one with the guest stopped.
    PreCopy,
    /// It is there: both sides map the same memory, for example a memfd, and tags are in its pages. Only registers travel.
    HandOver,
}

/// The sender's first frame: what the guest is. Its layout is the same in all versions of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// A random number that names this migration in the reports of both sides.
    pub session: [u8; 16],
    /// Bytes of a host page: 4, 16 or 64 KiB.
    pub page_size: u32,
    /// How memory travels.
    pub mode: Mode,
    /// Number of vCPUs.
    pub vcpus: u16,
    /// Features without which the guest cannot migrate: a receiver refuses a bit that it does not have. None is defined yet.
    pub required: u64,
    /// Features that the sender offers: ACCEPT says which of them are used. None is defined yet.
    pub optional: u64,
    /// Memory slots: page numbers, in ascending order, in whole host pages.
    pub slots: Vec<Range<u64>>,
    /// What must be equal on both sides, in a form of the VMM's own.
    pub identity: Vec<u8>,
}

impl Hello {
    /// Pages of 4 KiB in a host page.
    #[must_use]
    pub const fn pages_per_host_page(&self) -> u64 {
        self.page_size as u64 / crate::PAGE as u64
    }

    /// Returns whether a range lies in one slot and consists of whole host pages.
    #[must_use]
    pub fn has(&self, pages: &Range<u64>) -> bool {
        let unit = self.pages_per_host_page();
        let in_slot = |slot: &Range<u64>| slot.start <= pages.start && pages.end <= slot.end;
        pages.start.is_multiple_of(unit) && pages.end.is_multiple_of(unit) && self.slots.iter().any(in_slot)
    }
}

/// Why a side does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// For programs.
    pub code: ReasonCode,
    /// For people: what failed, what was expected, what was found. At most [`MAX_TEXT`] bytes are sent.
    pub text: String,
}

impl Reason {
    /// Combines a code and a text.
    #[must_use]
    pub fn new(code: ReasonCode, text: impl fmt::Display) -> Self {
        Self { code, text: text.to_string() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}

/// Declares the codes of reasons.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal $text:literal,)+) => {
        /// Why a side does not go on, as a number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ReasonCode {
            $($(#[doc = $doc])+ $name,)+
            /// A number of a later version of the protocol.
            Other(u16),
        }

        impl ReasonCode {
            /// Returns the number on the wire.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self {
                    $(Self::$name => $code,)+
                    Self::Other(number) => number,
                }
            }

            /// Returns the code of a number.
            #[must_use]
            pub const fn from_number(number: u16) -> Self {
                match number {
                    $($code => Self::$name,)+
                    _ => Self::Other(number),
                }
            }
        }

        impl fmt::Display for ReasonCode {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name => f.write_str($text),)+
                    Self::Other(number) => write!(f, "reason {number}"),
                }
            }
        }
    };
}

reasons! {
    /// No version that both sides have.
    Version = 1 "version",
    /// A required feature or a mode that the receiver does not have.
    Feature = 2 "feature",
    /// The host's page sizes differ.
    PageSize = 3 "page size",
    /// The identity forbids it: CPU, MTE level, kernel, guest image.
    Identity = 4 "identity",
    /// Slots or vCPUs cannot be made.
    Configuration = 5 "configuration",
    /// A frame that the other side may not send, or not now.
    Protocol = 6 "protocol",
    /// The guest cannot be read or written: a system call failed.
    Guest = 7 "guest",
    /// Digests differ.
    Digest = 8 "digest",
    /// A person or a program ended the migration.
    Cancelled = 9 "cancelled",
    /// COMMIT came, and the guest does not run: no vCPU executed an instruction.
    NotResumed = 10 "not resumed",
    /// The connection broke. Never sent.
    Connection = 11 "connection",
}

/// The beginning of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// From 1 on.
    pub number: u32,
    /// Pages that the round's frames cover in sum.
    pub pages: u64,
}

/// A frame's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Sender: what the guest is.
    Hello(Hello),
    /// Receiver: the version in use, and the optional features.
    Accept {
        /// The newest version that both sides have.
        version: u16,
        /// A subset of those offered.
        features: u64,
    },
    /// Receiver, instead of ACCEPT.
    Refuse(Reason),
    /// Sender: a round begins; the guest runs.
    Round(Round),
    /// Sender: the last round begins; the guest is stopped.
    Stop(Round),
    /// Sender: pages of the round.
    Pages(Pages),
    /// Receiver: all pages of a round but the last are stored.
    Ack(Round),
    /// Sender: the state of the VM that belongs to no vCPU.
    Vm(Vec<u8>),
    /// Sender: the state of a vCPU.
    Vcpu {
        /// Its number, from 0 on, in ascending order.
        index: u32,
        /// Opaque.
        state: Vec<u8>,
    },
    /// Sender: the digests of the stopped guest.
    StateDigest(Digests),
    /// Receiver: the digests of what it has now.
    Verified(Digests),
    /// Sender: the guest is the receiver's.
    Commit,
    /// Receiver: the guest runs here.
    Resumed,
    /// Either: the migration ends.
    Abort(Reason),
}

impl Message {
    /// Returns the type of the frame.
    #[must_use]
    pub const fn kind(&self) -> Type {
        match self {
            Self::Hello(_) => Type::Hello,
            Self::Accept { .. } => Type::Accept,
            Self::Refuse(_) => Type::Refuse,
            Self::Round(_) => Type::Round,
            Self::Stop(_) => Type::Stop,
            Self::Pages(_) => Type::Pages,
            Self::Ack(_) => Type::Ack,
            Self::Vm(_) => Type::Vm,
            Self::Vcpu { .. } => Type::Vcpu,
            Self::StateDigest(_) => Type::StateDigest,
            Self::Verified(_) => Type::Verified,
            Self::Commit => Type::Commit,
            Self::Resumed => Type::Resumed,
            Self::Abort(_) => Type::Abort,
        }
    }
}
