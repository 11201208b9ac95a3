//! What happens to the pages behind guest memory while no vCPU runs: they are given back, swapped, moved, split, copied.
//!
//! Only events that replace a page change what it holds; all others must not show. For tags that is mm/ and
//! arch/arm64/mm/mteswap.c (swap), arch/arm64/mm/copypage.c, copy_highpage() (moving, collapsing and copying),
//! arch/arm64/kernel/mte.c, memcmp_pages() (merging) and mte_sync_tags() (PROT_MTE).

use crate::kernel::{Backing, Errno, PageEvent, Protection};
use crate::memory::{GRANULE, GuestMemory};
use crate::vm::Vm;

/// The page is not there for a debugger.
const EIO: Errno = Errno(5);

mutants::defects!();

#[mutants::rules]
impl GuestMemory {
    /// Lets something happen to pages.
    ///
    /// # Errors
    ///
    /// EINVAL when the range is not in whole pages of one slot.
    pub(super) fn page_event(&mut self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), Errno> {
        let (slot, pages) = self.whole_pages(ipa, bytes).ok_or(Errno::EINVAL)?;
        let first = pages.start;
        for page in first..pages.end {
            self.happen((slot, page), event);
        }
        Ok(())
    }

    fn happen(&mut self, place: (usize, usize), event: PageEvent) {
        let private = self.slots[place.0].memory != Backing::Shared;
        match event {
            PageEvent::Discard if private => self.discard(place),
            PageEvent::Punch => self.discard(place),
            // It is the file's memory now. The slot stays, and only the guest is asked whether it may have it.
            PageEvent::ReplaceByFile { shared } => {
                self.discard(place);
                if shared || self.refuses_private_files() {
                    self.slots[place.0].replaced.insert(place.1);
                }
            }
            // What shared memory holds there is out of everybody's reach, too.
            PageEvent::Unmap => {
                self.discard(place);
                self.slots[place.0].protection.insert(place.1, Protection::None);
            }
            PageEvent::Serve(byte) => {
                self.slots[place.0].pages[place.1] = None;
                let size = self.page_size() as usize;
                self.touch(place).write(size, 0, &vec![byte; size]);
            }
            // With PROT_MTE a page that was never tagged is, with tags 0 (mte_sync_tags()): those that it had to others before.
            PageEvent::Protect(protection) => {
                self.slots[place.0].protection.insert(place.1, protection);
            }
            _ => {}
        }
    }

    /// Returns a page back.
    fn discard(&mut self, place: (usize, usize)) {
        self.slots[place.0].pages[place.1] = None;
    }

    /// What the VMM's mapping permits at a page.
    pub(super) fn protection(&self, (slot, page): (usize, usize)) -> Protection {
        self.slots[slot].protection(page)
    }

    /// Whether the ioctl may reach a page whose mapping changed after its slot was made.
    pub(super) fn mapped_for(&self, place: (usize, usize), store: bool) -> bool {
        match self.protection(place) {
            Protection::None => false,
            Protection::Read => !store,
            Protection::ReadWrite | Protection::Tagged => true,
        }
    }

    /// PTRACE_PEEKMTETAGS and PTRACE_POKEMTETAGS on the VMM's mapping of a page (arch/arm64/kernel/mte.c,
    /// __access_remote_tags()): returns how many tags were copied by `copy`, which gets the page's tags and where to begin.
    /// `count` is 1 or more: of none the answer is EFAULT, or before Linux 6.5 whatever is on the kernel's stack.
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
        let granules = self.granules();
        let mut done = 0;
        while done < count {
            let at = ipa + done as u64 * GRANULE;
            let place = self.find(at);
            let allowed = |place| self.protection(place) == Protection::Tagged;
            let Some(place) = place.filter(|place| allowed(*place)) else { break };
            let first = ((at % self.page_size()) / GRANULE) as usize;
            let number = (granules - first).min(count - done);
            let page = self.touch(place);
            page.flag();
            let mut tags: Vec<u8> = (0..granules).map(|granule| page.tag(granule)).collect();
            copy(&mut tags[first..first + number], done);
            if store {
                (first..first + number).for_each(|granule| page.set_tag(granule, granules, tags[granule] & 0xf));
            }
            done += number;
        }
        if done == 0 { Err(EIO) } else { Ok(done) }
    }
}

#[mutants::rules]
impl Vm {
    /// Lets something happen to the pages behind guest memory.
    ///
    /// # Errors
    ///
    /// EINVAL when the range is not in whole pages of one slot.
    pub fn page_event(&mut self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), Errno> {
        self.memory.page_event(ipa, bytes, event)
    }

    /// Reads tags as a debugger of the VMM does; returns how many.
    ///
    /// # Errors
    ///
    /// EIO: the first page is not mapped, or not PROT_MTE.
    pub fn ptrace_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<usize, Errno> {
        let count = tags.len();
        self.memory.ptrace(ipa, count, |page, done| tags[done..done + page.len()].copy_from_slice(page), false)
    }

    /// Writes tags as a debugger of the VMM does; returns how many.
    ///
    /// # Errors
    ///
    /// As [`Self::ptrace_tags`].
    pub fn set_ptrace_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<usize, Errno> {
        self.memory.ptrace(ipa, tags.len(), |page, done| page.copy_from_slice(&tags[done..done + page.len()]), true)
    }
}
