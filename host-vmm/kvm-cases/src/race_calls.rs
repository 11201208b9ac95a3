//! Chapter: calls of the VMM beside each other and beside vCPUs: to every other a call of the ioctl is one whole.
//!
//! Copies, and changes of slots, hold the VM's `slots_lock`.

use abi::map;

use super::calls::{granules, succeeds};
use super::races::{PAGES, RACES, TOUCH, all_done, length, race, tag_of, whole};
use case::address::{arena, tagged};
use case::expect::{equal, fail_with, tags};
use case::{Case, CaseContext, CaseResult};
use machine::capability::Capability;
use machine::need::Need;
use machine::{Access, Backing, Block, Config, Errno, HostStep, PageEvent, Race, StepResult};

const LOCK: &str = "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags(): kvm->slots_lock";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.race.stores-are-whole",
        "two threads that store tags to the same pages do so one after the other, and a fetch sees all of one of them",
        LOCK,
        stores_are_whole,
    )
    .needing(&[Need::Capability(Capability::Races)]),
    Case::new(
        "kvm.race.neighbours",
        "vCPUs and threads of the VMM that tag pages side by side do not change each other's",
        TOUCH,
        neighbours,
    )
    .needing(&[Need::Capability(Capability::Races)]),
    Case::new(
        "kvm.race.moved-slot",
        "a fetch while its slot is moved away and back gives all of it, or EFAULT: slots do not move amid a copy",
        LOCK,
        |b| slot_changes(b, HostStep::MoveSlot { ipa: SECOND, to: SECOND + (1 << 30) }),
    )
    .needing(&[Need::Capability(Capability::Races)]),
    Case::new(
        "kvm.race.replaced-slot",
        "a fetch while its slot is deleted and made again gives all of it, or EFAULT: slots do not go amid a copy",
        LOCK,
        |b| slot_changes(b, HostStep::ReplaceSlot { ipa: SECOND }),
    )
    .needing(&[Need::Capability(Capability::Races)]),
    Case::new(
        "kvm.race.dirty-log",
        "a page that a vCPU tags while the dirty log is taken is in that log or in the next",
        "Documentation/virt/kvm/api.rst, KVM_GET_DIRTY_LOG",
        dirty_log,
    )
    .needing(&[Need::Capability(Capability::Races), Need::Capability(Capability::DirtyLog)]),
    Case::new(
        "kvm.race.signals",
        "signals that the VMM handles do not stop a copy, and take nothing from it",
        "virt/kvm/kvm_main.c, hva_to_pfn(): not interruptible unless asked",
        signals,
    )
    .needing(&[Need::Capability(Capability::Races)]),
];

/// Where the second slot of a VM is, far from the guest's RAM.
const SECOND: u64 = 0x10_0000_0000;

fn stores_are_whole(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let length = length(cx);
    let stored = [cx.random_tags(granules(length)), cx.random_tags(granules(length))];
    guest.store_tags(arena(0), &stored[0])?;
    let mut threads: Vec<_> =
        stored.iter().map(|tags| vec![HostStep::Store { ipa: arena(0), tags: tags.clone() }]).collect();
    threads.push(vec![HostStep::Fetch { ipa: arena(0), length }]);
    let report = race(cx, &mut guest, Race { threads, rounds: 8, ..Race::default() })?;
    let of_one = |what: &str, found: &[u8]| match stored.iter().any(|tags| tags == found) {
        true => Ok(()),
        false => {
            let from = |tags: &Vec<u8>| tags.iter().zip(found).filter(|(a, b)| a == b).count();
            let [first, second] = [from(&stored[0]), from(&stored[1])];
            let found = format!("{first} as by the one and {second} as by the other");
            fail_with(what, format!("all {} tags of one store", stored[0].len()), found, Vec::new())
        }
    };
    for (thread, results) in report.threads.iter().enumerate() {
        for (round, result) in results.iter().enumerate() {
            let found = whole("a copy beside others", length, result)?;
            if thread == stored.len() {
                of_one(&format!("fetch {round} beside two stores"), found)?;
            }
        }
    }
    of_one("tags afterwards", &guest.fetch_tags(arena(0), granules(length))?)
}

