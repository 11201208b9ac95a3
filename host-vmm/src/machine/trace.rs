//! What a block left behind: registers, faults, pending asynchronous faults.

use std::fmt;

use abi::mailbox::{BlockEnd, SYS_REGS, SysReg};
use isa::Syndrome;

use super::block::Vectors;

/// A synchronous exception that the block took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Index of the instruction in the block; `None` when the PC was outside it.
    pub index: Option<usize>,
    /// ESR_EL1.
    pub esr: Syndrome,
    /// FAR_EL1 as it was read; tag bits 63:60 are UNKNOWN for a tag check fault without
    /// FEAT_MTE_TAGGED_FAR.
    pub far: u64,
    /// SPSR_EL1.
    pub spsr: u64,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "instruction {index}: ")?,
            None => f.write_str("outside the block: ")?,
        }
        write!(f, "{} at {:#018x}", self.esr, self.far)
    }
}

/// The state after a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// x0 to x30.
    pub x: [u64; 31],
    /// The stack pointer.
    pub sp: u64,
    /// SPSR_EL1 of the end: flags, TCO, level.
    pub pstate: u64,
    /// The program's system registers, after `DSB; ISB`.
    pub sys: [u64; SYS_REGS],
    /// v0 to v31, if the block set them.
    pub v: Option<Box<Vectors>>,
    /// Synchronous exceptions, in order.
    pub faults: Vec<Fault>,
    /// Why the block ended.
    pub end: BlockEnd,
}

impl Trace {
    /// Gives a system register's value at the end of the block.
    #[must_use]
    pub fn sys(&self, register: SysReg) -> u64 {
        self.sys[register as usize]
    }

    /// The flags: N, Z, C, V from bit 3 to bit 0.
    #[must_use]
    pub fn nzcv(&self) -> u8 {
        (self.pstate >> 28 & 0xf) as u8
    }
}
