//! Chapter: tags of new memory are zero, whoever had the page before, and whoever touches it first.
//!
//! From "arm64: Handle MTE tags zeroing" on, the second patch of the series that gave VMs MTE.

use super::calls::{BASE, granules, handed, peek, returns, store, succeeds, vm};
use case::address::{arena, tagged};
use case::expect::{bytes, equal_hex, no_fault, tags};
use case::tagging::{guest_reads, guest_tags};
use case::{Case, CaseContext, CaseResult, Guest, HUGE_RAM};
use machine::capability::Capability;
use machine::need::Need;
use machine::{Backing, PageEvent};

const SANITISE: &str = "arch/arm64/kvm/mmu.c, sanitise_mte_tags()";
const DONTNEED: &str = "Documentation/arch/arm64/memory-tagging-extension.rst, PROT_MTE: MADV_DONTNEED";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.fresh.zero-page-untagged",
        "the kernel's page full of zeros is not flagged as tagged when a guest reads pages that nobody wrote",
        "arch/arm64/kvm/mmu.c, sanitise_mte_tags(); arch/arm64/kernel/mte.c, memcmp_pages(): no page equals one that is tagged",
        zero_page_untagged,
    )
    .needing(&[Need::Capability(Capability::HostFeatures), Need::Pagemap]),
    Case::new(
        "kvm.fresh.guest-loads-zero",
        "LDG of pages that nobody touched gives 0 for each granule",
        SANITISE,
        loads,
    ),
    Case::new(
        "kvm.fresh.other-vm",
        "pages that another VM tagged and gave back have tag 0 in a new VM, for the guest and for a fetch",
        SANITISE,
        other_vm,
    ),
    Case::new(
        "kvm.fresh.store-before-touch",
        "tags that the VMM stores to a page before the guest first touches it are there when it does",
        SANITISE,
        store_before_touch,
    ),
    Case::new(
        "kvm.fresh.zero-page",
        "pages that the guest has only read share a page of zeros: a tag stored to one does not show in another",
        "arch/arm64/kvm/mmu.c, sanitise_mte_tags(): the zero page",
        zero_page,
    ),
    Case::new(
        "kvm.fresh.zero-page-fetch",
        "a fetch from a page that was only fetched before gives zeros, and a store to it shows in no other",
        "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags(): the zero page",
        zero_page_fetch,
    ),
    Case::new(
        "kvm.fresh.discarded-guest-tags",
        "pages that the VMM gives back come again without the tags that the guest stored",
        DONTNEED,
        |b| discarded(b, false),
    )
    .needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.fresh.discarded-vmm-tags",
        "pages that the VMM gives back come again without the tags that the VMM stored",
        DONTNEED,
        |b| discarded(b, true),
    )
    .needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.fresh.discarded-shared",
        "shared memory that the VMM gives back is still the file's: it comes again with its tags and data",
        "madvise(2), MADV_DONTNEED; Documentation/virt/kvm/api.rst, KVM_CAP_ARM_MTE: RAM-based file memory",
        discarded_shared,
    )
    .needing(&[Need::Capability(Capability::PageEvents), Need::TakesBacking(Backing::Shared)]),
    Case::new(
        "kvm.fresh.huge-parts",
        "when the guest touches one byte of a transparent huge page all its parts have tag 0, each for itself",
        SANITISE,
        huge_parts,
    )
    .needing(&[Need::HugePages]),
];

/// Granules that a case looks at with the guest's eyes; each takes a loop of seven instructions.
const GRANULES: usize = 512;

fn loads(cx: &mut CaseContext<'_>) -> CaseResult {
    leave_tags_behind(cx)?;
    let mut guest = cx.guest()?;
    let seen = guest_reads(&mut guest, 0, GRANULES)?;
    tags("LDG of untouched memory", arena(0), &vec![0; GRANULES], &seen)
}

/// Pages that a VM tags, all with tags other than 0, before it gives them back to the host.
const LEFT_BEHIND: u64 = 512;

