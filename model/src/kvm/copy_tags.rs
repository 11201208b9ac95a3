//! KVM_ARM_MTE_COPY_TAGS: the order of its checks, what it covers, and what it returns.
//!
//! Documentation/virt/kvm/api.rst, KVM_ARM_MTE_COPY_TAGS; arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags().
//! The tags of a page are copied by [`super::transfer`]. That all of it runs under `slots_lock` cannot be seen here.

use super::Vm;
use super::transfer::{self, Direction};
use crate::contract::Rule;
use crate::defect::Defect;
use crate::defects;
use crate::kernel::{Access, CopyResult, CopyTags, Errno, TagBuffer};

defects! {
    VM_UNCHECKED "copy-tags.vm-without-mte-accepted" "the ioctl works in a VM without the capability";
    RESERVED_0_UNCHECKED "copy-tags.reserved-0-unchecked" "reserved[0] is not looked at";
    RESERVED_1_UNCHECKED "copy-tags.reserved-1-unchecked" "reserved[1] is not looked at";
    FLAGS_UNCHECKED "copy-tags.flags-unchecked" "unknown flags are ignored";
    FLAGS_TRUNCATED "copy-tags.flags-truncated" "flags are checked after they were truncated to 32 bits";
    ADDRESS_UNCHECKED "copy-tags.address-alignment-unchecked" "an unaligned guest_ipa is rounded down";
    LENGTH_UNCHECKED "copy-tags.length-alignment-unchecked" "an unaligned length is rounded up";
    LIMIT_UNCHECKED "copy-tags.length-limit-unchecked" "a length above INT_MAX is accepted";
    LENGTH_TRUNCATED "copy-tags.length-truncated" "the length is checked after it was truncated to 32 bits";
    WRONG_ERRNO "copy-tags.efault-for-arguments" "wrong arguments give EFAULT and not EINVAL";
    BUSY_UNCHECKED "copy-tags.logging-unchecked" "tags are stored while a slot logs dirty pages";
    BUSY_SAME_SLOT_ONLY "copy-tags.logging-of-the-same-slot-only"
        "EBUSY only if the slot that is stored to logs dirty pages";
    BUSY_AFTER_LENGTH "copy-tags.logging-checked-after-length"
        "a store of length 0 returns before it is checked whether a slot logs dirty pages";
    BUSY_FETCH "copy-tags.logging-refuses-fetch" "a fetch is refused, too, while a slot logs dirty pages";
    BUSY_BUT_STORED "copy-tags.logging-refuses-too-late" "EBUSY is returned, but the tags are stored";
    ZERO_LENGTH_REFUSED "copy-tags.length-zero-refused" "a length of 0 is EINVAL";
    ZERO_LENGTH_LOOKS "copy-tags.length-zero-looks-up-a-page" "a length of 0 where there is no memory is EFAULT";
    HOLE_IS_EINVAL "copy-tags.hole-is-einval" "a page without memory gives EINVAL and not EFAULT";
    HOLE_SKIPPED "copy-tags.hole-skipped" "a page without memory counts as covered";
    READ_ONLY_STORED "copy-tags.read-only-slot-stored" "tags are stored to a read-only slot";
    READ_ONLY_FETCH_REFUSED "copy-tags.read-only-slot-not-fetched" "tags of a read-only slot cannot be fetched";
    NO_MAPPING_READS_ZERO "copy-tags.no-mapping-reads-zero" "tags of a mapping without access are fetched as zeros";
    COUNT_OF_TAGS "copy-tags.counts-tags" "the count is tags and not bytes of guest memory";
    COUNT_OF_PAGES "copy-tags.counts-pages" "the count is pages and not bytes of guest memory";
    COUNT_LEFT "copy-tags.counts-what-is-left" "a copy that stops returns what is left and not what was done";
    COUNT_LOST "copy-tags.count-lost" "a copy that stops after some pages returns the error and no count";
    COUNT_FULL "copy-tags.counts-all" "a copy that stops returns the whole length";
    COUNT_ONE_MORE "copy-tags.counts-the-failed-page" "a copy that stops counts the page that failed";
    COUNT_ONE_LESS "copy-tags.counts-a-page-too-few" "a copy that stops after some pages counts one too few";
    COUNT_ZERO_FOR_ERROR "copy-tags.error-lost" "a copy whose first page fails returns 0";
    FIRST_PAGE_ONLY "copy-tags.first-page-only" "a copy ends after its first page";
    PAGE_TOO_FAR "copy-tags.starts-a-page-late" "a copy begins at the page behind guest_ipa";
    SAME_PAGE "copy-tags.address-not-advanced" "every page of a copy is the first one";
    SAME_BUFFER "copy-tags.buffer-not-advanced" "every page of a copy uses the start of the tag buffer";
    BUFFER_BY_BYTES "copy-tags.buffer-advanced-by-bytes" "the tag buffer advances by the page's size, not by its tags";
    DIRECTION_SWAPPED "copy-tags.direction-swapped" "the two directions are swapped";
    ALWAYS_FETCHES "copy-tags.always-fetches" "the direction is not looked at: tags are always fetched";
}

