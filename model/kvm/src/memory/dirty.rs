//! Dirty logging as the VMM asks for it: a bitmap for each slot, or a ring for each vCPU.
//!
//! Documentation/virt/kvm/api.rst, KVM_GET_DIRTY_LOG and KVM_CAP_DIRTY_LOG_RING_ACQ_REL.

use std::collections::BTreeMap;

use super::guest_memory::GuestMemory;
use crate::kernel::Errno;

mutants::defects!();

#[mutants::rules]
impl GuestMemory {
    /// Starts or stops KVM_MEM_LOG_DIRTY_PAGES for the slot that starts at `ipa`.
    pub(crate) fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno> {
        let slot = self.slots.iter_mut().find(|slot| slot.ipa == ipa).ok_or(Errno::EINVAL)?;
        if on != slot.logging {
            slot.logging = on;
            slot.dirty = if on { vec![false; slot.pages.len()] } else { Vec::new() };
        }
        Ok(())
    }

    /// KVM_GET_DIRTY_LOG of the slot that starts at `ipa`: takes the numbers of the pages that the guest wrote since
    /// it was last asked. Storing a tag is writing.
    pub(crate) fn take_dirty(&mut self, ipa: u64) -> Result<Vec<u64>, Errno> {
        // With rings there is no bitmap (virt/kvm/kvm_main.c, kvm_use_dirty_bitmap()).
        if self.rings.is_some() {
            return Err(Errno::ENXIO);
        }
        let logged = self.slots.iter_mut().find(|slot| slot.ipa == ipa && slot.logging);
        let slot = logged.ok_or(Errno::ENOENT)?;
        let dirty = std::mem::replace(&mut slot.dirty, vec![false; slot.pages.len()]);
        Ok((0u64..).zip(dirty).filter_map(|(number, dirty)| dirty.then_some(number)).collect())
    }

    /// KVM_CAP_DIRTY_LOG_RING_ACQ_REL (virt/kvm/kvm_main.c, kvm_vm_ioctl_enable_dirty_log_ring()): logs from now on in rings of
    /// so many entries. That `vcpus` exist is looked at last.
    pub(crate) fn enable_rings(&mut self, entries: u32, vcpus: bool) -> Result<(), Errno> {
        const ENTRY: u64 = 16;
        const MAX_ENTRIES: u32 = 65536;
        if !entries.is_power_of_two() || u64::from(entries) * ENTRY < self.page {
            return Err(Errno::EINVAL);
        }
        if entries > MAX_ENTRIES {
            return Err(Errno::E2BIG);
        }
        if self.rings.is_some() || vcpus {
            return Err(Errno::EINVAL);
        }
        self.rings = Some(BTreeMap::new());
        Ok(())
    }

    /// Takes a vCPU's ring, and watches its pages again.
    pub(crate) fn take_ring(&mut self, cpu: usize) -> Result<Vec<u64>, Errno> {
        let taken = std::mem::take(self.rings.as_mut().ok_or(Errno::ENOENT)?.entry(cpu).or_default());
        for ipa in &taken {
            if let Some((slot, page)) = self.find(*ipa) {
                self.slots[slot].dirty[page] = false;
            }
        }
        Ok(taken)
    }
}
