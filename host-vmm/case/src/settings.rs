//! The fields of control registers that cases set, by name, and the values that boot leaves.
//!
//! Arm ARM (DDI 0487) SCTLR_EL1, TCR_EL1, GCR_EL1, TFSR_EL1; C5.2: SPSR_EL1.

use abi::mailbox::{BootReport, SysReg};
use arch::{Rgsr, Tag};

use machine::El;

/// SCTLR_EL1.A: alignment is checked at both levels.
pub const ALIGNMENT: u64 = 1 << 1;
/// SCTLR_EL1.ATA0: allocation tag access at EL0.
pub const ATA0: u64 = 1 << 42;
/// SCTLR_EL1.ATA: allocation tag access at EL1.
pub const ATA: u64 = 1 << 43;
/// SCTLR_EL1.TCSO0 and TCSO: tag checks of stores alone, at EL0 and at EL1.
pub const TCSO: [u64; 2] = [1 << 58, 1 << 59];
const TCF0_SHIFT: u32 = 38;
const TCF_SHIFT: u32 = 40;
/// TCR_EL1.TBI0 and TBI1: the top byte of addresses with bit 55 clear and set is ignored.
pub const TBI: [u64; 2] = [1 << 37, 1 << 38];
/// TCR_EL1.TCMA0 and TCMA1: accesses by tag 0b0000 and 0b1111 are unchecked.
pub const TCMA: [u64; 2] = [1 << 57, 1 << 58];
/// GCR_EL1.RRND: IRG may choose by a way of the CPU's own.
pub const RRND: u64 = 1 << 16;
/// TFSR_ELx.TF0 and TF1: a fault at an address with bit 55 clear and set.
pub const TF: [u64; 2] = [1, 2];
/// SPSR_EL1.TCO.
pub const PSTATE_TCO: u64 = 1 << 25;

/// Returns RGSR_EL1 with this seed and this last tag.
pub const fn rgsr(seed: u16, tag: u8) -> u64 {
    Rgsr::new(Tag::truncate(tag), seed).bits()
}

/// What a tag check fault does: SCTLR_EL1.TCF and TCF0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Ignored = 0b00,
    /// A synchronous exception.
    Synchronous = 0b01,
    /// A bit in TFSR_ELx, later.
    Asynchronous = 0b10,
    /// Synchronous for loads, asynchronous for stores.
    Asymmetric = 0b11,
}

/// Returns SCTLR_EL1 as booted, but with this mode at one level.
pub(crate) fn sctlr(boot: &BootReport, el: El, mode: Mode) -> u64 {
    let shift = match el {
        El::El0 => TCF0_SHIFT,
        El::El1 => TCF_SHIFT,
    };
    boot.sys[SysReg::Sctlr as usize] & !(0b11 << shift) | (mode as u64) << shift
}

/// Reads the mode of one level out of SCTLR_EL1.
pub fn mode_bits(sctlr: u64, el: El) -> u64 {
    sctlr >> if el == El::El0 { TCF0_SHIFT } else { TCF_SHIFT } & 0b11
}

/// Returns the register in which asynchronous faults of a level are recorded.
pub fn tfsr(el: El) -> SysReg {
    match el {
        El::El0 => SysReg::Tfsre0,
        El::El1 => SysReg::Tfsr,
    }
}
