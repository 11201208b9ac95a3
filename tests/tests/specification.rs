//! The executable specification, as a user runs it: the suite on the model, and the kill matrix.

use std::process::Command;

use granule_tests::environment::{self, BIN};
use granule_tests::process::{ExitedProcess, Process};
use granule_tests::run::{Report, case_names, verdicts};
use report::event::Verdict;
use report::exit::Exit;

fn granule(words: &[&str]) -> ExitedProcess {
    Process::start(Command::new(environment::file(BIN)).args(words)).end()
}

/// Runs the suite on the model of this kernel and CPU.
fn on_model(words: &[&str]) -> Vec<(String, Verdict)> {
    let report = Report { ended: granule(&[&["run", "--via", "model", "--format", "json"], words].concat()) };
    verdicts(&report.events(Exit::Passed))
}

#[test]
#[ignore = "needs the release build; cargo xtask test runs it"]
fn the_suite_passes_on_the_specification_of_every_kernel_and_cpu() {
    for (kernel, cpu) in [("6.1", "max"), ("6.12", "max"), ("7.2-16k", "max"), ("6.12", "neoverse-n2")] {
        let verdicts = on_model(&["--kernel", kernel, "--cpu", cpu]);
        let names: Vec<_> = verdicts.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(names, case_names());
        // What this CPU lacks has another to be run on.
        let lacks = |verdict: &Verdict| matches!(verdict, Verdict::Skipped(skip) if skip.key.starts_with("cpu-no-"));
        let due = verdicts.iter().filter(|(_, verdict)| !lacks(verdict)).count();
        let passed = verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Passed).count();
        assert!(passed * 10 > due * 9 && passed > 400, "{kernel}, {cpu}: only {passed} of {due} cases were run");
    }
}

/// The whole matrix: every defect must turn a case red, and every case must be needed.
#[test]
#[ignore = "needs the release build; cargo xtask test runs it"]
fn no_defect_survives_the_suite() {
    let ended = granule(&["kill-matrix", "--quiet"]);
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    let ended = granule(&["kill-matrix", "--format", "json", "st2g", "vmm.sp-lost"]);
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    let rows: Vec<serde_json::Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert!(rows.len() > 2, "{ended}");
    for row in rows {
        assert!(row["caught_by"].as_array().is_some_and(|cases| !cases.is_empty()), "{row}");
    }
}

#[test]
#[ignore = "needs the release build; cargo xtask test runs it"]
fn a_defect_that_does_not_exist_is_a_usage_error() {
    let ended = granule(&["kill-matrix", "no-such-rule"]);
    assert_eq!(ended.status.code(), Some(2), "{ended}");
    assert!(ended.stderr.contains("no-such-rule"), "{ended}");
}
