//! SVE: elements, predicates, the first-fault register, and what is checked.

use abi::mailbox::{PageKind, Scalable, SysReg};
use abi::map::Window;
use model::cpu::reset;
use model_base::Features;

use super::{Bench, LOAD_FAULT, STORE_FAULT, tagged};
use crate::Done;

/// A machine with vectors of so many bytes: z0 to z31 hold different bytes, p0 is true and the other predicates are not.
fn bench(bytes: u64) -> Bench {
    let features = Features { zfr0: Features::MAX.zfr0 & !0xf | 2, ..Features::MAX };
    let mut bench = Bench::of(features);
    let mut registers = Box::new(Scalable::ZERO);
    for (n, z) in registers.z.iter_mut().enumerate() {
        z[..bytes as usize].iter_mut().enumerate().for_each(|(at, byte)| *byte = (n * 16 + at) as u8);
    }
    registers.p[0][..bytes as usize / 8].fill(0xff);
    registers.ffr[..bytes as usize / 8].fill(0xff);
    bench.scalable = Some((bytes, registers));
    bench
}

/// The scalable registers after a program without exceptions.
fn after(bench: &mut Bench, text: &str, x: &[u64]) -> Box<Scalable> {
    bench.calm(text, x).scalable.unwrap()
}

const LENGTHS: [u64; 5] = [16, 32, 48, 64, 256];

#[test]
fn elements_are_extended_and_those_not_active_are_zero() {
    for bytes in LENGTHS {
        let mut bench = bench(bytes);
        bench.fill(0, 256, 0x81);
        let text = "ld1b {z0.h}, p0/z, [x0]; ld1sb {z1.h}, p0/z, [x0]; mov x1, #3; whilelo p1.s, xzr, x1; ld1w {z2.s}, p1/z, [x0]; ld1h {z3.d}, p0/z, [x0, #1, mul vl]";
        let left = after(&mut bench, text, &[tagged(0, 0)]);
        assert_eq!(left.z[0][..4], [0x81, 0, 0x81, 0], "{bytes}");
        assert_eq!(left.z[1][..4], [0x81, 0xff, 0x81, 0xff]);
        assert_eq!((left.z[2][11], left.z[2][12]), (0x81, 0));
        assert_eq!(left.z[3][..8], [0x81, 0x81, 0, 0, 0, 0, 0, 0]);
        assert_eq!(left.z[0][bytes as usize..], [0; 256][bytes as usize..]);
    }
}

#[test]
fn a_store_writes_what_is_active_and_truncates() {
    let mut bench = bench(32);
    let text =
        "mov x1, #5; whilelo p1.s, xzr, x1; st1h {z1.s}, p1, [x0, #1, mul vl]; st1d {z2.d}, p0, [x2, x3, lsl #3]";
    after(&mut bench, text, &[tagged(0, 0), 0, tagged(0x100, 0), 2]);
    assert_eq!((bench.word(16), bench.word(24)), (0x1d1c_1918_1514_1110, 0x2120));
    assert_eq!((bench.word(0x108), bench.word(0x110)), (0, 0x2726_2524_2322_2120));
}

#[test]
fn structures_are_interleaved() {
    let mut bench = bench(32);
    let left = after(&mut bench, "st3b {z30.b, z31.b, z0.b}, p0, [x0]; ld3h {z4.h-z6.h}, p0/z, [x0]", &[tagged(0, 0)]);
    assert_eq!(bench.word(0), 0xf2e2_01f1_e100_f0e0);
    assert_eq!(
        (left.z[4][..4].to_vec(), left.z[5][..4].to_vec()),
        (vec![0xe0, 0xf0, 0xe2, 0xf2], vec![0, 0xe1, 0x02, 0xe3])
    );
}

