//! The ids by which KVM names a vCPU's registers (Documentation/virt/kvm/api.rst, 4.68 KVM_SET_ONE_REG).
//!
//! Only names and arithmetic on ids; which registers a vCPU has is the kernel's to say.

use std::fmt;

use kvm_mte::RegisterName;
use kvm_mte::register::{Register, system_register};

/// A register's id as KVM_GET_REG_LIST gives it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegisterId(pub u64);

/// Classes of arm64 registers, bits 27:16 of an id (arch/arm64/include/uapi/asm/kvm.h).
const CLASSES: [(u64, &str); 7] = [
    (0x10, "core"),
    (0x11, "demultiplexed (CCSIDR)"),
    (0x13, "system register"),
    (0x14, "firmware"),
    (0x15, "SVE"),
    (0x16, "firmware feature bitmap"),
    (0x12, "AArch32 floating point"),
];

/// Registers that reports name and no instruction of ours can.
const NAMES: [(RegisterId, &str); 3] = [
    (RegisterId::ID_AA64PFR2_EL1, "ID_AA64PFR2_EL1"),
    (RegisterId::MAIR_EL1, "MAIR_EL1"),
    (RegisterId::ZCR_EL1, "ZCR_EL1"),
];

impl RegisterId {
    /// Random Allocation Tag Seed Register.
    pub const RGSR_EL1: Self = Self(Register::RgsrEl1.id());
    /// Tag Control Register.
    pub const GCR_EL1: Self = Self(Register::GcrEl1.id());
    /// Tag Fault Status Register of EL1.
    pub const TFSR_EL1: Self = Self(Register::TfsrEl1.id());
    /// Tag Fault Status Register of EL0.
    pub const TFSRE0_EL1: Self = Self(Register::Tfsre0El1.id());
    /// System Control Register.
    pub const SCTLR_EL1: Self = Self::system(3, 0, 1, 0, 0);
    /// Translation Control Register.
    pub const TCR_EL1: Self = Self::system(3, 0, 2, 0, 2);
    /// Processor Feature Register 1: the MTE field.
    pub const ID_AA64PFR1_EL1: Self = Self::system(3, 0, 0, 4, 1);
    /// Processor Feature Register 2: MTEFAR, MTESTOREONLY, MTEPERM.
    pub const ID_AA64PFR2_EL1: Self = Self::system(3, 0, 0, 4, 2);
    /// ID_AA64PFR2_EL1.{MTEFAR, MTESTOREONLY}.
    pub const TAG_FEATURES_OF_PFR2: u64 = 0xff0;
    /// What caches there are, and which of them hold tags.
    pub const CLIDR_EL1: Self = Self::system(3, 1, 0, 0, 1);
    /// Cache Type Register: the sizes of cache lines.
    pub const CTR_EL0: Self = Self::system(3, 3, 0, 0, 1);
    /// Counter-timer virtual count, which moves by itself. KVM's id is that of CNTVCT_EL0's
    /// neighbour by a historical mistake that the ABI keeps: KVM_REG_ARM_TIMER_CNT.
    pub const TIMER_CNT: Self = Self::system(3, 3, 14, 3, 2);
    /// Physical count, likewise: KVM_REG_ARM_PTIMER_CNT.
    pub const PTIMER_CNT: Self = Self::system(3, 3, 14, 0, 1);
    /// A half of a key of pointer authentication, 0 to 9 from APIAKeyLo_EL1 on.
    #[must_use]
    pub const fn key(place: u64) -> Self {
        Self::system(3, 0, 2, 1 + place / 4, place % 4)
    }

    /// Memory Attribute Indirection Register.
    pub const MAIR_EL1: Self = Self::system(3, 0, 10, 2, 0);
    /// The stack pointer of EL0.
    pub const SP_EL0: Self = Self::core(0x3e);
    /// The program counter.
    pub const PC: Self = Self::core(0x40);
    /// The processor state, laid out like SPSR_EL1.
    pub const PSTATE: Self = Self::core(0x42);

