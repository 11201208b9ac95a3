//! Pointers with codes: what each instruction does with its keys enabled and with them disabled, and where it is UNDEFINED.

use abi::mailbox::SysReg;

use super::{Bench, LOAD_FAULT, tagged, upper};
use model::cpu::reset;
use model_base::{Features, Hypervisor, choice::Choices, defect::Defect};

const UNDEFINED: u64 = 0x0200_0000;
/// SCTLR_EL1.{EnIA, EnIB, EnDA, EnDB}.
const ENABLED: u64 = reset::SCTLR | 1 << 31 | 1 << 30 | 1 << 27 | 1 << 13;
/// Bits 54:39.
const CODE: u64 = 0xffff << 39;
const DA: u64 = 0b10;

/// A CPU with this level of QARMA5, and PACGA.
/// A CPU of a level of pointer authentication that can also extend its checks (ID_AA64PFR1_EL1.MTEX).
fn signing(level: u64) -> Bench {
    let pfr1 = Features::MAX.pfr1 | 1 << 52;
    let mut bench = Bench::of(Features { isar1: level << 4 | 1 << 24, pfr1, ..Features::MAX });
    bench.sys(SysReg::Sctlr, ENABLED);
    for (half, value) in SysReg::KEYS.into_iter().zip(1..) {
        bench.sys(half, value * 0x0101_0101_0101_0101);
    }
    bench
}

#[test]
fn a_signed_pointer_keeps_its_tag_and_is_authentic() {
    for level in 1..=5 {
        let mut bench = signing(level);
        for pointer in [tagged(64, 5), upper(64, 5)] {
            let done =
                bench.calm("pacda x0, x1; orr x2, x0, xzr; autda x2, x1; orr x3, x0, xzr; xpacd x3", &[pointer, 7]);
            let x = done.reply.x;
            assert_ne!(x[0], pointer);
            assert_eq!((x[0] & !CODE, x[2], x[3]), (pointer & !CODE, pointer, pointer));
        }
    }
}

#[test]
fn a_pointer_that_is_not_authentic_fails_as_the_level_says() {
    let text = "pacda x0, x1; eor x0, x0, #0x0100000000000000; autda x0, x1";
    for level in 1..=3 {
        let found = signing(level).calm(text, &[tagged(64, 5), 7]).reply.x[0];
        assert_eq!(found & !CODE, tagged(64, 4));
        assert_ne!(found, tagged(64, 4));
    }
    for level in [4, 5] {
        assert_eq!(signing(level).trap(text, &[tagged(64, 5), 7]).esr, 0x7200_0000 | DA);
        let by_ib = text.replace("da", "ib");
        assert_eq!(signing(level).trap(&by_ib, &[tagged(64, 5), 7]).esr, 0x7200_0001);
    }
}

#[test]
fn a_key_that_is_disabled_leaves_pointers_as_they_are() {
    let mut bench = signing(5);
    bench.sys(SysReg::Sctlr, reset::SCTLR | 1 << 31);
    let done = bench.calm("pacia x0, x8; pacib x1, x8; pacda x2, x8; pacdb x3, x8", &[tagged(0, 5); 4]);
    let changed: Vec<_> = done.reply.x[..4].iter().map(|x| *x != tagged(0, 5)).collect();
    assert_eq!(changed, [true, false, false, false]);
}

#[test]
fn a_load_authenticates_its_base_first() {
    let mut bench = signing(5);
    bench.tags(4, &[5]);
    let done = bench.calm("pacdza x0; orr x1, x0, xzr; ldraa x2, [x0, #8]; ldraa x3, [x1, #8]!", &[tagged(64, 5)]);
    assert_eq!((done.reply.x[1], done.reply.x[0] & !CODE), (tagged(72, 5), tagged(64, 5)));
    assert_ne!(done.reply.x[0], tagged(64, 5));
    let trap = bench.trap("pacdzb x0; ldrab x2, [x0, #8]!", &[tagged(64, 9)]);
    assert_eq!((trap.esr, trap.far), (LOAD_FAULT, tagged(72, 9)));
    assert_eq!(bench.trap("ldraa x2, [x0]", &[tagged(64, 5) | 1 << 39]).esr, 0x7200_0002);
    // Without FEAT_FPACCOMBINE it loads by what is no address: a translation fault at level 0.
    let mut bench = signing(4);
    bench.tags(4, &[5]);
    assert_eq!(bench.trap("ldraa x2, [x0]", &[tagged(64, 5) | 1 << 39]).esr, 0x9600_0004);
}

#[test]
fn the_generic_code_is_that_of_the_paper() {
    let mut bench = signing(5);
    bench.sys(SysReg::ApgaKeyLo, 0xec28_02d4_e0a4_88e9).sys(SysReg::ApgaKeyHi, 0x84be_85ce_9804_e94b);
    let done = bench.calm("pacga x0, x1, x2", &[0, 0xfb62_3599_da6e_8127, 0x477d_469d_ec0b_8762]);
    assert_eq!((done.reply.x[0], done.unknown.x), (0xc003_b939_0000_0000, 0));
}

#[test]
fn an_algorithm_that_nobody_tells_is_not_covered() {
    let undisclosed = || Bench::of(Features { isar1: 5 << 8 | 1 << 28, midr: 0x611f_0220, ..Features::MAX });
    let mut bench = undisclosed();
    assert_eq!(bench.calm("pacga x0, x1, x2", &[]).unknown.x, 1);
    bench.sys(SysReg::Sctlr, ENABLED);
    let words: Vec<u32> = assembler::assemble("pacda x0, x1").unwrap().into_iter().map(isa::Insn::encode).collect();
    assert!(matches!(bench.outcome(&words), crate::Outcome::Unmodelled { .. }));
}

