//! Chapter: loads and stores of structures in vectors: LD2 to LD4, ST2 to ST4, single lanes, and loads that replicate.

use case::address::{arena, tagged};
use case::expect::{Direction, bytes, equal, equal_hex, fail_with, no_fault, one_exception, tag_check_syndrome};
use case::{Case, CaseContext, CaseResult, Guest};
use machine::{Block, El, Trace};

const CHECKED: &str = "DDI 0487 D10 tag checked accesses";

pub const CASES: &[Case] = &[
    Case::new(
        "arch.vector.structures-interleave",
        "LD2 to LD4 put the members of each structure into registers of their own, and ST2 to ST4 put them together again",
        "DDI 0487 C7.2 LD2, LD3, LD4, ST2, ST3, ST4 (multiple structures)",
        interleave,
    ),
    Case::new(
        "arch.vector.lanes",
        "a load of one lane keeps all other lanes, and a store of one lane stores it alone",
        "DDI 0487 C7.2 LD1 to LD4, ST1 to ST4 (single structure)",
        lanes,
    ),
    Case::new(
        "arch.vector.replicated",
        "LD1R to LD4R fill each register with its element, and clear what is above the vector",
        "DDI 0487 C7.2 LD1R, LD2R, LD3R, LD4R",
        replicated,
    ),
    Case::new(
        "arch.vector.structures-checked",
        "loads and stores of structures are checked in each granule that they touch, and in no other",
        CHECKED,
        structures_checked,
    ),
    Case::new(
        "arch.vector.lanes-checked",
        "loads and stores of lanes, and loads that replicate, are checked in the granules of their elements, and in no other",
        CHECKED,
        lanes_checked,
    ),
];

/// Expects a vector register to hold these bytes after a block.
fn holds(guest: &Guest, text: &str, trace: &Trace, index: usize, expected: [u8; 16]) -> CaseResult {
    let Some(v) = trace.v.as_deref() else { return fail_with("v0 to v31", "values", "none", guest.listing()) };
    let found = u128::from(v[index][1]) << 64 | u128::from(v[index][0]);
    let shown = |value: u128| format!("{value:#034x}");
    equal(&format!("{text}: v{index}"), &shown(u128::from_le_bytes(expected)), &shown(found))
}

fn random_bytes(cx: &mut CaseContext<'_>, count: usize) -> Vec<u8> {
    (0..count).map(|_| cx.random().u8(..)).collect()
}

/// Vectors that no load leaves behind by chance.
fn old_vectors() -> [[u64; 2]; 32] {
    std::array::from_fn(|n| [0xa5a5_a5a5_a5a5_a500 | n as u64, 0x5a5a_5a5a_5a5a_5a00 | n as u64])
}

fn old(index: usize) -> [u8; 16] {
    let mut value = [0; 16];
    value[..8].copy_from_slice(&old_vectors()[index][0].to_le_bytes());
    value[8..].copy_from_slice(&old_vectors()[index][1].to_le_bytes());
    value
}

/// `v30.4h-v1.4h`: names of four registers at most, some of which wrap.
fn list(count: usize, form: &str) -> String {
    let names: Vec<_> = (0..count).map(|n| format!("v{}.{form}", (30 + n) % 32)).collect();
    format!("{{{}}}", names.join(", "))
}

fn interleave(cx: &mut CaseContext<'_>) -> CaseResult {
    let data = random_bytes(cx, 64);
    let mut guest = cx.guest()?;
    for (form, element, vector) in
        [("16b", 1, 16), ("8b", 1, 8), ("4h", 2, 8), ("4s", 4, 16), ("2s", 4, 8), ("2d", 8, 16)]
    {
        for count in 2..=4 {
            guest.write(arena(0), &data)?;
            guest.write(arena(0x100), &[0; 80])?;
            let list = list(count, form);
            let text = format!("ld{count} {list}, [x0], #{}; st{count} {list}, [x1], x2", count * vector);
            let block =
                Block::assemble(&text)?.x(0, tagged(0, 0)).x(1, tagged(0x100, 0)).x(2, 0x30).vectors(old_vectors());
            let trace = guest.run(&block)?;
            no_fault(&guest, &text, &trace)?;
            equal_hex("x0", tagged((count * vector) as u64, 0), trace.x[0])?;
            equal_hex("x1", tagged(0x130, 0), trace.x[1])?;
            for member in 0..count {
                let mut expected = [0; 16];
                for at in (0..vector).step_by(element) {
                    expected[at..at + element].copy_from_slice(&data[at * count + member * element..][..element]);
                }
                let index = (30 + member) % 32;
                holds(&guest, &text, &trace, index, expected)?;
            }
            let mut expected = data[..count * vector].to_vec();
            expected.extend([0; 16]);
            bytes(&text, arena(0x100), &expected, &guest.read(arena(0x100), expected.len())?)?;
        }
    }
    Ok(())
}