    /// The four registers that MTE adds to a guest's state.
    pub const MTE: [Self; 4] = [Self::RGSR_EL1, Self::GCR_EL1, Self::TFSR_EL1, Self::TFSRE0_EL1];

    /// Returns the id of a 64-bit core register, by its offset in `struct kvm_regs` in 32-bit words.
    #[must_use]
    pub const fn core(offset: u64) -> Self {
        Self(0x6030_0000_0010_0000 | offset)
    }

    /// The version of PSCI that the guest sees: KVM_REG_ARM_PSCI_VERSION.
    pub const PSCI_VERSION: Self = Self(0x6030_0000_0014_0000);
    /// The vector lengths of a vCPU, 512 bits of which bit n is for `16 * (n + 1)` bytes: KVM_REG_ARM64_SVE_VLS.
    pub const SVE_VLS: Self = Self(0x6060_0000_0015_ffff);
    /// FFR, 256 bits: KVM_REG_ARM64_SVE_FFR.
    pub const FFR: Self = Self(0x6050_0000_0015_0600);
    /// SVE Control Register: the vector length of EL1.
    pub const ZCR_EL1: Self = Self::system(3, 0, 1, 2, 0);
    /// FPSR, 32 bits of the core registers.
    pub const FPSR: Self = Self(0x6020_0000_0010_00d4);
    /// FPCR, likewise.
    pub const FPCR: Self = Self(0x6020_0000_0010_00d5);

    /// Returns the id of a general register, x0 to x30.
    #[must_use]
    pub const fn x(n: u64) -> Self {
        Self::core(2 * n)
    }

    /// Returns the id of a 128-bit vector register, v0 to v31.
    #[must_use]
    pub const fn v(n: u64) -> Self {
        Self(0x6040_0000_0010_0054 + 4 * n)
    }

    /// Returns the id of a vector register of 2048 bits, z0 to z31: KVM_REG_ARM64_SVE_ZREG of slice 0.
    #[must_use]
    pub const fn z(n: u64) -> Self {
        Self(0x6080_0000_0015_0000 | n << 5)
    }

    /// Returns the id of a predicate register of 256 bits, p0 to p15: KVM_REG_ARM64_SVE_PREG of slice 0.
    #[must_use]
    pub const fn p(n: u64) -> Self {
        Self(0x6050_0000_0015_0400 | n << 5)
    }

    /// Returns the id of a 64-bit system register.
    #[must_use]
    pub const fn system(op0: u64, op1: u64, crn: u64, crm: u64, op2: u64) -> Self {
        Self(system_register(op0, op1, crn, crm, op2))
    }

    /// Returns the id of a system register that MRS can name.
    #[must_use]
    pub const fn of(register: arch::SysReg) -> Self {
        Self(0x6030_0000_0013_0000 | register.encoding() as u64)
    }

    /// The register's size in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        1 << (self.0 >> 52 & 0xf)
    }

    /// Names the class, `None` for one that granule does not know.
    #[must_use]
    pub fn class(self) -> Option<&'static str> {
        CLASSES.iter().find(|(class, _)| *class == self.0 >> 16 & 0xfff).map(|(_, name)| *name)
    }

    /// Returns whether the register changes although the vCPU does not run.
    #[must_use]
    pub fn is_clock(self) -> bool {
        self == Self::TIMER_CNT || self == Self::PTIMER_CNT
    }
}

impl fmt::Display for RegisterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, name)) = NAMES.iter().find(|(id, _)| id == self) {
            return f.write_str(name);
        }
        let encoding = (self.0 & !0xffff == Self::system(0, 0, 0, 0, 0).0).then_some(self.0 as u16);
        match encoding.and_then(arch::SysReg::by_encoding) {
            Some(register) if !self.is_clock() => f.write_str(&register.name().to_uppercase()),
            _ => fmt::Display::fmt(&RegisterName(self.0), f),
        }
    }
}

impl fmt::Debug for RegisterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
