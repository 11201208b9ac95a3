//! What is UNKNOWN: where it comes from, how it spreads, and what makes it known again.

#![expect(clippy::single_range_in_vec_init, reason = "a list of ranges is meant")]

use std::ops::Range;

use abi::map::{self, Window};

use super::{Bench, pointer, tagged, upper};
use crate::{Done, Outcome};
use model::cpu::Vectors;

const FORWARDS: &str = "cpyfp [x0]!, [x1]!, x2!; cpyfm [x0]!, [x1]!, x2!; cpyfe [x0]!, [x1]!, x2!";
const EITHER: &str = "cpyp [x0]!, [x1]!, x2!; cpym [x0]!, [x1]!, x2!; cpye [x0]!, [x1]!, x2!";

/// Two granules with tags of their own, so that a load of 32 bytes takes a fault.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.v = Some(Vectors::default());
    bench.tags(2, &[5, 6]);
    bench
}

/// x0 and x1 for [`bench`]: where a load of two registers faults, and the arena's first byte.
fn x() -> [u64; 2] {
    [tagged(0x20, 5), tagged(0, 0)]
}

/// v0 and v1 become UNKNOWN.
const FORGET_V: &str = "ld1 {v0.16b, v1.16b}, [x0]";

/// The bytes of the arena that are UNKNOWN.
fn unknown(bench: &Bench) -> Vec<Range<u64>> {
    let mut found: Vec<Range<u64>> = Vec::new();
    for at in bench.ram.1.iter().map(|ipa| ipa - map::ARENA_BASE) {
        match found.last_mut() {
            Some(last) if last.end == at => last.end += 1,
            _ => found.push(at..at + 1),
        }
    }
    found
}

/// Runs a program with these registers from x0 on; `None` if it is not covered.
fn outcome(bench: &mut Bench, text: &str, x: &[u64]) -> Option<Done> {
    let words: Vec<u32> = assembler::assemble(text).unwrap().into_iter().map(isa::Insn::encode).collect();
    bench.x[..x.len()].copy_from_slice(x);
    match bench.outcome(&words) {
        Outcome::Done(done) => Some(*done),
        Outcome::Unmodelled { .. } => None,
        other => panic!("{text}: {other:?}"),
    }
}

/// What becomes UNKNOWN by a program: registers and bytes.
fn left(text: &str, x: &[u64]) -> Option<(u32, u32, Vec<Range<u64>>)> {
    let mut bench = bench();
    let done = outcome(&mut bench, text, x)?;
    Some((done.unknown.x, done.unknown.v, unknown(&bench)))
}

#[test]
fn a_copy_leaves_unknown_what_it_may_have_read_after_it_was_written() {
    let other = pointer(Window::Untagged, 0x1010, 0);
    let nothing = 0..0;
    for (text, to, from, size, expected) in [
        (FORWARDS, tagged(0x1008, 0), tagged(0x1000, 0), 0x10, 0x1010..0x1018),
        (FORWARDS, tagged(0x1001, 0), tagged(0x1000, 0), 0x100, 0x1002..0x1101),
        // Over pages, so that every instruction of the sequence has some of it.
        (FORWARDS, tagged(0x1fe8, 0), tagged(0x1fe0, 0), 0x3000, 0x1ff0..0x4fe8),
        // The main part reads what the prologue wrote, and nobody else.
        (FORWARDS, tagged(0x1ff8, 0), tagged(0x1fe0, 0), 0x3000, 0x2010..0x4ff8),
        (FORWARDS, tagged(0x1010, 0), tagged(0x1000, 0), 0x10, nothing.clone()),
        (FORWARDS, tagged(0x1000, 0), tagged(0x1008, 0), 0x10, nothing.clone()),
        (FORWARDS, tagged(0x1000, 0), tagged(0x1000, 0), 0x10, nothing.clone()),
        (EITHER, tagged(0x1008, 0), tagged(0x1000, 0), 0x10, nothing.clone()),
        (EITHER, tagged(0x1000, 0), tagged(0x1008, 0), 0x10, nothing.clone()),
        (EITHER, tagged(0x1fe8, 0), tagged(0x1fe0, 0), 0x3000, nothing.clone()),
        // The same bytes by other addresses: nobody sees that they are, so either direction will do.
        (EITHER, other, tagged(0x1008, 0), 0x10, 0x1018..0x1020),
        (EITHER, other, tagged(0x1018, 0), 0x10, 0x1010..0x1018),
        (EITHER, upper(0x1008, 0), tagged(0x1000, 0), 0x10, 0x1010..0x1018),
        (EITHER, other, tagged(0x1000, 0), 0x10, nothing.clone()),
        (FORWARDS, other, tagged(0x1018, 0), 0x10, nothing),
    ] {
        let mut bench = Bench::new();
        let done = bench.calm(text, &[to, from, size]);
        let expected: Vec<_> = [expected].into_iter().filter(|range| !range.is_empty()).collect();
        assert_eq!(unknown(&bench), expected, "{text}, {to:#x}, {from:#x}");
        // Backwards the addresses stay.
        let end = if text == FORWARDS { [to + size, from + size, 0] } else { [done.reply.x[0], done.reply.x[1], 0] };
        assert_eq!((&done.reply.x[..3], done.unknown.x), (&end[..], 0), "{text}, {to:#x}, {from:#x}");
    }
}

