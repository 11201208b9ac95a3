//! What happens to the pages behind guest memory while no vCPU runs: they are given back, swapped, moved, split, copied.
//!
//! Only events that replace a page change what it holds; all others must not show. For tags that is mm/ and
//! arch/arm64/mm/mteswap.c (swap), arch/arm64/mm/copypage.c, copy_highpage() (moving, collapsing and copying),
//! arch/arm64/kernel/mte.c, memcmp_pages() (merging) and mte_sync_tags() (PROT_MTE).

use super::memory::GuestMemory;
use crate::defect::{Defect, Injected};
use crate::defects;
use crate::kernel::{Backing, Errno, PageEvent, Protection};

defects! {
    DISCARD_KEEPS_TAGS "page-life.discard-leaves-tags" "a page that was given back comes again with its old tags";
    DISCARD_KEEPS_DATA "page-life.discard-leaves-data" "a page that was given back comes again with its old data";
    SWAP_LOSES_TAGS "page-life.swap-loses-tags" "a page comes back from swap without its tags";
    SWAP_UNFLAGS "page-life.swap-stale-tags" "a page comes back from swap with whatever tags its new frame has";
    SWAP_KEEPS_FIRST_HALF "page-life.swap-half" "of a page in swap only the tags of the first half are kept";
    MOVE_LOSES_TAGS "page-life.migration-loses-tags" "a page that moves to another frame leaves its tags behind";
    COLLAPSE_LOSES_TAGS "page-life.collapse-loses-tags" "pages that become a huge page lose their tags";
    COLLAPSE_SHIFTS "page-life.collapse-first-page-only" "of pages that become a huge page only the first keeps its tags";
    SPLIT_LOSES_TAGS "page-life.split-loses-tags" "the parts of a huge page that is split lose their tags, but for the first";
    SPLIT_FLAGS_ALL "page-life.split-flags-as-first"
        "the parts of a huge page that is split count as tagged if the first of them does, with whatever tags they have";
    SPLIT_UNFLAGS_ALL "page-life.split-unflags-as-first"
        "the parts of a huge page that is split lose their tags if the first of them was never tagged";
    MERGE_IGNORES_TAGS "page-life.merge-ignores-tags" "pages with equal data and different tags are merged";
    FORK_COPY_LOSES_TAGS "page-life.copy-on-write-loses-tags" "the copy of a page that is written after a fork has no tags";
    REMAP_LOSES_TAGS "page-life.remap-loses-tags" "a mapping that moves in the VMM leaves its tags behind";
    PROT_MTE_CLEARS "page-life.prot-mte-clears" "mprotect(PROT_MTE) clears tags that the guest stored";
    PROTECT_LOSES_TAGS "page-life.protect-loses-tags" "a page that was PROT_NONE for a while loses its tags";
    SERVED_STALE "page-life.served-page-stale" "a page that userfaultfd serves has stale tags";
    PROT_NONE_FETCHED "page-life.no-access-fetched" "tags of a page within a slot that is PROT_NONE are fetched";
    READ_ONLY_MAPPING_STORED "page-life.read-only-stored" "tags are stored to a page whose mapping is read-only";
    UNMAPPED_READS_ZERO "page-life.unmapped-reads-zero" "a page that is unmapped within its slot is fetched as zeros";
    PTRACE_HIGH_BITS "page-life.ptrace-shifted" "a debugger of the VMM sees the tags one granule too low";
    PTRACE_LOSES "page-life.ptrace-store-lost" "tags that a debugger of the VMM stores do not reach the guest";
    PTRACE_UNCHECKED "page-life.ptrace-without-prot-mte" "a debugger reads tags of a mapping that is not PROT_MTE";
}

/// Whether an event that only a defect makes visible loses tags in page `number` of the range.
fn loses(event: PageEvent, number: usize, injected: Injected) -> bool {
    let by = |defect: &'static Defect| injected.is(defect);
    match event {
        PageEvent::PageOut => by(&SWAP_LOSES_TAGS),
        PageEvent::Migrate => by(&MOVE_LOSES_TAGS),
        PageEvent::Collapse => by(&COLLAPSE_LOSES_TAGS) || by(&COLLAPSE_SHIFTS) && number > 0,
        PageEvent::Split => by(&SPLIT_LOSES_TAGS) && number > 0,
        PageEvent::Fork => by(&FORK_COPY_LOSES_TAGS),
        PageEvent::Remap => by(&REMAP_LOSES_TAGS),
        PageEvent::Protect(Protection::Tagged) => by(&PROT_MTE_CLEARS),
        PageEvent::Protect(Protection::None) => by(&PROTECT_LOSES_TAGS),
        _ => false,
    }
}

