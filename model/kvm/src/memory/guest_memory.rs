//! Guest memory as KVM keeps it: slots of pages, each with data, tags, and whether it was ever tagged.
//!
//! A page of the host is made when somebody first touches it. Its tags mean something only once the page is
//! flagged (PG_mte_tagged): by the first access of a guest with MTE, which clears them (arch/arm64/kvm/mmu.c,
//! sanitise_mte_tags()), or by a store of tags. This is the [`Bus`] of the guest's CPUs. What the VMM reads and
//! writes goes by another way, which knows no read-only slots and flags nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use arch::Tag;

use super::page::Page;
use crate::contract::Contract;
use crate::kernel::{Access, Backing, Errno, Protection};
use model_base::memory::{Bus, ByteMask, Lacks, NoMemory};

/// Bytes that share one tag.
pub const GRANULE: u64 = arch::GRANULE_BYTES as u64;

mutants::defects!();

/// A memory slot.
#[derive(Clone, Debug)]
pub struct Slot {
    /// First byte, guest-physical.
    pub ipa: u64,
    /// What the memory is.
    pub memory: Backing,
    /// Who may write.
    pub access: Access,
    /// A VM with MTE may not use it.
    refused: bool,
    /// KVM_MEM_LOG_DIRTY_PAGES.
    pub(crate) logging: bool,
    /// Pages that the guest wrote while they were logged, by index.
    pub(super) dirty: Vec<bool>,
    /// What the mapping permits where that was changed after the slot was made, by index.
    pub(crate) protection: BTreeMap<usize, Protection>,
    /// Pages that became memory which a VM with MTE may not use, by index.
    pub(crate) replaced: BTreeSet<usize>,
    pub(crate) pages: Vec<Option<Box<Page>>>,
    /// From this page on none was touched.
    untouched: usize,
}

#[mutants::rules]
impl Slot {
    /// A page that somebody touches, of as many granules. The frame behind a new one has the tags of its last owner.
    #[inline]
    fn touch(&mut self, page: usize, granules: usize) -> &mut Page {
        self.untouched = self.untouched.max(page + 1);
        self.pages[page].get_or_insert_with(|| Box::new(Page::new(granules)))
    }

    /// What the VMM's mapping permits at a page.
    #[inline]
    pub(crate) fn protection(&self, page: usize) -> Protection {
        let made = if self.access == Access::NoMapping { Protection::None } else { Protection::ReadWrite };
        self.protection.get(&page).copied().unwrap_or(made)
    }
}

/// The memory of a VM.
#[derive(Clone, Debug)]
pub struct GuestMemory {
    pub(crate) slots: Vec<Slot>,
    pub(super) page: u64,
    pub(crate) mte: bool,
    /// The vCPU that runs.
    pub(crate) running: usize,
    /// For each vCPU the pages that it wrote first while their slot was logged, if they are logged in rings.
    pub(super) rings: Option<BTreeMap<usize, Vec<u64>>>,
    contract: Contract,
}

/// Where a byte is: slot, page in the slot, byte in the page.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) slot: usize,
    pub(super) page: usize,
    pub(super) byte: usize,
}

#[mutants::rules]
impl GuestMemory {
    /// Memory without slots, of a host with pages of `page` bytes, a power of two from 4096 on.
    pub(crate) fn new(page: u64, contract: Contract) -> Self {
        Self { slots: Vec::new(), page, mte: false, running: 0, rings: None, contract }
    }

    /// Bytes in a page of the host.
    pub(crate) fn page_size(&self) -> u64 {
        self.page
    }

    pub(crate) fn granules(&self) -> usize {
        (self.page / GRANULE) as usize
    }

    /// Whether a VM with MTE may not have a private mapping of a regular file.
    pub(crate) fn refuses_private_files(&self) -> bool {
        self.contract.refuses(Backing::PrivateFile)
    }

    /// The slots.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// KVM_SET_USER_MEMORY_REGION of a new slot (virt/kvm/kvm_main.c, __kvm_set_memory_region();
    /// arch/arm64/kvm/mmu.c, kvm_arch_prepare_memory_region()). A VM that gets MTE later is not asked again.
    pub(crate) fn add(&mut self, ipa: u64, bytes: u64, memory: Backing, access: Access) -> Result<(), Errno> {
        let end = ipa.checked_add(bytes).ok_or(Errno::EINVAL)?;
        if !ipa.is_multiple_of(self.page) || !bytes.is_multiple_of(self.page) || bytes == 0 {
            return Err(Errno::EINVAL);
        }
        if self.slots.iter().any(|slot| slot.ipa < end && ipa < slot.ipa + self.bytes(slot)) {
            return Err(Errno::EEXIST);
        }
        let refused = self.contract.refuses(memory);
        if self.mte && refused {
            return Err(Errno::EINVAL);
        }
        let pages = usize::try_from(bytes / self.page).map_err(|_| Errno::EINVAL)?;
        let pages = vec![None; pages];
        self.slots.push(Slot {
            ipa,
            memory,
            access,
            refused,
            logging: false,
            dirty: Vec::new(),
            protection: BTreeMap::new(),
            replaced: BTreeSet::new(),
            pages,
            untouched: 0,
        });
        Ok(())
    }

