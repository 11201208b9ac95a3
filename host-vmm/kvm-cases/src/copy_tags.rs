//! Chapter: the main job. The guest tags, the host fetches; the host stores, the guest observes.

use super::calls::refused;
use case::address::{arena, tagged};
use case::expect::{
    Direction, TagCheckFault, bytes, equal_hex, fail_with, no_fault, one_tag_check_fault, pointer_tag, tags,
};
use case::tagging::{guest_reads, guest_tags};
use case::{Case, CaseContext, CaseResult, HUGE_RAM};
use machine::need::Need;
use machine::tags::GRANULE;
use machine::{Access, Backing, El, Errno};

const CITE: &str = "Documentation/virt/kvm/api.rst 4.130 KVM_ARM_MTE_COPY_TAGS";

pub const CASES: &[Case] = &[
    case(
        "kvm.copy-tags.fetch-equals-guest",
        "a fetch gives the tags that the guest stored, granule by granule",
        fetch_equals_guest,
    ),
    case(
        "kvm.copy-tags.never-tagged-is-zero",
        "memory that nobody tagged is fetched as tag 0, whether it was touched or not",
        never_tagged,
    ),
    case(
        "kvm.copy-tags.one-granule",
        "the host changes one granule: LDG sees it, the old pointer faults, the neighbours do not",
        |b| change(b, 37, 1),
    ),
    case(
        "kvm.copy-tags.a-run",
        "the host changes a run of granules across a page: the guest sees all of it and nothing else",
        |b| change(b, 240, 48),
    ),
    case("kvm.copy-tags.every-granule", "the host changes every granule of four pages: the guest sees each", |b| {
        change(b, 0, 1024)
    }),
    case("kvm.copy-tags.data-stays", "storing and fetching tags leaves the data beneath alone", data_stays),
    case(
        "kvm.copy-tags.neighbouring-pages",
        "storing the tags of a page leaves those of the pages around it alone",
        neighbours,
    ),
    case(
        "kvm.copy-tags.huge-pages",
        "tags of RAM in transparent huge pages are the guest's and the host's alike, part by part",
        |b| backing(b, Backing::HugePages),
    )
    .needing(&[Need::HugePages]),
    case(
        "kvm.copy-tags.identity-over-ram",
        "what is stored over all of RAM is what is fetched, for random tags",
        identity,
    ),
    case(
        "kvm.copy-tags.shared-memory",
        "tags of RAM in a shared memfd are the guest's and the host's alike (since Linux 6.2)",
        |b| backing(b, Backing::Shared),
    ),
    case(
        "kvm.copy-tags.guest-stores-last",
        "after the host stored tags the guest stores others, and the host fetches those",
        guest_stores_last,
    ),
];

