//! Guest memory that another VM has, too, and this process with PROT_MTE.

use kvm_ioctls::Kvm;
use machine::capability::SharedMemory;
use machine::tags::GRANULE;
use machine::{CopyResult, CopyTags, Errno, MachineError, TagBuffer, Vm as _};

use super::{KvmVm, Sharers, Slot, kernel, outside};
use crate::backing::PROT_MTE;
use crate::host_tags;
use crate::memory::Mapping;

/// PROT_READ | PROT_WRITE.
const RW: libc::c_int = libc::PROT_READ | libc::PROT_WRITE;

impl KvmVm {
    /// Returns where a range is in the mapping with PROT_MTE.
    fn mapped(&self, ipa: u64, granules: usize) -> Result<(&Mapping, u64), MachineError> {
        let bytes = granules as u64 * GRANULE;
        let slot = self.slots.first().ok_or_else(|| outside(ipa, bytes as usize))?;
        let offset = ipa.checked_sub(slot.ipa).filter(|offset| offset + bytes <= slot.mapping.bytes());
        let shared = self.shared.as_ref().ok_or_else(|| kernel("finding the mapping", Errno::ENOENT))?;
        Ok((&shared.mapping, offset.ok_or_else(|| outside(ipa, bytes as usize))?))
    }
}

impl KvmVm {
    /// Stores tags by STG through the mapping with PROT_MTE.
    pub(super) fn store_mapped_tags(&self, ipa: u64, tags: &[u8]) -> Result<(), MachineError> {
        let (mapping, offset) = self.mapped(ipa, tags.len())?;
        host_tags::store(mapping.address() + offset, tags);
        Ok(())
    }
}

impl SharedMemory for KvmVm {
    fn share(&mut self) -> Result<(), MachineError> {
        self.changes.mark();
        let sharing = |errno| kernel("sharing guest memory", errno);
        let first = self.slots.first().ok_or_else(|| sharing(Errno::EINVAL))?;
        let kvm = Kvm::new().map_err(|error| kernel("opening /dev/kvm", error.into()))?;
        let mut vm = Self::new(&kvm)?;
        vm.enable_mte(0).map_err(|errno| kernel("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", errno))?;
        let mapping = first.mapping.again(RW)?.ok_or_else(|| sharing(Errno::EINVAL))?;
        let slot = Slot { number: 0, ipa: first.ipa, flags: 0, mapping };
        vm.set_slot(&slot, true).map_err(|errno| kernel("KVM_SET_USER_MEMORY_REGION", errno))?;
        vm.slots.push(slot);
        let mapping = first.mapping.again(RW | PROT_MTE)?.ok_or_else(|| sharing(Errno::EINVAL))?;
        self.shared = Some(Box::new(Sharers { vm, mapping }));
        Ok(())
    }

    fn fetch_elsewhere(&mut self, ipa: u64, tags: &mut [u8]) -> CopyResult {
        let shared = self.shared.as_ref().ok_or(Errno::ENOENT)?;
        let (length, flags) = (tags.len() as u64 * GRANULE, CopyTags::FROM_GUEST);
        shared.vm.copy_tags(CopyTags { ipa, length, buffer: TagBuffer::Bytes(tags), flags, reserved: [0; 2] })
    }

    fn store_elsewhere(&mut self, ipa: u64, tags: &[u8]) -> CopyResult {
        self.changes.mark();
        let shared = self.shared.as_ref().ok_or(Errno::ENOENT)?;
        let (length, flags) = (tags.len() as u64 * GRANULE, CopyTags::TO_GUEST);
        let mut tags = tags.to_vec();
        shared.vm.copy_tags(CopyTags { ipa, length, buffer: TagBuffer::Bytes(&mut tags), flags, reserved: [0; 2] })
    }

    fn load_mapped(&mut self, ipa: u64, tags: &mut [u8]) -> Result<(), MachineError> {
        let (mapping, offset) = self.mapped(ipa, tags.len())?;
        host_tags::load(mapping.address() + offset, tags);
        Ok(())
    }

    fn store_mapped(&mut self, ipa: u64, tags: &[u8]) -> Result<(), MachineError> {
        self.store_mapped_concurrently(ipa, tags)
    }
}