/// A check of the arguments, in the kernel's order. All refuse with EINVAL.
struct Check {
    refuses: fn(&Vm, &CopyTags<'_>) -> bool,
    /// The defect that leaves it out.
    missing: &'static Defect,
    /// It exists only where this holds.
    since: Rule,
}

const CHECKS: &[Check] = &[
    Check { refuses: |vm, _| !vm.has_mte(), missing: &VM_UNCHECKED, since: Rule::Mte },
    Check { refuses: |_, call| call.reserved[0] != 0, missing: &RESERVED_0_UNCHECKED, since: Rule::Mte },
    Check { refuses: |_, call| call.reserved[1] != 0, missing: &RESERVED_1_UNCHECKED, since: Rule::Mte },
    Check {
        refuses: |vm, call| {
            let flags = if vm.injected.is(&FLAGS_TRUNCATED) { call.flags & 0xffff_ffff } else { call.flags };
            flags & !CopyTags::FROM_GUEST != 0
        },
        missing: &FLAGS_UNCHECKED,
        since: Rule::Mte,
    },
    Check { refuses: |vm, call| call.ipa % vm.page_size() != 0, missing: &ADDRESS_UNCHECKED, since: Rule::Mte },
    Check { refuses: |vm, call| call.length % vm.page_size() != 0, missing: &LENGTH_UNCHECKED, since: Rule::Mte },
    Check {
        refuses: |vm, call| {
            let length = if vm.injected.is(&LENGTH_TRUNCATED) { call.length & 0xffff_ffff } else { call.length };
            length > i32::MAX as u64
        },
        missing: &LIMIT_UNCHECKED,
        since: Rule::LengthLimit,
    },
];

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
            let exists = self.contract().holds(check.since) && !self.injected.is(check.missing);
            if exists && (check.refuses)(self, &call) {
                return Err(if self.injected.is(&WRONG_ERRNO) { Errno::EFAULT } else { Errno::EINVAL });
            }
        }
        let direction = self.direction(call.flags);
        self.check_logging(direction, &call)?;
        if call.length == 0 && self.injected.is(&ZERO_LENGTH_REFUSED) {
            return Err(Errno::EINVAL);
        }
        let looks = call.length == 0 && self.injected.is(&ZERO_LENGTH_LOOKS);
        if looks && self.memory.find(call.ipa).is_none() {
            return Err(Errno::EFAULT);
        }
        let mut ending;
        let buffer = match &mut call.buffer {
            TagBuffer::Bytes(bytes) => &mut **bytes,
            TagBuffer::EndsAfter(length) => {
                ending = vec![0; *length];
                &mut ending[..]
            }
        };
        let (done, error) = self.copy_pages(call.ipa, call.length, direction, buffer);
        let result = self.count(call.length, done, error);
        if self.injected.is(&BUSY_BUT_STORED) && direction == Direction::Store && self.logging() {
            return Err(Errno::EBUSY);
        }
        result
    }

    fn direction(&self, flags: u64) -> Direction {
        let fetch = flags & CopyTags::FROM_GUEST != 0;
        let swapped = self.injected.is(&DIRECTION_SWAPPED);
        if fetch != swapped || self.injected.is(&ALWAYS_FETCHES) { Direction::Fetch } else { Direction::Store }
    }

    fn logging(&self) -> bool {
        self.memory.slots.iter().any(|slot| slot.logging)
    }

    /// Refuses a store while any slot logs dirty pages: KVM could not log it, having no vCPU at hand.
    fn check_logging(&self, direction: Direction, call: &CopyTags<'_>) -> Result<(), Errno> {
        let injected = self.injected;
        let concerned = direction == Direction::Store || injected.is(&BUSY_FETCH);
        let logging = match self.memory.find(call.ipa) {
            Some((slot, _)) if injected.is(&BUSY_SAME_SLOT_ONLY) => self.memory.slots[slot].logging,
            _ => self.logging(),
        };
        let missing = injected.is(&BUSY_UNCHECKED)
            || injected.is(&BUSY_BUT_STORED)
            || injected.is(&BUSY_AFTER_LENGTH) && call.length == 0;
        if self.contract().holds(Rule::BusyWhileLogging) && concerned && logging && !missing {
            return Err(Errno::EBUSY);
        }
        Ok(())
    }

    /// Copies page by page until the end or the first that fails; gives the bytes covered, and why it stopped.
    fn copy_pages(&mut self, ipa: u64, length: u64, direction: Direction, buffer: &mut [u8]) -> (u64, Option<Errno>) {
        let page = self.page_size();
        let granules = self.memory.granules();
        let injected = self.injected;
        let step = if injected.is(&BUFFER_BY_BYTES) { page as usize } else { granules };
        let mut done = 0;
        while done < length {
            if done > 0 && injected.is(&FIRST_PAGE_ONLY) {
                return (done, None);
            }
            let number = (done / page) as usize;
            let mut at = if injected.is(&SAME_PAGE) { Some(ipa) } else { ipa.checked_add(done) };
            if injected.is(&PAGE_TOO_FAR) {
                at = at.and_then(|at| at.checked_add(page));
            }
            let start = if injected.is(&SAME_BUFFER) { 0 } else { number * step };
            let available = buffer.len().saturating_sub(start).min(granules);
            let part = buffer.get_mut(start..start + available).unwrap_or_default();
            if let Err(errno) = self.copy_page(at, direction, part) {
                return (done, Some(errno));
            }
            done += page;
        }
        (done, None)
    }

    /// Copies the tags of one page (gfn_to_pfn_prot(), and what follows it).
    fn copy_page(&mut self, ipa: Option<u64>, direction: Direction, buffer: &mut [u8]) -> Result<(), Errno> {
        let Some(place) = ipa.and_then(|ipa| self.memory.find(ipa)) else {
            return match self.injected {
                defect if defect.is(&HOLE_SKIPPED) => Ok(()),
                defect if defect.is(&HOLE_IS_EINVAL) => Err(Errno::EINVAL),
                _ => Err(Errno::EFAULT),
            };
        };
        let permitted = match (self.memory.slots[place.0].access, direction) {
            (Access::ReadWrite, _) => true,
            (Access::ReadOnlySlot, Direction::Fetch) => !self.injected.is(&READ_ONLY_FETCH_REFUSED),
            (Access::ReadOnlySlot, Direction::Store) => self.injected.is(&READ_ONLY_STORED),
            (Access::NoMapping, direction) => direction == Direction::Fetch && self.injected.is(&NO_MAPPING_READS_ZERO),
        };
        let replaced = self.memory.slots[place.0].access == Access::NoMapping && permitted;
        if !permitted || !replaced && !self.memory.mapped_for(place, direction == Direction::Store) {
            return Err(Errno::EFAULT);
        }
        let clears = self.contract().holds(Rule::FailedStoreClears);
        transfer::page(&mut self.memory, place, direction, buffer, clears, self.injected)
    }

    /// Gives what the ioctl returns: what was covered if that is anything, else the error.
    fn count(&self, asked: u64, done: u64, error: Option<Errno>) -> CopyResult {
        let injected = self.injected;
        let page = self.page_size();
        let stopped = error.is_some();
        match error {
            Some(errno) if injected.is(&COUNT_LOST) => return Err(errno),
            Some(_) if injected.is(&COUNT_ZERO_FOR_ERROR) && done == 0 => return Ok(0),
            Some(_) if injected.is(&COUNT_FULL) && done > 0 => return Ok(asked),
            Some(errno) if done == 0 => return Err(errno),
            _ => {}
        }
        let done = match injected {
            defect if defect.is(&COUNT_OF_TAGS) => done / super::GRANULE,
            defect if defect.is(&COUNT_OF_PAGES) => done / page,
            defect if defect.is(&COUNT_LEFT) && stopped => asked - done,
            defect if defect.is(&COUNT_ONE_MORE) && stopped => done + page,
            defect if defect.is(&COUNT_ONE_LESS) && stopped => done - page,
            _ => done,
        };
        // The kernel's function returns an int; only a length above INT_MAX, which it refuses since 6.4, does not fit.
        Ok(if self.contract().holds(Rule::LengthLimit) { done } else { done as u32 as i32 as i64 as u64 })
    }
}

#[cfg(test)]
mod tests;
