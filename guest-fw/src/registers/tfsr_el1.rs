//! TFSR_EL1, Tag Fault Status Register (EL1): asynchronous tag check faults of EL1.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of TFSR_EL1.
    pub TFSR_FIELDS [
        /// An asynchronous tag check fault at an address with bit 55 set.
        TF1 OFFSET(1) NUMBITS(1) [],
        /// An asynchronous tag check fault at an address with bit 55 clear.
        TF0 OFFSET(0) NUMBITS(1) []
    ]
}

/// The type of the register.
pub struct Reg;

system_register!(rw Reg, "s3_0_c5_c6_0", TFSR_FIELDS::Register);

/// Tag Fault Status Register (EL1).
pub const TFSR_EL1: Reg = Reg;