impl GuestMemory {
    /// Lets something happen to pages.
    ///
    /// # Errors
    ///
    /// EINVAL when the range is not in whole pages of one slot.
    pub(super) fn page_event(&mut self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), Errno> {
        let (slot, first) = self.find(ipa).ok_or(Errno::EINVAL)?;
        let whole = ipa.is_multiple_of(self.page_size()) && bytes.is_multiple_of(self.page_size());
        let count = usize::try_from(bytes / self.page_size()).map_err(|_| Errno::EINVAL)?;
        if !whole || first + count > self.pages_of(slot) {
            return Err(Errno::EINVAL);
        }
        match event {
            PageEvent::Merge => self.merge(slot, first..first + count),
            PageEvent::Split => self.split_flags(slot, first..first + count),
            _ => {}
        }
        for (number, page) in (first..first + count).enumerate() {
            self.happen((slot, page), number, event);
        }
        Ok(())
    }

    fn happen(&mut self, place: (usize, usize), number: usize, event: PageEvent) {
        let (injected, granules) = (self.injected(), self.granules());
        let private = self.slots[place.0].memory != Backing::Shared;
        if loses(event, number, injected) && self.peek(place).is_some() {
            self.touch(place).tags = None;
        }
        match event {
            PageEvent::Discard if private => self.discard(place),
            PageEvent::Unmap => {
                if private {
                    self.discard(place);
                }
                self.slots[place.0].protection.insert(place.1, Protection::None);
            }
            PageEvent::Serve(byte) => {
                self.slots[place.0].pages[place.1] = None;
                let size = self.page_size() as usize;
                self.touch(place).write(size, 0, &vec![byte; size]);
                if injected.is(&SERVED_STALE) {
                    let page = self.touch(place);
                    page.make_stale(granules);
                    page.tagged = true;
                }
            }
            PageEvent::Protect(protection) => {
                self.slots[place.0].protection.insert(place.1, protection);
                // A page that was never tagged is, from now on: with tags 0 (mte_sync_tags()).
                if protection == Protection::Tagged && self.peek(place).is_some_and(|page| !page.tagged) {
                    let page = self.touch(place);
                    page.tags = None;
                    page.tagged = true;
                }
            }
            PageEvent::PageOut if self.peek(place).is_some() => {
                if injected.is(&SWAP_UNFLAGS) {
                    self.touch(place).make_stale(granules);
                }
                if injected.is(&SWAP_KEEPS_FIRST_HALF) {
                    let page = self.touch(place);
                    (granules / 2..granules).for_each(|granule| page.set_tag(granule, granules, 0));
                }
            }
            _ => {}
        }
    }

    fn discard(&mut self, place: (usize, usize)) {
        let old = self.slots[place.0].pages[place.1].take();
        let Some(old) = old else { return };
        if self.injected().is(&DISCARD_KEEPS_TAGS) {
            let new = self.touch(place);
            (new.tags, new.tagged) = (old.tags, old.tagged);
        } else if self.injected().is(&DISCARD_KEEPS_DATA) {
            self.touch(place).data = old.data;
        }
    }

    /// Splitting never shows. The defects give every part the flag of the first one.
    fn split_flags(&mut self, slot: usize, pages: std::ops::Range<usize>) {
        let (injected, granules) = (self.injected(), self.granules());
        let tagged = self.peek((slot, pages.start)).is_some_and(|page| page.tagged);
        for page in pages {
            match self.peek((slot, page)) {
                Some(part) if tagged && !part.tagged && injected.is(&SPLIT_FLAGS_ALL) => {
                    let part = self.touch((slot, page));
                    part.make_stale(granules);
                    part.tagged = true;
                }
                Some(part) if !tagged && part.tagged && injected.is(&SPLIT_UNFLAGS_ALL) => {
                    self.touch((slot, page)).tags = None;
                }
                _ => {}
            }
        }
    }

