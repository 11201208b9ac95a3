//! Chapter: tags survive the life of a page, as its data does: swap, moving, huge pages made and split.
//!
//! KVM_CAP_ARM_MTE promises it for swap; the rest follows from that tags belong to the page. Where the host cannot do
//! something, or /proc shows that it did not, the case is skipped with the reason.

use super::calls::{BASE, granules, refused, returns, store, succeeds};
use case::address::{arena, tagged};
use case::expect::{bytes, equal_hex, no_fault, tags};
use case::tagging::{guest_reads, guest_tags};
use case::{Case, CaseContext, CaseResult, Guest};
use machine::capability::Capability;
use machine::need::Need;
use machine::{Access, Backing, Errno, PageEvent, Protection};

pub(super) const SWAP: &str =
    "Documentation/virt/kvm/api.rst, KVM_CAP_ARM_MTE: tags are maintained during swap; arch/arm64/mm/mteswap.c";
pub(super) const COPY: &str = "arch/arm64/mm/copypage.c, copy_highpage()";
pub(super) const SPLIT: &str =
    "mm/huge_memory.c, __split_huge_page_tail(), later __split_folio_to_order(): PG_arch_2 and PG_arch_3";
const FAULT: &str = "Documentation/virt/kvm/api.rst, KVM_RUN; arch/arm64/kvm/mmu.c, user_mem_abort()";
/// The VMM maps the memory with PROT_MTE.
const TAGGED: PageEvent = PageEvent::Protect(Protection::Tagged);
const SYNC: &str = "arch/arm64/kernel/mte.c, mte_sync_tags()";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.life.swap-then-fetch",
        "pages in swap come back with their tags and data when they are fetched",
        SWAP,
        |b| survives(b, Backing::Anonymous, &[PageEvent::PageOut], First::Fetch),
    ).needing(&[Need::Capability(Capability::PageEvents), Need::Swap, Need::Pagemap]),
    Case::new(
        "kvm.life.swap-then-guest",
        "pages in swap come back with their tags and data when the guest looks",
        SWAP,
        |b| survives(b, Backing::Anonymous, &[PageEvent::PageOut], First::Guest),
    ).needing(&[Need::Capability(Capability::PageEvents), Need::Swap, Need::Pagemap]),
    Case::new(
        "kvm.life.swap-then-vmm",
        "pages in swap come back with their tags and data when the VMM reads them",
        SWAP,
        |b| survives(b, Backing::Anonymous, &[PageEvent::PageOut], First::Data),
    ).needing(&[Need::Capability(Capability::PageEvents), Need::Swap, Need::Pagemap]),
    Case::new(
        "kvm.life.swap-again",
        "tags that changed after a page came back from swap are those that come back next",
        SWAP,
        swap_again,
    ).needing(&[Need::Capability(Capability::PageEvents), Need::Swap, Need::Pagemap]),
    Case::new(
        "kvm.life.swap-and-save",
        "a VM whose pages are in swap is saved and restored with their tags and data",
        SWAP,
        swap_and_save,
    ).needing(&[Need::Capability(Capability::PageEvents), Need::Swap, Need::Pagemap]),
    Case::new("kvm.life.migration", "pages that move to other page frames keep tags and data", COPY, |b| {
        survives(b, Backing::Anonymous, &[PageEvent::Migrate], First::Fetch)
    }).needing(&[Need::Capability(Capability::PageEvents), Need::Numa, Need::Pagemap]),
    Case::new(
        "kvm.life.collapse",
        "base pages that become a transparent huge page keep tags and data, each its own",
        COPY,
        |b| huge(b, Backing::Anonymous, &[PageEvent::Collapse]),
    ).needing(&[Need::Capability(Capability::PageEvents), Need::HugePages, Need::HugePageCollapse]),
    Case::new(
        "kvm.life.split",
        "the parts of a transparent huge page that is split keep tags and data",
        "mm/huge_memory.c, __split_huge_page_tail(): PG_mte_tagged",
        |b| huge(b, Backing::HugePages, &[PageEvent::Split]),
    ).needing(&[Need::Capability(Capability::PageEvents), Need::HugePages, Need::HugePageSplit]),
    Case::new(
        "kvm.life.collapse-and-split",
        "a huge page that was made of base pages and is split again keeps tags and data",
        COPY,
        |b| huge(b, Backing::Anonymous, &[PageEvent::Collapse, PageEvent::Split]),
    ).needing(&[Need::Capability(Capability::PageEvents), Need::HugePages, Need::HugePageCollapse, Need::HugePageSplit]),
    Case::new(
        "kvm.life.split-with-untagged-first",
        "a huge page made of base pages, of which the first was never tagged, keeps the others' tags when it is split",
        SPLIT,
        |b| mixed(b, 1),
    ).needing(&[Need::Capability(Capability::PageEvents), Need::HugePages, Need::HugePageCollapse, Need::HugePageSplit]),
    Case::new(
        "kvm.life.split-with-tagged-first",
        "the parts of a huge page that were never tagged have tag 0 after it is split, whoever had the memory before",
        SPLIT,
        |b| mixed(b, 0),
    ).needing(&[Need::Capability(Capability::PageEvents), Need::HugePages, Need::HugePageCollapse, Need::HugePageSplit]),
    Case::new(
        "kvm.life.remap",
        "guest memory that moves to another address of the VMM keeps tags and data",
        "mm/mremap.c, move_page_tables()",
        |b| survives(b, Backing::Anonymous, &[PageEvent::Remap], First::Guest),
    ).needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.life.no-access-for-a-while",
        "guest memory that was PROT_NONE for a while keeps tags and data",
        SYNC,
        |b| {
            let events = [PageEvent::Protect(Protection::None), PageEvent::Protect(Protection::ReadWrite)];
            survives(b, Backing::Anonymous, &events, First::Guest)
        },
    ).needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.life.no-access-stops-the-guest",
        "a guest that loads from memory that the VMM has mapped PROT_NONE stops: KVM_RUN returns EFAULT",
        FAULT,
        |b| stops(b, Protection::None, "ldr x1, [x0]"),
    ).needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.life.read-only-stops-stores",
        "of memory that the VMM has mapped read-only a guest loads data and tags; storing either stops it with EFAULT",
        FAULT,
        read_only_stops_stores,
    ).needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.life.prot-mte",
        "mprotect(PROT_MTE) of guest memory keeps the guest's tags, and clears none",
        SYNC,
        |b| survives(b, Backing::Anonymous, &[PageEvent::Protect(Protection::Tagged)], First::Guest),
    ).needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.life.prot-mte-swap",
        "pages that the VMM has mapped with PROT_MTE come back from swap with their tags and data",
        SWAP,
        |b| survives(b, Backing::Anonymous, &[TAGGED, PageEvent::PageOut], First::Guest),
    ).needing(&[Need::Capability(Capability::PageEvents), Need::Swap, Need::Pagemap]),
    Case::new(
        "kvm.life.prot-mte-migration",
        "pages that the VMM has mapped with PROT_MTE keep tags and data when they move to other page frames",
        COPY,
        |b| survives(b, Backing::Anonymous, &[TAGGED, PageEvent::Migrate], First::Guest),
    ).needing(&[Need::Capability(Capability::PageEvents), Need::Numa, Need::Pagemap]),
    Case::new(
        "kvm.life.prot-mte-fork",
        "pages that the VMM has mapped with PROT_MTE keep tags and data in the copies that are made after it forked",
        COPY,
        |b| survives(b, Backing::Anonymous, &[TAGGED, PageEvent::Fork], First::Data),
    ).needing(&[Need::Capability(Capability::PageEvents)]),
    Case::new(
        "kvm.life.prot-mte-split",
        "base pages that the VMM has mapped with PROT_MTE keep tags and data when a huge page is made of them and split",
        COPY,
        |b| huge(b, Backing::Anonymous, &[TAGGED, PageEvent::Collapse, PageEvent::Split]),
    ).needing(&[Need::Capability(Capability::PageEvents), Need::HugePages, Need::HugePageCollapse, Need::HugePageSplit]),
    Case::new(
        "kvm.life.tags-then-data",
        "data that the VMM writes after it stored tags leaves the tags alone",
        "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags()",
        tags_then_data,
    ),
    Case::new(
        "kvm.life.served-to-the-guest",
        "a page that userfaultfd serves when the guest touches it has tag 0 and its data",
        "Documentation/admin-guide/mm/userfaultfd.rst; arch/arm64/kvm/mmu.c, sanitise_mte_tags()",
        |b| served(b, First::Guest),
    ).needing(&[Need::Capability(Capability::PageEvents), Need::Userfaultfd]),
    Case::new(
        "kvm.life.served-to-a-fetch",
        "a page that userfaultfd serves to a fetch has tag 0 and its data",
        "Documentation/admin-guide/mm/userfaultfd.rst",
        |b| served(b, First::Fetch),
    ).needing(&[Need::Capability(Capability::PageEvents), Need::Userfaultfd]),
    Case::new(
        "kvm.life.served-to-a-store",
        "tags stored to a page that userfaultfd serves stay, and so does its data",
        "Documentation/admin-guide/mm/userfaultfd.rst",
        served_to_store,
    ).needing(&[Need::Capability(Capability::PageEvents), Need::Userfaultfd]),
];

