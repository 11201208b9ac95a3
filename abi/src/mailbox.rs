//! The mailbox: the records with which the host asks a vCPU and the firmware answers.
//!
//! One 64 KiB mailbox per vCPU, in memory that both see. The host fills in a request and then
//! changes [`Control::request`]; the firmware works, fills in its reply, copies the number to
//! [`Control::reply`] and rings [`crate::doorbell::Doorbell::Reply`]. Neither side writes the other's
//! records. The host takes nothing in here for granted: counts are capped where they are read.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most instruction words in a block, without the word that ends it.
pub const MAX_WORDS: usize = 4095;
/// Most exceptions that a block may take before it is stopped.
pub const MAX_TRAPS: usize = 512;
/// Longest panic message, in bytes; a longer one is cut.
pub const MAX_MESSAGE: usize = 512;

/// What the host asks for; the value of [`Control::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Request {
    /// Run the block in [`Mailbox::block`] and [`Mailbox::words`].
    Run = 1,
    /// Change the attributes of pages: arguments are window, first byte (IPA), bytes, [`PageKind`].
    SetPages = 2,
    /// Allocate from the tagged heap: arguments are bytes and alignment; the result is a tagged
    /// pointer, 0 when there is no room.
    HeapAlloc = 3,
    /// Free to the tagged heap: arguments are the pointer, bytes and alignment as allocated.
    HeapFree = 4,
    /// Forget all objects of the tagged heap; its memory may have been replaced.
    HeapReset = 5,
}

impl Request {
    /// Gives the request with this number.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Run),
            2 => Some(Self::SetPages),
            3 => Some(Self::HeapAlloc),
            4 => Some(Self::HeapFree),
            5 => Some(Self::HeapReset),
            _ => None,
        }
    }
}

/// How the firmware took a request; the value of [`Control::status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// Done.
    Done = 0,
    /// No such request.
    UnknownRequest = 1,
    /// An argument is out of range.
    BadArgument = 2,
    /// The heap does not know this pointer with this tag: a double or a wrong free.
    BadFree = 3,
}

impl Status {
    /// Gives the status with this number.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Done),
            1 => Some(Self::UnknownRequest),
            2 => Some(Self::BadArgument),
            3 => Some(Self::BadFree),
            _ => None,
        }
    }
}

/// What a page of a window can be made ([`Request::SetPages`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum PageKind {
    /// As the window has it after boot.
    Default = 0,
    /// Not mapped: a translation fault.
    Unmapped = 1,
    /// As by default, but read-only: a permission fault for stores.
    ReadOnly = 2,
    /// Normal Non-cacheable memory, hence without tags.
    NonCacheable = 3,
    /// Device-nGnRE memory, hence without tags and with alignment checked.
    Device = 4,
}

impl PageKind {
    /// Gives the kind with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Default),
            1 => Some(Self::Unmapped),
            2 => Some(Self::ReadOnly),
            3 => Some(Self::NonCacheable),
            4 => Some(Self::Device),
            _ => None,
        }
    }
}

/// Why a block ended; the value of [`BlockReply::end`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum BlockEnd {
    /// The word after the last instruction was reached.
    Complete = 0,
    /// [`MAX_TRAPS`] exceptions were taken.
    TooManyTraps = 1,
    /// The program left its code page.
    Escaped = 2,
}

impl BlockEnd {
    /// Gives the end with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Complete),
            1 => Some(Self::TooManyTraps),
            2 => Some(Self::Escaped),
            _ => None,
        }
    }
}

/// The system registers that belong to the program under test.
///
/// FPCR and FPSR are not among them: they are 0 when a block begins, and what it leaves there is lost.
///
/// SCTLR_EL1 and TCR_EL1 are put in place for a block and taken back after it. The others stay in
/// the CPU from block to block: the firmware itself never uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SysReg {
    /// System Control Register.
    Sctlr = 0,
    /// Translation Control Register.
    Tcr = 1,
    /// Tag Control Register.
    Gcr = 2,
    /// Random Allocation Tag Seed Register.
    Rgsr = 3,
    /// Tag Fault Status Register of EL1.
    Tfsr = 4,
    /// Tag Fault Status Register of EL0.
    Tfsre0 = 5,
}

/// How many system registers a block carries.
pub const SYS_REGS: usize = 6;

impl SysReg {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; SYS_REGS] = [Self::Sctlr, Self::Tcr, Self::Gcr, Self::Rgsr, Self::Tfsr, Self::Tfsre0];

    /// Gives the bit that selects this register in a mask.
    #[must_use]
    pub const fn bit(self) -> u64 {
        1 << self as u64
    }
}

/// Turn-taking. Each number has one writer.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Control {
    /// The host adds one to ask; 0 is never a request.
    pub request: u32,
    /// Which [`Request`].
    pub kind: u32,
    /// The firmware copies the request's number here when its reply is complete.
    pub reply: u32,
    /// The [`Status`] of the reply.
    pub status: u32,
}

