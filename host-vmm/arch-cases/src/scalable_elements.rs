//! Chapter: the elements of SVE's loads and stores. Which are accessed, what each address is, and what is tag checked.
//!
//! Each active element is an access of its own. The vectors are short, of 32 bytes where the CPU has them: what depends on the
//! length is in the chapter of SVE's state.

use abi::mailbox::{PageKind, SysReg};
use abi::map::Window;
use case::address::{arena, pointer, tagged};
use case::expect::{Direction, TagCheckFault, equal_hex, fail_with, no_fault, one_exception, one_tag_check_fault};
use case::scalable::all_true;
use case::settings::{Mode, TCSO};
use case::{Case, CaseContext, CaseError, CaseResult, Guest};
use machine::need::Need;
use machine::{Block, El, ScalableState, Trace};

const fn case(
    name: &'static str,
    claim: &'static str,
    cite: &'static str,
    run: fn(&mut CaseContext<'_>) -> CaseResult,
) -> Case {
    Case::new(name, claim, cite, run).needing(&[Need::Sve])
}

const CHECK: &str = "DDI 0487 D10 Tag Checked memory accesses; C8.2 LD1B, ST1D (scalar plus scalar)";
const FIRST_FAULT: &str = "DDI 0487 C8.2 LDFF1B, LDNF1B; pseudocode MemNF, MemSingleNF";

pub const CASES: &[Case] = &[
    case(
        "arch.sve-elements.load-checked",
        "an active element of LD1B in a granule with another tag faults at its own address",
        CHECK,
        |cx| checked(cx, "ld1b {z0.b}, p0/z, [x0]", Direction::Load),
    ),
    case(
        "arch.sve-elements.store-checked",
        "an active element of ST1D in a granule with another tag faults at its own address",
        CHECK,
        |cx| checked(cx, "st1d {z0.d}, p0, [x0]", Direction::Store),
    ),
    case(
        "arch.sve-elements.inactive-unchecked",
        "an element that is not active is not accessed and not checked",
        CHECK,
        inactive,
    ),
    case(
        "arch.sve-elements.stack-unchecked",
        "loads and stores by the stack pointer and an immediate are not checked, by an index they are",
        "DDI 0487 D10 Tag Unchecked memory accesses; C8.2 LD1RB, LD1B, LDR (vector)",
        stack,
    ),
    case(
        "arch.sve-elements.replicating-stack-unchecked",
        "LD1RB by the stack pointer and an immediate is not checked",
        "DDI 0487 D10 Tag Unchecked memory accesses; C8.2 LD1RB",
        replicating_stack,
    ),
    case(
        "arch.sve-elements.gather-tags",
        "the address of an element of a gather or scatter is a sum of 64 bits, and its tag is in the sum",
        "DDI 0487 C8.2 LD1D (scalar plus vector), LD1D (vector plus immediate), ST1B",
        gathers,
    ),
    case(
        "arch.sve-elements.whole-store-is-a-write",
        "a tag check fault of STR (vector) or STR (predicate) is that of a write",
        "DDI 0487 ESR_EL1.WnR; C8.2 STR (vector), STR (predicate)",
        whole_store,
    ),
    case(
        "arch.sve-elements.alignment",
        "with SCTLR_EL1.A an element that is not aligned is an alignment fault",
        "DDI 0487 C8.2 LD1W (scalar plus scalar); pseudocode Mem[]",
        alignment,
    ),
    case(
        "arch.sve-elements.whole-alignment",
        "with SCTLR_EL1.A LDR of a vector must be aligned to 16 bytes, and of a predicate to 2",
        "DDI 0487 C8.2 LDR (vector), LDR (predicate)",
        whole_alignment,
    ),
    case(
        "arch.sve-elements.first-fault",
        "LDFF1 and LDNF1 stop at a wrong tag and at a page that is not mapped, and FFR says where",
        FIRST_FAULT,
        first_fault,
    ),
    case(
        "arch.sve-elements.first-fault-faults",
        "the first active element of LDFF1 takes its fault, and none of LDNF1",
        FIRST_FAULT,
        first_fault_faults,
    ),
    case(
        "arch.sve-elements.first-fault-device",
        "LDNF1 does not read Device memory",
        "DDI 0487 pseudocode MemSingleNF",
        first_fault_device,
    ),
    case(
        "arch.sve-elements.first-fault-predicate",
        "LDFF1 loads an active element that is not the first",
        FIRST_FAULT,
        first_fault_predicate,
    ),
    case(
        "arch.sve-elements.first-fault-asynchronous",
        "where faults are asynchronous the first element of LDFF1 is loaded, whatever its tag",
        FIRST_FAULT,
        first_fault_asynchronous,
    ),
    case(
        "arch.sve-elements.store-only",
        "with TCSO = 1 a load of SVE through a wrong tag gives the value",
        "DDI 0487 SCTLR_EL1.TCSO; pseudocode StoreOnlyTagCheckingEnabled",
        store_only,
    )
    .needing(&[Need::Sve, Need::StoreOnly]),
    case(
        "arch.sve-elements.lane-clears-above",
        "a load of a lane clears what is above the vector register",
        "DDI 0487 C7.2 LD1 (single structure); pseudocode function V",
        lane,
    ),
];

/// The vector length of most cases.
pub(super) fn length(cx: &CaseContext<'_>) -> u16 {
    let lengths: Vec<u16> = cx.target().vector_lengths().collect();
    if lengths.contains(&32) { 32 } else { lengths.first().copied().unwrap_or(16) }
}

/// Registers of which z0 to z31 hold the numbers of their bytes, p0 is true and all else 0.
pub(super) fn numbered(cx: &CaseContext<'_>) -> ScalableState {
    let mut state = all_true(length(cx));
    for n in 0..32 {
        state.z_mut(n).iter_mut().enumerate().for_each(|(at, byte)| *byte = (n * 16 + at) as u8);
    }
    state.ffr_mut().fill(0xff);
    state
}

/// Runs a program with these registers from x0 on.
pub(super) fn run(cx: &CaseContext<'_>, guest: &mut Guest, text: &str, x: &[u64]) -> Result<Trace, CaseError> {
    run_with(guest, Block::assemble(text)?.scalable(numbered(cx)), x)
}

fn run_with(guest: &mut Guest, block: Block, x: &[u64]) -> Result<Trace, CaseError> {
    let block = x.iter().enumerate().fold(block, |block, (n, value)| block.x(n, *value));
    guest.run(&block)
}

/// Runs a program without an exception, and expects these values of registers.
pub(super) fn gives(
    cx: &CaseContext<'_>,
    guest: &mut Guest,
    text: &str,
    x: &[u64],
    expected: &[(usize, u64)],
) -> CaseResult {
    let trace = run(cx, guest, text, x)?;
    no_fault(guest, text, &trace)?;
    expected.iter().try_for_each(|(n, value)| equal_hex(&format!("x{n} after {text}"), *value, trace.x[*n]))
}

fn checked(cx: &mut CaseContext<'_>, text: &str, direction: Direction) -> CaseResult {
    let mut guest = cx.guest()?;
    // The vector lies in the end of one granule and in the next.
    guest.store_tags(arena(0), &[3, 5, 3, 3])?;
    let trace = run(cx, &mut guest, text, &[tagged(8, 3)])?;
    let expected = TagCheckFault { el: El::El1, direction, index: 0, pointer: tagged(16, 3) };
    one_tag_check_fault(&guest, text, expected, &trace)
}

fn inactive(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[3, 5, 3, 3, 3, 3])?;
    guest.write(arena(0), &[0x77; 96])?;
    let text = "mov x1, #8; whilelo p1.b, xzr, x1; ld1b {z0.b}, p1/z, [x0]; st1b {z0.b}, p1, [x0, #2, mul vl]
        lastb w2, p1, z0.b; lasta w3, p1, z0.b; pfalse p2.b; st1d {z1.d}, p2, [x4]; ld1d {z1.d}, p2/z, [x4]; lastb x5, p0, z1.d";
    gives(cx, &mut guest, text, &[tagged(0, 3), 0, 0, 0, tagged(0, 9)], &[(2, 0x77), (3, 0), (5, 0)])
}

