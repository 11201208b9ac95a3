//! A page of the host: data, tags, and whether the tags mean anything.
//!
//! What the kernel does with a page when the guest first touches it is arch/arm64/kvm/mmu.c, sanitise_mte_tags(). Where
//! pages are, and who may touch them, is [`super`]'s.

mutants::defects!();

/// A page of the host.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// `None` while all of it is zero.
    pub(crate) data: Option<Box<[u8]>>,
    /// Which bytes are UNKNOWN, a bit a byte; `None` while none is.
    pub(crate) unknown: Option<Box<[u64]>>,
    /// One tag a byte; `None` while all are 0. Meaningless unless `tagged`.
    pub(crate) tags: Option<Box<[u8]>>,
    /// PG_mte_tagged.
    pub(crate) tagged: bool,
    /// The tags were stored by the VMM, and the guest has not touched the page since. Only defects ask.
    pub(crate) stored: bool,
}

impl Page {
    /// A page that is new to whoever touches it: its data is zero, its tags are stale.
    pub(crate) fn new(granules: usize) -> Self {
        let mut page = Self { data: None, unknown: None, tags: None, tagged: false, stored: false };
        page.make_stale(granules);
        page
    }

    /// What the tag storage of a new page holds: whatever its last owner left.
    pub(crate) fn stale(granule: usize) -> u8 {
        (granule as u8).wrapping_mul(7) & 0xf | 1
    }

    /// Puts stale tags in, as if they had been left there.
    pub(crate) fn make_stale(&mut self, granules: usize) {
        self.tags = Some((0..granules).map(Self::stale).collect());
    }
}

#[mutants::rules]
impl Page {
    /// Returns the tag of a granule.
    pub(crate) fn tag(&self, granule: usize) -> u8 {
        self.tags.as_ref().map_or(0, |tags| tags[granule])
    }

    /// Sets the tag of a granule, of as many as the page has.
    pub(crate) fn set_tag(&mut self, granule: usize, granules: usize, tag: u8) {
        if tag != 0 || self.tags.is_some() {
            self.tags.get_or_insert_with(|| vec![0; granules].into())[granule] = tag;
        }
    }

    /// Writes bytes into a page of `size` bytes.
    #[inline]
    pub(crate) fn write(&mut self, size: usize, at: usize, bytes: &[u8]) {
        self.data.get_or_insert_with(|| vec![0; size].into())[at..at + bytes.len()].copy_from_slice(bytes);
        if self.unknown.is_some() {
            self.know(at, bytes.len());
        }
    }

    /// The guest touches the page.
    #[inline]
    pub(crate) fn touch_by_guest(&mut self) {
        self.flag();
        self.stored = false;
    }

    /// Flags the page, whose tags are cleared if it was not (try_page_mte_tagging(), mte_clear_page_tags()).
    #[inline]
    pub(crate) fn flag(&mut self) {
        if !self.tagged {
            self.tags = None;
        }
        self.tagged = true;
    }
}
