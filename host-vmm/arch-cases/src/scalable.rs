//! Chapter: SVE. What a block finds and leaves of the scalable registers, and tag checks of their loads and stores at every
//! vector length.

use abi::mailbox::SysReg;
use case::address::{arena, pointer, pointer_at};
use case::expect::{Direction, TagCheckFault, equal_hex, fail_with, no_fault, rejected_by_firmware, tag_check_faults};
use case::scalable::{all_true, random_state, same_bytes, same_state};
use case::settings::{Mode, TF, tfsr};
use case::{Case, CaseContext, CaseResult, Guest};
use machine::need::Need;
use machine::{Block, El, ScalableState};

use abi::map::Window;

pub const CASES: &[Case] = &[
    case(
        "arch.sve.block-state",
        "a block finds z0 to z31, p0 to p15, FFR and the vector length as its host says, and the host finds what it leaves",
        "DDI 0487 C8.2 LDR, STR, RDFFR, WRFFR, RDVL; guest-fw/src/executor.rs",
        block_state,
    ),
    case(
        "arch.sve.kept-between-blocks",
        "a block that brings no vector registers finds those of the last one, and their length",
        "guest-fw/src/executor.rs",
        kept,
    ),
    case(
        "arch.sve.cleared-above-simd",
        "an instruction other than of SVE that writes a vector register clears what is above its 16 bytes",
        "DDI 0487 pseudocode function V",
        cleared_above,
    ),
    case(
        "arch.sve.length-refused",
        "a block with a vector length that the CPU does not have is refused, and nothing of the last one's changes",
        "guest-fw/src/executor.rs; DDI 0487 ZCR_EL1.LEN",
        refused,
    ),
    case(
        "arch.sve.check-elements",
        "LD1B and ST1B of a vector fault if the granule of the last element has another tag and not for the one behind, at every \
         vector length, at EL1 and EL0",
        CHECK,
        |cx| checked(cx, &ACCESSES[..2]),
    ),
    case(
        "arch.sve.check-load",
        "LDR of a vector faults if the granule of its last byte has another tag and not for the one behind, at every vector \
         length, at EL1 and EL0",
        CHECK,
        |cx| checked(cx, &ACCESSES[2..3]),
    ),
    case("arch.sve.check-store", "STR of a vector does, likewise", CHECK, |cx| checked(cx, &ACCESSES[3..])),
    case(
        "arch.sve.check-asynchronous",
        "a load or store of a vector is a bit in TFSR_EL1 or TFSRE0_EL1 if its first granule has another tag and faults are \
         asynchronous, and none if the granule behind has, at every vector length",
        CHECK,
        asynchronous,
    ),
];

const CHECK: &str = "DDI 0487 D10 Tag Checked memory accesses; C8.2 LD1B, ST1B, LDR, STR (vector)";

