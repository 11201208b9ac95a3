//! Chapter: what happens to the host as a whole: CPUs that go, suspend, swap that is emptied or compressed.
//!
//! Nothing of it may show in a guest. Only the host of a nested run is treated so.

use super::backings::takes;
use super::calls::{granules, succeeds};
use super::life::{First, PAGES, SWAP, apply_page_event, check, fill};
use super::races::{race, sweep, tag_of};
use case::address::arena;
use case::expect::{bytes, equal_hex, no_fault, tags};
use case::{Case, CaseContext, CaseResult, Guest};
use machine::capability::Capability;
use machine::need::Need;
use machine::{Backing, Config, HostEvent, PageEvent, Race};

const CPUS: &str =
    "virt/kvm/kvm_main.c, kvm_offline_cpu() and kvm_online_cpu(); arch/arm64/kernel/mte.c, mte_cpu_setup()";
const IDLE: &str = "arch/arm64/kernel/mte.c, mte_suspend_enter() and mte_suspend_exit(); Documentation/admin-guide/pm/sleep-states.rst";

const TEST: &str = "Documentation/power/basic-pm-debugging.rst, pm_test; arch/arm64/kernel/mte.c, mte_cpu_setup()";
const HIBERNATION: &str = "arch/arm64/kernel/hibernate.c, swsusp_mte_save_tags() and swsusp_mte_restore_tags(); \
                           Documentation/power/basic-pm-debugging.rst, test_resume";

const SWAPPED: &[Need] = &[
    Need::Capability(Capability::HostEvents),
    Need::Capability(Capability::PageEvents),
    Need::OwnHost,
    Need::Swap,
    Need::Pagemap,
];

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.host.cpus-cycle",
        "a guest keeps tags and MTE's registers while each CPU of the host goes offline and comes online again",
        CPUS,
        |b| keeps(b, HostEvent::CycleCpus),
    )
    .needing(&[Need::Capability(Capability::HostEvents), Need::OwnHost, Need::SecondCpu]),
    Case::new(
        "kvm.host.vcpus-after-a-cycle",
        "vCPUs that run on CPUs which were offline load and store tags, and have asynchronous faults of their own",
        CPUS,
        after_a_cycle,
    )
    .needing(&[
        Need::Capability(Capability::HostEvents),
        Need::Capability(Capability::Races),
        Need::OwnHost,
        Need::SecondCpu,
    ]),
    Case::new(
        "kvm.host.suspend-to-idle",
        "a guest keeps tags and MTE's registers while the host is suspended to idle",
        IDLE,
        |b| keeps(b, HostEvent::SuspendToIdle),
    )
    .needing(&[Need::Capability(Capability::HostEvents), Need::OwnHost, Need::Suspend]),
    Case::new(
        "kvm.host.suspend-test",
        "a guest keeps tags and MTE's registers while the host goes through a hibernation without an image",
        TEST,
        |b| keeps(b, HostEvent::TestSuspend),
    )
    .needing(&[Need::Capability(Capability::HostEvents), Need::OwnHost, Need::SuspendTest]),
    // Linux 6.12 panics where addresses have 52 bits: trans_pgd_create_copy() leaves out a level of the page tables.
    Case::new(
        "kvm.host.hibernation",
        "a guest keeps tags and MTE's registers while the host is hibernated to swap and resumes from there",
        HIBERNATION,
        |b| keeps(b, HostEvent::Hibernate),
    )
    .needing(&[Need::Capability(Capability::HostEvents), Need::OwnHost, Need::Hazards, Need::Hibernation]),
    Case::new("kvm.host.swapoff", "pages that swapoff brings back have their tags and data", SWAP, |b| {
        swapoff(b, Backing::Anonymous)
    })
    .needing(SWAPPED),
    Case::new(
        "kvm.host.swapoff-shared",
        "pages of shared memory that swapoff brings back have their tags and data",
        SWAP,
        |b| swapoff(b, Backing::Shared),
    )
    .needing(&[
        Need::Capability(Capability::HostEvents),
        Need::Capability(Capability::PageEvents),
        Need::TakesBacking(Backing::Shared),
        Need::OwnHost,
        Need::Swap,
        Need::Pagemap,
    ]),
    Case::new("kvm.host.zswap", "pages that zswap compresses come back with their tags and data", SWAP, zswap).needing(
        &[
            Need::Capability(Capability::HostEvents),
            Need::Capability(Capability::PageEvents),
            Need::OwnHost,
            Need::CompressedSwap,
            Need::Swap,
            Need::Pagemap,
        ],
    ),
];

