//! Guest memory that others have, too: another VM with the same file behind its slot, and a mapping with PROT_MTE.
//!
//! Tags belong to the page, whoever reaches it. The first who touches it clears them (arch/arm64/include/asm/mte.h,
//! try_page_mte_tagging()), and nobody else does.

use crate::kernel::{Backing, CopyResult, CopyTags, Errno, TagBuffer};
use crate::memory::GRANULE;
use crate::vm::Vm;

mutants::defects!();

#[mutants::rules]
impl Vm {
    /// Makes another VM of the memory of the first slot, and maps that memory with PROT_MTE.
    ///
    /// # Errors
    ///
    /// EINVAL: the first slot is not of shared memory.
    pub fn share(&mut self) -> Result<(), Errno> {
        let shared = self.memory.slots().first().is_some_and(|slot| slot.memory == Backing::Shared);
        if shared { Ok(()) } else { Err(Errno::EINVAL) }
    }

    /// Fetches tags through the other VM.
    ///
    /// # Errors
    ///
    /// As [`Vm::copy_tags`].
    pub fn fetch_elsewhere(&mut self, ipa: u64, tags: &mut [u8]) -> CopyResult {
        let length = tags.len() as u64 * GRANULE;
        let buffer = TagBuffer::Bytes(tags);
        self.copy_tags(CopyTags { ipa, length, buffer, flags: CopyTags::FROM_GUEST, reserved: [0; 2] })
    }

    /// Stores tags through the other VM.
    ///
    /// # Errors
    ///
    /// As [`Vm::copy_tags`].
    pub fn store_elsewhere(&mut self, ipa: u64, tags: &[u8]) -> CopyResult {
        let length = tags.len() as u64 * GRANULE;
        let mut tags = tags.to_vec();
        let buffer = TagBuffer::Bytes(&mut tags);
        self.copy_tags(CopyTags { ipa, length, buffer, flags: CopyTags::TO_GUEST, reserved: [0; 2] })
    }

    /// Loads tags through the mapping. `false` if there is no memory.
    #[must_use]
    pub fn load_mapped(&mut self, ipa: u64, tags: &mut [u8]) -> bool {
        let page_size = self.page_size();
        for (number, tag) in (0..).zip(tags) {
            let at = ipa + number * GRANULE;
            let Some(place) = self.memory.find(at) else { return false };
            let page = self.memory.touch(place);
            page.flag();
            *tag = page.tag((at % page_size / GRANULE) as usize);
        }
        true
    }

    /// Stores tags through the mapping. `false` if there is no memory.
    #[must_use]
    pub fn store_mapped(&mut self, ipa: u64, tags: &[u8]) -> bool {
        let (page_size, granules) = (self.page_size(), self.memory.granules());
        for (number, tag) in (0..).zip(tags) {
            let at = ipa + number * GRANULE;
            let Some(place) = self.memory.find(at) else { return false };
            let page = self.memory.touch(place);
            page.flag();
            page.set_tag((at % page_size / GRANULE) as usize, granules, *tag);
        }
        true
    }
}
