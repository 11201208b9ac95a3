//! Chapter: the instructions that load tags.

use case::address::{arena, tagged};
use case::expect::{equal_hex, no_fault};
use case::{Case, CaseContext, CaseResult};
use machine::tags::GRANULE;

pub const CASES: &[Case] = &[
    Case::new(
        "arch.tag-load.ldg-reads-the-granule",
        "LDG reads the tag of the granule that holds the address, and changes only the tag of its register",
        "DDI 0487 C6.2 LDG",
        ldg,
    ),
    Case::new(
        "arch.tag-load.ldgm-reads-a-block",
        "LDGM reads the tags of a whole block into a register's nibbles, the lowest granule lowest",
        "DDI 0487 C6.2 LDGM",
        ldgm,
    ),
];

fn ldg(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let wanted: Vec<u8> = (0..16).map(|i| (i * 7 + 3) & 0xf).collect();
    guest.store_tags(arena(0), &wanted)?;
    for (n, tag) in (0u64..).zip(&wanted) {
        // An address in the middle of the granule, with a tag that does not matter.
        let address = tagged(n * GRANULE + 9, 0xa);
        let keep = 0xf0f0_1234_5678_9abc;
        let trace = guest.exec("ldg x1, [x0]", &[address, keep])?;
        no_fault(&guest, "LDG with a wrong logical tag", &trace)?;
        equal_hex("x1", keep & !(0xf << 56) | u64::from(*tag) << 56, trace.x[1])?;
    }
    Ok(())
}

fn ldgm(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let wanted = cx.random_tags(64);
    guest.store_tags(arena(0), &wanted)?;
    let block = cx.target().tag_block();
    for start in (0..64 * GRANULE).step_by(block as usize) {
        let trace = guest.exec("ldgm x1, [x0]", &[tagged(start, 5), !0])?;
        no_fault(&guest, "LDGM", &trace)?;
        let expected = (0..block / GRANULE).fold(0, |value, n| {
            let tag = wanted[(start / GRANULE + n) as usize];
            value | u64::from(tag) << (4 * ((start / GRANULE + n) % 16))
        });
        equal_hex(&format!("the tags at offset {start:#x}"), expected, trace.x[1])?;
    }
    Ok(())
}