fn stack(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[3; 16])?;
    for text in ["ldr z0, [sp, #1, mul vl]", "str z0, [sp]", "str p0, [sp]", "ldr p1, [sp]"] {
        let trace = run_with(&mut guest, Block::assemble(text)?.scalable(numbered(cx)).sp(tagged(0, 9)), &[])?;
        no_fault(&guest, text, &trace)?;
    }
    for text in
        ["ld1rqb {z0.b}, p0/z, [sp, x1]", "ldff1b {z0.b}, p0/z, [sp, xzr]", "ld1d {z0.d}, p0/z, [sp, z31.d, lsl #3]"]
    {
        let mut state = numbered(cx);
        state.z_mut(31).fill(0);
        let trace = run_with(&mut guest, Block::assemble(text)?.scalable(state).sp(tagged(0, 9)), &[])?;
        let expected = TagCheckFault { el: El::El1, direction: Direction::Load, index: 0, pointer: tagged(0, 9) };
        one_tag_check_fault(&guest, text, expected, &trace)?;
    }
    Ok(())
}

fn replicating_stack(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[3; 4])?;
    let text = "ld1rb {z0.b}, p0/z, [sp, #3]";
    let trace = run_with(&mut guest, Block::assemble(text)?.scalable(numbered(cx)).sp(tagged(0, 9)), &[])?;
    no_fault(&guest, text, &trace)
}

