//! Chapter: what a debugger of the VMM sees of guest memory, by PTRACE_PEEKMTETAGS and PTRACE_POKEMTETAGS.
//!
//! The ioctl's format is theirs, so both must agree on the same page.

use super::calls::{granules, refused, succeeds};
use super::fresh::leave_tags_behind;
use case::address::arena;
use case::expect::{equal, tags};
use case::tagging::{guest_reads, guest_tags};
use case::{Case, CaseContext, CaseResult};
use machine::capability::Capability;
use machine::need::Need;
use machine::tags::GRANULE;
use machine::{Errno, PageEvent, Protection};

const PTRACE: &str = "Documentation/arch/arm64/memory-tagging-extension.rst, The ptrace() interface";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.debugger.peek-is-fetch",
        "PTRACE_PEEKMTETAGS of guest memory gives what KVM_ARM_MTE_COPY_TAGS fetches, and what the guest stored",
        PTRACE,
        peek_is_fetch,
    )
    .needing(&[Need::Capability(Capability::PtraceTags), Need::Ptrace, Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.debugger.poke-is-seen",
        "tags that PTRACE_POKEMTETAGS stores to guest memory are what the guest loads and the ioctl fetches",
        PTRACE,
        poke_is_seen,
    )
    .needing(&[Need::Capability(Capability::PtraceTags), Need::Ptrace, Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.debugger.needs-prot-mte",
        "PTRACE_PEEKMTETAGS of guest memory that the VMM has not mapped with PROT_MTE is EIO, although it has tags",
        PTRACE,
        needs_prot_mte,
    )
    .needing(&[Need::Capability(Capability::PtraceTags), Need::Ptrace]),
    Case::new(
        "kvm.debugger.short-count",
        "PTRACE_PEEKMTETAGS that runs out of PROT_MTE memory copies the tags up to there, and says how many",
        PTRACE,
        short_count,
    )
    .needing(&[Need::Capability(Capability::PtraceTags), Need::Ptrace, Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.debugger.parts-of-pages",
        "PTRACE_PEEKMTETAGS and PTRACE_POKEMTETAGS that begin and end amid pages copy the tags of that range and no others",
        PTRACE,
        parts_of_pages,
    )
    .needing(&[Need::Capability(Capability::PtraceTags), Need::Ptrace, Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.debugger.never-tagged-is-zero",
        "memory that nobody tagged has tag 0 for a debugger, whoever had the page before",
        "arch/arm64/kernel/mte.c, mte_sync_tags()",
        never_tagged,
    )
    .needing(&[Need::Capability(Capability::PtraceTags), Need::Ptrace, Need::Capability(Capability::PageEvents)]),
];

const TAGGED: PageEvent = PageEvent::Protect(Protection::Tagged);

fn peek_is_fetch(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    let each = granules(page);
    let mut wanted = cx.random_tags(2 * each);
    guest.store_tags(arena(0), &wanted)?;
    let by_guest = cx.random_tags(64);
    guest_tags(&mut guest, 0, &by_guest)?;
    wanted[..64].copy_from_slice(&by_guest);
    succeeds("mprotect(PROT_MTE)", guest.page_events()?.page_event(arena(0), 2 * page, TAGGED))?;
    let mut found = vec![0xff; 2 * each];
    let copied = succeeds("PTRACE_PEEKMTETAGS", guest.ptrace_tags()?.peek_tags(arena(0), &mut found))?;
    equal("the number of tags copied", &(2 * each), &copied)?;
    tags("tags as a debugger sees them", arena(0), &wanted, &found)?;
    tags("tags as fetched", arena(0), &wanted, &guest.fetch_tags(arena(0), 2 * each)?)
}

fn poke_is_seen(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    succeeds("mprotect(PROT_MTE)", guest.page_events()?.page_event(arena(0), page, TAGGED))?;
    let wanted = cx.random_tags(granules(page));
    let copied = succeeds("PTRACE_POKEMTETAGS", guest.ptrace_tags()?.poke_tags(arena(0), &wanted))?;
    equal("the number of tags copied", &wanted.len(), &copied)?;
    tags("tags as fetched", arena(0), &wanted, &guest.fetch_tags(arena(0), wanted.len())?)?;
    let seen = guest_reads(&mut guest, 0, 64)?;
    tags("tags as the guest sees them", arena(0), &wanted[..64], &seen)
}

fn needs_prot_mte(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest_tags(&mut guest, 0, &[3; 16])?;
    let mut found = [0xff; 16];
    let peeked = guest.ptrace_tags()?.peek_tags(arena(0), &mut found);
    refused("PTRACE_PEEKMTETAGS without PROT_MTE", Errno(5), peeked)
}

fn short_count(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    let each = granules(page);
    let wanted = cx.random_tags(2 * each);
    guest.store_tags(arena(0), &wanted)?;
    succeeds("mprotect(PROT_MTE) of one page", guest.page_events()?.page_event(arena(0), page, TAGGED))?;
    let mut found = vec![0xff; 2 * each];
    let copied = succeeds("PTRACE_PEEKMTETAGS", guest.ptrace_tags()?.peek_tags(arena(0), &mut found))?;
    equal("the number of tags copied", &each, &copied)?;
    tags("the tags copied", arena(0), &wanted[..each], &found[..each])
}

fn parts_of_pages(cx: &mut CaseContext<'_>) -> CaseResult {
    /// Granules of the first page before the range, and of the last page in it.
    const BEFORE: usize = 7;
    const WITHIN: usize = 20;
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    let each = granules(page);
    let mut wanted = cx.random_tags(3 * each);
    guest.store_tags(arena(0), &wanted)?;
    succeeds("mprotect(PROT_MTE)", guest.page_events()?.page_event(arena(0), 3 * page, TAGGED))?;
    for (first, count) in [(BEFORE, WITHIN), (BEFORE, each - BEFORE + WITHIN), (BEFORE, 2 * each - BEFORE + WITHIN)] {
        let at = arena(first as u64 * GRANULE);
        let mut found = vec![0xff; count];
        let copied = succeeds("PTRACE_PEEKMTETAGS", guest.ptrace_tags()?.peek_tags(at, &mut found))?;
        equal("the number of tags read", &count, &copied)?;
        tags("tags as a debugger sees them", at, &wanted[first..first + count], &found)?;
        wanted[first..first + count].iter_mut().for_each(|tag| *tag ^= 0x9);
        let copied = guest.ptrace_tags()?.poke_tags(at, &wanted[first..first + count]);
        equal("the number of tags stored", &count, &succeeds("PTRACE_POKEMTETAGS", copied)?)?;
        tags("the tags around, too, as fetched", arena(0), &wanted, &guest.fetch_tags(arena(0), wanted.len())?)?;
    }
    Ok(())
}

fn never_tagged(cx: &mut CaseContext<'_>) -> CaseResult {
    leave_tags_behind(cx)?;
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    // The VMM has written the first page before it mapped both with PROT_MTE, and the second one after.
    guest.write(arena(0), &[0x55; 64])?;
    succeeds("mprotect(PROT_MTE)", guest.page_events()?.page_event(arena(0), 2 * page, TAGGED))?;
    guest.write(arena(page), &[0x55; 64])?;
    let mut found = vec![0xff; granules(2 * page)];
    let copied = succeeds("PTRACE_PEEKMTETAGS", guest.ptrace_tags()?.peek_tags(arena(0), &mut found))?;
    equal("the number of tags copied", &found.len(), &copied)?;
    tags("tags of memory that nobody tagged", arena(0), &vec![0; found.len()], &found)
}
