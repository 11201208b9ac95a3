//! What an instruction has done before its later part faults: bytes stored, granules zeroed or tagged, registers moved.
//! A CPU may have done it or not.

use abi::mailbox::PageKind;
use abi::map::Window;

use super::{Bench, tagged};

/// A bench whose second granule has another tag, and whose second page is not mapped.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.tags(1, &[2]);
    bench.pages(Window::Tagged, 4096, PageKind::Unmapped);
    bench
}

#[test]
fn a_store_that_faults_in_its_second_granule_or_page_may_have_stored_what_lies_before() {
    const ONES: u64 = !0;
    for (text, at, seen) in [
        // All bytes before the fault are stored, or whole elements or doublewords of them, or none.
        ("str x1, [x0]", 0xc, &[0, 0xffff_ffff << 32][..]),
        ("stp x1, x1, [x0]", 0xc, &[0, 0xffff_ffff << 32]),
        ("str x1, [x0]", 0x8, &[ONES]),
        ("stp x1, x1, [x0]", 0x8, &[0, ONES]),
        ("strh w1, [x0]", 0xf, &[0, 0xff << 56]),
        ("str x1, [x0]", 0xffd, &[0, 0xff_ffff << 40]),
        ("stp x1, x1, [x0]", 0xff8, &[0, ONES]),
    ] {
        let last = at | 7;
        let mut found = Bench::permitted(bench, text, &[tagged(at, 0), ONES], |bench, _| bench.word(last - 7));
        found.sort_unstable();
        assert_eq!(found, seen, "{text} at {at:#x}");
    }
    let mut q = Bench::permitted(
        || {
            let mut bench = bench();
            bench.v = Some([[ONES; 2]; 32]);
            bench
        },
        "str q0, [x0]",
        &[tagged(8, 0)],
        |bench, _| bench.word(8),
    );
    q.sort_unstable();
    assert_eq!(q, [0, ONES]);
}

#[test]
fn dc_zva_may_have_zeroed_the_granules_below_the_first_wrong_one() {
    let new = || {
        let mut bench = Bench::new();
        bench.tags(2, &[2, 0]);
        bench.fill(0, 64, 0xff);
        bench
    };
    let mut found = Bench::permitted(new, "dc zva, x0", &[tagged(0, 0)], |bench, _| {
        [0, 8, 16, 24, 32, 48].map(|at| bench.word(at))
    });
    found.sort_unstable();
    assert_eq!(found, [[0, 0, 0, 0, !0, !0], [!0; 6]]);
}

#[test]
fn a_pair_across_pages_may_be_stored_up_to_the_fault() {
    for (text, seen) in [
        ("st2g x0, [x0]", [(0, 0x0101_0101_0101_0101), (6, 0x0101_0101_0101_0101)]),
        // The data of both comes before either tag.
        ("stz2g x0, [x0]", [(0, 0), (0, 0x0101_0101_0101_0101)]),
    ] {
        let new = || {
            let mut bench = bench();
            bench.fill(4080, 16, 1);
            bench
        };
        let mut found = Bench::permitted(new, text, &[tagged(4080, 6)], |bench, done| {
            assert_eq!((done.traps[0].esr, done.traps[0].far), (0x9600_0047, tagged(4096, 6)), "{text}");
            (bench.read_tags(255, 1)[0], bench.word(4088))
        });
        found.sort_unstable();
        assert_eq!(found, seen, "{text}");
    }
}

#[test]
fn a_prologue_that_faults_may_have_left_its_registers_alone() {
    let x = [tagged(0xf0, 0), tagged(0x200, 0), 0x20];
    let new = || {
        let mut bench = Bench::new();
        bench.tags(0x10, &[9]);
        bench
    };
    let seen = Bench::permitted(new, "setp [x0]!, x2!, x1", &x, |_, done| {
        (done.reply.x[0], done.reply.x[2], done.traps[0].far)
    });
    assert_eq!(seen, [(tagged(0x100, 0), 0x10, tagged(0x100, 0)), (x[0], x[2], tagged(0x100, 0))]);
    let seen =
        Bench::permitted(new, "cpyfp [x0]!, [x1]!, x2!", &x, |_, done| (done.reply.x[..3].to_vec(), done.traps[0].far));
    let moved = vec![tagged(0x100, 0), tagged(0x210, 0), 0x10];
    assert_eq!(seen, [(moved, tagged(0x100, 0)), (x.to_vec(), tagged(0x100, 0))]);
}

#[test]
fn what_a_store_of_an_unknown_vector_leaves_before_its_fault_is_unknown() {
    let new = || {
        let mut bench = bench();
        bench.v = Some([[1; 2]; 32]);
        bench
    };
    let text = "ld1 {v0.16b, v1.16b}, [x0]; st1 {v0.16b, v1.16b}, [x1]";
    let seen = Bench::permitted(new, text, &[tagged(16, 0), tagged(0, 0)], |bench, _| bench.ram.1.len());
    assert_eq!(seen, [0, 16]);
}