#[test]
fn only_active_elements_are_checked() {
    for bytes in LENGTHS {
        let mut bench = bench(bytes);
        bench.tags(0, &[4; 16]);
        bench.tags(0, &[4, 5]);
        let upper = if bytes > 16 { tagged(16, 4) } else { tagged(0, 5) };
        let tag = upper >> 56 & 0xf;
        for (text, esr) in [("ld1b {z0.b}, p0/z, [x0]", LOAD_FAULT), ("st1w {z0.s}, p0, [x0]", STORE_FAULT)] {
            let trap = bench.trap(text, &[tagged(0, tag as u8)]);
            assert_eq!((trap.esr, trap.far), (esr, upper), "{text} with {bytes} bytes");
        }
        // Eight bytes are within the first granule.
        after(
            &mut bench,
            "mov x1, #8; whilelo p1.b, xzr, x1; st1b {z0.b}, p1, [x0]; ld1b {z1.b}, p1/z, [x0]",
            &[tagged(0, 4)],
        );
        after(&mut bench, "pfalse p1.b; st1b {z0.b}, p1, [x0]; ld1b {z1.b}, p1/z, [x0]", &[tagged(0, 9)]);
    }
}

#[test]
fn the_stack_pointer_with_an_immediate_is_not_checked() {
    let mut bench = bench(32);
    bench.tags(0, &[4; 16]);
    bench.sp = tagged(0, 9);
    let unchecked = "ld1b {z0.b}, p0/z, [sp]; st1d {z0.d}, p0, [sp, #1, mul vl]; ld2w {z0.s, z1.s}, p0/z, [sp]; ld1rb {z0.b}, p0/z, [sp, #3]; ld1rqb {z0.b}, p0/z, [sp, #16]; ldr z0, [sp, #1, mul vl]; str z0, [sp]; str p0, [sp]; ldr p1, [sp]";
    after(&mut bench, unchecked, &[]);
    for checked in ["ld1b {z0.b}, p0/z, [sp, x1]", "ldff1b {z0.b}, p0/z, [sp, xzr]", "ld1d {z0.d}, p0/z, [sp, z1.d]"] {
        bench.cpu.p_unknown = 0;
        assert_eq!(bench.trap(&format!("mov z1.d, #0; {checked}"), &[]).esr, LOAD_FAULT, "{checked}");
    }
}

#[test]
fn each_address_of_a_gather_has_its_own_tag() {
    let mut bench = bench(32);
    bench.tags(0, &[4, 5, 6, 7]);
    bench.fill(0, 64, 0x5a);
    let step = (1_u64 << 56) + 16;
    let text = "index z1.d, x0, x1; ld1d {z0.d}, p0/z, [z1.d]; index z2.d, #0, x1; ld1w {z3.d}, p0/z, [x0, z2.d]; st1b {z0.d}, p0, [z1.d, #3]";
    let left = after(&mut bench, text, &[tagged(0, 4), step]);
    assert_eq!(
        (left.z[0][..32].to_vec(), left.z[3][..8].to_vec()),
        (vec![0x5a; 32], vec![0x5a, 0x5a, 0x5a, 0x5a, 0, 0, 0, 0])
    );
    let trap = bench.trap("index z1.d, x0, x1; ld1d {z0.d}, p0/z, [z1.d]", &[tagged(0, 4), 16]);
    assert_eq!((trap.esr, trap.far), (LOAD_FAULT, tagged(16, 4)));
    let trap = bench.trap("index z1.s, #0, #4; st1b {z1.s}, p0, [x0, z1.s, uxtw]", &[tagged(0, 4)]);
    assert_eq!((trap.esr, trap.far), (STORE_FAULT, tagged(16, 4)));
}

#[test]
fn offsets_are_extended_and_shifted() {
    let mut bench = bench(16);
    bench.fill(0x100, 8, 1);
    bench.fill(0x108, 8, 2);
    let text = "mov z1.s, #-1; ld1w {z2.s}, p0/z, [x0, z1.s, sxtw #2]; ld1d {z3.d}, p0/z, [x0, z1.d, sxtw #3]; mov z4.d, #1; ld1d {z5.d}, p0/z, [x1, z4.d, lsl #3]; ld1rw {z6.s}, p0/z, [x1, #8]";
    let left = after(&mut bench, text, &[tagged(0x108, 0), tagged(0x100, 0)]);
    assert_eq!((left.z[2][0], left.z[3][0], left.z[5][0], left.z[6][12]), (1, 1, 2, 2));
}