/// A block to run: the words are in [`Mailbox::words`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Block {
    /// x0 to x30.
    pub x: [u64; 31],
    /// The stack pointer that the block sees (SP_EL0 at either level).
    pub sp: u64,
    /// PSTATE.NZCV in bits 31:28, as in SPSR_EL1.
    pub nzcv: u64,
    /// Exception level, 0 or 1.
    pub el: u64,
    /// PSTATE.TCO, 0 or 1.
    pub tco: u64,
    /// Which of `sys` to write first, by [`SysReg::bit`].
    pub sys_mask: u64,
    /// Values by [`SysReg`].
    pub sys: [u64; SYS_REGS],
    /// Instruction words, 1 to [`MAX_WORDS`].
    pub words: u64,
    /// 1 if the words are new; 0 if they are those of the vCPU's last block, which are in place.
    pub new_words: u64,
    /// 1 if v0 to v31 are set from [`Mailbox::v`] first and filed in [`Mailbox::v_reply`] at the end; 0 if they stay
    /// in the CPU from block to block.
    pub simd: u64,
}

/// What a block left behind.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BlockReply {
    /// x0 to x30.
    pub x: [u64; 31],
    /// The stack pointer.
    pub sp: u64,
    /// SPSR_EL1 of the exception that ended the block: NZCV, TCO, exception level.
    pub pstate: u64,
    /// System registers by [`SysReg`], read after `DSB; ISB`. Those that the CPU lacks are 0.
    pub sys: [u64; SYS_REGS],
    /// How many of [`Mailbox::traps`] are valid.
    pub traps: u64,
    /// A [`BlockEnd`].
    pub end: u64,
}

/// A synchronous exception that the block took. It went on at the next instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Trap {
    /// Address of the instruction, in the code window.
    pub pc: u64,
    /// ESR_EL1.
    pub esr: u64,
    /// FAR_EL1; meaningful for aborts and PC alignment only.
    pub far: u64,
    /// SPSR_EL1.
    pub spsr: u64,
}

/// What the firmware found at boot: the reply to request 0.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BootReport {
    /// [`crate::ABI_VERSION`] of the firmware; 0 until the report is complete.
    pub version: u32,
    /// The exception level at which the image was entered, 1 or 2.
    pub entry_el: u32,
    /// ID_AA64PFR0_EL1.
    pub pfr0: u64,
    /// ID_AA64PFR1_EL1; bits 11:8 are the MTE level.
    pub pfr1: u64,
    /// ID_AA64PFR2_EL1; bits 7:4 are store-only tag checking.
    pub pfr2: u64,
    /// ID_AA64DFR0_EL1.
    pub dfr0: u64,
    /// ID_AA64ISAR0_EL1; bits 23:20 are the atomics.
    pub isar0: u64,
    /// ID_AA64ISAR1_EL1.
    pub isar1: u64,
    /// ID_AA64ISAR2_EL1; bits 19:16 are the memory copies and sets.
    pub isar2: u64,
    /// ID_AA64MMFR0_EL1.
    pub mmfr0: u64,
    /// ID_AA64MMFR1_EL1.
    pub mmfr1: u64,
    /// ID_AA64MMFR2_EL1; bits 35:32 are unaligned atomics, bits 39:36 the class of reads of ID registers at EL0.
    pub mmfr2: u64,
    /// MPIDR_EL1.
    pub mpidr: u64,
    /// MIDR_EL1.
    pub midr: u64,
    /// REVIDR_EL1.
    pub revidr: u64,
    /// CLIDR_EL1.
    pub clidr: u64,
    /// CTR_EL0.
    pub ctr: u64,
    /// DCZID_EL0.
    pub dczid: u64,
    /// GMID_EL1, 0 without FEAT_MTE2.
    pub gmid: u64,
    /// MAIR_EL1 as configured.
    pub mair: u64,
    /// The program's system registers as configured, by [`SysReg`].
    pub sys: [u64; SYS_REGS],
}

/// Why the firmware gave up.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PanicRecord {
    /// The exception's registers, all 0 when no exception was the reason.
    pub trap: Trap,
    /// x0 to x30 at the exception.
    pub x: [u64; 31],
    /// Bytes of `message` in use.
    pub length: u64,
    /// UTF-8 text.
    pub message: [u8; MAX_MESSAGE],
}

/// Everything that one vCPU and the host exchange.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Mailbox {
    /// Turn-taking.
    pub control: Control,
    /// Arguments of requests other than [`Request::Run`].
    pub arguments: [u64; 4],
    /// Results of requests other than [`Request::Run`].
    pub results: [u64; 4],
    /// The host's block.
    pub block: Block,
    /// The firmware's reply to it.
    pub reply: BlockReply,
    /// Written once, at boot.
    pub boot: BootReport,
    /// Written once, if ever.
    pub panic: PanicRecord,
    /// The block's instruction words.
    pub words: [u32; MAX_WORDS + 1],
    /// v0 to v31 for a block that asks for them, the lower half of each first.
    pub v: [[u64; 2]; 32],
    /// v0 to v31 after such a block.
    pub v_reply: [[u64; 2]; 32],
    /// The exceptions that the block took, in order.
    pub traps: [Trap; MAX_TRAPS],
}

const _: () = assert!(size_of::<Control>() == 16);
const _: () = assert!(size_of::<Block>() == 45 * 8);
const _: () = assert!(size_of::<BlockReply>() == 41 * 8);
const _: () = assert!(size_of::<Trap>() == 32);
const _: () = assert!(size_of::<BootReport>() == 25 * 8);
const _: () = assert!(core::mem::offset_of!(Mailbox, block) == 80);
const _: () = assert!(size_of::<Mailbox>() as u64 <= crate::map::MAILBOX_STRIDE);
