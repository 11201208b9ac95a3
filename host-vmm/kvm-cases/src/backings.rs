//! Chapter: what memory a VM with MTE may have, before and after the capability was enabled.
//!
//! KVM_CAP_ARM_MTE: memory must be anonymous or of a RAM-based file; what a release makes of that is a row of
//! [`kvm_model::contract`].

use super::calls::{BASE, fetch, granules, handed, peek, refused, returns, store, succeeds, vm};
use case::address::{arena, tagged};
use case::expect::{no_fault, tags};
use case::tagging::{guest_reads, guest_tags};
use case::{Case, CaseContext, CaseError, CaseResult, HUGE_RAM};
use machine::capability::Capability;
use machine::need::Need;
use machine::{Access, Backing, Block, Config, Errno, MachineError, Vm};

const SLOT: &str = "Documentation/virt/kvm/api.rst, KVM_CAP_ARM_MTE: memory in memslots; arch/arm64/kvm/mmu.c, \
                    kvm_arch_prepare_memory_region()";

const REGION: &str =
    "Documentation/virt/kvm/api.rst, KVM_SET_USER_MEMORY_REGION; virt/kvm/kvm_main.c, __kvm_set_memory_region()";

pub const CASES: &[Case] = &[
    Case::new("kvm.backing.shared", "a shared memfd is taken or refused as the kernel's release promises", SLOT, |b| {
        slot(b, Backing::Shared)
    }),
    Case::new(
        "kvm.backing.private-file",
        "a private mapping of a regular file is taken or refused as promised",
        SLOT,
        |b| slot(b, Backing::PrivateFile),
    )
    .needing(&[Need::DiskFile]),
    Case::new(
        "kvm.backing.hugetlb",
        "memory of the huge page pool is taken or refused as promised, and has tags",
        SLOT,
        |b| slot(b, Backing::Hugetlb),
    )
    .needing(&[Need::Hugetlb]),
    Case::new("kvm.backing.device", "device memory is refused to a VM with MTE from Linux 6.2 on", SLOT, |b| {
        slot(b, Backing::Device)
    })
    .needing(&[Need::VdsoData]),
    Case::new("kvm.backing.guest-memfd", "a guest_memfd is refused to a VM with MTE", SLOT, |b| {
        slot(b, Backing::GuestMemfd)
    })
    .needing(&[Need::GuestMemfd]),
    Case::new(
        "kvm.backing.guest-memfd-first",
        "a VM that has a guest_memfd does not get MTE any more",
        "Documentation/virt/kvm/api.rst, KVM_CAP_ARM_MTE: guest_memfd; arch/arm64/kvm/arm.c, kvm_vm_ioctl_enable_cap()",
        guest_memfd_first,
    )
    .needing(&[Need::GuestMemfd, Need::RefusesGuestMemfd]),
    Case::new(
        "kvm.backing.before-the-capability",
        "memory that a VM with MTE may not have is taken before the capability is enabled, which is not asked again",
        "arch/arm64/kvm/mmu.c, kvm_arch_prepare_memory_region(): asked when a slot is made",
        before_the_capability,
    )
    .needing(&[Need::RefusesBacking, Need::DiskFile, Need::Hugetlb]),
    Case::new(
        "kvm.backing.guest-before-the-capability",
        "a guest in memory that a VM with MTE may not have, but has from before, stops at once: KVM_RUN returns EFAULT",
        "arch/arm64/kvm/mmu.c, user_mem_abort(): asked again when the guest touches it",
        guest_before_the_capability,
    )
    .needing(&[Need::RefusesBacking, Need::DiskFile, Need::Hugetlb]),
    Case::new(
        "kvm.backing.shared-guest",
        "a guest in shared memory tags it, and the VMM fetches and stores those tags",
        SLOT,
        |b| guest(b, Backing::Shared),
    )
    .needing(&[Need::TakesBacking(Backing::Shared)]),
    Case::new(
        "kvm.backing.hugetlb-guest",
        "a guest in memory of the huge page pool tags it, and the VMM fetches and stores those tags",
        SLOT,
        |b| guest(b, Backing::Hugetlb),
    )
    .needing(&[Need::TakesBacking(Backing::Hugetlb), Need::Hugetlb]),
    Case::new(
        "kvm.backing.hugetlb-parts",
        "storing tags to one part of a hugetlb page leaves the others at 0, whoever had the page before",
        "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags(); arch/arm64/include/asm/mte.h, \
         folio_try_hugetlb_mte_tagging()",
        hugetlb_parts,
    )
    .needing(&[Need::TakesBacking(Backing::Hugetlb), Need::Hugetlb]),
    Case::new(
        "kvm.backing.hugetlb-touched",
        "a guest that touches one part of a hugetlb page while dirty pages are logged leaves the others at tag 0",
        "arch/arm64/kvm/mmu.c, sanitise_mte_tags()",
        hugetlb_touched,
    )
    .needing(&[Need::TakesBacking(Backing::Hugetlb), Need::Hugetlb, Need::Capability(Capability::DirtyLog)]),
    Case::new(
        "kvm.slot.whole-pages",
        "a memory slot that is empty, not in whole host pages, or ends beyond all addresses is refused with EINVAL",
        REGION,
        whole_pages,
    ),
    Case::new(
        "kvm.slot.no-overlap",
        "a memory slot that shares a page with another is refused with EEXIST, and one beside it is taken",
        REGION,
        no_overlap,
    ),
    Case::new(
        "kvm.slot.moves-to-free-pages",
        "a memory slot moves neither onto another (EEXIST) nor to what cannot be a slot's place (EINVAL), but over its own",
        REGION,
        moves_to_free_pages,
    )
    .needing(&[Need::Capability(Capability::MemorySlots)]),
];

