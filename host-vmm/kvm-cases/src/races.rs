//! Chapter: vCPUs and the VMM at the same memory at the same time.
//!
//! In which order things happen is the machine's affair. What is asked here holds in every order: no tag is lost, and none is
//! invented. Calls beside each other are [`super::race_calls`]'s, vCPUs beside each other [`super::race_vcpus`]'s.

use abi::map;

use super::calls::{granules, returns, succeeds};
use case::address::{arena, tagged};
use case::expect::{fail_with, tags};
use case::{Case, CaseContext, CaseError, CaseResult, Guest, HUGE_RAM};
use machine::capability::Capability;
use machine::need::Need;
use machine::{Backing, Block, Config, HostStep, PageEvent, Protection, Race, RaceReport, StepResult};

pub(super) const TOUCH: &str =
    "arch/arm64/include/asm/mte.h, try_page_mte_tagging(); arch/arm64/kvm/mmu.c, sanitise_mte_tags()";
const PAGE: &str = "arch/arm64/kernel/mte.c, mte_sync_tags(); arch/arm64/mm/copypage.c, copy_highpage()";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.race.two-vcpus-touch-first",
        "of two vCPUs that tag new pages at the same time neither loses a tag",
        TOUCH,
        |b| vcpus_touch_first(b, 2, Backing::Anonymous),
    )
    .needing(&[Need::Capability(Capability::Races), Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.race.eight-vcpus-touch-first",
        "of eight vCPUs that tag new pages at the same time none loses a tag",
        TOUCH,
        |b| vcpus_touch_first(b, 8, Backing::Anonymous),
    )
    .needing(&[Need::Capability(Capability::Races), Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.race.huge-page-touched-first",
        "of four vCPUs that tag a new huge page at the same time none loses a tag",
        TOUCH,
        |b| vcpus_touch_first(b, 4, Backing::HugePages),
    )
    .needing(&[Need::Capability(Capability::Races), Need::Capability(Capability::PageEvents), Need::HugePages]),
    Case::new(
        "kvm.race.fetch-beside-first-touch",
        "a fetch while vCPUs tag new pages gives 0 or the new tag of each granule, and the new one once it was there",
        TOUCH,
        fetch_beside_first_touch,
    )
    .needing(&[Need::Capability(Capability::Races)]),
    Case::new(
        "kvm.race.store-beside-first-touch",
        "storing tags to new pages while a vCPU tags them leaves each granule with one of the two tags",
        TOUCH,
        store_beside_first_touch,
    )
    .needing(&[Need::Capability(Capability::Races), Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.race.data-beside-first-touch",
        "data that the VMM writes to new pages while a vCPU tags them is kept, and so are the tags",
        TOUCH,
        data_beside_first_touch,
    )
    .needing(&[Need::Capability(Capability::Races)]),
    Case::new(
        "kvm.race.prot-mte-beside-first-touch",
        "mprotect(PROT_MTE) of new pages while a vCPU tags them clears no tag",
        PAGE,
        |b| event_beside_tagging(b, PageEvent::Protect(Protection::Tagged), Touched::New),
    )
    .needing(&[Need::Capability(Capability::Races), Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.race.fetch-beside-tagging",
        "a fetch while a vCPU tags pages again and again gives an old or a new tag of each granule",
        "arch/arm64/lib/mte.S, mte_copy_tags_to_user()",
        fetch_beside_tagging,
    )
    .needing(&[Need::Capability(Capability::Races)]),
    Case::new(
        "kvm.race.discard-beside-tagging",
        "pages that are given back while a vCPU tags them hold tag 0 or the vCPU's, and nothing from before",
        PAGE,
        discard_beside_tagging,
    )
    .needing(&[Need::Capability(Capability::Races)]),
    Case::new(
        "kvm.race.swap-beside-tagging",
        "pages that go to swap while a vCPU tags them lose no tag",
        "arch/arm64/mm/mteswap.c",
        |b| event_beside_tagging(b, PageEvent::PageOut, Touched::Before),
    )
    .needing(&[
        Need::Capability(Capability::Races),
        Need::Capability(Capability::PageEvents),
        Need::Swap,
        Need::Pagemap,
    ]),
    Case::new(
        "kvm.race.migration-beside-tagging",
        "pages that move to other page frames while a vCPU tags them lose no tag",
        PAGE,
        |b| event_beside_tagging(b, PageEvent::Migrate, Touched::Before),
    )
    .needing(&[
        Need::Capability(Capability::Races),
        Need::Capability(Capability::PageEvents),
        Need::Numa,
        Need::Pagemap,
    ]),
];

/// Host pages that a race is about.
pub(super) const PAGES: u64 = 12;
/// How often what depends on the order is tried again: a machine, or a seed, has another one each time.
pub(super) const RACES: usize = 4;

/// The tag of vCPU `n`; none is 0.
pub(super) fn tag_of(n: usize) -> u8 {
    1 + n as u8
}

/// A block that tags every `stride`-th granule of a range, from a byte offset on, `sweeps` times.
pub(super) fn sweep(offset: u64, stride: u64, count: usize, tag: u8, sweeps: u64) -> Result<Block, CaseError> {
    let text = format!(
        "again: add x3, x0, #0; add x4, x2, #0; next: stg x1, [x3], #{}; subs x4, x4, #1; b.ne next
        subs x5, x5, #1; b.ne again",
        stride * 16
    );
    let block = Block::assemble(&text)?.x(0, tagged(offset, 0)).x(1, u64::from(tag) << 56);
    Ok(block.x(2, count as u64).x(5, sweeps))
}

/// Runs a race in which no block takes an exception.
pub(super) fn race(cx: &mut CaseContext<'_>, guest: &mut Guest, race: Race) -> Result<RaceReport, CaseError> {
    let race = Race { seed: cx.random().u64(..), ..race };
    let report = guest.races()?.race(&race)?;
    for ((cpu, block), trace) in race.blocks.iter().zip(&report.traces) {
        if let Some(fault) = trace.faults.first() {
            return fail_with(format!("the block of vCPU {cpu}"), "no exception", fault, block.listing());
        }
    }
    Ok(report)
}

/// Expects each granule to have a tag that is permitted for it.
pub(super) fn each(what: &str, ipa: u64, found: &[u8], permitted: impl Fn(usize) -> Vec<u8>) -> CaseResult {
    let Some(wrong) = (0..found.len()).find(|granule| !permitted(*granule).contains(&found[*granule])) else {
        return Ok(());
    };
    let wanted = permitted(wrong).iter().map(|tag| format!("{tag:#x}")).collect::<Vec<_>>().join(" or ");
    let what = format!("{what}, granule {wrong} at {:#x}", ipa + wrong as u64 * 16);
    fail_with(what, format!("tag {wanted}"), format!("tag {:#x}", found[wrong]), Vec::new())
}

/// Expects a copy to have covered all, and returns its tags.
pub(super) fn whole<'a>(what: &str, length: u64, result: &'a StepResult) -> Result<&'a [u8], CaseError> {
    match result {
        StepResult::Copied(result, tags) => returns(what, Ok(length), *result).map(|()| &tags[..]),
        other => fail_with(what, "a copy", format!("{other:?}"), Vec::new()),
    }
}

/// Expects every step that is no copy to have succeeded.
pub(super) fn all_done(report: &RaceReport) -> CaseResult {
    let steps = report.threads.iter().flatten();
    let mut failed = steps.filter_map(|step| if let StepResult::Done(Err(errno)) = step { Some(errno) } else { None });
    match failed.next() {
        None => Ok(()),
        Some(errno) => fail_with("a step of the VMM beside the guest", "success", errno, Vec::new()),
    }
}

pub(super) fn length(cx: &CaseContext<'_>) -> u64 {
    PAGES * cx.target().page_size
}

fn vcpus_touch_first(cx: &mut CaseContext<'_>, cpus: usize, backing: Backing) -> CaseResult {
    const ROUNDS: usize = 3;
    let ram = if backing == Backing::HugePages { HUGE_RAM } else { Config::default().ram };
    let mut guest = cx.guest_like(Config { cpus, ram, backing, ..Config::default() })?;
    let length = length(cx);
    let count = granules(length);
    let expected: Vec<u8> = (0..count).map(|granule| tag_of(granule % cpus)).collect();
    for round in 0..ROUNDS {
        let blocks = (0..cpus)
            .map(|cpu| Ok((cpu, sweep(16 * cpu as u64, cpus as u64, count / cpus, tag_of(cpu), 1)?)))
            .collect::<Result<_, CaseError>>()?;
        race(cx, &mut guest, Race { blocks, ..Race::default() })?;
        let what = format!("tags that {cpus} vCPUs stored at the same time, round {round}");
        tags(&what, arena(0), &expected, &guest.fetch_tags(arena(0), count)?)?;
        succeeds("MADV_DONTNEED", guest.page_events()?.page_event(arena(0), map::ARENA_SIZE, PageEvent::Discard))?;
    }
    Ok(())
}

fn fetch_beside_first_touch(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_like(Config { cpus: 2, ..Config::default() })?;
    let length = length(cx);
    let count = granules(length);
    let new = |granule: usize| tag_of(granule % 2);
    let blocks = vec![(0, sweep(0, 2, count / 2, new(0), 1)?), (1, sweep(16, 2, count / 2, new(1), 1)?)];
    let threads = vec![vec![HostStep::Fetch { ipa: arena(0), length }]];
    let report = race(cx, &mut guest, Race { blocks, threads, rounds: 8, ..Race::default() })?;
    let mut before = vec![0; count];
    for (round, result) in report.threads[0].iter().enumerate() {
        let found = whole("a fetch beside the guest", length, result)?;
        each(&format!("fetch {round} beside the guest"), arena(0), found, |granule| match before[granule] {
            0 => vec![0, new(granule)],
            there => vec![there],
        })?;
        before.copy_from_slice(found);
    }
    let expected: Vec<u8> = (0..count).map(new).collect();
    tags("tags afterwards", arena(0), &expected, &guest.fetch_tags(arena(0), count)?)
}

fn store_beside_first_touch(cx: &mut CaseContext<'_>) -> CaseResult {
    const GUEST: u8 = 0xa;
    const VMM: u8 = 0x5;
    let mut guest = cx.guest()?;
    let length = length(cx);
    let count = granules(length);
    for _ in 0..3 {
        let blocks = vec![(0, sweep(0, 2, count / 2, GUEST, 1)?)];
        let threads = vec![vec![HostStep::Store { ipa: arena(0), tags: vec![VMM; count] }]];
        let report = race(cx, &mut guest, Race { blocks, threads, ..Race::default() })?;
        whole("a store beside the guest", length, &report.threads[0][0])?;
        let found = guest.fetch_tags(arena(0), count)?;
        each("tags of both", arena(0), &found, |granule| if granule % 2 == 0 { vec![GUEST, VMM] } else { vec![VMM] })?;
        succeeds("MADV_DONTNEED", guest.page_events()?.page_event(arena(0), length, PageEvent::Discard))?;
    }
    Ok(())
}

fn data_beside_first_touch(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let length = length(cx);
    let count = granules(length);
    let mut data = vec![0; length as usize];
    cx.random().fill(&mut data);
    let blocks = vec![(0, sweep(0, 1, count, 9, 1)?)];
    let threads = vec![vec![HostStep::Write { ipa: arena(0), bytes: data.clone() }]];
    all_done(&race(cx, &mut guest, Race { blocks, threads, ..Race::default() })?)?;
    case::expect::bytes("the data afterwards", arena(0), &data, &guest.read(arena(0), data.len())?)?;
    tags("tags afterwards", arena(0), &vec![9; count], &guest.fetch_tags(arena(0), count)?)
}

/// Whether pages were tagged before a race.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Touched {
    Before,
    New,
}

