//! Chapter: huge pages of which the host takes a part, as balloons, reclaim and unmapping do, and memory that it takes as a
//! whole: in huge pages, shared, or of the pool.
//!
//! A part of a huge page cannot go alone: the kernel splits it, sooner or later. The rest keeps its tags.

use super::backings::takes;
use super::calls::granules;
use super::life::{COPY, First, PAGES, SPLIT, SWAP, apply_page_event, check, fill, mixed_by};
use case::address::arena;
use case::expect::{bytes, tags};
use case::tagging::{guest_reads, guest_tags};
use case::{Case, CaseContext, CaseResult, Guest};
use machine::capability::Capability;
use machine::need::Need;
use machine::{Backing, PageEvent};

/// What a case needs in which a huge page is made and a part of it goes to swap.
const PARTS: &[Need] =
    &[Need::Capability(Capability::PageEvents), Need::HugePages, Need::HugePageCollapse, Need::Swap, Need::Pagemap];

/// What a case needs in which a huge page is made that is mostly zeros, and the kernel splits it.
const SHRUNK: &[Need] = &[
    Need::Capability(Capability::PageEvents),
    Need::HugePages,
    Need::HugePageCollapse,
    Need::UnderusedShrinker,
    Need::OwnHost,
];
const UNDERUSED: &str = "Documentation/admin-guide/mm/transhuge.rst, shrink_underused; mm/huge_memory.c, deferred_split_scan() and \
                         try_to_map_unused_to_zeropage()";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.part.paged-out",
        "a huge page of which a part goes to swap keeps tags and data, there and in the rest",
        SWAP,
        |b| part(b, PagesTaken::PagedOut),
    )
    .needing(PARTS),
    Case::new(
        "kvm.part.discarded",
        "a huge page of which a part is given back keeps tags and data in the rest, in memory and through swap",
        SWAP,
        |b| part(b, PagesTaken::Discarded),
    )
    .needing(PARTS),
    Case::new(
        "kvm.part.unmapped",
        "a huge page of which a part is unmapped keeps tags and data in the rest, in memory and through swap",
        SWAP,
        |b| part(b, PagesTaken::Unmapped),
    )
    .needing(PARTS),
    Case::new(
        "kvm.part.paged-out-with-untagged-first",
        "a huge page whose first part was never tagged keeps the others' tags when a part goes to swap",
        SPLIT,
        |b| mixed_by(b, 1, |guest| take(guest, PagesTaken::PagedOut)),
    )
    .needing(PARTS),
    Case::new(
        "kvm.part.discarded-with-untagged-first",
        "a huge page whose first part was never tagged keeps the others' tags when a part is given back and it goes to swap",
        SPLIT,
        |b| mixed_by(b, 1, |guest| take(guest, PagesTaken::Discarded)),
    )
    .needing(PARTS),
    Case::new(
        "kvm.part.discarded-with-tagged-first",
        "parts of a huge page that were never tagged have tag 0 when another is given back and it goes to swap",
        SPLIT,
        |b| mixed_by(b, 0, |guest| take(guest, PagesTaken::Discarded)),
    )
    .needing(PARTS),
    Case::new(
        "kvm.part.punched",
        "a hole in shared memory has tag 0 and no data, and the rest of the huge page keeps its own",
        "man 2 madvise, MADV_REMOVE; mm/shmem.c, shmem_undo_range()",
        punched,
    )
    .needing(&[
        Need::Capability(Capability::PageEvents),
        Need::TakesBacking(Backing::Shared),
        Need::HugePages,
        Need::HugePageCollapse,
    ]),
    Case::new(
        "kvm.part.punched-with-untagged-first",
        "a huge page of shared memory whose first part was never tagged keeps the others' tags when a hole is punched into it",
        SPLIT,
        punched_mixed,
    )
    .needing(&[
        Need::Capability(Capability::PageEvents),
        Need::TakesBacking(Backing::Shared),
        Need::HugePages,
        Need::HugePageCollapse,
    ]),
    Case::new(
        "kvm.part.whole-huge-page-in-swap",
        "a huge page that goes to swap as a whole comes back with its tags and data",
        SWAP,
        whole_huge_page,
    )
    .needing(PARTS),
    Case::new(
        "kvm.part.underused",
        "a huge page that the kernel splits because most of it is zeros keeps tags and data, of parts full of zeros, too",
        UNDERUSED,
        |b| part(b, PagesTaken::Underused),
    )
    .needing(SHRUNK),
    Case::new(
        "kvm.part.underused-with-untagged-first",
        "a huge page whose first part was never tagged keeps the others' tags when it is split because most of it is zeros",
        SPLIT,
        |b| mixed_by(b, 1, |guest| take(guest, PagesTaken::Underused)),
    )
    .needing(SHRUNK),
    Case::new("kvm.part.shared-in-swap", "shared memory in swap comes back with its tags and data", SWAP, shared_in_swap)
        .needing(&[
            Need::Capability(Capability::PageEvents),
            Need::TakesBacking(Backing::Shared),
            Need::Swap,
            Need::Pagemap,
        ]),
    Case::new(
        "kvm.part.hugetlb-fork",
        "memory of the huge page pool that is written after the VMM forked has its tags and data",
        COPY,
        hugetlb_fork,
    )
    .needing(&[
        Need::Capability(Capability::PageEvents),
        Need::TakesBacking(Backing::Hugetlb),
        Need::Hugetlb,
    ]),
    Case::new(
        "kvm.part.huge-zero-page",
        "tags of huge pages that a guest only reads are 0, and those that it stores there are its own",
        "mm/huge_memory.c, do_huge_pmd_anonymous_page(); arch/arm64/kvm/mmu.c, sanitise_mte_tags()",
        huge_zero_page,
    )
    .needing(&[Need::HugePages]),
];

