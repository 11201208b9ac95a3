//! Instructions that not every CPU has: 128-bit atomics, read-check-write atomics, 64-byte accesses, guarded control stacks,
//! unprivileged and floating-point atomics, and loads by authenticated pointers.

use abi::mailbox::{PageKind, SysReg};
use abi::map::Window;

use super::{Bench, LOAD_FAULT, pointer, tagged};
use model::cpu::reset;
use model_base::{Features, Hypervisor, choice::Choices, defect::Defect};

/// ESR_EL1 of what is UNDEFINED.
const UNDEFINED: u64 = 0x0200_0000;
/// Of an alignment fault at EL1 of a load, and of a store.
const LOAD_ALIGNMENT: u64 = 0x9600_0021;
const STORE_ALIGNMENT: u64 = 0x9600_0061;
/// SCTLR_EL1.EnALS.
const ENALS: u64 = 1 << 56;

fn everything() -> Bench {
    Bench::of(Features::EVERYTHING)
}

/// The flags that an instruction leaves.
fn flags(bench: &mut Bench, text: &str, x: &[u64]) -> u64 {
    bench.calm(text, x).reply.pstate >> 28
}

#[test]
fn what_a_cpu_lacks_is_undefined_at_both_levels() {
    for text in [
        "swpp x1, x2, [x0]",
        "ldiapp x1, x2, [x0]",
        "ldapr x1, [x0], #8",
        "stl1 {v0.d}[1], [x0]",
        "ld64b x8, [x0]",
        "st64bv x1, x8, [x0]",
        "gcsstr x1, [x0]",
        "rcwcas x1, x2, [x0]",
        "ldtadd x1, x2, [x0]",
        "stfadd s0, [x0]",
    ] {
        for el in [0, 1] {
            let mut bench = Bench::new();
            bench.el = el;
            let base = if el == 0 { pointer(Window::TaggedEl0, 0, 0) } else { tagged(0, 0) };
            assert_eq!(bench.trap(text, &[base]).esr, UNDEFINED, "{text} at EL{el}");
        }
    }
}

#[test]
fn what_a_kernel_hides_may_be_there_where_nothing_traps_it() {
    let outcomes = |text: &str, hypervisor: Hypervisor| {
        let mut bench = Bench::new();
        bench.platform.hypervisor = hypervisor;
        bench.trap(text, &[tagged(0, 0)]);
        bench.choices.taken().len()
    };
    assert_eq!(outcomes("rcwcas x1, x2, [x0]", Hypervisor::Kvm), 1);
    assert_eq!(outcomes("rcwcas x1, x2, [x0]", Hypervisor::Board), 0);
    assert_eq!(outcomes("swpp x1, x2, [x0]", Hypervisor::Kvm), 0);
}

#[test]
fn atomics_of_quadwords_take_the_first_register_as_the_low_half() {
    let mut bench = everything();
    let base = tagged(0, 0);
    let done = bench.calm(
        "stp x3, x4, [x0]; swpp x1, x2, [x0]; ldp x5, x6, [x0]; ldsetp x7, x8, [x0]; ldp x9, x10, [x0]; ldclrp x11, x12, [x0]; ldp x13, x14, [x0]",
        &[base, 1, 2, 3, 4, 0, 0, 0x10, 0x20, 0, 0, 0x11, 2],
    );
    let x = done.reply.x;
    assert_eq!(x[1..9], [3, 4, 3, 4, 1, 2, 1, 2]);
    assert_eq!(x[9..15], [0x11, 0x22, 0x11, 0x22, 0, 0x20]);
    bench.tags(0, &[3]);
    assert_eq!(bench.trap("swpp x1, x2, [x0]", &[base]).esr, LOAD_FAULT);
    assert_eq!(bench.trap("swpp x1, x2, [x0]", &[base + 8]).esr, LOAD_ALIGNMENT);
}

