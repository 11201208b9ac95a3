//! The exception vectors: pulls in `vectors.S` and defines the frame it works on.

use core::arch::global_asm;
use core::mem::offset_of;

use abi::mailbox::BlockEnd;

/// A block's registers while it does not run, and what its exceptions need to know.
///
/// It lies at the top of the vCPU's trap stack, so that SP_EL1 points at it while the block runs.
#[repr(C, align(16))]
pub struct Frame {
    /// x0 to x30.
    pub x: [u64; 31],
    /// SP_EL0; follows x30, which the assembly relies on.
    pub sp: u64,
    /// ELR_EL1.
    pub pc: u64,
    /// SPSR_EL1; follows the PC likewise.
    pub spsr: u64,
    /// The firmware's stack pointer when it entered the block.
    pub caller_sp: u64,
    /// Which vCPU this is.
    pub cpu: usize,
    /// Address of the word that ends the block.
    pub end_pc: u64,
    /// Exceptions recorded so far.
    pub traps: usize,
    /// Why the block ended.
    pub end: BlockEnd,
}

const _: () = assert!(offset_of!(Frame, sp) == offset_of!(Frame, x) + 248);
const _: () = assert!(offset_of!(Frame, spsr) == offset_of!(Frame, pc) + 8);

/// Bytes of the stack on which the firmware's own exceptions are reported.
const LAST_STACK_SIZE: usize = 4096;

/// The stack for the firmware's last words. All vCPUs share it: the first to fail is what counts.
#[repr(C, align(16))]
struct LastStack(core::cell::UnsafeCell<[u8; LAST_STACK_SIZE]>);

// SAFETY: no Rust code takes a reference to the contents.
unsafe impl Sync for LastStack {}

static LAST_STACK: LastStack = LastStack(core::cell::UnsafeCell::new([0; LAST_STACK_SIZE]));

global_asm!(
    include_str!("vectors.S"),
    X = const offset_of!(Frame, x),
    PC = const offset_of!(Frame, pc),
    CALLER_SP = const offset_of!(Frame, caller_sp),
    LAST_STACK = sym LAST_STACK,
    LAST_STACK_SIZE = const LAST_STACK_SIZE,
    BLOCK_EXCEPTION = sym crate::executor::block_exception,
    FIRMWARE_EXCEPTION = sym crate::panic::firmware_exception,
);

unsafe extern "C" {
    /// Runs the block described by the frame; returns when it has ended.
    ///
    /// # Safety
    ///
    /// The frame is at the top of this vCPU's trap stack, and nothing else is on that stack.
    pub fn granule_enter(frame: *mut Frame);
}