const fn case(name: &'static str, claim: &'static str, run: fn(&mut CaseContext<'_>) -> CaseResult) -> Case {
    Case::new(name, claim, CITE, run)
}

fn fetch_equals_guest(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let wanted = cx.random_tags(1024);
    guest_tags(&mut guest, 0x8000, &wanted)?;
    let found = guest.fetch_tags(arena(0x8000), wanted.len())?;
    tags("the host's fetch", arena(0x8000), &wanted, &found)
}

fn never_tagged(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.write(arena(0x1_0000), &[0xff; 64])?;
    let trace = guest.exec("str x1, [x0]", &[tagged(0x2_0000, 0), 1])?;
    no_fault(&guest, "a store by tag 0 to memory that nobody tagged", &trace)?;
    for (what, offset) in [
        ("memory that the host wrote", 0x1_0000),
        ("memory that the guest wrote", 0x2_0000),
        ("untouched memory", 0x3_0000),
    ] {
        let found = guest.fetch_tags(arena(offset), 256)?;
        tags(what, arena(offset), &[0; 256], &found)?;
    }
    Ok(())
}

/// Changes `count` granules from number `first` on, of 1024, and looks at each with the guest's eyes.
fn change(cx: &mut CaseContext<'_>, first: usize, count: usize) -> CaseResult {
    const GRANULES: usize = 1024;
    let mut guest = cx.guest()?;
    let old = cx.random_tags(GRANULES);
    guest_tags(&mut guest, 0, &old)?;
    let mut new = old.clone();
    for tag in &mut new[first..first + count] {
        *tag = (*tag + cx.random().u8(1..16)) & 0xf;
    }
    guest.store_tags(arena(first as u64 * GRANULE), &new[first..first + count])?;

    let seen = guest_reads(&mut guest, 0, GRANULES)?;
    tags("the guest's LDG", arena(0), &new, &seen)?;

    // The old pointer faults where a granule changed, the new one does not.
    for index in [first, first + count / 2, first + count - 1] {
        let wrong = tagged(index as u64 * GRANULE, old[index]);
        let trace = guest.exec("nop; str x1, [x0]", &[wrong])?;
        let expected = TagCheckFault { el: El::El1, direction: Direction::Store, index: 1, pointer: wrong };
        one_tag_check_fault(&guest, "a store through the old pointer", expected, &trace)?;
        let trace = guest.exec("str x1, [x0]; ldr x2, [x0]", &[tagged(index as u64 * GRANULE, new[index]), 0x1234])?;
        no_fault(&guest, "accesses through the new pointer", &trace)?;
        equal_hex("data through the new pointer", 0x1234, trace.x[2])?;
    }
    // The granules right before and behind do not fault through their old pointers.
    for index in [first.checked_sub(1), (first + count < GRANULES).then_some(first + count)].into_iter().flatten() {
        let trace = guest.exec("ldr x1, [x0]; str x1, [x0]", &[tagged(index as u64 * GRANULE, old[index])])?;
        no_fault(&guest, "accesses to a neighbouring granule", &trace)?;
    }
    Ok(())
}

fn data_stays(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let size = cx.target().page_size as usize * 2;
    let data: Vec<u8> = (0..size).map(|_| cx.random().u8(..)).collect();
    guest.write(arena(0), &data)?;
    let new = cx.random_tags(size / 16);
    guest.store_tags(arena(0), &new)?;
    let found = guest.fetch_tags(arena(0), new.len())?;
    tags("the tags stored", arena(0), &new, &found)?;
    let found = guest.read(arena(0), size)?;
    bytes("the data beneath", arena(0), &data, &found)
}

fn neighbours(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = (cx.target().page_size / GRANULE) as usize;
    let mut all = cx.random_tags(3 * page);
    guest.store_tags(arena(0), &all)?;
    let middle: Vec<u8> = all[page..2 * page].iter().map(|tag| tag ^ 0xf).collect();
    guest.store_tags(arena(page as u64 * GRANULE), &middle)?;
    all[page..2 * page].copy_from_slice(&middle);
    let found = guest.fetch_tags(arena(0), all.len())?;
    tags("three pages after the middle one was stored", arena(0), &all, &found)
}

fn identity(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_in(Backing::HugePages)?;
    let ram = HUGE_RAM;
    let wanted = cx.random_tags((ram / GRANULE) as usize);
    let base = abi::map::RAM_BASE;
    guest.store_tags(base, &wanted)?;
    let found = guest.fetch_tags(base, wanted.len())?;
    tags("all of RAM", base, &wanted, &found)?;
    // The firmware still runs: nothing of its own is checked.
    let trace = guest.exec("ldg x1, [x0]", &[tagged(0x4_0000, 0), 0])?;
    no_fault(&guest, "LDG after all of RAM was tagged", &trace)?;
    pointer_tag("LDG of a random tag", wanted[((arena(0x4_0000) - base) / GRANULE) as usize], trace.x[1])
}

fn guest_stores_last(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[3; 256])?;
    let trace = guest.exec("stg x1, [x0]; st2g x1, [x0, #64]", &[tagged(0x100, 0), tagged(0, 12)])?;
    no_fault(&guest, "STG over the host's tags", &trace)?;
    let mut wanted = [3; 256];
    for granule in [16, 20, 21] {
        wanted[granule] = 12;
    }
    let found = guest.fetch_tags(arena(0), 256)?;
    if found.iter().all(|tag| *tag == 3) {
        return fail_with(
            "the guest's STG after the host's store",
            "tag 0xc",
            "tag 0x3: the guest's store is lost",
            Vec::new(),
        );
    }
    tags("the page after both stored", arena(0), &wanted, &found)
}

/// Tags a few pages far apart, half by the guest and half by the host, in RAM of another kind.
fn backing(cx: &mut CaseContext<'_>, backing: Backing) -> CaseResult {
    let kernel = cx.target().kernel_version();
    if backing == Backing::Shared && kernel < (6, 2) {
        let mut vm = cx.bare()?;
        if vm.enable_mte(0).is_ok() {
            let size = vm.page_size();
            let added = vm.add_memory(abi::map::RAM_BASE, size, backing, Access::ReadWrite);
            return refused("a slot of shared memory before Linux 6.2", Errno::EINVAL, added);
        }
    }
    let mut guest = cx.guest_in(backing)?;
    for page in [0, 1, 255, 511, 512, 700] {
        let offset = page * cx.target().page_size;
        if offset >= abi::map::ARENA_SIZE {
            continue;
        }
        let mut wanted = vec![0; (cx.target().page_size / GRANULE) as usize];
        let by_guest = cx.random_tags(32);
        guest_tags(&mut guest, offset, &by_guest)?;
        let by_host = cx.random_tags(32);
        guest.store_tags(arena(offset + 32 * GRANULE), &by_host)?;
        wanted[..32].copy_from_slice(&by_guest);
        wanted[32..64].copy_from_slice(&by_host);
        let found = guest.fetch_tags(arena(offset), wanted.len())?;
        tags("the page as fetched", arena(offset), &wanted, &found)?;
        let right = tagged(offset + 40 * GRANULE, by_host[8]);
        let trace = guest.exec("str x1, [x0]; ldr x2, [x0]", &[right, page])?;
        no_fault(&guest, "accesses by the host's tag", &trace)?;
        equal_hex("data by the host's tag", page, trace.x[2])?;
    }
    Ok(())
}