#[test]
fn ordered_accesses_move_their_base_by_their_size() {
    let mut bench = everything();
    let base = tagged(64, 0);
    let done = bench.calm(
        "stlr x1, [x0, #-8]!; stlr w1, [x0, #-4]!; stilp x1, x2, [x3, #-16]!; ldapr w4, [x0], #4; ldapr x5, [x0], #8; ldiapp x6, x7, [x3], #16; ldiapp w8, w9, [x10]; stilp w2, w1, [x11, #-8]!",
        &[base, 0x1111_2222_3333_4444, 5, base - 32, 0, 0, 0, 0, 0, 0, base - 48, base - 64 + 8],
    );
    let x = done.reply.x;
    assert_eq!((x[0], x[3], x[11]), (base, base - 32, base - 64));
    assert_eq!(x[4..10], [0x3333_4444, 0x1111_2222_3333_4444, 0x1111_2222_3333_4444, 5, 0x3333_4444, 0x1111_2222]);
    assert_eq!((bench.word(0), bench.word(16)), (0x3333_4444_0000_0005, 0x1111_2222_3333_4444));
    // Within 16 bytes an address need not be aligned, as with other acquire and release accesses.
    bench.calm("ldapr w4, [x0], #4; stilp w1, w2, [x3, #-8]!", &[base + 3, 1, 2, base + 15]);
    assert_eq!(bench.trap("ldapr x4, [x0], #8", &[base + 9]).esr, LOAD_ALIGNMENT);
}

#[test]
fn ordered_accesses_of_vectors_are_checked_and_aligned() {
    let mut bench = everything();
    bench.v = Some(std::array::from_fn(|n| [n as u64, 0x100 + n as u64]));
    let base = tagged(0, 0);
    let done =
        bench.calm("stlur q1, [x0, #16]; stl1 {v2.d}[1], [x0]; ldapur d3, [x0, #24]; ldap1 {v4.d}[1], [x0]", &[base]);
    let v = done.v.unwrap();
    assert_eq!((v[3], v[4]), ([0x101, 0], [4, 0x102]));
    assert_eq!(bench.trap("ldap1 {v4.d}[1], [x0]", &[base + 12]).esr, LOAD_ALIGNMENT);
    bench.tags(0, &[3]);
    assert_eq!(bench.trap("ldap1 {v4.d}[1], [x0]", &[base]).esr, LOAD_FAULT);
    assert_eq!(bench.trap("ldapur b4, [x0]", &[base]).esr, LOAD_FAULT);
}

#[test]
fn read_check_write_atomics_report_what_they_did() {
    let mut bench = everything();
    let base = tagged(0, 0);
    bench.fill(0, 8, 0);
    assert_eq!(flags(&mut bench, "rcwswp x1, x2, [x0]", &[base, 5]), 0b0010);
    assert_eq!(flags(&mut bench, "rcwcas x1, x2, [x0]", &[base, 4, 9]), 0b1010);
    assert_eq!((bench.word(0), flags(&mut bench, "rcwcas x1, x2, [x0]", &[base, 5, 9])), (5, 0b0010));
    assert_eq!((flags(&mut bench, "rcwclr x1, x2, [x0]", &[base, 8]), bench.word(0)), (0b0010, 1));
    assert_eq!((flags(&mut bench, "rcwset x1, x2, [x0]", &[base, 6]), bench.word(0)), (0b0010, 7));
    // Software checks: valid stays; what else of a valid entry may change is for RCWSMASK_EL1 to say.
    assert_eq!((flags(&mut bench, "rcwsclr x1, x2, [x0]", &[base, 1]), bench.word(0)), (0, 7));
    assert_eq!((flags(&mut bench, "rcwsset x1, x2, [x0]", &[base, 8]), bench.word(0)), (0b0010, 15));
    bench.choices = Choices::answering(vec![1]);
    assert_eq!((flags(&mut bench, "rcwsswp x1, x2, [x0]", &[base, 3]), bench.word(0)), (0, 15));
    bench.choices = Choices::default();
    assert_eq!(bench.trap("rcwswp x1, x2, [x0]", &[base + 1]).esr, LOAD_ALIGNMENT);
    assert_eq!(bench.trap("rcwswpp x1, x2, [x0]", &[base]).esr, UNDEFINED);
}

