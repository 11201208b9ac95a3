//! Exclusives, atomics, ordered accesses, and accesses as if at EL0.

use abi::mailbox::{PageKind, SysReg};
use abi::map::Window;

use super::{Bench, LOAD_FAULT, STORE_FAULT, pointer, tagged};
use model::cpu::reset;
use model_base::Features;

/// SCTLR_EL1 with asymmetric faults at EL1.
const ASYMMETRIC: u64 = reset::SCTLR | 3 << 40;

#[test]
fn an_exclusive_pair_succeeds_once_and_may_always_fail() {
    let text = "ldxr x1, [x0]; add x2, x1, #1; stxr w3, x2, [x0]; stxr w4, x1, [x0]";
    let mut seen = Bench::permitted(Bench::new, text, &[tagged(0, 0)], |bench, done| {
        (done.reply.x[3], done.reply.x[4], bench.word(0))
    });
    seen.sort_unstable();
    assert_eq!(seen, [(0, 1, 1), (1, 1, 0)]);
    assert_eq!(Bench::new().calm(text, &[tagged(0, 0)]).reply.x[3], 0);
}

#[test]
fn the_monitor_is_lost_by_clrex_and_by_an_exception() {
    for between in ["clrex", "brk #1"] {
        let text = format!("ldxp x1, x2, [x0]; {between}; stxp w3, x1, x2, [x0]");
        let seen = Bench::permitted(Bench::new, &text, &[tagged(0, 0)], |_, done| done.reply.x[3]);
        assert_eq!(seen, [1], "{between}");
    }
}

#[test]
fn exclusives_are_checked_as_what_they_do() {
    let mut bench = Bench::new();
    bench.tags(0, &[6]);
    assert_eq!(bench.trap("ldaxr w1, [x0]", &[tagged(0, 5)]).esr, LOAD_FAULT);
    let trap = bench.trap("ldxr x1, [x0]; stg x2, [x0]; stlxr w3, x1, [x0]", &[tagged(0, 6), 0, tagged(0, 7)]);
    assert_eq!((trap.esr, trap.far), (STORE_FAULT, tagged(0, 6)));
    // Without a monitor nothing is stored, so nothing is checked.
    bench.calm("stxr w3, x1, [x0]", &[tagged(0, 5)]);
}

#[test]
fn atomics_give_the_old_value_and_store_the_new_one() {
    for (text, old, operand, given, left) in [
        ("ldadd x1, x2, [x0]", 5u64, 7, 5u64, 12u64),
        ("ldclr x1, x2, [x0]", 0xff, 0x0f, 0xff, 0xf0),
        ("ldeor x1, x2, [x0]", 0xff, 0x0f, 0xff, 0xf0),
        ("ldset x1, x2, [x0]", 0xf0, 0x0f, 0xf0, 0xff),
        ("ldsmaxb w1, w2, [x0]", 0x80, 1, 0x80, 1),
        ("ldsmin x1, x2, [x0]", 1, !0, 1, !0),
        ("ldumaxh w1, w2, [x0]", 0x8000, 1, 0x8000, 0x8000),
        ("ldumin w1, w2, [x0]", 0xffff_ffff, 9, 0xffff_ffff, 9),
        ("swpal x1, x2, [x0]", 3, 4, 3, 4),
        ("ldaddb w1, w2, [x0]", 0xff, 1, 0xff, 0),
    ] {
        let mut bench = Bench::new();
        bench.calm("str x1, [x0]", &[tagged(0, 0), old]);
        let done = bench.calm(text, &[tagged(0, 0), operand, !0]);
        assert_eq!((done.reply.x[2], bench.word(0)), (given, left), "{text}");
    }
}

#[test]
fn cas_stores_where_it_finds_what_it_expects() {
    let mut bench = Bench::new();
    bench.calm("stp x1, x2, [x0]", &[tagged(0, 0), 10, 20]);
    let done = bench.calm("cas x1, x2, [x0]; casal x3, x4, [x0]", &[tagged(0, 0), 11, 99, 10, 98]);
    assert_eq!((done.reply.x[1], done.reply.x[3], bench.word(0)), (10, 10, 98));
    let done = bench.calm("casp x2, x3, x4, x5, [x0]", &[tagged(0, 0), 0, 98, 20, 1, 2]);
    assert_eq!((done.reply.x[2..4].to_vec(), bench.word(0), bench.word(8)), (vec![98, 20], 1, 2));
    let done = bench.calm("casb w1, w2, [x0]", &[tagged(0, 0), 0xabc01, 0x77]);
    assert_eq!((done.reply.x[1], bench.word(0)), (1, 0x77));
}