const fn case(
    name: &'static str,
    claim: &'static str,
    cite: &'static str,
    run: fn(&mut CaseContext<'_>) -> CaseResult,
) -> Case {
    Case::new(name, claim, cite, run).needing(&[Need::Sve])
}

/// Stores all that a block finds to the address in x0: vectors, predicates, and FFR by way of p0.
const STORE_ALL: &str = "str z0, [x0]; str z13, [x0, #1, mul vl]; str z31, [x0, #2, mul vl]; str p0, [x1]
    str p9, [x1, #1, mul vl]; str p15, [x1, #2, mul vl]; rdffr p0.b; str p0, [x1, #3, mul vl]; rdvl x2, #1";

/// Where the block stores vectors, and where predicates.
const PLACES: [u64; 2] = [0, 0x400];

/// Runs a block that stores some of what it finds, and compares.
fn finds(guest: &mut Guest, what: &str, block: Block, expected: &ScalableState) -> CaseResult {
    let x = PLACES.map(|offset| pointer(Window::Untagged, offset, 0));
    let trace = guest.run(&block.x(0, x[0]).x(1, x[1]))?;
    no_fault(guest, what, &trace)?;
    equal_hex(&format!("RDVL {what}"), expected.vector_bytes().into(), trace.x[2])?;
    let vectors = [0, 13, 31].map(|n| expected.z(n)).concat();
    let predicates = [expected.p(0), expected.p(9), expected.p(15), expected.ffr()].concat();
    for (place, expected) in PLACES.into_iter().zip([vectors, predicates]) {
        let found = guest.read(arena(place), expected.len())?;
        case::expect::bytes(&format!("what is stored {what}"), arena(place), &expected, &found)?;
    }
    Ok(())
}

fn block_state(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for bytes in cx.target().vector_lengths() {
        let before = random_state(cx, bytes);
        let what = format!("at {bytes} bytes");
        finds(&mut guest, &what, Block::assemble(STORE_ALL)?.scalable(before.clone()), &before)?;
        // What it leaves is of another draw, in memory until then.
        let after = random_state(cx, bytes);
        let lines = [after.z(7), after.p(3), after.ffr()].concat();
        guest.write(arena(0), &lines)?;
        let text = "ldr z7, [x0]; ldr p3, [x1]; ldr p4, [x1, #1, mul vl]; wrffr p4.b; ldr p4, [x1]";
        let x = [0, u64::from(bytes)].map(|offset| pointer(Window::Untagged, offset, 0));
        let trace = guest.run(&Block::assemble(text)?.x(0, x[0]).x(1, x[1]).scalable(before.clone()))?;
        no_fault(&guest, &what, &trace)?;
        let mut expected = before;
        expected.z_mut(7).copy_from_slice(after.z(7));
        expected.p_mut(3).copy_from_slice(after.p(3));
        expected.p_mut(4).copy_from_slice(after.p(3));
        expected.ffr_mut().copy_from_slice(after.ffr());
        same_state(&guest, &what, &expected, &trace)?;
    }
    Ok(())
}

fn kept(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for (bytes, el) in cx.target().vector_lengths().zip([El::El1, El::El0].into_iter().cycle()) {
        let state = random_state(cx, bytes);
        let trace = guest.run(&Block::assemble("nop")?.scalable(state.clone()))?;
        same_state(&guest, &format!("after a block of {bytes} bytes"), &state, &trace)?;
        // A request of another kind in between leaves them, too.
        let object = guest.machine().heap_alloc(64, 16)?;
        guest.machine().heap_free(object, 64, 16)?;
        let block = Block::assemble(STORE_ALL)?.at(el);
        let window = if el == El::El0 { Window::UntaggedEl0 } else { Window::Untagged };
        let x = PLACES.map(|offset| pointer(window, offset, 0));
        let trace = guest.run(&block.x(0, x[0]).x(1, x[1]))?;
        let what = format!("in the next block at {el}, of {bytes} bytes");
        no_fault(&guest, &what, &trace)?;
        if trace.scalable.is_some() {
            return fail_with(what, "no registers for the host", "some", guest.listing());
        }
        equal_hex(&format!("RDVL {what}"), bytes.into(), trace.x[2])?;
        let found = guest.read(arena(0), bytes.into())?;
        case::expect::bytes(&format!("z0 {what}"), arena(0), state.z(0), &found)?;
        let found = guest.read(arena(PLACES[1]), usize::from(bytes) / 2)?;
        let expected = [state.p(0), state.p(9), state.p(15), state.ffr()].concat();
        case::expect::bytes(&format!("predicates and FFR {what}"), arena(PLACES[1]), &expected, &found)?;
    }
    Ok(())
}

fn cleared_above(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.write(arena(0), &[0x5a; 16])?;
    for bytes in cx.target().vector_lengths() {
        let state = random_state(cx, bytes);
        let text = "ldr q4, [x0]; ldr b5, [x0]; movi v6.16b, #1";
        let block = Block::assemble(text)?.x(0, pointer(Window::Untagged, 0, 0)).scalable(state.clone());
        let trace = guest.run(&block)?;
        no_fault(&guest, text, &trace)?;
        let mut expected = state;
        for (n, low) in [(4, [0x5a; 16].as_slice()), (5, &[0x5a]), (6, &[1; 16])] {
            expected.z_mut(n).fill(0);
            expected.z_mut(n)[..low.len()].copy_from_slice(low);
        }
        same_state(&guest, &format!("after instructions on q4, b5 and v6 at {bytes} bytes"), &expected, &trace)?;
        // A block that brings v0 to v31 leaves nothing above them either.
        guest.run(&Block::assemble("nop")?.vectors([[0x1111; 2]; 32]))?;
        let trace = guest.run(&Block::assemble("str z31, [x0]")?.x(0, pointer(Window::Untagged, 0x100, 0)))?;
        no_fault(&guest, "STR of z31", &trace)?;
        let mut expected = vec![0; bytes.into()];
        expected[..16].copy_from_slice(&[0x11, 0x11, 0, 0, 0, 0, 0, 0, 0x11, 0x11, 0, 0, 0, 0, 0, 0]);
        let found = guest.read(arena(0x100), bytes.into())?;
        same_bytes("z31", &format!("after a block with v0 to v31, of {bytes} bytes"), &expected, &found)?;
    }
    Ok(())
}

fn refused(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let has: Vec<u16> = cx.target().vector_lengths().collect();
    let Some(shortest) = has.first().copied() else {
        return fail_with("the vector lengths of a CPU with SVE", "one or more", "none", Vec::new());
    };
    let state = random_state(cx, shortest);
    guest.run(&Block::assemble("nop")?.scalable(state.clone()))?;
    let lengths = (1..=255).filter(|bytes| !has.contains(bytes) && (bytes % 16 == 0 || bytes % 8 == 5));
    for bytes in lengths {
        let block = Block::assemble("nop")?.scalable(random_state(cx, bytes));
        rejected_by_firmware(&format!("a block with vectors of {bytes} bytes"), guest.machine().start(0, &block))?;
    }
    finds(&mut guest, "after blocks that were refused", Block::assemble(STORE_ALL)?, &state)
}

/// Loads and stores of all bytes of a vector at the address in x0.
const ACCESSES: [(&str, Direction); 4] = [
    ("ld1b {z1.b}, p0/z, [x0]", Direction::Load),
    ("st1b {z2.b}, p0, [x0]", Direction::Store),
    ("ldr z3, [x0]", Direction::Load),
    ("str z4, [x0]", Direction::Store),
];

/// The tag that the vector's granules have, and that of its last granule or of the one behind it.
const TAGS: [u8; 2] = [3, 12];

/// Tags the granules of a vector, the one at `other` with another tag.
fn tag(guest: &mut Guest, other: usize) -> CaseResult {
    let mut tags = [TAGS[0]; 18];
    tags[other] = TAGS[1];
    guest.store_tags(arena(0), &tags)
}

fn checked(cx: &mut CaseContext<'_>, accesses: &[(&str, Direction)]) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = accesses.iter().map(|(text, _)| *text).collect::<Vec<_>>().join("; ");
    for bytes in cx.target().vector_lengths() {
        let granules = usize::from(bytes) / 16;
        for el in [El::El1, El::El0] {
            let block =
                Block::assemble(&text)?.at(el).scalable(all_true(bytes)).x(0, pointer_at(el, false, 0, TAGS[0]));
            tag(&mut guest, granules)?;
            let trace = guest.run(&block)?;
            no_fault(&guest, &format!("vectors of {bytes} bytes before a granule with another tag at {el}"), &trace)?;
            tag(&mut guest, granules - 1)?;
            let trace = guest.run(&block)?;
            let what = format!("vectors of {bytes} bytes with another tag in their last granule at {el}");
            let pointer = pointer_at(el, false, 16 * (granules as u64 - 1), TAGS[0]);
            let fault = |(index, (_, direction)): (usize, (_, _))| TagCheckFault { el, direction, index, pointer };
            let faults: Vec<_> = accesses.iter().copied().enumerate().map(fault).collect();
            tag_check_faults(&guest, &what, &faults, &trace)?;
        }
    }
    Ok(())
}

fn asynchronous(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for bytes in cx.target().vector_lengths() {
        let granules = usize::from(bytes) / 16;
        // One instruction a length, each level and each half of the addresses; over all lengths each of them.
        for (number, el) in [El::El1, El::El0].into_iter().enumerate() {
            let (text, _) = ACCESSES[(granules + number) % ACCESSES.len()];
            let upper = granules / 2 % 2 == number;
            for (other, expected) in [(granules, 0), (0, TF[usize::from(upper)])] {
                tag(&mut guest, other)?;
                let block = Block::assemble(text)?
                    .at(el)
                    .scalable(all_true(bytes))
                    .x(0, pointer_at(el, upper, 0, TAGS[0]))
                    .sys(SysReg::Sctlr, guest.sctlr(el, Mode::Asynchronous))
                    .sys(SysReg::Tfsr, 0)
                    .sys(SysReg::Tfsre0, 0);
                let trace = guest.run(&block)?;
                no_fault(&guest, text, &trace)?;
                let what =
                    format!("{:?} after {text} of {bytes} bytes at {el}, granule {other} with another tag", tfsr(el));
                equal_hex(&what, expected, trace.sys(tfsr(el)))?;
            }
        }
    }
    Ok(())
}