#[test]
fn keys_are_there_with_the_feature_and_0_in_the_next_block() {
    let mut bench = signing(1);
    let read = "mrs x0, apiakeylo_el1; mrs x1, apgakeyhi_el1; msr apdbkeyhi_el1, x2; mrs x3, apdbkeyhi_el1";
    let done = bench.calm(read, &[0, 0, 77]);
    assert_eq!(done.reply.x[..4], [0x0101_0101_0101_0101, 0x0a0a_0a0a_0a0a_0a0a, 77, 77]);
    assert_eq!(done.reply.sys[SysReg::ApdbKeyHi as usize], 77);
    bench.sys = [None; abi::mailbox::SYS_REGS];
    assert_eq!(bench.calm(read, &[]).reply.x[..2], [0, 0]);
    bench.el = 0;
    assert_eq!(bench.trap("mrs x0, apiakeylo_el1", &[]).esr, UNDEFINED);
    let mut bench = Bench::of(Features { isar1: 0, isar2: 0, ..Features::MAX });
    assert_eq!(bench.trap("mrs x0, apiakeylo_el1", &[]).esr, UNDEFINED);
    assert_eq!(bench.trap("msr apgakeyhi_el1, x0", &[]).esr, UNDEFINED);
}

#[test]
fn enables_are_reserved_without_the_feature() {
    let without = |hypervisor| {
        let mut bench = Bench::of(Features { isar1: 0, isar2: 0, ..Features::MAX });
        bench.platform.hypervisor = hypervisor;
        bench.sys(SysReg::Sctlr, ENABLED);
        bench
    };
    let all = |hypervisor| {
        Bench::permitted(
            || without(hypervisor),
            "paciasp; pacia x0, x1",
            &[],
            |_, done| done.traps.iter().map(|trap| (trap.pc >> 2 & 1, trap.esr)).collect::<Vec<_>>(),
        )
    };
    assert_eq!(all(Hypervisor::Board), [vec![(1, UNDEFINED)]]);
    // KVM traps what the CPU has and a VM does not.
    let found = all(Hypervisor::Kvm);
    assert!(
        found.contains(&vec![(0, UNDEFINED), (1, UNDEFINED)]) && found.contains(&vec![(1, UNDEFINED)]),
        "{found:?}"
    );
}

#[test]
fn what_is_unknown_is_not_signed() {
    let mut bench = Bench::of(Features { isar1: 5 << 4 | 1 << 28, midr: 0x611f_0220, ..Features::MAX });
    bench.sys(SysReg::Sctlr, ENABLED);
    bench.choices = Choices::default();
    let words: Vec<u32> =
        assembler::assemble("pacga x0, x1, x2; pacda x0, x1").unwrap().into_iter().map(isa::Insn::encode).collect();
    assert!(matches!(bench.outcome(&words), crate::Outcome::Unmodelled { .. }));
}

/// What CPUs with pointer authentication show, for the defects of its rules.
pub(super) fn observe(defect: Option<&'static Defect>) -> Vec<String> {
    let mut seen = Vec::new();
    for level in [1, 2, 3, 5] {
        for (sctlr, text) in [
            (
                reset::SCTLR,
                "pacia x0, x1; autdza x0; xpaci x0; xpacd x1; paciasp; xpaclri; pacga x2, x0, x1; ldraa x3, [x0]",
            ),
            (
                ENABLED,
                "xpacd x0; xpaci x1; xpaclri; pacga x2, x0, x1; pacia x4, x7; pacib x5, x7; pacda x6, x7; pacdb x7, x0",
            ),
            (ENABLED, "pacda x4, x7; autda x4, x7; pacdb x5, x7; autdb x5, x1; pacia x6, x7; autia x6, x5; pacibsp"),
            (
                ENABLED,
                "pacdza x4; ldraa x2, [x4]; ldraa x3, [x4, #8]!; ldraa x8, [x0]; ldrab x8, [x5]; mrs x9, sctlr_el1",
            ),
            (ENABLED & !(1 << 13), "pacda x4, x7; pacdb x5, x7; pacda x8, x7; autda x8, x7"),
        ] {
            let mut bench = signing(level);
            if let Some(defect) = defect {
                bench = bench.with(defect);
            }
            bench.tags(4, &[5]).sys(SysReg::Sctlr, sctlr);
            bench.sp = tagged(256, 3);
            let signed = tagged(64, 5) ^ 0x5a5a << 39;
            let x = [
                signed,
                upper(64, 5) ^ 0x5a5a << 39,
                0,
                0,
                tagged(64, 5),
                tagged(64, 5),
                upper(64, 9),
                7,
                tagged(64, 5) | 1 << 44,
            ];
            let done = bench.run(text, &x);
            seen.push(format!("{:x?} {:x?} {:x?}", done.reply, done.traps, done.unknown));
            // Where the top byte counts in the upper half alone, bits 63 and 55 may differ there.
            bench.sys(SysReg::Tcr, reset::TCR & !(1 << 38));
            seen.push(format!("{:x?}", bench.run("pacda x0, x1", &[upper(64, 5) & !(1 << 63)]).reply.x[0]));
            // Where checks are extended, and no top byte is ignored.
            bench.sys(SysReg::Tcr, reset::TCR & !(0b11 << 37) | 0b11 << 60);
            let done = bench.run("pacia x0, x1; pacda x2, x1", &[tagged(64, 5), 7, tagged(64, 5)]);
            seen.push(format!("{:x?}", done.reply.x));
            bench.sys = [None; abi::mailbox::SYS_REGS];
            seen.push(format!("{:x?}", bench.run("mrs x0, apiakeylo_el1", &[]).reply.x[0]));
        }
    }
    seen
}