#[test]
fn sixty_four_bytes_go_to_eight_registers() {
    let mut bench = everything();
    let base = tagged(64, 0);
    let mut x = [base; 24];
    (8..16).for_each(|n| x[n] = n as u64);
    let done = bench.calm("st64b x8, [x0]; ld64b x16, [x0]", &x);
    assert_eq!(done.reply.x[16..24], [8, 9, 10, 11, 12, 13, 14, 15]);
    assert_eq!(bench.trap("st64b x8, [x0]", &[base + 32]).esr, STORE_ALIGNMENT);
    // Memory need not support them.
    bench.choices = Choices::answering(vec![1]);
    assert_eq!(bench.trap("ld64b x8, [x0]", &[base]).esr, 0x9600_0035);
    bench.choices = Choices::default();
    bench.pages(Window::Tagged, 0, PageKind::Unmapped);
    assert_eq!(bench.trap("ld64b x8, [x0]", &[base]).esr, 0x9600_1007, "ESR_EL1.LST");
    bench.pages(Window::Tagged, 0, PageKind::Default);
    bench.el = 0;
    let base = pointer(Window::TaggedEl0, 64, 0);
    assert_eq!(bench.trap("ld64b x8, [x0]", &[base]).esr, 0x2a00_0002);
    assert_eq!(bench.trap("st64bv0 x1, x8, [x0]", &[base]).esr, 0x2a00_0001);
    bench.sys(SysReg::Sctlr, reset::SCTLR | ENALS);
    bench.calm("ld64b x8, [x0]", &[base]);
}

#[test]
fn a_store_with_a_status_leaves_it_unknown() {
    let mut bench = everything();
    let base = tagged(64, 0);
    let done = bench.calm("st64bv x1, x8, [x0]", &[base, 5, 0, 0, 0, 0, 0, 0, 7]);
    assert_eq!((done.unknown.x, bench.word(64)), (1 << 1, 7));
}

#[test]
fn a_control_stack_store_traps_and_names_its_registers() {
    let mut bench = everything();
    assert_eq!(bench.trap("gcsstr x5, [x0]", &[tagged(0, 0)]).esr, 0xb620_00a0);
    assert_eq!(bench.trap("gcsstr xzr, [sp]", &[]).esr, 0xb620_7fe0);
    // With the rights of EL0 it is not asked whether it is enabled, and no page is of a control stack.
    let trap = bench.trap("gcssttr x5, [x0]", &[pointer(Window::TaggedEl0, 0, 0)]);
    assert_eq!(trap.esr, 1 << 40 | 0x9600_004f);
    bench.el = 0;
    assert_eq!(bench.trap("gcssttr x5, [x0]", &[0]).esr, 0xb620_00a0);
}

#[test]
fn unprivileged_atomics_have_the_rights_of_el0() {
    let mut bench = everything();
    let base = pointer(Window::TaggedEl0, 0, 0);
    let done = bench.calm(
        "str x1, [x0]; ldtadd x1, x2, [x0]; ldtclr x1, x3, [x0]; ldtset x4, x5, [x0]; cast x6, x7, [x0]; swpt w8, w9, [x0]; ldtxr x10, [x0]; ldtp x11, x12, [x0]; sttp x8, x1, [x0], #16",
        &[base, 6, 0, 0, 1, 0, 9, 77, 0x55],
    );
    let x = done.reply.x;
    assert_eq!((x[2], x[3], x[5], x[6], x[9], x[10]), (6, 12, 8, 9, 77, 0x55));
    assert_eq!((x[11], bench.word(0), bench.word(8)), (0x55, 0x55, 6));
    // EL1's own memory is out of reach: a permission fault.
    for text in ["ldtadd x1, x2, [x0]", "cast x1, x2, [x0]", "ldtxr x1, [x0]", "ldtp x1, x2, [x0]"] {
        assert_eq!(bench.trap(text, &[tagged(0, 0)]).esr, 0x9600_000f, "{text}");
    }
}

#[test]
fn floating_point_atomics_return_the_old_value() {
    let mut bench = everything();
    bench.v = Some([[u64::MAX; 2]; 32]);
    let done = bench.calm("str x1, [x0]; ldfadd s2, s3, [x0]; stbfmax h2, [x0, #0]", &[tagged(0, 0), 0x3f80_0000]);
    assert_eq!(done.v.unwrap()[3], [0x3f80_0000, 0]);
    bench.tags(0, &[3]);
    assert_eq!(bench.trap("ldfadd d2, d3, [x0]", &[tagged(0, 0)]).esr, LOAD_FAULT);
}

