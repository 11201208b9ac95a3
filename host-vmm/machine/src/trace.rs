//! What a block left behind: registers, faults, pending asynchronous faults.

use std::fmt;

use abi::mailbox::{BlockEnd, BlockReply, MAX_TRAPS, SYS_REGS, Scalable, SysReg, Trap};
use abi::map;
use arch::Syndrome;

use super::block::Vectors;
use super::error::MachineError;
use super::scalable::ScalableState;

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
///
/// ```
/// use abi::mailbox::{BlockReply, Trap};
/// use machine::Trace;
/// use zerocopy::FromZeros;
///
/// // What the firmware writes after a block of two instructions, of which the second loaded by a wrong tag.
/// let reply = BlockReply { traps: 1, pstate: 0b0110 << 28, ..BlockReply::new_zeroed() };
/// let trap = Trap { pc: abi::map::code_va(0) + 4, esr: 0x9600_0011, far: 0x0c00_0001_4060_0020, spsr: 0 };
///
/// let trace = Trace::from_records(0, 2, &reply, |_| Ok(trap), None, None)?;
/// assert_eq!(trace.nzcv(), 0b0110);
/// assert_eq!(trace.faults[0].index, Some(1));
/// assert!(trace.faults[0].esr.is_tag_check_fault());
///
/// // A count of the guest's is never believed.
/// let reply = BlockReply { traps: u64::MAX, ..reply };
/// assert!(Trace::from_records(0, 2, &reply, |_| Ok(trap), None, None).is_err());
/// # Ok::<(), machine::MachineError>(())
/// ```
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
    /// z0 to z31, p0 to p15, FFR and the vector length, if the block set them.
    pub scalable: Option<ScalableState>,
    /// Synchronous exceptions, in order.
    pub faults: Vec<Fault>,
    /// Why the block ended.
    pub end: BlockEnd,
}

impl Trace {
    /// Makes a trace of the records that a block of `words` instructions left in a vCPU's mailbox, believing no count.
    /// `trap` gives an exception's record by its place, `v` and `scalable` are what the block asked for.
    ///
    /// # Errors
    ///
    /// When the block ended for a reason that does not exist or took more exceptions than it can, or a record cannot be
    /// read.
    pub fn from_records(
        cpu: usize,
        words: usize,
        reply: &BlockReply,
        mut trap: impl FnMut(usize) -> Result<Trap, MachineError>,
        v: Option<Box<Vectors>>,
        scalable: Option<Box<Scalable>>,
    ) -> Result<Self, MachineError> {
        let misbehaved = |what| MachineError::Misbehaved { cpu, what };
        let end = BlockEnd::from_number(reply.end)
            .ok_or_else(|| misbehaved(format!("ended a block for reason {}, which does not exist", reply.end)))?;
        let count = usize::try_from(reply.traps).ok().filter(|count| *count <= MAX_TRAPS);
        let count = count.ok_or_else(|| misbehaved(format!("claims {} exceptions in one block", reply.traps)))?;
        let mut faults = Vec::with_capacity(count);
        for place in 0..count {
            let trap = trap(place)?;
            let index = trap.pc.checked_sub(map::code_va(cpu)).map(|bytes| (bytes / 4) as usize);
            faults.push(Fault {
                index: index.filter(|index| *index < words),
                esr: Syndrome::from_bits(trap.esr),
                far: trap.far,
                spsr: trap.spsr,
            });
        }
        let scalable = scalable.map(|registers| ScalableState::new(reply.vector_bytes, registers));
        Ok(Self { x: reply.x, sp: reply.sp, pstate: reply.pstate, sys: reply.sys, v, scalable, faults, end })
    }

    /// Returns a system register's value at the end of the block.
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