#[test]
fn replicating_loads_repeat_what_they_read() {
    let mut bench = bench(64);
    bench.fill(0, 16, 7);
    bench.fill(16, 16, 9);
    let text = "mov x1, #8; whilelo p1.b, xzr, x1; ld1rqb {z0.b}, p1/z, [x0, #16]; ld1rod {z1.d}, p0/z, [x0]; ld1rb {z2.h}, p1/z, [x0, #16]";
    let left = after(&mut bench, text, &[tagged(0, 0)]);
    assert_eq!((left.z[0][7], left.z[0][8], left.z[0][48], left.z[0][56]), (9, 0, 9, 0));
    assert_eq!((left.z[1][32], left.z[1][63]), (7, 9));
    assert_eq!(left.z[2][..10], [9, 0, 9, 0, 9, 0, 9, 0, 0, 0]);
    // Without a whole group of 32 bytes the rest is zero, and 16 bytes are too few.
    bench.scalable.as_mut().unwrap().0 = 48;
    assert_eq!(after(&mut bench, "ld1rob {z1.b}, p0/z, [x0]", &[tagged(0, 0)]).z[1][30..34], [9, 9, 0, 0]);
    bench.scalable.as_mut().unwrap().0 = 16;
    assert_eq!(bench.trap("ld1rob {z1.b}, p0/z, [x0]", &[tagged(0, 0)]).esr >> 26, 0);
}

/// What a first-fault load leaves: the byte of each end of the destination, and FFR.
fn first_fault(done: &Done) -> (u8, u8, [u8; 4]) {
    let left = done.scalable.as_ref().unwrap();
    (left.z[0][0], left.z[0][31], left.ffr[..4].try_into().unwrap())
}

#[test]
fn a_first_fault_load_stops_at_a_wrong_tag_and_says_where() {
    for mode in 0..4 {
        let new = || {
            let mut bench = bench(32);
            bench.tags(0, &[4, 5]);
            bench.fill(0, 32, 0x33);
            bench.sys(SysReg::Sctlr, reset::SCTLR & !(0b11 << 40) | mode << 40);
            bench
        };
        let look = |bench: &mut Bench, done: &Done| {
            assert_eq!((done.traps.len(), bench.cpu.sys.tfsr), (0, 0));
            first_fault(done)
        };
        let seen = Bench::permitted(new, "setffr; ldff1b {z0.b}, p0/z, [x0]", &[tagged(0, 4)], look);
        // z0 held 0x1f in its last byte. With TCF of 0 the fault may have no effect.
        let stopped = [(0x33, 0, [0xff, 0xff, 0, 0]), (0x33, 0x1f, [0xff, 0xff, 0, 0])];
        let whole = [(0x33, 0x33, [0xff; 4])];
        let expected: Vec<_> = if mode == 0 { whole.into_iter().chain(stopped).collect() } else { stopped.to_vec() };
        assert_eq!(seen, expected, "TCF {mode}");
        // The first element is like any other load's.
        let done = new().run("setffr; ldff1b {z0.b}, p0/z, [x0]", &[tagged(0, 5)]);
        assert_eq!(done.traps.len(), usize::from(mode == 1 || mode == 3), "TCF {mode}");
    }
}

#[test]
fn a_non_fault_load_never_faults_and_reads_no_device() {
    for kind in [PageKind::Unmapped, PageKind::Device] {
        let new = || {
            let mut bench = bench(32);
            bench.fill(4096 - 16, 32, 0x33);
            bench.pages(Window::Tagged, 4096, kind);
            bench
        };
        let look = |_: &mut Bench, done: &Done| first_fault(done);
        let text = "setffr; ldnf1b {z0.b}, p0/z, [x0]";
        let seen = Bench::permitted(new, text, &[tagged(4096 - 16, 0)], look);
        // Under KVM also at once: the first page is not there at stage 2 before something else touches it.
        let at_the_page = [(0x33, 0, [0xff, 0xff, 0, 0]), (0x33, 0x1f, [0xff, 0xff, 0, 0])];
        let at_once = [(0, 0, [0; 4]), (0, 0x1f, [0; 4])];
        assert_eq!(seen, [at_the_page, at_once].concat(), "{kind:?}");
        let seen = Bench::permitted(new, text, &[tagged(4096, 0)], look);
        assert_eq!(seen, [(0, 0, [0; 4]), (0, 0x1f, [0; 4])], "{kind:?}");
    }
    // It may stop at the end of a page without need.
    let new = || {
        let mut bench = bench(32);
        bench.fill(4096 - 16, 32, 0x33);
        bench
    };
    let seen = Bench::permitted(new, "setffr; ldff1b {z0.b}, p0/z, [x0]", &[tagged(4096 - 16, 0)], |_, done| {
        first_fault(done)
    });
    assert_eq!(seen, [(0x33, 0x33, [0xff; 4]), (0x33, 0, [0xff, 0xff, 0, 0]), (0x33, 0x1f, [0xff, 0xff, 0, 0])]);
}

