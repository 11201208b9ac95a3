//! Chapter: vectors, as string functions use them between their loads: comparison, arithmetic, permutation, moves. And three
//! string functions that are made of them, on tagged strings.

use std::array::from_fn;

use case::address::{arena, pointer_at, tagged};
use case::expect::{bytes, equal_hex, fail_with, no_fault, one_exception};
use case::{Case, CaseContext, CaseResult, Guest};
use machine::block::Vectors;
use machine::{Block, El};

pub const CASES: &[Case] = &[
    Case::new(
        "arch.vector.comparison",
        "an element is all ones where a comparison holds, signed or unsigned as its name says, and else 0",
        "DDI 0487 C7.2 CMEQ, CMGT, CMGE, CMLE, CMLT, CMHI, CMHS, CMTST",
        comparison,
    ),
    Case::new(
        "arch.vector.arithmetic",
        "elements are added, multiplied and compared for the larger one each for itself, in pairs, or all together",
        "DDI 0487 C7.2 ADD, SUB, MUL, ADDP, SMAX, SMIN, UMAX, UMIN, SMAXP, UMINP, ADDV, UADDLV, UMAXV, UMINV; Reduce()",
        arithmetic,
    ),
    Case::new(
        "arch.vector.bits",
        "bits of vectors are combined, selected, counted and moved within their elements",
        "DDI 0487 C7.2 AND, BIC, ORR, ORN, EOR, BSL, BIT, BIF, NOT, CNT, RBIT, CLZ, CLS, SHL, USHR, SSHR",
        bits,
    ),
    Case::new(
        "arch.vector.permutation",
        "elements of two vectors are taken in the order that the instruction says",
        "DDI 0487 C7.2 UZP1, UZP2, ZIP1, ZIP2, TRN1, TRN2, EXT, REV16, REV32, REV64",
        permutation,
    ),
    Case::new(
        "arch.vector.width",
        "narrowing writes one half of a register and leaves or clears the other; 8-byte results clear the upper half",
        "DDI 0487 C7.2 XTN, SHRN, USHLL; Vpart[], V[]",
        width,
    ),
    Case::new(
        "arch.vector.moves",
        "immediates, registers and elements are moved to vectors and back, extended as the instruction says",
        "DDI 0487 C7.2 MOVI, MVNI, DUP, INS, UMOV, SMOV, FMOV; AdvSIMDExpandImm()",
        moves,
    ),
    Case::new(
        "arch.vector.string-functions",
        "string functions that read aligned granules find ends and bytes of tagged strings without a fault",
        "DDI 0487 D10 Tag Checked memory accesses; C7.2 CMEQ, SHRN, UMAXP, UMINV",
        string_functions,
    ),
];

/// The first operand; zeros, both ends of each signed range, and neighbours that differ.
const A: [u8; 16] = [0x00, 0x7f, 0x80, 0xff, 0x01, 0x10, 0xfe, 0x81, 0x00, 0x00, 0x55, 0xaa, 0x12, 0x34, 0x56, 0x78];
/// The second operand.
const B: [u8; 16] = [0x00, 0x80, 0x7f, 0xff, 0x02, 0x10, 0x01, 0x80, 0xff, 0x00, 0xaa, 0xaa, 0x34, 0x12, 0x78, 0x56];
/// What the destination holds before.
const OLD: [u8; 16] = [0xc3; 16];
/// What x1 holds.
const GENERAL: u64 = 0x8899_aabb_ccdd_eef0;

fn halves(bytes: [u8; 16]) -> [u64; 2] {
    let value = u128::from_le_bytes(bytes);
    [value as u64, (value >> 64) as u64]
}

/// Executes instructions that write v0 or x0, each with the same operands in v1 and v2, and compares the whole of it.
fn each(guest: &mut Guest, expected: &[(&str, [u8; 16])]) -> CaseResult {
    let mut values: Vectors = [[0; 2]; 32];
    values[..3].copy_from_slice(&[OLD, A, B].map(halves));
    for (text, expected) in expected {
        let trace = guest.run(&Block::assemble(text)?.x(1, GENERAL).vectors(values))?;
        no_fault(guest, text, &trace)?;
        let Some(found) = trace.v.as_deref() else { return fail_with("v0 to v31", "values", "none", guest.listing()) };
        let expected = halves(*expected);
        for (half, name) in [(0, "lower"), (1, "upper")] {
            equal_hex(&format!("the {name} half of v0 after {text}"), expected[half], found[0][half])?;
        }
    }
    Ok(())
}

