//! Chapter: what a tag check fault does, by SCTLR_EL1.TCF and TCF0: nothing, an exception now, a bit
//! later, or one of the two by direction.

use abi::mailbox::SysReg;

use case::address::{arena, pointer_at};
use case::expect::{Direction, TagCheckFault, equal, equal_hex, no_fault, one_tag_check_fault};
use case::settings::{Mode, TF, tfsr};
use case::{Case, CaseContext, CaseResult};
use machine::need::Need;
use machine::{Block, El};

const LOAD: Direction = Direction::Load;
const STORE: Direction = Direction::Store;

pub const CASES: &[Case] = &[
    case("arch.mode.ignored-el1", "with TCF = 0b00 a wrong tag at EL1 has no effect", |b| {
        both(b, El::El1, Mode::Ignored)
    }),
    case("arch.mode.ignored-el0", "with TCF0 = 0b00 a wrong tag at EL0 has no effect", |b| {
        both(b, El::El0, Mode::Ignored)
    }),
    case(
        "arch.mode.synchronous-load-el1",
        "with TCF = 0b01 a load at EL1 through a wrong tag takes an exception",
        |b| mode(b, El::El1, Mode::Synchronous, LOAD),
    ),
    case(
        "arch.mode.synchronous-store-el1",
        "with TCF = 0b01 a store at EL1 through a wrong tag takes an exception",
        |b| mode(b, El::El1, Mode::Synchronous, STORE),
    ),
    case(
        "arch.mode.synchronous-load-el0",
        "with TCF0 = 0b01 a load at EL0 through a wrong tag takes an exception",
        |b| mode(b, El::El0, Mode::Synchronous, LOAD),
    ),
    case(
        "arch.mode.synchronous-store-el0",
        "with TCF0 = 0b01 a store at EL0 through a wrong tag takes an exception",
        |b| mode(b, El::El0, Mode::Synchronous, STORE),
    ),
    case(
        "arch.mode.asynchronous-load-el1",
        "with TCF = 0b10 a load at EL1 through a wrong tag completes and sets TFSR_EL1",
        |b| mode(b, El::El1, Mode::Asynchronous, LOAD),
    ),
    case(
        "arch.mode.asynchronous-store-el1",
        "with TCF = 0b10 a store at EL1 through a wrong tag completes and sets TFSR_EL1",
        |b| mode(b, El::El1, Mode::Asynchronous, STORE),
    ),
    case(
        "arch.mode.asynchronous-load-el0",
        "with TCF0 = 0b10 a load at EL0 through a wrong tag completes and sets TFSRE0_EL1",
        |b| mode(b, El::El0, Mode::Asynchronous, LOAD),
    ),
    case(
        "arch.mode.asynchronous-store-el0",
        "with TCF0 = 0b10 a store at EL0 through a wrong tag completes and sets TFSRE0_EL1",
        |b| mode(b, El::El0, Mode::Asynchronous, STORE),
    ),
    asymmetric(
        "arch.mode.asymmetric-load-el1",
        "with TCF = 0b11 a load at EL1 through a wrong tag takes an exception",
        |b| mode(b, El::El1, Mode::Asymmetric, LOAD),
    ),
    asymmetric(
        "arch.mode.asymmetric-store-el1",
        "with TCF = 0b11 a store at EL1 through a wrong tag completes and sets TFSR_EL1",
        |b| mode(b, El::El1, Mode::Asymmetric, STORE),
    ),
    asymmetric(
        "arch.mode.asymmetric-load-el0",
        "with TCF0 = 0b11 a load at EL0 through a wrong tag takes an exception",
        |b| mode(b, El::El0, Mode::Asymmetric, LOAD),
    ),
    asymmetric(
        "arch.mode.asymmetric-store-el0",
        "with TCF0 = 0b11 a store at EL0 through a wrong tag completes and sets TFSRE0_EL1",
        |b| mode(b, El::El0, Mode::Asymmetric, STORE),
    ),
    case(
        "arch.mode.tfsr-accumulates",
        "TFSR_EL1 keeps a fault of the lower half while one of the upper half is added, until it is written",
        accumulates,
    ),
    case(
        "arch.mode.tfsr-straddling",
        "in asynchronous mode an access across two granules records a fault if only the second has another tag",
        straddling,
    ),
];

const CITE: &str = "DDI 0487 D10 tag check faults, SCTLR_EL1.{TCF, TCF0}, TFSR_EL1";