fn event_beside_tagging(cx: &mut CaseContext<'_>, event: PageEvent, touched: Touched) -> CaseResult {
    let mut guest = cx.guest()?;
    let length = length(cx);
    let count = granules(length);
    if touched == Touched::Before {
        guest.store_tags(arena(0), &vec![3; count])?;
        // What this host cannot do skips the case here.
        succeeds(&format!("{event:?}"), guest.page_events()?.page_event(arena(0), length, event))?;
    }
    // The upper half of the pages is not tagged again: it keeps what it has.
    let mut expected = vec![12; count];
    expected[count / 2..].fill(if touched == Touched::Before { 3 } else { 0 });
    for number in 0..RACES {
        let blocks = vec![(0, sweep(0, 1, count / 2, 12, 4)?)];
        let threads = vec![vec![HostStep::Event { ipa: arena(0), length, event }]];
        all_done(&race(cx, &mut guest, Race { blocks, threads, rounds: 2, ..Race::default() })?)?;
        let what = format!("tags after race {number}");
        tags(&what, arena(0), &expected, &guest.fetch_tags(arena(0), count)?)?;
        if touched == Touched::New {
            succeeds("MADV_DONTNEED", guest.page_events()?.page_event(arena(0), length, PageEvent::Discard))?;
        }
    }
    Ok(())
}

