//! Races of those who have the same memory: two VMs, and a VM and a mapping with PROT_MTE, that touch new pages at the same moment.

use abi::map;

use super::backings::takes;
use super::calls::{granules, returns, succeeds};
use super::races::{PAGES, RACES, TOUCH, all_done, each, length, race, whole};
use case::address::{arena, tagged};
use case::expect::tags;
use case::{Case, CaseContext, CaseError, CaseResult, Guest};
use machine::capability::Capability;
use machine::need::Need;
use machine::{Backing, Block, HostStep, PageEvent, Race};

const NEEDS: &[Need] = &[
    Need::Capability(Capability::Races),
    Need::Capability(Capability::PageEvents),
    Need::Capability(Capability::SharedMemory),
    Need::TakesBacking(Backing::Shared),
];

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.race.two-vms-touch-first",
        "of a guest that tags new pages and another VM of the same memory that stores tags there, neither loses any to the other's first touch",
        TOUCH,
        two_vms_touch,
    )
    .needing(NEEDS),
    Case::new(
        "kvm.race.two-vms-store-first",
        "of two VMs of the same memory that store the tags of new pages at the same time each granule has one of the two tags, and both see it",
        TOUCH,
        two_vms_store,
    )
    .needing(NEEDS),
    Case::new(
        "kvm.race.vm-and-process-touch-first",
        "a guest and a mapping with PROT_MTE of its memory that tag new pages at the same time both keep their tags",
        TOUCH,
        vm_and_process,
    )
    .needing(NEEDS),
];

/// The guest's tag.
const GUEST: u8 = 0xa;

/// A guest in shared memory that another VM and a mapping with PROT_MTE have, too.
fn shared(cx: &mut CaseContext<'_>) -> Result<Guest, CaseError> {
    takes(cx, Backing::Shared)?;
    let mut guest = cx.guest_in(Backing::Shared)?;
    succeeds("another VM of the same memory", guest.shared_memory()?.share())?;
    Ok(guest)
}

/// Runs races in new pages, and looks at the tags afterwards, which both VMs must see. The guest, if it takes part, tags the first
/// granule of each page.
fn races(
    cx: &mut CaseContext<'_>,
    guest_too: bool,
    threads: &[Vec<HostStep>],
    expect: impl Fn(&[u8]) -> CaseResult,
) -> CaseResult {
    let mut guest = shared(cx)?;
    let length = length(cx);
    let text = "next: stg x1, [x0]; adds x0, x0, x3; subs x2, x2, #1; b.ne next";
    let block = Block::assemble(text)?.x(0, tagged(0, 0)).x(1, u64::from(GUEST) << 56);
    let block = block.x(2, PAGES).x(3, cx.target().page_size);
    for _ in 0..2 * RACES {
        let blocks = if guest_too { vec![(0, block.clone())] } else { Vec::new() };
        let report = race(cx, &mut guest, Race { blocks, threads: threads.to_vec(), ..Race::default() })?;
        all_done(&report)?;
        for (step, result) in threads.iter().flatten().zip(report.threads.iter().flatten()) {
            if !matches!(step, HostStep::StoreMapped { .. }) {
                whole("a store beside another", cx.target().page_size, result)?;
            }
        }
        let found = guest.fetch_tags(arena(0), granules(length))?;
        expect(&found)?;
        let mut elsewhere = vec![0xff; found.len()];
        let fetched = guest.shared_memory()?.fetch_elsewhere(arena(0), &mut elsewhere);
        returns("a fetch of the other VM", Ok(length), fetched)?;
        tags("what the other VM fetches", arena(0), &found, &elsewhere)?;
        succeeds("MADV_REMOVE", guest.page_events()?.page_event(arena(0), map::ARENA_SIZE, PageEvent::Punch))?;
    }
    Ok(())
}

/// Steps that each concern one page.
fn by_page(cx: &CaseContext<'_>, tags: &[u8], step: impl Fn(u64, Vec<u8>) -> HostStep) -> Vec<HostStep> {
    let page = cx.target().page_size;
    let pages = (0..).zip(tags.chunks(granules(page)));
    pages.map(|(number, tags)| step(arena(number * page), tags.to_vec())).collect()
}

fn two_vms_touch(cx: &mut CaseContext<'_>) -> CaseResult {
    let stored = cx.random_tags(granules(length(cx)));
    let per_page = granules(cx.target().page_size);
    let threads = [by_page(cx, &stored, |ipa, tags| HostStep::StoreElsewhere { ipa, tags })];
    races(cx, true, &threads, |found| {
        each("tags of a guest and another VM", arena(0), found, |granule| {
            let by_guest = granule.is_multiple_of(per_page).then_some(GUEST);
            by_guest.into_iter().chain([stored[granule]]).collect()
        })
    })
}

fn two_vms_store(cx: &mut CaseContext<'_>) -> CaseResult {
    let [first, second] = [0; 2].map(|_| cx.random_tags(granules(length(cx))));
    // Two VMs have a lock each, so a page may have granules of both.
    let threads = [
        by_page(cx, &first, |ipa, tags| HostStep::Store { ipa, tags }),
        by_page(cx, &second, |ipa, tags| HostStep::StoreElsewhere { ipa, tags }),
    ];
    races(cx, false, &threads, |found| {
        each("tags of two VMs", arena(0), found, |granule| vec![first[granule], second[granule]])
    })
}

fn vm_and_process(cx: &mut CaseContext<'_>) -> CaseResult {
    let per_page = granules(cx.target().page_size);
    let half = per_page / 2;
    let mut expected = vec![0; granules(length(cx))];
    let mut steps = Vec::new();
    for (number, part) in (0..).zip(expected.chunks_mut(per_page)) {
        part[0] = GUEST;
        part[half..].copy_from_slice(&cx.random_tags(per_page - half));
        let ipa = arena(number * cx.target().page_size + 16 * half as u64);
        steps.push(HostStep::StoreMapped { ipa, tags: part[half..].to_vec() });
    }
    races(cx, true, &[steps], |found| tags("tags of a guest and a process", arena(0), &expected, found))
}
