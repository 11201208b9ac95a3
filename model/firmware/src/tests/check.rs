//! Which accesses are checked, and where a fault is reported.

use abi::mailbox::{PageKind, SysReg};
use abi::map::Window;

use super::{Bench, LOAD_FAULT, LOAD_FAULT_EL0, STORE_FAULT, STORE_FAULT_EL0, pointer, tagged, upper};
use model::cpu::reset;
use model_base::memory::Bus;

#[test]
fn a_wrong_tag_faults_and_changes_nothing() {
    let mut bench = Bench::new();
    bench.tags(0, &[4]);
    bench.fill(0, 16, 9);
    for (text, esr) in [
        ("ldr x1, [x0], #8", LOAD_FAULT),
        ("str x1, [x0, #8]!", STORE_FAULT),
        ("ldp x1, x2, [x0], #16", LOAD_FAULT),
        ("stp w1, w2, [x0]", STORE_FAULT),
        ("ldrb w1, [x0]", LOAD_FAULT),
        ("sturh w1, [x0]", STORE_FAULT),
    ] {
        let far = if text.contains('!') { tagged(8, 5) } else { tagged(0, 5) };
        let done = bench.run(text, &[tagged(0, 5), 1, 2]);
        assert_eq!((done.traps.len(), done.traps[0].esr, done.traps[0].far), (1, esr, far), "{text}");
        assert_eq!(done.traps[0].pc, abi::map::code_va(0));
        assert_eq!(done.reply.x[..3], [tagged(0, 5), 1, 2], "{text}");
    }
    assert_eq!(bench.word(0), 0x0909_0909_0909_0909);
}

#[test]
fn of_the_sixteen_tags_one_passes() {
    let mut bench = Bench::new();
    for allocation in 0..16 {
        bench.tags(0, &[allocation]);
        for logical in 0..16 {
            let done = bench.run("ldr x1, [x0]", &[tagged(0, logical)]);
            assert_eq!(done.traps.is_empty(), logical == allocation, "{logical} {allocation}");
        }
    }
}

#[test]
fn a_straddling_access_faults_in_either_granule_and_may_show_its_own_address() {
    for (tags, fars) in [
        ([5, 6], &[tagged(16, 5), tagged(12, 5)][..]),
        ([6, 5], &[tagged(12, 5)]),
        ([6, 6], &[tagged(12, 5)]),
        ([5, 5], &[]),
    ] {
        let new = || {
            let mut bench = Bench::new();
            bench.tags(0, &tags);
            bench
        };
        let mut found =
            Bench::permitted(new, "str x1, [x0]", &[tagged(12, 5)], |_, done| done.traps.first().map(|t| t.far));
        found.retain(Option::is_some);
        assert_eq!(found, fars.iter().copied().map(Some).collect::<Vec<_>>(), "{tags:?}");
    }
}

#[test]
fn a_straddle_of_pages_looks_at_both_windows_pages() {
    let mut bench = Bench::new();
    bench.tags(255, &[5, 6]);
    assert_eq!(bench.trap("ldr x1, [x0]", &[tagged(4092, 5)]).far, tagged(4096, 5));
    bench.pages(Window::Tagged, 4096, PageKind::NonCacheable);
    bench.calm("ldr x1, [x0]", &[tagged(4092, 5)]);
    bench.pages(Window::Tagged, 4096, PageKind::Unmapped);
    let trap = bench.trap("str x1, [x0]", &[tagged(4092, 6)]);
    assert_eq!((trap.esr, trap.far), (0x9600_0047, tagged(4096, 6)));
}

