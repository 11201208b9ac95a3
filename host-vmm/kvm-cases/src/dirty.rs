//! Chapter: dirty logging, which live migration lives on: a tag that the guest stores dirties its page.
//!
//! Documentation/virt/kvm/api.rst, KVM_GET_DIRTY_LOG and KVM_CAP_DIRTY_LOG_RING. That storing tags by the ioctl is EBUSY
//! meanwhile is in [`super::ioctl`].

use std::fmt::Debug;

use abi::map::{self, Window};

use super::calls::{BASE, fetch, granules, handed, refused, returns, store, succeeds, vm};
use case::address::{arena, pointer, tagged};
use case::expect::{fail_with, no_fault};
use case::{Case, CaseContext, CaseError, CaseResult, Guest};
use machine::capability::Capability;
use machine::need::Need;
use machine::{Access, Backing, Errno};

const BITMAP: &str = "Documentation/virt/kvm/api.rst, KVM_GET_DIRTY_LOG; arch/arm64/kvm/mmu.c, user_mem_abort()";
const RING: &str = "Documentation/virt/kvm/api.rst, KVM_CAP_DIRTY_LOG_RING";

pub const CASES: &[Case] = &[
    Case::new("kvm.dirty.stg", "a guest that only stores a tag dirties that page and no other", BITMAP, |b| {
        logged(b, "stg x0, [x0]", true)
    })
    .needing(&[Need::Capability(Capability::DirtyLog)]),
    Case::new("kvm.dirty.st2g", "a guest that only stores tags by ST2G dirties their page", BITMAP, |b| {
        logged(b, "st2g x0, [x0]", true)
    })
    .needing(&[Need::Capability(Capability::DirtyLog)]),
    Case::new("kvm.dirty.stgm", "a guest that only stores tags by STGM dirties their page", BITMAP, |b| {
        logged(b, "stgm x1, [x0]", true)
    })
    .needing(&[Need::Capability(Capability::DirtyLog)]),
    Case::new("kvm.dirty.dc-gva", "a guest that only stores tags by DC GVA dirties their page", BITMAP, |b| {
        logged(b, "dc gva, x0", true)
    })
    .needing(&[Need::Capability(Capability::DirtyLog), Need::DcZva]),
    Case::new("kvm.dirty.data", "a guest that stores data dirties its page", BITMAP, |b| {
        logged(b, "str x1, [x0]", true)
    })
    .needing(&[Need::Capability(Capability::DirtyLog)]),
    Case::new("kvm.dirty.ldg", "a guest that loads a tag dirties nothing", BITMAP, |b| {
        logged(b, "ldg x1, [x0]", false)
    })
    .needing(&[Need::Capability(Capability::DirtyLog)]),
    Case::new(
        "kvm.dirty.taken-once",
        "the dirty log is empty once it was taken, until the next store of a tag",
        BITMAP,
        taken_once,
    )
    .needing(&[Need::Capability(Capability::DirtyLog)]),
    Case::new("kvm.dirty.fetch-is-clean", "fetching tags dirties nothing", BITMAP, fetch_is_clean)
        .needing(&[Need::Capability(Capability::DirtyLog)]),
    Case::new(
        "kvm.dirty.slot-not-logged",
        "the dirty log of a slot that is not logged is ENOENT, also while another slot is",
        "virt/kvm/kvm_main.c, kvm_get_dirty_log_protect()",
        slot_not_logged,
    )
    .needing(&[Need::Capability(Capability::DirtyLog)]),
    Case::new(
        "kvm.dirty.ring-stg",
        "a tag that the guest stores is in the dirty ring of its vCPU once, and again after the ring was reset",
        RING,
        ring,
    )
    .needing(&[Need::Capability(Capability::DirtyLog), Need::Capability(Capability::DirtyRing), Need::DirtyRings]),
    Case::new(
        "kvm.dirty.ring-size",
        "rings have a power of two of entries that fills a page (EINVAL), up to 65536 (E2BIG); they come once, before any vCPU",
        "Documentation/virt/kvm/api.rst, KVM_CAP_DIRTY_LOG_RING; virt/kvm/kvm_main.c, kvm_vm_ioctl_enable_dirty_log_ring()",
        ring_size,
    )
    .needing(&[Need::Capability(Capability::DirtyRing), Need::DirtyRings]),
    Case::new(
        "kvm.dirty.ring-refuses-stores",
        "while a slot is logged in rings storing tags is EBUSY (since Linux 6.11)",
        "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags(): nr_memslots_dirty_logging",
        ring_refuses_stores,
    )
    .needing(&[
        Need::Capability(Capability::DirtyLog),
        Need::Capability(Capability::DirtyRing),
        Need::DirtyRings,
        Need::TagsWhileLogging,
    ]),
];