fn gathers(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[4, 5, 6, 7])?;
    let words: Vec<u8> = (0..8u64).flat_map(|n| (n + 1).to_le_bytes()).collect();
    guest.write(arena(0), &words)?;
    let step = 1 << 56 | 16;
    // By addresses, by offsets that carry a step of the tag, by scaled and by signed ones.
    let text = "index z1.d, x0, x1; ld1d {z0.d}, p0/z, [z1.d]; lasta x2, p0, z0.d; ptrue p1.d, vl1; lasta x3, p1, z0.d
        index z2.d, #0, x1; ld1d {z3.d}, p0/z, [x0, z2.d]; lasta x4, p1, z3.d
        mov x7, #1; mov z4.d, #-1; ld1d {z5.d}, p1/z, [x6, z4.d, sxtw #3]; lasta x5, p0, z5.d
        st1b {z0.d}, p1, [z1.d, #9]; ldrb w8, [x0, #9]; ldnt1d {z6.d}, p1/z, [z1.d, x9]; lasta x10, p0, z6.d";
    let x = [tagged(0, 4), step, 0, 0, 0, 0, tagged(8, 4), 0, 0, 8];
    gives(cx, &mut guest, text, &x, &[(2, 1), (3, 3), (4, 3), (5, 1), (8, 1), (10, 0x102)])?;
    let text = "index z1.d, x0, x1; ld1d {z0.d}, p0/z, [z1.d]";
    let trace = run(cx, &mut guest, text, &[tagged(0, 4), 16])?;
    let expected = TagCheckFault { el: El::El1, direction: Direction::Load, index: 1, pointer: tagged(16, 4) };
    one_tag_check_fault(&guest, text, expected, &trace)?;
    let text = "index z1.s, #0, #8; st1b {z1.s}, p0, [x0, z1.s, uxtw]";
    let trace = run(cx, &mut guest, text, &[tagged(0, 4)])?;
    let expected = TagCheckFault { el: El::El1, direction: Direction::Store, index: 1, pointer: tagged(16, 4) };
    one_tag_check_fault(&guest, text, expected, &trace)
}

fn whole_store(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[3; 4])?;
    for text in ["str z0, [x0]", "str p0, [x0]"] {
        let trace = run(cx, &mut guest, text, &[tagged(0, 9)])?;
        let esr = case::expect::tag_check_syndrome(El::El1, Direction::Store).bits();
        one_exception(&guest, text, esr, &trace)?;
    }
    Ok(())
}

/// ESR_EL1 of an alignment fault of a read at EL1.
const ALIGNMENT: u64 = 0x9600_0021;
/// SCTLR_EL1.A.
pub(super) const A: u64 = 1 << 1;

fn aligned(cx: &CaseContext<'_>, guest: &mut Guest, text: &str, at: u64) -> Result<Trace, CaseError> {
    let sctlr = guest.sctlr(El::El1, Mode::Synchronous) | A;
    let block = Block::assemble(text)?.scalable(numbered(cx)).sys(SysReg::Sctlr, sctlr);
    run_with(guest, block, &[tagged(at, 0)])
}

fn alignment(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = "ld1w {z0.s}, p0/z, [x0]";
    let trace = aligned(cx, &mut guest, text, 2)?;
    one_exception(&guest, text, ALIGNMENT, &trace)
}

fn whole_alignment(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for (text, at) in [("ldr z0, [x0]", 16), ("ldr p1, [x0]", 2)] {
        let trace = aligned(cx, &mut guest, text, at)?;
        no_fault(&guest, text, &trace)?;
        let trace = aligned(cx, &mut guest, text, at + 1)?;
        one_exception(&guest, text, ALIGNMENT, &trace)?;
    }
    Ok(())
}

/// Runs a load of bytes that ends at some element, and returns how many FFR says were loaded and the last of these.
fn loaded(cx: &CaseContext<'_>, guest: &mut Guest, load: &str, at: u64) -> Result<[u64; 2], CaseError> {
    let text = format!(
        "setffr; {load}; rdffr p1.b; cntp x1, p0, p1.b; lastb w2, p1, z0.b; pfalse p2.b; rdffrs p3.b, p2/z; mrs x3, nzcv"
    );
    let trace = run(cx, guest, &text, &[at])?;
    no_fault(guest, &text, &trace)?;
    equal_hex(&format!("NZCV after {text}"), 0b0110 << 28, trace.x[3])?;
    Ok([trace.x[1], trace.x[2]])
}