    /// KVM_SET_USER_MEMORY_REGION of size 0: the slot that starts at `ipa` is deleted, with its memory.
    pub(crate) fn remove(&mut self, ipa: u64) -> Result<(), Errno> {
        let index = self.slots.iter().position(|slot| slot.ipa == ipa).ok_or(Errno::EINVAL)?;
        self.slots.remove(index);
        Ok(())
    }

    /// KVM_SET_USER_MEMORY_REGION with another address: the slot moves, and its memory with it.
    pub(crate) fn relocate(&mut self, ipa: u64, to: u64) -> Result<(), Errno> {
        let index = self.slots.iter().position(|slot| slot.ipa == ipa).ok_or(Errno::EINVAL)?;
        let end = to.checked_add(self.bytes(&self.slots[index])).ok_or(Errno::EINVAL)?;
        if !to.is_multiple_of(self.page) {
            return Err(Errno::EINVAL);
        }
        let others = self.slots.iter().enumerate().filter(|(other, _)| *other != index);
        if others.map(|(_, slot)| slot).any(|slot| slot.ipa < end && to < slot.ipa + self.bytes(slot)) {
            return Err(Errno::EEXIST);
        }
        self.slots[index].ipa = to;
        Ok(())
    }

    /// How many pages a slot has.
    pub(crate) fn pages_of(&self, slot: usize) -> usize {
        self.slots[slot].pages.len()
    }

    fn bytes(&self, slot: &Slot) -> u64 {
        slot.pages.len() as u64 * self.page
    }

    /// Finds a byte.
    #[inline]
    pub(super) fn place(&self, ipa: u64) -> Option<Place> {
        let shift = self.page.trailing_zeros();
        self.slots.iter().enumerate().find_map(|(slot, found)| {
            let offset = ipa.checked_sub(found.ipa)?;
            let page = (offset >> shift) as usize;
            let byte = (offset & (self.page - 1)) as usize;
            (page < found.pages.len()).then_some(Place { slot, page, byte })
        })
    }

    /// Finds the slot and the number of the page at an address.
    pub(crate) fn find(&self, ipa: u64) -> Option<(usize, usize)> {
        self.place(ipa).map(|place| (place.slot, place.page))
    }

    /// A page, if anybody touched it.
    pub(crate) fn peek(&self, (slot, page): (usize, usize)) -> Option<&Page> {
        self.slots[slot].pages[page].as_deref()
    }

    /// A page that the VMM or the kernel touches.
    pub(crate) fn touch(&mut self, (slot, page): (usize, usize)) -> &mut Page {
        let granules = self.granules();
        self.slots[slot].touch(page, granules)
    }

    /// Faults a page in for the guest (arch/arm64/kvm/mmu.c, user_mem_abort()).
    #[inline]
    fn fault_in(&mut self, ipa: u64, write: bool) -> Result<(Place, &mut Page), NoMemory> {
        let lacks = |lacks| NoMemory { ipa, lacks };
        let place = self.place(ipa).ok_or(lacks(Lacks::Slot))?;
        let granules = self.granules();
        let Self { slots, mte, rings, running, .. } = self;
        let slot = &mut slots[place.slot];
        if write && slot.access == Access::ReadOnlySlot {
            return Err(lacks(Lacks::Slot));
        }
        let forbidden = match slot.protection(place.page) {
            Protection::None => true,
            Protection::Read => write,
            Protection::ReadWrite | Protection::Tagged => false,
        };
        let refused = slot.refused || slot.replaced.contains(&place.page);
        if forbidden || *mte && refused {
            return Err(lacks(Lacks::Mapping));
        }
        // Nothing is in a log that is not kept.
        if write
            && let Some(dirty) = slot.dirty.get_mut(place.page)
            && !std::mem::replace(dirty, true)
            && let Some(rings) = rings
        {
            rings.entry(*running).or_default().push(ipa - ipa % self.page);
        }
        let page = slot.touch(place.page, granules);
        if *mte {
            page.touch_by_guest();
        }
        Ok((place, page))
    }

    /// Returns pages back to the host (madvise MADV_DONTNEED): from `ipa` to the end of each slot they read as zeros
    /// and were never tagged.
    pub(crate) fn forget(&mut self, ipa: u64) {
        for slot in &mut self.slots {
            let first = (ipa.saturating_sub(slot.ipa) / self.page) as usize;
            let touched = slot.pages[..slot.untouched].iter_mut().skip(first);
            touched.filter(|page| page.is_some()).for_each(|page| *page = None);
            slot.untouched = slot.untouched.min(first);
        }
    }

