//! Chapter: tags survive that a page becomes another's, too: merging by KSM, and forking.
//!
//! Tags belong to the page, so whoever writes first has a copy with all of it.

use super::calls::granules;
use super::life::{COPY, First, PAGES, apply_page_event, check, fill};
use case::address::arena;
use case::expect::{bytes, tags};
use case::tagging::{guest_reads, guest_tags};
use case::{Case, CaseContext, CaseResult};
use machine::PageEvent;
use machine::capability::Capability;
use machine::need::Need;

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
];

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
