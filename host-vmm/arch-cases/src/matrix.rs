//! Chapter: SME. Streaming mode, the array ZA and the table ZT0, several vectors by a counter, and what is tag checked.
//!
//! A block begins outside streaming mode and with ZA off, and turns on what it needs; nothing of ZA is left behind it. Vectors
//! have 32 bytes where the CPU has that, in streaming mode, too.

use abi::mailbox::SysReg;
use case::address::{arena, tagged};
use case::expect::{
    Direction, equal_hex, faults_at, holds, no_fault, one_exception, one_exception_at, tag_check_syndrome,
};
use case::scalable::all_true;
use case::settings::Mode;
use case::{Case, CaseContext, CaseError, CaseResult, Guest};
use machine::need::Need;
use machine::{Block, El, Trace};

use super::scalable_elements::{gives, numbered, run};

const fn case(
    name: &'static str,
    claim: &'static str,
    cite: &'static str,
    run: fn(&mut CaseContext<'_>) -> CaseResult,
) -> Case {
    Case::new(name, claim, cite, run).needing(&[Need::Sve, Need::Sme])
}

const MODE: &str = "DDI 0487 SVCR; pseudocode SetPSTATE_SM, SetPSTATE_ZA, ResetSVEState";
const TRAPS: &str = "DDI 0487 ESR_EL1, ISS encoding for an exception due to SME functionality";
const CHECK: &str = "DDI 0487 pseudocode CreateAccDescSME; C9.2 LD1B (tile slice), LDR (array vector)";

pub const CASES: &[Case] = &[
    Case::new(
        "arch.sme.as-identified",
        "SVCR, SMSTART and PTRUE of a counter are there if ID registers say so, and UNDEFINED if not",
        "DDI 0487 ID_AA64PFR1_EL1.SME, ID_AA64ZFR0_EL1.SVEver",
        as_identified,
    ),
    case("arch.sme.mode-clears", "entering and leaving streaming mode clears Z and P registers", MODE, mode_clears),
    case("arch.sme.mode-sets-fpsr", "entering streaming mode sets the flags of FPSR", MODE, mode_sets_fpsr),
    case("arch.sme.za-clears", "turning ZA on and off clears it", MODE, za_clears),
    case("arch.sme.svcr", "SVCR shows and changes PSTATE.SM and PSTATE.ZA", MODE, svcr),
    case(
        "arch.sme.firmware-leaves-mode",
        "after a block in streaming mode the vector registers are 0, and the next begins outside it",
        "abi::mailbox::Block",
        leaves_mode,
    ),
    case("arch.sme.za-inactive", "with ZA off LDR, STR and ZERO of it are trapped", TRAPS, inactive),
    case("arch.sme.not-streaming", "outside streaming mode slices of ZA cannot be accessed", TRAPS, not_streaming),
    case(
        "arch.sme.illegal-in-streaming",
        "in streaming mode AdvSIMD, gathers, first-fault loads and FFR are trapped",
        "DDI 0487 Instructions illegal in Streaming SVE mode",
        illegal,
    ),
    case(
        "arch.sme.legal-in-streaming",
        "in streaming mode loads and stores of SIMD&FP registers and moves of element 0 are legal",
        "DDI 0487 Instructions illegal in Streaming SVE mode",
        legal,
    ),
    case(
        "arch.sme.length",
        "RDSVL, ADDSVL and ADDSPL know the streaming vector length, and RDVL in streaming mode",
        "DDI 0487 C9.2 RDSVL, ADDSVL, ADDSPL; SMCR_EL1.LEN",
        length,
    ),
    case(
        "arch.sme.array",
        "rows and columns of tiles and vectors of ZA are parts of one array",
        "DDI 0487 pseudocode ZAvector, ZAhslice, ZAvslice",
        array,
    ),
    case("arch.sme.mova", "MOVA moves active elements and keeps the others", "DDI 0487 C9.2 MOVA", mova),
    case("arch.sme.zero", "ZERO clears the tiles that it names", "DDI 0487 C9.2 ZERO (tiles)", zero),
    case(
        "arch.sme.inactive-elements",
        "a load of a slice makes elements 0 that are not active, and does not access them",
        "DDI 0487 C9.2 LD1B, ST1B (scalar plus scalar, tile slice)",
        inactive_elements,
    ),
    case(
        "arch.sme.vertical-inactive",
        "a load of a vertical slice makes elements 0 behind the last active one",
        "DDI 0487 C9.2 LD1B (scalar plus scalar, tile slice)",
        vertical_inactive,
    ),
    case("arch.sme.checked", "of the loads and stores of ZA all are tag checked, or none", CHECK, checked),
    case("arch.sme.element-checked", "each element of a slice is checked by its own address", CHECK, element_checked),
    case(
        "arch.sme.store-is-a-write",
        "a tag check fault of STR of ZA is that of a write",
        "DDI 0487 ESR_EL1.WnR; C9.2 STR (array vector)",
        store_is_a_write,
    ),
    case(
        "arch.sme.stack-unchecked",
        "LDR and STR of ZA by the stack pointer are not checked, slices by it are",
        "DDI 0487 C9.2 LDR (array vector): tagchecked is n != 31",
        stack,
    ),
    case(
        "arch.sme.alignment",
        "with SCTLR_EL1.A an address of LDR of ZA must be a multiple of 16",
        "DDI 0487 C9.2 LDR (array vector)",
        alignment,
    ),
    case("arch.sme.table", "LDR, STR and ZERO of ZT0 are those of 64 bytes", "DDI 0487 C9.2 LDR (table)", table)
        .needing(&[Need::Sve, Need::Sme, Need::Sme2]),
    case(
        "arch.sme.table-checked",
        "LDR and STR of ZT0 are tag checked as those of ZA",
        "DDI 0487 C9.2 LDR (table)",
        table_checked,
    )
    .needing(&[Need::Sve, Need::Sme, Need::Sme2]),
    case(
        "arch.sme.counter",
        "a predicate-as-counter says how many elements of several vectors are active",
        "DDI 0487 pseudocode CounterToPredicate, EncodePredCount",
        counter,
    )
    .needing(&[Need::Sve, Need::Sme, Need::Sme2]),
    case(
        "arch.sme.several-checked",
        "each element of several vectors is tag checked by its own address",
        "DDI 0487 C8.2 LD1B (scalar plus immediate, consecutive registers), C9.2 (strided registers)",
        several_checked,
    )
    .needing(&[Need::Sve, Need::Sme, Need::Sme2]),
];

/// ESR_EL1 of SME traps: EC, IL; with SMTC.
const TRAP: u64 = 0x7600_0000;

/// Bytes of memory that are their place.
fn with_memory(cx: &mut CaseContext<'_>) -> Result<Guest, CaseError> {
    let mut guest = cx.guest()?;
    let bytes: Vec<u8> = (0..1024_u32).map(|at| (at % 251) as u8).collect();
    guest.write(arena(0), &bytes)?;
    Ok(guest)
}

/// Eight bytes of that memory.
fn word(at: u64) -> u64 {
    (0..8).rev().fold(0, |word, byte| (word << 8) + (at + byte) % 251)
}

fn trapped(cx: &CaseContext<'_>, guest: &mut Guest, code: u64, texts: &[&str]) -> CaseResult {
    for text in texts {
        let trace = run(cx, guest, text, &[tagged(0, 0)])?;
        one_exception(guest, text, TRAP | code, &trace)?;
    }
    Ok(())
}

fn as_identified(cx: &mut CaseContext<'_>) -> CaseResult {
    const UNDEFINED: u64 = 1 << 25;
    let (sme, sme2) = (cx.target().sme(), cx.target().sme2());
    let may_be_hidden = cx.target().has_kernel() && !sme;
    let mut guest = cx.guest()?;
    let boot = guest.boot();
    let counters = sme2 || boot.vector_lengths != 0 && boot.zfr0 & 0xf >= 2;
    let begin = if sme { "smstart; " } else { "" };
    for (text, there) in [
        ("mrs x0, svcr".to_owned(), sme),
        ("msr svcr, xzr".to_owned(), sme),
        ("smstart".to_owned(), sme),
        (format!("{begin}ptrue pn8.b"), counters),
        (format!("{begin}zero {{zt0}}"), sme2),
    ] {
        let trace = guest.exec(&text, &[])?;
        // A CPU whose kernel hides SME traps it by CPACR_EL1.SMEN, which is 0.
        let traps = may_be_hidden && matches!(trace.faults.as_slice(), [fault] if fault.esr.bits() == TRAP);
        match there {
            true => no_fault(&guest, &text, &trace)?,
            false => one_exception(&guest, &text, if traps { TRAP } else { UNDEFINED }, &trace)?,
        }
    }
    Ok(())
}

fn mode_clears(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text =
        "str z1, [x0]; ldr x2, [x0]; smstart sm; str z1, [x0]; ldr x3, [x0]; str p0, [x0]; ldrh w4, [x0]; fmov d1, x1
        smstart sm; fmov x5, d1; smstop sm; str z1, [x0]; ldr x6, [x0]";
    let expected = [(2, 0x1716_1514_1312_1110), (3, 0), (4, 0), (5, 7), (6, 0)];
    gives(cx, &mut guest, text, &[tagged(0, 0), 7], &expected)
}

fn mode_sets_fpsr(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = "mrs x1, fpsr; smstart sm; mrs x2, fpsr; msr fpsr, xzr; smstart sm; mrs x3, fpsr; smstop; mrs x4, fpsr";
    gives(cx, &mut guest, text, &[], &[(1, 0), (2, 0x0800_009f), (3, 0), (4, 0x0800_009f)])
}

fn za_clears(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    let text = "smstart za; ldr za[w12, 0], [x0]; smstart; str za[w12, 0], [x1]; ldr x2, [x1]; smstop za; smstart za
        str za[w12, 0], [x1]; ldr x3, [x1]";
    gives(cx, &mut guest, text, &[tagged(0, 0), tagged(0x800, 0)], &[(2, word(0)), (3, 0)])
}

fn svcr(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = "mrs x0, svcr; smstart sm; mrs x1, svcr; smstart za; mrs x2, svcr; smstop sm; mrs x3, svcr; smstop
        smstart; mrs x4, svcr; mov x5, #1; msr svcr, x5; mrs x5, svcr; mov x6, #2; msr svcr, x6; mrs x6, svcr
        smstop; mrs x7, svcr";
    gives(cx, &mut guest, text, &[], &[(0, 0), (1, 1), (2, 3), (3, 2), (4, 3), (5, 1), (6, 2), (7, 0)])
}

fn leaves_mode(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    let trace = run(cx, &mut guest, "smstart; ldr z1, [x0]; ptrue p1.b", &[tagged(0, 0)])?;
    no_fault(&guest, "a load in streaming mode", &trace)?;
    let left = trace.scalable.as_ref();
    let cleared = left.is_some_and(|state| state.z(1).iter().chain(state.p(1)).all(|byte| *byte == 0));
    holds("z1 and p1 after a block in streaming mode", "zeros", "something else", cleared)?;
    gives(cx, &mut guest, "mrs x0, svcr", &[], &[(0, 0)])
}

fn inactive(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let texts = [
        "ldr za[w12, 0], [x0]",
        "str za[w12, 0], [x0]",
        "smstart sm; zero {za}",
        "smstart sm; ld1b {za0h.b[w12, 0]}, p0/z, [x0]",
        "smstart sm; mov z0.b, p0/m, za0h.b[w12, 0]",
    ];
    trapped(cx, &mut guest, 3, &texts)
}

fn not_streaming(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let texts = [
        "ld1b {za0h.b[w12, 0]}, p0/z, [x0]",
        "smstart za; st1q {za3v.q[w12, 0]}, p0, [x0]",
        "smstart za; mov z0.b, p0/m, za0h.b[w12, 0]",
    ];
    trapped(cx, &mut guest, 2, &texts)?;
    let text = "smstart za; ldr za[w12, 0], [x0]; str za[w12, 0], [x0]; zero {za}; rdsvl x1, #1";
    gives(cx, &mut guest, text, &[tagged(0, 0)], &[])
}

fn illegal(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let texts = [
        "smstart; movi v0.16b, #1",
        "smstart; ld1 {v0.16b}, [x0]",
        "smstart sm; umov w1, v0.b[1]",
        "smstart; setffr",
        "smstart; rdffr p1.b",
        "smstart; ld1b {z0.d}, p0/z, [x0, z1.d]",
        "smstart; st1w {z0.s}, p0, [z1.s, #4]",
        "smstart; ldff1b {z0.b}, p0/z, [x0]",
        "smstart; ldnf1b {z0.b}, p0/z, [x0]",
    ];
    trapped(cx, &mut guest, 1, &texts)
}

fn legal(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    let text = "smstart; ldr q1, [x0]; umov w1, v1.b[0]; smov x2, v1.h[0]; stp d1, d1, [x3]; ldr x3, [x3, #8]
        ptrue p0.b; ld1b {z2.b}, p0/z, [x0]; ld2b {z3.b, z4.b}, p0/z, [x0]; lastb w4, p0, z2.b; prfb pldl1keep, p0, [x0]";
    let last = u64::from(super::scalable_elements::length(cx)) - 1;
    let expected = [(1, word(1) & 0xff), (2, word(1) & 0xffff), (3, word(1)), (4, (1 + last) % 251)];
    gives(cx, &mut guest, text, &[tagged(1, 0), 0, 0, tagged(0x800, 0)], &expected)
}

fn length(cx: &mut CaseContext<'_>) -> CaseResult {
    // No streaming vector has 48 bytes.
    let longer = cx.target().vector_lengths().find(|bytes| *bytes == 48);
    let bytes = longer.unwrap_or(super::scalable_elements::length(cx));
    let mut guest = cx.guest()?;
    let text =
        "rdsvl x0, #1; rdsvl x1, #-3; addsvl x2, x2, #2; addspl x3, x3, #-1; smstart sm; rdvl x4, #1; rdsvl x5, #1";
    let trace = guest.run(&Block::assemble(text)?.scalable(all_true(bytes)))?;
    no_fault(&guest, text, &trace)?;
    let found = trace.x[0];
    let fits = found != 0 && found.is_power_of_two() && found <= bytes.into();
    holds("the streaming vector length", format!("a power of two up to {bytes}"), found, fits || found == 16)?;
    let expected =
        [(1, (3 * found).wrapping_neg()), (2, 2 * found), (3, (found / 8).wrapping_neg()), (4, found), (5, found)];
    expected.iter().try_for_each(|(n, value)| equal_hex(&format!("x{n} after {text}"), *value, trace.x[*n]))
}

fn array(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    // Vector 5 of ZA is row 1 of za1.s, and the first word of it is row 1 of column 0 of that tile.
    let text = "smstart; ptrue p0.b; mov w12, #2; ldr za[w12, 3], [x0, #3, mul vl]; rdsvl x9, #3; ldr x2, [x0, x9]
        mov w13, #1; st1w {za1h.s[w13, 0]}, p0, [x1]; ldr x3, [x1]; sub x2, x2, x3
        mov w13, #0; st1w {za1v.s[w13, 0]}, p0, [x1]; ldr w4, [x1, #4]; sub w4, w4, w3
        mov w12, #0xff00; lsl x12, x12, #20; ld1d {za3v.d[w12, 1]}, p0/z, [x0]; mov w14, #0; st1d {za3h.d[w14, 0]}, p0, [x1]
        ldr x5, [x1, #8]; ldr x6, [x0]; sub x5, x5, x6; mov w15, #1; st1d {za3h.d[w15, 0]}, p0, [x1]; ldr x7, [x1, #8]";
    gives(cx, &mut guest, text, &[tagged(0, 0), tagged(0x800, 0)], &[(2, 0), (4, 0), (5, 0), (7, word(8))])
}

fn mova(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    let text = "smstart; ptrue p0.b; ptrue p1.d, vl1; ldr z1, [x0]; mov w12, #1; mov za2h.d[w12, 0], p1/m, z1.d
        mov z2.d, p0/m, za2h.d[w12, 0]; str z2, [x1]; ldr x2, [x1]; ldr x3, [x1, #8]
        mov z1.d, p1/m, za0h.d[w12, 0]; str z1, [x1]; ldr x4, [x1]; ldr x5, [x1, #8]";
    let x = [tagged(0, 0), tagged(0x800, 0)];
    gives(cx, &mut guest, text, &x, &[(2, word(0)), (3, 0), (4, 0), (5, word(8))])
}

fn zero(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    let text = "smstart za; mov w12, #0; mov w13, #1; ldr za[w12, 0], [x0]; ldr za[w13, 0], [x0]; zero {za0.d, za3.d}
        str za[w12, 0], [x1]; ldr x2, [x1]; str za[w13, 0], [x1]; ldr x3, [x1]; zero {za}; str za[w13, 0], [x1]; ldr x4, [x1]";
    gives(cx, &mut guest, text, &[tagged(0, 0), tagged(0x800, 0)], &[(2, 0), (3, word(0)), (4, 0)])
}

fn inactive_elements(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    guest.store_tags(arena(0), &[3, 5])?;
    // The first eight bytes of 16 lie in the first granule.
    let text = "smstart; ptrue p0.b; ptrue p1.b, vl8; ldr za[w12, 0], [x1]; ld1b {za0h.b[w12, 0]}, p1/z, [x0]
        st1b {za0h.b[w12, 0]}, p0, [x1]; ldr x2, [x1]; ldr x3, [x1, #8]; pfalse p2.b; st1b {za0h.b[w12, 0]}, p2, [x4]";
    let x = [tagged(8, 3), tagged(0x300, 0), 0, 0, tagged(0, 9)];
    gives(cx, &mut guest, text, &x, &[(2, word(8)), (3, 0)])
}

fn vertical_inactive(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    let text =
        "smstart; ptrue p0.b; ptrue p1.b, vl8; ld1b {za0v.b[w12, 0]}, p0/z, [x0]; ld1b {za0v.b[w12, 0]}, p1/z, [x0]
        st1b {za0v.b[w12, 0]}, p0, [x1]; ldr x2, [x1]; ldr x3, [x1, #8]";
    gives(cx, &mut guest, text, &[tagged(0, 0), tagged(0x800, 0)], &[(2, word(0)), (3, 0)])
}

/// Returns whether the CPU checks loads of ZA, which is IMPLEMENTATION DEFINED.
fn checks(cx: &CaseContext<'_>, guest: &mut Guest) -> Result<bool, CaseError> {
    Ok(!run(cx, guest, "smstart za; ldr za[w12, 0], [x0]", &[tagged(0, 9)])?.faults.is_empty())
}

/// Runs a program whose instruction at `index` accesses memory by a wrong tag.
fn agrees(
    cx: &CaseContext<'_>,
    guest: &mut Guest,
    text: &str,
    (index, direction): (usize, Direction),
    x: &[u64],
) -> CaseResult {
    let checks = checks(cx, guest)?;
    let trace = run(cx, guest, text, x)?;
    if !checks {
        return no_fault(guest, text, &trace);
    }
    one_exception_at(guest, text, index, tag_check_syndrome(El::El1, direction).bits(), &trace)
}

fn checked(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    guest.store_tags(arena(0), &[3; 16])?;
    for (text, direction) in [
        ("smstart; ptrue p0.b; ld1b {za0h.b[w12, 0]}, p0/z, [x0]", Direction::Load),
        ("smstart; ptrue p0.b; st1d {za7v.d[w12, 0]}, p0, [x0]", Direction::Store),
        ("smstart; ptrue p0.b; ldr za[w12, 1], [x0, #1, mul vl]", Direction::Load),
    ] {
        agrees(cx, &mut guest, text, (2, direction), &[tagged(0, 9)])?;
    }
    let right =
        "smstart; ptrue p0.b; ld1b {za0h.b[w12, 0]}, p0/z, [x0]; st1d {za7v.d[w12, 0]}, p0, [x0]; str za[w12, 0], [x0]";
    gives(cx, &mut guest, right, &[tagged(0, 3)], &[])
}

fn element_checked(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    // The slice lies in the end of one granule and in the next.
    guest.store_tags(arena(0), &[9, 5, 5, 5])?;
    let load = "smstart; ptrue p0.b; ld1b {za0h.b[w12, 0]}, p0/z, [x0]";
    agrees(cx, &mut guest, load, (2, Direction::Load), &[tagged(8, 9)])?;
    let store = "smstart; ptrue p0.b; st1w {za1h.s[w12, 0]}, p0, [x0]";
    agrees(cx, &mut guest, store, (2, Direction::Store), &[tagged(8, 9)])
}

fn store_is_a_write(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    guest.store_tags(arena(0), &[3; 4])?;
    agrees(cx, &mut guest, "smstart za; str za[w12, 0], [x0]", (1, Direction::Store), &[tagged(0, 9)])
}

fn stack(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    guest.store_tags(arena(0), &[3; 16])?;
    let with_stack = |guest: &mut Guest, text: &str| -> Result<Trace, CaseError> {
        guest.run(&Block::assemble(text)?.scalable(numbered(cx)).sp(tagged(0, 9)).x(0, tagged(0, 9)))
    };
    let text = "smstart za; ldr za[w12, 2], [sp, #2, mul vl]; str za[w12, 0], [sp]";
    let trace = with_stack(&mut guest, text)?;
    no_fault(&guest, text, &trace)?;
    let by_register = "smstart; ptrue p0.b; ld1b {za0h.b[w12, 0]}, p0/z, [x0]";
    let by_stack = "smstart; ptrue p0.b; ld1b {za0h.b[w12, 0]}, p0/z, [sp]";
    let [expected, found] = [with_stack(&mut guest, by_register)?, with_stack(&mut guest, by_stack)?];
    let faults = |trace: &Trace| trace.faults.len() as u64;
    equal_hex(&format!("exceptions of {by_stack}"), faults(&expected), faults(&found))
}

/// SCTLR_EL1.A.
const A: u64 = 1 << 1;

fn alignment(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let sctlr = guest.sctlr(El::El1, Mode::Synchronous) | A;
    for (at, faults) in [(16, false), (8, true)] {
        let text = "smstart za; ldr za[w12, 0], [x0]";
        let block = Block::assemble(text)?.scalable(numbered(cx)).sys(SysReg::Sctlr, sctlr).x(0, tagged(at, 0));
        let trace = guest.run(&block)?;
        if faults { one_exception_at(&guest, text, 1, 0x9600_0021, &trace)? } else { no_fault(&guest, text, &trace)? }
    }
    Ok(())
}

fn table(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    let text =
        "smstart za; ldr zt0, [x0]; str zt0, [x1]; ldr x2, [x1]; ldr x3, [x1, #56]; ldr x4, [x1, #64]; zero {zt0}
        str zt0, [x1]; ldr x5, [x1, #8]; ldr zt0, [x0]; smstop za; smstart za; str zt0, [x1]; ldr x6, [x1]";
    let x = [tagged(0, 0), tagged(0x800, 0)];
    guest.write(arena(0x840), &[0x77; 8])?;
    gives(cx, &mut guest, text, &x, &[(2, word(0)), (3, word(56)), (4, 0x7777_7777_7777_7777), (5, 0), (6, 0)])?;
    trapped(cx, &mut guest, 3, &["ldr zt0, [x0]", "smstart sm; str zt0, [x0]", "zero {zt0}"])
}

fn table_checked(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    guest.store_tags(arena(0), &[9, 9, 9, 5])?;
    guest.store_tags(arena(0x100), &[3; 16])?;
    let checks = !run(cx, &mut guest, "smstart za; ldr za[w12, 0], [x0]", &[tagged(0x100, 9)])?.faults.is_empty();
    let text = "smstart za; ldr zt0, [x0]";
    let trace = run(cx, &mut guest, text, &[tagged(0, 9)])?;
    faults_at(&guest, text, if checks { &[1] } else { &[] }, &trace)?;
    // It need not be aligned to its size.
    let sctlr = guest.sctlr(El::El1, Mode::Synchronous) | A;
    let aligned = Block::assemble(text)?.scalable(numbered(cx)).sys(SysReg::Sctlr, sctlr).x(0, tagged(0x210, 0));
    let trace = guest.run(&aligned)?;
    no_fault(&guest, text, &trace)
}

fn counter(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    trapped(cx, &mut guest, 2, &["ld1b {z0.b, z8.b}, pn8/z, [x0]", "stnt1d {z0.d, z4.d, z8.d, z12.d}, pn8, [x0]"])?;
    let sctlr = guest.sctlr(El::El1, Mode::Ignored);
    // p8 is a number of elements: three halfwords, all but three, two words for an instruction on bytes, more than there are.
    for (bits, load, expected) in [
        (0b11_10_u64, "ld1h {z0.h, z1.h}", [word(0) & 0xffff_ffff_ffff, 0]),
        (0x8000 | 0b11_10, "ld1h {z0.h, z1.h}", [word(0) & 0xffff << 48, word(8)]),
        (2 << 3 | 4, "ld1b {z0.b, z8.b}", [word(0) & 0xff_0000_00ff, 0]),
        (17 << 1 | 1, "ld1d {z0.d, z4.d, z8.d, z12.d}", [word(0), word(8)]),
        (0x8000 | 8, "ldnt1w {z0.s-z3.s}", [word(0) & 0xffff_ffff, word(8) & 0xffff_ffff]),
        (1 << 12 | 0b11_10, "ld1h {z0.h, z1.h}", [word(0) & 0xffff_ffff_ffff, 0]),
        (0, "ld1b {z0.b, z1.b}", [0, 0]),
    ] {
        let text = format!(
            "smstart; str x3, [x1]; ldr p8, [x1]; {load}, pn8/z, [x0]; str z0, [x1]; ldr x4, [x1]; ldr x5, [x1, #8]"
        );
        let block = Block::assemble(&text)?.scalable(numbered(cx)).sys(SysReg::Sctlr, sctlr);
        let trace = guest.run(&block.x(0, tagged(0, 0)).x(1, tagged(0x800, 0)).x(3, bits))?;
        no_fault(&guest, &text, &trace)?;
        equal_hex(&format!("the first eight bytes after {text}"), expected[0], trace.x[4])?;
        equal_hex(&format!("the next eight bytes after {text}"), expected[1], trace.x[5])?;
    }
    // The second vector, and those of a list that is apart; PTRUE selects all.
    let text = "smstart; ptrue pn8.b; ld1b {z0.b, z8.b}, pn8/z, [x0]; str z8, [x1]; ldr x4, [x1]; rdsvl x5, #1; ldr x5, [x0, x5]
        sub x4, x4, x5; st1d {z0.d, z1.d}, pn8, [x1, #2, mul vl]; rdsvl x6, #2; ldr x6, [x1, x6]";
    let block = Block::assemble(text)?.scalable(numbered(cx)).sys(SysReg::Sctlr, sctlr);
    let trace = guest.run(&block.x(0, tagged(0, 0)).x(1, tagged(0x800, 0)))?;
    no_fault(&guest, text, &trace)?;
    equal_hex("the difference of the second vector from memory", 0, trace.x[4])?;
    equal_hex("what ST1D of two vectors stored", word(0), trace.x[6])
}

fn several_checked(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = with_memory(cx)?;
    guest.store_tags(arena(0), &[3, 5])?;
    let right = "smstart; ptrue pn8.b; ld1b {z0.b, z8.b}, pn8/z, [x0]; st1d {z0.d, z1.d}, pn8, [x0]";
    gives(cx, &mut guest, right, &[tagged(0x100, 0)], &[])?;
    let checks = !run(cx, &mut guest, "smstart; ldr z0, [x0]", &[tagged(0, 9)])?.faults.is_empty();
    for wrong in ["ld1b {z0.b, z8.b}, pn8/z, [x0]", "st1w {z0.s, z1.s}, pn8, [x0]"] {
        let text = format!("smstart; ptrue pn8.b; {wrong}");
        let trace = run(cx, &mut guest, &text, &[tagged(8, 3)])?;
        faults_at(&guest, &text, if checks { &[2] } else { &[] }, &trace)?;
        if let Some(fault) = trace.faults.first() {
            equal_hex(&format!("FAR_EL1 of {text}"), tagged(16, 3), fault.far)?;
        }
    }
    Ok(())
}
