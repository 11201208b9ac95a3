//! Fields of SCTLR_EL1 that aarch64-cpu lacks: those of MTE, and those that are RES1 if a feature is not implemented.

use aarch64_cpu::registers::SCTLR_EL1::Register;
use tock_registers::fields::Field;

/// The value of [`TCF`] and [`TCF0`] with which tag check faults are synchronous exceptions.
pub const SYNCHRONOUS: u64 = 0b01;

/// Allocation Tag Access at EL1.
pub const ATA: Field<u64, Register> = Field::new(1, 43);
/// Allocation Tag Access at EL0.
pub const ATA0: Field<u64, Register> = Field::new(1, 42);
/// Tag Check Fault at EL1: the effect of a tag check fault.
pub const TCF: Field<u64, Register> = Field::new(0b11, 40);
/// Tag Check Fault at EL0: the effect of a tag check fault.
pub const TCF0: Field<u64, Register> = Field::new(0b11, 38);
/// Memory copies and sets (CPY*, SET*) are enabled at EL0. RES0, so without effect, without FEAT_MOPS.
pub const MSCEN: Field<u64, Register> = Field::new(1, 33);
/// Load Multiple and Store Multiple Atomicity and Ordering Enable (RES1 without FEAT_LSMAOC).
pub const LSMAOE: Field<u64, Register> = Field::new(1, 29);
/// No Trap Load Multiple and Store Multiple to Device memory (RES1 without FEAT_LSMAOC).
pub const NTLSMD: Field<u64, Register> = Field::new(1, 28);
/// Set Privileged Access Never: if 1, an exception to EL1 does not change PSTATE.PAN (RES1 without FEAT_PAN).
pub const SPAN: Field<u64, Register> = Field::new(1, 23);
/// Exception entry is a context synchronization event (RES1 without FEAT_ExS).
pub const EIS: Field<u64, Register> = Field::new(1, 22);
/// Trap EL0 access to SCXTNUM_EL0 (RES1 without FEAT_CSV2_2).
pub const TSCXT: Field<u64, Register> = Field::new(1, 20);
/// Exception exit is a context synchronization event (RES1 without FEAT_ExS).
pub const EOS: Field<u64, Register> = Field::new(1, 11);
