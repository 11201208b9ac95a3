//! The mailbox: the records of requests and replies.
//!
//! Every vCPU has a mailbox of 64 KiB in memory that guest and host share. The host writes a request and then increments
//! [`Control::request`]. The firmware executes the request, writes its reply, copies the number to [`Control::reply`]
//! and rings [`crate::doorbell::Doorbell::Reply`]. Every record has one writer. The host does not trust what it reads:
//! it checks every count and every number, which is why records hold numbers and not enums.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

mod scalable;
mod values;

pub use scalable::Scalable;
pub use values::{BlockEnd, KEY_REGS, PageKind, Request, SYS_REGS, Status, SysReg};

/// The maximum number of instruction words in a block, not counting the word that ends it.
pub const MAX_WORDS: usize = 4095;
/// The maximum number of exceptions that a block may take before it is stopped.
pub const MAX_TRAPS: usize = 512;
/// The maximum length of a panic message, in bytes. A longer message is truncated.
pub const MAX_MESSAGE: usize = 512;

/// The handshake of a mailbox. The host writes the first two numbers and the firmware the others.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Control {
    /// The number of the request. The host increments it to make a request; 0 is never one.
    pub request: u32,
    /// The [`Request`].
    pub kind: u32,
    /// The number of the last request whose reply is complete.
    pub reply: u32,
    /// The [`Status`] of that request.
    pub status: u32,
}

/// A block to run. Its instruction words are in [`Mailbox::words`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Block {
    /// x0 to x30.
    pub x: [u64; 31],
    /// The stack pointer of the block, SP_EL0 at either exception level.
    pub sp: u64,
    /// PSTATE.NZCV in bits 31:28, as in SPSR_EL1.
    pub nzcv: u64,
    /// The exception level, 0 or 1.
    pub el: u64,
    /// PSTATE.TCO, 0 or 1.
    pub tco: u64,
    /// The registers of `sys` to write before the block, by [`SysReg::bit`].
    pub sys_mask: u64,
    /// The values, indexed by [`SysReg`].
    pub sys: [u64; SYS_REGS],
    /// The number of instruction words, 1 to [`MAX_WORDS`].
    pub words: u64,
    /// 1 if the words changed, 0 if they are those of the previous block of this vCPU.
    pub new_words: u64,
    /// 1 to load v0 to v31 from [`Mailbox::v`] before the block and store them to [`Mailbox::v_reply`] after it, 0 to
    /// keep their values from block to block.
    pub simd: u64,
    /// The vector length in bytes, 16 to 256 and one that the CPU has ([`BootReport::vector_lengths`]): ZCR_EL1.LEN selects
    /// it, and z0 to z31, p0 to p15 and FFR are loaded from [`Mailbox::scalable`] before the block and stored to
    /// [`Mailbox::scalable_reply`] after it. 0 to keep their values and the vector length from block to block. With a
    /// length `simd` is 0: v0 to v31 are the first 16 bytes of z0 to z31. The streaming vector length of SME is the longest up to
    /// this, or with 0 the longest there is; a block begins outside streaming mode and with ZA off. One that ends in streaming
    /// mode leaves zeros: the firmware leaves that mode, and turns ZA off, before it stores any register.
    pub vector_bytes: u64,
}

/// The state after a block.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BlockReply {
    /// x0 to x30.
    pub x: [u64; 31],
    /// The stack pointer.
    pub sp: u64,
    /// SPSR_EL1 of the exception that ended the block: NZCV, TCO and the exception level.
    pub pstate: u64,
    /// The system registers after `DSB; ISB`, indexed by [`SysReg`]. Registers that the CPU does not have are 0.
    pub sys: [u64; SYS_REGS],
    /// The number of valid entries of [`Mailbox::traps`].
    pub traps: u64,
    /// The [`BlockEnd`].
    pub end: u64,
    /// The vector length in bytes at the end (RDVL), if the block had one.
    pub vector_bytes: u64,
}

/// A synchronous exception of the block. The block continued at the next instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Trap {
    /// The address of the instruction, in the code window.
    pub pc: u64,
    /// ESR_EL1.
    pub esr: u64,
    /// FAR_EL1; valid for aborts and PC alignment faults only.
    pub far: u64,
    /// SPSR_EL1.
    pub spsr: u64,
}

