//! Chapter: vCPUs and the VMM at the same memory at the same time.
//!
//! In which order things happen is the machine's affair. What is asked here holds in every order: no tag is lost, none is
//! invented, and a call of the ioctl is one whole to every other.

use abi::map::{self, Window};

use super::address::{arena, pointer, tagged};
use super::bench::{Bench, HUGE_RAM};
use super::calls::{granules, returns, succeeds};
use super::case::{Case, Checked, Need, Stop};
use super::expect::{equal, equal_hex, fail_with, tags};
use super::guest::Guest;
use super::settings::Mode;
use crate::machine::{
    Access, Backing, Block, Config, El, Errno, HostStep, PageEvent, Protection, Race, RaceReport, StepResult, Trace,
};
use abi::mailbox::SysReg;

const TOUCH: &str = "arch/arm64/include/asm/mte.h, try_page_mte_tagging(); arch/arm64/kvm/mmu.c, sanitise_mte_tags()";
const LOCK: &str = "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags(): kvm->slots_lock";
const PAGE: &str = "arch/arm64/kernel/mte.c, mte_sync_tags(); arch/arm64/mm/copypage.c, copy_highpage()";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.race.two-vcpus-touch-first",
        "of two vCPUs that tag new pages at the same time neither loses a tag",
        TOUCH,
        |b| vcpus_touch_first(b, 2, Backing::Anonymous),
    ),
    Case::new(
        "kvm.race.eight-vcpus-touch-first",
        "of eight vCPUs that tag new pages at the same time none loses a tag",
        TOUCH,
        |b| vcpus_touch_first(b, 8, Backing::Anonymous),
    ),
    Case::new(
        "kvm.race.huge-page-touched-first",
        "of four vCPUs that tag a new huge page at the same time none loses a tag",
        TOUCH,
        |b| vcpus_touch_first(b, 4, Backing::HugePages),
    )
    .needing(&[Need::HugePages]),
    Case::new(
        "kvm.race.fetch-beside-first-touch",
        "a fetch while vCPUs tag new pages gives 0 or the new tag of each granule, and the new one once it was there",
        TOUCH,
        fetch_beside_first_touch,
    ),
    Case::new(
        "kvm.race.store-beside-first-touch",
        "storing tags to new pages while a vCPU tags them leaves each granule with one of the two tags",
        TOUCH,
        store_beside_first_touch,
    ),
    Case::new(
        "kvm.race.data-beside-first-touch",
        "data that the VMM writes to new pages while a vCPU tags them is kept, and so are the tags",
        TOUCH,
        data_beside_first_touch,
    ),
    Case::new(
        "kvm.race.prot-mte-beside-first-touch",
        "mprotect(PROT_MTE) of new pages while a vCPU tags them clears no tag",
        PAGE,
        |b| event_beside_tagging(b, PageEvent::Protect(Protection::Tagged), Touched::New),
    ),
    Case::new(
        "kvm.race.fetch-beside-tagging",
        "a fetch while a vCPU tags pages again and again gives an old or a new tag of each granule",
        "arch/arm64/lib/mte.S, mte_copy_tags_to_user()",
        fetch_beside_tagging,
    ),
    Case::new(
        "kvm.race.same-granules",
        "vCPUs that tag the same granules leave each with the tag of one of them",
        "DDI 0487, Allocation tags: a tag is accessed with single-copy atomicity",
        same_granules,
    ),
    Case::new(
        "kvm.race.stores-are-whole",
        "two threads that store tags to the same pages do so one after the other, and a fetch sees all of one of them",
        LOCK,
        stores_are_whole,
    ),
    Case::new(
        "kvm.race.neighbours",
        "vCPUs and threads of the VMM that tag pages side by side do not change each other's",
        TOUCH,
        neighbours,
    ),
    Case::new(
        "kvm.race.discard-beside-tagging",
        "pages that are given back while a vCPU tags them hold tag 0 or the vCPU's, and nothing from before",
        PAGE,
        discard_beside_tagging,
    ),
    Case::new(
        "kvm.race.swap-beside-tagging",
        "pages that go to swap while a vCPU tags them lose no tag",
        "arch/arm64/mm/mteswap.c",
        |b| event_beside_tagging(b, PageEvent::PageOut, Touched::Before),
    ),
    Case::new(
        "kvm.race.migration-beside-tagging",
        "pages that move to other page frames while a vCPU tags them lose no tag",
        PAGE,
        |b| event_beside_tagging(b, PageEvent::Migrate, Touched::Before),
    ),
    Case::new(
        "kvm.race.moved-slot",
        "a fetch while its slot is moved away and back gives all of it, or EFAULT: slots do not move amid a copy",
        LOCK,
        |b| slot_changes(b, HostStep::MoveSlot { ipa: SECOND, to: SECOND + (1 << 30) }),
    ),
    Case::new(
        "kvm.race.replaced-slot",
        "a fetch while its slot is deleted and made again gives all of it, or EFAULT: slots do not go amid a copy",
        LOCK,
        |b| slot_changes(b, HostStep::ReplaceSlot { ipa: SECOND }),
    ),
    Case::new(
        "kvm.race.dirty-log",
        "a page that a vCPU tags while the dirty log is taken is in that log or in the next",
        "Documentation/virt/kvm/api.rst, KVM_GET_DIRTY_LOG",
        dirty_log,
    ),
    Case::new(
        "kvm.race.signals",
        "signals that the VMM handles do not stop a copy, and take nothing from it",
        "virt/kvm/kvm_main.c, hva_to_pfn(): not interruptible unless asked",
        signals,
    ),
    Case::new(
        "kvm.race.faults-of-their-own",
        "of vCPUs that run at the same time each has the asynchronous faults of its own accesses only",
        "arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h, __sysreg_save_el1_state()",
        faults_of_their_own,
    ),
    Case::new(
        "kvm.race.generators-of-their-own",
        "vCPUs that draw tags at the same time draw what each draws alone",
        "arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h, __sysreg_save_el1_state(): RGSR_EL1",
        generators_of_their_own,
    ),
];

