//! Cases that may hang the kernel under test: left alone unless asked for, and survived by the run if they do.

use granule_tests::run::{Run, verdicts};
use report::event::Verdict;
use report::exit::Exit;

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn hazards_are_skipped_unless_asked_for() {
    let events = Run::new().arg("kvm.hazard").report().events(Exit::Unavailable);
    let verdicts = verdicts(&events);
    assert!(!verdicts.is_empty());
    for (name, verdict) in verdicts {
        assert!(matches!(verdict, Verdict::Skipped(_)), "{name}: {verdict:?}");
    }
}

/// Linux 6.12 hangs, as docs/errata.md says, and the run tells and ends.
#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_kernel_hang_is_reported_per_case() {
    let events = Run::new().arg("kvm.hazard").arg("--hazards").report().events(Exit::Passed);
    let verdicts = verdicts(&events);
    assert_eq!(verdicts.len(), 3);
    for (name, verdict) in verdicts {
        let known = matches!(&verdict, Verdict::Known { erratum, .. } if erratum == "linux.buffer-fault-deadlock");
        assert!(known, "{name}: {verdict:?}");
    }
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn hazards_need_more_cpus_than_they_take() {
    let report = Run::new().arg("kvm.hazard").arg("--hazards").option("--smp", "2").report();
    assert!(report.usage().contains("--smp 4"), "{}", report.usage());
}
