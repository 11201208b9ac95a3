//! FPCR and FPSR.

use super::Bench;
use model_base::Features;

/// What FPCR and FPSR may read as after all ones were written.
fn permitted(features: &Features) -> Vec<[u64; 2]> {
    let new = || Bench::of(features.clone());
    Bench::permitted(new, "msr fpcr, x0; msr fpsr, x0; mrs x1, fpcr; mrs x2, fpsr", &[!0], |_, done| {
        [done.reply.x[1], done.reply.x[2]]
    })
}

#[test]
fn fields_stick_that_the_cpu_has_and_others_as_it_likes() {
    let all = permitted(&Features::MAX);
    // AHP to RMode, FZ16, EBF, FIZ to NEP; the flags of AArch32.
    let least = [0x07c8_2007, 0xf800_009f];
    assert_eq!(all[0], least);
    assert!(all.contains(&[least[0] | 0x37_0000, least[1]]), "Len and Stride");
    assert!(all.contains(&[least[0] | 0x9f00, least[1]]), "exceptions that trap");
    assert!(all.contains(&[!0, !0]), "every RES0 bit is kept");
    assert!(all.iter().all(|[fpcr, fpsr]| fpcr & least[0] == least[0] && fpsr & least[1] == least[1]));
    assert_eq!(all.len(), 16);
    // Without FEAT_AFP, FEAT_EBF16, FEAT_FP16 and AArch32.
    let plain = Features { pfr0: 0x11, isar1: 0, mmfr1: 0, ..Features::MAX };
    let all = permitted(&plain);
    assert_eq!(all[0], [0x07c0_0000, 0x0800_009f]);
    assert!(all.contains(&[0x07c8_2007, 0x0800_009f]), "a hypervisor hides what is there");
}

#[test]
fn each_block_begins_with_zeros_and_both_levels_may_write() {
    let mut bench = Bench::new();
    for el in [1, 0] {
        bench.el = el;
        let done = bench.calm("mrs x1, fpcr; mrs x2, fpsr; msr fpcr, x0; msr fpsr, x0; mrs x3, fpcr", &[1 << 25]);
        assert_eq!(done.reply.x[1..4], [0, 0, 1 << 25]);
    }
}

#[test]
fn without_floating_point_there_are_no_such_registers() {
    let mut bench = Bench::of(Features { pfr0: 0xff_0011, ..Features::MAX });
    for text in ["mrs x1, fpcr", "mrs x1, fpsr", "msr fpcr, x1", "msr fpsr, x1"] {
        assert_eq!(bench.trap(text, &[]).esr, 0x0200_0000, "{text}");
    }
}
