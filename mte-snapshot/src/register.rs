//! The ids of KVM_GET_ONE_REG on arm64: their parts, and those of the registers that debuggers are shown.
//!
//! Source: arch/arm64/include/uapi/asm/kvm.h and Documentation/virt/kvm/api.rst, 4.68 (KVM_SET_ONE_REG).

use std::collections::BTreeMap;

use kvm_mte::register::system_register;

use crate::snapshot::Vcpu;

/// KVM_REG_ARM64, in the bits of KVM_REG_ARCH_MASK.
const ARM64: u64 = 0x6000_0000_0000_0000;
const ARCH_MASK: u64 = 0xff00_0000_0000_0000;
/// KVM_REG_SIZE_SHIFT: the size is 1 << field bytes.
const SIZE_SHIFT: u32 = 52;
/// KVM_REG_ARM_COPROC_SHIFT: the class of a register.
const CLASS_SHIFT: u32 = 16;
/// Bits that no register of arm64 has.
const RESERVED: u64 = 0x000f_ffff_f000_0000;
/// The largest size: the vector lengths and the Z registers, 64 and 256 bytes.
const MAX_SIZE_FIELD: u64 = 8;

/// The classes of KVM's registers: KVM_REG_ARM_COPROC_MASK.
const CLASSES: [(u64, &str); 6] = [
    (CORE, "KVM_REG_ARM_CORE"),
    (0x11, "KVM_REG_ARM_DEMUX"),
    (0x13, "KVM_REG_ARM64_SYSREG"),
    (0x14, "KVM_REG_ARM_FW"),
    (SVE, "KVM_REG_ARM64_SVE"),
    (0x16, "KVM_REG_ARM_FW_FEAT_BMAP"),
];
const CORE: u64 = 0x10;
const SVE: u64 = 0x15;

/// Why an id is none of arm64's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadId {
    /// Another architecture, a size that no register has, or reserved bits.
    Form,
    /// An unknown class.
    Class(u64),
}

/// Returns the number of bytes of a register's value.
pub(crate) const fn size(id: u64) -> Result<usize, BadId> {
    let size = id >> SIZE_SHIFT & 0xf;
    if id & ARCH_MASK != ARM64 || id & RESERVED != 0 || size > MAX_SIZE_FIELD {
        return Err(BadId::Form);
    }
    let class = id >> CLASS_SHIFT & 0xfff;
    let mut at = 0;
    while at < CLASSES.len() {
        if CLASSES[at].0 == class {
            return Ok(1 << size);
        }
        at += 1;
    }
    Err(BadId::Class(class))
}

/// Returns the names of all known classes.
pub(crate) fn classes() -> String {
    CLASSES.map(|(_, name)| name).join(", ")
}

/// Returns the id of a core register by its byte in `struct kvm_regs`, which counts in words of 32 bits.
const fn core(size: u64, byte: u64) -> u64 {
    ARM64 | size << SIZE_SHIFT | CORE << CLASS_SHIFT | (byte / 4)
}

const U32: u64 = 2;
const U64: u64 = 3;
const U128: u64 = 4;
const U256: u64 = 5;
const U512: u64 = 6;
const U2048: u64 = 8;

/// `regs.regs[n]`, n from 0 to 30.
pub(crate) const fn x(n: u64) -> u64 {
    core(U64, 8 * n)
}
/// `regs.sp`: SP_EL0.
pub(crate) const SP_EL0: u64 = core(U64, 248);
/// `regs.pc`.
pub(crate) const PC: u64 = core(U64, 256);
/// `regs.pstate`.
pub(crate) const PSTATE: u64 = core(U64, 264);
/// `sp_el1`.
pub(crate) const SP_EL1: u64 = core(U64, 272);
/// `fp_regs.vregs[n]`, n from 0 to 31. Not listed where the vCPU has SVE.
pub(crate) const fn v(n: u64) -> u64 {
    core(U128, 336 + 16 * n)
}
/// `fp_regs.fpsr`.
pub(crate) const FPSR: u64 = core(U32, 848);
/// `fp_regs.fpcr`.
pub(crate) const FPCR: u64 = core(U32, 852);

const fn sve(size: u64, offset: u64) -> u64 {
    ARM64 | size << SIZE_SHIFT | SVE << CLASS_SHIFT | offset
}
/// KVM_REG_ARM64_SVE_ZREG(n, 0).
pub(crate) const fn z(n: u64) -> u64 {
    sve(U2048, n << 5)
}
/// KVM_REG_ARM64_SVE_PREG(n, 0).
pub(crate) const fn p(n: u64) -> u64 {
    sve(U256, 0x400 | n << 5)
}
/// KVM_REG_ARM64_SVE_FFR(0).
pub(crate) const FFR: u64 = sve(U256, 0x600);
/// KVM_REG_ARM64_SVE_VLS: bit n is set if vectors of n + 1 quadwords are available.
pub(crate) const SVE_VLS: u64 = sve(U512, 0xffff);

