//! Chapter: what SVE makes of data. Elements in memory and in registers, predicates, counts and moves, and a string function
//! made of them.

use abi::mailbox::SysReg;
use case::address::{arena, tagged};
use case::expect::{equal_hex, no_fault, one_exception};
use case::scalable::all_true;
use case::settings::Mode;
use case::{Case, CaseContext, CaseResult};
use machine::need::Need;
use machine::{Block, El};

use crate::scalable_elements::{A, gives, length, numbered, run};

const fn case(
    name: &'static str,
    claim: &'static str,
    cite: &'static str,
    run: fn(&mut CaseContext<'_>) -> CaseResult,
) -> Case {
    Case::new(name, claim, cite, run).needing(&[Need::Sve])
}

pub const CASES: &[Case] = &[
    case(
        "arch.sve-data.elements",
        "elements are extended, truncated, interleaved and repeated",
        "DDI 0487 C8.2 LD1SB, ST1H, LD2D, ST3B, LD1RB, LD1RQB, LDR (predicate)",
        data,
    ),
    case(
        "arch.sve-data.predicates",
        "predicates are made and tested as their instructions say",
        "DDI 0487 C8.2 PTRUE, WHILELO, CMPEQ, BRKA, BRKN, RDFFRS; pseudocode PredTest",
        predicates,
    ),
    case(
        "arch.sve-data.undefined",
        "elements of 128 bits are UNDEFINED without FEAT_SVE2p1, and LD1ROB with vectors of 16 bytes",
        "DDI 0487 ID_AA64ZFR0_EL1.SVEver; C8.2 LD2Q, LD1ROB",
        undefined,
    ),
    case(
        "arch.sve-data.first-fault-alignment",
        "with SCTLR_EL1.A an element of LDNF1H that is not aligned stops the load",
        "DDI 0487 pseudocode MemNF",
        first_fault_alignment,
    ),
    case(
        "arch.sve-data.strlen",
        "a string function by first-fault loads finds the end of a tagged string and reads no neighbour of it",
        "DDI 0487 C8.2 LDFF1B, RDFFRS, BRKB, INCP",
        strlen,
    ),
    case(
        "arch.sve-data.counts-and-moves",
        "elements are counted, made, moved and added as their instructions say",
        "DDI 0487 C8.2 CNTB, INCP, RDVL, INDEX, SEL, LASTB",
        moves,
    ),
];

fn data(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let bytes: Vec<u8> = (0..128).map(|n| 0x80 | n).collect();
    guest.write(arena(0), &bytes)?;
    let vl = u64::from(length(cx));
    let text =
        "ptrue p1.d, vl1; ld1sb {z0.d}, p0/z, [x0]; lasta x1, p1, z0.d; ld1b {z0.d}, p0/z, [x0]; lasta x2, p1, z0.d
        ld2d {z0.d, z1.d}, p0/z, [x0]; lasta x3, p1, z0.d; lasta x4, p1, z1.d
        ld1rb {z2.h}, p1/z, [x0, #5]; pfalse p2.b; lasta w5, p2, z2.h; lastb w6, p0, z2.h
        ld1rqb {z3.b}, p0/z, [x0]; lastb w7, p0, z3.b; ld1rqd {z4.d}, p1/z, [x0, #16]; lastb x8, p0, z4.d
        ld1rh {z5.d}, p0/z, [x0, #2]; lastb x9, p0, z5.d; ld1h {z6.s}, p0/z, [x0, x10, lsl #1]; lasta w11, p2, z6.s
        ld1w {z7.d}, p0/z, [x0, #1, mul vl]; lasta x12, p2, z7.d";
    let x = [tagged(0, 0), 0, 0, 0, 0, 0, 0, 0, 0, 0, 3];
    let word = |at: u64| (0..8).fold(0, |word, n| word | (0x80 + at + n) << (8 * n));
    let expected = [
        (1, 0xffff_ffff_ffff_ff81),
        (2, 0x81),
        (3, word(16)),
        (4, word(24)),
        (5, 0x85),
        (6, 0),
        (7, 0x8f),
        (8, 0),
        (9, 0x8382),
        (11, 0x8786),
        (12, word(vl / 2) & 0xffff_ffff),
    ];
    gives(cx, &mut guest, text, &x, &expected)?;
    let text = "st3b {z30.b, z31.b, z0.b}, p0, [x0]; ldr x1, [x0]; st1h {z1.s}, p0, [x0, #2, mul vl]; add x2, x0, x3; ldr x4, [x2]
        str p0, [x5, #1, mul vl]; ldr x6, [x5, x7]; str z2, [x5, #1, mul vl]; ldr x8, [x5, x3]; add x9, x5, x3; ldr x10, [x9, #8]; ldr p3, [x5, #1, mul vl]; cntp x11, p0, p3.b";
    let x = [tagged(0, 0), 0, 0, vl, 0, tagged(0x200, 0), 0, vl / 8];
    guest.write(arena(0x200), &[0; 256])?;
    let trace = run(cx, &mut guest, text, &x)?;
    no_fault(&guest, text, &trace)?;
    equal_hex("x1 after st3b", 0xf2e2_01f1_e100_f0e0, trace.x[1])?;
    equal_hex("x4 after st1h", 0x1d1c_1918_1514_1110, trace.x[4])?;
    let mask = if vl >= 64 { u64::MAX } else { (1 << vl) - 1 };
    equal_hex("x6 after str p0", mask, trace.x[6] & mask)?;
    equal_hex("x8 after str z2", 0x2726_2524_2322_2120, trace.x[8])?;
    equal_hex("x10 after str z2", 0x2f2e_2d2c_2b2a_2928, trace.x[10])?;
    equal_hex("x11 after ldr p3", vl, trace.x[11])
}

fn predicates(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let vl = u64::from(length(cx));
    // NZCV, and how many elements of p1 are true.
    for (text, flags, count) in [
        ("ptrues p1.b", 0b1000, vl),
        ("ptrues p1.b, vl3", 0b1000, 3),
        ("ptrues p1.b, vl256", 0b0110, 0),
        ("ptrues p1.d, vl1; ptest p1, p0.b", 0b1000, 1),
        ("ptrues p1.b, vl4; ptest p0, p1.b", 0b1010, 4),
        ("whilelo p1.b, x0, x1", 0b1010, 3),
        ("whilelt p1.b, x2, x1", 0b1010, 6),
        ("whilelo p1.b, x2, x1", 0b0110, 0),
        ("whilels p1.h, w0, w1", 0b1010, 4),
        ("whilele p1.b, x0, x1", 0b1010, 4),
        ("whilege p1.b, x1, x0", 0b0000, 4),
        ("whilegt p1.b, x1, x0", 0b0000, 3),
        ("whilehs p1.b, x1, x0", 0b0000, 4),
        ("whilehi p1.b, x1, x2", 0b0110, 0),
        ("cmpeq p1.b, p0/z, z0.b, #5", 0b0010, 1),
        ("cmpeq p1.b, p0/z, z0.b, z0.b", 0b1000, vl),
        ("cmpne p1.b, p0/z, z0.b, #0", 0b0000, vl - 1),
        ("ptrue p2.b, vl4; cmpne p1.b, p2/z, z0.b, z1.b", 0b1000, 4),
        ("ptrue p2.b, vl4; cmpeq p3.b, p0/z, z0.b, #2; brkas p1.b, p2/z, p3.b", 0b1010, 3),
        ("ptrue p2.b, vl4; cmpeq p3.b, p0/z, z0.b, #2; brkbs p1.b, p2/z, p3.b", 0b1010, 2),
        (
            "ptrue p2.b, vl4; ptrue p1.b, vl8; cmpeq p3.b, p0/z, z0.b, #2; brkb p1.b, p2/m, p3.b; ptest p0, p1.b",
            0b1010,
            6,
        ),
        ("ptrue p2.b, vl4; ptrue p1.b; brkns p1.b, p2/z, p2.b, p1.b", 0b1000, vl),
        ("ptrue p2.b, vl4; ptrue p1.b; brkns p1.b, p0/z, p2.b, p1.b", 0b0110, 0),
        ("ptrue p2.b, vl4; wrffr p2.b; rdffrs p1.b, p0/z", 0b1010, 4),
        ("ptrue p2.b, vl4; setffr; rdffrs p1.b, p2/z", 0b1000, 4),
        ("ptrue p2.b, vl4; pfalse p1.b; ptest p2, p1.b", 0b0110, 0),
        ("ptrue p2.b, vl4; bic p1.b, p0/z, p0.b, p2.b; ptest p0, p1.b", 0b0000, vl - 4),
        ("ptrue p2.b, vl4; and p1.b, p2/z, p0.b, p0.b; ptest p0, p1.b", 0b1010, 4),
        ("ptrue p2.b, vl4; eor p1.b, p0/z, p0.b, p2.b; ptest p0, p1.b", 0b0000, vl - 4),
        ("ptrue p2.b, vl4; orr p1.b, p2/z, p0.b, p2.b; ptest p0, p1.b", 0b1010, 4),
    ] {
        let element = if text.contains("p1.h") { "h" } else { "b" };
        let whole = format!("{text}; mrs x9, nzcv; cntp x10, p0, p1.{element}");
        // What is above the elements of a predicate is 0.
        let whole = format!("{whole}; cntp x11, p0, p1.b");
        gives(cx, &mut guest, &whole, &[2, 5, u64::MAX], &[(9, flags << 28), (10, count), (11, count)])?;
    }
    Ok(())
}

fn moves(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let vl = u64::from(length(cx));
    let text = "cntb x1; cnth x2; cntw x3, all, mul #3; cntd x4, vl1; incb x5; dech x6, all, mul #2; rdvl x7, #-2; addvl x8, x0, #1
        addpl x9, x0, #-1; ptrue p1.s, vl2; cntp x10, p0, p1.s; incp x11, p1.s; decp x12, p1.b; incd x13; cntb x14, pow2";
    let minus = u64::wrapping_neg;
    let expected = [
        (1, vl),
        (2, vl / 2),
        (3, vl / 4 * 3),
        (4, 1),
        (5, vl),
        (6, minus(vl)),
        (7, minus(2 * vl)),
        (8, 100 + vl),
        (9, 100 - vl / 8),
        (10, 2),
        (11, 2),
        (12, minus(2)),
        (13, vl / 8),
        (14, 1 << vl.ilog2()),
    ];
    gives(cx, &mut guest, text, &[100], &expected)?;
    let text = "index z1.h, #-3, #2; lastb w1, p0, z1.h; pfalse p1.b; lasta w2, p1, z1.h; ptrue p2.h, vl3; lasta w3, p2, z1.h; lastb w4, p1, z1.b
        mov z2.d, x0; sel z3.h, p2, z1.h, z2.h; lasta w5, p1, z3.h; lastb w6, p0, z3.h
        add z4.b, z0.b, z0.b; lastb w7, p0, z4.b; mov z5.b, #-1; add z5.b, z5.b, z5.b; lasta x8, p1, z5.d
        sub z6.b, z0.b, z0.b; lastb x9, p0, z6.d; bic z7.d, z2.d, z5.d; lasta x10, p1, z7.d; and z8.d, z2.d, z5.d; lasta x11, p1, z8.d
        orr z9.d, z2.d, z5.d; lasta x12, p1, z9.d; eor z10.d, z2.d, z2.d; lasta x13, p1, z10.d; index z11.d, x0, #3; lastb x14, p0, z11.d";
    let value = 0x0102_0304_0506_0708;
    let high = |n: u64| (n as i64).wrapping_mul(2).wrapping_sub(3) as u64 & 0xffff;
    let expected = [
        (1, high(vl / 2 - 1)),
        (2, 0xfffd),
        (3, 3),
        (4, high(vl / 2 - 1) >> 8),
        (5, 0xfffd),
        (6, if vl % 8 == 0 { 0x0102 } else { 0 }),
        (7, (2 * (vl - 1)) & 0xff),
        (8, 0xfefe_fefe_fefe_fefe),
        (9, 0),
        (10, value & 0x0101_0101_0101_0101),
        (11, value & 0xfefe_fefe_fefe_fefe),
        (12, value | 0xfefe_fefe_fefe_fefe),
        (13, 0),
        (14, value + 3 * (vl / 8 - 1)),
    ];
    gives(cx, &mut guest, text, &[value], &expected)
}

/// The length of the string at x0, by vectors of any length.
const STRLEN: &str = "
          setffr
          ptrue   p2.b
          mov     x1, #0
    next: ldff1b  {z0.b}, p2/z, [x0, x1]
          rdffrs  p0.b, p2/z
          b.nlast short
          cmpeq   p1.b, p2/z, z0.b, #0
          incb    x1
          b.none  next
          decb    x1
    zero: brkb    p0.b, p2/z, p1.b
          incp    x1, p0.b
          b       end
   short: cmpeq   p1.b, p0/z, z0.b, #0
          b.any   zero
          incp    x1, p0.b
          setffr
          b       next
     end: nop";

fn strlen(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for bytes in cx.target().vector_lengths() {
        // Three granules with a tag of their own; the zero is their last byte.
        guest.store_tags(arena(0), &[9, 9, 4, 4, 4, 9, 9])?;
        guest.write(arena(0), &[0x41; 112])?;
        guest.write(arena(79), &[0])?;
        for skipped in [0, 1, 15, 16, 31, 40, 47] {
            let block = Block::assemble(STRLEN)?.scalable(all_true(bytes)).x(0, tagged(32 + skipped, 4));
            let trace = guest.run(&block)?;
            let what = format!("the string after {skipped} bytes, with vectors of {bytes} bytes");
            no_fault(&guest, &what, &trace)?;
            equal_hex(&format!("the length of {what}"), 47 - skipped, trace.x[1])?;
        }
    }
    Ok(())
}

/// ESR_EL1 of an UNDEFINED instruction.
const UNDEFINED: u64 = 0x0200_0000;

fn undefined(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    if guest.boot().zfr0 & 0xf < 2 {
        let text = "ld2q {z0.q, z1.q}, p0/z, [x0]";
        let trace = run(cx, &mut guest, text, &[tagged(0, 0)])?;
        one_exception(&guest, text, UNDEFINED, &trace)?;
    }
    let text = "ld1rob {z0.b}, p0/z, [x0]";
    let block = Block::assemble(text)?.scalable(all_true(16)).x(0, tagged(0, 0));
    if cx.target().vector_lengths().any(|bytes| bytes == 16) {
        let trace = guest.run(&block)?;
        one_exception(&guest, text, UNDEFINED, &trace)?;
    }
    Ok(())
}

fn first_fault_alignment(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let sctlr = guest.sctlr(El::El1, Mode::Synchronous) | A;
    let text = "setffr; ldnf1h {z0.h}, p0/z, [x0]; rdffr p1.b; cntp x1, p0, p1.b";
    let block = Block::assemble(text)?.scalable(numbered(cx)).sys(SysReg::Sctlr, sctlr).x(0, tagged(1, 0));
    let trace = guest.run(&block)?;
    no_fault(&guest, text, &trace)?;
    equal_hex("elements that FFR says LDNF1H loaded by an address that is not aligned", 0, trace.x[1])
}
