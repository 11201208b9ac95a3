//! SVCR, Streaming Vector Control Register: PSTATE.SM and PSTATE.ZA. The firmware writes 0 to it.

/// The type of the register.
pub struct Reg;

system_register!(rw Reg, "s3_3_c4_c2_2", ());

/// Streaming Vector Control Register.
pub const SVCR: Reg = Reg;