#[test]
fn what_exempts_an_access() {
    let boot = (reset::SCTLR, reset::TCR);
    let wrong = tagged(0, 5);
    let cases: &[(&str, u64, (u64, u64), usize)] = &[
        ("ldr x1, [x0]", wrong, boot, 1),
        ("msr tco, #1; ldr x1, [x0]; msr tco, #0; ldr x1, [x0]", wrong, boot, 1),
        ("ldr x1, [x0]", wrong, (boot.0 & !(1 << 43), boot.1), 0),
        ("ldr x1, [x0]", wrong, (boot.0 & !(1 << 42), boot.1), 1),
        // TCMA0 and TCMA1.
        ("ldr x1, [x0]", tagged(0, 0), (boot.0, boot.1 | 1 << 57), 0),
        ("ldr x1, [x0]", tagged(0, 0), (boot.0, boot.1 | 1 << 58), 1),
        ("ldr x1, [x0]", tagged(0, 15), (boot.0, boot.1 | 3 << 57), 1),
        ("ldr x1, [x0]", upper(0, 15), (boot.0, boot.1 | 1 << 58), 0),
        ("ldr x1, [x0]", upper(0, 15), (boot.0, boot.1 | 1 << 57), 1),
        ("ldr x1, [x0]", upper(0, 0), (boot.0, boot.1 | 3 << 57), 1),
        // Without TBI the address must be canonical and is then unchecked.
        ("ldr x1, [x0]", tagged(0, 0), (boot.0, boot.1 & !(1 << 37)), 0),
        ("ldr x1, [x0]", upper(0, 15) | 0xf << 60, (boot.0, boot.1 & !(1 << 38)), 0),
        ("ldr x1, [x0]", upper(0, 5), (boot.0, boot.1 & !(1 << 37)), 1),
        ("ldr x1, [x0]", pointer(Window::Untagged, 0, 5), boot, 0),
    ];
    for (text, address, (sctlr, tcr), faults) in cases {
        let mut bench = Bench::new();
        bench.tags(0, &[8]).sys(SysReg::Sctlr, *sctlr).sys(SysReg::Tcr, *tcr);
        let done = bench.run(text, &[*address]);
        assert_eq!(done.traps.len(), *faults, "{text} {address:#x} {sctlr:#x} {tcr:#x}");
        assert!(done.traps.iter().all(|trap| trap.esr == LOAD_FAULT));
    }
}

#[test]
fn sp_with_an_immediate_offset_is_unchecked_and_with_writeback_checked() {
    let mut bench = Bench::new();
    bench.tags(0, &[6; 16]);
    bench.sp = tagged(64, 1);
    let done = bench.run("ldr x1, [sp, #8]; stur x1, [sp, #-3]; ldp x1, x2, [sp]; ldr x1, [sp], #16; str x1, [sp, #-16]!; add x3, sp, #0; ldr x1, [x3]", &[]);
    let places: Vec<_> = done.traps.iter().map(|trap| (trap.pc - abi::map::code_va(0)) / 4).collect();
    assert_eq!(places, [3, 4, 6]);
    assert_eq!(done.reply.sp, tagged(64, 1));
}

#[test]
fn literal_loads_are_unchecked_and_read_the_code_itself() {
    let mut bench = Bench::new();
    let code = abi::map::code_va(0);
    bench.ram.set_tag(abi::map::code_ipa(0), arch::Tag::truncate(6)).unwrap();
    let trap = bench.trap("ldr w1, .+8; ldr w2, [x0]; nop", &[code + 8]);
    assert_eq!((trap.esr, trap.far), (LOAD_FAULT, code + 8));
    assert_eq!(bench.cpu.x[1], 0xd503_201f);
}

#[test]
fn el0_is_checked_by_its_own_fields_and_reported_as_lower() {
    let mut bench = Bench::new();
    bench.el = 0;
    bench.tags(0, &[6]);
    let address = pointer(Window::TaggedEl0, 0, 7);
    let done = bench.run("ldr x1, [x0]; str x1, [x0]", &[address]);
    assert_eq!([done.traps[0].esr, done.traps[1].esr], [LOAD_FAULT_EL0, STORE_FAULT_EL0]);
    bench.sys(SysReg::Sctlr, reset::SCTLR & !(1 << 42));
    bench.calm("ldr x1, [x0]; str x1, [x0]", &[address]);
    bench.sys(SysReg::Sctlr, reset::SCTLR & !(0b11 << 38));
    bench.calm("ldr x1, [x0]; str x1, [x0]", &[address]);
}

#[test]
fn permission_and_translation_come_before_the_tag() {
    let mut bench = Bench::new();
    bench.tags(0, &[1]);
    bench.pages(Window::Tagged, 0, PageKind::ReadOnly);
    assert_eq!(bench.trap("str x1, [x0]", &[tagged(0, 2)]).esr, 0x9600_004f);
    assert_eq!(bench.trap("ldr x1, [x0]", &[tagged(0, 2)]).esr, LOAD_FAULT);
    bench.sys(SysReg::Sctlr, reset::SCTLR | 2);
    assert_eq!(bench.trap("str x1, [x0]", &[tagged(4, 2)]).esr, 0x9600_0061);
}