/// Leaves memory behind whose tags are not 0: the host gives it to somebody else.
pub(super) fn leave_tags_behind(cx: &mut CaseContext<'_>) -> CaseResult {
    let vm = vm(cx, LEFT_BEHIND)?;
    let length = LEFT_BEHIND * vm.page_size();
    let mut all = vec![0xf; granules(length)];
    returns("a store over all pages", Ok(length), store(&*vm, BASE, length, &mut all))
}

fn zero_page_untagged(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    tags("LDG of a page that nobody wrote", arena(0), &[0; 16], &guest_reads(&mut guest, 0, 16)?)?;
    let mut vm = guest.vm()?;
    let host = handed(Capability::HostFeatures, vm.host_features())?;
    let flagged = succeeds("PG_arch_2 in /proc/kpageflags", host.zero_page_is_tagged())?;
    equal_hex("PG_mte_tagged of the zero page", 0, flagged.into())
}

fn other_vm(cx: &mut CaseContext<'_>) -> CaseResult {
    leave_tags_behind(cx)?;
    let next = vm(cx, LEFT_BEHIND)?;
    let length = LEFT_BEHIND * next.page_size();
    tags("memory of another VM, as fetched", BASE, &vec![0; granules(length)], &peek(&*next, BASE, LEFT_BEHIND)?)?;
    drop(next);
    let mut guest = cx.guest()?;
    // A store to each page first, so that each is one that the host had to find.
    let text = "again: strb w1, [x0]; add x0, x0, x2; subs x3, x3, #1; b.ne again";
    let page = cx.target().page_size;
    let pages = (0x10_0000 / page).min(128);
    let trace = guest.exec(text, &[tagged(0, 0), 1, page, pages])?;
    no_fault(&guest, "stores through tag 0", &trace)?;
    let found = guest.fetch_tags(arena(0), granules(pages * page))?;
    tags("memory of another VM, after the guest wrote it", arena(0), &vec![0; found.len()], &found)?;
    let seen = guest_reads(&mut guest, 0, GRANULES)?;
    tags("memory of another VM, as the guest sees it", arena(0), &vec![0; GRANULES], &seen)
}

fn store_before_touch(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = granules(cx.target().page_size);
    let wanted = cx.random_tags(2 * page);
    guest.store_tags(arena(0), &wanted)?;
    // The first page is first written, the second first read.
    let second = page as u64 * 16;
    let trace = guest.exec("str x2, [x0]; ldr x3, [x1]", &[tagged(0, wanted[0]), tagged(second, wanted[page]), 1])?;
    no_fault(&guest, "the first accesses, by the tags that the VMM stored", &trace)?;
    let seen = guest_reads(&mut guest, 0, GRANULES)?;
    tags("the guest's LDG", arena(0), &wanted[..GRANULES], &seen)?;
    tags("the tags as fetched", arena(0), &wanted, &guest.fetch_tags(arena(0), wanted.len())?)
}

fn zero_page(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    let pointers: Vec<u64> = (0..3).map(|number| tagged(number * page, 0)).collect();
    let trace = guest.exec("ldr x3, [x0]; ldr x4, [x1]; ldr x5, [x2]", &pointers)?;
    no_fault(&guest, "loads", &trace)?;
    let wanted = cx.random_tags(granules(page)).iter().map(|tag| tag | 1).collect::<Vec<u8>>();
    guest_tags(&mut guest, page, &wanted[..GRANULES.min(wanted.len())])?;
    for number in [0, 2] {
        let seen = guest_reads(&mut guest, number * page, 64)?;
        tags("LDG of a page that was only read", arena(number * page), &[0; 64], &seen)?;
        let found = guest.fetch_tags(arena(number * page), granules(page))?;
        tags("a page that was only read, as fetched", arena(number * page), &vec![0; found.len()], &found)?;
    }
    // Writing data to a page that was only read gives it memory of its own, without tags.
    let trace = guest.exec("str x1, [x0]; ldr x2, [x0]", &[pointers[2], 7])?;
    no_fault(&guest, "a store through tag 0", &trace)?;
    equal_hex("the data", 7, trace.x[2])?;
    let found = guest.fetch_tags(arena(2 * page), granules(page))?;
    tags("the page once it was written", arena(2 * page), &vec![0; found.len()], &found)
}

