//! Chapter: what of SVE survives a restore: vectors, predicates, FFR, the vector length, and tag checks.

use abi::mailbox::SysReg;
use abi::map::Window;

use super::restore::{CHECKPOINT, with_checkpoint};
use super::scalable::REGISTERS;
use case::address::{arena, pointer, pointer_at};
use case::expect::{Direction, TagCheckFault, equal_hex, fail_with, no_fault, tag_check_faults};
use case::scalable::{all_true, random_state, same_bytes, same_state};
use case::settings::{Mode, TF, tfsr};
use case::{Case, CaseContext, CaseResult};
use machine::need::Need;
use machine::{Block, Config, El};

pub const CASES: &[Case] = &[
    restore(
        "restore.sve.every-length",
        "a restore amid a block keeps z0 to z31, p0 to p15, FFR and the vector length, at every length",
        every_length,
    ),
    restore(
        "restore.sve.checks-go-on",
        "after a restore a load or store of a vector faults where it did before, at every vector length, at EL1 and EL0, \
         synchronously and asynchronously",
        checks_go_on,
    ),
    restore("restore.sve.two-vcpus", "each vCPU gets its own scalable registers and vector length back", two_vcpus),
];

const fn restore(name: &'static str, claim: &'static str, run: fn(&mut CaseContext<'_>) -> CaseResult) -> Case {
    Case::new(name, claim, REGISTERS, run).needing(&[Need::Sve])
}

fn every_length(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for (bytes, el) in cx.target().vector_lengths().zip([El::El1, El::El0].into_iter().cycle()) {
        let state = random_state(cx, bytes);
        let block = Block::assemble(&format!("{CHECKPOINT} rdvl x1, #1"))?.at(el).scalable(state.clone());
        guest.run_to_checkpoint(&with_checkpoint(block))?;
        guest.save_and_restore()?;
        let trace = guest.resume()?;
        let what = format!("after a restore at {el}, of {bytes} bytes");
        no_fault(&guest, &what, &trace)?;
        equal_hex(&format!("RDVL {what}"), bytes.into(), trace.x[1])?;
        same_state(&guest, &what, &state, &trace)?;
    }
    Ok(())
}

/// Loads and stores of all bytes of a vector at the address in x0.
const ACCESSES: [(&str, Direction); 3] = [
    ("ld1b {z1.b}, p0/z, [x0]", Direction::Load),
    ("st1b {z2.b}, p0, [x0]", Direction::Store),
    ("ldr z3, [x0]", Direction::Load),
];

fn checks_go_on(cx: &mut CaseContext<'_>) -> CaseResult {
    const TAGS: [u8; 2] = [3, 12];
    let mut guest = cx.guest()?;
    let text = ACCESSES.map(|(text, _)| text).join("; ");
    let faults = |el, firsts: &[usize]| -> Vec<TagCheckFault> {
        let pointer = pointer_at(el, false, 0, TAGS[1]);
        let fault = |(index, (_, direction))| TagCheckFault { el, direction, index, pointer };
        firsts.iter().flat_map(|first| (*first..).zip(ACCESSES).map(fault)).collect()
    };
    // A vector and the granule behind it, which has another tag.
    for bytes in cx.target().vector_lengths() {
        let mut tags = [TAGS[0]; 17];
        tags[usize::from(bytes) / 16] = TAGS[1];
        guest.store_tags(arena(0), &tags)?;
        let block = Block::assemble(&format!("{text}; {CHECKPOINT} {text}"))?.scalable(all_true(bytes));
        guest.run_to_checkpoint(&with_checkpoint(block.x(0, pointer_at(El::El1, false, 0, TAGS[1]))))?;
        guest.save_and_restore()?;
        let trace = guest.resume()?;
        let what = format!("vectors of {bytes} bytes before and after a restore");
        tag_check_faults(&guest, &what, &faults(El::El1, &[0, 4]), &trace)?;
        // What follows brings no registers: those that were restored are what it loads, stores and selects by.
        let block = Block::assemble(&text)?.at(El::El0).x(0, pointer_at(El::El0, false, 0, TAGS[1]));
        let trace = guest.run(&block)?;
        let after = format!("vectors of {bytes} bytes after a restore at EL0");
        tag_check_faults(&guest, &after, &faults(El::El0, &[0]), &trace)?;
        for el in [El::El1, El::El0] {
            for (tag, expected) in [(TAGS[0], 0), (TAGS[1], TF[0])] {
                let block = Block::assemble(&text)?
                    .at(el)
                    .x(0, pointer_at(el, false, 0, tag))
                    .sys(SysReg::Sctlr, guest.sctlr(el, Mode::Asynchronous))
                    .sys(SysReg::Tfsr, 0)
                    .sys(SysReg::Tfsre0, 0);
                let trace = guest.run(&block)?;
                no_fault(&guest, &what, &trace)?;
                let register = tfsr(el);
                equal_hex(&format!("{register:?} with {bytes} bytes by tag {tag}"), expected, trace.sys(register))?;
            }
        }
    }
    Ok(())
}

fn two_vcpus(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_like(Config { cpus: 2, ..Config::default() })?;
    let all: Vec<u16> = cx.target().vector_lengths().collect();
    let states = [all[0], all[all.len() - 1]].map(|bytes| random_state(cx, bytes));
    for (cpu, state) in states.iter().enumerate() {
        let trace = guest.run_on(cpu, &Block::assemble("nop")?.scalable(state.clone()))?;
        same_state(&guest, &format!("of vCPU {cpu}"), state, &trace)?;
    }
    guest.save_and_restore()?;
    for (cpu, state) in states.iter().enumerate() {
        let text = "rdvl x1, #1; str z31, [x0]; str p15, [x2]; rdffr p15.b; str p15, [x2, #1, mul vl]";
        let places = [0, 0x400].map(|offset| pointer(Window::Untagged, offset, 0));
        let trace = guest.run_on(cpu, &Block::assemble(text)?.x(0, places[0]).x(2, places[1]))?;
        let what = format!("of vCPU {cpu} after a restore");
        if let Some(fault) = trace.faults.first() {
            return fail_with(what, "no exception", fault, Vec::new());
        }
        equal_hex(&format!("RDVL {what}"), state.vector_bytes().into(), trace.x[1])?;
        let found = guest.read(arena(0), state.z(31).len())?;
        same_bytes("z31", &what, state.z(31), &found)?;
        let expected = [state.p(15), state.ffr()].concat();
        let found = guest.read(arena(0x400), expected.len())?;
        same_bytes("p15 and FFR", &what, &expected, &found)?;
    }
    Ok(())
}
