//! Kernels that panic, fall silent, or lose their power: no verdict is made up, no case is lost without a word,
//! and a person sees the console's last lines.

use granule_tests::environment::fake_qemu;
use granule_tests::run::{Run, verdicts};
use report::event::{Event, Verdict};
use report::exit::Exit;
use rustix::process::{Signal, kill_process};

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_boot_panic_is_reported_with_the_last_console_lines() {
    let reason = Run::new().append("rdinit=/nonexistent init=/nonexistent").report().broken();
    let panics: Vec<_> = reason.lines().filter(|line| line.contains("Kernel panic - not syncing")).collect();
    // Once as the reason, and once in its place among the last lines, with its time stamp.
    assert!(matches!(panics[..], [_, line] if line.trim_start().starts_with('[')), "{reason}");
}

#[test]
#[ignore = "needs granule and kernels; cargo xtask test runs it"]
fn a_boot_timeout_is_reported_with_the_last_console_lines() {
    let reason = Run::new().qemu(fake_qemu("hangs-in-boot")).option("--timeout", "1").report().broken();
    assert!(reason.contains("the last message before silence"), "{reason}");
}

#[test]
#[ignore = "needs granule and kernels; cargo xtask test runs it"]
fn a_machine_that_is_turned_off_in_boot_is_no_verdict() {
    let reason = Run::new().qemu(fake_qemu("powers-off")).report().broken();
    assert!(reason.contains("reboot: Power down"), "{reason}");
}

/// Wherever the deadline falls, in boot or in a case, it ends the run without a verdict on what did not run.
#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_run_that_takes_too_long_is_ended() {
    let report = Run::new().option("--timeout", "1").report();
    let status = report.ended.status.code();
    let expected = if status == Some(Exit::Failed as i32) { Exit::Failed } else { Exit::Broken };
    match report.events(expected).last() {
        Some(Event::Broken { reason, .. } | Event::CutShort { reason }) => assert!(reason.contains("1 s"), "{reason}"),
        other => panic!("{other:?}: {}", report.ended),
    }
}

/// The power plug, pulled while a case runs: that case fails, and the others are not said to have passed.
#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_machine_that_dies_in_a_case_fails_it_and_cuts_the_run_short() {
    let mut run = Run::new().start();
    run.wait_for_event(|event| matches!(event, Event::Begin(_)));
    kill_process(run.emulator(), Signal::KILL).unwrap();
    let events = run.report().events(Exit::Failed);
    assert!(matches!(events.last(), Some(Event::CutShort { .. })), "{:?}", events.last());
    let (last, before) = verdicts(&events).split_last().map(|(last, before)| (last.clone(), before.to_vec())).unwrap();
    assert!(matches!(last.1, Verdict::Failed(_)), "{last:?}");
    assert!(before.iter().all(|(_, verdict)| *verdict == Verdict::Passed), "{before:?}");
}
