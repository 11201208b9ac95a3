//! The tags of one page between guest memory and a tag buffer.
//!
//! arch/arm64/lib/mte.S, mte_copy_tags_to_user() and mte_copy_tags_from_user(): one tag a byte, lowest address first;
//! of a byte stored only bits 3:0 count. arch/arm64/kvm/guest.c decides about pages that were never tagged.

use super::memory::{GuestMemory, Page};
use crate::defect::Injected;
use crate::defects;
use crate::kernel::{Backing, Errno};

/// Which way tags go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the guest (KVM_ARM_TAGS_FROM_GUEST).
    Fetch,
    /// To the guest (KVM_ARM_TAGS_TO_GUEST).
    Store,
}

defects! {
    NEVER_TAGGED_GARBAGE "tag-transfer.never-tagged-is-garbage" "a page that was never tagged is fetched as it is";
    NEVER_TAGGED_UNWRITTEN "tag-transfer.never-tagged-leaves-buffer"
        "for a page that was never tagged the buffer is left alone";
    STORE_NOT_FLAGGED "tag-transfer.page-not-flagged" "a store does not flag the page as tagged";
    STORE_FLAGS_ONLY "tag-transfer.page-flagged-only" "a store flags the page as tagged, but its tags are stale";
    HIGH_BITS_KEPT "tag-transfer.high-bits-kept" "the upper four bits of a tag byte come back";
    HIGH_BITS_REFUSED "tag-transfer.high-bits-refused" "a tag byte above 15 is EINVAL";
    LAST_GRANULE_FETCH "tag-transfer.last-granule-not-fetched" "the last tag of a page is fetched as 0";
    LAST_GRANULE_STORE "tag-transfer.last-granule-not-stored" "the last tag of a page is not stored";
    FIRST_GRANULE "tag-transfer.first-granule-not-stored" "the first tag of a page is not stored";
    ONE_LATE "tag-transfer.starts-a-granule-late" "the tags of a page are stored one granule too high";
    REVERSED "tag-transfer.order-reversed" "the tags of a page are fetched highest address first";
    NIBBLES_SWAPPED "tag-transfer.neighbours-swapped" "the tags of two neighbouring granules are swapped by a store";
    WRONG_PART "tag-transfer.huge-page-head" "the tags of a transparent huge page are all those of its first part";
    DATA_CLEARED "tag-transfer.store-clears-data" "a store of tags clears the data of the page";
    NEXT_PAGE_CLEARED "tag-transfer.store-clears-next-page" "a store of tags clears those of the page behind";
    FETCH_CLEARS "tag-transfer.fetch-clears" "a fetch takes the tags away";
    PARTIAL_IS_WHOLE "tag-transfer.short-buffer-counts" "a page counts as copied although the buffer ended in it";
    ONLY_CHANGED_BITS "tag-transfer.store-merges" "a store only sets bits of tags, and clears none";
}

/// Copies the tags of a page; `buffer` has fewer bytes than the page has granules if it ends early.
///
/// # Errors
///
/// EFAULT when the buffer ends within the page. What it had was copied by then; a store leaves the page without tags
/// (`clears`, since Linux 6.2) or with those that it had read, which show only if the page was flagged before.
pub(super) fn page(
    memory: &mut GuestMemory,
    place: (usize, usize),
    direction: Direction,
    buffer: &mut [u8],
    clears: bool,
    injected: Injected,
) -> Result<(), Errno> {
    let granules = memory.granules();
    let head = injected.is(&WRONG_PART) && memory.slots[place.0].memory == Backing::HugePages;
    let place = if head { (place.0, 0) } else { place };
    let complete = buffer.len() == granules;
    match direction {
        Direction::Fetch => {
            fetch(memory.peek(place), buffer, granules, injected);
            if injected.is(&FETCH_CLEARS) && memory.peek(place).is_some() {
                memory.touch(place).tags = None;
            }
        }
        Direction::Store => {
            if injected.is(&HIGH_BITS_REFUSED) && buffer.iter().any(|tag| *tag > 15) {
                return Err(Errno::EINVAL);
            }
            store(memory.touch(place), buffer, granules, clears, injected);
            let next = (place.0, place.1 + 1);
            let slot = &mut memory.slots[place.0];
            if injected.is(&super::memory::HUGETLB_STORE_FLAGS_ALL) && slot.memory == Backing::Hugetlb {
                GuestMemory::expose(slot, place.1, granules);
            }
            if injected.is(&NEXT_PAGE_CLEARED) && next.1 < memory.pages_of(next.0) && memory.peek(next).is_some() {
                memory.touch(next).tags = None;
            }
        }
    }
    if complete || injected.is(&PARTIAL_IS_WHOLE) && !buffer.is_empty() { Ok(()) } else { Err(Errno::EFAULT) }
}

fn fetch(page: Option<&Page>, buffer: &mut [u8], granules: usize, injected: Injected) {
    let Some(tags) = page.filter(|page| page.tagged).map(|page| page.tags.as_deref()) else {
        match injected {
            defect if defect.is(&NEVER_TAGGED_UNWRITTEN) => {}
            defect if defect.is(&NEVER_TAGGED_GARBAGE) => {
                buffer.iter_mut().enumerate().for_each(|(granule, tag)| *tag = Page::stale(granule));
            }
            _ => buffer.fill(0),
        }
        return;
    };
    match tags {
        Some(tags) => buffer.copy_from_slice(&tags[..buffer.len()]),
        None => buffer.fill(0),
    }
    let complete = buffer.len() == granules;
    match injected {
        defect if defect.is(&REVERSED) => buffer.reverse(),
        defect if defect.is(&LAST_GRANULE_FETCH) && complete => buffer[granules - 1] = 0,
        _ => {}
    }
}

fn store(page: &mut Page, buffer: &[u8], granules: usize, clears: bool, injected: Injected) {
    if buffer.len() < granules {
        if clears {
            page.tags = None;
            page.tagged = true;
        } else if page.tagged {
            buffer.iter().enumerate().for_each(|(granule, tag)| page.set_tag(granule, granules, tag & 0xf));
        }
        return;
    }
    let old = page.tags.clone().filter(|_| page.tagged);
    let mut new: Box<[u8]> = buffer.iter().map(|tag| tag & 0xf).collect();
    let kept = |granule: usize| old.as_ref().map_or(0, |tags| tags[granule]);
    match injected {
        defect if defect.is(&HIGH_BITS_KEPT) => new.copy_from_slice(buffer),
        defect if defect.is(&LAST_GRANULE_STORE) => new[granules - 1] = kept(granules - 1),
        defect if defect.is(&FIRST_GRANULE) => new[0] = kept(0),
        defect if defect.is(&ONE_LATE) => {
            new.rotate_right(1);
            new[0] = kept(0);
        }
        defect if defect.is(&NIBBLES_SWAPPED) => {
            new.as_chunks_mut().0.iter_mut().for_each(|[a, b]| std::mem::swap(a, b))
        }
        defect if defect.is(&ONLY_CHANGED_BITS) => {
            new.iter_mut().enumerate().for_each(|(granule, tag)| *tag |= kept(granule));
        }
        defect if defect.is(&DATA_CLEARED) => page.clear_data(),
        _ => {}
    }
    page.tags = new.iter().any(|tag| *tag != 0).then_some(new);
    if injected.is(&STORE_FLAGS_ONLY) {
        page.make_stale(granules);
    }
    page.tagged |= !injected.is(&STORE_NOT_FLAGGED);
    page.stored = true;
}