#[test]
fn a_copy_knows_what_it_read_before_it_was_written() {
    let mut bench = Bench::new();
    bench.fill(0x1000, 8, 0xa5);
    bench.calm(FORWARDS, &[tagged(0x1008, 0), tagged(0x1000, 0), 0x10]);
    assert_eq!((bench.word(0x1008), unknown(&bench)), (0xa5a5_a5a5_a5a5_a5a5, vec![0x1010..0x1018]));
    // Another copy carries what is UNKNOWN along.
    bench.calm(FORWARDS, &[tagged(0x2000, 0), tagged(0x1008, 0), 0xa]);
    assert_eq!(unknown(&bench), [0x1010..0x1018, 0x2008..0x200a]);
    // A set makes it known, and so does every store.
    bench.calm("setp [x0]!, x2!, x1; setm [x0]!, x2!, x1; sete [x0]!, x2!, x1", &[tagged(0x1010, 0), 0, 7]);
    bench.calm("strb w1, [x0]; stz2g x1, [x2]", &[tagged(0x1017, 0), 0, tagged(0x2000, 0)]);
    assert_eq!(unknown(&bench), []);
}

#[test]
fn a_main_instruction_of_another_copy_is_no_continuation() {
    // The prologue copies all of its own copy; what the others do is copy 0x10 bytes elsewhere.
    let mut bench = Bench::new();
    let text = "cpyfp [x0]!, [x1]!, x2!; cpyfm [x3]!, [x4]!, x5!; cpyfe [x3]!, [x4]!, x5!";
    let other = [tagged(0x2018, 0), tagged(0x2010, 0), 0x10u64.wrapping_neg()];
    bench.calm(text, &[&[tagged(0x1008, 0), tagged(0x1000, 0), 0x10], &other[..]].concat());
    assert_eq!(unknown(&bench), [0x1010..0x1018, 0x2010..0x2018]);
}

#[test]
fn an_exclusive_store_of_another_size_than_its_load_leaves_status_and_data_unknown() {
    for (text, status, data) in [
        ("ldxr x1, [x0]; stxr w2, x1, [x0]", 0, 0..0),
        ("ldxr x1, [x0]; stxr w2, w1, [x0]", 1 << 2, 0..8),
        ("ldxp w1, w3, [x0]; stxr w2, x1, [x0]", 0, 0..0),
        ("ldxrh w1, [x0]; stlxrb w2, w1, [x0]", 1 << 2, 0..2),
        ("ldxrb w1, [x0]; stlxp w2, x1, x3, [x0]", 1 << 2, 0..16),
        ("ldxrh w1, [x0]; clrex; stlxrb w2, w1, [x0]", 0, 0..0),
        // A status that nobody reads.
        ("ldxrh w1, [x0]; stlxrb wzr, w1, [x0]", 0, 0..2),
    ] {
        let look = |bench: &mut Bench, done: &Done| (done.unknown.x, unknown(bench));
        let data: Vec<_> = [data].into_iter().filter(|range| !range.is_empty()).collect();
        let seen = Bench::permitted(Bench::new, text, &[tagged(0, 0)], look);
        assert_eq!(seen, [(status, data)], "{text}");
    }
    // What cannot be written stays, and so does all after a fault that is taken.
    let new = || {
        let mut bench = Bench::new();
        bench.pages(Window::Tagged, 0, abi::mailbox::PageKind::ReadOnly);
        bench
    };
    let look = |bench: &mut Bench, done: &Done| (done.traps.len(), done.unknown.x, unknown(bench).len());
    let mut seen = Bench::permitted(new, "ldxr x1, [x0]; stxr w2, w1, [x0]", &[tagged(0, 0)], look);
    seen.sort_unstable();
    assert_eq!(seen, [(0, 1 << 2, 0), (1, 0, 0)]);
}

