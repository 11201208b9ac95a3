//! The `tcg` machine end to end: QEMU alone, without a kernel.

use std::process::Command;

use granule_tests::environment::{self, BIN, FIRMWARE, QEMU, QEMU_7_2};
use granule_tests::guest::{calling_psci_after_boot, hanging_after_boot, write_elf};
use granule_tests::process::{ExitedProcess, Process, children, wait_until_gone};
use granule_tests::run::{Report, case_names, verdicts};
use granule_tests::verdict_tables::assert_expected;
use machine::capability::MachineKind;
use machine::target::Opener as _;
use report::event::{Event, Verdict};
use report::exit::Exit;
use rustix::process::{Signal, kill_process};

/// Starts a run with the firmware and QEMU of the tests, reported as JSON; later options win.
fn started(options: &[&str]) -> Process {
    let mut command = Command::new(environment::file(BIN));
    command.args(["run", "--via", "tcg", "--format", "json"]);
    let gives = |name| options.contains(&name);
    for (name, variable) in [("--qemu", QEMU), ("--firmware", FIRMWARE)] {
        if !gives(name) {
            command.arg(name).arg(environment::file(variable));
        }
    }
    Process::start(command.args(options))
}

/// Waits for the end of a run, after which nothing of it may be left.
fn ended(process: Process) -> Report {
    let left = children(process.pid());
    let ended: ExitedProcess = process.end();
    left.into_iter().for_each(wait_until_gone);
    Report { ended }
}

