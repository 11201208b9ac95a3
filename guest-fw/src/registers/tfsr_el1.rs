//! Tag Fault Status Register (EL1): asynchronous tag check faults of EL1.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of TFSR_EL1.
    pub TFSR_FIELDS [
        /// A fault at an address whose bit 55 is 1.
        TF1 OFFSET(1) NUMBITS(1) [],
        /// A fault at an address whose bit 55 is 0.
        TF0 OFFSET(0) NUMBITS(1) []
    ]
}

/// The register's type.
pub struct Reg;

super::system_register!(rw Reg, "s3_0_c5_c6_0", TFSR_FIELDS::Register);

/// Tag Fault Status Register of EL1.
pub const TFSR_EL1: Reg = Reg;