/// Who looks first when it is over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Fetch,
    Guest,
    Data,
}

/// What the pages of a case hold.
pub(super) struct Contents {
    pub tags: Vec<u8>,
    pub data: Vec<u8>,
}

/// Pages that a case fills.
pub(super) const PAGES: u64 = 6;
/// Those of them that nobody tags.
const UNTAGGED: [u64; 2] = [3, PAGES - 1];

/// Fills pages from `offset` on, each in its own way: tagged by the guest; by the VMM; by both; not tagged; tagged without
/// data; the last one is not touched.
pub(super) fn fill(cx: &mut CaseContext<'_>, guest: &mut Guest, offset: u64) -> Result<Contents, case::CaseError> {
    let page = cx.target().page_size;
    let each = granules(page);
    let mut contents = Contents { tags: vec![0; PAGES as usize * each], data: vec![0; (PAGES * page) as usize] };
    let size = page as usize;
    cx.random().fill(&mut contents.data[..4 * size]);
    guest.write(arena(offset), &contents.data[..4 * size])?;
    let random = cx.random_tags(4 * each);
    contents.tags[..3 * each].copy_from_slice(&random[..3 * each]);
    contents.tags[4 * each..5 * each].copy_from_slice(&random[3 * each..]);
    // The tags of one base page are enough for the guest's loop; a larger host page has the rest from the VMM.
    let by_guest = each.min(256);
    guest.store_tags(arena(offset), &contents.tags[..each])?;
    guest_tags(guest, offset, &contents.tags[..by_guest])?;
    guest.store_tags(arena(offset + page), &contents.tags[each..2 * each])?;
    guest_tags(guest, offset + 2 * page, &[6; 16])?;
    guest.store_tags(arena(offset + 2 * page), &contents.tags[2 * each..3 * each])?;
    guest.store_tags(arena(offset + 4 * page), &contents.tags[4 * each..5 * each])?;
    Ok(contents)
}

