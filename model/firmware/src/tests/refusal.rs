//! Translation, permission, alignment, and instructions that are not for EL0.

use abi::mailbox::{PageKind, SysReg};
use abi::map::{self, Window};

use super::{Bench, pointer, tagged};
use model::cpu::reset;

#[test]
fn faults_are_reported_at_the_level_where_the_walk_ends() {
    let mut bench = Bench::new();
    bench.pages(Window::Untagged, 0x3000, PageKind::Unmapped);
    for (address, status) in [
        (0x0010_0000_0000_0000, 0x04),
        (0xf080_0000_0000_0000, 0x04),
        (1 << 39, 0x04),
        (7 << 32, 0x05),
        (0x1_0000_0000, 0x05),
        (0x1_4000_0000, 0x06),
        (0x4000_0000, 0x06),
        (map::HEAP_BASE + (1 << 32) - 1, 0x07),
        (Window::Tagged.va(map::HEAP_BASE + map::HEAP_SIZE), 0x07),
        (pointer(Window::Untagged, 0x3008, 9), 0x07),
        // A guard page below a stack.
        (map::FIRMWARE_BASE + 0x10_0000, 0x07),
    ] {
        let trap = bench.trap("ldr x1, [x0]", &[address]);
        assert_eq!((trap.esr, trap.far), (0x9600_0000 | status, address));
    }
}

#[test]
fn without_tbi_a_tag_makes_an_address_unreachable() {
    let mut bench = Bench::new();
    bench.sys(SysReg::Tcr, reset::TCR & !(1 << 37));
    assert_eq!(bench.trap("ldr x1, [x0]", &[tagged(0, 6)]).esr, 0x9600_0004);
    bench.sys(SysReg::Tcr, reset::TCR & !(1 << 38));
    assert_eq!(bench.trap("str x1, [x0]", &[super::upper(0, 6)]).esr, 0x9600_0044);
}

#[test]
fn permissions_by_level_and_direction() {
    let code = map::code_va(0);
    let el1_only = tagged(0, 0);
    for (el, text, address, esr) in [
        (1, "str x1, [x0]", code, 0x9600_004f),
        (0, "str x1, [x0]", code, 0x9200_004f),
        (0, "ldr x1, [x0]", el1_only, 0x9200_000f),
        (0, "str x1, [x0]", el1_only, 0x9200_004f),
        (0, "ldr x1, [x0]", map::SHARED_BASE, 0x9200_000e),
        (1, "str x1, [x0]", map::FIRMWARE_BASE, 0x9600_004f),
    ] {
        let mut bench = Bench::new();
        bench.el = el;
        let trap = bench.trap(text, &[address]);
        assert_eq!((trap.esr, trap.far), (esr, address), "EL{el} {text}");
    }
}

#[test]
fn alignment_counts_with_sctlr_a_and_in_device_memory() {
    let mut bench = Bench::new();
    bench.calm("ldr x1, [x0]", &[tagged(4, 0)]);
    bench.sys(SysReg::Sctlr, reset::SCTLR | 2);
    assert_eq!(bench.trap("ldr x1, [x0]", &[tagged(4, 0)]).esr, 0x9600_0021);
    bench.calm("ldp w1, w2, [x0]; ldr w1, [x0]; ldrb w1, [x0, #1]", &[tagged(4, 0)]);
    let mut bench = Bench::new();
    bench.pages(Window::Tagged, 0, PageKind::Device);
    assert_eq!(bench.trap("str w1, [x0]", &[tagged(2, 0)]).esr, 0x9600_0061);
    bench.calm("str w1, [x0]", &[tagged(4, 9)]);
}

#[test]
fn a_misaligned_stack_pointer_is_a_fault_of_its_own() {
    let mut bench = Bench::new();
    bench.sp = tagged(8, 0);
    let trap = bench.trap("ldr x1, [sp, #8]", &[]);
    assert_eq!(trap.esr, 0x9a00_0000);
    bench.sys(SysReg::Sctlr, reset::SCTLR & !(1 << 3));
    bench.calm("ldr x1, [sp, #8]", &[]);
}