/// The same for instructions that write x0.
fn each_general(guest: &mut Guest, expected: &[(&str, u64)]) -> CaseResult {
    let mut values: Vectors = [[0; 2]; 32];
    values[..3].copy_from_slice(&[OLD, A, B].map(halves));
    for (text, expected) in expected {
        let trace = guest.run(&Block::assemble(text)?.x(0, u64::MAX).x(1, GENERAL).vectors(values))?;
        no_fault(guest, text, &trace)?;
        equal_hex(&format!("x0 after {text}"), *expected, trace.x[0])?;
    }
    Ok(())
}

/// Combines the bytes of both operands.
fn by_byte(result: impl Fn(u8, u8) -> u8) -> [u8; 16] {
    from_fn(|n| result(A[n], B[n]))
}

fn halfwords(bytes: [u8; 16]) -> [u16; 8] {
    from_fn(|n| u16::from_le_bytes([bytes[2 * n], bytes[2 * n + 1]]))
}

fn of_halfwords(halfwords: [u16; 8]) -> [u8; 16] {
    from_fn(|n| halfwords[n / 2].to_le_bytes()[n % 2])
}

fn words(bytes: [u8; 16]) -> [u32; 4] {
    from_fn(|n| u32::from_le_bytes(from_fn(|byte| bytes[4 * n + byte])))
}

fn of_words(words: [u32; 4]) -> [u8; 16] {
    from_fn(|n| words[n / 4].to_le_bytes()[n % 4])
}

/// Combines the words of both operands.
fn by_word(result: impl Fn(u32, u32) -> u32) -> [u8; 16] {
    let (a, b) = (words(A), words(B));
    of_words(from_fn(|n| result(a[n], b[n])))
}

fn doublewords(bytes: [u8; 16]) -> [u64; 2] {
    halves(bytes)
}

