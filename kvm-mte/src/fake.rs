//! A VM in memory that answers as the kernel does, for tests of save and restore on any host.
//!
//! It has one memory slot, and no data: only tags. What a copy runs into, it answers as Linux 6.11 and later:
//! pages before the trouble are counted, trouble on the first page is an error number.

use core::cell::Cell;

use crate::errno::Errno;
use crate::ioctl::{Call, CopyTagsIoctl, Tags};
use crate::{GRANULE, MAX_TAG};

/// A VM with `GRANULES` granules of memory.
///
/// ```
/// use kvm_mte::{Copied, Errno, fake::FakeVm};
///
/// let vm = FakeVm::<512>::new(0x4000_0000);
/// vm.set_tag(0x4000_0010, 6);
/// vm.unmap(0x4000_1000);
/// let mut tags = [0; 512];
/// let copied = kvm_mte::fetch(&vm, 0x4000_0000, &mut tags)?;
/// assert_eq!(copied, Copied::Stopped { at: 0x4000_1000, cause: Errno::EFAULT });
/// assert_eq!(tags[1], 6);
/// # Ok::<(), kvm_mte::TagError>(())
/// ```
#[derive(Debug)]
pub struct FakeVm<const GRANULES: usize> {
    base: u64,
    page: u64,
    tags: [Cell<u8>; GRANULES],
    hole: Cell<Option<u64>>,
    dirty_logging: Cell<bool>,
    interruption: Cell<Option<u64>>,
    calls: Cell<usize>,
}

impl<const GRANULES: usize> FakeVm<GRANULES> {
    /// Creates a VM on a host with pages of 4 KiB. Its memory begins at `base`, and no granule is tagged.
    #[must_use]
    pub const fn new(base: u64) -> Self {
        Self::with_page_size(base, 4096)
    }

    /// Creates a VM on a host with pages of `page` bytes.
    #[must_use]
    pub const fn with_page_size(base: u64, page: u64) -> Self {
        Self {
            base,
            page,
            tags: [const { Cell::new(0) }; GRANULES],
            hole: Cell::new(None),
            dirty_logging: Cell::new(false),
            interruption: Cell::new(None),
            calls: Cell::new(0),
        }
    }

    /// Returns a granule's tag, as the guest's LDG would.
    ///
    /// # Panics
    ///
    /// When there is no memory at `ipa`.
    #[must_use]
    pub fn tag(&self, ipa: u64) -> u8 {
        self.tags[self.index(ipa)].get()
    }

    /// Tags a granule, as the guest's STG would.
    ///
    /// # Panics
    ///
    /// When there is no memory at `ipa`, or the tag is above 15.
    pub fn set_tag(&self, ipa: u64, tag: u8) {
        assert!(tag <= MAX_TAG, "tag {tag:#x} is above 15");
        self.tags[self.index(ipa)].set(tag);
    }

    /// Unmaps the VMM's memory behind the page at `ipa`: copies stop there with EFAULT.
    pub fn unmap(&self, ipa: u64) {
        self.hole.set(Some(ipa - ipa % self.page));
    }

    /// Turns dirty logging of the memory slot on or off. While it is on, stores are refused with EBUSY.
    pub fn set_dirty_logging(&self, on: bool) {
        self.dirty_logging.set(on);
    }

    /// Lets the next call stop after this many pages although nothing is in its way.
    pub fn interrupt_after(&self, pages: u64) {
        self.interruption.set(Some(pages));
    }

    /// Returns how many ioctls were made.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.get()
    }

    fn index(&self, ipa: u64) -> usize {
        ipa.checked_sub(self.base).map_or(usize::MAX, |offset| (offset / GRANULE) as usize)
    }

    /// Returns whether there is memory behind the page at `ipa`.
    fn is_mapped(&self, ipa: u64) -> bool {
        let last = ipa.checked_add(self.page - GRANULE);
        self.hole.get() != Some(ipa) && last.is_some_and(|last| ipa >= self.base && self.index(last) < GRANULES)
    }

    /// Copies the tags of one page, whose first granule is the slice's granule number `first`.
    fn copy_page(&self, ipa: u64, first: usize, tags: &mut Tags<'_>) {
        let page = &self.tags[self.index(ipa)..][..(self.page / GRANULE) as usize];
        for (number, granule) in (first..).zip(page) {
            match tags {
                Tags::FromGuest(tags) => tags[number] = granule.get(),
                // As the kernel does, silently.
                Tags::ToGuest(tags) => granule.set(tags[number] & MAX_TAG),
            }
        }
    }
}

impl<const GRANULES: usize> CopyTagsIoctl for FakeVm<GRANULES> {
    fn copy_tags(&self, mut call: Call<'_>) -> Result<u64, Errno> {
        self.calls.set(self.calls.get() + 1);
        let length = call.length();
        if call.ipa % self.page != 0 || length % self.page != 0 || length > i32::MAX as u64 {
            return Err(Errno::EINVAL);
        }
        if matches!(call.tags, Tags::ToGuest(_)) && self.dirty_logging.get() {
            return Err(Errno::EBUSY);
        }
        let most = self.interruption.take().unwrap_or(u64::MAX);
        let mut covered = 0;
        while covered < length && covered / self.page < most {
            let at = call.ipa + covered;
            if !self.is_mapped(at) {
                return if covered == 0 { Err(Errno::EFAULT) } else { Ok(covered) };
            }
            self.copy_page(at, (covered / GRANULE) as usize, &mut call.tags);
            covered += self.page;
        }
        if covered == 0 && length != 0 { Err(Errno::EFAULT) } else { Ok(covered) }
    }

    fn page_size(&self) -> u64 {
        self.page
    }
}
