//! Fields of ID_AA64PFR1_EL1 that aarch64-cpu lacks.

use aarch64_cpu::registers::ID_AA64PFR1_EL1::Register;
use tock_registers::fields::Field;

/// Lowest value of [`MTE`] with allocation tags and MTE's registers.
pub const FEAT_MTE2: u64 = 2;

/// How much of the Memory Tagging Extension there is.
pub const MTE: Field<u64, Register> = Field::new(0b1111, 8);
