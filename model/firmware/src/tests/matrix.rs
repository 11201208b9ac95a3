//! SME: streaming mode, ZA and ZT0, several vectors by a counter, and what is checked.

use abi::mailbox::{Scalable, SysReg};
use model::cpu::reset;
use model_base::Features;

use super::{Bench, LOAD_FAULT, STORE_FAULT, tagged};

/// ESR_EL1 of SME traps: EC, IL; with SMTC.
const TRAP: u64 = 0x7600_0000;
const STREAMING: u64 = TRAP | 1;
const NOT_STREAMING: u64 = TRAP | 2;
const INACTIVE_ZA: u64 = TRAP | 3;

/// A CPU with SME2, and a block with vectors of 32 bytes: z0 to z31 and p0 hold something when it begins.
fn bench() -> Bench {
    let mut bench = Bench::of(Features::MAX_SME);
    let mut registers = Box::new(Scalable::ZERO);
    registers.z.iter_mut().for_each(|z| z[..32].fill(0x5a));
    registers.p[0][..4].fill(0xff);
    bench.scalable = Some((32, registers));
    for at in 0..1024 {
        bench.fill(at, 1, (at % 251) as u8);
    }
    bench
}

/// The syndromes of a program's exceptions.
fn traps(bench: &mut Bench, text: &str, x: &[u64]) -> Vec<u64> {
    bench.run(text, x).traps.iter().map(|trap| trap.esr).collect()
}

#[test]
fn instructions_need_their_mode() {
    let mut bench = bench();
    for (text, expected) in [
        ("ldr za[w12, 0], [x0]", INACTIVE_ZA),
        ("str zt0, [x0]", INACTIVE_ZA),
        ("zero {za}", INACTIVE_ZA),
        ("smstart sm; zero {zt0}", INACTIVE_ZA),
        ("smstart za; st1b {za0h.b[w12, 0]}, p0, [x0]", NOT_STREAMING),
        ("ld1b {za0h.b[w12, 0]}, p0/z, [x0]", NOT_STREAMING),
        ("smstart za; mov z0.b, p0/m, za0h.b[w12, 0]", NOT_STREAMING),
        ("ld1b {z0.b, z8.b}, pn8/z, [x0]", NOT_STREAMING),
        ("smstart sm; ld1b {za0h.b[w12, 0]}, p0/z, [x0]", INACTIVE_ZA),
        ("smstart; movi v0.16b, #1", STREAMING),
        ("smstart; ld1 {v0.16b}, [x0]", STREAMING),
        ("smstart; umov w1, v0.b[1]", STREAMING),
        ("smstart; setffr", STREAMING),
        ("smstart; ld1b {z0.d}, p0/z, [x0, z1.d]", STREAMING),
        ("smstart; ldff1b {z0.b}, p0/z, [x0]", STREAMING),
        ("smstart; ld1rob {z0.b}, p0/z, [x0]", STREAMING),
        ("smstart; ld1w {z0.q}, p0/z, [x0]", STREAMING),
        ("smstart; prfb pldl1keep, p0, [z0.d]", STREAMING),
    ] {
        assert_eq!(traps(&mut bench, text, &[tagged(0, 0)]), [expected], "{text}");
    }
    for text in [
        "smstart za; ldr za[w12, 0], [x0]; str zt0, [x0]; zero {za}; rdsvl x1, #1",
        "smstart; ldr q0, [x0]; umov w1, v0.b[0]; smov x1, v0.h[0]; fmov d0, x1; ldp d0, d1, [x0]",
        "smstart; ptrue p0.b; ld1b {z0.b}, p0/z, [x0]; ld2b {z0.b, z1.b}, p0/z, [x0]; prfb pldl1keep, p0, [x0]",
        "smstart; ld2q {z0.q, z1.q}, p0/z, [x0]; smstop sm; ldr za[w12, 0], [x0]",
        "ptrue pn8.b; ld1b {z0.b, z1.b}, pn8/z, [x0]",
    ] {
        assert_eq!(traps(&mut bench, text, &[tagged(0, 0)]), [], "{text}");
    }
}