#[test]
fn whole_registers_are_checked_and_aligned_as_such() {
    let mut bench = bench(64);
    bench.tags(0, &[4, 4, 4, 5, 4]);
    let trap = bench.trap("str z0, [x0]", &[tagged(0, 4)]);
    assert_eq!((trap.esr, trap.far), (STORE_FAULT, tagged(48, 4)));
    let left = after(
        &mut bench,
        "str p0, [x0, #1, mul vl]; ldr p1, [x0, #1, mul vl]; str z1, [x1, #1, mul vl]; ldr z2, [x1, #1, mul vl]",
        &[tagged(0, 4), tagged(0x1000, 0)],
    );
    assert_eq!((left.p[1], bench.word(8), left.z[2]), (left.p[0], u64::MAX, left.z[1]));
    bench.sys(SysReg::Sctlr, reset::SCTLR | 2);
    after(&mut bench, "ldr z0, [x0]; ldr p0, [x1]", &[tagged(0x1010, 0), tagged(0x1002, 0)]);
    for text in ["ldr z0, [x0]", "ldr p1, [x0, #1, mul vl]", "ld1h {z0.h}, p0/z, [x0]"] {
        assert_eq!(bench.trap(text, &[tagged(0x1009, 0)]).esr & 0x3f, 0x21, "{text}");
    }
    after(&mut bench, "ld1b {z0.h}, p0/z, [x0]", &[tagged(0x1009, 0)]);
}

#[test]
fn a_fault_is_that_of_some_element_and_what_is_before_it_may_be_stored() {
    let new = || {
        let mut bench = bench(32);
        bench.tags(254, &[4, 5]);
        bench.pages(Window::Tagged, 4096, PageKind::Unmapped);
        bench
    };
    let look = |bench: &mut Bench, done: &Done| {
        (done.traps[0].esr & 0x3f, bench.word(4096 - 32) != 0, bench.word(4096 - 16) != 0)
    };
    let seen = Bench::permitted(new, "st1d {z1.d}, p0, [x0]", &[tagged(4096 - 24, 4)], look);
    assert_eq!(seen.iter().filter(|(status, ..)| *status == 0x11).count(), 1, "{seen:x?}");
    assert!(seen.iter().any(|(status, ..)| *status == 7), "{seen:x?}");
    let seen = Bench::permitted(new, "st1d {z1.d}, p0, [x0]", &[tagged(4096 - 32, 4)], look);
    assert!(seen.contains(&(0x11, false, false)) && seen.contains(&(0x11, true, false)), "{seen:x?}");
}

#[test]
fn predicates_set_the_flags_that_branches_test() {
    let mut bench = bench(32);
    let flags =
        |bench: &mut Bench, text: &str, x: &[u64]| bench.calm(&format!("{text}; mrs x9, nzcv"), x).reply.x[9] >> 28;
    for (text, expected) in [
        ("ptrues p1.b", 0b1000),
        ("ptrues p1.b, vl3", 0b1000),
        ("ptrues p1.b, vl64", 0b0110),
        ("whilelo p1.b, x0, x1", 0b1010),
        ("whilelt p1.b, x2, x1", 0b1010),
        ("whilelo p1.b, x2, x1", 0b0110),
        ("whilels p1.h, w0, w1", 0b1010),
        ("whilege p1.b, x1, x0", 0),
        ("whilehi p1.d, x1, x0", 0),
        ("cmpeq p1.b, p0/z, z0.b, #5", 0b0010),
        ("cmpeq p1.b, p0/z, z0.b, #0", 0b1010),
        ("cmpne p1.b, p0/z, z0.b, z0.b", 0b0110),
        ("cmpne p1.b, p0/z, z0.b, z1.b", 0b1000),
        ("ptrue p1.b, vl4; brkas p2.b, p0/z, p1.b", 0b1010),
        ("ptrue p1.b, vl4; brkbs p2.b, p0/z, p1.b", 0b0110),
        ("ptrue p1.b, vl4; ptest p1, p0.b", 0b1000),
        ("ptrue p1.b, vl4; wrffr p1.b; rdffrs p2.b, p0/z", 0b1010),
    ] {
        assert_eq!(flags(&mut bench, text, &[2, 5, u64::MAX]), expected, "{text}");
    }
}

