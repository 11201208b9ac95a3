//! Chapter: memory copies and sets (FEAT_MOPS): whole sequences of prologue, main part and epilogue.
//!
//! How much each of the three instructions does is the CPU's choice; what a sequence has done in the end is not.

use case::address::{arena, tagged};
use case::expect::{bytes, equal_hex, fail_with, no_fault, one_exception, tags};
use case::{Case, CaseContext, CaseResult, Guest};
use machine::need::Need;
use machine::{Fault, Trace};

const MOPS: &[Need] = &[Need::Mops];

pub const CASES: &[Case] = &[
    Case::new(
        "arch.copy.set",
        "SETP, SETM and SETE fill memory by the right tag and leave tags alone; a wrong tag amid it faults",
        "DDI 0487 C6.2 SETP, SETM, SETE; D10 tag checked accesses",
        set,
    )
    .needing(MOPS),
    Case::new(
        "arch.copy.set-tags",
        "SETGP, SETGM and SETGE fill memory and give each granule the tag of the pointer, unchecked",
        "DDI 0487 C6.2 SETGP, SETGM, SETGE",
        set_tags,
    )
    .needing(MOPS),
    Case::new(
        "arch.copy.set-tags-alignment",
        "SETGP takes an alignment fault at an address that is not a multiple of 16, and for a size that is not",
        "DDI 0487 C6.2 SETGP",
        set_tags_alignment,
    )
    .needing(MOPS),
    Case::new(
        "arch.copy.copy",
        "CPYP, CPYM and CPYE copy data and no tags, also where source and destination overlap",
        "DDI 0487 C6.2 CPYP, CPYM, CPYE",
        copy,
    )
    .needing(MOPS),
    Case::new(
        "arch.copy.forwards-into-its-source",
        "CPYFP, CPYFM and CPYFE upwards into their own source copy what they cannot have written before and touch nothing else",
        "DDI 0487 C6.2 CPYFP, CPYFM, CPYFE; pseudocode CPYSizeChoice",
        forwards_into_its_source,
    )
    .needing(MOPS),
    Case::new(
        "arch.copy.copy-checked",
        "a copy is checked at its source and at its destination",
        "DDI 0487 C6.2 CPYFP, CPYFM, CPYFE; D10 tag checked accesses",
        copy_checked,
    )
    .needing(MOPS),
];

const SET: &str = "setp [x0]!, x1!, x2; setm [x0]!, x1!, x2; sete [x0]!, x1!, x2";
const SET_TAGS: &str = "setgp [x0]!, x1!, x2; setgm [x0]!, x1!, x2; setge [x0]!, x1!, x2";
const COPY: &str = "cpyp [x0]!, [x1]!, x2!; cpym [x0]!, [x1]!, x2!; cpye [x0]!, [x1]!, x2!";
const COPY_FORWARDS: &str = "cpyfp [x0]!, [x1]!, x2!; cpyfm [x0]!, [x1]!, x2!; cpyfe [x0]!, [x1]!, x2!";

/// Bytes that the cases move: over a page, so that no part of a sequence does it all.
const SIZE: u64 = 0x1230;

/// Data that differs from byte to byte.
fn data(size: u64) -> Vec<u8> {
    (0..size).map(|n| (n * 7 + n / 256) as u8).collect()
}

/// Expects the first exception to be a tag check fault.
fn first_is_tag_check(guest: &Guest, what: &str, trace: &Trace) -> CaseResult {
    match trace.faults.first() {
        Some(fault) if fault.esr.is_tag_check_fault() => Ok(()),
        other => fail_with(what, "a tag check fault", shown(other), guest.listing()),
    }
}

fn shown(fault: Option<&Fault>) -> String {
    fault.map_or("no exception".to_owned(), ToString::to_string)
}

fn set(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let granules = (SIZE / 16) as usize;
    guest.store_tags(arena(0), &vec![6; granules])?;
    let trace = guest.exec(SET, &[tagged(0, 6), SIZE - 5, 0xa7])?;
    no_fault(&guest, "a set by the right tag", &trace)?;
    equal_hex("x1 at the end", 0, trace.x[1])?;
    let mut expected = vec![0xa7; SIZE as usize];
    expected[SIZE as usize - 5..].fill(0);
    bytes("memory", arena(0), &expected, &guest.read(arena(0), expected.len())?)?;
    tags("tags", arena(0), &vec![6; granules], &guest.fetch_tags(arena(0), granules)?)?;
    guest.store_tags(arena(SIZE - 0x100), &[5])?;
    let trace = guest.exec(SET, &[tagged(0, 6), SIZE, 0xa7])?;
    first_is_tag_check(&guest, "a set over a granule of another tag", &trace)
}

