//! Chapter: each kind of stop of KVM_ARM_MTE_COPY_TAGS, at the first, a middle and the last page, both ways.
//!
//! The question of 2021: after a fault some tags were copied; how does the VMM learn how many? By the count of bytes of
//! guest memory, in whole pages; the error itself is returned only if it is the first page that fails.

use super::calls::{BASE, fetch, granules, handed, peek, refused, returns, store, succeeds, vm};
use case::expect::{bytes, fail, holds, tags};
use case::{Case, CaseContext, CaseError, CaseResult};
use machine::capability::{Capability, PageEvents};
use machine::need::Need;
use machine::tags::{self as transport, Copied};
use machine::{Access, Backing, CopyTags, Errno, PageEvent, Protection, TagBuffer, Vm};

const COPY: &str = "Documentation/virt/kvm/api.rst, KVM_ARM_MTE_COPY_TAGS: number of bytes successfully copied";
const SOURCE: &str = "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags()";

pub const CASES: &[Case] = &[
    Case::new("kvm.stop.missing-slot", "a copy stops where no slot is, and counts the pages before", COPY, |b| {
        stops(b, Kind::MissingSlot)
    }),
    Case::new(
        "kvm.stop.unmapped",
        "a copy stops where the VMM unmapped memory under a slot, and counts the pages before",
        COPY,
        |b| stops(b, Kind::Event(PageEvent::Unmap)),
    )
    .needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.stop.no-access",
        "a copy stops where the VMM's mapping is PROT_NONE, and counts the pages before",
        COPY,
        |b| stops(b, Kind::Event(PageEvent::Protect(Protection::None))),
    )
    .needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.stop.read-only-mapping",
        "storing stops where the VMM's mapping is read-only, and counts the pages before; fetching does not",
        COPY,
        |b| stops(b, Kind::Event(PageEvent::Protect(Protection::Read))),
    )
    .needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.stop.read-only-slot",
        "storing stops where a read-only slot begins, and counts the pages before; fetching does not",
        COPY,
        |b| stops(b, Kind::ReadOnlySlot),
    ),
    Case::new(
        "kvm.stop.buffer-ends-at-a-page",
        "a copy whose tag buffer ends with a page's tags stops there, and counts the pages before",
        COPY,
        |b| buffer_ends(b, 0),
    ),
    Case::new(
        "kvm.stop.buffer-ends-in-a-page",
        "a copy whose tag buffer ends amid a page's tags does not count that page",
        COPY,
        |b| buffer_ends(b, 100),
    ),
    Case::new(
        "kvm.stop.buffer-ends-stored-page",
        "the page amid whose tags the buffer of a store ends is left without tags (before Linux 6.2 with some)",
        "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags(): don't leave stale tags",
        stored_page_of_ended_buffer,
    ),
    Case::new(
        "kvm.stop.adjacent-slots",
        "a copy over two slots side by side is complete, wherever the VMM has their memory",
        SOURCE,
        adjacent_slots,
    ),
    Case::new(
        "kvm.stop.removed-slot",
        "where a slot was deleted there is nothing to copy: EFAULT",
        SOURCE,
        removed_slot,
    )
    .needing(&[Need::Capability(Capability::MemorySlots)]),
    Case::new("kvm.stop.moved-slot", "a slot that moves takes its tags along, and leaves a hole", SOURCE, moved_slot)
        .needing(&[Need::Capability(Capability::MemorySlots)]),
    Case::new(
        "kvm.stop.end-of-addresses",
        "a copy right below the end of all addresses is EFAULT, and does not begin again at 0",
        SOURCE,
        end_of_addresses,
    ),
    Case::new(
        "kvm.stop.nothing-else-changes",
        "a store changes the tags of its pages and nothing else: no data, no page around, no byte around the buffer",
        COPY,
        nothing_else,
    ),
    Case::new(
        "kvm.stop.transport-at-each-page",
        "granule's own transport names the page at which a copy stopped and why, wherever it is",
        COPY,
        transport_stops,
    )
    .needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.stop.wrong-arguments-first",
        "wrong arguments are EINVAL also where there is no memory and no buffer",
        SOURCE,
        arguments_first,
    ),
];

/// Pages of a copy.
const PAGES: u64 = 5;

/// What stops a copy.
#[derive(Clone, Copy)]
enum Kind {
    MissingSlot,
    ReadOnlySlot,
    Event(PageEvent),
}

