//! The four system registers that MTE adds to a guest's state, by the ids of KVM_GET_ONE_REG and KVM_SET_ONE_REG.
//!
//! KVM_GET_REG_LIST names them when MTE is enabled, so a VMM that saves whatever is listed has them already. They are
//! here for those that keep a list of their own, and for tests.
//!
//! What to know of their values (Linux 6.1 to 7.3-rc):
//!
//! - Without KVM_CAP_ARM_MTE they are not listed, and reading them fails with ENOENT.
//! - Before a vCPU has run for the first time, RGSR_EL1, TFSR_EL1 and TFSRE0_EL1 read 0x1de7ec7edbadc0de, KVM's pattern
//!   for registers whose reset value is UNKNOWN.
//! - A write stores all 64 bits; RES0 bits read as they were written until the vCPU runs.
//! - ID_AA64PFR1_EL1.MTE, which says what the guest has, cannot be written: source and destination must agree on it.

use core::fmt;

/// One of the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Register {
    /// The seed and the last tag of IRG's generator. With GCR_EL1.RRND = 0 the tags to come follow from it.
    RgsrEl1,
    /// Which tags IRG excludes, and which generator it uses.
    GcrEl1,
    /// Whether tag check faults of EL1 are pending, by the upper and lower half of the address space.
    TfsrEl1,
    /// Whether tag check faults of EL0 are pending.
    Tfsre0El1,
}

impl Register {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::RgsrEl1, Self::GcrEl1, Self::TfsrEl1, Self::Tfsre0El1];

    /// Returns the register's id. Its encoding is that of MRS (Arm ARM DDI 0487, D19).
    ///
    /// ```
    /// use kvm_mte::register::Register;
    ///
    /// assert_eq!(Register::GcrEl1.id(), 0x6030_0000_0013_c086);
    /// ```
    #[must_use]
    pub const fn id(self) -> u64 {
        match self {
            Self::RgsrEl1 => system_register(3, 0, 1, 0, 5),
            Self::GcrEl1 => system_register(3, 0, 1, 0, 6),
            Self::TfsrEl1 => system_register(3, 0, 5, 6, 0),
            Self::Tfsre0El1 => system_register(3, 0, 5, 6, 1),
        }
    }

    /// Returns the register with this id; `None` when it is not one of these.
    #[must_use]
    pub fn from_id(id: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|register| register.id() == id)
    }

    /// Returns Arm's name of the register.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RgsrEl1 => "RGSR_EL1",
            Self::GcrEl1 => "GCR_EL1",
            Self::TfsrEl1 => "TFSR_EL1",
            Self::Tfsre0El1 => "TFSRE0_EL1",
        }
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Returns the id of a 64-bit system register of arm64, by its encoding in MRS (`ARM64_SYS_REG` of
/// arch/arm64/include/uapi/asm/kvm.h).
#[must_use]
pub const fn system_register(op0: u64, op1: u64, crn: u64, crm: u64, op2: u64) -> u64 {
    const KVM_REG_ARM64: u64 = 0x6000_0000_0000_0000;
    const KVM_REG_SIZE_U64: u64 = 0x0030_0000_0000_0000;
    const KVM_REG_ARM64_SYSREG: u64 = 0x0013 << 16;
    KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM64_SYSREG | op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
}

/// The values of the four registers of one vCPU.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use kvm_mte::register::{Register, Registers};
///
/// // Stands for the vCPU's KVM_GET_ONE_REG and KVM_SET_ONE_REG.
/// let mut vcpu: BTreeMap<u64, u64> = Register::ALL.iter().map(|r| (r.id(), 0)).collect();
/// vcpu.insert(Register::GcrEl1.id(), 0x1_0001);
///
/// let saved = Registers::read(|id| vcpu.get(&id).copied().ok_or("no such register"))?;
/// assert_eq!(saved.get(Register::GcrEl1), 0x1_0001);
///
/// let mut other = BTreeMap::new();
/// saved.write(|id, value| {
///     other.insert(id, value);
///     Ok::<(), &str>(())
/// })?;
/// assert_eq!(vcpu, other);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Registers([u64; 4]);

impl Registers {
    /// Reads all four by their ids.
    ///
    /// # Errors
    ///
    /// The first error of `get`.
    pub fn read<E>(mut get: impl FnMut(u64) -> Result<u64, E>) -> Result<Self, E> {
        let mut values = [0; 4];
        for (value, register) in values.iter_mut().zip(Register::ALL) {
            *value = get(register.id())?;
        }
        Ok(Self(values))
    }

    /// Writes all four by their ids.
    ///
    /// # Errors
    ///
    /// The first error of `set`.
    pub fn write<E>(&self, mut set: impl FnMut(u64, u64) -> Result<(), E>) -> Result<(), E> {
        Register::ALL.into_iter().try_for_each(|register| set(register.id(), self.get(register)))
    }

    /// Returns the value of one.
    #[must_use]
    pub const fn get(&self, register: Register) -> u64 {
        self.0[register as usize]
    }

    /// Sets the value of one.
    pub const fn set(&mut self, register: Register, value: u64) {
        self.0[register as usize] = value;
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn the_ids_are_those_that_the_kernel_lists() {
        // Read from KVM_GET_REG_LIST on Linux 6.12.
        let ids = [0x6030_0000_0013_c085, 0x6030_0000_0013_c086, 0x6030_0000_0013_c2b0, 0x6030_0000_0013_c2b1];
        assert_eq!(Register::ALL.map(Register::id), ids);
        for register in Register::ALL {
            assert_eq!(Register::from_id(register.id()), Some(register));
        }
        assert_eq!(Register::from_id(system_register(3, 0, 1, 0, 0)), None);
    }

    #[test]
    fn each_value_goes_to_its_own_register() {
        let mut registers = Registers::default();
        for (value, register) in (1..).zip(Register::ALL) {
            registers.set(register, value);
        }
        let mut written = Vec::new();
        let result = registers.write(|id, value| {
            written.push((id, value));
            if written.len() < 4 { Ok(()) } else { Err(id) }
        });
        assert_eq!(result, Err(Register::Tfsre0El1.id()));
        let expected: Vec<_> = Register::ALL.map(Register::id).into_iter().zip(1..).collect();
        assert_eq!(written, expected);
        let read =
            Registers::read(|id| written.iter().find(|(other, _)| *other == id).map(|(_, value)| *value).ok_or(id));
        assert_eq!(read, Ok(registers));
        assert_eq!(Registers::read(|id| if id == Register::TfsrEl1.id() { Err(()) } else { Ok(1) }), Err(()));
    }
}