#[test]
fn what_a_cpu_does_not_have_is_undefined() {
    let sme1 = Features { pfr1: Features::MAX.pfr1 | 1 << 24, zfr0: 0, smfr0: 0, ..Features::MAX_SME };
    let sme2 = Features { zfr0: Features::MAX.zfr0, ..Features::MAX_SME };
    let of = |features: &Features, text: &str| traps(&mut Bench::of(features.clone()), text, &[tagged(0, 0)]);
    for text in ["smstart", "mrs x0, svcr", "msr svcr, xzr", "rdsvl x0, #1", "ptrue pn8.b"] {
        assert_eq!(of(&Features::MAX, text), [1 << 25], "{text}");
    }
    for text in [
        "smstart; ldr zt0, [x0]",
        "smstart; ld1b {z0.b, z8.b}, pn8/z, [x0]",
        "smstart; ptrue pn8.b",
        "smstart; zero {zt0}",
    ] {
        assert_eq!(of(&sme1, text), [1 << 25], "{text}");
    }
    assert_eq!(of(&sme2, "ptrue pn8.b; smstart; ptrue pn8.b; ld1b {z0.b, z1.b}, pn8/z, [x0]"), [NOT_STREAMING]);
}

#[test]
fn a_change_of_mode_clears_what_it_says() {
    let mut bench = bench();
    let text = "str z0, [x1]; smstart; str z0, [x1, #1, mul vl]; mrs x2, fpsr; mrs x3, svcr; ldr z0, [x0]; smstart; str z0, [x1, #2, mul vl]; ldr za[w12, 0], [x0]; smstop za; smstart za; str za[w12, 0], [x4]; msr svcr, xzr; mrs x5, svcr; mov x6, #2; msr svcr, x6; mrs x6, svcr; msr fpsr, xzr; str z0, [x1, #3, mul vl]";
    let done = bench.calm(text, &[tagged(64, 0), tagged(0x400, 0), 0, 0, tagged(0x600, 0)]);
    assert_eq!(
        [0x400, 0x420, 0x440, 0x460].map(|at| bench.word(at)),
        [0x5a5a_5a5a_5a5a_5a5a, 0, 0x4746_4544_4342_4140, 0]
    );
    assert_eq!((done.reply.x[2], done.reply.x[3], bench.word(0x600)), (0x0800_009f, 3, 0));
    assert_eq!((done.reply.x[5], done.reply.x[6]), (0, 2));
    let left = bench.calm("smstart; ldr z0, [x0]; smstop za", &[tagged(64, 0)]).scalable.unwrap();
    assert_eq!((left.z[0], left.z[31]), ([0; 256], [0; 256]), "the firmware leaves streaming mode");
    assert_eq!(bench.calm("mrs x0, svcr", &[]).reply.x[0], 0);
}

#[test]
fn za_is_one_array_by_vectors_tiles_and_slices() {
    let mut bench = bench();
    // Vector 5 of ZA is row 1 of za1.s, and column 3 of that tile has word 3 of it.
    let text = "smstart; ptrue p0.b; mov w12, #2; ldr za[w12, 3], [x0, #3, mul vl]; mov w13, #1; st1w {za1h.s[w13, 0]}, p0, [x1]; mov w14, #3; mov z1.s, p0/m, za1v.s[w14, 0]; str z1, [x1, #1, mul vl]; zero {za0.d}; str za[w12, 3], [x2, #3, mul vl]; zero {za5.d}; st1b {za0h.b[w12, 3]}, p0, [x3]";
    bench.calm(text, &[tagged(0, 0), tagged(0x400, 0), tagged(0x500, 0), tagged(0x600, 0)]);
    assert_eq!(bench.word(0x400), 0x6766_6564_6362_6160);
    assert_eq!((bench.word(0x420), bench.word(0x428)), (0x6f6e_6d6c_0000_0000, 0));
    assert_eq!((bench.word(0x560), bench.word(0x600)), (0x6766_6564_6362_6160, 0));
    let text = "smstart; ptrue p0.b; ptrue p1.d, vl2; ld1d {za3v.d[w12, 0]}, p0/z, [x0]; ld1d {za3v.d[w12, 1]}, p1/z, [x0]; mov w13, #1; st1d {za3h.d[w13, 0]}, p0, [x1]; mov w13, #2; st1d {za3h.d[w13, 0]}, p0, [x1, x4, lsl #3]; ldr z1, [x0]; mov za3h.d[w13, 1], p1/m, z1.d; str za[w14, 0], [x2]";
    bench.calm(text, &[tagged(0, 0), tagged(0x400, 0), tagged(0x500, 0), 0, 4]);
    assert_eq!((bench.word(0x400), bench.word(0x408)), (0x0f0e_0d0c_0b0a_0908, 0x0f0e_0d0c_0b0a_0908));
    assert_eq!((bench.word(0x420), bench.word(0x428)), (0x1716_1514_1312_1110, 0));
}