impl Kind {
    fn stops_fetches(self) -> bool {
        !matches!(self, Self::ReadOnlySlot | Self::Event(PageEvent::Protect(Protection::Read)))
    }
}

fn page_events(vm: &mut dyn Vm) -> Result<&mut (dyn PageEvents + 'static), CaseError> {
    handed(Capability::PageEvents, vm.page_events())
}

/// A VM whose memory stops a copy at page `place`.
fn stopping(cx: &mut CaseContext<'_>, kind: Kind, place: u64) -> Result<Box<dyn Vm>, CaseError> {
    let mut vm = cx.bare()?;
    succeeds("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", vm.enable_mte(0))?;
    let page = vm.page_size();
    let mut add = |first: u64, pages: u64, access| match pages {
        0 => Ok(()),
        _ => succeeds("a slot", vm.add_memory(BASE + first * page, pages * page, Backing::Anonymous, access)),
    };
    match kind {
        Kind::Event(event) => {
            add(0, PAGES, Access::ReadWrite)?;
            // The page had memory before.
            let ipa = BASE + place * page;
            returns("a store to begin with", Ok(page), store(&*vm, ipa, page, &mut vec![7; granules(page)]))?;
            succeeds(&format!("{event:?}"), page_events(&mut *vm)?.page_event(ipa, page, event))?;
        }
        Kind::MissingSlot | Kind::ReadOnlySlot => {
            add(0, place, Access::ReadWrite)?;
            add(place + 1, PAGES - place - 1, Access::ReadWrite)?;
            if matches!(kind, Kind::ReadOnlySlot) {
                add(place, 1, Access::ReadOnlySlot)?;
            }
        }
    }
    Ok(vm)
}

/// What a copy returns that stops at page `place`.
fn count(place: u64, page: u64) -> Result<u64, Errno> {
    if place == 0 { Err(Errno::EFAULT) } else { Ok(place * page) }
}

fn stops(cx: &mut CaseContext<'_>, kind: Kind) -> CaseResult {
    for place in [0, PAGES / 2, PAGES - 1] {
        let vm = stopping(cx, kind, place)?;
        let page = vm.page_size();
        let each = granules(page);
        let mut wanted = cx.random_tags(granules(PAGES * page));
        let what = format!("a store that meets it at page {place} of {PAGES}");
        returns(&what, count(place, page), store(&*vm, BASE, PAGES * page, &mut wanted))?;
        let mut found = vec![0xee; wanted.len()];
        let what = format!("a fetch that meets it at page {place} of {PAGES}");
        let fetched = fetch(&*vm, BASE, PAGES * page, &mut found);
        let before = place as usize * each;
        if kind.stops_fetches() {
            returns(&what, count(place, page), fetched)?;
            let rest = found[before..].iter().all(|tag| *tag == 0xee);
            holds("the buffer behind what was covered", "unchanged", "changed", rest)?;
        } else {
            returns(&what, Ok(PAGES * page), fetched)?;
        }
        tags("the pages before", BASE, &wanted[..before], &found[..before])?;
        if place + 1 < PAGES {
            let behind = BASE + (place + 1) * page;
            let none = vec![0; granules((PAGES - place - 1) * page)];
            tags("the pages behind, which no store reached", behind, &none, &peek(&*vm, behind, PAGES - place - 1)?)?;
        }
    }
    Ok(())
}

/// A call whose buffer has the tags of `place` pages, and `more`.
fn ending(place: u64, more: usize, page: u64, flags: u64) -> CopyTags<'static> {
    let buffer = TagBuffer::EndsAfter(granules(place * page) + more);
    CopyTags { ipa: BASE, length: PAGES * page, buffer, flags, reserved: [0; 2] }
}

fn buffer_ends(cx: &mut CaseContext<'_>, more: usize) -> CaseResult {
    for place in [0, PAGES / 2, PAGES - 1] {
        for (name, flags) in [("store", CopyTags::TO_GUEST), ("fetch", CopyTags::FROM_GUEST)] {
            let vm = vm(cx, PAGES)?;
            let page = vm.page_size();
            let mut before = vec![3; granules(PAGES * page)];
            returns("a store to begin with", Ok(PAGES * page), store(&*vm, BASE, PAGES * page, &mut before))?;
            let what = format!("a {name} whose buffer ends {more} tags into page {place}");
            returns(&what, count(place, page), vm.copy_tags(ending(place, more, page, flags)))?;
            // Pages behind the one at which it stopped were not reached.
            let behind = PAGES - place - 1;
            let ipa = BASE + (place + 1) * page;
            if behind > 0 {
                tags("the pages behind", ipa, &vec![3; granules(behind * page)], &peek(&*vm, ipa, behind)?)?;
            }
        }
    }
    Ok(())
}

