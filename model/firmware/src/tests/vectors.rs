//! SIMD registers, signed and register-offset loads, bitfields.

use abi::mailbox::SysReg;

use super::{Bench, LOAD_FAULT, STORE_FAULT, tagged};
use model::cpu::reset;

fn numbered() -> model::cpu::Vectors {
    std::array::from_fn(|n| [0x1111_1111_1111_1111 * (n as u64 % 15 + 1), !(n as u64)])
}

#[test]
fn vectors_are_loaded_and_stored_in_order_and_wrap_at_31() {
    let mut bench = Bench::new();
    bench.v = Some(numbered());
    let done = bench.calm(
        "st1 {v30.16b, v31.16b, v0.16b, v1.16b}, [x0], #64; ld1 {v4.2d, v5.2d}, [x1], x2; ld1 {v6.8b}, [x1]",
        &[tagged(0, 0), tagged(0, 0), 16],
    );
    let v = done.v.unwrap();
    assert_eq!((v[4], v[5], v[6]), (numbered()[30], numbered()[31], [numbered()[31][0], 0]));
    assert_eq!(done.reply.x[..2], [tagged(64, 0), tagged(16, 0)]);
    assert_eq!((bench.word(32), bench.word(56)), (numbered()[0][0], numbered()[1][1]));
}

#[test]
fn parts_of_a_vector_register_zero_the_rest() {
    let mut bench = Bench::new();
    bench.v = Some(numbered());
    let done = bench.calm("str q3, [x0]; ldr b4, [x0]; ldr h5, [x0], #2; ldr s6, [x1]; ldur d7, [x1]; ldp q8, q9, [x1]; ldr q10, [x1, x2, lsl #4]", &[tagged(0, 0), tagged(0, 0), 0]);
    let v = done.v.unwrap();
    let low = numbered()[3][0];
    assert_eq!(v[4..8], [[low & 0xff, 0], [low & 0xffff, 0], [low & 0xffff_ffff, 0], [low, 0]]);
    assert_eq!((v[8], v[9], v[10]), (numbered()[3], [0, 0], numbered()[3]));
}

#[test]
fn without_asking_the_vectors_stay_in_the_cpu() {
    let mut bench = Bench::new();
    bench.v = Some(numbered());
    bench.calm("nop", &[]);
    bench.v = None;
    let done = bench.calm("str d2, [x0]; ldr x1, [x0]", &[tagged(0, 0)]);
    assert_eq!((done.v, done.reply.x[1]), (None, numbered()[2][0]));
}

#[test]
fn vectors_are_checked_in_all_their_granules() {
    let mut bench = Bench::new();
    bench.tags(0, &[5, 5, 5, 6, 5]);
    for (text, esr) in [("ld1 {v0.16b-v3.16b}, [x0]", LOAD_FAULT), ("st1 {v0.4s-v3.4s}, [x0], #64", STORE_FAULT)] {
        let trap = bench.trap(text, &[tagged(0, 5)]);
        assert_eq!((trap.esr, trap.far), (esr, tagged(48, 5)), "{text}");
    }
    bench.calm("ld1 {v0.16b-v2.16b}, [x0]; ldr q0, [x0, #64]", &[tagged(0, 5)]);
    bench.sp = tagged(0, 9);
    bench.calm("ld1 {v0.16b-v3.16b}, [sp]; str q0, [sp, #16]; prfm pldl1keep, [x0]", &[tagged(0, 9)]);
    assert_eq!(bench.trap("ld1 {v0.16b}, [sp], #16", &[]).esr, LOAD_FAULT);
    assert_eq!(bench.trap("ldr x1, [sp, x2]", &[]).esr, LOAD_FAULT);
}