#[test]
fn each_element_and_the_whole_vector_are_checked() {
    let mut bench = bench();
    bench.tags(0, &[4, 5, 4]);
    for (text, far) in [
        ("ld1b {za0h.b[w12, 0]}, p0/z, [x0]", tagged(16, 4)),
        ("ldr za[w12, 0], [x0]", tagged(16, 4)),
        ("ldr zt0, [x0]", tagged(16, 4)),
        ("ld1d {za0v.d[w12, 0]}, p0/z, [x1]", tagged(0, 9)),
        ("ld1w {z0.s, z1.s}, pn8/z, [x0]", tagged(16, 4)),
        ("ld1w {z0.s, z8.s}, pn8/z, [x0]", tagged(16, 4)),
    ] {
        let trap = bench.trap(&format!("smstart; ptrue p0.b; ptrue pn8.b; {text}"), &[tagged(0, 4), tagged(0, 9)]);
        assert_eq!((trap.esr, trap.far), (LOAD_FAULT, far), "{text}");
    }
    for text in
        ["st1q {za0h.q[w12, 0]}, p0, [x0]", "str za[w12, 0], [x0]", "str zt0, [x0]", "st1b {z0.b, z1.b}, pn8, [x0]"]
    {
        let trap = bench.trap(&format!("smstart; ptrue p0.b; ptrue pn8.b; {text}"), &[tagged(0, 4)]);
        assert_eq!((trap.esr, trap.far), (STORE_FAULT, tagged(16, 4)), "{text}");
    }
    bench.sp = tagged(0, 9);
    let unchecked = "smstart; ptrue p0.b; ptrue pn8.b; ldr za[w12, 0], [sp]; str zt0, [sp]; ld1b {z0.b, z1.b}, pn8/z, [sp, #2, mul vl]; ptrue p0.b, vl16; ld1b {za0h.b[w12, 0]}, p0/z, [x0]; pfalse p0.b; st1b {za0h.b[w12, 0]}, p0, [x0]";
    bench.calm(unchecked, &[tagged(0, 4)]);
    bench.trap("smstart; ptrue p0.b; ld1b {za0h.b[w12, 0]}, p0/z, [sp]", &[]);
    bench.sys(SysReg::Sctlr, reset::SCTLR | 2);
    let aligned = bench.trap("smstart; ldr za[w12, 0], [x0]", &[tagged(0x108, 0)]);
    assert_eq!(aligned.esr & 0x3f, 0x21);
    bench.calm("smstart; ldr za[w12, 0], [x0]; str zt0, [x0]", &[tagged(0x110, 0)]);
}

#[test]
fn a_cpu_checks_streaming_accesses_or_does_not() {
    let new = || {
        let mut bench = bench();
        bench.tags(0, &[4; 8]);
        bench
    };
    let text = "ldr q0, [x0]; smstart; ldr q0, [x0]; ldr z0, [x0]; ldr za[w12, 0], [x0]; str zt0, [x0]; ldr x1, [x0]";
    let seen = Bench::permitted(new, text, &[tagged(0, 5)], |_, done| {
        done.traps.iter().map(|trap| (trap.pc & 0xff) / 4).collect::<Vec<_>>()
    });
    let mut expected = vec![vec![0, 2, 3, 4, 5, 6], vec![0, 2, 3, 6], vec![0, 4, 5, 6], vec![0, 6]];
    expected.sort();
    let mut seen = seen;
    seen.sort();
    assert_eq!(seen, expected);
}