fn stored_page_of_ended_buffer(cx: &mut CaseContext<'_>) -> CaseResult {
    const MORE: usize = 100;
    let vm = vm(cx, PAGES)?;
    let page = vm.page_size();
    let mut before = vec![3; granules(PAGES * page)];
    returns("a store to begin with", Ok(PAGES * page), store(&*vm, BASE, PAGES * page, &mut before))?;
    // Of some bytes the upper half counts for nothing, as ever.
    let mut stored: Vec<u8> = (0..granules(page) + MORE).map(|_| cx.random().u8(..)).collect();
    stored[granules(page)..][..2].copy_from_slice(&[0xf5, 0x2a]);
    let call = CopyTags {
        ipa: BASE,
        length: 3 * page,
        buffer: TagBuffer::EndsWith(&stored),
        flags: CopyTags::TO_GUEST,
        reserved: [0; 2],
    };
    returns("a store that ends early", Ok(page), vm.copy_tags(call))?;
    let mut expected = before;
    expected[..stored.len()].copy_from_slice(&stored.iter().map(|byte| byte & 0xf).collect::<Vec<_>>());
    if cx.target().contract().holds(kvm_model::contract::Rule::FailedStoreClears) {
        expected[granules(page)..granules(2 * page)].fill(0);
    }
    tags("tags after a store that ended early", BASE, &expected, &peek(&*vm, BASE, PAGES)?)
}

fn adjacent_slots(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 2)?;
    let page = vm.page_size();
    for number in [3, 2] {
        let ipa = BASE + number * page;
        succeeds("a slot behind the others", vm.add_memory(ipa, page, Backing::Anonymous, Access::ReadWrite))?;
    }
    let mut wanted = cx.random_tags(granules(4 * page));
    returns("a store over three slots", Ok(4 * page), store(&*vm, BASE, 4 * page, &mut wanted))?;
    tags("tags over three slots", BASE, &wanted, &peek(&*vm, BASE, 4)?)?;
    let one = BASE + 2 * page;
    tags("tags of the slot in the middle", one, &wanted[granules(2 * page)..granules(3 * page)], &peek(&*vm, one, 1)?)
}

fn removed_slot(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 2)?;
    let page = vm.page_size();
    let other = BASE + 2 * page;
    succeeds("a second slot", vm.add_memory(other, page, Backing::Anonymous, Access::ReadWrite))?;
    let mut wanted = cx.random_tags(granules(3 * page));
    returns("a store over both", Ok(3 * page), store(&*vm, BASE, 3 * page, &mut wanted))?;
    succeeds("deleting the second slot", handed(Capability::MemorySlots, vm.memory_slots())?.remove_memory(other))?;
    let mut found = vec![0; wanted.len()];
    returns("a fetch over both", Ok(2 * page), fetch(&*vm, BASE, 3 * page, &mut found))?;
    returns("a fetch where the slot was", Err(Errno::EFAULT), fetch(&*vm, other, page, &mut found))?;
    returns("a store where the slot was", Err(Errno::EFAULT), store(&*vm, other, page, &mut wanted))?;
    succeeds("another slot there", vm.add_memory(other, page, Backing::Anonymous, Access::ReadWrite))?;
    tags("tags of new memory in the same place", other, &vec![0; granules(page)], &peek(&*vm, other, 1)?)
}

fn moved_slot(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 2)?;
    let page = vm.page_size();
    let mut wanted = cx.random_tags(granules(2 * page));
    returns("a store", Ok(2 * page), store(&*vm, BASE, 2 * page, &mut wanted))?;
    let to = BASE + 64 * page;
    succeeds("moving the slot", handed(Capability::MemorySlots, vm.memory_slots())?.move_memory(BASE, to))?;
    let mut found = vec![0; wanted.len()];
    returns("a fetch where the slot was", Err(Errno::EFAULT), fetch(&*vm, BASE, page, &mut found))?;
    tags("tags of the slot that moved", to, &wanted, &peek(&*vm, to, 2)?)
}