fn fetch_beside_tagging(cx: &mut CaseContext<'_>) -> CaseResult {
    const OLD: u8 = 0x3;
    const NEW: u8 = 0xc;
    let mut guest = cx.guest()?;
    let length = length(cx);
    let count = granules(length);
    guest.store_tags(arena(0), &vec![OLD; count])?;
    let text = "again: add x3, x0, #0; add x4, x2, #0; next: stg x1, [x3], #16; subs x4, x4, #1; b.ne next
        add x3, x0, #0; add x4, x2, #0; back: stg x6, [x3], #16; subs x4, x4, #1; b.ne back
        subs x5, x5, #1; b.ne again";
    let block = Block::assemble(text)?.x(0, tagged(0, 0)).x(1, u64::from(NEW) << 56).x(2, count as u64);
    let blocks = vec![(0, block.x(5, 2).x(6, u64::from(OLD) << 56))];
    let threads = vec![vec![HostStep::Fetch { ipa: arena(0), length }]];
    let report = race(cx, &mut guest, Race { blocks, threads, rounds: 8, ..Race::default() })?;
    for (round, result) in report.threads[0].iter().enumerate() {
        let found = whole("a fetch beside the guest", length, result)?;
        each(&format!("fetch {round} beside the guest"), arena(0), found, |_| vec![OLD, NEW])?;
    }
    tags("tags afterwards", arena(0), &vec![OLD; count], &guest.fetch_tags(arena(0), count)?)
}

fn discard_beside_tagging(cx: &mut CaseContext<'_>) -> CaseResult {
    const OLD: u8 = 0x6;
    const NEW: u8 = 0x9;
    let mut guest = cx.guest()?;
    let length = length(cx);
    let count = granules(length);
    guest.store_tags(arena(0), &vec![OLD; count])?;
    let blocks = vec![(0, sweep(0, 2, count / 2, NEW, 2)?)];
    let threads = vec![vec![HostStep::Event { ipa: arena(0), length, event: PageEvent::Discard }]];
    all_done(&race(cx, &mut guest, Race { blocks, threads, rounds: 4, ..Race::default() })?)?;
    let found = guest.fetch_tags(arena(0), count)?;
    each("tags afterwards", arena(0), &found, |granule| if granule % 2 == 0 { vec![0, NEW] } else { vec![0] })
}