/// Skips the case where the kernel promises to refuse such memory.
pub(super) fn takes(cx: &CaseContext<'_>, backing: Backing) -> CaseResult {
    match cx.target().contract().refuses(backing) {
        true => Err(Need::TakesBacking(backing)
            .unmet(format!("this kernel refuses {backing:?} memory to VMs with MTE"))
            .into()),
        false => Ok(()),
    }
}

/// Leaves huge pages of the pool behind whose tags are not 0, as many as the guest of a case has.
fn leave_hugetlb_behind(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut first = cx.bare()?;
    succeeds("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", first.enable_mte(0))?;
    let bytes = HUGE_RAM.next_multiple_of(size(&*first, Backing::Hugetlb));
    match first.add_memory(BASE, bytes, Backing::Hugetlb, Access::ReadWrite) {
        Err(MachineError::Kernel { errno, .. }) => succeeds("a slot", Err::<(), _>(errno))?,
        other => other?,
    }
    let mut all = vec![0xf; granules(bytes)];
    returns("a store over all huge pages", Ok(bytes), store(&*first, BASE, bytes, &mut all))
}

fn hugetlb_touched(cx: &mut CaseContext<'_>) -> CaseResult {
    takes(cx, Backing::Hugetlb)?;
    leave_hugetlb_behind(cx)?;
    let mut guest = cx.guest_in(Backing::Hugetlb)?;
    let page = cx.target().page_size;
    // While dirty pages are logged the guest gets single pages of a huge one.
    succeeds("KVM_MEM_LOG_DIRTY_PAGES", guest.dirty_log()?.log_dirty(abi::map::RAM_BASE, true))?;
    let trace = guest.exec("str x1, [x0]", &[tagged(0, 0), 1])?;
    no_fault(&guest, "a store through tag 0", &trace)?;
    let found = guest.fetch_tags(arena(0), granules(4 * page))?;
    tags("the parts of a huge page of which the guest touched one", arena(0), &vec![0; found.len()], &found)
}

/// Bytes that each kind of memory comes in at least.
fn size(vm: &dyn Vm, backing: Backing) -> u64 {
    match backing {
        // Of hosts with base pages of 4, 16 and 64 KiB.
        Backing::Hugetlb | Backing::HugePages => match vm.page_size() {
            0x1000 => 2 << 20,
            0x4000 => 32 << 20,
            _ => 512 << 20,
        },
        _ => vm.page_size(),
    }
}

fn slot(cx: &mut CaseContext<'_>, backing: Backing) -> CaseResult {
    let refuses = cx.target().contract().refuses(backing);
    let mut vm = cx.bare()?;
    succeeds("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", vm.enable_mte(0))?;
    let bytes = size(&*vm, backing);
    let added = vm.add_memory(BASE, bytes, backing, Access::ReadWrite);
    if refuses {
        // It is MTE that the kernel refuses it for.
        let control = cx.bare()?.add_memory(BASE, bytes, backing, Access::ReadWrite);
        succeeds(&format!("the same slot of {backing:?} memory without MTE"), control)?;
        refused(&format!("a slot of {backing:?} memory"), Errno::EINVAL, added)?;
        // It was not taken half: there is room for other memory.
        return succeeds(
            "a slot of anonymous memory",
            vm.add_memory(BASE, bytes, Backing::Anonymous, Access::ReadWrite),
        );
    }
    succeeds(&format!("a slot of {backing:?} memory"), added)?;
    if matches!(backing, Backing::Device | Backing::GuestMemfd) {
        return Ok(());
    }
    let page = vm.page_size();
    let each = granules(page);
    tags("tags of new memory", BASE, &vec![0; each], &peek(&*vm, BASE, 1)?)?;
    let mut wanted = cx.random_tags(each);
    returns("a store", Ok(page), store(&*vm, BASE, page, &mut wanted))?;
    tags("tags that were stored", BASE, &wanted, &peek(&*vm, BASE, 1)?)
}