/// SP_EL2, of a vCPU that has EL2.
pub(crate) const SP_EL2: u64 = system_register(3, 6, 4, 1, 0);
/// SCTLR_EL1.
pub(crate) const SCTLR_EL1: u64 = system_register(3, 0, 1, 0, 0);
/// TCR_EL1.
pub(crate) const TCR_EL1: u64 = system_register(3, 0, 2, 0, 2);
/// ZCR_EL1.
pub(crate) const ZCR_EL1: u64 = system_register(3, 0, 1, 2, 0);
/// APIAKeyLo_EL1: listed where the vCPU has pointer authentication.
pub(crate) const APIAKEYLO_EL1: u64 = system_register(3, 0, 2, 1, 0);
/// ID_AA64PFR1_EL1.
pub(crate) const ID_AA64PFR1_EL1: u64 = system_register(3, 0, 0, 4, 1);

/// KVM_REG_ARM_TIMER_CNT. By mistake it has the encoding of CNTV_CVAL_EL0, and the kernel keeps it so.
pub(crate) const TIMER_CNT: u64 = system_register(3, 3, 14, 3, 2);
/// KVM_REG_ARM_PTIMER_CNT.
pub(crate) const PTIMER_CNT: u64 = system_register(3, 3, 14, 0, 1);
/// KVM_REG_ARM_TIMER_CTL.
pub(crate) const TIMER_CTL: u64 = system_register(3, 3, 14, 3, 1);
/// KVM_REG_ARM_PTIMER_CTL.
pub(crate) const PTIMER_CTL: u64 = system_register(3, 3, 14, 2, 1);

/// The registers of one vCPU by their ids.
pub(crate) struct Values<'a>(BTreeMap<u64, &'a [u8]>);

impl<'a> Values<'a> {
    pub(crate) fn of(vcpu: &'a Vcpu) -> Self {
        Self(vcpu.registers.iter().map(|(id, value)| (*id, value.as_slice())).collect())
    }

    /// Returns a value, if the register is listed.
    pub(crate) fn get(&self, id: u64) -> Option<&'a [u8]> {
        self.0.get(&id).copied()
    }

    /// Returns a value of 64 bits, if the register is listed.
    pub(crate) fn u64(&self, id: u64) -> Option<u64> {
        self.get(id)?.try_into().ok().map(u64::from_le_bytes)
    }

    /// Returns a value of 32 bits, if the register is listed.
    pub(crate) fn u32(&self, id: u64) -> Option<u32> {
        self.get(id)?.try_into().ok().map(u32::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_are_those_that_the_kernel_lists() {
        // Read from KVM_GET_REG_LIST on Linux 6.12.
        assert_eq!(x(0), 0x6030_0000_0010_0000);
        assert_eq!(x(30), 0x6030_0000_0010_003c);
        assert_eq!(SP_EL0, 0x6030_0000_0010_003e);
        assert_eq!(PC, 0x6030_0000_0010_0040);
        assert_eq!(PSTATE, 0x6030_0000_0010_0042);
        assert_eq!(SP_EL1, 0x6030_0000_0010_0044);
        assert_eq!(v(0), 0x6040_0000_0010_0054);
        assert_eq!(v(31), 0x6040_0000_0010_00d0);
        assert_eq!(FPSR, 0x6020_0000_0010_00d4);
        assert_eq!(FPCR, 0x6020_0000_0010_00d5);
        assert_eq!(z(1), 0x6080_0000_0015_0020);
        assert_eq!(p(0), 0x6050_0000_0015_0400);
        assert_eq!(FFR, 0x6050_0000_0015_0600);
        assert_eq!(SVE_VLS, 0x6060_0000_0015_ffff);
        assert_eq!(TIMER_CNT, 0x6030_0000_0013_df1a);
    }

    #[test]
    fn an_id_says_how_long_its_value_is() {
        assert_eq!(size(x(0)), Ok(8));
        assert_eq!(size(FPSR), Ok(4));
        assert_eq!(size(z(31)), Ok(256));
        assert_eq!(size(0x6020_0000_0011_0000), Ok(4), "CCSIDR");
        assert_eq!(size(0x6030_0000_0012_0000), Err(BadId::Class(0x12)));
        assert_eq!(size(0x6030_0000_0017_0000), Err(BadId::Class(0x17)));
        assert_eq!(size(0x6030_0000_1010_0000), Err(BadId::Form), "a reserved bit");
        assert_eq!(size(0x6090_0000_0010_0000), Err(BadId::Form), "512 bytes");
        assert_eq!(size(0x4030_0000_0010_0000), Err(BadId::Form), "AArch32");
    }
}