/// Expects what pages were filled with.
pub(super) fn check(guest: &mut Guest, offset: u64, contents: &Contents, first: First) -> CaseResult {
    const SEEN: usize = 64;
    let fetched = |guest: &mut Guest| {
        let found = guest.fetch_tags(arena(offset), contents.tags.len())?;
        tags("the tags as fetched", arena(offset), &contents.tags, &found)
    };
    let seen = |guest: &mut Guest| {
        let page = contents.tags.len() / PAGES as usize;
        for number in 0..PAGES as usize {
            let at = offset + (number * page) as u64 * 16;
            let found = guest_reads(guest, at, SEEN)?;
            tags("the tags as the guest sees them", arena(at), &contents.tags[number * page..][..SEEN], &found)?;
        }
        Ok(())
    };
    let data = |guest: &mut Guest| {
        let found = guest.read(arena(offset), contents.data.len())?;
        bytes("the data", arena(offset), &contents.data, &found)
    };
    let mut order = [First::Fetch, First::Guest, First::Data];
    order.sort_by_key(|who| *who != first);
    order.into_iter().try_for_each(|who| match who {
        First::Fetch => fetched(guest),
        First::Guest => seen(guest),
        First::Data => data(guest),
    })
}

pub(super) fn apply_page_event(guest: &mut Guest, offset: u64, length: u64, events: &[PageEvent]) -> CaseResult {
    for event in events {
        succeeds(&format!("{event:?}"), guest.page_events()?.page_event(arena(offset), length, *event))?;
    }
    Ok(())
}