fn of_doublewords([low, high]: [u64; 2]) -> [u8; 16] {
    (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
}

/// Zeroes the upper half.
fn low_half(bytes: [u8; 16]) -> [u8; 16] {
    from_fn(|n| if n < 8 { bytes[n] } else { 0 })
}

fn truth(holds: bool) -> u8 {
    if holds { 0xff } else { 0 }
}

fn comparison(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let signed = |value: u8| value.cast_signed();
    let doubleword_zero = doublewords(A).map(|value| if value == 0 { u64::MAX } else { 0 });
    each(
        &mut guest,
        &[
            ("cmeq v0.16b, v1.16b, v2.16b", by_byte(|a, b| truth(a == b))),
            ("cmgt v0.16b, v1.16b, v2.16b", by_byte(|a, b| truth(signed(a) > signed(b)))),
            ("cmge v0.16b, v1.16b, v2.16b", by_byte(|a, b| truth(signed(a) >= signed(b)))),
            ("cmhi v0.16b, v1.16b, v2.16b", by_byte(|a, b| truth(a > b))),
            ("cmhs v0.16b, v1.16b, v2.16b", by_byte(|a, b| truth(a >= b))),
            ("cmtst v0.16b, v1.16b, v2.16b", by_byte(|a, b| truth(a & b != 0))),
            ("cmeq v0.16b, v1.16b, #0", by_byte(|a, _| truth(a == 0))),
            ("cmgt v0.16b, v1.16b, #0", by_byte(|a, _| truth(signed(a) > 0))),
            ("cmge v0.16b, v1.16b, #0", by_byte(|a, _| truth(signed(a) >= 0))),
            ("cmle v0.16b, v1.16b, #0", by_byte(|a, _| truth(signed(a) <= 0))),
            ("cmlt v0.16b, v1.16b, #0", by_byte(|a, _| truth(signed(a) < 0))),
            ("cmhi v0.4s, v1.4s, v2.4s", by_word(|a, b| if a > b { u32::MAX } else { 0 })),
            ("cmeq v0.2d, v1.2d, #0", of_doublewords(doubleword_zero)),
            ("cmeq v0.8b, v1.8b, v2.8b", low_half(by_byte(|a, b| truth(a == b)))),
        ],
    )
}

fn arithmetic(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let signed = |value: u8| value.cast_signed();
    let pairs = |result: fn(u8, u8) -> u8| -> [u8; 16] {
        from_fn(|n| {
            let from = if n < 8 { &A } else { &B };
            result(from[n % 8 * 2], from[n % 8 * 2 + 1])
        })
    };
    let scalar = |value: u64| of_doublewords([value, 0]);
    let [low, high] = doublewords(A);
    let sum = A.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    each(
        &mut guest,
        &[
            ("add v0.16b, v1.16b, v2.16b", by_byte(u8::wrapping_add)),
            ("add v0.4s, v1.4s, v2.4s", by_word(u32::wrapping_add)),
            ("sub v0.16b, v1.16b, v2.16b", by_byte(u8::wrapping_sub)),
            ("mul v0.16b, v1.16b, v2.16b", by_byte(u8::wrapping_mul)),
            ("neg v0.16b, v1.16b", by_byte(|a, _| a.wrapping_neg())),
            ("abs v0.16b, v1.16b", by_byte(|a, _| signed(a).wrapping_abs().cast_unsigned())),
            ("smax v0.16b, v1.16b, v2.16b", by_byte(|a, b| signed(a).max(signed(b)).cast_unsigned())),
            ("smin v0.16b, v1.16b, v2.16b", by_byte(|a, b| signed(a).min(signed(b)).cast_unsigned())),
            ("umax v0.16b, v1.16b, v2.16b", by_byte(u8::max)),
            ("umin v0.16b, v1.16b, v2.16b", by_byte(u8::min)),
            ("addp v0.16b, v1.16b, v2.16b", pairs(u8::wrapping_add)),
            ("umaxp v0.16b, v1.16b, v2.16b", pairs(u8::max)),
            ("uminp v0.16b, v1.16b, v2.16b", pairs(u8::min)),
            ("smaxp v0.16b, v1.16b, v2.16b", pairs(|a, b| a.cast_signed().max(b.cast_signed()).cast_unsigned())),
            ("sminp v0.16b, v1.16b, v2.16b", pairs(|a, b| a.cast_signed().min(b.cast_signed()).cast_unsigned())),
            ("addp d0, v1.2d", scalar(low.wrapping_add(high))),
            ("addv b0, v1.16b", scalar(sum & 0xff)),
            ("uaddlv h0, v1.16b", scalar(sum)),
            ("smaxv b0, v1.16b", scalar(0x7f)),
            ("sminv b0, v1.16b", scalar(0x80)),
            ("umaxv b0, v1.16b", scalar(0xff)),
            ("uminv b0, v1.16b", scalar(0x00)),
            ("addv s0, v2.4s", scalar(words(B).into_iter().fold(0, u32::wrapping_add).into())),
            ("umaxv h0, v1.4h", scalar(0xff80)),
        ],
    )
}

fn bits(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let old = OLD[0];
    let doubleword = |shift: fn(u64) -> u64| of_doublewords(doublewords(A).map(shift));
    each(
        &mut guest,
        &[
            ("and v0.16b, v1.16b, v2.16b", by_byte(|a, b| a & b)),
            ("bic v0.16b, v1.16b, v2.16b", by_byte(|a, b| a & !b)),
            ("orr v0.16b, v1.16b, v2.16b", by_byte(|a, b| a | b)),
            ("orn v0.16b, v1.16b, v2.16b", by_byte(|a, b| a | !b)),
            ("eor v0.16b, v1.16b, v2.16b", by_byte(|a, b| a ^ b)),
            ("bsl v0.16b, v1.16b, v2.16b", by_byte(|a, b| a & old | b & !old)),
            ("bit v0.16b, v1.16b, v2.16b", by_byte(|a, b| a & b | old & !b)),
            ("bif v0.16b, v1.16b, v2.16b", by_byte(|a, b| a & !b | old & b)),
            ("not v0.16b, v1.16b", by_byte(|a, _| !a)),
            ("cnt v0.16b, v1.16b", by_byte(|a, _| a.count_ones() as u8)),
            ("rbit v0.16b, v1.16b", by_byte(|a, _| a.reverse_bits())),
            ("clz v0.16b, v1.16b", by_byte(|a, _| a.leading_zeros() as u8)),
            ("cls v0.4s, v1.4s", by_word(|a, _| (a ^ a << 1 | 1).leading_zeros())),
            ("shl v0.16b, v1.16b, #3", by_byte(|a, _| a << 3)),
            ("ushr v0.16b, v1.16b, #3", by_byte(|a, _| a >> 3)),
            ("ushr v0.16b, v1.16b, #8", [0; 16]),
            ("sshr v0.16b, v1.16b, #8", by_byte(|a, _| (a.cast_signed() >> 7).cast_unsigned())),
            ("shl v0.2d, v1.2d, #63", doubleword(|a| a << 63)),
            ("ushr v0.2d, v1.2d, #1", doubleword(|a| a >> 1)),
            ("sshr v0.2d, v2.2d, #64", of_doublewords(doublewords(B).map(|b| if b >> 63 == 1 { u64::MAX } else { 0 }))),
        ],
    )
}

fn permutation(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let both: [u8; 32] = from_fn(|n| if n < 16 { A[n] } else { B[n - 16] });
    let taken = |place: fn(usize) -> usize| -> [u8; 16] { from_fn(|n| both[place(n)]) };
    let [a, b] = [doublewords(A), doublewords(B)];
    each(
        &mut guest,
        &[
            ("uzp1 v0.16b, v1.16b, v2.16b", taken(|n| 2 * n)),
            ("uzp2 v0.16b, v1.16b, v2.16b", taken(|n| 2 * n + 1)),
            ("zip1 v0.16b, v1.16b, v2.16b", taken(|n| n / 2 + n % 2 * 16)),
            ("zip2 v0.16b, v1.16b, v2.16b", taken(|n| 8 + n / 2 + n % 2 * 16)),
            ("trn1 v0.16b, v1.16b, v2.16b", taken(|n| n / 2 * 2 + n % 2 * 16)),
            ("trn2 v0.16b, v1.16b, v2.16b", taken(|n| n / 2 * 2 + 1 + n % 2 * 16)),
            ("zip1 v0.2d, v1.2d, v2.2d", of_doublewords([a[0], b[0]])),
            ("ext v0.16b, v1.16b, v2.16b, #5", taken(|n| n + 5)),
            ("ext v0.8b, v1.8b, v2.8b, #7", low_half(from_fn(|n| if n == 0 { A[7] } else { B[n.min(8) - 1] }))),
            ("rev16 v0.16b, v1.16b", taken(|n| n ^ 1)),
            ("rev32 v0.16b, v1.16b", taken(|n| n ^ 3)),
            ("rev32 v0.8h, v1.8h", taken(|n| n ^ 2)),
            ("rev64 v0.16b, v1.16b", taken(|n| n ^ 7)),
            ("rev64 v0.4s, v1.4s", taken(|n| n ^ 4)),
        ],
    )
}

fn width(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let narrow = |n: usize, shift: u32| (halfwords(A)[n % 8] >> shift) as u8;
    each(
        &mut guest,
        &[
            ("xtn v0.8b, v1.8h", low_half(from_fn(|n| narrow(n, 0)))),
            ("xtn2 v0.16b, v1.8h", from_fn(|n| if n < 8 { OLD[n] } else { narrow(n, 0) })),
            ("shrn v0.8b, v1.8h, #4", low_half(from_fn(|n| narrow(n, 4)))),
            ("shrn2 v0.16b, v1.8h, #4", from_fn(|n| if n < 8 { OLD[n] } else { narrow(n, 4) })),
            ("ushll v0.8h, v1.8b, #3", of_halfwords(from_fn(|n| u16::from(A[n]) << 3))),
            ("ushll2 v0.8h, v1.16b, #0", of_halfwords(from_fn(|n| u16::from(A[n + 8])))),
            ("add v0.8b, v1.8b, v2.8b", low_half(by_byte(u8::wrapping_add))),
            ("mov v0.8b, v1.8b", low_half(A)),
        ],
    )
}

fn moves(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let with = |place: usize, bytes: &[u8]| -> [u8; 16] {
        from_fn(|n| n.checked_sub(place).and_then(|n| bytes.get(n)).copied().unwrap_or(OLD[n]))
    };
    let scalar = |value: u64| of_doublewords([value, 0]);
    let old = u32::from_le_bytes([OLD[0]; 4]);
    each(
        &mut guest,
        &[
            ("movi v0.16b, #0xa5", [0xa5; 16]),
            ("movi v0.8h, #0x12, lsl #8", of_halfwords([0x1200; 8])),
            ("movi v0.2s, #0x12, lsl #24", low_half(of_words([0x1200_0000; 4]))),
            ("movi v0.2d, #0xff00ff0000ff00ff", of_doublewords([0xff00_ff00_00ff_00ff; 2])),
            ("movi d0, #0xffffffff", scalar(0xffff_ffff)),
            ("mvni v0.4s, #0x12, lsl #8", of_words([!0x1200; 4])),
            ("orr v0.4s, #0x3f, lsl #16", of_words([old | 0x3f << 16; 4])),
            ("bic v0.8h, #0xf0", of_halfwords([0xc303; 8])),
            ("dup v0.16b, w1", [0xf0; 16]),
            ("dup v0.4h, w1", low_half(of_halfwords([0xeef0; 8]))),
            ("dup v0.2d, x1", of_doublewords([GENERAL; 2])),
            ("dup v0.16b, v1.b[3]", [A[3]; 16]),
            ("dup v0.4s, v1.s[3]", of_words([words(A)[3]; 4])),
            ("mov d0, v1.d[1]", scalar(doublewords(A)[1])),
            ("mov b0, v1.b[15]", scalar(A[15].into())),
            ("mov v0.b[15], w1", with(15, &[0xf0])),
            ("mov v0.s[1], w1", with(4, &0xccdd_eef0_u32.to_le_bytes())),
            ("mov v0.d[1], x1", with(8, &GENERAL.to_le_bytes())),
            ("mov v0.h[7], v1.h[5]", with(14, &A[10..12])),
            ("fmov d0, x1", scalar(GENERAL)),
            ("fmov s0, w1", scalar(0xccdd_eef0)),
            ("fmov v0.d[1], x1", with(8, &GENERAL.to_le_bytes())),
            ("fmov s0, s1", scalar(words(A)[0].into())),
        ],
    )?;
    each_general(
        &mut guest,
        &[
            ("umov w0, v1.b[3]", 0xff),
            ("umov w0, v1.h[1]", 0xff80),
            ("mov w0, v1.s[3]", words(A)[3].into()),
            ("mov x0, v1.d[1]", doublewords(A)[1]),
            ("smov w0, v1.b[2]", 0xffff_ff80),
            ("smov x0, v1.b[2]", (-0x80i64).cast_unsigned()),
            ("smov x0, v1.s[0]", i64::from(words(A)[0].cast_signed()).cast_unsigned()),
            ("fmov x0, d1", doublewords(A)[0]),
            ("fmov w0, s1", words(A)[0].into()),
            ("fmov x0, v1.d[1]", doublewords(A)[1]),
        ],
    )
}

/// Length of the string at x0. It reads aligned granules, the last of which ends after the string.
const STRLEN: &str = "
            and     x1, x0, #0xfffffffffffffff0
            ldr     q0, [x1]
            cmeq    v0.16b, v0.16b, #0
            shrn    v0.8b, v0.8h, #4                // four bits for each byte
            fmov    x2, d0
            lsl     x3, x0, #2
            lsr     x2, x2, x3                      // without those before the string
            cbz     x2, next
            rbit    x2, x2
            clz     x2, x2
            lsr     x0, x2, #2
            b       end
    next:   ldr     q0, [x1, #16]!
            cmeq    v0.16b, v0.16b, #0
            umaxp   v1.16b, v0.16b, v0.16b
            fmov    x2, d1
            cbz     x2, next
            shrn    v0.8b, v0.8h, #4
            fmov    x2, d0
            rbit    x2, x2
            clz     x2, x2
            sub     x0, x1, x0
            add     x0, x0, x2, lsr #2
    end:    nop";

/// The first byte w1 of the x2 bytes at x0, or 0.
const MEMCHR: &str = "
            dup     v1.16b, w1
            add     x3, x0, x2
            and     x4, x0, #0xfffffffffffffff0
            ldr     q0, [x4]
            cmeq    v0.16b, v0.16b, v1.16b
            shrn    v0.8b, v0.8h, #4
            fmov    x5, d0
            lsl     x6, x0, #2
            lsr     x5, x5, x6
            cbnz    x5, found
    next:   add     x4, x4, #16
            cmp     x4, x3
            b.hs    none
            mov     x0, x4
            ldr     q0, [x4]
            cmeq    v0.16b, v0.16b, v1.16b
            shrn    v0.8b, v0.8h, #4
            fmov    x5, d0
            cbz     x5, next
    found:  rbit    x5, x5
            clz     x5, x5
            add     x0, x0, x5, lsr #2
            cmp     x0, x3
            b.lo    end
    none:   mov     x0, #0
    end:    nop";

/// The difference of the first of x2 bytes at x0 and x1 that differ, or 0.
const MEMCMP: &str = "
    blocks: subs    x2, x2, #16
            b.lo    tail
            ldr     q0, [x0], #16
            ldr     q1, [x1], #16
            cmeq    v2.16b, v0.16b, v1.16b
            uminv   b3, v2.16b
            umov    w3, v3.b[0]
            cbnz    w3, blocks
            mvn     v2.16b, v2.16b
            shrn    v2.8b, v2.8h, #4
            fmov    x3, d2
            rbit    x3, x3
            clz     x3, x3
            lsr     x3, x3, #2
            sub     x0, x0, #16
            sub     x1, x1, #16
            ldrb    w4, [x0, x3]
            ldrb    w5, [x1, x3]
            sub     w0, w4, w5
            b       end
    tail:   adds    x2, x2, #16
            b.eq    equal
    byte:   ldrb    w4, [x0], #1
            ldrb    w5, [x1], #1
            subs    x2, x2, #1
            ccmp    w4, w5, #0, ne                  // the flags of both, while bytes are left
            b.eq    byte
            sub     w0, w4, w5
            b       end
    equal:  mov     w0, #0
    end:    nop";

/// Calls a string function at both levels, with pointers into the window of each, and compares what it returns.
fn call(guest: &mut Guest, what: &str, text: &str, x: &[u64], expected: u64) -> CaseResult {
    for el in [El::El1, El::El0] {
        // Pointers are given for EL1.
        let window = tagged(0, 0) ^ pointer_at(el, false, 0, 0);
        let here = |value: u64| if value >> 32 & 0xf != 0 { value ^ window } else { value };
        let mut block = Block::assemble(text)?.at(el).vectors([[0; 2]; 32]);
        for (n, value) in x.iter().enumerate() {
            block = block.x(n, here(*value));
        }
        let trace = guest.run(&block)?;
        no_fault(guest, &format!("{what} at {el}"), &trace)?;
        equal_hex(&format!("{what} at {el}"), here(expected), trace.x[0])?;
    }
    Ok(())
}

fn string_functions(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    // The string begins at byte 5 of granule 2 and ends in granule 4; its neighbours have other tags.
    let text: Vec<u8> = (0..40).map(|n| b'A' + n).chain([0]).collect();
    guest.store_tags(arena(0), &[9, 9, 4, 4, 4, 9, 9, 9, 4, 4, 4, 9])?;
    guest.write(arena(0x25), &text)?;
    let mut other = text.clone();
    other[33] += 3;
    guest.write(arena(0x85), &other)?;
    let (string, copy) = (tagged(0x25, 4), tagged(0x85, 4));
    for skipped in [0, 1, 11, 27, 40] {
        call(&mut guest, "strlen", STRLEN, &[string + skipped], 40 - skipped)?;
    }
    for (n, place) in [(0, 0), (10, 10), (11, 11), (30, 30)] {
        let byte = u64::from(b'A' + n);
        call(&mut guest, "memchr", MEMCHR, &[string, byte, 40], string + place)?;
        call(&mut guest, "memchr of a shorter string", MEMCHR, &[string, byte, place], 0)?;
    }
    call(&mut guest, "memcmp", MEMCMP, &[string, copy, 33], 0)?;
    call(&mut guest, "memcmp", MEMCMP, &[string, copy, 34], u64::from(u32::MAX - 2))?;
    call(&mut guest, "memcmp", MEMCMP, &[copy, string, 40], 3)?;
    call(&mut guest, "memcmp from byte 20 on", MEMCMP, &[copy + 20, string + 20, 20], 3)?;
    bytes("the string", arena(0x25), &text, &guest.read(arena(0x25), 41)?)?;

    // A string that does not end in its own granules is found out by its tag.
    guest.write(arena(0x4d), b"unterminated")?;
    let trace = guest.run(&Block::assemble(&STRLEN.replace("nop", "brk #1"))?.x(0, string).vectors([[0; 2]; 32]))?;
    let fault = trace.faults.first().map_or(0, |fault| fault.far & !(0xf << 60));
    equal_hex("the address at which strlen leaves its string", tagged(0x50, 4), fault)?;
    let trace = guest.exec("ldr q0, [x0]", &[tagged(0x50, 4)])?;
    one_exception(&guest, "the granule after the string", 0x9600_0011, &trace)
}