#[test]
fn a_store_of_an_unknown_vector_makes_its_bytes_unknown_until_they_are_stored() {
    let x = x();
    for (text, expected) in [
        ("str d1, [x1]", (0, 3, vec![0..8])),
        ("stp q2, q1, [x1]", (0, 3, vec![16..32])),
        ("st1 {v1.8b, v2.8b}, [x1]", (0, 3, vec![0..8])),
        ("str q1, [x1]; str w3, [x1, #4]", (0, 3, vec![0..4, 8..16])),
        ("str q1, [x1]; stg x1, [x1]", (0, 3, vec![0..16])),
        ("str q1, [x1]; stgp x1, x2, [x1]", (0, 3, vec![])),
        ("str q1, [x1]; dc gzva, x1", (0, 3, vec![])),
        ("str d2, [x1]", (0, 3, vec![])),
        ("ldr q1, [x1]; str d1, [x1]", (0, 1, vec![])),
        // What faults stores nothing.
        ("str d1, [x0, #16]", (0, 3, vec![])),
        // And back into registers.
        ("str q1, [x1]; ldr q3, [x1]; ldp s4, s5, [x1, #12]", (0, 0b1_1011, vec![0..16])),
        ("str s1, [x1]; ldr x3, [x1]; ldr x4, [x1, #4]; ldpsw x5, x6, [x1]", (0b10_1000, 3, vec![0..4])),
        ("str s1, [x1]; ldxp w3, w4, [x1]; stxp w5, w3, w4, [x1]", (0b1000, 3, vec![0..4])),
    ] {
        assert_eq!(left(&format!("{FORGET_V}; {text}"), &x), Some(expected), "{text}");
    }
}

/// x3 becomes UNKNOWN, and so are eight bytes of the arena.
const FORGET_X3: &str = "ld1 {v0.16b, v1.16b}, [x0]; str d1, [x1]; ldr x3, [x1]";

#[test]
fn what_is_computed_of_an_unknown_register_is_unknown() {
    for (text, expected) in [
        ("add x4, x3, #1; eor w5, w6, w3; mov x6, x7", 0b11_1000),
        ("mov x3, #5", 0),
        ("movk x3, #5", 0b1000),
        ("mov w3, wzr; add x4, x3, x3", 0),
        ("bfi x4, x3, #0, #4; bfi x3, x5, #0, #4", 0b1_1000),
        ("madd x4, x5, x6, x3; rorv x5, x3, x5", 0b11_1000),
        // Equal: the first one is taken.
        ("subs x4, x5, x5; csel x6, x5, x3, eq; csinc x7, x5, x3, ne", 0b1000_1000),
        ("mov sp, x3", 1 << 31 | 0b1000),
        ("mov sp, x3; mov sp, x1; str x1, [sp]", 0b1000),
        ("irg x4, x3; addg x5, x3, #16, #1; gmi x6, x1, x3; subp x7, x3, x1", 0b1111_1000),
        ("ldg x3, [x1]; mrs x4, nzcv; ldgm x5, [x1]", 0b1000),
        ("adr x3, .+4", 0),
    ] {
        let (x, ..) = left(&format!("{FORGET_X3}; {text}"), &x()).unwrap_or_else(|| panic!("{text} is not covered"));
        assert_eq!(x, expected, "{text}");
    }
}