#[test]
fn a_load_by_an_authenticated_pointer_takes_it_as_it_is_without_keys() {
    let mut bench = Bench::of(Features { isar1: Features::MAX.isar1 | 1 << 4, ..Features::MAX });
    let base = tagged(64, 0);
    let done = bench.calm("str x0, [x0, #8]; ldraa x1, [x0, #8]; ldrab x2, [x3, #-8]!", &[base, 0, 0, base + 16]);
    assert_eq!(done.reply.x[..4], [base, base, base, base + 8]);
    bench.tags(4, &[3]);
    assert_eq!(bench.trap("ldraa x1, [x0]", &[base]).esr, LOAD_FAULT);
    bench.sp = base;
    bench.calm("ldraa x1, [sp]", &[]);
    let mut bench = Bench::of(Features { isar1: 0, isar2: 0, ..Features::MAX });
    assert_eq!(bench.trap("ldraa x1, [x0]", &[base]).esr, UNDEFINED);
}

/// TCR_EL1.MTX0 and MTX1, TBI0 and TBI1.
const MTX: u64 = 0b11 << 60;
const TBI: u64 = 0b11 << 37;

#[test]
fn extended_checks_want_canonical_tags_where_memory_has_none() {
    let mut bench = everything();
    let untagged = |tag| pointer(Window::Untagged, 64, tag);
    bench.sys(SysReg::Tcr, reset::TCR | MTX);
    bench.calm("ldr x1, [x0]; str x1, [x0]; ldg x2, [x0]", &[untagged(0)]);
    assert_eq!(bench.trap("ldr x1, [x0]", &[untagged(3)]).esr, LOAD_FAULT);
    bench.sys(SysReg::Tcr, reset::TCR);
    bench.calm("ldr x1, [x0]", &[untagged(3)]);
    // In the upper half the canonical tag is 0b1111.
    let upper = |tag| untagged(tag) | abi::map::UPPER_HALF & !(0xff << 56);
    bench.sys(SysReg::Tcr, reset::TCR | MTX);
    assert_eq!(bench.calm("ldr x1, [x0]; ldg x2, [x0]", &[upper(15), 0, 0]).reply.x[2], 0xf << 56);
    assert_eq!(bench.trap("ldr x1, [x0]", &[upper(0)]).esr, LOAD_FAULT);
}

#[test]
fn tags_cannot_be_stored_where_they_are_canonical() {
    let mut bench = everything();
    bench.sys(SysReg::Tcr, reset::TCR | MTX);
    for text in ["stg x0, [x0]", "st2g x0, [x0]", "stzg x0, [x0]", "stgp x1, x1, [x0]", "stgm x1, [x0]", "dc gva, x0"] {
        let trap = bench.trap(text, &[pointer(Window::Untagged, 256, 0)]);
        assert_eq!(trap.esr, 1 << 42 | 0x9600_004f, "{text}");
    }
    bench.calm("stg x0, [x0]", &[tagged(64, 5)]);
    assert_eq!(bench.read_tags(4, 1), [5]);
}

#[test]
fn of_two_granules_that_fault_either_is_reported() {
    let new = || {
        let mut bench = everything();
        bench.sys(SysReg::Tcr, reset::TCR | MTX);
        bench.pages(Window::Untagged, 4096, PageKind::Unmapped);
        bench
    };
    let last = pointer(Window::Untagged, 4096 - 16, 0);
    for text in ["st2g x0, [x0]", "stz2g x0, [x0]"] {
        let seen = Bench::permitted(new, text, &[last], |_, done| (done.traps[0].esr, done.traps[0].far));
        assert_eq!(seen, [(1 << 42 | 0x9600_004f, last), (0x9600_0047, last + 16)], "{text}");
    }
}

#[test]
fn with_extended_checks_a_tag_is_no_part_of_the_address() {
    let mut bench = everything();
    bench.tags(4, &[5]);
    bench.sys(SysReg::Tcr, (reset::TCR | MTX) & !TBI);
    bench.calm("ldr x1, [x0]", &[tagged(64, 5)]);
    assert_eq!(bench.trap("ldr x1, [x0]", &[tagged(64, 6)]).esr, LOAD_FAULT);
    assert_eq!(bench.trap("ldr x1, [x0]", &[tagged(64, 5) | 1 << 60]).esr, 0x9600_0004);
    bench.sys(SysReg::Tcr, reset::TCR & !TBI);
    assert_eq!(bench.trap("ldr x1, [x0]", &[tagged(64, 5)]).esr, 0x9600_0004);
}