#[test]
fn counts_depend_on_the_vector_length() {
    for bytes in LENGTHS {
        let mut bench = bench(bytes);
        let text = "cntb x1; cntd x2, all, mul #3; cnth x3, pow2; incw x4; decb x5, vl4; rdvl x6, #-2; addvl x7, x7, #1; addpl sp, x7, #2; cntp x8, p0, p0.h; ptrue p1.s, vl2; incp x9, p1.s; decp x10, p1.s";
        let done = bench.calm(text, &[0; 11]);
        let x = &done.reply.x;
        let halves = bytes / 2;
        assert_eq!((x[1], x[2], x[3]), (bytes, bytes / 8 * 3, 1 << halves.ilog2()), "{bytes}");
        assert_eq!((x[4], x[5], x[6]), (bytes / 4, 4_u64.wrapping_neg(), (2 * bytes).wrapping_neg()));
        assert_eq!((x[7], done.reply.sp, x[8]), (bytes, bytes + bytes / 4, halves));
        assert_eq!((x[9], x[10]), (2, 2_u64.wrapping_neg()));
    }
}

#[test]
fn vectors_are_made_and_moved() {
    let mut bench = bench(32);
    let text = "index z1.h, #-3, #2; mov z2.d, x0; add z3.b, z1.b, z1.b; mov x1, #3; whilelo p1.h, xzr, x1; sel z4.h, p1, z1.h, z2.h; lastb x2, p0, z1.d; lasta w3, p1, z1.h; lastb w4, p1, z1.h; bic z5.d, z2.d, z2.d; mov z6.s, #-2; brka p2.b, p0/z, p1.b; brkb p3.b, p0/z, p1.b; brkn p1.b, p0/z, p0.b, p1.b; and p4.b, p0/z, p1.b, p1.b; eor p5.b, p0/z, p1.b, p0.b";
    let done = bench.calm(text, &[0x0102_0304_0506_0708]);
    let left = done.scalable.unwrap();
    assert_eq!((left.z[1][..4].to_vec(), left.z[3][0], left.z[2][24]), (vec![0xfd, 0xff, 0xff, 0xff], 0xfa, 8));
    assert_eq!((left.z[4][4], left.z[4][6]), (1, 2));
    assert_eq!(done.reply.x[2..5], [0x001b_0019_0017_0015, 3, 1]);
    assert_eq!((left.z[5], left.z[6][31]), ([0; 256], 0xff));
    assert_eq!((left.p[1][0], left.p[2][0], left.p[3][0], left.p[4][0], left.p[5][0]), (0x15, 1, 0, 0x15, 0xea));
}

#[test]
fn a_register_is_zero_above_what_other_instructions_write() {
    for text in ["movi v0.16b, #1", "ldr q0, [x0]", "ld1 {v0.16b}, [x0]", "ld1r {v0.8b}, [x0]", "fmov d0, x0"] {
        let mut bench = bench(32);
        assert_eq!(after(&mut bench, text, &[tagged(0, 0)]).z[0][16..32], [0; 16], "{text}");
    }
}

#[test]
fn what_a_cpu_does_not_have_is_undefined() {
    let undefined = |features: &Features, text: &str| {
        let mut bench = Bench::of(features.clone());
        bench.trap(text, &[]).esr == 1 << 25
    };
    let without = Features { vector_lengths: 0, ..Features::MAX };
    let sve1 = Features { zfr0: 0, ..Features::MAX };
    assert!(undefined(&without, "ptrue p0.b") && undefined(&without, "ld1b {z0.b}, p0/z, [x0]"));
    assert!(undefined(&sve1, "ldnt1b {z0.d}, p0/z, [z0.d, x0]") && undefined(&sve1, "ld1rob {z0.b}, p0/z, [x0]"));
    assert!(undefined(&Features::MAX, "ld2q {z0.q, z1.q}, p0/z, [x0]"));
}