fn happen(guest: &mut Guest, event: HostEvent) -> CaseResult {
    succeeds(&format!("{event:?}"), guest.host_events()?.host_event(event))
}

fn keeps(cx: &mut CaseContext<'_>, event: HostEvent) -> CaseResult {
    let mut guest = cx.guest()?;
    let contents = fill(cx, &mut guest, 0)?;
    let (gcr, rgsr) = (0x1_5a5a, 0x12_3405);
    let trace = guest
        .exec("msr gcr_el1, x0; msr rgsr_el1, x1; msr tfsr_el1, x2; msr tfsre0_el1, x3", &[gcr, rgsr, 0b10, 0b01])?;
    no_fault(&guest, "MSR", &trace)?;
    happen(&mut guest, event)?;
    let trace = guest.exec("mrs x0, gcr_el1; mrs x1, rgsr_el1; mrs x2, tfsr_el1; mrs x3, tfsre0_el1", &[])?;
    no_fault(&guest, "MRS", &trace)?;
    for (name, expected, found) in [
        ("GCR_EL1", gcr, trace.x[0]),
        ("RGSR_EL1", rgsr, trace.x[1]),
        ("TFSR_EL1", 0b10, trace.x[2]),
        ("TFSRE0_EL1", 0b01, trace.x[3]),
    ] {
        equal_hex(&format!("{name} of a guest after {event:?}"), expected, found)?;
    }
    check(&mut guest, 0, &contents, First::Guest)
}

fn after_a_cycle(cx: &mut CaseContext<'_>) -> CaseResult {
    const CPUS: usize = 2;
    let mut guest = cx.guest_like(Config { cpus: CPUS, ..Config::default() })?;
    happen(&mut guest, HostEvent::CycleCpus)?;
    let count = granules(PAGES * cx.target().page_size);
    let blocks = (0..CPUS)
        .map(|cpu| Ok((cpu, sweep(16 * cpu as u64, CPUS as u64, count / CPUS, tag_of(cpu), 4)?)))
        .collect::<Result<_, case::CaseError>>()?;
    race(cx, &mut guest, Race { blocks, ..Race::default() })?;
    let expected: Vec<u8> = (0..count).map(|granule| tag_of(granule % CPUS)).collect();
    tags("tags that two vCPUs stored", arena(0), &expected, &guest.fetch_tags(arena(0), count)?)
}

fn swapoff(cx: &mut CaseContext<'_>, backing: Backing) -> CaseResult {
    takes(cx, backing)?;
    let length = PAGES * cx.target().page_size;
    for first in [First::Fetch, First::Guest] {
        let mut guest = cx.guest_in(backing)?;
        let contents = fill(cx, &mut guest, 0)?;
        apply_page_event(&mut guest, 0, length, &[PageEvent::PageOut])?;
        happen(&mut guest, HostEvent::EmptySwap)?;
        check(&mut guest, 0, &contents, first)?;
    }
    Ok(())
}

fn zswap(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    let length = PAGES * page;
    // What does not compress goes to swap itself.
    let data: Vec<u8> = (0..length).map(|at| (at / 64) as u8).collect();
    let wanted = cx.random_tags(granules(length));
    guest.write(arena(0), &data)?;
    guest.store_tags(arena(0), &wanted)?;
    happen(&mut guest, HostEvent::CompressSwap(true))?;
    let paged_out = apply_page_event(&mut guest, 0, length, &[PageEvent::PageOut]);
    happen(&mut guest, HostEvent::CompressSwap(false))?;
    paged_out?;
    tags("tags of pages that were compressed", arena(0), &wanted, &guest.fetch_tags(arena(0), wanted.len())?)?;
    bytes("data of pages that were compressed", arena(0), &data, &guest.read(arena(0), data.len())?)
}