fn lanes(cx: &mut CaseContext<'_>) -> CaseResult {
    let data = random_bytes(cx, 32);
    let mut guest = cx.guest()?;
    for (form, width) in [("b", 1), ("h", 2), ("s", 4), ("d", 8)] {
        for count in 1..=4 {
            for lane in [0, 16 / width / 2, 16 / width - 1] {
                guest.write(arena(0), &data)?;
                guest.write(arena(0x100), &[0; 48])?;
                let list = list(count, form);
                let text =
                    format!("ld{count} {list}[{lane}], [x0], x2; st{count} {list}[{lane}], [x1], #{}", count * width);
                let block =
                    Block::assemble(&text)?.x(0, tagged(0, 0)).x(1, tagged(0x100, 0)).x(2, 0x30).vectors(old_vectors());
                let trace = guest.run(&block)?;
                no_fault(&guest, &text, &trace)?;
                equal_hex("x0", tagged(0x30, 0), trace.x[0])?;
                equal_hex("x1", tagged(0x100 + (count * width) as u64, 0), trace.x[1])?;
                for member in 0..count {
                    let index = (30 + member) % 32;
                    let mut expected = old(index);
                    expected[lane * width..][..width].copy_from_slice(&data[member * width..][..width]);
                    holds(&guest, &text, &trace, index, expected)?;
                }
                let mut expected = data[..count * width].to_vec();
                expected.resize(48, 0);
                bytes(&text, arena(0x100), &expected, &guest.read(arena(0x100), 48)?)?;
            }
        }
    }
    Ok(())
}

fn replicated(cx: &mut CaseContext<'_>) -> CaseResult {
    let data = random_bytes(cx, 32);
    let mut guest = cx.guest()?;
    guest.write(arena(0), &data)?;
    for (form, element, vector) in
        [("16b", 1, 16), ("8b", 1, 8), ("8h", 2, 16), ("2s", 4, 8), ("1d", 8, 8), ("2d", 8, 16)]
    {
        for count in 1..=4 {
            let text = format!("ld{count}r {}, [x0], #{}", list(count, form), count * element);
            let block = Block::assemble(&text)?.x(0, tagged(0, 0)).vectors(old_vectors());
            let trace = guest.run(&block)?;
            no_fault(&guest, &text, &trace)?;
            equal_hex("x0", tagged((count * element) as u64, 0), trace.x[0])?;
            for member in 0..count {
                let mut expected = [0; 16];
                let lanes = expected[..vector].chunks_mut(element);
                lanes.for_each(|lane| lane.copy_from_slice(&data[member * element..][..element]));
                let index = (30 + member) % 32;
                holds(&guest, &text, &trace, index, expected)?;
            }
        }
    }
    Ok(())
}

/// Runs an access of `bytes` bytes at `offset` into granule 0: it is to fault exactly if one of its granules has another tag.
fn checked_in_each_granule(guest: &mut Guest, text: &str, offset: usize, bytes: usize) -> CaseResult {
    let touched = (offset + bytes).div_ceil(16);
    for wrong in 0..=touched {
        let mut tags = vec![6; touched + 1];
        tags[wrong] = 7;
        guest.store_tags(arena(0), &tags)?;
        let trace = guest.exec(text, &[tagged(offset as u64, 6)])?;
        let what = format!("{text} at byte {offset}, granule {wrong} has another tag");
        if wrong < touched {
            let direction = if text.starts_with("ld") { Direction::Load } else { Direction::Store };
            one_exception(guest, &what, tag_check_syndrome(El::El1, direction).bits(), &trace)?;
        } else {
            no_fault(guest, &what, &trace)?;
        }
    }
    Ok(())
}

fn structures_checked(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for (form, vector) in [("8b", 8), ("4s", 16), ("2d", 16)] {
        for count in 2..=4 {
            for what in ["ld", "st"] {
                let text = format!("{what}{count} {}, [x0]", list(count, form));
                checked_in_each_granule(&mut guest, &text, 0, count * vector)?;
            }
        }
    }
    // An address in the middle of a granule: one granule more.
    checked_in_each_granule(&mut guest, "ld2 {v0.16b, v1.16b}, [x0], #32", 8, 32)?;
    checked_in_each_granule(&mut guest, "st3 {v0.8b-v2.8b}, [x0], #24", 8, 24)
}

fn lanes_checked(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for (form, width) in [("b", 1), ("h", 2), ("s", 4), ("d", 8)] {
        for count in 1..=4 {
            let list = list(count, form);
            for text in [format!("ld{count} {list}[1], [x0]"), format!("st{count} {list}[1], [x0]")] {
                checked_in_each_granule(&mut guest, &text, 0, count * width)?;
                checked_in_each_granule(&mut guest, &text, 16 - width, count * width)?;
            }
        }
    }
    for (form, element) in [("16b", 1), ("4h", 2), ("4s", 4), ("1d", 8), ("2d", 8)] {
        for count in 1..=4 {
            let text = format!("ld{count}r {}, [x0]", list(count, form));
            checked_in_each_granule(&mut guest, &text, 16 - element, count * element)?;
        }
    }
    Ok(())
}