/// A page of the arena that a case tags, and its number in the slot of the guest's RAM.
const OFFSET: u64 = 0x2_0000;

fn number(page: u64) -> u64 {
    (arena(OFFSET) - map::RAM_BASE) / page
}

/// Expects these pages and no others of the arena in the log. The firmware's own pages come and go.
fn pages<T: Debug + PartialEq>(what: &str, expected: &[T], found: &[T]) -> CaseResult {
    if expected == found {
        return Ok(());
    }
    fail_with(what, format!("{expected:?}"), format!("{found:?}"), Vec::new())
}

/// The dirty pages of the arena.
fn dirty(guest: &mut Guest, page: u64) -> Result<Vec<u64>, CaseError> {
    let all = succeeds("KVM_GET_DIRTY_LOG", guest.dirty_log()?.take_dirty(map::RAM_BASE))?;
    let first = (map::ARENA_BASE - map::RAM_BASE) / page;
    Ok(all.into_iter().filter(|number| (first..first + map::ARENA_SIZE / page).contains(number)).collect())
}

/// Begins to log, with the pages that a case uses present and clean.
fn begin(cx: &mut CaseContext<'_>) -> Result<Guest, CaseError> {
    let mut guest = cx.guest()?;
    let near = [tagged(OFFSET, 0), tagged(OFFSET + cx.target().page_size, 0)];
    let trace = guest.exec("str x2, [x0]; str x2, [x1]", &near)?;
    no_fault(&guest, "stores through tag 0", &trace)?;
    succeeds("KVM_MEM_LOG_DIRTY_PAGES", guest.dirty_log()?.log_dirty(map::RAM_BASE, true))?;
    dirty(&mut guest, cx.target().page_size)?;
    Ok(guest)
}

fn logged(cx: &mut CaseContext<'_>, text: &str, dirties: bool) -> CaseResult {
    let page = cx.target().page_size;
    let mut guest = begin(cx)?;
    let trace = guest.exec(text, &[tagged(OFFSET, 0), 0])?;
    no_fault(&guest, text, &trace)?;
    let expected = if dirties { vec![number(page)] } else { Vec::new() };
    pages(&format!("pages that `{text}` dirtied"), &expected, &dirty(&mut guest, page)?)
}

fn taken_once(cx: &mut CaseContext<'_>) -> CaseResult {
    let page = cx.target().page_size;
    let mut guest = begin(cx)?;
    for round in 0..2 {
        guest.exec("stg x0, [x0]", &[tagged(OFFSET, 3)])?;
        pages(&format!("the log after tag store {round}"), &[number(page)], &dirty(&mut guest, page)?)?;
        pages(&format!("the log taken again, {round}"), &[], &dirty(&mut guest, page)?)?;
    }
    Ok(())
}

fn fetch_is_clean(cx: &mut CaseContext<'_>) -> CaseResult {
    let page = cx.target().page_size;
    let mut guest = begin(cx)?;
    guest.fetch_tags(arena(OFFSET), granules(2 * page))?;
    pages("pages that a fetch dirtied", &[], &dirty(&mut guest, page)?)
}

/// Entries of a ring: more than a kernel reserves for itself, and a page's worth on any host.
const ENTRIES: u32 = 4096;

fn ring(cx: &mut CaseContext<'_>) -> CaseResult {
    let page = cx.target().page_size;
    let mut guest = cx.guest_like(machine::Config { cpus: 2, dirty_ring: ENTRIES, ..Default::default() })?;
    let at = |number: u64| pointer(Window::Tagged, OFFSET + number * page, 0);
    let blocks = |text: &str, x0: u64| -> Result<_, CaseError> { Ok(machine::Block::assemble(text)?.x(0, x0)) };
    // Present and clean first.
    guest.run(&blocks("str x1, [x0]", at(0))?)?;
    guest.run(&blocks("str x1, [x0]", at(1))?)?;
    succeeds("KVM_MEM_LOG_DIRTY_PAGES", guest.dirty_log()?.log_dirty(map::RAM_BASE, true))?;
    for cpu in 0..2 {
        succeeds("KVM_RESET_DIRTY_RINGS", guest.dirty_ring()?.take_dirty_ring(cpu))?;
    }
    // Not at the beginning of the page: an entry is a page's.
    const WITHIN: u64 = 0x130;
    guest.run_on(1, &blocks("stg x0, [x0]; stg x0, [x0]", at(0) + WITHIN)?)?;
    guest.run_on(0, &blocks("ldg x1, [x0]; stg x0, [x0]", at(1) + WITHIN)?)?;
    let arena_only = |taken: Vec<u64>| -> Vec<u64> {
        taken.into_iter().filter(|ipa| (map::ARENA_BASE..map::ARENA_BASE + map::ARENA_SIZE).contains(ipa)).collect()
    };
    for (cpu, page_of_cpu) in [(1, 0), (0, 1)] {
        let taken = succeeds("KVM_RESET_DIRTY_RINGS", guest.dirty_ring()?.take_dirty_ring(cpu))?;
        let expected = [arena(OFFSET) + page_of_cpu * page];
        pages(&format!("the ring of vCPU {cpu}"), &expected, &arena_only(taken))?;
    }
    let again = succeeds("KVM_RESET_DIRTY_RINGS", guest.dirty_ring()?.take_dirty_ring(1))?;
    pages("the ring of vCPU 1, taken again", &[], &arena_only(again))?;
    // The kernel watches the page again, whoever stores to it next.
    guest.run_on(0, &blocks("stg x0, [x0]", at(0))?)?;
    let next = succeeds("KVM_RESET_DIRTY_RINGS", guest.dirty_ring()?.take_dirty_ring(0))?;
    pages("the ring of vCPU 0 after the next store", &[arena(OFFSET)], &arena_only(next))
}