#[test]
fn elements_before_a_fault_may_have_been_stored() {
    let new = || {
        let mut bench = Bench::new();
        bench.pages(abi::map::Window::Tagged, 4096, abi::mailbox::PageKind::Unmapped);
        bench.v = Some(numbered());
        bench
    };
    let look = |bench: &mut Bench, done: &crate::Done| {
        assert_eq!(done.traps[0].far, tagged(4096, 0));
        (bench.word(4064), bench.word(4088))
    };
    let first = numbered()[1][0];
    let seen = Bench::permitted(new, "st1 {v1.16b-v3.16b}, [x0]", &[tagged(4064, 0)], look);
    assert_eq!(seen, [(0, 0), (first, numbered()[2][1])]);
    // A register of 16 bytes goes in two halves.
    let seen = Bench::permitted(new, "str q1, [x0]", &[tagged(4088, 0)], look);
    assert_eq!(seen, [(0, 0), (0, first)]);
}

#[test]
fn a_faulting_load_of_several_elements_leaves_its_registers_unknown_until_they_are_loaded_again() {
    let mut bench = Bench::new();
    bench.tags(0, &[5, 6]);
    let done = bench.run("ld1 {v30.16b, v31.16b}, [x0]; ldr q31, [x0]; ldr q1, [x1]", &[tagged(0, 5), tagged(16, 5)]);
    assert_eq!((done.traps.len(), done.unknown.v), (2, 1 << 30));
}

#[test]
fn alignment_of_vectors_counts_by_element() {
    let mut bench = Bench::new();
    bench.sys(SysReg::Sctlr, reset::SCTLR | 2);
    bench.calm("ld1 {v0.16b}, [x0]; ld1 {v0.2s}, [x1]", &[tagged(3, 0), tagged(4, 0)]);
    assert_eq!(bench.trap("ld1 {v0.2d}, [x0]", &[tagged(4, 0)]).esr, 0x9600_0021);
    assert_eq!(bench.trap("ldr q0, [x0]", &[tagged(8, 0)]).esr, 0x9600_0021);
}

#[test]
fn signs_are_extended_as_far_as_the_register_goes() {
    let mut bench = Bench::new();
    bench.calm("str x1, [x0]", &[tagged(0, 0), 0x8180_8384_8586_8788]);
    let done = bench.calm(
        "ldrsb w1, [x0]; ldrsb x2, [x0]; ldursh w3, [x0]; ldrsw x4, [x0]; ldpsw x5, x6, [x0]; ldrsh x7, [x0, w8, sxtw #1]; ldrb w9, [x0, x10]; ldapursb x11, [x0, #1]",
        &[tagged(0, 0), 0, 0, 0, 0, 0, 0, 0, 0x1_0000_0001, 0, 7],
    );
    assert_eq!(done.reply.x[1..5], [0xffff_ff88, 0xffff_ffff_ffff_ff88, 0xffff_8788, 0xffff_ffff_8586_8788]);
    assert_eq!(done.reply.x[5..8], [0xffff_ffff_8586_8788, 0xffff_ffff_8180_8384, 0xffff_ffff_ffff_8586]);
    assert_eq!((done.reply.x[9], done.reply.x[11]), (0x81, 0xffff_ffff_ffff_ff87));
}

#[test]
fn bitfields_selects_and_products() {
    let mut bench = Bench::new();
    let done = bench.calm(
        "lsl x1, x0, #8; lsr w2, w0, #4; asr x3, x0, #60; ubfx x4, x0, #4, #8; sbfm x5, x0, #60, #3; bfm x6, x0, #8, #15
         adds xzr, x7, #0; csel x8, x0, x9, eq; csinc x10, x0, x9, ne; csneg w11, w0, w9, ne; madd x12, x9, x9, x9; msub w13, w9, w9, wzr
         and x14, x0, #0xff00; orn x15, x9, x9; tbnz x9, #2, .+8; movz x0, #0; add x16, x9, w0, uxtb #1; rorv x17, x0, x9; adr x18, .+4; bics x19, x9, x9; mrs x20, nzcv",
        &[0x8765_4321_89ab_cdef, 0, 0, 0, 0, 0, 0x1_0000, 0, 0, 5],
    );
    let x = done.reply.x;
    assert_eq!(x[1..5], [0x6543_2189_abcd_ef00, 0x89a_bcde, 0xffff_ffff_ffff_fff8, 0xde]);
    assert_eq!((x[5], x[6]), (0xffff_ffff_ffff_fff0, 0x1_00cd));
    assert_eq!((x[8], x[10], x[11]), (0x8765_4321_89ab_cdef, 6, 0xffff_fffb));
    assert_eq!((x[12], x[13]), (30, 0xffff_ffe7));
    assert_eq!((x[14], x[15]), (0xcd00, !0));
    assert_eq!((x[0], x[16], x[17]), (0x8765_4321_89ab_cdef, 5 + 0xef * 2, 0x8765_4321_89ab_cdef_u64.rotate_right(5)));
    assert_eq!((x[18], x[19], x[20] >> 28), (abi::map::code_va(0) + 19 * 4, 0, 0b0100));
}

