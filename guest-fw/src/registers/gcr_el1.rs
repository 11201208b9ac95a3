//! Tag Control Register (EL1): which tags IRG may give, and how it chooses.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of GCR_EL1.
    pub GCR_FIELDS [
        /// Whether IRG may use an implementation's own way to choose; 0 is the architected LFSR.
        RRND OFFSET(16) NUMBITS(1) [],
        /// Tags that IRG and ADDG do not give.
        EXCLUDE OFFSET(0) NUMBITS(16) []
    ]
}

/// The register's type.
pub struct Reg;

super::system_register!(rw Reg, "s3_0_c1_c0_6", GCR_FIELDS::Register);

/// Tag Control Register.
pub const GCR_EL1: Reg = Reg;
