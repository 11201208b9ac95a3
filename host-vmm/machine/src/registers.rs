//! A vCPU's registers by KVM's own ids (Documentation/virt/kvm/api.rst, 4.68 KVM_SET_ONE_REG).
//!
//! Nothing is chosen here: what the kernel lists is what is saved, all of it. A class that granule
//! does not know is an error, since a register that is silently dropped is a guest that silently
//! differs.

pub use kvm_model::kernel::RegisterId;

use crate::error::MachineError;

use crate::request::RequestError;

/// The registers of one vCPU, in the kernel's order.
///
/// ```
/// use machine::registers::{RegisterId, Registers};
///
/// // The ids are those of KVM_GET_REG_LIST, `read` is KVM_GET_ONE_REG.
/// let read = |tfsr: u8| {
///     Registers::collect(&[RegisterId::PC.0, RegisterId::TFSR_EL1.0], move |id, value| {
///         value[0] = if id == RegisterId::TFSR_EL1 { tfsr } else { 0x40 };
///         Ok(())
///     })
/// };
/// let (saved, restored) = (read(1)?, read(0)?);
/// assert_eq!(saved.get(RegisterId::TFSR_EL1), Some(1));
/// assert_eq!(saved.differences(&saved), [""; 0]);
/// assert_eq!(saved.differences(&restored).len(), 1, "the pending fault was lost");
///
/// // A register of a class that granule does not know is an error: leaving it out would lose guest state.
/// let unknown = RegisterId::PC.0 | 0x70_0000;
/// assert!(Registers::collect(&[unknown], |_, _| Ok(())).is_err());
/// # Ok::<(), machine::MachineError>(())
/// ```
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
                return Err(RequestError::UnknownRegister { id }.into());
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

    /// Lists the registers that a finalized vCPU can be given, with their values: all but the vector lengths, which are set
    /// before it is finalized (Documentation/virt/kvm/api.rst, KVM_REG_ARM64_SVE_VLS).
    pub fn writable(&self) -> impl Iterator<Item = (RegisterId, &[u8])> {
        self.iter().filter(|(id, _)| *id != RegisterId::SVE_VLS)
    }

    /// Returns a register's bytes.
    #[must_use]
    pub fn bytes(&self, id: RegisterId) -> Option<&[u8]> {
        self.iter().find(|(other, _)| *other == id).map(|(_, value)| value)
    }

    /// Returns a register of up to 64 bits.
    #[must_use]
    pub fn get(&self, id: RegisterId) -> Option<u64> {
        let (_, value) = self.0.iter().find(|(other, _)| *other == id)?;
        let mut bytes = [0; 8];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        Some(u64::from_le_bytes(bytes))
    }

    /// Lists the registers in which two vCPUs differ, except clocks.
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
        assert!(matches!(
            Registers::collect(&[unknown], read),
            Err(MachineError::Request(RequestError::UnknownRegister { .. }))
        ));
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