    /// Reads as the VMM does, through its own mapping. `false` if the range is not all in one accessible slot.
    #[must_use]
    pub(crate) fn vmm_read(&self, ipa: u64, buffer: &mut [u8]) -> bool {
        self.parts(ipa, buffer.len(), |place, range| {
            let data = self.peek((place.slot, place.page)).and_then(|page| page.data.as_deref());
            let part = &mut buffer[range];
            match data {
                Some(data) => part.copy_from_slice(&data[place.byte..place.byte + part.len()]),
                None => part.fill(0),
            }
        })
    }

    /// Writes as the VMM does, which changes no tag. `false` if the range is not all in one accessible slot.
    #[must_use]
    pub(crate) fn vmm_write(&mut self, ipa: u64, bytes: &[u8]) -> bool {
        let mut parts = Vec::new();
        let whole = self.parts(ipa, bytes.len(), |place, range| parts.push((place, range)));
        let size = self.page as usize;
        for (place, range) in parts {
            self.touch((place.slot, place.page)).write(size, place.byte, &bytes[range]);
        }
        whole
    }
}

/// Ranges as the VMM knows them. What it asks for wrongly is its own mistake, and no kernel's answer.
impl GuestMemory {
    /// Calls `each` for the parts of a range of one slot, page by page; `false` if the range is not all in one
    /// accessible slot.
    fn parts(&self, ipa: u64, length: usize, mut each: impl FnMut(Place, Range<usize>)) -> bool {
        let Some(first) = self.place(ipa) else { return false };
        let slot = &self.slots[first.slot];
        let left = self.bytes(slot) - (ipa - slot.ipa);
        let last = (ipa - slot.ipa + (length as u64).max(1) - 1) / self.page;
        let mapped = |page| slot.protection(page) != Protection::None;
        if length as u64 > left || !(first.page..=last as usize).all(mapped) {
            return false;
        }
        let size = self.page as usize;
        let (mut place, mut done) = (first, 0);
        while done < length {
            let part = (size - place.byte).min(length - done);
            each(place, done..done + part);
            (place, done) = (Place { page: place.page + 1, byte: 0, ..place }, done + part);
        }
        true
    }

    /// Lists the pages that were touched, as ranges of guest-physical addresses, in ascending order.
    #[must_use]
    pub fn touched(&self) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for slot in &self.slots {
            let touched = slot.pages[..slot.untouched].iter().enumerate().filter(|(_, page)| page.is_some());
            for (index, _) in touched {
                let start = slot.ipa + index as u64 * self.page;
                match ranges.last_mut() {
                    Some(last) if last.end == start => last.end += self.page,
                    _ => ranges.push(start..start + self.page),
                }
            }
        }
        ranges.sort_by_key(|range| range.start);
        ranges
    }

    /// Finds the pages of a range in whole pages of one slot: the slot, and the numbers of its pages.
    pub(crate) fn whole_pages(&self, ipa: u64, bytes: u64) -> Option<(usize, Range<usize>)> {
        let (slot, first) = self.find(ipa)?;
        let whole = ipa.is_multiple_of(self.page) && bytes.is_multiple_of(self.page);
        let end = first.checked_add(usize::try_from(bytes / self.page).ok()?)?;
        (whole && end <= self.pages_of(slot)).then_some((slot, first..end))
    }
}

#[mutants::rules]
impl Bus for GuestMemory {
    #[inline]
    fn read(&mut self, ipa: u64, bytes: &mut [u8]) -> Result<ByteMask, NoMemory> {
        let (place, page) = self.fault_in(ipa, false)?;
        match &page.data {
            Some(data) => bytes.copy_from_slice(&data[place.byte..place.byte + bytes.len()]),
            None => bytes.fill(0),
        }
        Ok(if page.unknown.is_none() { 0 } else { page.unknown_bytes(place.byte, bytes.len()) })
    }

    #[inline]
    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), NoMemory> {
        let size = self.page as usize;
        let (place, page) = self.fault_in(ipa, true)?;
        page.write(size, place.byte, bytes);
        Ok(())
    }

    fn make_unknown(&mut self, ipa: u64, which: ByteMask) {
        self.forget_bytes(ipa, which);
    }

    #[inline]
    fn tag(&mut self, ipa: u64) -> Result<Tag, NoMemory> {
        let (place, page) = self.fault_in(ipa, false)?;
        Ok(Tag::truncate(page.tag(place.byte / GRANULE as usize)))
    }

    #[inline]
    fn set_tag(&mut self, ipa: u64, tag: Tag) -> Result<(), NoMemory> {
        let granules = self.granules();
        let (place, page) = self.fault_in(ipa, true)?;
        page.set_tag(place.byte / GRANULE as usize, granules, tag.value());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
