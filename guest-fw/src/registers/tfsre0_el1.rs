//! TFSRE0_EL1, Tag Fault Status Register (EL0): asynchronous tag check faults of EL0.

use super::tfsr_el1::TFSR_FIELDS;

/// The type of the register; its fields are those of TFSR_EL1.
pub struct Reg;

system_register!(rw Reg, "s3_0_c5_c6_1", TFSR_FIELDS::Register);

/// Tag Fault Status Register (EL0).
pub const TFSRE0_EL1: Reg = Reg;
