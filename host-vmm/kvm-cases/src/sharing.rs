//! Chapter: pages that are another's, too: merged by KSM, forked, or shared memory of two VMs and a process.
//!
//! Tags belong to the page, so whoever writes first has a copy with all of it.

use super::backings::takes;
use super::calls::{granules, returns, succeeds};
use super::life::{COPY, First, PAGES, apply_page_event, check, fill};
use case::address::arena;
use case::expect::{bytes, tags};
use case::tagging::{guest_reads, guest_tags};
use case::{Case, CaseContext, CaseError, CaseResult, Guest};
use machine::capability::Capability;
use machine::need::Need;
use machine::{Backing, PageEvent};

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.life.merge-keeps-tags",
        "pages with equal data and different tags keep their tags while KSM merges",
        "arch/arm64/kernel/mte.c, memcmp_pages()",
        merge,
    )
    .needing(&[Need::Capability(Capability::PageEvents), Need::Ksm, Need::Pagemap]),
    Case::new(
        "kvm.life.merge-then-tag",
        "a tag that the guest stores to a page that KSM merged does not show in its twin",
        "arch/arm64/kernel/mte.c, memcmp_pages(); mm/ksm.c",
        merge_then_tag,
    )
    .needing(&[Need::Capability(Capability::PageEvents), Need::Ksm, Need::Pagemap]),
    Case::new(
        "kvm.life.fork-then-write",
        "the copy that a write makes after the VMM forked has the tags of the page",
        COPY,
        |b| fork(b, After::Write),
    )
    .needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.life.fork-then-tag",
        "the copy that a guest's STG makes after the VMM forked has the other tags of the page",
        COPY,
        |b| fork(b, After::Tag),
    )
    .needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.life.fork-then-store",
        "the copy that storing tags makes after the VMM forked has the data of the page",
        COPY,
        |b| fork(b, After::Store),
    )
    .needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.sharing.two-vms",
        "of two VMs with the same memory each sees the tags that the other stored, and the first touch of either clears none",
        SHARED,
        two_vms,
    )
    .needing(&[Need::Capability(Capability::SharedMemory), Need::TakesBacking(Backing::Shared)]),
    Case::new(
        "kvm.sharing.vm-and-process",
        "a VM and a mapping with PROT_MTE of its memory see each other's tags, and the first touch of either clears none",
        SHARED,
        vm_and_process,
    )
    .needing(&[Need::Capability(Capability::SharedMemory), Need::TakesBacking(Backing::Shared)]),
    Case::new(
        "kvm.sharing.new-memory",
        "shared memory that nobody tagged has tag 0 for the guest, for another VM and for a mapping with PROT_MTE",
        SHARED,
        new_memory,
    )
    .needing(&[Need::Capability(Capability::SharedMemory), Need::TakesBacking(Backing::Shared)]),
];

const SHARED: &str = "Documentation/arch/arm64/memory-tagging-extension.rst, PROT_MTE: MAP_SHARED is supported and the allocation tags \
                      can be shared between processes; arch/arm64/include/asm/mte.h, try_page_mte_tagging()";

/// A guest in shared memory that others have, too.
fn shared(cx: &mut CaseContext<'_>) -> Result<Guest, CaseError> {
    takes(cx, Backing::Shared)?;
    let mut guest = cx.guest_in(Backing::Shared)?;
    succeeds("another VM of the same memory", guest.shared_memory()?.share())?;
    Ok(guest)
}

/// Granules of a page that a guest looks at.
const SEEN: usize = 32;

fn two_vms(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = shared(cx)?;
    let page = cx.target().page_size;
    let each = granules(page);
    // The guest is first in one page, the other VM in the next.
    let by_guest = cx.random_tags(SEEN);
    guest_tags(&mut guest, 0, &by_guest)?;
    let by_other = cx.random_tags(each);
    returns("a store of the other VM", Ok(page), guest.shared_memory()?.store_elsewhere(arena(page), &by_other))?;
    let mut found = vec![0xff; each];
    returns("a fetch of the other VM", Ok(page), guest.shared_memory()?.fetch_elsewhere(arena(0), &mut found))?;
    tags("what the other VM fetches", arena(0), &by_guest, &found[..SEEN])?;
    tags("the same behind it", arena(16 * SEEN as u64), &vec![0; each - SEEN], &found[SEEN..])?;
    let seen = guest_reads(&mut guest, page, SEEN)?;
    tags("what the guest sees", arena(page), &by_other[..SEEN], &seen)?;
    // And the other way round, now that both know the pages.
    let again = cx.random_tags(each);
    returns("a store of the other VM", Ok(page), guest.shared_memory()?.store_elsewhere(arena(0), &again))?;
    tags("what the guest sees then", arena(0), &again[..SEEN], &guest_reads(&mut guest, 0, SEEN)?)?;
    tags("what its own VM fetches", arena(0), &again, &guest.fetch_tags(arena(0), each)?)
}

