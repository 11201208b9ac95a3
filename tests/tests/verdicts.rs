//! The main job, with every case: what a right machine and a wrong one come to.

use granule_tests::environment::{self, KERNEL_6_1, KERNEL_6_12, QEMU_7_2};
use granule_tests::run::{Run, case_names, verdicts};
use granule_tests::verdict_tables::assert_expected;
use report::event::{Event, Verdict};
use report::exit::Exit;

/// Runs every case on a kernel, and expects the very verdicts of a cell of the matrix.
fn the_suite_comes_to(cell: &str, kernel: &str, series: &str) {
    let report = Run::new().kernel(environment::file(kernel)).report();
    let events = report.events(Exit::Passed);
    let Some(Event::Started(target)) = events.iter().find(|event| matches!(event, Event::Started(_))) else {
        panic!("no Started: {events:?}");
    };
    assert!(target.kernel.starts_with(series), "{kernel} is Linux {}", target.kernel);
    let ran: Vec<_> = verdicts(&events).into_iter().map(|(name, _)| name).collect();
    assert_eq!(ran, case_names());
    assert!(matches!(events.last(), Some(Event::Finished { .. })), "{:?}", events.last());
    assert_expected(cell, &report);
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn the_suite_comes_to_what_is_expected_on_linux_6_12() {
    the_suite_comes_to("6.12", KERNEL_6_12, "6.12.");
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn the_suite_comes_to_what_is_expected_on_linux_6_1() {
    the_suite_comes_to("6.1", KERNEL_6_1, "6.1.");
}

/// What an erratum excuses is a failure for those who ask for it.
#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_known_failure_fails_a_strict_run() {
    let run = || Run::new().arg("arch.plain.sp-alignment").arg("arch.irg.el0");
    let events = run().report().events(Exit::Passed);
    assert!(matches!(&verdicts(&events)[..], [(_, Verdict::Known { .. }), (_, Verdict::Passed)]), "{events:?}");
    let events = run().arg("--strict").report().events(Exit::Failed);
    assert!(matches!(&verdicts(&events)[..], [(_, Verdict::Failed(_)), (_, Verdict::Passed)]), "{events:?}");
}

/// QEMU 7.2 keeps one tag for all granules of a page. A suite that passes there proves nothing.
#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_qemu_whose_granules_share_a_tag_fails_the_suite() {
    let run = Run::new().qemu(environment::file(QEMU_7_2)).option("--guest-timeout", "2");
    let events = run.report().events(Exit::Failed);
    let verdicts = verdicts(&events);
    let separate = verdicts.iter().find(|(name, _)| name.contains("granule") && name.contains("separate"));
    let Some((name, Verdict::Failed(failure))) = separate else {
        panic!("no failure of the case about separate tags: {separate:?}");
    };
    let named = |event: &Event| matches!(event, Event::LikelyCause { erratum, .. } if erratum == "qemu.granules-of-a-page-share-a-tag");
    assert!(events.iter().any(named), "{events:?}");
    assert!(failure.expected != failure.found && !failure.what.is_empty(), "{name}: {failure:?}");
    assert_eq!(verdicts.len(), case_names().len(), "a failure must not end the run");
}
