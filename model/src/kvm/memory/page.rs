//! A page of the host: data, tags, and whether the tags mean anything.
//!
//! What the kernel does with a page when the guest first touches it is arch/arm64/kvm/mmu.c, sanitise_mte_tags(). Where
//! pages are, and who may touch them, is [`super`]'s.

use crate::defect::Injected;
use crate::defects;

defects! {
    FIRST_TOUCH_STALE "guest-memory.first-touch-leaves-stale-tags"
        "the guest's first access to a page does not clear the tags that its last owner left";
    FIRST_TOUCH_CLEARS_STORED "guest-memory.first-touch-clears-stored-tags"
        "the guest's first access clears tags that the VMM stored before";
    FIRST_TOUCH_CLEARS_DATA "guest-memory.first-touch-clears-data"
        "the guest's first access clears the data with the tags";
}

/// A page of the host.
#[derive(Clone, Debug, Default)]
pub(in crate::kvm) struct Page {
    /// `None` while all of it is zero.
    pub(in crate::kvm) data: Option<Box<[u8]>>,
    /// Which bytes are UNKNOWN, a bit a byte; `None` while none is.
    pub(in crate::kvm) unknown: Option<Box<[u64]>>,
    /// One tag a byte; `None` while all are 0. Meaningless unless `tagged`.
    pub(in crate::kvm) tags: Option<Box<[u8]>>,
    /// PG_mte_tagged.
    pub(in crate::kvm) tagged: bool,
    /// The tags were stored by the VMM, and the guest has not touched the page since.
    pub(in crate::kvm) stored: bool,
}

impl Page {
    /// What the tag storage of a new page holds: whatever its last owner left.
    pub(in crate::kvm) fn stale(granule: usize) -> u8 {
        (granule as u8).wrapping_mul(7) & 0xf | 1
    }

    /// Puts stale tags in, as if they had been left there.
    pub(in crate::kvm) fn make_stale(&mut self, granules: usize) {
        self.tags = Some((0..granules).map(Self::stale).collect());
    }

    /// Gives the tag of a granule.
    pub(in crate::kvm) fn tag(&self, granule: usize) -> u8 {
        self.tags.as_ref().map_or(0, |tags| tags[granule])
    }

    /// Sets the tag of a granule, of as many as the page has.
    pub(in crate::kvm) fn set_tag(&mut self, granule: usize, granules: usize, tag: u8) {
        if tag != 0 || self.tags.is_some() {
            self.tags.get_or_insert_with(|| vec![0; granules].into())[granule] = tag;
        }
    }

    /// Clears the data of the page.
    pub(in crate::kvm) fn clear_data(&mut self) {
        (self.data, self.unknown) = (None, None);
    }

    /// Writes bytes into a page of `size` bytes.
    #[inline]
    pub(in crate::kvm) fn write(&mut self, size: usize, at: usize, bytes: &[u8]) {
        self.data.get_or_insert_with(|| vec![0; size].into())[at..at + bytes.len()].copy_from_slice(bytes);
        if self.unknown.is_some() {
            self.know(at, bytes.len());
        }
    }

    /// The guest touches a page that is not flagged, or whose tags only the VMM has stored.
    #[cold]
    pub(super) fn first_touch(&mut self, granules: usize, injected: Injected) {
        let stored = std::mem::take(&mut self.stored);
        if injected.is(&FIRST_TOUCH_CLEARS_DATA) {
            self.data = None;
        }
        if !self.tagged || injected.is(&FIRST_TOUCH_CLEARS_STORED) {
            self.tags = None;
            if injected.is(&FIRST_TOUCH_STALE) && !stored {
                self.make_stale(granules);
            }
        }
        self.tagged = true;
    }
}