#[test]
fn extended_checks_that_a_cpu_lacks_are_reserved() {
    let mut bench = Bench::new();
    bench.sys(SysReg::Tcr, reset::TCR | MTX);
    let done = bench.calm("ldr x1, [x0]; stg x0, [x0]", &[pointer(Window::Untagged, 64, 3)]);
    assert_eq!(done.reply.sys[SysReg::Tcr as usize], reset::TCR);
}

/// What a CPU with all features shows, for the defects of its rules.
pub(super) fn observe(defect: Option<&'static Defect>) -> Vec<String> {
    let mut seen = Vec::new();
    let (el1, el0) = (tagged(64, 0), pointer(Window::TaggedEl0, 64, 0));
    for (el, base, text) in [
        (1, el1, "swpp x8, x9, [x0]; ldclrp x10, x11, [x0]"),
        (1, el1, "ldfadd s1, s2, [x0]; stfmax d1, [x0]"),
        (1, el1, "movz x1, #5; rcwswp x1, x2, [x0]; rcwcas x3, x1, [x0]; rcwscas x1, xzr, [x0]; rcwset x1, x3, [x4]"),
        (1, el1, "rcwcas x3, x1, [x0]; mrs x9, nzcv"),
        (1, el1, "rcwswpp x1, x2, [x0]"),
        (1, el1, "st64b x8, [x0]; ld64b x14, [x0]; ld64b x2, [x1]"),
        (
            1,
            el1,
            "st64b x8, [x4]; ld64b x14, [x5]; ld64b x14, [x6]; rcwswp x1, x2, [x6]; swpp x8, x9, [x6]; ldfadd s1, s2, [x6]",
        ),
        (0, el0, "ld64b x8, [x0]; st64bv x1, x8, [x0]"),
        (
            1,
            el1,
            "ldapr x8, [x0], #8; ldap1 {v0.d}[1], [x4]; ldap1 {v0.d}[1], [x4]; add x4, x4, #8; ldap1 {v0.d}[1], [x4]",
        ),
        (1, el1, "gcsstr x1, [x0]; gcssttr x1, [x0]"),
        (1, el1, "ldtadd x1, x2, [x0]; cast x1, x2, [x0]; ldtxr x1, [x0]"),
    ] {
        let mut bench = everything();
        if let Some(defect) = defect {
            bench = bench.with(defect);
        }
        bench.v = Some(std::array::from_fn(|n| [n as u64, !(n as u64)]));
        bench.fill(0, 512, 0x91);
        bench.tags(32, &[3; 4]);
        bench.pages(Window::Tagged, 0x2000, PageKind::Unmapped);
        bench.el = el;
        let mut x = [0x77; 31];
        (x[0], x[1], x[3]) = (base, base, 3);
        (x[4], x[5], x[6]) = (base + 4, tagged(0x2000, 0), tagged(512, 0));
        (8..16).for_each(|n| x[n] = 0x0101_0101_0101_0101 * n as u64);
        let done = bench.run(text, &x);
        seen.push(format!("{:x?} {:x?} {:x?} {:x?}", done.reply, done.traps, done.v, done.unknown));
        seen.push(format!("{:x?}", (0..12).map(|n| bench.word(64 + 8 * n)).collect::<Vec<_>>()));
    }
    for tcr in [reset::TCR | MTX, (reset::TCR | MTX) & !TBI] {
        let mut bench = everything();
        if let Some(defect) = defect {
            bench = bench.with(defect);
        }
        bench.tags(4, &[5]);
        bench.sys(SysReg::Tcr, tcr);
        let upper = pointer(Window::Untagged, 64, 15) | abi::map::UPPER_HALF & !(0xff << 56);
        let text = "ldr x1, [x0]; stg x0, [x0]; ldg x3, [x4]; ldr x1, [x2]; ldr x1, [x5]";
        let x = [pointer(Window::Untagged, 64, 3), 0, tagged(64, 5), 0, upper, tagged(64, 6)];
        let done = bench.run(text, &x);
        seen.push(format!("{:x?} {:x?}", done.reply, done.traps));
    }
    let mut bench = Bench::new();
    if let Some(defect) = defect {
        bench = bench.with(defect);
    }
    let done = bench.run("swpp x1, x2, [x0]; ldraa x3, [x0]", &[el1]);
    seen.push(format!("{:x?} {:x?}", done.reply, done.traps));
    seen
}
