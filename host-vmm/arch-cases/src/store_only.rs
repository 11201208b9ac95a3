//! Chapter: tag checks of stores alone.
//!
//! FEAT_MTE_STORE_ONLY, SCTLR_EL1.TCSO and TCSO0; pseudocode `StoreOnlyTagCheckingEnabled`, `MemAtomic`. QEMU has it in newer
//! versions, KVM shows it to guests since Linux 6.17.

use abi::mailbox::SysReg;

use case::address::{arena, pointer_at};
use case::expect::{
    Direction, TagCheckFault, bytes, equal_hex, fail_with, no_fault, one_tag_check_fault, tag_check_syndrome,
};
use case::settings::{Mode, TCSO};
use case::{Case, CaseContext, CaseError, CaseResult, Guest};
use machine::need::Need;
use machine::{Block, El, Trace};

const CITE: &str = "DDI 0487, SCTLR_EL1.{TCSO, TCSO0}; pseudocode StoreOnlyTagCheckingEnabled";

const fn case(name: &'static str, claim: &'static str, run: fn(&mut CaseContext<'_>) -> CaseResult) -> Case {
    Case::new(name, claim, CITE, run).needing(&[Need::StoreOnly])
}

pub const CASES: &[Case] = &[
    case("arch.store-only.load-el1", "with TCSO = 1 a load at EL1 through a wrong tag gives the value", |b| {
        load(b, El::El1)
    }),
    case("arch.store-only.load-el0", "with TCSO0 = 1 a load at EL0 through a wrong tag gives the value", |b| {
        load(b, El::El0)
    }),
    case("arch.store-only.store-el1", "with TCSO = 1 a store at EL1 through a wrong tag takes an exception", |b| {
        store(b, El::El1)
    }),
    case("arch.store-only.store-el0", "with TCSO0 = 1 a store at EL0 through a wrong tag takes an exception", |b| {
        store(b, El::El0)
    }),
    case(
        "arch.store-only.other-level",
        "TCSO does nothing at EL0, and TCSO0 nothing at EL1: a load through a wrong tag takes an exception",
        other_level,
    ),
    case("arch.store-only.atomic", "with TCSO = 1 the tag check fault of an atomic is that of its write", atomic)
        .needing(&[Need::StoreOnly, Need::Atomics]),
    case(
        "arch.store-only.copy",
        "with TCSO or TCSO0 = 1 a memory copy reads through a wrong tag, and writing through one takes an exception",
        copy,
    )
    .needing(&[Need::StoreOnly, Need::Mops]),
];

const OLD: u64 = 0x0123_4567_89ab_cdef;

/// Runs an access by a wrong tag with these checks of stores alone.
fn run(guest: &mut Guest, el: El, store_only: u64, text: &str) -> Result<(Trace, u64), CaseError> {
    guest.write(arena(0), &OLD.to_le_bytes())?;
    guest.store_tags(arena(0), &[6])?;
    let wrong = pointer_at(el, false, 0, 9);
    let sctlr = guest.sctlr(el, Mode::Synchronous) | store_only;
    let block = Block::assemble(text)?.at(el).x(0, wrong).x(1, 1).sys(SysReg::Sctlr, sctlr);
    Ok((guest.run(&block)?, wrong))
}

fn load(cx: &mut CaseContext<'_>, el: El) -> CaseResult {
    let mut guest = cx.guest()?;
    let (trace, _) = run(&mut guest, el, TCSO[el as usize], "ldr x2, [x0]")?;
    no_fault(&guest, "a load through a wrong tag", &trace)?;
    equal_hex("the value", OLD, trace.x[2])
}

fn faults(guest: &mut Guest, el: El, store_only: u64, text: &str, direction: Direction) -> CaseResult {
    let (trace, pointer) = run(guest, el, store_only, text)?;
    one_tag_check_fault(guest, text, TagCheckFault { el, direction, index: 0, pointer }, &trace)?;
    equal_hex("memory after the fault", OLD, guest.read_u64(arena(0))?)
}

fn store(cx: &mut CaseContext<'_>, el: El) -> CaseResult {
    let mut guest = cx.guest()?;
    faults(&mut guest, el, TCSO[el as usize], "str x1, [x0]", Direction::Store)
}

/// What QEMU's own test does: a program whose stores alone are checked loads through a wrong tag, and faults when it stores.
pub fn like_qemu(cx: &mut CaseContext<'_>) -> CaseResult {
    load(cx, El::El0)?;
    store(cx, El::El0)
}

fn other_level(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for el in [El::El0, El::El1] {
        faults(&mut guest, el, TCSO[1 - el as usize], "ldr x2, [x0]", Direction::Load)?;
    }
    Ok(())
}

fn atomic(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for text in ["ldadd x1, x2, [x0]", "swp x1, x2, [x0]"] {
        faults(&mut guest, El::El1, TCSO[1], text, Direction::Store)?;
    }
    Ok(())
}

fn copy(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.write(arena(0), &[0xa5; 32])?;
    for el in [El::El0, El::El1] {
        for (source, destination) in [(9, 6), (6, 9)] {
            guest.write(arena(64), &[0; 32])?;
            guest.store_tags(arena(0), &[6; 8])?;
            let pointer = pointer_at(el, false, 64, destination);
            let block = Block::assemble("cpyfp [x0]!, [x1]!, x2!; cpyfm [x0]!, [x1]!, x2!; cpyfe [x0]!, [x1]!, x2!")?
                .at(el)
                .x(0, pointer)
                .x(1, pointer_at(el, false, 0, source))
                .x(2, 32)
                .sys(SysReg::Sctlr, guest.sctlr(el, Mode::Synchronous) | TCSO[el as usize]);
            let trace = guest.run(&block)?;
            if destination == 6 {
                no_fault(&guest, &format!("a copy at {el} out of memory with another tag"), &trace)?;
                bytes("the copy", arena(64), &[0xa5; 32], &guest.read(arena(64), 32)?)?;
            } else {
                // What follows the one that faulted finds registers that are not those of a copy's next part.
                let [first, ..] = trace.faults.as_slice() else {
                    return fail_with(
                        format!("a copy at {el} into memory with another tag"),
                        "an exception",
                        "none",
                        guest.listing(),
                    );
                };
                equal_hex("ESR_EL1", tag_check_syndrome(el, Direction::Store).bits(), first.esr.bits())?;
                equal_hex("FAR_EL1", pointer, first.far)?;
            }
        }
    }
    Ok(())
}