fn zero_page_fetch(cx: &mut CaseContext<'_>) -> CaseResult {
    let vm = vm(cx, 3)?;
    let page = vm.page_size();
    let none = vec![0; granules(3 * page)];
    tags("pages that nobody touched", BASE, &none, &peek(&*vm, BASE, 3)?)?;
    let mut wanted = vec![9; granules(page)];
    returns("a store to the second page", Ok(page), store(&*vm, BASE + page, page, &mut wanted))?;
    let mut expected = none;
    expected[granules(page)..granules(2 * page)].fill(9);
    tags("the three pages", BASE, &expected, &peek(&*vm, BASE, 3)?)
}

fn discarded(cx: &mut CaseContext<'_>, by_vmm: bool) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    let wanted = cx.random_tags(granules(2 * page)).iter().map(|tag| tag | 1).collect::<Vec<u8>>();
    if by_vmm {
        guest.store_tags(arena(0), &wanted)?;
    } else {
        guest_tags(&mut guest, 0, &wanted)?;
    }
    guest.write(arena(0), &[0xa5; 64])?;
    guest.write(arena(page), &[0xa5; 64])?;
    succeeds("giving a page back", guest.page_events()?.page_event(arena(0), page, PageEvent::Discard))?;
    let seen = guest_reads(&mut guest, 0, 64)?;
    tags("LDG of the page that was given back", arena(0), &[0; 64], &seen)?;
    let mut expected = vec![0; granules(page)];
    expected.extend(&wanted[granules(page)..]);
    tags("that page and the next, as fetched", arena(0), &expected, &guest.fetch_tags(arena(0), wanted.len())?)?;
    bytes("data of the page that was given back", arena(0), &[0; 64], &guest.read(arena(0), 64)?)?;
    bytes("data of the next page", arena(page), &[0xa5; 64], &guest.read(arena(page), 64)?)
}

fn discarded_shared(cx: &mut CaseContext<'_>) -> CaseResult {
    super::backings::takes(cx, Backing::Shared)?;
    let mut guest = cx.guest_in(Backing::Shared)?;
    let page = cx.target().page_size;
    let wanted = cx.random_tags(granules(page));
    guest.store_tags(arena(0), &wanted)?;
    guest_tags(&mut guest, 0, &wanted[..64])?;
    guest.write(arena(0), &[0xa5; 64])?;
    succeeds("giving a page back", guest.page_events()?.page_event(arena(0), page, PageEvent::Discard))?;
    let seen = guest_reads(&mut guest, 0, 64)?;
    tags("LDG of the page that was given back", arena(0), &wanted[..64], &seen)?;
    tags("the page as fetched", arena(0), &wanted, &guest.fetch_tags(arena(0), wanted.len())?)?;
    bytes("its data", arena(0), &[0xa5; 64], &guest.read(arena(0), 64)?)
}

fn huge_parts(cx: &mut CaseContext<'_>) -> CaseResult {
    leave_tags_behind(cx)?;
    let mut guest = cx.guest_in(Backing::HugePages)?;
    let length = HUGE_RAM.min(abi::map::ARENA_SIZE);
    let trace = guest.exec("strb w1, [x0]", &[tagged(0x1_2345, 0), 1])?;
    no_fault(&guest, "a store through tag 0", &trace)?;
    let found = guest.fetch_tags(arena(0), granules(length))?;
    tags("all parts after one byte was written", arena(0), &vec![0; found.len()], &found)?;
    tag_and_check_parts(&mut guest, length)
}

/// Tags the first granule of some parts by the guest, each with another tag, and looks at all.
fn tag_and_check_parts(guest: &mut Guest, length: u64) -> CaseResult {
    let mut expected = vec![0; granules(length)];
    for (number, tag) in [(0, 3), (1, 5), (7, 9), (8, 10)] {
        let offset = number * 0x1_0000;
        guest_tags(guest, offset, &[tag])?;
        expected[granules(offset)] = tag;
    }
    tags("parts that the guest tagged", arena(0), &expected, &guest.fetch_tags(arena(0), expected.len())?)
}