const fn case(name: &'static str, claim: &'static str, run: fn(&mut CaseContext<'_>) -> CaseResult) -> Case {
    Case::new(name, claim, CITE, run)
}

const fn asymmetric(name: &'static str, claim: &'static str, run: fn(&mut CaseContext<'_>) -> CaseResult) -> Case {
    case(name, claim, run).needing(&[Need::Mte3])
}

fn both(cx: &mut CaseContext<'_>, el: El, setting: Mode) -> CaseResult {
    mode(cx, el, setting, LOAD)?;
    mode(cx, el, setting, STORE)
}

/// Accesses through the right tag in both halves of the address space, then through a wrong one in each half. Every
/// access has a granule of its own.
fn mode(cx: &mut CaseContext<'_>, el: El, setting: Mode, direction: Direction) -> CaseResult {
    const OLD: u64 = 0x0123_4567_89ab_cdef;
    const NEW: u64 = 0xfeed_face_cafe_f00d;
    let mut guest = cx.guest()?;
    guest.write(arena(0), &[OLD, 0].map(u64::to_le_bytes).concat().repeat(4))?;
    guest.store_tags(arena(0), &[6; 4])?;
    let access = if direction == STORE { "str" } else { "ldr" };
    let synchronous = setting == Mode::Synchronous || setting == Mode::Asymmetric && direction == LOAD;
    // Where each block accesses memory (the granule's offset and the half), and by which tag.
    let blocks: [(&[(u64, bool)], u8); 3] = [(&[(0, false), (16, true)], 6), (&[(32, false)], 9), (&[(48, true)], 9)];
    for (places, tag) in blocks {
        let text: String = (0..places.len()).map(|n| format!("; {access} x{}, [x{}]", 1 + n, 10 + n)).collect();
        let mut block = Block::assemble(&format!("movz x5, #1{text}"))?
            .at(el)
            .sys(SysReg::Sctlr, guest.sctlr(el, setting))
            .sys(SysReg::Tfsr, 0)
            .sys(SysReg::Tfsre0, 0);
        for (n, (offset, upper)) in places.iter().enumerate() {
            block = block.x(1 + n, NEW).x(10 + n, pointer_at(el, *upper, *offset, tag));
        }
        let trace = guest.run(&block)?;
        let wrong = tag != 6;
        let completes = !(wrong && synchronous);
        let (offset, upper) = places[0];
        if completes {
            no_fault(&guest, access, &trace)?;
        } else {
            let pointer = pointer_at(el, upper, offset, tag);
            one_tag_check_fault(&guest, access, TagCheckFault { el, direction, index: 1, pointer }, &trace)?;
        }
        let (memory, register) = match (direction, completes) {
            (Direction::Store, true) => (NEW, NEW),
            (Direction::Load, true) => (OLD, OLD),
            (_, false) => (OLD, NEW),
        };
        for (n, (offset, _)) in places.iter().enumerate() {
            equal_hex("memory after the access", memory, guest.read_u64(arena(*offset))?)?;
            equal_hex("the register after the access", register, trace.x[1 + n])?;
        }
        let recorded = wrong && completes && setting != Mode::Ignored;
        let expected = if recorded { TF[usize::from(upper)] } else { 0 };
        equal_hex(&format!("{:?} after the access", tfsr(el)), expected, trace.sys(tfsr(el)))?;
        let other = if el == El::El0 { SysReg::Tfsr } else { SysReg::Tfsre0 };
        equal_hex(&format!("{other:?}, which is the other level's"), 0, trace.sys(other))?;
    }
    Ok(())
}

fn accumulates(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    let sctlr = guest.sctlr(El::El1, Mode::Asynchronous);
    let text = "str x1, [x0]; dsb sy; isb; mrs x3, tfsr_el1; str x1, [x2]; str x1, [x2]; dsb sy; isb; mrs x4, tfsr_el1
        msr tfsr_el1, xzr; isb; mrs x5, tfsr_el1; str x1, [x6]; dsb sy; isb; mrs x7, tfsr_el1";
    let block = Block::assemble(text)?
        .x(0, pointer_at(El::El1, false, 0, 1))
        .x(2, pointer_at(El::El1, true, 0, 1))
        .x(6, pointer_at(El::El1, true, 0, 6))
        .sys(SysReg::Sctlr, sctlr)
        .sys(SysReg::Tfsr, 0);
    let trace = guest.run(&block)?;
    no_fault(&guest, "asynchronous stores", &trace)?;
    equal_hex("TFSR_EL1 after a fault of the lower half", TF[0], trace.x[3])?;
    equal_hex("TFSR_EL1 after two more of the upper half", TF[0] | TF[1], trace.x[4])?;
    equal_hex("TFSR_EL1 after it was cleared", 0, trace.x[5])?;
    equal_hex("TFSR_EL1 after a store through the right tag", 0, trace.x[7])
}

fn straddling(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let sctlr = guest.sctlr(El::El1, Mode::Asynchronous);
    for (tags, expected) in [([5, 6], TF[0]), ([6, 5], TF[0]), ([5, 5], 0)] {
        guest.store_tags(arena(0), &tags)?;
        let block = Block::assemble("str x1, [x0]")?
            .x(0, pointer_at(El::El1, false, 12, 5))
            .x(1, !0)
            .sys(SysReg::Sctlr, sctlr)
            .sys(SysReg::Tfsr, 0);
        let trace = guest.run(&block)?;
        equal("exceptions", &0, &trace.faults.len())?;
        equal_hex(&format!("TFSR_EL1 with tags {tags:x?}"), expected, trace.sys(SysReg::Tfsr))?;
    }
    Ok(())
}