fn guest_memfd_first(cx: &mut CaseContext<'_>) -> CaseResult {
    if !cx.target().contract().refuses(Backing::GuestMemfd) {
        return Err(Need::RefusesGuestMemfd
            .unmet("guest_memfd and MTE exclude each other since Linux 6.18, the first with guest_memfd for arm64")
            .into());
    }
    let mut vm = cx.bare()?;
    let page = vm.page_size();
    succeeds("a slot of a guest_memfd", vm.add_memory(BASE, page, Backing::GuestMemfd, Access::ReadWrite))?;
    refused("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", Errno::EINVAL, vm.enable_mte(0))?;
    // And it has none.
    refused("a fetch of tags", Errno::EINVAL, fetch(&*vm, BASE, page, &mut vec![0; granules(page)]))
}

/// Returns a kind of memory that this kernel refuses to VMs with MTE.
fn refused_backing(cx: &CaseContext<'_>) -> Result<Backing, CaseError> {
    let candidates = [Backing::Shared, Backing::PrivateFile, Backing::Hugetlb];
    let contract = cx.target().contract();
    let found = candidates.into_iter().find(|backing| contract.refuses(*backing));
    found.ok_or_else(|| Need::RefusesBacking.unmet("this kernel refuses no memory that this host has").into())
}

fn guest_before_the_capability(cx: &mut CaseContext<'_>) -> CaseResult {
    let backing = refused_backing(cx)?;
    let ran = match cx.guest_like(Config { ram: HUGE_RAM, backing, late_mte: true, ..Config::default() }) {
        Ok(mut guest) => guest.machine().start(0, &Block::assemble("nop")?).map(|_| ()),
        Err(CaseError::Machine(error)) => Err(error),
        Err(other) => return Err(other),
    };
    refused(&format!("KVM_RUN in {backing:?} memory"), Errno::EFAULT, ran)
}

fn before_the_capability(cx: &mut CaseContext<'_>) -> CaseResult {
    let backing = refused_backing(cx)?;
    let mut vm = cx.bare()?;
    let bytes = size(&*vm, backing);
    succeeds("a slot without MTE", vm.add_memory(BASE, bytes, backing, Access::ReadWrite))?;
    succeeds("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE afterwards", vm.enable_mte(0))?;
    let second = vm.add_memory(BASE + bytes, bytes, backing, Access::ReadWrite);
    refused("a second slot of the same memory", Errno::EINVAL, second)
}

fn guest(cx: &mut CaseContext<'_>, backing: Backing) -> CaseResult {
    takes(cx, backing)?;
    let mut guest = cx.guest_in(backing)?;
    let each = granules(cx.target().page_size);
    let by_guest = cx.random_tags(64);
    guest_tags(&mut guest, 0, &by_guest)?;
    let mut wanted = vec![0; 2 * each];
    wanted[..64].copy_from_slice(&by_guest);
    tags("tags that the guest stored", arena(0), &wanted, &guest.fetch_tags(arena(0), wanted.len())?)?;
    let by_vmm = cx.random_tags(each);
    guest.store_tags(arena(cx.target().page_size), &by_vmm)?;
    let seen = guest_reads(&mut guest, cx.target().page_size, 64)?;
    tags("tags that the VMM stored", arena(cx.target().page_size), &by_vmm[..64], &seen)?;
    let trace = guest.exec("str x1, [x0]; ldr x2, [x0]", &[tagged(0, by_guest[0]), 9])?;
    no_fault(&guest, "accesses by the guest's tag", &trace)
}

fn hugetlb_parts(cx: &mut CaseContext<'_>) -> CaseResult {
    let backing = Backing::Hugetlb;
    takes(cx, backing)?;
    // The same page of the pool, tagged all over by a VM that is gone.
    let first = with_memory(cx, backing)?;
    let bytes = size(&*first, backing);
    let mut all = vec![0xf; granules(bytes)];
    returns("a store over a huge page", Ok(bytes), store(&*first, BASE, bytes, &mut all))?;
    drop(first);
    let second = with_memory(cx, backing)?;
    let page = second.page_size();
    let mut wanted = cx.random_tags(granules(page));
    let part = BASE + 8 * page;
    returns("a store to one part", Ok(page), store(&*second, part, page, &mut wanted))?;
    let mut expected = vec![0; granules(16 * page)];
    expected[granules(8 * page)..granules(9 * page)].copy_from_slice(&wanted);
    tags("the parts of the huge page", BASE, &expected, &peek(&*second, BASE, 16)?)
}