fn survives(cx: &mut CaseContext<'_>, backing: Backing, events: &[PageEvent], first: First) -> CaseResult {
    let mut guest = cx.guest_in(backing)?;
    let contents = fill(cx, &mut guest, 0)?;
    // Remap moves whole slots: the range only names one.
    apply_page_event(&mut guest, 0, PAGES * cx.target().page_size, events)?;
    check(&mut guest, 0, &contents, first)?;
    tagged_again(cx, &mut guest)
}

/// The pages are no worse than before: tags that the guest stores now are fetched.
fn tagged_again(cx: &mut CaseContext<'_>, guest: &mut Guest) -> CaseResult {
    let new = cx.random_tags(32);
    guest_tags(guest, 0, &new)?;
    tags("tags that the guest stored afterwards", arena(0), &new, &guest.fetch_tags(arena(0), new.len())?)
}

/// Lets the guest do something with memory that the VMM's mapping does not permit.
fn stops(cx: &mut CaseContext<'_>, protection: Protection, text: &str) -> CaseResult {
    let mut guest = cx.guest()?;
    guest_tags(&mut guest, 0, &[5])?;
    apply_page_event(&mut guest, 0, cx.target().page_size, &[PageEvent::Protect(protection)])?;
    let ran = guest.machine().start(0, &machine::Block::assemble(text)?.x(0, tagged(0, 5)));
    refused(&format!("KVM_RUN of `{text}`"), Errno::EFAULT, ran)
}

fn read_only_stops_stores(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest_tags(&mut guest, 0, &[5])?;
    guest.write(arena(0), &0x1234_u64.to_le_bytes())?;
    apply_page_event(&mut guest, 0, cx.target().page_size, &[PageEvent::Protect(Protection::Read)])?;
    let trace = guest.exec("ldr x1, [x0]; ldg x2, [x0]", &[tagged(0, 5), 0, 0])?;
    no_fault(&guest, "loads from a read-only mapping", &trace)?;
    equal_hex("the data", 0x1234, trace.x[1])?;
    equal_hex("the tag", 5, trace.x[2] >> 56)?;
    drop(guest);
    stops(cx, Protection::Read, "str x1, [x0]")?;
    stops(cx, Protection::Read, "stg x0, [x0]")
}

fn swap_again(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let mut contents = fill(cx, &mut guest, 0)?;
    let length = PAGES * cx.target().page_size;
    apply_page_event(&mut guest, 0, length, &[PageEvent::PageOut])?;
    let new: Vec<u8> = contents.tags[..64].iter().map(|tag| tag ^ 5).collect();
    guest_tags(&mut guest, 0, &new)?;
    contents.tags[..64].copy_from_slice(&new);
    apply_page_event(&mut guest, 0, length, &[PageEvent::PageOut])?;
    check(&mut guest, 0, &contents, First::Fetch)
}

fn swap_and_save(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let contents = fill(cx, &mut guest, 0)?;
    apply_page_event(&mut guest, 0, PAGES * cx.target().page_size, &[PageEvent::PageOut])?;
    guest.save_and_restore()?;
    check(&mut guest, 0, &contents, First::Guest)
}

/// As `survives`, over all of a huge page, of which the filled pages are the first and others in the middle.
fn huge(cx: &mut CaseContext<'_>, backing: Backing, events: &[PageEvent]) -> CaseResult {
    const MIDDLE: u64 = 0x10_0000;
    let mut guest = cx.guest_in(backing)?;
    let contents = fill(cx, &mut guest, 0)?;
    let middle = fill(cx, &mut guest, MIDDLE)?;
    // Every page that is looked at was tagged, if only with 0; see `mixed` for others.
    let page = cx.target().page_size;
    for number in UNTAGGED {
        for offset in [number * page, MIDDLE + number * page] {
            guest.store_tags(arena(offset), &vec![0; granules(page)])?;
        }
    }
    apply_page_event(&mut guest, 0, abi::map::ARENA_SIZE, events)?;
    check(&mut guest, 0, &contents, First::Guest)?;
    check(&mut guest, MIDDLE, &middle, First::Fetch)
}