/// Host pages that a race is about.
const PAGES: u64 = 12;
/// Where its second slot is, far from the guest's RAM.
const SECOND: u64 = 0x10_0000_0000;
/// How often what depends on the order is tried again: a machine, or a seed, has another one each time.
const RACES: usize = 4;

/// The tag of vCPU `n`; none is 0.
fn tag_of(n: usize) -> u8 {
    1 + n as u8
}

/// A block that tags every `stride`-th granule of a range, from a byte offset on, `sweeps` times.
fn sweep(offset: u64, stride: u64, count: usize, tag: u8, sweeps: u64) -> Result<Block, Stop> {
    let text = format!(
        "again: add x3, x0, #0; add x4, x2, #0; next: stg x1, [x3], #{}; subs x4, x4, #1; b.ne next
        subs x5, x5, #1; b.ne again",
        stride * 16
    );
    let block = Block::assemble(&text)?.x(0, tagged(offset, 0)).x(1, u64::from(tag) << 56);
    Ok(block.x(2, count as u64).x(5, sweeps))
}

/// Runs a race in which no block takes an exception.
fn race(bench: &mut Bench<'_>, guest: &mut Guest, race: Race) -> Result<RaceReport, Stop> {
    let race = Race { seed: bench.random().u64(..), ..race };
    let report = guest.machine().race(&race)?;
    for ((cpu, block), trace) in race.blocks.iter().zip(&report.traces) {
        if let Some(fault) = trace.faults.first() {
            return fail_with(format!("the block of vCPU {cpu}"), "no exception", fault, block.listing());
        }
    }
    Ok(report)
}

/// Expects each granule to have a tag that is permitted for it.
fn each(what: &str, ipa: u64, found: &[u8], permitted: impl Fn(usize) -> Vec<u8>) -> Checked {
    let Some(wrong) = (0..found.len()).find(|granule| !permitted(*granule).contains(&found[*granule])) else {
        return Ok(());
    };
    let wanted = permitted(wrong).iter().map(|tag| format!("{tag:#x}")).collect::<Vec<_>>().join(" or ");
    let what = format!("{what}, granule {wrong} at {:#x}", ipa + wrong as u64 * 16);
    fail_with(what, format!("tag {wanted}"), format!("tag {:#x}", found[wrong]), Vec::new())
}

