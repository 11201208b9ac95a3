//! HVC at EL1: what each function gives, and what it leaves alone.

use super::Bench;
use crate::Outcome;
use model::cpu::Vectors;
use model_base::{Hypervisor, Platform};

const NOT_SUPPORTED: u64 = u64::MAX;

fn bench(hypervisor: Hypervisor, psci_minor: u64) -> Bench {
    let mut bench = Bench::new();
    bench.platform = Platform { cpu: 1, cpus: 2, off: 0, hypervisor, psci_minor };
    bench
}

/// Calls a function; returns x0 to x4.
fn call(bench: &mut Bench, x: [u64; 3]) -> [u64; 5] {
    let done = bench.calm("hvc #0", &[x[0], x[1], x[2], 0x33, 0x44]);
    std::array::from_fn(|n| done.reply.x[n])
}

#[test]
fn kvm_writes_four_results_and_the_board_one() {
    for function in [0x8400_0000, 0x8400_0060] {
        let [_, rest @ ..] = call(&mut bench(Hypervisor::Kvm, 1), [function, 0x11, 0x22]);
        assert_eq!(rest, [0, 0, 0, 0x44]);
        let [_, rest @ ..] = call(&mut bench(Hypervisor::Board, 1), [function, 0x11, 0x22]);
        assert_eq!(rest, [0x11, 0x22, 0x33, 0x44]);
    }
    // ARM_SMCCC_ARCH_WORKAROUND_1 never gets to the kernel, which has applied it.
    assert_eq!(call(&mut bench(Hypervisor::Kvm, 1), [0x8000_8000, 0x11, 0x22]), [0, 0, 0x22, 0x33, 0x44]);
    // The UUID of KVM, 28b46fb6-2ec5-11e9-a9ca-4b564d003a74.
    let [uuid @ .., _] = call(&mut bench(Hypervisor::Kvm, 1), [0x8600_ff01, 0, 0]);
    assert_eq!(uuid, [0xb66f_b428, 0xe911_c52e, 0x564b_caa9, 0x743a_004d]);
}

/// Function, x1, x2; what KVM returns in 6.12, and the board.
const ANSWERS: &[([u64; 3], [i64; 2])] = &[
    ([0x8000_0000, 0, 0], [0x1_0001, -1]),
    ([0x8000_0001, 0xc500_0020, 0], [0, -1]),
    ([0x8000_0001, 0x8000_0001, 0], [-1, -1]),
    ([0x8400_0000, 0, 0], [0x1_0001, 0x1_0001]),
    ([0x1_8400_0000, 0, 0], [0x1_0001, -1]),
    ([0x8400_0005, 0, 0], [-1, -1]),
    ([0x8400_0006, 0, 0], [2, 2]),
    ([0x8400_000a, 0x8400_0008, 0], [0, 0]),
    ([0x8400_000a, 0x8400_0012, 0], [0, -1]),
    ([0x8400_000a, 0x8400_0015, 0], [-1, -1]),
    ([0x8400_000a, 0x8000_0000, 0], [0, -1]),
    ([0x8400_000a, 0x95c1_ba5f, 0], [-1, 0]),
    ([0x8400_000a, 0x1_8400_0000, 0], [0, -1]),
    ([0x8400_0004, 1, 0], [0, 0]),
    ([0x8400_0004, 2, 0], [-2, -2]),
    ([0x8400_0004, 0x1_0000_0001, 0], [0, -2]),
    ([0xc400_0004, 0x1_0000_0001, 0], [-2, -2]),
    ([0xc400_0004, 0x8000_0001, 0], [-2, -2]),
    ([0xc400_0004, 0xff, 1], [0, 0]),
    ([0xc400_0004, 0x100, 1], [-2, 0]),
    ([0xc400_0004, 0, 4], [-2, 0]),
    // The board's CPU_ON is tried below, by `i64::MIN`.
    ([0xc400_0003, 1, 0], [-4, i64::MIN]),
    ([0xc400_0003, 2, 0], [-2, i64::MIN]),
    ([0x8400_0003, 0x1_0000_0001, 0], [-4, i64::MIN]),
    ([0x8400_0050, 0, 0], [0x1_0000, -1]),
    ([0x8400_0051, 0xc400_0053, 0], [0, -1]),
    ([0x95c1_ba61, 0, 0], [-1, -1]),
    ([0x95c1_ba5f, 0, 0], [-1, i64::MIN]),
    ([0x4060_0000, 0, 0], [-1, -1]),
];