fn vm_and_process(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = shared(cx)?;
    let page = cx.target().page_size;
    let each = granules(page);
    let by_guest = cx.random_tags(SEEN);
    guest_tags(&mut guest, 0, &by_guest)?;
    let by_process = cx.random_tags(each);
    succeeds("STG of the VMM", guest.shared_memory()?.store_mapped(arena(page), &by_process))?;
    let mut found = vec![0xff; each];
    succeeds("LDG of the VMM", guest.shared_memory()?.load_mapped(arena(0), &mut found))?;
    tags("what the VMM loads", arena(0), &by_guest, &found[..SEEN])?;
    tags("what the guest sees", arena(page), &by_process[..SEEN], &guest_reads(&mut guest, page, SEEN)?)?;
    tags("what is fetched", arena(page), &by_process, &guest.fetch_tags(arena(page), each)?)?;
    let stored = cx.random_tags(each);
    guest.store_tags(arena(page), &stored)?;
    succeeds("LDG of the VMM", guest.shared_memory()?.load_mapped(arena(page), &mut found))?;
    tags("what the VMM loads then", arena(page), &stored, &found)
}

fn new_memory(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = shared(cx)?;
    let page = cx.target().page_size;
    let mut found = vec![0xff; granules(page)];
    succeeds("LDG of the VMM", guest.shared_memory()?.load_mapped(arena(0), &mut found))?;
    tags("what the VMM loads", arena(0), &vec![0; found.len()], &found)?;
    returns("a fetch of the other VM", Ok(page), guest.shared_memory()?.fetch_elsewhere(arena(page), &mut found))?;
    tags("what the other VM fetches", arena(page), &vec![0; found.len()], &found)?;
    for offset in [0, page, 2 * page] {
        tags("what the guest sees", arena(offset), &[0; SEEN], &guest_reads(&mut guest, offset, SEEN)?)?;
    }
    Ok(())
}

/// Data of a page that KSM may merge: not zero, and the same each time.
fn equal_data(page: u64) -> Vec<u8> {
    (0..page).map(|byte| (byte % 253) as u8).collect()
}

fn merge(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    let each = granules(page);
    let wanted = cx.random_tags(3 * each);
    for number in 0..3 {
        guest.write(arena(number * page), &equal_data(page))?;
    }
    guest.store_tags(arena(0), &wanted)?;
    guest_tags(&mut guest, 0, &wanted[..64])?;
    apply_page_event(&mut guest, 0, 3 * page, &[PageEvent::Merge])?;
    tags("tags of pages with equal data", arena(0), &wanted, &guest.fetch_tags(arena(0), wanted.len())?)?;
    let seen = guest_reads(&mut guest, page, 64)?;
    tags("the second page, as the guest sees it", arena(page), &wanted[each..][..64], &seen)
}

fn merge_then_tag(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    for number in 0..2 {
        guest.write(arena(number * page), &equal_data(page))?;
    }
    apply_page_event(&mut guest, 0, 2 * page, &[PageEvent::Merge])?;
    let new = cx.random_tags(64).iter().map(|tag| tag | 1).collect::<Vec<u8>>();
    guest_tags(&mut guest, 0, &new)?;
    let each = granules(page);
    let mut expected = vec![0; 2 * each];
    expected[..64].copy_from_slice(&new);
    tags("the page and its twin", arena(0), &expected, &guest.fetch_tags(arena(0), 2 * each)?)?;
    bytes("data of the page that was tagged", arena(0), &equal_data(page), &guest.read(arena(0), page as usize)?)
}

/// What makes the copy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Write,
    Tag,
    Store,
}

fn fork(cx: &mut CaseContext<'_>, after: After) -> CaseResult {
    let mut guest = cx.guest()?;
    let mut contents = fill(cx, &mut guest, 0)?;
    let page = cx.target().page_size;
    apply_page_event(&mut guest, 0, PAGES * page, &[PageEvent::Fork])?;
    let each = granules(page);
    match after {
        After::Write => {
            for number in 0..PAGES {
                guest.write(arena(number * page + 128), &[0x5a; 16])?;
                contents.data[(number * page) as usize + 128..][..16].fill(0x5a);
            }
        }
        After::Tag => {
            guest_tags(&mut guest, 16 * 8, &[1, 2, 3])?;
            contents.tags[8..11].copy_from_slice(&[1, 2, 3]);
        }
        After::Store => {
            let new = cx.random_tags(each);
            guest.store_tags(arena(0), &new)?;
            contents.tags[..each].copy_from_slice(&new);
        }
    }
    check(&mut guest, 0, &contents, First::Fetch)
}