#[test]
fn el0_may_not_touch_the_registers_of_el1() {
    for (text, esr) in [
        ("mrs x1, gcr_el1", 0x0200_0000),
        ("msr tfsr_el1, x1", 0x0200_0000),
        ("mrs x1, sctlr_el1", 0x0200_0000),
        // FEAT_IDST: class 0x18 with the register's encoding, Rt and the direction.
        ("mrs x3, gmid_el1", 0x6200_0000 | 3 << 20 | 4 << 17 | 1 << 14 | 3 << 5 | 1),
        ("mrs x3, id_aa64pfr1_el1", 0x6200_0000 | 3 << 20 | 1 << 17 | 3 << 5 | 4 << 1 | 1),
    ] {
        let mut bench = Bench::new();
        bench.el = 0;
        assert_eq!(bench.trap(text, &[]).esr, esr, "{text}");
    }
    let mut bench = Bench::new();
    bench.el = 0;
    let done = bench.calm("mrs x1, dczid_el0; mrs x2, ctr_el0; msr tco, x3; mrs x4, tco; msr tco, #0", &[0, 0, 0, !0]);
    assert_eq!(done.reply.x[1..5], [4, 0xb444_c004, !0, 1 << 25]);
}

#[test]
fn el1_may_forbid_el0_what_it_lets_it_do() {
    let mut bench = Bench::new();
    bench.el = 0;
    bench.sys(SysReg::Sctlr, reset::SCTLR & !(1 << 14) & !(1 << 15));
    let done =
        bench.run("mrs x1, dczid_el0; mrs x2, ctr_el0; dc zva, x0; dc gva, x3", &[pointer(Window::TaggedEl0, 0, 0)]);
    assert_eq!(done.reply.x[1], 0x14);
    let esr: Vec<u64> = done.traps.iter().map(|trap| trap.esr).collect();
    let dc = |op2: u64, rt: u64| 0x6200_0000 | 1 << 20 | op2 << 17 | 3 << 14 | 7 << 10 | rt << 5 | 4 << 1;
    assert_eq!(esr, [0x6200_0000 | 3 << 20 | 1 << 17 | 3 << 14 | 2 << 5 | 1, dc(1, 0), dc(3, 3)]);
}

#[test]
fn reserved_bits_may_stick_or_not() {
    let seen = Bench::permitted(Bench::new, "msr gcr_el1, x0; mrs x1, gcr_el1", &[0xff00_0000_0001_5555], |_, done| {
        done.reply.x[1]
    });
    assert_eq!(seen, [0x1_5555, 0xff00_0000_0001_5555]);
}

#[test]
fn the_upper_part_of_the_seed_may_stick_or_not_and_irg_keeps_or_clears_it() {
    let written = "msr rgsr_el1, x0; mrs x1, rgsr_el1";
    let seen = Bench::permitted(Bench::new, written, &[!0], |_, done| done.reply.x[1]);
    // SEED is bits 55:8 with GCR_EL1.RRND = 1, and 23:8 without.
    assert_eq!(seen, [0x00ff_ffff_ffff_ff0f, !0, 0xff_ff0f]);
    let seen = Bench::permitted(Bench::new, written, &[0x5a12_3405], |_, done| done.reply.x[1]);
    assert_eq!(seen, [0x5a12_3405, 0x0012_3405]);
    let drawn = "msr rgsr_el1, x0; irg x2, x3; mrs x1, rgsr_el1";
    let seen = Bench::permitted(Bench::new, drawn, &[0x5a00_0100], |_, done| done.reply.x[1]);
    assert_eq!(seen, [0x0010_0001, 0x5a10_0001]);
    let seen = Bench::permitted(Bench::new, drawn, &[0x0000_0100], |_, done| done.reply.x[1]);
    assert_eq!(seen, [0x0010_0001]);
}

#[test]
fn what_is_not_specified_is_said_to_be_so() {
    use crate::Outcome;
    let mut bench = Bench::new();
    bench.sys(SysReg::Tcr, reset::TCR | 1 << 7);
    assert!(matches!(bench.outcome(&[0xd503_201f]), Outcome::Unmodelled { .. }));
    let mut bench = Bench::new();
    // FADD d0, d0, d0 is not in the table.
    assert!(matches!(bench.outcome(&[0x1e60_2800]), Outcome::Unmodelled { pc, .. } if pc == map::code_va(0)));
}