#[test]
fn a_counter_says_which_elements_of_several_vectors_are_active() {
    let mut bench = bench();
    // p8 is loaded with a number of elements: of halfwords 3; inverted; of words for an instruction on bytes; above the length.
    for (counter, text, expected) in [
        (0b11_10_u64, "ld1h {z0.h, z1.h}, pn8/z, [x0]", [0x0000_0504_0302_0100, 0, 0]),
        (0x8000 | 0b11_10, "ld1h {z0.h, z1.h}, pn8/z, [x0]", [0x0706_0000_0000_0000, 0x3f3e_3d3c_3b3a_3938, 0]),
        (17 << 1 | 1, "ld1w {z0.s, z1.s}, pn8/z, [x0]", [0x0706_0504_0302_0100, 0, 0]),
        (2 << 3 | 4, "ld1b {z0.b, z1.b}, pn8/z, [x0]", [0x0000_0004_0000_0000, 0, 0]),
        (1 << 10 | 0b11_10, "ld1h {z0.h, z1.h}, pn8/z, [x0]", [0x0000_0504_0302_0100, 0, 0]),
        (0, "ld1b {z0.b, z1.b}, pn8/z, [x0]", [0, 0, 0]),
        (0x8000 | 1, "ld1d {z0.d, z4.d, z8.d, z12.d}, pn8/z, [x0]", [0x0706_0504_0302_0100, 0, 0x7f7e_7d7c_7b7a_7978]),
    ] {
        bench.fill(0x700, 8, 0);
        counter.to_le_bytes().iter().enumerate().for_each(|(at, byte)| bench.fill(0x700 + at as u64, 1, *byte));
        let text = format!(
            "smstart; ldr p8, [x1]; {text}; str z0, [x2]; str z1, [x2, #1, mul vl]; str z12, [x2, #2, mul vl]; st1b {{z0.b, z1.b}}, pn8, [x3]"
        );
        bench.calm(&text, &[tagged(0, 0), tagged(0x700, 0), tagged(0x800, 0), tagged(0x900, 0)]);
        assert_eq!([0x800, 0x838, 0x858].map(|at| bench.word(at)), expected, "{counter:#x} {text}");
    }
}

#[test]
fn the_streaming_length_is_the_longest_up_to_that_of_the_block() {
    for (bytes, expected) in [(16, 16), (32, 32), (48, 32), (64, 64), (112, 64), (256, 256)] {
        let mut bench = bench();
        bench.scalable.as_mut().unwrap().0 = bytes;
        let text = "rdsvl x0, #1; rdvl x1, #1; smstart; rdvl x2, #1; addsvl x3, x3, #-2; addspl x4, x4, #3";
        let done = bench.calm(text, &[]);
        assert_eq!(done.reply.x[..3], [expected, bytes, expected], "{bytes}");
        assert_eq!(done.reply.x[3..5], [(2 * expected).wrapping_neg(), expected / 8 * 3]);
    }
    let mut bench = bench();
    bench.scalable = None;
    assert_eq!(bench.calm("rdsvl x0, #-1", &[]).reply.x[0], 256_u64.wrapping_neg());
}

#[test]
fn a_slice_whose_load_faults_is_unknown() {
    let mut bench = bench();
    bench.tags(0, &[4, 5]);
    let text = "smstart; ptrue p0.b; ld1b {za0h.b[w12, 0]}, p0/z, [x0]; ldr zt0, [x0]; str za[w12, 0], [x1]; str zt0, [x2]; mova z0.b, p0/m, za0h.b[w12, 0]; zero {za}; zero {zt0}; str za[w12, 0], [x1, #0, mul vl]";
    let done = bench.run(text, &[tagged(0, 4), tagged(0x400, 0), tagged(0x500, 0)]);
    assert_eq!(done.traps.len(), 2);
    assert_eq!((bench.ram.1.contains(&(abi::map::ARENA_BASE + 0x500)), done.unknown.v), (true, 0));
    assert!(!bench.ram.1.contains(&(abi::map::ARENA_BASE + 0x400)), "ZERO made it known");
}