fn end_of_addresses(cx: &mut CaseContext<'_>) -> CaseResult {
    let vm = vm(cx, 1)?;
    let page = vm.page_size();
    let last = 0_u64.wrapping_sub(page);
    for length in [page, 2 * page] {
        let mut buffer = vec![5; granules(length)];
        returns("a fetch at the last page of all", Err(Errno::EFAULT), fetch(&*vm, last, length, &mut buffer))?;
        returns("a store at the last page of all", Err(Errno::EFAULT), store(&*vm, last, length, &mut buffer))?;
    }
    Ok(())
}

fn nothing_else(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, PAGES)?;
    let page = vm.page_size();
    let data: Vec<u8> = (0..PAGES * page).map(|_| cx.random().u8(..)).collect();
    vm.write(BASE, &data)?;
    let mut expected = cx.random_tags(granules(PAGES * page));
    returns("a store over all", Ok(PAGES * page), store(&*vm, BASE, PAGES * page, &mut expected.clone()))?;
    let new = cx.random_tags(granules(2 * page));
    let mut buffer = new.clone();
    returns("a store to two pages", Ok(2 * page), store(&*vm, BASE + page, 2 * page, &mut buffer))?;
    holds("the buffer of a store", "unchanged", "changed", buffer == new)?;
    expected[granules(page)..granules(3 * page)].copy_from_slice(&new);
    // Two pages between two others, with room in the buffer that is not asked for.
    let mut found = vec![0xee; granules(4 * page)];
    returns("a fetch of two pages", Ok(2 * page), fetch(&*vm, BASE + page, 2 * page, &mut found))?;
    tags("the tags fetched", BASE + page, &new, &found[..new.len()])?;
    holds("the buffer behind", "unchanged", "changed", found[new.len()..].iter().all(|tag| *tag == 0xee))?;
    tags("all tags", BASE, &expected, &peek(&*vm, BASE, PAGES)?)?;
    let mut now = vec![0; data.len()];
    vm.read(BASE, &mut now)?;
    bytes("the data", BASE, &data, &now)
}

fn transport_stops(cx: &mut CaseContext<'_>) -> CaseResult {
    for place in [0, PAGES / 2, PAGES - 1] {
        let vm = stopping(cx, Kind::Event(PageEvent::Unmap), place)?;
        let page = vm.page_size();
        let expected = Copied::Stopped { at: BASE + place * page, cause: Errno::EFAULT };
        let mut buffer = vec![1; granules(PAGES * page)];
        let stored = transport::store(&*vm, BASE, &buffer)?;
        let fetched = transport::fetch(&*vm, BASE, &mut buffer)?;
        for (what, found) in [("a store", stored), ("a fetch", fetched)] {
            if found != expected {
                return fail(
                    format!("{what} that stops at page {place}"),
                    format!("{expected:?}"),
                    format!("{found:?}"),
                );
            }
        }
    }
    Ok(())
}

fn arguments_first(cx: &mut CaseContext<'_>) -> CaseResult {
    let vm = vm(cx, 1)?;
    let page = vm.page_size();
    let nowhere = BASE + 64 * page;
    let call = |ipa, length, flags, reserved| {
        vm.copy_tags(CopyTags { ipa, length, buffer: TagBuffer::EndsAfter(0), flags, reserved })
    };
    returns("an unaligned address in a hole", Err(Errno::EINVAL), call(nowhere + 1, page, 1, [0; 2]))?;
    returns("an unaligned length in a hole", Err(Errno::EINVAL), call(nowhere, page + 1, 1, [0; 2]))?;
    returns("unknown flags in a hole", Err(Errno::EINVAL), call(nowhere, page, 4, [0; 2]))?;
    returns("a reserved field in a hole", Err(Errno::EINVAL), call(nowhere, page, 1, [0, 1]))?;
    returns("a hole, without a buffer", Err(Errno::EFAULT), call(nowhere, page, 1, [0; 2]))?;
    // A VM without MTE says so before it looks at anything else.
    let without = cx.bare()?;
    let refusal = without.copy_tags(CopyTags {
        ipa: nowhere,
        length: page,
        buffer: TagBuffer::EndsAfter(0),
        flags: CopyTags::FROM_GUEST,
        reserved: [0; 2],
    });
    refused("a hole in a VM without MTE", Errno::EINVAL, refusal)
}