/// Expects a copy to have covered all, and gives its tags.
fn whole<'a>(what: &str, length: u64, result: &'a StepResult) -> Result<&'a [u8], Stop> {
    match result {
        StepResult::Copied(result, tags) => returns(what, Ok(length), *result).map(|()| &tags[..]),
        other => fail_with(what, "a copy", format!("{other:?}"), Vec::new()),
    }
}

/// Expects every step that is no copy to have succeeded.
fn all_done(report: &RaceReport) -> Checked {
    let steps = report.threads.iter().flatten();
    let mut failed = steps.filter_map(|step| if let StepResult::Done(Err(errno)) = step { Some(errno) } else { None });
    match failed.next() {
        None => Ok(()),
        Some(errno) => fail_with("a step of the VMM beside the guest", "success", errno, Vec::new()),
    }
}

fn length(bench: &Bench<'_>) -> u64 {
    PAGES * bench.facts().page_size
}

fn vcpus_touch_first(bench: &mut Bench<'_>, cpus: usize, backing: Backing) -> Checked {
    const ROUNDS: usize = 3;
    let ram = if backing == Backing::HugePages { HUGE_RAM } else { Config::default().ram };
    let mut guest = bench.guest_like(Config { cpus, ram, backing, ..Config::default() })?;
    let length = length(bench);
    let count = granules(length);
    let expected: Vec<u8> = (0..count).map(|granule| tag_of(granule % cpus)).collect();
    for round in 0..ROUNDS {
        let blocks = (0..cpus)
            .map(|cpu| Ok((cpu, sweep(16 * cpu as u64, cpus as u64, count / cpus, tag_of(cpu), 1)?)))
            .collect::<Result<_, Stop>>()?;
        race(bench, &mut guest, Race { blocks, ..Race::default() })?;
        let what = format!("tags that {cpus} vCPUs stored at the same time, round {round}");
        tags(&what, arena(0), &expected, &guest.fetch_tags(arena(0), count)?)?;
        succeeds("MADV_DONTNEED", guest.machine().page_event(arena(0), map::ARENA_SIZE, PageEvent::Discard))?;
    }
    Ok(())
}

fn fetch_beside_first_touch(bench: &mut Bench<'_>) -> Checked {
    let mut guest = bench.guest_like(Config { cpus: 2, ..Config::default() })?;
    let length = length(bench);
    let count = granules(length);
    let new = |granule: usize| tag_of(granule % 2);
    let blocks = vec![(0, sweep(0, 2, count / 2, new(0), 1)?), (1, sweep(16, 2, count / 2, new(1), 1)?)];
    let threads = vec![vec![HostStep::Fetch { ipa: arena(0), length }]];
    let report = race(bench, &mut guest, Race { blocks, threads, rounds: 8, ..Race::default() })?;
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

fn store_beside_first_touch(bench: &mut Bench<'_>) -> Checked {
    const GUEST: u8 = 0xa;
    const VMM: u8 = 0x5;
    let mut guest = bench.guest()?;
    let length = length(bench);
    let count = granules(length);
    for _ in 0..3 {
        let blocks = vec![(0, sweep(0, 2, count / 2, GUEST, 1)?)];
        let threads = vec![vec![HostStep::Store { ipa: arena(0), tags: vec![VMM; count] }]];
        let report = race(bench, &mut guest, Race { blocks, threads, ..Race::default() })?;
        whole("a store beside the guest", length, &report.threads[0][0])?;
        let found = guest.fetch_tags(arena(0), count)?;
        each("tags of both", arena(0), &found, |granule| if granule % 2 == 0 { vec![GUEST, VMM] } else { vec![VMM] })?;
        succeeds("MADV_DONTNEED", guest.machine().page_event(arena(0), length, PageEvent::Discard))?;
    }
    Ok(())
}

fn data_beside_first_touch(bench: &mut Bench<'_>) -> Checked {
    let mut guest = bench.guest()?;
    let length = length(bench);
    let count = granules(length);
    let mut data = vec![0; length as usize];
    bench.random().fill(&mut data);
    let blocks = vec![(0, sweep(0, 1, count, 9, 1)?)];
    let threads = vec![vec![HostStep::Write { ipa: arena(0), bytes: data.clone() }]];
    all_done(&race(bench, &mut guest, Race { blocks, threads, ..Race::default() })?)?;
    super::expect::bytes("the data afterwards", arena(0), &data, &guest.read(arena(0), data.len())?)?;
    tags("tags afterwards", arena(0), &vec![9; count], &guest.fetch_tags(arena(0), count)?)
}

/// Whether pages were tagged before a race.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Touched {
    Before,
    New,
}