fn first_fault(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.write(arena(0), &[0x33; 64])?;
    guest.store_tags(arena(0), &[3, 5])?;
    guest.write(arena(4096 - 16), &[0x44; 16])?;
    guest.set_pages(Window::Tagged, arena(4096), 4096, PageKind::Unmapped)?;
    for load in ["ldff1b {z0.b}, p0/z, [x0]", "ldnf1b {z0.b}, p0/z, [x0]"] {
        for (at, count, last) in [(tagged(8, 3), 8, 0x33), (tagged(4096 - 8, 0), 8, 0x44)] {
            let [found, byte] = loaded(cx, &mut guest, load, at)?;
            equal_hex(&format!("elements that FFR says {load} loaded"), count, found)?;
            equal_hex(&format!("the last of them after {load}"), last, byte)?;
        }
    }
    Ok(())
}

fn first_fault_faults(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[3, 3, 3])?;
    let text = "ldff1b {z0.b}, p0/z, [x0]";
    let trace = run(cx, &mut guest, text, &[tagged(0, 9)])?;
    let expected = TagCheckFault { el: El::El1, direction: Direction::Load, index: 0, pointer: tagged(0, 9) };
    one_tag_check_fault(&guest, text, expected, &trace)?;
    let [found, _] = loaded(cx, &mut guest, "ldnf1b {z0.b}, p0/z, [x0]", tagged(0, 9))?;
    equal_hex("elements that FFR says LDNF1B loaded by a wrong tag", 0, found)
}

fn first_fault_device(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.set_pages(Window::Tagged, arena(4096), 4096, PageKind::Device)?;
    let [found, _] = loaded(cx, &mut guest, "ldnf1b {z0.b}, p0/z, [x0]", tagged(4096, 0))?;
    equal_hex("elements that FFR says LDNF1B loaded from Device memory", 0, found)
}

fn first_fault_predicate(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.write(arena(0), &[0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])?;
    let text = "setffr; ptrue p1.s, vl3; ptrue p2.s, vl2; bic p3.b, p0/z, p1.b, p2.b; ldff1w {z0.s}, p3/z, [x0]; lastb w1, p3, z0.s";
    gives(cx, &mut guest, text, &[tagged(0, 0)], &[(1, 0x0403_0201)])
}

fn first_fault_asynchronous(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[3, 3, 3])?;
    let text = "setffr; ldff1d {z0.d}, p0/z, [x0]; rdffr p1.b; cntp x1, p0, p1.d";
    let sctlr = guest.sctlr(El::El1, Mode::Asynchronous);
    let block = Block::assemble(text)?.scalable(numbered(cx)).sys(SysReg::Sctlr, sctlr);
    let trace = run_with(&mut guest, block, &[tagged(0, 9)])?;
    no_fault(&guest, text, &trace)?;
    equal_hex(&format!("x1 after {text}"), 1, trace.x[1])
}

fn store_only(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[3, 3, 3])?;
    let text = "ld1rb {z0.b}, p0/z, [x0]";
    let sctlr = guest.sctlr(El::El1, Mode::Synchronous) | TCSO[1];
    let block = Block::assemble(text)?.scalable(numbered(cx)).sys(SysReg::Sctlr, sctlr);
    let trace = run_with(&mut guest, block, &[tagged(0, 9)])?;
    no_fault(&guest, text, &trace)?;
    let text = "ld1b {z0.b}, p0/z, [x0]";
    let block = Block::assemble(text)?.scalable(numbered(cx)).sys(SysReg::Sctlr, sctlr);
    let trace = run_with(&mut guest, block, &[tagged(0, 9)])?;
    no_fault(&guest, text, &trace)
}

fn lane(cx: &mut CaseContext<'_>) -> CaseResult {
    if length(cx) == 16 {
        return Ok(());
    }
    let mut guest = cx.guest()?;
    for text in ["ld1 {v1.b}[3], [x0]", "ld1r {v1.16b}, [x0]", "ld1 {v1.16b}, [x0]"] {
        let block = Block::assemble(text)?.scalable(numbered(cx)).x(0, pointer(Window::Untagged, 0, 0));
        let trace = guest.run(&block)?;
        no_fault(&guest, text, &trace)?;
        let Some(state) = &trace.scalable else {
            return fail_with(text, "the scalable registers", "none", guest.listing());
        };
        let above = state.z(1)[16..24].iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        equal_hex(&format!("eight bytes of z1 above v1 after {text}"), 0, above)?;
    }
    Ok(())
}