#[test]
fn what_is_stored_of_an_unknown_register_is_unknown() {
    for (text, expected) in [
        ("str w3, [x1, #8]", (0b1000, vec![0..12])),
        ("stp x1, x3, [x1, #16]", (0b1000, vec![0..8, 24..32])),
        ("stgp x3, x1, [x1]", (0b1000, vec![0..8])),
        ("stxr w4, x3, [x1]", (0b1000, vec![0..8])),
        ("ldxr x4, [x5]; stxr w4, x3, [x5]", (0b1000, vec![0..8, 0x40..0x48])),
        ("swp x3, x4, [x5]", (0b1000, vec![0..8, 0x40..0x48])),
        ("swp x6, x4, [x1]", (0b1_1000, vec![])),
        ("ldadd x3, x4, [x5]; ldadd w6, w7, [x1]", (0b1000_1000, vec![0..8, 0x40..0x48])),
        ("ldadd x3, x3, [x5]", (0, vec![0..8, 0x40..0x48])),
        // Whether it stores is UNKNOWN; what it gives is not.
        ("cas x3, x4, [x5]", (0, vec![0..8, 0x40..0x48])),
        ("cas w6, w4, [x1]", (0b100_1000, vec![0..8])),
        ("cas x6, x3, [x5]", (0b1000, vec![0..8, 0x40..0x48])),
        ("mov x6, #1; cas x6, x3, [x5]", (0b1000, vec![0..8])),
        ("mov x2, x3; casp x6, x7, x2, x3, [x5]", (0b1100, vec![0..8, 0x40..0x50])),
    ] {
        let x = [x()[0], x()[1], 0, 0, 0, tagged(0x40, 0)];
        let (x, _, memory) = left(&format!("{FORGET_X3}; {text}"), &x).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((x, memory), expected, "{text}");
    }
}

#[test]
fn what_is_unknown_decides_nothing() {
    for text in [
        "ldr x4, [x3]",
        "str x4, [x1, x3]",
        "str x3, [x3]",
        "ldadd x4, x5, [x3]",
        "ld1 {v0.16b}, [x1], x3",
        "mov sp, x3; str x1, [sp]",
        "stg x1, [x3]",
        "stg x3, [x1]",
        "stgm x3, [x1]",
        "stzgm x3, [x1]",
        "ldg x4, [x3]",
        "dc gva, x3",
        "cbz x3, .+8",
        "tbnz x3, #2, .+8",
        "subs x4, x3, #1",
        "ands x4, x4, x3",
        "bics xzr, x3, x4",
        "subps x4, x3, x1",
        "irg x4, x1, x3",
        "msr gcr_el1, x3",
        "msr nzcv, x3",
        "setp [x1]!, x2!, x3",
        "cpyfp [x1]!, [x0]!, x3!",
    ] {
        assert_eq!(left(&format!("{FORGET_X3}; {text}"), &x()), None, "{text}");
        let known = left(&format!("{FORGET_X3}; mov x3, x1; {text}"), &x());
        assert!(known.is_some(), "{text} is covered if x3 is known");
    }
}

#[test]
fn what_a_device_gives_is_unknown() {
    let x = [x()[0], x()[1], map::UART_DR + 0x18, map::UART_DR];
    for (text, expected) in [("ldr w4, [x2]", 1 << 4), ("ldrsb x4, [x3]; ldurh w5, [x2]", 0b11_0000)] {
        assert_eq!(left(text, &x).map(|left| left.0), Some(expected), "{text}");
    }
    // These leave the VMM in the dark.
    for text in ["ldp w4, w5, [x2]", "ldr w4, [x2], #4", "ldr s0, [x2]", "ldaxr w4, [x2]", "ldadd w4, w5, [x2]"] {
        assert_eq!(left(text, &x), None, "{text}");
    }
    assert_eq!(left(&format!("{FORGET_X3}; strb w3, [x3]"), &x), None);
    let text = format!("{FORGET_X3}; mov x2, #{:#x}; strb w3, [x2]", map::UART_DR);
    assert_eq!(left(&text, &x), None);
}

#[test]
fn rgsr_that_is_unknown_is_read_so() {
    let text = "orr x2, xzr, #0x10000; msr gcr_el1, x2; irg x3, x1; mrs x4, rgsr_el1";
    assert_eq!(left(text, &x()).unwrap().0, 1 << 4);
    assert_eq!(left(&format!("{text}; msr rgsr_el1, x1; mrs x4, rgsr_el1"), &x()).unwrap().0, 0);
}

#[test]
fn the_next_block_knows_its_registers_and_not_its_memory() {
    let mut bench = bench();
    outcome(&mut bench, FORGET_X3, &x()).unwrap();
    let done = outcome(&mut bench, "add x4, x3, #1; ldr w5, [x1]; str x3, [x1]", &x()).unwrap();
    assert_eq!((done.unknown.x, done.unknown.v, unknown(&bench)), (0b10_0000, 0, vec![]));
    // SIMD registers that it does not set are what they were.
    outcome(&mut bench, FORGET_V, &x()).unwrap();
    bench.v = None;
    let done = outcome(&mut bench, "str d1, [x1]", &x()).unwrap();
    assert_eq!((done.unknown.v, unknown(&bench)), (3, vec![0..8]));
}
