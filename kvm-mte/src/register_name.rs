//! What a register of arm64 is called, by its id of KVM_GET_ONE_REG.

use core::fmt;

use crate::register::Register;

/// A register, displayed by its name as far as its id tells: `x3`, `GCR_EL1`, `S3_3_C14_C3_2` for most system registers, else the id.
///
/// ```
/// use kvm_mte::RegisterName;
///
/// assert_eq!(RegisterName(0x6030_0000_0010_0006).to_string(), "x3");
/// assert_eq!(RegisterName(0x6030_0000_0013_c086).to_string(), "GCR_EL1");
/// assert_eq!(RegisterName(0x6030_0000_0013_c103).to_string(), "S3_0_C2_C0_3");
/// assert_eq!(RegisterName(0x6030_0000_0014_0000).to_string(), "KVM_REG_ARM_PSCI_VERSION");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterName(pub u64);

/// Classes, bits 27:16 (arch/arm64/include/uapi/asm/kvm.h).
const CORE: u64 = 0x10;
const SYSTEM: u64 = 0x13;
const SVE: u64 = 0x15;

/// Registers whose names follow from no rule. KVM_REG_ARM_TIMER_CNT and KVM_REG_ARM_PTIMER_CNT have the encodings of other registers.
const NAMES: [(u64, &str); 17] = [
    (0x6030_0000_0010_003e, "sp"),
    (0x6030_0000_0010_0040, "pc"),
    (0x6030_0000_0010_0042, "pstate"),
    (0x6030_0000_0010_0044, "sp_el1"),
    (0x6030_0000_0010_0046, "elr_el1"),
    (0x6030_0000_0010_0048, "spsr_el1"),
    (0x6030_0000_0010_004a, "spsr_abt"),
    (0x6030_0000_0010_004c, "spsr_und"),
    (0x6030_0000_0010_004e, "spsr_irq"),
    (0x6030_0000_0010_0050, "spsr_fiq"),
    (0x6020_0000_0010_00d4, "fpsr"),
    (0x6020_0000_0010_00d5, "fpcr"),
    (0x6030_0000_0013_df1a, "KVM_REG_ARM_TIMER_CNT"),
    (0x6030_0000_0013_df01, "KVM_REG_ARM_PTIMER_CNT"),
    (0x6030_0000_0014_0000, "KVM_REG_ARM_PSCI_VERSION"),
    (0x6050_0000_0015_0600, "ffr"),
    (0x6060_0000_0015_ffff, "KVM_REG_ARM64_SVE_VLS"),
];

impl fmt::Display for RegisterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(id) = *self;
        if let Some((_, name)) = NAMES.iter().find(|(other, _)| *other == id) {
            return f.pad(name);
        }
        if let Some(register) = Register::from_id(id) {
            return fmt::Display::fmt(&register, f);
        }
        let field = |shift: u32, mask: u64| id >> shift & mask;
        let (size, class, rest) = (field(52, 0xf), field(16, 0xfff), field(0, 0xffff));
        match (class, size) {
            (CORE, 3) if rest <= 0x3c && rest & 1 == 0 => write!(f, "x{}", rest / 2),
            (CORE, 4) if (0x54..=0xd0).contains(&rest) && rest & 3 == 0 => write!(f, "v{}", (rest - 0x54) / 4),
            (SYSTEM, 3) => {
                let (op0, op1, crn, crm, op2) = (field(14, 3), field(11, 7), field(7, 15), field(3, 15), field(0, 7));
                write!(f, "S{op0}_{op1}_C{crn}_C{crm}_{op2}")
            }
            // Slice 0.
            (SVE, 8) if rest < 0x400 && rest & 0x1f == 0 => write!(f, "z{}", rest >> 5),
            (SVE, 5) if (0x400..0x600).contains(&rest) && rest & 0x1f == 0 => write!(f, "p{}", (rest - 0x400) >> 5),
            _ => write!(f, "{id:#018x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn names_follow_from_ids() {
        let name = |id| RegisterName(id).to_string();
        assert_eq!(name(0x6030_0000_0010_003c), "x30");
        assert_eq!(name(0x6030_0000_0010_0044), "sp_el1");
        assert_eq!(name(0x6040_0000_0010_00d0), "v31");
        assert_eq!(name(0x6020_0000_0010_00d5), "fpcr");
        assert_eq!(name(0x6080_0000_0015_03e0), "z31");
        assert_eq!(name(0x6050_0000_0015_05e0), "p15");
        assert_eq!(name(0x6030_0000_0013_c2b1), "TFSRE0_EL1");
        assert_eq!(name(0x6030_0000_0013_df1a), "KVM_REG_ARM_TIMER_CNT");
        assert_eq!(name(0x6020_0000_0011_0002), "0x6020000000110002", "a CCSIDR_EL1");
        assert_eq!(name(0x6030_0000_0010_0007), "0x6030000000100007", "half of a register");
    }
}