fn run(options: &[&str]) -> Report {
    ended(started(options))
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn every_case_comes_to_what_is_expected() {
    let report = run(&[]);
    let events = report.events(Exit::Passed);
    let Some(Event::Started(target)) = events.iter().find(|event| matches!(event, Event::Started(_))) else {
        panic!("no Started: {events:?}");
    };
    assert_eq!((&*target.kernel, target.mte), ("", 3));
    let booted = events.iter().find_map(|event| match event {
        Event::Booted { emulator, cpu, .. } => Some((emulator.as_str(), cpu.as_str())),
        _ => None,
    });
    assert!(booted.is_some_and(|(emulator, cpu)| emulator.starts_with("QEMU ") && cpu == "max"), "{booted:?}");
    let verdicts = verdicts(&events);
    let names: Vec<_> = verdicts.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, case_names());
    // What only a kernel can do must not pass without one, whatever a table says.
    for (name, verdict) in verdicts.iter().filter(|(name, _)| name.starts_with("kvm.")) {
        assert!(matches!(verdict, Verdict::Skipped(_)), "{name}: {verdict:?}");
    }
    assert_expected("tcg", &report);
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn the_table_of_capabilities_holds() {
    let emulation = qemu::tcg::Emulation {
        qemu: environment::file(QEMU),
        cpu: qemu::tcg::CPU.to_owned(),
        deadline: machine::Deadline::after(std::time::Duration::from_secs(60)),
        image: std::fs::read(environment::file(FIRMWARE)).unwrap(),
        guest_timeout: machine::GUEST_TIMEOUT,
    };
    let target = emulation.open(machine::Config::default()).unwrap().target;
    assert_eq!(target.kind, MachineKind::Tcg);
    assert_eq!(target.capabilities, MachineKind::Tcg.capabilities());
}

/// Without tags of its own to look at, a run must still not pass on a QEMU whose granules share a tag.
#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn a_qemu_whose_granules_share_a_tag_fails() {
    let qemu = environment::file(QEMU_7_2);
    let qemu = qemu.to_str().expect("a path in UTF-8");
    let events = run(&["--qemu", qemu, "--guest-timeout", "2"]).events(Exit::Failed);
    let verdicts = verdicts(&events);
    assert_eq!(verdicts.len(), case_names().len(), "a failure must not end the run");
    let skipped = verdicts.iter().find_map(|(_, verdict)| match verdict {
        Verdict::Skipped(skip) if skip.key == "emulator-no-tags" && skip.reason.contains("QEMU 9.0") => Some(skip),
        _ => None,
    });
    assert!(skipped.is_some(), "{verdicts:?}");
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn an_mte2_cpu_is_checked_and_one_without_tags_is_unavailable() {
    let events = run(&["--cpu", "cortex-a710", "arch.check", "arch.tag-store", "arch.mode"]).events(Exit::Passed);
    assert!(events.iter().any(|event| matches!(event, Event::Started(target) if target.mte == 2)));
    let reason = run(&["--cpu", "neoverse-v1"]).unavailable();
    assert!(reason.contains("--cpu"), "{reason}");
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn what_qemu_refuses_or_is_not_there_could_not_run() {
    assert!(run(&["--cpu", "nonsense"]).broken().contains("--cpu"));
    assert!(run(&["--qemu", "/nonexistent/qemu"]).broken().contains("/nonexistent/qemu"));
    assert!(run(&["--firmware", "/nonexistent/firmware"]).broken().contains("/nonexistent/firmware"));
    assert!(run(&["--firmware", "/dev/null"]).broken().contains("e_ident"));
}

/// A guest that answers nothing, for as long as the test likes.
fn hanging(scratch: &std::path::Path) -> Process {
    let firmware = write_elf(scratch, &hanging_after_boot());
    let firmware = firmware.to_str().expect("a path in UTF-8").to_owned();
    let mut process = started(&["--firmware", &firmware, "--guest-timeout", "3600", "--timeout", "3600"]);
    while let Some(line) = process.line() {
        if line.contains("\"Begin\"") {
            return process;
        }
    }
    panic!("the run ended before it began: {}", process.end());
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn a_qemu_that_is_killed_ends_the_run_without_a_verdict() {
    // QEMU obeys the second one and exits as if all were well.
    for (signal, named) in [(Signal::KILL, "SIGKILL"), (Signal::TERM, "terminating on signal 15")] {
        let scratch = tempfile::tempdir().unwrap();
        let process = hanging(scratch.path());
        let qemu = children(process.pid());
        assert_eq!(qemu.len(), 1, "one QEMU was expected");
        qemu.into_iter().for_each(|qemu| kill_process(qemu, signal).unwrap());
        let report = ended(process);
        let reason = report.broken();
        assert!(reason.contains("QEMU was killed") && reason.contains(named), "{reason}");
        assert!(!report.events(Exit::Broken).iter().any(|event| matches!(event, Event::End { .. })));
    }
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn a_granule_that_is_killed_leaves_no_qemu() {
    let scratch = tempfile::tempdir().unwrap();
    let process = hanging(scratch.path());
    let qemu = children(process.pid());
    assert_eq!(qemu.len(), 1, "one QEMU was expected");
    process.signal(Signal::KILL);
    qemu.into_iter().for_each(wait_until_gone);
    assert!(!process.end().status.success());
}

/// PSCI's SYSTEM_OFF and SYSTEM_RESET (DEN 0022, 5.1.11 and 5.1.12).
const SYSTEM_OFF: u32 = 0x8400_0008;
const SYSTEM_RESET: u32 = 0x8400_0009;

/// Each case has a guest of its own that turns itself off: a verdict on that case, the same one each time, and the next
/// case begins with a new QEMU.
#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn a_guest_that_turns_itself_off_is_a_verdict_and_always_the_same() {
    let scratch = tempfile::tempdir().unwrap();
    let all = case_names();
    let mut tried = 0;
    for (function, areas) in [(SYSTEM_OFF, &["arch."][..]), (SYSTEM_RESET, &["arch.check.", "arch.tag-store."])] {
        let cases: Vec<_> = all.iter().filter(|name| areas.iter().any(|area| name.starts_with(area))).collect();
        let firmware = write_elf(scratch.path(), &calling_psci_after_boot(function));
        let firmware = firmware.to_str().expect("a path in UTF-8");
        let options = ["--strict", "--firmware", firmware, "--timeout", "3600"];
        let cases: Vec<_> = cases.into_iter().map(String::as_str).collect();
        let events = run(&[&options[..], &cases].concat()).events(Exit::Failed);
        assert!(matches!(events.last(), Some(Event::Finished { .. })), "{:?}", events.last());
        let verdicts = verdicts(&events);
        assert_eq!(verdicts.len(), cases.len());
        for (name, verdict) in verdicts {
            match verdict {
                Verdict::Failed(failure) => {
                    assert!(failure.found.ends_with("turned itself off, or asked to be reset"), "{name}: {failure:?}");
                    tried += 1;
                }
                // The firmware reports a CPU that has little.
                verdict => assert!(matches!(verdict, Verdict::Skipped(_)), "{name}: {verdict:?}"),
            }
        }
    }
    assert!(tried >= 100, "{tried} guests");
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn a_guest_that_hangs_is_a_failure_that_says_where() {
    let scratch = tempfile::tempdir().unwrap();
    let firmware = write_elf(scratch.path(), &hanging_after_boot());
    let firmware = firmware.to_str().expect("a path in UTF-8");
    let report = run(&["--firmware", firmware, "--guest-timeout", "1", "arch.irg"]);
    let events = report.events(Exit::Failed);
    let failed = verdicts(&events).into_iter().find_map(|(_, verdict)| match verdict {
        Verdict::Failed(failure) => Some(failure.found),
        _ => None,
    });
    assert!(failed.is_some_and(|found| found.contains("did not answer") && found.contains("0x402")), "{events:?}");
}
