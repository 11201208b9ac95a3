//! PSTATE.TCO, Tag Check Override: 1 turns every tag check off.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// The TCO register's field; SPSR_ELx has it at the same bit.
    pub TCO_FIELDS [
        /// Accesses are not tag checked.
        TCO OFFSET(25) NUMBITS(1) []
    ]
}

/// The register's type.
pub struct Reg;

super::system_register!(rw Reg, "s3_3_c4_c2_7", TCO_FIELDS::Register);

/// Tag Check Override.
pub const TCO: Reg = Reg;