fn event_beside_tagging(bench: &mut Bench<'_>, event: PageEvent, touched: Touched) -> Checked {
    let mut guest = bench.guest()?;
    let length = length(bench);
    let count = granules(length);
    if touched == Touched::Before {
        guest.store_tags(arena(0), &vec![3; count])?;
        // What this host cannot do skips the case here.
        succeeds(&format!("{event:?}"), guest.machine().page_event(arena(0), length, event))?;
    }
    // The upper half of the pages is not tagged again: it keeps what it has.
    let mut expected = vec![12; count];
    expected[count / 2..].fill(if touched == Touched::Before { 3 } else { 0 });
    for number in 0..RACES {
        let blocks = vec![(0, sweep(0, 1, count / 2, 12, 4)?)];
        let threads = vec![vec![HostStep::Event { ipa: arena(0), length, event }]];
        all_done(&race(bench, &mut guest, Race { blocks, threads, rounds: 2, ..Race::default() })?)?;
        let what = format!("tags after race {number}");
        tags(&what, arena(0), &expected, &guest.fetch_tags(arena(0), count)?)?;
        if touched == Touched::New {
            succeeds("MADV_DONTNEED", guest.machine().page_event(arena(0), length, PageEvent::Discard))?;
        }
    }
    Ok(())
}

fn fetch_beside_tagging(bench: &mut Bench<'_>) -> Checked {
    const OLD: u8 = 0x3;
    const NEW: u8 = 0xc;
    let mut guest = bench.guest()?;
    let length = length(bench);
    let count = granules(length);
    guest.store_tags(arena(0), &vec![OLD; count])?;
    let text = "again: add x3, x0, #0; add x4, x2, #0; next: stg x1, [x3], #16; subs x4, x4, #1; b.ne next
        add x3, x0, #0; add x4, x2, #0; back: stg x6, [x3], #16; subs x4, x4, #1; b.ne back
        subs x5, x5, #1; b.ne again";
    let block = Block::assemble(text)?.x(0, tagged(0, 0)).x(1, u64::from(NEW) << 56).x(2, count as u64);
    let blocks = vec![(0, block.x(5, 2).x(6, u64::from(OLD) << 56))];
    let threads = vec![vec![HostStep::Fetch { ipa: arena(0), length }]];
    let report = race(bench, &mut guest, Race { blocks, threads, rounds: 8, ..Race::default() })?;
    for (round, result) in report.threads[0].iter().enumerate() {
        let found = whole("a fetch beside the guest", length, result)?;
        each(&format!("fetch {round} beside the guest"), arena(0), found, |_| vec![OLD, NEW])?;
    }
    tags("tags afterwards", arena(0), &vec![OLD; count], &guest.fetch_tags(arena(0), count)?)
}

fn same_granules(bench: &mut Bench<'_>) -> Checked {
    const CPUS: usize = 4;
    let mut guest = bench.guest_like(Config { cpus: CPUS, ..Config::default() })?;
    let count = granules(bench.facts().page_size);
    let blocks = (0..CPUS).map(|cpu| Ok((cpu, sweep(0, 1, count, tag_of(cpu), 4)?))).collect::<Result<_, Stop>>()?;
    let threads = vec![vec![HostStep::Fetch { ipa: arena(0), length: bench.facts().page_size }]];
    race(bench, &mut guest, Race { blocks, threads, rounds: 2, ..Race::default() })?;
    let found = guest.fetch_tags(arena(0), count)?;
    each("tags of all", arena(0), &found, |_| (0..CPUS).map(tag_of).collect())
}

