//! Fields of HCR_EL2 that aarch64-cpu lacks.

use aarch64_cpu::registers::HCR_EL2::Register;
use tock_registers::fields::Field;

/// Allocation Tag Access at EL1 and EL0.
pub const ATA: Field<u64, Register> = Field::new(1, 56);
