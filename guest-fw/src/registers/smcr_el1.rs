//! SMCR_EL1, SME Control Register (EL1): the streaming vector length, and what is accessible.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of SMCR_EL1.
    pub SMCR_FIELDS [
        /// ZT0 can be accessed.
        EZT0 OFFSET(30) NUMBITS(1) [],
        /// The streaming vector length at EL1 and EL0, in units of 128 bits, less 1.
        LEN OFFSET(0) NUMBITS(4) []
    ]
}

/// The type of the register.
pub struct Reg;

system_register!(rw Reg, "s3_0_c1_c2_6", SMCR_FIELDS::Register);

/// SME Control Register (EL1).
pub const SMCR_EL1: Reg = Reg;