fn stores_are_whole(bench: &mut Bench<'_>) -> Checked {
    let mut guest = bench.guest()?;
    let length = length(bench);
    let stored = [bench.random_tags(granules(length)), bench.random_tags(granules(length))];
    guest.store_tags(arena(0), &stored[0])?;
    let mut threads: Vec<_> =
        stored.iter().map(|tags| vec![HostStep::Store { ipa: arena(0), tags: tags.clone() }]).collect();
    threads.push(vec![HostStep::Fetch { ipa: arena(0), length }]);
    let report = race(bench, &mut guest, Race { threads, rounds: 8, ..Race::default() })?;
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

fn neighbours(bench: &mut Bench<'_>) -> Checked {
    let mut guest = bench.guest_like(Config { cpus: 2, ..Config::default() })?;
    let page = bench.facts().page_size;
    let per_page = granules(page);
    // Four actors take turns, a page each.
    let mut expected = vec![0; granules(PAGES * page)];
    let mut steps: [Vec<HostStep>; 2] = [Vec::new(), Vec::new()];
    for number in 0..PAGES as usize {
        let part = &mut expected[number * per_page..][..per_page];
        match number % 4 {
            actor @ (0 | 1) => part.fill(tag_of(actor)),
            actor => {
                part.copy_from_slice(&bench.random_tags(per_page));
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
    let report = race(bench, &mut guest, Race { blocks, threads: steps.to_vec(), ..Race::default() })?;
    for result in report.threads.iter().flatten() {
        whole("a store beside the guest", page, result)?;
    }
    tags("tags of four", arena(0), &expected, &guest.fetch_tags(arena(0), expected.len())?)
}

fn discard_beside_tagging(bench: &mut Bench<'_>) -> Checked {
    const OLD: u8 = 0x6;
    const NEW: u8 = 0x9;
    let mut guest = bench.guest()?;
    let length = length(bench);
    let count = granules(length);
    guest.store_tags(arena(0), &vec![OLD; count])?;
    let blocks = vec![(0, sweep(0, 2, count / 2, NEW, 2)?)];
    let threads = vec![vec![HostStep::Event { ipa: arena(0), length, event: PageEvent::Discard }]];
    all_done(&race(bench, &mut guest, Race { blocks, threads, rounds: 4, ..Race::default() })?)?;
    let found = guest.fetch_tags(arena(0), count)?;
    each("tags afterwards", arena(0), &found, |granule| if granule % 2 == 0 { vec![0, NEW] } else { vec![0] })
}

fn slot_changes(bench: &mut Bench<'_>, change: HostStep) -> Checked {
    let mut guest = bench.guest()?;
    let length = length(bench);
    let stored = bench.random_tags(granules(length));
    succeeds("a second slot", guest.machine().add_memory(SECOND, length, Backing::Anonymous, Access::ReadWrite))?;
    guest.store_tags(SECOND, &stored)?;
    let threads = vec![vec![HostStep::Fetch { ipa: SECOND, length }], vec![change]];
    let report = race(bench, &mut guest, Race { threads, rounds: 12, ..Race::default() })?;
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

fn dirty_log(bench: &mut Bench<'_>) -> Checked {
    const CPUS: usize = 2;
    let mut guest = bench.guest_like(Config { cpus: CPUS, ..Config::default() })?;
    let page = bench.facts().page_size;
    // Present first: what is asked is who notes the second store.
    guest.store_tags(arena(0), &vec![2; granules(length(bench))])?;
    succeeds("KVM_MEM_LOG_DIRTY_PAGES", guest.machine().log_dirty(map::RAM_BASE, true))?;
    succeeds("KVM_GET_DIRTY_LOG", guest.machine().take_dirty(map::RAM_BASE))?;
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
        let report = race(bench, &mut guest, Race { blocks, threads, rounds: 4, ..Race::default() })?;
        let mut logged = succeeds("KVM_GET_DIRTY_LOG", guest.machine().take_dirty(map::RAM_BASE))?;
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

fn signals(bench: &mut Bench<'_>) -> Checked {
    let mut guest = bench.guest()?;
    let length = length(bench);
    let stored = bench.random_tags(granules(length));
    let store = HostStep::Store { ipa: arena(0), tags: stored.clone() };
    // Pages are new in each round, so that there is something to wait for.
    let discard = HostStep::Event { ipa: arena(0), length, event: PageEvent::Discard };
    let threads = vec![vec![discard, store, HostStep::Fetch { ipa: arena(0), length }]];
    let report = race(bench, &mut guest, Race { threads, rounds: 6, signals: true, ..Race::default() })?;
    all_done(&report)?;
    let copies = report.threads[0].iter().filter(|result| !matches!(result, StepResult::Done(_)));
    for result in copies {
        let found = whole("a copy amid signals", length, result)?;
        tags("tags of a copy amid signals", arena(0), &stored, found)?;
    }
    Ok(())
}

fn faults_of_their_own(bench: &mut Bench<'_>) -> Checked {
    const CPUS: usize = 4;
    let mut guest = bench.guest_like(Config { cpus: CPUS, ..Config::default() })?;
    let sctlr = guest.sctlr(El::El1, Mode::Asynchronous);
    guest.store_tags(arena(0), &vec![4; granules(bench.facts().page_size)])?;
    let text = "next: str x1, [x0]; subs x2, x2, #1; b.ne next";
    let upper = |va: u64| map::upper_half(va) & !(0xf << 56) | 9 << 56;
    // Right tags, a wrong one in the lower half, one in the upper half, and both.
    let wrong = [0, 0b01, 0b10, 0b11];
    let mut blocks = Vec::new();
    for (cpu, halves) in wrong.into_iter().enumerate() {
        let right = tagged(64 * cpu as u64, 4);
        let first = if halves & 1 != 0 { tagged(64 * cpu as u64, 9) } else { right };
        let second = if halves & 2 != 0 { upper(right) } else { right };
        let both = text.replace("str x1, [x0]", "str x1, [x0]; str x1, [x3]");
        let block = Block::assemble(&both)?.x(0, first).x(3, second).x(2, 2000);
        blocks.push((cpu, block.sys(SysReg::Sctlr, sctlr).sys(SysReg::Tfsr, 0)));
    }
    let report = race(bench, &mut guest, Race { blocks, ..Race::default() })?;
    for (cpu, (trace, halves)) in report.traces.iter().zip(wrong).enumerate() {
        equal_hex(&format!("TFSR_EL1 of vCPU {cpu}"), halves, trace.sys[SysReg::Tfsr as usize])?;
    }
    Ok(())
}

fn generators_of_their_own(bench: &mut Bench<'_>) -> Checked {
    const CPUS: usize = 4;
    let mut guest = bench.guest_like(Config { cpus: CPUS, ..Config::default() })?;
    // The last tags are kept, sixteen of them in one register.
    let text = "next: irg x1, x0; orr x1, xzr, x1, lsr #56; orr x3, x1, x3, lsl #4; subs x2, x2, #1; b.ne next";
    let block = |cpu: usize| -> Result<Block, Stop> {
        let block = Block::assemble(text)?.x(0, pointer(Window::Tagged, 0, 0)).x(2, 2000);
        Ok(block.sys(SysReg::Gcr, 1 << cpu).sys(SysReg::Rgsr, 0x12_3400 + (0x1100 << cpu)))
    };
    let drawn = |trace: &Trace| [trace.x[3], trace.sys[SysReg::Rgsr as usize]];
    let alone = (0..CPUS).map(|cpu| Ok(drawn(&guest.run_on(cpu, &block(cpu)?)?))).collect::<Result<Vec<_>, Stop>>()?;
    let blocks = (0..CPUS).map(|cpu| Ok((cpu, block(cpu)?))).collect::<Result<_, Stop>>()?;
    let report = race(bench, &mut guest, Race { blocks, ..Race::default() })?;
    for (cpu, (trace, alone)) in report.traces.iter().zip(alone).enumerate() {
        equal_hex(&format!("the last sixteen tags of vCPU {cpu}"), alone[0], drawn(trace)[0])?;
        equal_hex(&format!("RGSR_EL1 of vCPU {cpu}"), alone[1], drawn(trace)[1])?;
    }
    Ok(())
}