/// What the host takes of a huge page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PagesTaken {
    /// To swap.
    PagedOut,
    /// It was given back; later the rest goes to swap.
    Discarded,
    /// Nothing is mapped there any more; later the rest goes to swap.
    Unmapped,
    /// Nothing: the kernel splits it because most of it is zeros, of which those that nobody tagged need no page.
    Underused,
}

/// The part that goes is right behind the pages that cases fill.
const TAKEN: u64 = 4;

/// Takes a part of the huge page at the start of the arena.
fn take(guest: &mut Guest, taken: PagesTaken) -> CaseResult {
    let page = guest.machine().page_size();
    let behind = PAGES * page;
    let event = match taken {
        // Half of the pages that are looked at, and no more.
        PagesTaken::PagedOut => return apply_page_event(guest, 0, PAGES / 2 * page, &[PageEvent::PageOut]),
        PagesTaken::Underused => {
            return apply_page_event(guest, 0, abi::map::ARENA_SIZE, &[PageEvent::ShrinkUnderused]);
        }
        PagesTaken::Discarded => PageEvent::Discard,
        PagesTaken::Unmapped => PageEvent::Unmap,
    };
    apply_page_event(guest, behind, TAKEN * page, &[event])?;
    apply_page_event(guest, 0, behind, &[PageEvent::PageOut])
}

fn part(cx: &mut CaseContext<'_>, taken: PagesTaken) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    let contents = fill(cx, &mut guest, 0)?;
    // All that is looked at was tagged, if only with 0; see `mixed_by` for others.
    for number in 0..PAGES + 2 * TAKEN {
        let at = number * page;
        let known = contents.tags.get(granules(at)..granules(at + page));
        let wanted = known.map_or_else(|| vec![9; granules(page)], <[u8]>::to_vec);
        guest.store_tags(arena(at), &wanted)?;
    }
    apply_page_event(&mut guest, 0, abi::map::ARENA_SIZE, &[PageEvent::Collapse])?;
    let behind = (PAGES + TAKEN) * page;
    let nines = vec![9; granules(TAKEN * page)];
    let others = |guest: &mut Guest, when: &str| {
        let found = guest.fetch_tags(arena(behind), nines.len())?;
        tags(&format!("tags behind the part that went, {when}"), arena(behind), &nines, &found)
    };
    take(&mut guest, taken)?;
    others(&mut guest, "once it went")?;
    if taken == PagesTaken::Discarded {
        let found = guest.fetch_tags(arena(PAGES * page), granules(TAKEN * page))?;
        tags("tags of the part that was given back", arena(PAGES * page), &vec![0; found.len()], &found)?;
    }
    check(&mut guest, 0, &contents, First::Guest)?;
    others(&mut guest, "at the end")
}

fn punched(cx: &mut CaseContext<'_>) -> CaseResult {
    takes(cx, Backing::Shared)?;
    let mut guest = cx.guest_in(Backing::Shared)?;
    let page = cx.target().page_size;
    let contents = fill(cx, &mut guest, 0)?;
    for number in [3, PAGES - 1] {
        guest.store_tags(arena(number * page), &vec![0; granules(page)])?;
    }
    let hole = PAGES * page;
    guest.store_tags(arena(hole), &vec![9; granules(TAKEN * page)])?;
    guest.write(arena(hole), &[0x55; 64])?;
    apply_page_event(&mut guest, 0, abi::map::ARENA_SIZE, &[PageEvent::Collapse])?;
    apply_page_event(&mut guest, hole, TAKEN * page, &[PageEvent::Punch])?;
    let found = guest.fetch_tags(arena(hole), granules(TAKEN * page))?;
    tags("tags in the hole", arena(hole), &vec![0; found.len()], &found)?;
    bytes("data in the hole", arena(hole), &[0; 64], &guest.read(arena(hole), 64)?)?;
    tags("tags in the hole, as the guest sees them", arena(hole), &[0; 64], &guest_reads(&mut guest, hole, 64)?)?;
    check(&mut guest, 0, &contents, First::Guest)
}