    /// Merging never shows: a page that is written after it gets its own copy again. The defect makes all pages with equal
    /// data have the tags of the first of them.
    fn merge(&mut self, slot: usize, pages: std::ops::Range<usize>) {
        if !self.injected().is(&MERGE_IGNORES_TAGS) {
            return;
        }
        for page in pages.clone() {
            let Some(data) = self.peek((slot, page)).and_then(|page| page.data.clone()) else { continue };
            let equal = |memory: &Self, other: usize| {
                memory.peek((slot, other)).and_then(|page| page.data.as_deref()) == Some(&*data)
            };
            if let Some(first) = (pages.start..page).find(|other| equal(self, *other)) {
                let tags = self.peek((slot, first)).and_then(|page| page.tags.clone());
                self.touch((slot, page)).tags = tags;
            }
        }
    }

    /// What the VMM's mapping permits at a page.
    pub(super) fn protection(&self, (slot, page): (usize, usize)) -> Protection {
        self.slots[slot].protection(page)
    }

    /// Whether the ioctl may reach a page whose mapping changed after its slot was made.
    pub(super) fn mapped_for(&self, place: (usize, usize), store: bool) -> bool {
        let injected = self.injected();
        match self.protection(place) {
            Protection::None => !store && (injected.is(&PROT_NONE_FETCHED) || injected.is(&UNMAPPED_READS_ZERO)),
            Protection::Read => !store || injected.is(&READ_ONLY_MAPPING_STORED),
            Protection::ReadWrite | Protection::Tagged => true,
        }
    }

    /// PTRACE_PEEKMTETAGS and PTRACE_POKEMTETAGS on the VMM's mapping of a page (arch/arm64/kernel/mte.c,
    /// __access_remote_tags()): gives how many tags were copied by `copy`, which gets the page's tags and where to begin.
    ///
    /// # Errors
    ///
    /// EIO: the first page is not mapped, or not PROT_MTE.
    pub(super) fn ptrace(
        &mut self,
        ipa: u64,
        count: usize,
        mut copy: impl FnMut(&mut [u8], usize),
        store: bool,
    ) -> Result<usize, Errno> {
        let (granules, injected) = (self.granules(), self.injected());
        let mut done = 0;
        while done < count {
            let at = ipa + done as u64 * super::GRANULE;
            let place = self.find(at);
            let allowed = |place| {
                let protection = self.protection(place);
                protection == Protection::Tagged
                    || injected.is(&PTRACE_UNCHECKED) && protection == Protection::ReadWrite
            };
            let Some(place) = place.filter(|place| allowed(*place)) else { break };
            let first = ((at % self.page_size()) / super::GRANULE) as usize;
            let number = (granules - first).min(count - done);
            let page = self.touch(place);
            page.tagged = true;
            let mut tags: Vec<u8> = (0..granules).map(|granule| page.tag(granule)).collect();
            if injected.is(&PTRACE_HIGH_BITS) && !store {
                tags.rotate_left(1);
            }
            copy(&mut tags[first..first + number], done);
            if store && !injected.is(&PTRACE_LOSES) {
                (first..first + number).for_each(|granule| page.set_tag(granule, granules, tags[granule] & 0xf));
            }
            done += number;
        }
        if done == 0 && count > 0 { Err(Errno(5)) } else { Ok(done) }
    }
}

impl super::Vm {
    /// Lets something happen to the pages behind guest memory.
    ///
    /// # Errors
    ///
    /// EINVAL when the range is not in whole pages of one slot.
    pub fn page_event(&mut self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), Errno> {
        self.memory.page_event(ipa, bytes, event)
    }

    /// Reads tags as a debugger of the VMM does; gives how many.
    ///
    /// # Errors
    ///
    /// EIO: the first page is not mapped, or not PROT_MTE.
    pub fn ptrace_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<usize, Errno> {
        let count = tags.len();
        self.memory.ptrace(ipa, count, |page, done| tags[done..done + page.len()].copy_from_slice(page), false)
    }

    /// Writes tags as a debugger of the VMM does; gives how many.
    ///
    /// # Errors
    ///
    /// As [`Self::ptrace_tags`].
    pub fn set_ptrace_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<usize, Errno> {
        self.memory.ptrace(ipa, tags.len(), |page, done| page.copy_from_slice(&tags[done..done + page.len()]), true)
    }
}
