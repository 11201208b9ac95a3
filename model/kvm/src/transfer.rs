//! The tags of one page between guest memory and a tag buffer.
//!
//! arch/arm64/lib/mte.S, mte_copy_tags_to_user() and mte_copy_tags_from_user(): one tag a byte, lowest address first;
//! of a byte stored only bits 3:0 count. arch/arm64/kvm/guest.c decides about pages that were never tagged.

use crate::kernel::Errno;
use crate::memory::{GuestMemory, Page};

/// Which way tags go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the guest (KVM_ARM_TAGS_FROM_GUEST).
    Fetch,
    /// To the guest (KVM_ARM_TAGS_TO_GUEST).
    Store,
}

mutants::defects!();

/// Copies the tags of a page; `buffer` has fewer bytes than the page has granules if it ends early.
///
/// # Errors
///
/// EFAULT when the buffer ends within the page. What it had was copied by then; a store leaves the page without tags
/// (`clears`, since Linux 6.2) or with those that it had read, which show only if the page was flagged before.
#[mutants::rules]
pub(super) fn page(
    memory: &mut GuestMemory,
    place: (usize, usize),
    direction: Direction,
    buffer: &mut [u8],
    clears: bool,
) -> Result<(), Errno> {
    let granules = memory.granules();
    match direction {
        Direction::Fetch => {
            fetch(memory.peek(place), buffer);
        }
        Direction::Store => {
            store(memory.touch(place), buffer, granules, clears);
        }
    }
    if buffer.len() == granules { Ok(()) } else { Err(Errno::EFAULT) }
}

/// Fetches the tags of a page: zeros if it was never tagged.
#[mutants::rules]
fn fetch(page: Option<&Page>, buffer: &mut [u8]) {
    match page.filter(|page| page.tagged).and_then(|page| page.tags.as_deref()) {
        Some(tags) => buffer.copy_from_slice(&tags[..buffer.len()]),
        None => buffer.fill(0),
    }
}

/// Stores the tags of a page, or what there is of them.
#[mutants::rules]
fn store(page: &mut Page, buffer: &[u8], granules: usize, clears: bool) {
    if buffer.len() < granules {
        if clears {
            page.tags = None;
            page.tagged = true;
        } else if page.tagged {
            buffer.iter().enumerate().for_each(|(granule, tag)| page.set_tag(granule, granules, tag & 0xf));
        }
        return;
    }
    let new: Box<[u8]> = buffer.iter().map(|tag| tag & 0xf).collect();
    page.tags = new.iter().any(|tag| *tag != 0).then_some(new);
    page.tagged = true;
    page.stored = true;
}
