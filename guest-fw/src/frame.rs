//! The frame: the registers of a block while it is not running, in the layout that `vectors.S` uses.

use core::mem::offset_of;

use abi::mailbox::BlockEnd;

/// The registers of a block, and what the handler of its exceptions needs.
///
/// It is at the top of the trap stack of the vCPU, so that SP_EL1 points at it while the block runs.
#[repr(C, align(16))]
pub struct Frame {
    /// x0 to x30.
    pub x: [u64; 31],
    /// SP_EL0; the assembly stores it together with x30.
    pub sp: u64,
    /// ELR_EL1.
    pub pc: u64,
    /// SPSR_EL1; the assembly stores it together with ELR_EL1.
    pub spsr: u64,
    /// The stack pointer of the firmware when it entered the block.
    pub caller_sp: u64,
    /// The number of the vCPU.
    pub cpu: usize,
    /// The address of the word that ends the block.
    pub end_pc: u64,
    /// The number of exceptions recorded.
    pub traps: usize,
    /// The reason why the block ended.
    pub end: BlockEnd,
}

const _: () = assert!(size_of::<Frame>().is_multiple_of(16));
const _: () = assert!(offset_of!(Frame, sp) == offset_of!(Frame, x) + 248);
const _: () = assert!(offset_of!(Frame, spsr) == offset_of!(Frame, pc) + 8);