#[test]
fn structures_are_taken_apart_and_put_together() {
    let mut bench = Bench::new();
    bench.v = Some(numbered());
    let text = "str q1, [x0]; ld2 {v4.4h, v5.4h}, [x0]; st2 {v4.4h, v5.4h}, [x1], #16; ldr q6, [x1, #-16]!; ld3 {v7.8b-v9.8b}, [x0]";
    let done = bench.calm(text, &[tagged(0, 0), tagged(64, 0)]);
    let v = done.v.unwrap();
    // v1 is 0x2222_2222_2222_2222 and the complement of 1, bytes from the lowest on.
    assert_eq!((v[4], v[5], v[6]), ([0xffff_fffe_2222_2222, 0], [0xffff_ffff_2222_2222, 0], numbered()[1]));
    assert_eq!(v[7], [0x0000_ffff_ff22_2222, 0]);
}

#[test]
fn lanes_leave_the_others_alone_and_replicas_do_not() {
    let mut bench = Bench::new();
    bench.v = Some(numbered());
    let text = "str q1, [x0]; ld2 {v31.s, v0.s}[3], [x0]; st1 {v1.h}[4], [x1], x2; ld2r {v3.2s, v4.2s}, [x0]; ld1r {v5.16b}, [x0], #1";
    let done = bench.calm(text, &[tagged(0, 0), tagged(64, 0), 16]);
    let v = done.v.unwrap();
    let kept = |index: usize, lane: u64| [numbered()[index][0], lane << 32 | numbered()[index][1] & 0xffff_ffff];
    assert_eq!((v[31], v[0]), (kept(31, 0x2222_2222), kept(0, 0x2222_2222)));
    assert_eq!(
        (v[3], v[4], v[5]),
        ([0x2222_2222_2222_2222, 0], [0x2222_2222_2222_2222, 0], [0x2222_2222_2222_2222; 2])
    );
    assert_eq!((bench.word(64), done.reply.x[0], done.reply.x[1]), (0xfffe, tagged(1, 0), tagged(80, 0)));
}

#[test]
fn a_lane_of_what_is_unknown_stays_unknown_and_a_whole_register_does_not() {
    let new = || {
        let mut bench = Bench::new();
        bench.tags(0, &[5, 6]);
        bench
    };
    let forget = "ld1 {v1.16b, v2.16b}, [x0]";
    for (text, unknown) in [
        ("ld1 {v1.d}[0], [x1]; ld1 {v1.d}[1], [x1]", 0b110),
        ("ld1r {v1.2d}, [x1]; ld1 {v2.4h}, [x1]", 0),
        // What is stored of an UNKNOWN register is UNKNOWN where it is loaded again.
        ("st1 {v1.b}[3], [x1]; ld1 {v3.b}[0], [x1]; ld1r {v4.8h}, [x1]; ldr b5, [x2]", 0b1_1110),
        // One element that faults leaves its register alone, several do not.
        (
            "ld1 {v6.s}[0], [x0]; ld2 {v7.s, v8.s}[0], [x0]; ld1r {v9.4s}, [x0]; ld2r {v10.4s, v11.4s}, [x0]",
            0b1101_1000_0110,
        ),
    ] {
        let mut bench = new();
        let x = [tagged(if text.contains("[x0]") { 12 } else { 0 }, 5), tagged(32, 0), tagged(33, 0)];
        let done = bench.run(&format!("{forget}; {text}"), &x);
        assert_eq!(done.unknown.v, unknown, "{text}");
    }
}