/// Makes a huge page of base pages, of which one was tagged and the others were not, and splits it again.
fn mixed(cx: &mut CaseContext<'_>, tagged: u64) -> CaseResult {
    mixed_by(cx, tagged, |guest| apply_page_event(guest, 0, abi::map::ARENA_SIZE, &[PageEvent::Split]))
}

/// As `mixed`, where the huge page is split in another way, which leaves the first pages alone.
pub(super) fn mixed_by(
    cx: &mut CaseContext<'_>,
    tagged: u64,
    split: impl FnOnce(&mut Guest) -> CaseResult,
) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    let each = granules(page);
    let mut wanted = vec![0; PAGES as usize * each];
    let one = cx.random_tags(each);
    guest.write(arena(0), &vec![0x33; (PAGES * page) as usize])?;
    guest.store_tags(arena(tagged * page), &one)?;
    wanted[tagged as usize * each..][..each].copy_from_slice(&one);
    leave_tags_behind(cx)?;
    apply_page_event(&mut guest, 0, abi::map::ARENA_SIZE, &[PageEvent::Collapse])?;
    tags("tags in the huge page", arena(0), &wanted, &guest.fetch_tags(arena(0), wanted.len())?)?;
    split(&mut guest)?;
    tags("tags once it is split", arena(0), &wanted, &guest.fetch_tags(arena(0), wanted.len())?)?;
    for number in 0..PAGES {
        let at = number * page;
        let seen = guest_reads(&mut guest, at, 64)?;
        tags("the same, as the guest sees them", arena(at), &wanted[number as usize * each..][..64], &seen)?;
    }
    Ok(())
}

/// Returns huge pages back to the host whose tags are not 0: the next ones are likely to be of them.
fn leave_tags_behind(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = cx.bare()?;
    succeeds("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", vm.enable_mte(0))?;
    let bytes = 8 * abi::map::ARENA_SIZE;
    succeeds("a slot", vm.add_memory(BASE, bytes, Backing::HugePages, Access::ReadWrite))?;
    returns("a store over all of it", Ok(bytes), store(&*vm, BASE, bytes, &mut vec![0xf; granules(bytes)]))
}

fn tags_then_data(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    let wanted = cx.random_tags(granules(page));
    guest.store_tags(arena(0), &wanted)?;
    guest.write(arena(0), &vec![0x77; page as usize])?;
    tags("tags beneath data that was written later", arena(0), &wanted, &guest.fetch_tags(arena(0), wanted.len())?)?;
    let seen = guest_reads(&mut guest, 0, 64)?;
    tags("the same, as the guest sees them", arena(0), &wanted[..64], &seen)
}

fn served(cx: &mut CaseContext<'_>, first: First) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    let each = granules(page);
    // The pages had tags before they were given back.
    guest.store_tags(arena(0), &vec![9; 2 * each])?;
    apply_page_event(&mut guest, 0, 2 * page, &[PageEvent::Serve(0x3c)])?;
    if first == First::Guest {
        let seen = guest_reads(&mut guest, 0, 64)?;
        tags("LDG of a page that was served", arena(0), &[0; 64], &seen)?;
    }
    tags("pages that were served", arena(0), &vec![0; 2 * each], &guest.fetch_tags(arena(0), 2 * each)?)?;
    bytes("data that was served", arena(0), &[0x3c; 64], &guest.read(arena(0), 64)?)?;
    bytes("data that was served last", arena(2 * page - 64), &[0x3c; 64], &guest.read(arena(2 * page - 64), 64)?)
}

fn served_to_store(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    apply_page_event(&mut guest, 0, page, &[PageEvent::Serve(0xc3)])?;
    let wanted = cx.random_tags(granules(page));
    guest.store_tags(arena(0), &wanted)?;
    tags("tags of a page that was served", arena(0), &wanted, &guest.fetch_tags(arena(0), wanted.len())?)?;
    bytes("data that was served", arena(0), &[0xc3; 64], &guest.read(arena(0), 64)?)
}