/// The properties of the CPU that the firmware found at boot: the reply to request 0.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BootReport {
    /// [`crate::ABI_VERSION`] of the firmware; 0 until the report is complete.
    pub version: u32,
    /// The exception level at which the image was entered, 1 or 2.
    pub entry_el: u32,
    /// ID_AA64PFR0_EL1.
    pub pfr0: u64,
    /// ID_AA64PFR1_EL1; bits 11:8 are MTE.
    pub pfr1: u64,
    /// ID_AA64PFR2_EL1; bits 7:4 are MTESTOREONLY.
    pub pfr2: u64,
    /// ID_AA64DFR0_EL1.
    pub dfr0: u64,
    /// ID_AA64ISAR0_EL1; bits 23:20 are Atomic.
    pub isar0: u64,
    /// ID_AA64ISAR1_EL1.
    pub isar1: u64,
    /// ID_AA64ISAR2_EL1; bits 19:16 are MOPS.
    pub isar2: u64,
    /// ID_AA64ISAR3_EL1; bits 27:24 are LSUI, bits 19:16 LSFE.
    pub isar3: u64,
    /// ID_AA64MMFR0_EL1.
    pub mmfr0: u64,
    /// ID_AA64MMFR1_EL1.
    pub mmfr1: u64,
    /// ID_AA64MMFR2_EL1; bits 35:32 are AT (unaligned atomicity), bits 39:36 IDS (syndrome of trapped ID register reads).
    pub mmfr2: u64,
    /// ID_AA64ZFR0_EL1; 0 without FEAT_SVE.
    pub zfr0: u64,
    /// ID_AA64SMFR0_EL1; 0 without FEAT_SME.
    pub smfr0: u64,
    /// The vector lengths of SVE as ZCR_EL1.LEN selects and RDVL shows them: bit n for `16 * (n + 1)` bytes; 0 without
    /// FEAT_SVE.
    pub vector_lengths: u64,
    /// The streaming vector lengths of SME as SMCR_EL1.LEN selects and RDSVL shows them, likewise; 0 without FEAT_SME.
    pub streaming_lengths: u64,
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
    /// GMID_EL1; 0 without FEAT_MTE2.
    pub gmid: u64,
    /// MAIR_EL1 as the firmware configured it.
    pub mair: u64,
    /// The system registers of the program as the firmware initialized them, indexed by [`SysReg`].
    pub sys: [u64; SYS_REGS],
}

/// The reason for a panic of the firmware.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PanicRecord {
    /// The exception, or all 0 if the panic was not caused by one.
    pub trap: Trap,
    /// x0 to x30 at the exception, or all 0.
    pub x: [u64; 31],
    /// The length of the message in bytes, at most [`MAX_MESSAGE`].
    pub length: u64,
    /// The message, UTF-8.
    pub message: [u8; MAX_MESSAGE],
}

/// The mailbox of one vCPU, at [`crate::map::mailbox_ipa`].
///
/// ```
/// use abi::mailbox::{Mailbox, Request, Status};
/// use zerocopy::{FromBytes, IntoBytes};
///
/// // The host makes the first request in shared memory; here, in a buffer.
/// let mut memory = vec![0; size_of::<Mailbox>()];
/// let mailbox = Mailbox::mut_from_bytes(&mut memory).unwrap();
/// mailbox.arguments = [64, 16, 0, 0];
/// mailbox.control.kind = Request::HeapAlloc as u32;
/// mailbox.control.request = 1;
/// // It takes a reply for what it is: numbers that the guest wrote.
/// assert_eq!(Status::from_number(mailbox.control.status), Some(Status::Done));
/// assert_eq!(memory[..8], [1, 0, 0, 0, 3, 0, 0, 0]);
/// ```
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Mailbox {
    /// The handshake.
    pub control: Control,
    /// The arguments of requests other than [`Request::Run`].
    pub arguments: [u64; 4],
    /// The results of requests other than [`Request::Run`].
    pub results: [u64; 4],
    /// The block of a [`Request::Run`].
    pub block: Block,
    /// The reply to a [`Request::Run`].
    pub reply: BlockReply,
    /// The boot report, written once.
    pub boot: BootReport,
    /// The panic record, written at most once.
    pub panic: PanicRecord,
    /// The instruction words of the block.
    pub words: [u32; MAX_WORDS + 1],
    /// v0 to v31 before a block with [`Block::simd`], the low half of each first.
    pub v: [[u64; 2]; 32],
    /// v0 to v31 after a block with [`Block::simd`].
    pub v_reply: [[u64; 2]; 32],
    /// The scalable registers before a block with [`Block::vector_bytes`].
    pub scalable: Scalable,
    /// The scalable registers after a block with [`Block::vector_bytes`]; what is above the vector length is not written.
    pub scalable_reply: Scalable,
    /// The exceptions of the block, in order.
    pub traps: [Trap; MAX_TRAPS],
}

const _: () = assert!(size_of::<Control>() == 16);
const _: () = assert!(size_of::<Block>() == 56 * 8);
const _: () = assert!(size_of::<BlockReply>() == 52 * 8);
const _: () = assert!(size_of::<Trap>() == 32);
const _: () = assert!(size_of::<BootReport>() == 40 * 8);
const _: () = assert!(core::mem::offset_of!(Mailbox, block) == 80);
const _: () = assert!(size_of::<Mailbox>() as u64 <= crate::map::MAILBOX_STRIDE);