fn slot_not_logged(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 2)?;
    let page = vm.page_size();
    let other = BASE + 8 * page;
    succeeds("a second slot", vm.add_memory(other, page, Backing::Anonymous, Access::ReadWrite))?;
    let log = handed(Capability::DirtyLog, vm.dirty_log())?;
    refused("KVM_GET_DIRTY_LOG while nothing is logged", Errno::ENOENT, log.take_dirty(BASE))?;
    succeeds("KVM_MEM_LOG_DIRTY_PAGES of the second slot", log.log_dirty(other, true))?;
    refused("KVM_GET_DIRTY_LOG of the first slot", Errno::ENOENT, log.take_dirty(BASE))?;
    pages("the log of the second slot", &[], &succeeds("KVM_GET_DIRTY_LOG", log.take_dirty(other))?)?;
    succeeds("logging no more", log.log_dirty(other, false))?;
    refused("KVM_GET_DIRTY_LOG of the second slot", Errno::ENOENT, log.take_dirty(other))
}

fn ring_size(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = cx.bare()?;
    // As many entries of 16 bytes as fill a page.
    let fills = (vm.page_size() / 16) as u32;
    let rings = handed(Capability::DirtyRing, vm.dirty_ring())?;
    for (entries, errno) in
        [(0, Errno::EINVAL), (fills / 2, Errno::EINVAL), (fills + fills / 2, Errno::EINVAL), (1 << 17, Errno::E2BIG)]
    {
        refused(&format!("rings of {entries} entries"), errno, rings.enable_dirty_ring(entries))?;
    }
    succeeds("rings that fill a page", rings.enable_dirty_ring(fills))?;
    refused("rings once more", Errno::EINVAL, rings.enable_dirty_ring(fills))?;
    let mut late = cx.bare()?;
    succeeds("KVM_CREATE_VCPU", late.add_vcpu())?;
    let rings = handed(Capability::DirtyRing, late.dirty_ring())?;
    refused("rings after a vCPU", Errno::EINVAL, rings.enable_dirty_ring(fills))?;
    let mut largest = cx.bare()?;
    succeeds("the largest rings", handed(Capability::DirtyRing, largest.dirty_ring())?.enable_dirty_ring(1 << 16))
}

fn ring_refuses_stores(cx: &mut CaseContext<'_>) -> CaseResult {
    if !cx.target().contract().holds(kvm_model::contract::Rule::BusyWhileLogging) {
        return Err(Need::TagsWhileLogging.unmet("the check came with Linux 6.11").into());
    }
    let mut vm = cx.bare()?;
    succeeds("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", vm.enable_mte(0))?;
    succeeds(
        "KVM_ENABLE_CAP of a dirty ring",
        handed(Capability::DirtyRing, vm.dirty_ring())?.enable_dirty_ring(ENTRIES),
    )?;
    let page = vm.page_size();
    succeeds("a slot", vm.add_memory(BASE, page, Backing::Anonymous, Access::ReadWrite))?;
    let mut buffer = vec![4; granules(page)];
    returns("a store while nothing is logged", Ok(page), store(&*vm, BASE, page, &mut buffer))?;
    succeeds("KVM_MEM_LOG_DIRTY_PAGES", handed(Capability::DirtyLog, vm.dirty_log())?.log_dirty(BASE, true))?;
    returns("a store while the slot is logged", Err(Errno::EBUSY), store(&*vm, BASE, page, &mut buffer))?;
    returns("a fetch while the slot is logged", Ok(page), fetch(&*vm, BASE, page, &mut buffer))?;
    refused(
        "KVM_GET_DIRTY_LOG of a VM with rings",
        Errno::ENXIO,
        handed(Capability::DirtyLog, vm.dirty_log())?.take_dirty(BASE),
    )
}
