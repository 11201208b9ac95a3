//! Chapter: tag stores at the edges: of a pair, a block, a page, and of what they may change.

use abi::mailbox::PageKind;
use abi::map::{GUEST_PAGE, Window};

use super::stores::zero_block;
use case::address::{arena, tagged};
use case::expect::{bytes, equal_hex, fail_with, no_fault, tags};
use case::{Case, CaseContext, CaseResult};
use machine::Block;
use machine::need::Need;
use machine::tags::GRANULE;

pub const CASES: &[Case] = &[
    Case::new(
        "arch.tag-store.odd-granule",
        "ST2G and STZ2G begin at their address, also at an odd granule, and change nothing around",
        "DDI 0487 C6.2 ST2G, STZ2G",
        |b| pairs(b, 5 * GRANULE),
    ),
    Case::new(
        "arch.tag-store.across-pages",
        "ST2G and STZ2G store to the granules on both sides of a page's end",
        "DDI 0487 C6.2 ST2G, STZ2G",
        |b| pairs(b, GUEST_PAGE - GRANULE),
    ),
    Case::new(
        "arch.tag-store.one-granule-zeroed",
        "STZG zeroes the 16 bytes of its granule and no other",
        "DDI 0487 C6.2 STZG",
        one_granule,
    ),
    Case::new(
        "arch.tag-store.no-writeback-on-fault",
        "a tag store that faults leaves its base register as it was",
        "DDI 0487 C6.2 STG, ST2G, STZG, STZ2G, STGP",
        no_writeback,
    ),
    Case::new(
        "arch.tag-store.block-of-an-address",
        "STGM, LDGM, STZGM, DC GVA and DC GZVA work on the block around their address",
        "DDI 0487 C6.2 STGM, LDGM, STZGM, DC GVA, DC GZVA",
        blocks,
    )
    .needing(&[Need::DcZva]),
];

/// Data that is zero nowhere.
fn data(size: u64) -> Vec<u8> {
    (0..size).map(|n| n as u8 | 1).collect()
}

fn pairs(cx: &mut CaseContext<'_>, offset: u64) -> CaseResult {
    let mut guest = cx.guest()?;
    let start = offset - 2 * GRANULE;
    for (text, zeroes) in [("st2g x1, [x0]", false), ("stz2g x1, [x0]", true)] {
        let before = data(6 * GRANULE);
        guest.write(arena(start), &before)?;
        guest.store_tags(arena(start), &[3; 6])?;
        let trace = guest.exec(text, &[tagged(offset, 3), tagged(0, 12)])?;
        no_fault(&guest, text, &trace)?;
        tags(text, arena(start), &[3, 3, 12, 12, 3, 3], &guest.fetch_tags(arena(start), 6)?)?;
        let mut after = before;
        if zeroes {
            after[32..64].fill(0);
        }
        bytes(&format!("data after {text}"), arena(start), &after, &guest.read(arena(start), after.len())?)?;
    }
    Ok(())
}

fn one_granule(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for offset in [16, 32, 48] {
        let mut expected = data(96);
        guest.write(arena(0), &expected)?;
        let trace = guest.exec("stzg x1, [x0]", &[tagged(offset, 0), tagged(0, 7)])?;
        no_fault(&guest, "STZG", &trace)?;
        expected[offset as usize..offset as usize + 16].fill(0);
        bytes(&format!("data after STZG at {offset}"), arena(0), &expected, &guest.read(arena(0), 96)?)?;
    }
    Ok(())
}

fn no_writeback(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.set_pages(Window::Tagged, arena(0), GUEST_PAGE, PageKind::ReadOnly)?;
    for instruction in ["stg x1", "st2g x1", "stzg x1", "stz2g x1", "stgp x1, x2"] {
        for form in ["[x0], #32", "[x0, #32]!"] {
            let text = format!("{instruction}, {form}");
            let trace = guest.exec(&text, &[tagged(64, 0), tagged(0, 5), 0])?;
            if trace.faults.len() != 1 {
                return fail_with(text, "one exception", trace.faults.len(), guest.listing());
            }
            equal_hex(&format!("x0 after {text}"), tagged(64, 0), trace.x[0])?;
        }
    }
    Ok(())
}

fn blocks(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let zero_block = zero_block(cx)?;
    let tag_block = cx.target().tag_block();
    // Bits 4n+3:4n belong to granule n of a 256-byte region: here granule n gets tag n.
    const PACKED: u64 = 0xfedc_ba98_7654_3210;
    for (text, block, whole) in [
        ("stgm x1, [x0]", tag_block, None),
        ("stzgm x1, [x0]", zero_block, Some(0x10 & 0xf)),
        ("dc gva, x0", zero_block, Some(9)),
        ("dc gzva, x0", zero_block, Some(9)),
    ] {
        let size = 2 * block.max(256);
        let granules = (size / GRANULE) as usize;
        guest.store_tags(arena(0), &vec![5; granules])?;
        // An address within the second block, not at its start.
        let at = block + block / 2 + 3;
        let block_text = Block::assemble(text)?.x(0, tagged(at, 9)).x(1, PACKED);
        let trace = guest.run(&block_text)?;
        no_fault(&guest, text, &trace)?;
        let inside = block..2 * block;
        let expected: Vec<u8> = (0..size)
            .step_by(GRANULE as usize)
            .map(|offset| match whole {
                _ if !inside.contains(&offset) => 5,
                Some(tag) => tag,
                None => (offset / GRANULE % 16) as u8,
            })
            .collect();
        tags(&format!("{text} at {at:#x}"), arena(0), &expected, &guest.fetch_tags(arena(0), granules)?)?;
    }
    guest.store_tags(arena(0), &(0..32).map(|n| n & 0xf).collect::<Vec<u8>>())?;
    let trace = guest.exec("ldgm x1, [x0]", &[tagged(tag_block + tag_block / 2 + 3, 0)])?;
    no_fault(&guest, "LDGM", &trace)?;
    let first = tag_block / GRANULE % 16;
    let expected = (first..first + tag_block / GRANULE).fold(0, |packed, n| packed | (n & 0xf) << (4 * (n & 0xf)));
    equal_hex("LDGM's nibbles", expected, trace.x[1])
}
