//! Memory that would be UNKNOWN, which the model does not track: such programs are not covered, and no others.

use abi::map::Window;

use super::super::Vectors;
use super::{Bench, pointer, tagged, upper};
use crate::firmware::Outcome;

/// Tells whether a program with these registers from x0 on is covered.
fn covered(text: &str, x: &[u64]) -> bool {
    let words: Vec<u32> = isa::assemble(text).unwrap().into_iter().map(isa::Insn::encode).collect();
    let mut bench = Bench::new();
    bench.v = Some(Vectors::default());
    bench.tags(2, &[5, 6]);
    bench.x[..x.len()].copy_from_slice(x);
    match bench.outcome(&words) {
        Outcome::Done(_) => true,
        Outcome::Unmodelled { .. } => false,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_copy_into_what_it_has_yet_to_read_is_not_covered() {
    const FORWARDS: &str = "cpyfp [x0]!, [x1]!, x2!; cpyfm [x0]!, [x1]!, x2!; cpyfe [x0]!, [x1]!, x2!";
    const EITHER: &str = "cpyp [x0]!, [x1]!, x2!; cpym [x0]!, [x1]!, x2!; cpye [x0]!, [x1]!, x2!";
    let other = pointer(Window::Untagged, 0x1010, 0);
    for (text, to, from, size, expected) in [
        (FORWARDS, tagged(0x1008, 0), tagged(0x1000, 0), 0x10, false),
        (FORWARDS, tagged(0x1010, 0), tagged(0x1000, 0), 0x10, true),
        (FORWARDS, tagged(0x1000, 0), tagged(0x1008, 0), 0x10, true),
        (FORWARDS, tagged(0x1000, 0), tagged(0x1000, 0), 0x10, true),
        (EITHER, tagged(0x1008, 0), tagged(0x1000, 0), 0x10, true),
        // The same bytes by other addresses.
        (EITHER, other, tagged(0x1008, 0), 0x10, false),
        (EITHER, upper(0x1008, 0), tagged(0x1000, 0), 0x10, false),
        (EITHER, other, tagged(0x1000, 0), 0x10, true),
    ] {
        assert_eq!(covered(text, &[to, from, size]), expected, "{text}, {to:#x}, {from:#x}");
    }
}

#[test]
fn an_exclusive_store_of_another_size_than_its_load_is_not_covered() {
    for (text, expected) in [
        ("ldxr x1, [x0]; stxr w2, x1, [x0]", true),
        ("ldxr x1, [x0]; stxr w2, w1, [x0]", false),
        ("ldxp w1, w3, [x0]; stxr w2, x1, [x0]", true),
        ("ldxrh w1, [x0]; stlxrb w2, w1, [x0]", false),
        ("ldxrh w1, [x0]; clrex; stlxrb w2, w1, [x0]", true),
    ] {
        assert_eq!(covered(text, &[tagged(0, 0)]), expected, "{text}");
    }
}

#[test]
fn a_store_of_an_unknown_vector_is_not_covered() {
    let x = [tagged(0x20, 5), tagged(0, 0)];
    assert!(!covered("ld1 {v0.16b, v1.16b}, [x0]; str d1, [x1]", &x));
    assert!(covered("ld1 {v0.16b, v1.16b}, [x0]; str d2, [x1]", &x));
    assert!(covered("ld1 {v0.16b, v1.16b}, [x0]; ldr q1, [x1]; str d1, [x1]", &x));
    // What faults stores nothing.
    assert!(covered("ld1 {v0.16b, v1.16b}, [x0]; str d1, [x0, #16]", &x));
}