fn punched_mixed(cx: &mut CaseContext<'_>) -> CaseResult {
    takes(cx, Backing::Shared)?;
    let mut guest = cx.guest_in(Backing::Shared)?;
    let page = cx.target().page_size;
    let each = granules(page);
    guest.write(arena(0), &vec![0x33; (PAGES * page) as usize])?;
    let mut wanted = vec![0; PAGES as usize * each];
    wanted[each..2 * each].copy_from_slice(&cx.random_tags(each));
    guest.store_tags(arena(page), &wanted[each..2 * each])?;
    apply_page_event(&mut guest, 0, abi::map::ARENA_SIZE, &[PageEvent::Collapse])?;
    apply_page_event(&mut guest, PAGES * page, TAKEN * page, &[PageEvent::Punch])?;
    tags("tags beside a hole", arena(0), &wanted, &guest.fetch_tags(arena(0), wanted.len())?)
}

/// Pages that nobody tagged are told from others by [`fill`], and are in swap, too.
fn whole_huge_page(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    let contents = fill(cx, &mut guest, 0)?;
    let last = abi::map::ARENA_SIZE - page;
    let at_the_end = cx.random_tags(granules(page));
    guest.store_tags(arena(last), &at_the_end)?;
    let whole = [PageEvent::Collapse, PageEvent::PageOut];
    apply_page_event(&mut guest, 0, abi::map::ARENA_SIZE, &whole)?;
    tags("tags of the last page", arena(last), &at_the_end, &guest.fetch_tags(arena(last), at_the_end.len())?)?;
    check(&mut guest, 0, &contents, First::Guest)
}

fn shared_in_swap(cx: &mut CaseContext<'_>) -> CaseResult {
    takes(cx, Backing::Shared)?;
    let mut guest = cx.guest_in(Backing::Shared)?;
    let contents = fill(cx, &mut guest, 0)?;
    apply_page_event(&mut guest, 0, PAGES * cx.target().page_size, &[PageEvent::PageOut])?;
    check(&mut guest, 0, &contents, First::Guest)?;
    apply_page_event(&mut guest, 0, PAGES * cx.target().page_size, &[PageEvent::PageOut])?;
    check(&mut guest, 0, &contents, First::Fetch)
}

fn hugetlb_fork(cx: &mut CaseContext<'_>) -> CaseResult {
    takes(cx, Backing::Hugetlb)?;
    let mut guest = cx.guest_in(Backing::Hugetlb)?;
    let page = cx.target().page_size;
    let mut contents = fill(cx, &mut guest, 0)?;
    // Where one part was tagged all of the folio was; see `kvm.backing.hugetlb-parts`.
    for number in [3, PAGES - 1] {
        guest.store_tags(arena(number * page), &vec![0; granules(page)])?;
    }
    apply_page_event(&mut guest, 0, PAGES * page, &[PageEvent::Fork])?;
    guest.write(arena(128), &[0x5a; 16])?;
    contents.data[128..144].fill(0x5a);
    check(&mut guest, 0, &contents, First::Fetch)
}

fn huge_zero_page(cx: &mut CaseContext<'_>) -> CaseResult {
    const SEEN: usize = 64;
    let far = abi::map::ARENA_SIZE / 2;
    let mut guests = [cx.guest_in(Backing::HugePages)?, cx.guest_in(Backing::HugePages)?];
    for guest in &mut guests {
        for offset in [0, far] {
            tags("tags of memory that nobody wrote", arena(offset), &[0; SEEN], &guest_reads(guest, offset, SEEN)?)?;
        }
    }
    let wanted: Vec<u8> = cx.random_tags(SEEN).iter().map(|tag| tag | 1).collect();
    guest_tags(&mut guests[0], 0, &wanted)?;
    let [first, second] = &mut guests;
    tags("tags that the guest stored", arena(0), &wanted, &first.fetch_tags(arena(0), SEEN)?)?;
    tags("tags of the rest", arena(far), &[0; SEEN], &guest_reads(first, far, SEEN)?)?;
    tags("tags of another VM that only read", arena(0), &[0; SEEN], &guest_reads(second, 0, SEEN)?)?;
    tags("the same as fetched", arena(0), &[0; SEEN], &second.fetch_tags(arena(0), SEEN)?)
}