#[test]
fn functions_give_what_the_sources_say() {
    for (x, expected) in ANSWERS {
        for (hypervisor, expected) in [Hypervisor::Kvm, Hypervisor::Board].into_iter().zip(expected) {
            // What this stands for is tried below.
            if *expected != i64::MIN {
                let [found, ..] = call(&mut bench(hypervisor, 1), *x);
                assert_eq!(found.cast_signed(), *expected, "{x:#x?} on {hypervisor:?}");
            }
        }
    }
}

#[test]
fn functions_of_psci_come_with_its_minor_version() {
    for (minor, reset2, off2) in [(0, NOT_SUPPORTED, NOT_SUPPORTED), (1, 0, NOT_SUPPORTED), (3, 0, 1)] {
        let mut bench = bench(Hypervisor::Kvm, minor);
        assert_eq!(call(&mut bench, [0x8400_0000, 0, 0])[0], 0x1_0000 | minor);
        assert_eq!(call(&mut bench, [0x8400_000a, 0xc400_0012, 0])[0], reset2, "1.{minor}");
        assert_eq!(call(&mut bench, [0x8400_000a, 0xc400_0015, 0])[0], off2, "1.{minor}");
    }
}

#[test]
fn what_a_workaround_needs_is_the_hosts_to_say() {
    let found = |feature| {
        let new = || bench(Hypervisor::Kvm, 1);
        let mut all = Bench::permitted(new, "hvc #0", &[0x8000_0001, feature], |_, done| done.reply.x[0].cast_signed());
        all.sort_unstable();
        all
    };
    assert_eq!(found(0x8000_8000), [-1, 0, 1]);
    assert_eq!(found(0x8000_7fff), [-2, -1]);
}

#[test]
fn a_call_that_ends_the_machine_is_not_specified() {
    for (hypervisor, functions) in [
        (Hypervisor::Kvm, &[0x8400_0008, 0x8400_0009, 0x8400_0002, 0x8400_0001, 0xc400_0012][..]),
        (Hypervisor::Board, &[0x8400_0008, 0x8400_0009, 0x8400_0002, 0xc400_0003, 0x95c1_ba5f][..]),
    ] {
        for function in functions {
            let mut bench = bench(hypervisor, 1);
            bench.x[0] = *function;
            let word = assembler::assemble("hvc #0").unwrap()[0].encode();
            assert!(matches!(bench.outcome(&[word]), Outcome::Unmodelled { .. }), "{function:#x} on {hypervisor:?}");
        }
    }
}

#[test]
fn only_kvm_takes_the_exclusive_monitor() {
    let text = "ldxr x5, [x6]; hvc #0; stxr w7, x5, [x6]";
    for (hypervisor, failed) in [(Hypervisor::Kvm, 1), (Hypervisor::Board, 0)] {
        let done = bench(hypervisor, 1).calm(text, &[0, 0, 0, 0, 0, 0, super::tagged(0, 0)]);
        assert_eq!(done.reply.x[7], failed, "{hypervisor:?}");
    }
}

#[test]
fn arguments_are_known_and_so_are_results() {
    // A load of two registers that faults makes the first one UNKNOWN, whose lower half goes to a general register.
    let forget = |register| format!("ld1 {{v0.16b, v1.16b}}, [x5]; str d1, [x6]; ldr x{register}, [x6]; hvc #0");
    for (hypervisor, function, register, expected) in [
        (Hypervisor::Kvm, 0x8400_0000, 1, None),
        (Hypervisor::Board, 0x8400_0000, 2, None),
        (Hypervisor::Kvm, 0x8400_0000, 3, Some(0)),
        (Hypervisor::Board, 0x8400_0000, 3, Some(0b1000)),
        // This one leaves x3 alone.
        (Hypervisor::Kvm, 0x8000_8000, 3, Some(0b1000)),
        (Hypervisor::Kvm, 0x8400_0000, 4, Some(0b1_0000)),
    ] {
        let mut bench = bench(hypervisor, 1);
        bench.v = Some(Vectors::default());
        bench.tags(2, &[5, 6]);
        bench.x[0] = function;
        (bench.x[5], bench.x[6]) = (super::tagged(0x20, 5), super::tagged(0, 0));
        let words: Vec<u32> =
            assembler::assemble(&forget(register)).unwrap().into_iter().map(isa::Insn::encode).collect();
        let found = match bench.outcome(&words) {
            Outcome::Done(done) => Some(done.unknown.x),
            Outcome::Unmodelled { .. } => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{hypervisor:?}, {function:#x}, x{register}");
    }
}
