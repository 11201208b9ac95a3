//! IRG, ADDG, SUBG, GMI, SUBP, SUBPS.

use abi::mailbox::SysReg;

use super::{Bench, tagged};
use model_base::defect::Defect;

const RRND: u64 = 1 << 16;

#[test]
fn irg_follows_the_generator_and_keeps_the_rest_of_the_pointer() {
    let mut bench = Bench::new();
    bench.sys(SysReg::Rgsr, 1 << 8);
    // Seed 1: offsets 1, 0, 8 (taps 5, 3, 2, 0); the seed ends at 0x8010.
    let done = bench.calm("irg x1, x0; irg x2, x0; irg x3, x0", &[0xa7ff_1234_5678_9abc]);
    assert_eq!(done.reply.x[1..4], [0xa1ff_1234_5678_9abc, 0xa1ff_1234_5678_9abc, 0xa9ff_1234_5678_9abc]);
    assert_eq!(done.reply.sys[SysReg::Rgsr as usize], 0x80_1009);
}

#[test]
fn irg_unites_both_exclusions_and_gives_zero_when_nothing_is_left() {
    let mut bench = Bench::new();
    for (gcr, xm, tag) in
        [(0x00ff, 0xfe00, 8), (0xffff, 0, 0), (0x7fff, 0xffff_8000, 0), (0xfffe, 0, 0), (0, 0x7fff, 15)]
    {
        bench.sys(SysReg::Gcr, gcr).sys(SysReg::Rgsr, 0x1_2305);
        let done = bench.calm("irg x1, x0, x2", &[0, 0, xm]);
        assert_eq!(done.reply.x[1] >> 56, tag, "{gcr:#x} {xm:#x}");
    }
}

#[test]
fn irg_may_choose_any_tag_that_is_not_excluded_with_rrnd() {
    let new = || {
        let mut bench = Bench::new();
        bench.sys(SysReg::Gcr, RRND | 0xffd1);
        bench
    };
    let mut tags = Bench::permitted(new, "irg x1, x0", &[tagged(0, 0)], |_, done| {
        assert!(done.unknown.rgsr);
        done.reply.x[1] >> 56
    });
    tags.sort_unstable();
    assert_eq!(tags, [1, 2, 3, 5]);
    let mut bench = new();
    bench.run("irg x1, x0", &[0]);
    let done = bench.run("msr rgsr_el1, x0", &[5]);
    assert!(!done.unknown.rgsr);
}

#[test]
fn without_tag_access_irg_and_addg_give_tag_0() {
    let mut bench = Bench::new();
    for (el, ata) in [(1, 43), (0, 42)] {
        bench.el = el;
        bench.sys(SysReg::Sctlr, model::cpu::reset::SCTLR & !(1 << ata)).sys(SysReg::Rgsr, 1 << 8);
        let done = bench.calm("irg x1, x0; addg x2, x0, #16, #3; gmi x3, x0, xzr", &[tagged(0, 5)]);
        assert_eq!(done.reply.x[1..4], [tagged(0, 0), tagged(16, 0), 1 << 5]);
        assert_eq!(done.reply.sys[SysReg::Rgsr as usize], 1 << 8);
    }
}

#[test]
fn addg_steps_over_excluded_tags_and_subg_does_too() {
    let mut bench = Bench::new();
    bench.sys(SysReg::Gcr, 0b0110_0000);
    let done = bench.calm("addg x1, x0, #1008, #1; subg x2, x0, #16, #2; addg x3, x0, #0, #0", &[tagged(64, 4)]);
    assert_eq!(done.reply.x[1..4], [tagged(1072, 7), tagged(48, 8), tagged(64, 4)]);
    let done = bench.calm("addg x1, x0, #0, #0", &[tagged(64, 5)]);
    assert_eq!(done.reply.x[1], tagged(64, 7));
}

#[test]
fn subps_sets_flags_by_addresses_of_56_bits() {
    let mut bench = Bench::new();
    let done = bench.calm("subps x2, x0, x1; mrs x3, nzcv", &[0x0580_0000_0000_0000, 0xf07f_ffff_ffff_ffff]);
    assert_eq!(done.reply.x[2], 0xff00_0000_0000_0001);
    assert_eq!(done.reply.x[3] >> 28, 0b1010);
    let done = bench.calm("subps x2, x0, x1; mrs x3, nzcv", &[tagged(16, 3), tagged(16, 9)]);
    assert_eq!((done.reply.x[2], done.reply.x[3] >> 28), (0, 0b0110));
}

/// Returns whether a mistake changes what a program that exercises all of this leaves behind.
pub(super) fn shows(defect: &'static Defect) -> bool {
    let text = "irg x1, x0, x9; irg x2, x0, x9; irg x3, x10; addg x4, x10, #32, #15; subg x5, x0, #32, #3; gmi x6, x0, x11
        gmi x7, x0, x6; subp x8, x0, x10; subps x12, x10, x0; mrs x13, nzcv; subps x14, x17, x0; msr gcr_el1, x16; irg x15, x0
        msr gcr_el1, x18; irg x19, x0; irg x20, x0; irg x21, x0; irg x22, x0; irg x23, x0; msr sctlr_el1, x24; irg x25, x0";
    let mut x = [0; 31];
    (x[0], x[9], x[10], x[11]) = (0xf600_0001_4080_0000, 0x700, 0x0e80_0002_4080_0040, 0xffff_0000_ffff_0040);
    (x[16], x[17], x[18]) = (0xffff, 0x0580_0000_0000_0000, RRND | 0x33);
    x[24] = model::cpu::reset::SCTLR & !(1 << 43);
    let run = |defect: Option<&'static Defect>| {
        let mut bench = defect.map_or_else(Bench::new, |defect| Bench::new().with(defect));
        bench.sys(SysReg::Gcr, 0x9014).sys(SysReg::Rgsr, 0x77_2d03);
        let reply = bench.run(text, &x).reply;
        (reply.x, reply.sys)
    };
    run(None) != run(Some(defect))
}
