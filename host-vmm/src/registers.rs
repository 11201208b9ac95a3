//! A vCPU's registers by KVM's own ids (Documentation/virt/kvm/api.rst, 4.68 KVM_SET_ONE_REG).
//!
//! Nothing is chosen here: what the kernel lists is what is saved, all of it. A class that granule
//! does not know is an error, since a register that is silently dropped is a guest that silently
//! differs.

use std::fmt;

use crate::machine::MachineError;

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

/// The system registers that a report names. Encodings: op0, op1, CRn, CRm, op2.
const NAMES: [(RegisterId, &str); 8] = [
    (RegisterId::RGSR_EL1, "RGSR_EL1"),
    (RegisterId::GCR_EL1, "GCR_EL1"),
    (RegisterId::TFSR_EL1, "TFSR_EL1"),
    (RegisterId::TFSRE0_EL1, "TFSRE0_EL1"),
    (RegisterId::SCTLR_EL1, "SCTLR_EL1"),
    (RegisterId::TCR_EL1, "TCR_EL1"),
    (RegisterId::ID_AA64PFR1_EL1, "ID_AA64PFR1_EL1"),
    (RegisterId::PC, "PC"),
];

impl RegisterId {
    /// Random Allocation Tag Seed Register.
    pub const RGSR_EL1: Self = Self::system(3, 0, 1, 0, 5);
    /// Tag Control Register.
    pub const GCR_EL1: Self = Self::system(3, 0, 1, 0, 6);
    /// Tag Fault Status Register of EL1.
    pub const TFSR_EL1: Self = Self::system(3, 0, 5, 6, 0);
    /// Tag Fault Status Register of EL0.
    pub const TFSRE0_EL1: Self = Self::system(3, 0, 5, 6, 1);
    /// System Control Register.
    pub const SCTLR_EL1: Self = Self::system(3, 0, 1, 0, 0);
    /// Translation Control Register.
    pub const TCR_EL1: Self = Self::system(3, 0, 2, 0, 2);
    /// Processor Feature Register 1: the MTE field.
    pub const ID_AA64PFR1_EL1: Self = Self::system(3, 0, 0, 4, 1);
    /// Counter-timer virtual count, which moves by itself. KVM's id is that of CNTVCT_EL0's
    /// neighbour by a historical mistake that the ABI keeps: KVM_REG_ARM_TIMER_CNT.
    pub const TIMER_CNT: Self = Self::system(3, 3, 14, 3, 2);
    /// Physical count, likewise: KVM_REG_ARM_PTIMER_CNT.
    pub const PTIMER_CNT: Self = Self::system(3, 3, 14, 0, 1);
    /// The program counter: a core register, at its offset in `struct kvm_regs` in 32-bit words.
    pub const PC: Self = Self(0x6030_0000_0010_0040);

    /// The four registers that MTE adds to a guest's state.
    pub const MTE: [Self; 4] = [Self::RGSR_EL1, Self::GCR_EL1, Self::TFSR_EL1, Self::TFSRE0_EL1];

    /// Gives the id of a 64-bit system register.
    #[must_use]
    pub const fn system(op0: u64, op1: u64, crn: u64, crm: u64, op2: u64) -> Self {
        Self(0x6030_0000_0013_0000 | op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2)
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

    /// Tells whether the register changes although the vCPU does not run.
    #[must_use]
    pub fn is_clock(self) -> bool {
        self == Self::TIMER_CNT || self == Self::PTIMER_CNT
    }
}

impl fmt::Display for RegisterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(id, _)| id == self) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "{} {:#018x}", self.class().unwrap_or("unknown"), self.0),
        }
    }
}

impl fmt::Debug for RegisterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The registers of one vCPU, in the kernel's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registers(Vec<(RegisterId, Vec<u8>)>);

impl Registers {
    /// Collects all listed registers with `read`.
    ///
    /// # Errors
    ///
    /// When a register is of a class that granule does not know, or cannot be read.
    pub fn collect(
        ids: &[u64],
        mut read: impl FnMut(RegisterId, &mut [u8]) -> Result<(), MachineError>,
    ) -> Result<Self, MachineError> {
        let mut all = Vec::with_capacity(ids.len());
        for id in ids.iter().map(|id| RegisterId(*id)) {
            if id.class().is_none() || id.size() > 256 {
                return Err(MachineError::BadRequest(format!(
                    "the kernel lists register {:#018x}, whose class granule does not know; saving without it would lose guest state. use a granule that knows this kernel",
                    id.0
                )));
            }
            let mut value = vec![0; id.size()];
            read(id, &mut value)?;
            all.push((id, value));
        }
        Ok(Self(all))
    }

    /// All registers with their little-endian values.
    pub fn iter(&self) -> impl Iterator<Item = (RegisterId, &[u8])> {
        self.0.iter().map(|(id, value)| (*id, value.as_slice()))
    }

    /// Gives a register of up to 64 bits.
    #[must_use]
    pub fn get(&self, id: RegisterId) -> Option<u64> {
        let (_, value) = self.0.iter().find(|(other, _)| *other == id)?;
        let mut bytes = [0; 8];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        Some(u64::from_le_bytes(bytes))
    }

    /// Lists the registers in which two vCPUs differ, clocks apart.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (id, value) in self.iter().filter(|(id, _)| !id.is_clock()) {
            match other.iter().find(|(theirs, _)| *theirs == id) {
                Some((_, theirs)) if theirs == value => {}
                Some((_, theirs)) => found.push(format!("{id}: {} became {}", hex(value), hex(theirs))),
                None => found.push(format!("{id}: {} is gone", hex(value))),
            }
        }
        for (id, value) in other.iter() {
            if !self.iter().any(|(ours, _)| ours == id) {
                found.push(format!("{id}: {} is new", hex(value)));
            }
        }
        found
    }
}

/// Prints a little-endian value as one number.
fn hex(value: &[u8]) -> String {
    value.iter().rev().fold(String::from("0x"), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(id: RegisterId, value: &mut [u8]) -> Result<(), MachineError> {
        value.copy_from_slice(&id.0.to_le_bytes()[..value.len()]);
        Ok(())
    }

    #[test]
    fn the_mte_registers_have_the_ids_that_the_kernel_uses() {
        let ids = RegisterId::MTE.map(|id| id.0);
        assert_eq!(ids, [0x6030_0000_0013_c085, 0x6030_0000_0013_c086, 0x6030_0000_0013_c2b0, 0x6030_0000_0013_c2b1]);
        assert_eq!(RegisterId::RGSR_EL1.size(), 8);
    }

    #[test]
    fn an_unknown_class_is_an_error_and_not_dropped() {
        assert!(Registers::collect(&[RegisterId::PC.0], read).is_ok());
        let unknown = RegisterId::PC.0 | 0x70_0000;
        assert!(matches!(Registers::collect(&[unknown], read), Err(MachineError::BadRequest(_))));
    }

    #[test]
    fn a_changed_lost_or_new_register_is_a_difference_and_a_clock_is_not() {
        let a = Registers::collect(&[RegisterId::PC.0, RegisterId::GCR_EL1.0, RegisterId::TIMER_CNT.0], read).unwrap();
        let mut b = a.clone();
        assert!(a.differences(&b).is_empty());
        b.0[2].1[0] ^= 1;
        assert!(a.differences(&b).is_empty());
        b.0[1].1[0] ^= 1;
        assert_eq!(a.differences(&b).len(), 1);
        b.0.remove(0);
        assert_eq!(a.differences(&b).len(), 2);
        assert_eq!(b.differences(&a).len(), 2);
    }
}
