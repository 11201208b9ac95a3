//! ID_AA64SMFR0_EL1, SME Feature ID Register 0. It is reported as it is.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of ID_AA64SMFR0_EL1 that the firmware uses.
    pub SMFR0_FIELDS [
        /// The version of SME, from 1 on with FEAT_SME2.
        SMEVER OFFSET(56) NUMBITS(4) []
    ]
}

/// The type of the register.
pub struct Reg;

system_register!(ro Reg, "s3_0_c0_c4_5", SMFR0_FIELDS::Register);

/// SME Feature ID Register 0.
pub const ID_AA64SMFR0_EL1: Reg = Reg;
