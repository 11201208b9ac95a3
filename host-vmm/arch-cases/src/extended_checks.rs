//! Chapter: extended tag checks (FEAT_MTE_CANONICAL_TAGS, FEAT_MTE_NO_ADDRESS_TAGS): with TCR_EL1.MTX0 and MTX1 memory without
//! allocation tags has canonical ones, and the tag of a pointer is no part of its address.
//!
//! FEAT_MTE_PERM is a permission of stage 2, which a guest without EL2 neither sets nor sees.

use abi::mailbox::SysReg;
use abi::map::{UPPER_HALF, Window};

use case::address::{arena, tagged};
use case::expect::{equal_hex, no_fault, one_exception};
use case::signing::{KEYS, VALUES, signing_guest};
use case::{Case, CaseContext, CaseResult, Guest};
use machine::need::Need;
use machine::{Block, Trace};

const CITE: &str = "DDI 0487 TCR_EL1.MTX0, MTX1; EffectiveMTX(), AArch64.CheckTag(), AArch64.CanonicalTagCheck()";

const fn case(name: &'static str, claim: &'static str, run: fn(&mut CaseContext<'_>) -> CaseResult) -> Case {
    Case::new(name, claim, CITE, run).needing(&[Need::ExtendedChecks])
}

pub const CASES: &[Case] = &[
    case(
        "arch.extended.canonical-checked",
        "memory without allocation tags is accessed by the canonical tag of its half only",
        canonical_checked,
    ),
    case(
        "arch.extended.canonical-loaded",
        "LDG and LDGM load the canonical tag of memory without allocation tags",
        canonical_loaded,
    ),
    case(
        "arch.extended.canonical-not-stored",
        "a store of tags to memory without allocation tags is a permission fault of the tag",
        canonical_not_stored,
    ),
    case(
        "arch.extended.tag-no-address",
        "without TBI a pointer's tag is no part of its address, bits 63:60 are, and the access is checked",
        tag_no_address,
    ),
    Case::new(
        "arch.extended.instruction-code-over-tag",
        "MTX keeps the tag of a signed data pointer; the code of an instruction pointer takes those bits too",
        "DDI 0487 EffectiveMTX(): 0 for instructions; AddPAC(), Auth()",
        instruction_code_over_tag,
    )
    .needing(&[Need::ExtendedChecks, Need::PointerAuthentication]),
];

/// TCR_EL1.{MTX1, MTX0} and {TBI1, TBI0}.
const MTX: u64 = 0b11 << 60;
const TBI: u64 = 0b11 << 37;
/// ESR_EL1 of a tag check fault of a load at EL1.
const READ_FAULT: u64 = 0x9600_0011;
/// Of a permission fault of a store at level 3, of the tag (TnD).
const TAG_PERMISSION: u64 = 1 << 42 | 0x9600_004f;
const OUT_OF_RANGE: u64 = 0x9600_0004;

/// A pointer to memory without tags.
fn untagged(upper: bool, tag: u8) -> u64 {
    let va = Window::Untagged.va(arena(0x40));
    let va = if upper { (va | UPPER_HALF) & !(0xf << 56) } else { va };
    va | u64::from(tag) << 56
}

fn run(guest: &mut Guest, text: &str, tcr: u64, x: &[u64]) -> Result<Trace, case::CaseError> {
    let block = Block::assemble(text)?.sys(SysReg::Tcr, tcr);
    let block = x.iter().enumerate().fold(block, |block, (n, value)| block.x(n, *value));
    guest.run(&block)
}

fn canonical_checked(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let plain = guest.booted(SysReg::Tcr);
    for (upper, canonical) in [(false, 0), (true, 15)] {
        for tag in 0..16 {
            let what = format!("a load by tag {tag}, upper half: {upper}");
            let trace = run(&mut guest, "ldr x1, [x0]", plain | MTX, &[untagged(upper, tag)])?;
            if tag == canonical {
                no_fault(&guest, &what, &trace)?;
            } else {
                one_exception(&guest, &what, READ_FAULT, &trace)?;
            }
            let trace = run(&mut guest, "ldr x1, [x0]", plain, &[untagged(upper, tag)])?;
            no_fault(&guest, &format!("{what} without MTX"), &trace)?;
        }
    }
    Ok(())
}

fn canonical_loaded(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let extended = guest.booted(SysReg::Tcr) | MTX;
    for (upper, tag) in [(false, 0), (true, 0xf)] {
        let trace = run(&mut guest, "ldg x1, [x0]; ldgm x2, [x0]", extended, &[untagged(upper, tag)])?;
        no_fault(&guest, "loads of tags", &trace)?;
        equal_hex("x1 after LDG", u64::from(tag) << 56, trace.x[1])?;
        equal_hex("the first tag of LDGM", u64::from(tag), trace.x[2] >> 16 & 0xf)?;
    }
    Ok(())
}

fn canonical_not_stored(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let extended = guest.booted(SysReg::Tcr) | MTX;
    for text in ["stg x0, [x0]", "st2g x0, [x0]", "stzg x0, [x0]", "stgp x1, x2, [x0]", "stgm x1, [x0]", "dc gva, x0"] {
        let trace = run(&mut guest, text, extended, &[untagged(false, 0), 1, 2])?;
        one_exception(&guest, text, TAG_PERMISSION, &trace)?;
        equal_hex(&format!("memory after {text}"), 0, guest.read_u64(arena(0x40))?)?;
    }
    let trace = run(&mut guest, "stg x0, [x0]; ldg x1, [x0]", extended, &[tagged(0x40, 5)])?;
    no_fault(&guest, "STG to tagged memory", &trace)?;
    equal_hex("x1", 5 << 56, trace.x[1])
}

fn tag_no_address(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0x40), &[5])?;
    let extended = (guest.booted(SysReg::Tcr) | MTX) & !TBI;
    let trace = run(&mut guest, "ldr x1, [x0]", extended, &[tagged(0x40, 5)])?;
    no_fault(&guest, "a load by the tag of its memory", &trace)?;
    for (what, esr, tcr, pointer) in [
        ("a load by another tag", READ_FAULT, extended, tagged(0x40, 6)),
        ("a load with bit 60", OUT_OF_RANGE, extended, tagged(0x40, 5) | 1 << 60),
        ("a load without MTX", OUT_OF_RANGE, extended & !MTX, tagged(0x40, 5)),
    ] {
        let trace = run(&mut guest, "ldr x1, [x0]", tcr, &[pointer])?;
        one_exception(&guest, what, esr, &trace)?;
    }
    Ok(())
}

