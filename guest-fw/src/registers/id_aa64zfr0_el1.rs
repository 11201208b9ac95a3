//! ID_AA64ZFR0_EL1, SVE Feature ID Register 0. It is reported as it is; the firmware uses no field.

/// The type of the register.
pub struct Reg;

system_register!(ro Reg, "s3_0_c0_c4_4", ());

/// SVE Feature ID Register 0.
pub const ID_AA64ZFR0_EL1: Reg = Reg;