fn set_tags(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let granules = (SIZE / 16) as usize;
    guest.store_tags(arena(0), &vec![3; granules + 2])?;
    guest.write(arena(0), &data(SIZE + 32))?;
    let trace = guest.exec(SET_TAGS, &[tagged(16, 9), SIZE, 0x5b])?;
    no_fault(&guest, "a set with tags", &trace)?;
    let expected = [vec![3], vec![9; granules], vec![3]].concat();
    tags("tags", arena(0), &expected, &guest.fetch_tags(arena(0), expected.len())?)?;
    let mut expected = data(SIZE + 32);
    expected[16..16 + SIZE as usize].fill(0x5b);
    bytes("memory", arena(0), &expected, &guest.read(arena(0), expected.len())?)
}

fn set_tags_alignment(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for offset in [1, 8] {
        let trace = guest.exec("setgp [x0]!, x1!, x2", &[tagged(offset, 9), 64, 1])?;
        // Alignment fault: DFSC 0b100001, a write.
        one_exception(&guest, &format!("SETGP at {offset}"), 0x9600_0061, &trace)?;
    }
    // Only negative sizes are saturated, to whole granules.
    for size in [8, i64::MAX as u64] {
        let trace = guest.exec("setgp [x0]!, x1!, x2", &[tagged(0, 9), size, 1])?;
        one_exception(&guest, &format!("SETGP of {size:#x} bytes"), 0x9600_0061, &trace)?;
    }
    Ok(())
}

fn copy(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let size = SIZE as usize;
    let granules = size / 16 + 0x100;
    // Apart, and overlapping with the destination behind and before the source.
    for (from, to) in [(0u64, 0x4000u64), (0x1000, 0x1810), (0x1810, 0x1000)] {
        let source = data(SIZE);
        guest.write(arena(from), &source)?;
        guest.store_tags(arena(from.min(to)), &vec![6; granules])?;
        guest.store_tags(arena(to), &vec![6; size / 16])?;
        let trace = guest.exec(COPY, &[tagged(to, 6), tagged(from, 6), SIZE])?;
        no_fault(&guest, "a copy by the right tags", &trace)?;
        equal_hex("x2 at the end", 0, trace.x[2])?;
        bytes(&format!("a copy from {from:#x} to {to:#x}"), arena(to), &source, &guest.read(arena(to), size)?)?;
        if to == 0x4000 {
            // Tags stay: give the source others and copy again.
            guest.store_tags(arena(from), &vec![2; size / 16])?;
            let trace = guest.exec(COPY, &[tagged(to, 6), tagged(from, 2), SIZE])?;
            no_fault(&guest, "a copy between different tags", &trace)?;
            tags("the destination's tags", arena(to), &vec![6; size / 16], &guest.fetch_tags(arena(to), size / 16)?)?;
        }
    }
    Ok(())
}

fn forwards_into_its_source(cx: &mut CaseContext<'_>) -> CaseResult {
    const SHIFT: u64 = 0x48;
    let mut guest = cx.guest()?;
    let end = SHIFT + SIZE;
    let source = data(end + 0x100);
    guest.write(arena(0), &source)?;
    guest.store_tags(arena(0), &vec![6; source.len().div_ceil(16)])?;
    let trace = guest.exec(COPY_FORWARDS, &[tagged(SHIFT, 6), tagged(0, 6), SIZE])?;
    no_fault(&guest, "a copy by the right tags", &trace)?;
    for (name, value, found) in
        [("x0", tagged(end, 6), trace.x[0]), ("x1", tagged(SIZE, 6), trace.x[1]), ("x2", 0, trace.x[2])]
    {
        equal_hex(&format!("{name} at the end"), value, found)?;
    }
    // What follows in the destination depends on how far the CPU reads ahead.
    let first = [&source[..SHIFT as usize], &source[..SHIFT as usize]].concat();
    bytes("before the destination, and its beginning", arena(0), &first, &guest.read(arena(0), first.len())?)?;
    bytes("behind it", arena(end), &source[end as usize..], &guest.read(arena(end), 0x100)?)
}

fn copy_checked(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let granules = (SIZE / 16) as usize;
    for (what, wrong) in [("its source", 0x100), ("its destination", 0x4100)] {
        guest.store_tags(arena(0), &vec![6; granules])?;
        guest.store_tags(arena(0x4000), &vec![6; granules])?;
        let trace = guest.exec(COPY_FORWARDS, &[tagged(0x4000, 6), tagged(0, 6), SIZE])?;
        no_fault(&guest, "a copy by the right tags", &trace)?;
        guest.store_tags(arena(wrong), &[5])?;
        let trace = guest.exec(COPY_FORWARDS, &[tagged(0x4000, 6), tagged(0, 6), SIZE])?;
        first_is_tag_check(&guest, &format!("a copy with another tag in {what}"), &trace)?;
    }
    Ok(())
}
