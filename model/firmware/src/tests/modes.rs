//! What a tag check fault does, and when it can be seen.

use abi::mailbox::{SYS_REGS, SysReg};

use super::{Bench, LOAD_FAULT, STORE_FAULT, pointer, tagged, upper};
use model::cpu::reset;
use model_base::Features;

const TCF0: u32 = 38;
const TCF: u32 = 40;

fn sctlr(shift: u32, mode: u64) -> u64 {
    reset::SCTLR & !(0b11 << shift) | mode << shift
}

#[test]
fn each_mode_at_each_level_in_each_half() {
    for el in 0..2u64 {
        for mode in 0..4 {
            for high in [false, true] {
                for (text, load) in [("ldr x1, [x0]", true), ("str x1, [x0]", false)] {
                    let mut bench = Bench::new();
                    bench.el = el;
                    bench.tags(0, &[6]);
                    let (shift, window) =
                        if el == 0 { (TCF0, abi::map::Window::TaggedEl0) } else { (TCF, abi::map::Window::Tagged) };
                    bench.sys(SysReg::Sctlr, sctlr(shift, mode));
                    let low = pointer(window, 0, 9);
                    let address = if high { low | 0x00ff_ff80 << 32 } else { low };
                    let done = bench.run(text, &[address, 77]);
                    let synchronous = mode == 1 || (mode == 3 && load);
                    let recorded = mode == 2 || (mode == 3 && !load);
                    let what = format!("EL{el} mode {mode} {text} {address:#x}");
                    assert_eq!(done.traps.len(), usize::from(synchronous), "{what}");
                    let bit = if recorded { 1 << u32::from(high) } else { 0 };
                    let (own, other) =
                        if el == 0 { (SysReg::Tfsre0, SysReg::Tfsr) } else { (SysReg::Tfsr, SysReg::Tfsre0) };
                    assert_eq!(done.reply.sys[own as usize], bit, "{what}");
                    assert_eq!(done.reply.sys[other as usize], 0, "{what}");
                    let stored = !load && !synchronous;
                    assert_eq!(bench.word(0), if stored { 77 } else { 0 }, "{what}");
                }
            }
        }
    }
}

#[test]
fn a_recorded_fault_is_seen_for_certain_after_dsb_and_isb_only() {
    let new = || {
        let mut bench = Bench::new();
        bench.tags(0, &[6]).sys(SysReg::Sctlr, sctlr(TCF, 2));
        bench
    };
    let x = [upper(0, 1), 0, tagged(0, 1)];
    let seen = |text: &str| {
        Bench::permitted(new, text, &x, |_, done| {
            assert_eq!(done.traps.len(), 0);
            (done.reply.x[3], done.reply.sys[SysReg::Tfsr as usize])
        })
    };
    assert_eq!(seen("str x1, [x0]; mrs x3, tfsr_el1"), [(2, 2), (0, 2)]);
    assert_eq!(seen("str x1, [x0]; isb; mrs x3, tfsr_el1"), [(2, 2), (0, 2)]);
    assert_eq!(seen("str x1, [x0]; dsb sy; mrs x3, tfsr_el1"), [(2, 2), (0, 2)]);
    assert_eq!(seen("str x1, [x0]; dsb ld; isb; mrs x3, tfsr_el1"), [(2, 2), (0, 2)]);
    assert_eq!(seen("str x1, [x0]; dsb sy; isb; mrs x3, tfsr_el1"), [(2, 2)]);
    assert_eq!(seen("str x1, [x0]; dsb sy; str x1, [x2]; isb; mrs x3, tfsr_el1"), [(3, 3), (2, 3)]);
    // A write may come before or after what is pending.
    assert_eq!(seen("str x1, [x0]; msr tfsr_el1, xzr; dsb sy; isb; mrs x3, tfsr_el1"), [(0, 0), (2, 2)]);
    assert_eq!(seen("str x1, [x0]; dsb sy; isb; msr tfsr_el1, xzr; dsb sy; isb; mrs x3, tfsr_el1"), [(0, 0)]);
}

#[test]
fn itfsb_makes_an_exception_show_what_is_pending() {
    for (extra, expected) in [(0, &[2, 0][..]), (1 << 37, &[2])] {
        let new = || {
            let mut bench = Bench::new();
            bench.tags(0, &[6]).sys(SysReg::Sctlr, sctlr(TCF, 2) | extra);
            bench
        };
        let seen =
            Bench::permitted(new, "str x1, [x0]; brk #1; mrs x3, tfsr_el1", &[upper(0, 1)], |_, done| done.reply.x[3]);
        assert_eq!(seen, expected);
    }
}

#[test]
fn without_mte3_the_reserved_mode_acts_as_one_of_the_others() {
    let new = || {
        let mut bench = Bench::of(Features::NEOVERSE_N2);
        bench.tags(0, &[6]).sys(SysReg::Sctlr, sctlr(TCF, 3));
        bench
    };
    let mut seen = Bench::permitted(new, "str x1, [x0]", &[tagged(0, 1)], |_, done| {
        (done.traps.first().map_or(0, |trap| trap.esr), done.reply.sys[SysReg::Tfsr as usize])
    });
    seen.sort_unstable();
    assert_eq!(seen, [(0, 0), (0, 1), (STORE_FAULT, 0)]);
}

#[test]
fn faults_of_both_halves_add_up_across_blocks() {
    let mut bench = Bench::new();
    bench.tags(0, &[6]).sys(SysReg::Sctlr, sctlr(TCF, 2));
    assert_eq!(bench.calm("str x1, [x0]", &[tagged(0, 1)]).reply.sys[SysReg::Tfsr as usize], 1);
    assert_eq!(bench.calm("str x1, [x0]", &[upper(0, 1)]).reply.sys[SysReg::Tfsr as usize], 3);
    bench.sys = [None; SYS_REGS];
    assert_eq!(bench.trap("ldr x1, [x0]", &[tagged(0, 1)]).esr, LOAD_FAULT);
    assert_eq!(bench.cpu.sys.tfsr, 3);
}

#[test]
fn where_checks_cannot_be_of_stores_alone_the_fields_keep_what_is_written_or_not_and_do_nothing() {
    let new = || {
        let mut bench = Bench::new();
        bench.features = Features { store_only: false, ..Features::MAX };
        bench.tags(0, &[5]);
        bench.sys(SysReg::Sctlr, reset::SCTLR | 1 << 59);
        bench
    };
    let look = |_: &mut Bench, done: &crate::Done| (done.traps.len(), done.reply.sys[SysReg::Sctlr as usize] >> 59);
    assert_eq!(Bench::permitted(new, "ldr x1, [x0]", &[tagged(0, 6)], look), [(1, 0), (1, 1)]);
}