#[test]
fn atomics_are_checked_as_reads_and_cas_too() {
    let mut bench = Bench::new();
    bench.tags(0, &[6]);
    for text in ["ldadd x1, x2, [x0]", "swp x1, x2, [x0]"] {
        assert_eq!(bench.trap(text, &[tagged(0, 5)]).esr, LOAD_FAULT);
    }
    let new = || {
        let mut bench = Bench::new();
        bench.tags(0, &[6]).sys(SysReg::Sctlr, ASYMMETRIC);
        bench
    };
    let seen = Bench::permitted(new, "cas x1, x2, [x0]", &[tagged(0, 5)], |_, done| {
        (done.traps.first().map(|trap| trap.esr), done.reply.sys[SysReg::Tfsr as usize])
    });
    assert_eq!(seen, [(Some(LOAD_FAULT), 0)]);
    bench.sp = tagged(0, 5);
    bench.calm("ldadd x1, x2, [sp]; ldxr x1, [sp]; ldar x1, [sp]; ldr x1, [sp]", &[]);
}

#[test]
fn an_atomic_needs_both_permissions_and_its_alignment() {
    let new = || {
        let mut bench = Bench::new();
        bench.pages(Window::Tagged, 0, PageKind::ReadOnly);
        bench.pages(Window::Tagged, 4096, PageKind::Unmapped);
        bench
    };
    let esr = |text: &str, address| {
        Bench::permitted(new, text, &[address], |_, done| done.traps.first().map(|trap| trap.esr))
    };
    assert_eq!(esr("ldadd x1, x2, [x0]", tagged(0, 0)), [Some(0x9600_004f)]);
    assert_eq!(esr("ldadd x1, x2, [x0]", tagged(4096, 0)), [Some(0x9600_0007)]);
    // EL0 may not even read.
    let el0 = Bench::permitted(
        || {
            let mut bench = new();
            bench.el = 0;
            bench
        },
        "swp x1, x2, [x0]",
        &[tagged(0x3000, 0)],
        |_, done| done.traps[0].esr,
    );
    assert_eq!(el0, [0x9200_000f]);
    // FEAT_LSE2: within 16 bytes it may be unaligned.
    assert_eq!(esr("ldadd x1, x2, [x0]", tagged(8196, 0)), [None]);
    assert_eq!(esr("ldadd x1, x2, [x0]", tagged(8204, 0)), [Some(0x9600_0021)]);
    assert_eq!(esr("ldxp x1, x2, [x0]", tagged(8200, 0)), [Some(0x9600_0021)]);
    assert_eq!(esr("stlr x1, [x0]", tagged(8207, 0)), [Some(0x9600_0061)]);
    let mut old = Bench::of(Features { lse2: false, ..Features::MAX });
    assert_eq!(old.trap("ldar w1, [x0]", &[tagged(2, 0)]).esr, 0x9600_0021);
}

#[test]
fn memory_that_is_not_cacheable_may_refuse_atomics_but_no_ordered_access() {
    for kind in [PageKind::NonCacheable, PageKind::Device] {
        let new = || {
            let mut bench = Bench::new();
            bench.pages(Window::Tagged, 0, kind);
            bench
        };
        let esr = |text: &str| {
            Bench::permitted(new, text, &[tagged(0, 3)], |_, done| done.traps.first().map(|trap| trap.esr))
        };
        assert_eq!(esr("ldadd x1, x2, [x0]"), [None, Some(0x9600_0035)]);
        assert_eq!(esr("ldaxr x1, [x0]"), [None, Some(0x9600_0035)]);
        assert_eq!(esr("ldar x1, [x0]; stlr x1, [x0]"), [None]);
    }
}

#[test]
fn without_lse_atomics_are_undefined() {
    let mut bench = Bench::of(Features { atomics: false, ..Features::MAX });
    for text in ["ldadd x1, x2, [x0]", "cas x1, x2, [x0]"] {
        assert_eq!(bench.trap(text, &[tagged(0, 0)]).esr, 0x0200_0000);
    }
}

#[test]
fn ldtr_and_sttr_at_el1_are_accesses_of_el0() {
    let mut bench = Bench::new();
    bench.tags(0, &[6]);
    // No right to EL1's window; a fault of the same level, since EL1 executed it.
    assert_eq!(bench.trap("ldtr x1, [x0]", &[tagged(0, 6)]).esr, 0x9600_000f);
    let address = pointer(Window::TaggedEl0, 0, 5);
    assert_eq!(bench.trap("ldtr x1, [x0]", &[address]).esr, LOAD_FAULT);
    assert_eq!(bench.trap("sttrb w1, [x0]", &[address]).esr, STORE_FAULT);
    // TCF0 decides, and TFSRE0_EL1 keeps the fault.
    bench.sys(SysReg::Sctlr, reset::SCTLR & !(3 << 38) | 2 << 38);
    let done = bench.calm("sttr x1, [x0]", &[address]);
    assert_eq!((done.reply.sys[SysReg::Tfsr as usize], done.reply.sys[SysReg::Tfsre0 as usize]), (0, 1));
    bench.sys(SysReg::Sctlr, reset::SCTLR & !(1 << 42));
    bench.calm("sttr x1, [x0]", &[address]);
}
