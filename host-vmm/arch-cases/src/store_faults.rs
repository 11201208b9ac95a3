//! Chapter: tag stores where memory is missing, read-only or misaligned, or at the wrong level.

use abi::mailbox::PageKind;
use abi::map::{GUEST_PAGE, Window};

use case::address::{arena, pointer, tagged};
use case::expect::{equal_hex, no_fault, one_exception, tags};
use case::{Case, CaseContext, CaseResult};
use machine::tags::GRANULE;
use machine::{Block, El};

pub const CASES: &[Case] = &[
    Case::new(
        "arch.tag-store.unaligned",
        "a tag store to an address that is not a multiple of 16 takes an alignment fault and stores nothing",
        "DDI 0487 C6.2 STG, ST2G, STZG, STZ2G",
        unaligned,
    ),
    Case::new(
        "arch.tag-store.unmapped",
        "a tag store to an unmapped page takes a translation fault, LDG too",
        "DDI 0487 C6.2 STG, LDG; D8 MMU faults",
        unmapped,
    ),
    Case::new(
        "arch.tag-store.read-only",
        "a tag store to a read-only page takes a permission fault; LDG does not",
        "DDI 0487 C6.2 STG, LDG; D8 MMU faults",
        read_only,
    ),
    Case::new(
        "arch.tag-store.block-forms-undefined-at-el0",
        "LDGM, STGM and STZGM are undefined at EL0",
        "DDI 0487 C6.2 LDGM, STGM, STZGM",
        block_forms_at_el0,
    ),
];

/// Instructions that store tags by an address in x0.
const STORES: [&str; 4] = ["stg x1, [x0]", "st2g x1, [x0]", "stzg x1, [x0]", "stz2g x1, [x0]"];

fn unaligned(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6; 4])?;
    for text in STORES {
        for offset in [1, 8, 15] {
            let trace = guest.exec(text, &[tagged(offset, 0), tagged(0, 9)])?;
            // Alignment fault: DFSC 0b100001, a write.
            one_exception(&guest, text, 0x9600_0061, &trace)?;
            equal_hex("FAR_EL1, bits 55:0", tagged(offset, 0), trace.faults[0].far & !(0xff << 56))?;
        }
    }
    let found = guest.fetch_tags(arena(0), 4)?;
    tags("tags after misaligned stores", arena(0), &[6; 4], &found)
}

fn unmapped(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.set_pages(Window::Tagged, arena(GUEST_PAGE), GUEST_PAGE, PageKind::Unmapped)?;
    for text in STORES {
        let trace = guest.exec(text, &[tagged(GUEST_PAGE, 0), 0])?;
        // Translation fault at level 3: DFSC 0b000111, a write.
        one_exception(&guest, text, 0x9600_0047, &trace)?;
    }
    // Of two granules the second lies in the next page, which is mapped.
    let last = tagged(2 * GUEST_PAGE - GRANULE, 0);
    for text in ["st2g x1, [x0]", "stz2g x1, [x0]"] {
        let trace = guest.exec(text, &[last, 0])?;
        one_exception(&guest, text, 0x9600_0047, &trace)?;
        equal_hex("FAR_EL1, bits 55:0", last, trace.faults[0].far & !(0xff << 56))?;
    }
    let trace = guest.exec("ldg x1, [x0]", &[tagged(GUEST_PAGE, 0), 0])?;
    one_exception(&guest, "ldg x1, [x0]", 0x9600_0007, &trace)?;
    guest.set_pages(Window::Tagged, arena(GUEST_PAGE), GUEST_PAGE, PageKind::Default)?;
    let trace = guest.exec("stg x1, [x0]", &[tagged(GUEST_PAGE, 0), 0])?;
    no_fault(&guest, "STG once the page is mapped again", &trace)
}

fn read_only(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6; 4])?;
    guest.set_pages(Window::Tagged, arena(0), GUEST_PAGE, PageKind::ReadOnly)?;
    for text in STORES {
        let trace = guest.exec(text, &[tagged(0, 0), tagged(0, 9)])?;
        // Permission fault at level 3: DFSC 0b001111, a write.
        one_exception(&guest, text, 0x9600_004f, &trace)?;
    }
    let trace = guest.exec("ldg x1, [x0]; ldr x2, [x3]", &[tagged(0, 0), 0, 0, tagged(0, 6)])?;
    no_fault(&guest, "LDG from a read-only page", &trace)?;
    case::expect::pointer_tag("the tag read", 6, trace.x[1])?;
    let found = guest.fetch_tags(arena(0), 4)?;
    tags("tags after refused stores", arena(0), &[6; 4], &found)
}

fn block_forms_at_el0(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for text in ["ldgm x1, [x0]", "stgm x1, [x0]", "stzgm x1, [x0]"] {
        let block = Block::assemble(text)?.at(El::El0).x(0, pointer(Window::TaggedEl0, 0, 0));
        let trace = guest.run(&block)?;
        one_exception(&guest, text, 0x0200_0000, &trace)?;
    }
    Ok(())
}