fn instruction_code_over_tag(cx: &mut CaseContext<'_>) -> CaseResult {
    const TAG: u64 = 0xf << 56;
    // So many that each bit of a code changes with at least one.
    const MODIFIERS: u64 = 32;
    let mut guest = signing_guest(cx)?;
    let tcr = guest.booted(SysReg::Tcr) & !TBI | MTX;
    for (upper, pointer) in [(false, arena(0x40)), (true, arena(0x40) | UPPER_HALF | TAG)] {
        for key in KEYS {
            let text = format!("pac{key} x0, x1; mov x2, x0; aut{key} x2, x1");
            let mut changed = 0;
            for modifier in 0..MODIFIERS {
                let trace =
                    guest.run(&guest.signing(&text, &VALUES)?.sys(SysReg::Tcr, tcr).x(0, pointer).x(1, modifier))?;
                let what = format!("{text} with {modifier}, upper half: {upper}");
                no_fault(&guest, &what, &trace)?;
                equal_hex(&format!("x2 after {what}"), pointer, trace.x[2])?;
                changed |= trace.x[0] ^ pointer;
            }
            let expected = if key.starts_with('i') { TAG } else { 0 };
            equal_hex(&format!("bits 59:56 of a pointer that pac{key} changes"), expected, changed & TAG)?;
        }
    }
    Ok(())
}
