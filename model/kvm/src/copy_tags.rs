//! KVM_ARM_MTE_COPY_TAGS: the order of its checks, what it covers, and what it returns.
//!
//! Documentation/virt/kvm/api.rst, KVM_ARM_MTE_COPY_TAGS; arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags().
//! The tags of a page are copied by [`super::transfer`]. That all of it runs under `slots_lock` cannot be seen here.

use crate::contract::Rule;
use crate::kernel::{Access, CopyResult, CopyTags, Errno, TagBuffer};
use crate::transfer::{self, Direction};
use crate::vm::Vm;

mutants::defects!();

/// A check of the arguments, in the kernel's order. All refuse with EINVAL.
struct Check {
    refuses: fn(&Vm, &CopyTags<'_>) -> bool,
    /// It exists only where this holds.
    since: Rule,
}

#[mutants::rules]
const CHECKS: &[Check] = &[
    Check { refuses: |vm, _| !vm.has_mte(), since: Rule::Mte },
    Check { refuses: |_, call| call.reserved[0] != 0, since: Rule::Mte },
    Check { refuses: |_, call| call.reserved[1] != 0, since: Rule::Mte },
    Check { refuses: |_, call| call.flags & !CopyTags::FROM_GUEST != 0, since: Rule::Mte },
    Check { refuses: |vm, call| call.ipa % vm.page_size() != 0, since: Rule::Mte },
    Check { refuses: |vm, call| call.length % vm.page_size() != 0, since: Rule::Mte },
    Check { refuses: |_, call| call.length > i32::MAX as u64, since: Rule::LengthLimit },
];

#[mutants::rules]
impl Vm {
    /// Calls the ioctl. The buffer ends where its bytes end: what is behind them faults.
    ///
    /// # Errors
    ///
    /// - EINVAL: the VM has no MTE, a reserved field or an unknown flag is set, `ipa` or `length` is not a multiple of the
    ///   host's page size, or (since Linux 6.4) the length is above INT_MAX.
    /// - EBUSY: tags are stored while any slot logs dirty pages (since Linux 6.11).
    /// - EFAULT: the first page has no memory, or none that can be written by a store, or the buffer ends in it.
    pub fn copy_tags(&mut self, mut call: CopyTags<'_>) -> CopyResult {
        for check in CHECKS {
            if self.contract().holds(check.since) && (check.refuses)(self, &call) {
                return Err(Errno::EINVAL);
            }
        }
        let direction = if call.flags & CopyTags::FROM_GUEST != 0 { Direction::Fetch } else { Direction::Store };
        self.check_logging(direction)?;
        let mut ending;
        let buffer = match &mut call.buffer {
            TagBuffer::Bytes(bytes) => &mut **bytes,
            TagBuffer::EndsAfter(length) => {
                ending = vec![0; *length];
                &mut ending[..]
            }
            TagBuffer::EndsWith(bytes) => {
                ending = bytes.to_vec();
                &mut ending[..]
            }
        };
        let (done, error) = self.copy_pages(call.ipa, call.length, direction, buffer);
        self.count(done, error)
    }

    /// Returns whether any slot logs dirty pages.
    fn logging(&self) -> bool {
        self.memory.slots.iter().any(|slot| slot.logging)
    }

    /// Refuses a store while any slot logs dirty pages: KVM could not log it, having no vCPU at hand.
    fn check_logging(&self, direction: Direction) -> Result<(), Errno> {
        if self.contract().holds(Rule::BusyWhileLogging) && direction == Direction::Store && self.logging() {
            return Err(Errno::EBUSY);
        }
        Ok(())
    }

    /// Copies page by page until the end or the first that fails; returns the bytes covered, and why it stopped.
    fn copy_pages(&mut self, ipa: u64, length: u64, direction: Direction, buffer: &mut [u8]) -> (u64, Option<Errno>) {
        let page = self.page_size();
        let granules = self.memory.granules();
        let mut done = 0;
        while done < length {
            let start = (done / page) as usize * granules;
            let available = buffer.len().saturating_sub(start).min(granules);
            let part = buffer.get_mut(start..start + available).unwrap_or_default();
            if let Err(errno) = self.copy_page(ipa.checked_add(done), direction, part) {
                return (done, Some(errno));
            }
            done += page;
        }
        (done, None)
    }

    /// Copies the tags of one page (gfn_to_pfn_prot(), and what follows it).
    fn copy_page(&mut self, ipa: Option<u64>, direction: Direction, buffer: &mut [u8]) -> Result<(), Errno> {
        let place = ipa.and_then(|ipa| self.memory.find(ipa)).ok_or(Errno::EFAULT)?;
        let store = direction == Direction::Store;
        let permitted = match self.memory.slots[place.0].access {
            Access::ReadWrite => true,
            Access::ReadOnlySlot => !store,
            Access::NoMapping => false,
        };
        if !permitted || !self.memory.mapped_for(place, store) {
            return Err(Errno::EFAULT);
        }
        let clears = self.contract().holds(Rule::FailedStoreClears);
        transfer::page(&mut self.memory, place, direction, buffer, clears)
    }

    /// Returns what the ioctl returns: what was covered if that is anything, else the error.
    fn count(&self, done: u64, error: Option<Errno>) -> CopyResult {
        if let Some(errno) = error
            && done == 0
        {
            return Err(errno);
        }
        // The kernel's function returns an int; only a length above INT_MAX, which it refuses since 6.4, does not fit.
        Ok(if self.contract().holds(Rule::LengthLimit) { done } else { done as u32 as i32 as i64 as u64 })
    }
}

#[cfg(test)]
mod tests;
