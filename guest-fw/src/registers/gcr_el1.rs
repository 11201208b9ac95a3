//! GCR_EL1, Tag Control Register: the tags that IRG excludes, and how it generates tags.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of GCR_EL1.
    pub GCR_FIELDS [
        /// 0 if IRG uses the architected generator, 1 if it is IMPLEMENTATION DEFINED.
        RRND OFFSET(16) NUMBITS(1) [],
        /// The tags that IRG, ADDG and SUBG exclude.
        EXCLUDE OFFSET(0) NUMBITS(16) []
    ]
}

/// The type of the register.
pub struct Reg;

system_register!(rw Reg, "s3_0_c1_c0_6", GCR_FIELDS::Register);

/// Tag Control Register.
pub const GCR_EL1: Reg = Reg;