fn neighbours(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_like(Config { cpus: 2, ..Config::default() })?;
    let page = cx.target().page_size;
    let per_page = granules(page);
    // Four actors take turns, a page each.
    let mut expected = vec![0; granules(PAGES * page)];
    let mut steps: [Vec<HostStep>; 2] = [Vec::new(), Vec::new()];
    for number in 0..PAGES as usize {
        let part = &mut expected[number * per_page..][..per_page];
        match number % 4 {
            actor @ (0 | 1) => part.fill(tag_of(actor)),
            actor => {
                part.copy_from_slice(&cx.random_tags(per_page));
                let step = HostStep::Store { ipa: arena(number as u64 * page), tags: part.to_vec() };
                steps[actor - 2].push(step);
            }
        }
    }
    // A vCPU tags every fourth page: a loop over pages around one over granules.
    let text = "page: add x3, x0, #0; add x4, x2, #0; next: stg x1, [x3], #16; subs x4, x4, #1; b.ne next
        adds x0, x0, x6; subs x5, x5, #1; b.ne page";
    let mut blocks = Vec::new();
    for cpu in 0..2 {
        let block = Block::assemble(text)?.x(0, tagged(cpu as u64 * page, 0)).x(1, u64::from(tag_of(cpu)) << 56);
        blocks.push((cpu, block.x(2, per_page as u64).x(5, PAGES / 4).x(6, 4 * page)));
    }
    let report = race(cx, &mut guest, Race { blocks, threads: steps.to_vec(), ..Race::default() })?;
    for result in report.threads.iter().flatten() {
        whole("a store beside the guest", page, result)?;
    }
    tags("tags of four", arena(0), &expected, &guest.fetch_tags(arena(0), expected.len())?)
}

fn slot_changes(cx: &mut CaseContext<'_>, change: HostStep) -> CaseResult {
    let mut guest = cx.guest()?;
    let length = length(cx);
    let stored = cx.random_tags(granules(length));
    succeeds("a second slot", guest.vm()?.add_memory(SECOND, length, Backing::Anonymous, Access::ReadWrite))?;
    guest.store_tags(SECOND, &stored)?;
    let threads = vec![vec![HostStep::Fetch { ipa: SECOND, length }], vec![change]];
    let report = race(cx, &mut guest, Race { threads, rounds: 12, ..Race::default() })?;
    all_done(&report)?;
    for result in &report.threads[0] {
        match result {
            StepResult::Copied(Err(Errno::EFAULT), _) => {}
            other => {
                let found = whole("a fetch beside a slot that changes", length, other)?;
                tags("tags of the slot", SECOND, &stored, found)?;
            }
        }
    }
    tags("tags afterwards", SECOND, &stored, &guest.fetch_tags(SECOND, stored.len())?)
}

fn dirty_log(cx: &mut CaseContext<'_>) -> CaseResult {
    const CPUS: usize = 2;
    let mut guest = cx.guest_like(Config { cpus: CPUS, ..Config::default() })?;
    let page = cx.target().page_size;
    // Present first: what is asked is who notes the second store.
    guest.store_tags(arena(0), &vec![2; granules(length(cx))])?;
    succeeds("KVM_MEM_LOG_DIRTY_PAGES", guest.dirty_log()?.log_dirty(map::RAM_BASE, true))?;
    succeeds("KVM_GET_DIRTY_LOG", guest.dirty_log()?.take_dirty(map::RAM_BASE))?;
    // One granule of each page: a vCPU the even pages, the other the odd ones.
    let text = "next: stg x1, [x0]; adds x0, x0, x3; subs x2, x2, #1; b.ne next";
    let first = (arena(0) - map::RAM_BASE) / page;
    for number in 0..RACES {
        let mut blocks = Vec::new();
        for cpu in 0..CPUS {
            let block = Block::assemble(text)?.x(0, tagged(cpu as u64 * page, 0)).x(1, 7 << 56);
            blocks.push((cpu, block.x(2, PAGES / CPUS as u64).x(3, CPUS as u64 * page)));
        }
        let threads = vec![vec![HostStep::TakeDirty { ipa: map::RAM_BASE }]];
        let report = race(cx, &mut guest, Race { blocks, threads, rounds: 4, ..Race::default() })?;
        let mut logged = succeeds("KVM_GET_DIRTY_LOG", guest.dirty_log()?.take_dirty(map::RAM_BASE))?;
        for result in &report.threads[0] {
            if let StepResult::Dirty(pages) = result {
                logged.extend(pages);
            }
        }
        let missing: Vec<u64> = (first..first + PAGES).filter(|number| !logged.contains(number)).collect();
        let what = format!("pages that were tagged in race {number} and are in no log");
        equal(&what, &"[]".to_owned(), &format!("{missing:?}"))?;
    }
    Ok(())
}

fn signals(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let length = length(cx);
    let stored = cx.random_tags(granules(length));
    let store = HostStep::Store { ipa: arena(0), tags: stored.clone() };
    // Pages are new in each round, so that there is something to wait for.
    let discard = HostStep::Event { ipa: arena(0), length, event: PageEvent::Discard };
    let threads = vec![vec![discard, store, HostStep::Fetch { ipa: arena(0), length }]];
    let report = race(cx, &mut guest, Race { threads, rounds: 6, signals: true, ..Race::default() })?;
    all_done(&report)?;
    let copies = report.threads[0].iter().filter(|result| !matches!(result, StepResult::Done(_)));
    for result in copies {
        let found = whole("a copy amid signals", length, result)?;
        tags("tags of a copy amid signals", arena(0), &stored, found)?;
    }
    Ok(())
}
