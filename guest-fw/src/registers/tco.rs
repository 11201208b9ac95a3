//! TCO, Tag Check Override: accesses are unchecked if PSTATE.TCO is 1.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of TCO, which SPSR_ELx has at the same position.
    pub TCO_FIELDS [
        /// 1 if accesses are unchecked.
        TCO OFFSET(25) NUMBITS(1) []
    ]
}

/// The type of the register.
pub struct Reg;

system_register!(rw Reg, "s3_3_c4_c2_7", TCO_FIELDS::Register);

/// Tag Check Override.
pub const TCO: Reg = Reg;
