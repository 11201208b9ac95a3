//! ID_AA64SMFR0_EL1, SME Feature ID Register 0. It is reported as it is; the firmware uses no field.

/// The type of the register.
pub struct Reg;

system_register!(ro Reg, "s3_0_c0_c4_5", ());

/// SME Feature ID Register 0.
pub const ID_AA64SMFR0_EL1: Reg = Reg;