fn with_memory(cx: &mut CaseContext<'_>, backing: Backing) -> Result<Box<dyn Vm>, CaseError> {
    let mut vm = cx.bare()?;
    succeeds("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", vm.enable_mte(0))?;
    let bytes = size(&*vm, backing);
    match vm.add_memory(BASE, bytes, backing, Access::ReadWrite) {
        Err(MachineError::Kernel { errno, .. }) => succeeds("a slot", Err(errno)).map(|()| vm),
        other => other.map(|()| vm).map_err(CaseError::from),
    }
}

fn add(vm: &mut dyn Vm, ipa: u64, bytes: u64) -> Result<(), MachineError> {
    vm.add_memory(ipa, bytes, Backing::Anonymous, Access::ReadWrite)
}

fn whole_pages(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 2)?;
    let page = vm.page_size();
    let place = BASE + 16 * page;
    for (what, ipa, bytes) in [
        ("an empty slot", place, 0),
        ("a slot that begins amid a page", place + page / 2, page),
        ("a slot that ends amid a page", place, page + page / 2),
        ("a slot that begins and ends amid a page", place + page / 2, page / 2),
        ("a slot that ends at the end of all addresses", 0_u64.wrapping_sub(page), page),
        ("a slot that goes on at address 0", 0_u64.wrapping_sub(page), 2 * page),
    ] {
        refused(what, Errno::EINVAL, add(&mut *vm, ipa, bytes))?;
    }
    // Nothing of them was taken, and nothing of what was there was lost.
    let mut buffer = vec![0; granules(page)];
    returns("a fetch where they would be", Err(Errno::EFAULT), fetch(&*vm, place, page, &mut buffer))?;
    returns("a fetch from the first slot", Ok(page), fetch(&*vm, BASE, page, &mut buffer))?;
    succeeds("a slot of one page in that place", add(&mut *vm, place, page))
}

fn no_overlap(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 4)?;
    let page = vm.page_size();
    let mut wanted = cx.random_tags(granules(4 * page));
    returns("a store to the slot", Ok(4 * page), store(&*vm, BASE, 4 * page, &mut wanted))?;
    for (what, first, pages) in [
        ("the same pages", 0, 4),
        ("the first page and one before", -1, 2),
        ("the last page and one behind", 3, 2),
        ("two pages amid it", 1, 2),
        ("all of it, and pages on both sides", -1, 6),
    ] {
        let ipa = BASE.wrapping_add_signed(first * page.cast_signed());
        refused(&format!("another slot of {what}"), Errno::EEXIST, add(&mut *vm, ipa, pages * page))?;
    }
    tags("tags of the slot that was there", BASE, &wanted, &peek(&*vm, BASE, 4)?)?;
    succeeds("a slot right before it", add(&mut *vm, BASE - page, page))?;
    succeeds("a slot right behind it", add(&mut *vm, BASE + 4 * page, page))
}

fn moves_to_free_pages(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 2)?;
    let page = vm.page_size();
    let other = BASE + 8 * page;
    succeeds("a second slot", add(&mut *vm, other, 2 * page))?;
    let mut wanted = cx.random_tags(granules(2 * page));
    returns("a store to the first slot", Ok(2 * page), store(&*vm, BASE, 2 * page, &mut wanted))?;
    for (what, to, errno) in [
        ("onto another slot", other, Errno::EEXIST),
        ("onto the first page of another slot", other - page, Errno::EEXIST),
        ("onto the last page of another slot", other + page, Errno::EEXIST),
        ("to an address amid a page", BASE + 4 * page + page / 2, Errno::EINVAL),
        ("to the end of all addresses", 0_u64.wrapping_sub(2 * page), Errno::EINVAL),
    ] {
        let moved = handed(Capability::MemorySlots, vm.memory_slots())?.move_memory(BASE, to);
        refused(&format!("moving the slot {what}"), errno, moved)?;
    }
    tags("tags of the slot that stayed", BASE, &wanted, &peek(&*vm, BASE, 2)?)?;
    // Over its own place, and to both sides of the other slot.
    let mut from = BASE;
    for to in [BASE + page, other - 2 * page, other + 2 * page] {
        let moved = handed(Capability::MemorySlots, vm.memory_slots())?.move_memory(from, to);
        succeeds(&format!("moving the slot from {from:#x} to {to:#x}"), moved)?;
        tags("tags of the slot that moved", to, &wanted, &peek(&*vm, to, 2)?)?;
        from = to;
    }
    tags("tags of the other slot", other, &vec![0; granules(2 * page)], &peek(&*vm, other, 2)?)
}
