//! The firmware alone, without granule: started by QEMU, it tests itself, says how that went in its last line,
//! and turns the machine off. With semihosting a failure is QEMU's exit status, too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assembler::assemble;
use granule_tests::environment::{self, FIRMWARE, QEMU, QEMU_7_2, QEMU_SID};
use granule_tests::process::{ExitedProcess, Process};
use granule_tests::transcript::document;

/// What README adds to its line, with which a failure is an exit status.
const SEMIHOSTING: &str = "-semihosting";

/// Starts firmware on a machine of this kind; returns QEMU's exit status and the last line.
fn run(firmware: &Path, machine: &str, more: &[&str]) -> (Option<i32>, String) {
    run_on(QEMU, firmware, machine, more)
}

/// As [`run`], on the QEMU that an environment variable names.
fn run_on(qemu: &str, firmware: &Path, machine: &str, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(environment::file(qemu));
    command.args(["-M", machine, "-cpu", "max", "-nodefaults", "-display", "none", "-serial", "stdio"]).args(more);
    let ended: ExitedProcess = Process::start(command.arg("-kernel").arg(firmware)).end();
    (ended.status.code(), ended.stdout.lines().last().unwrap_or_default().to_owned())
}

/// Makes firmware whose self-test does not store the tag that it loads.
fn broken_firmware(folder: &Path) -> PathBuf {
    let words = |code: &str| -> Vec<u8> {
        assemble(code).unwrap().into_iter().flat_map(|insn| insn.encode().to_le_bytes()).collect()
    };
    let (right, wrong) = (words("irg x1, x0, x9; stg x1, [x1]"), words("irg x1, x0, x9; nop"));
    let mut image = fs::read(environment::file(FIRMWARE)).unwrap();
    let places: Vec<_> = image.windows(right.len()).enumerate().filter(|(_, bytes)| *bytes == right).collect();
    let [(place, _)] = places[..] else { panic!("the self-test is there {} times", places.len()) };
    image[place..place + wrong.len()].copy_from_slice(&wrong);
    let path = folder.join("guest-fw");
    fs::write(&path, image).unwrap();
    path
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn it_passes_at_el1_and_when_entered_at_el2() {
    let passed = || (Some(0), "selftest: passed".to_owned());
    for machine in ["virt,mte=on", "virt,mte=on,virtualization=on"] {
        for more in [&[][..], &[SEMIHOSTING]] {
            assert_eq!(run(&environment::file(FIRMWARE), machine, more), passed(), "{machine} {more:?}");
        }
    }
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn it_passes_on_older_and_newer_emulators() {
    for qemu in [QEMU_7_2, QEMU_SID] {
        let ended = run_on(qemu, &environment::file(FIRMWARE), "virt,mte=on", &[SEMIHOSTING]);
        assert_eq!(ended, (Some(0), "selftest: passed".to_owned()), "{qemu}");
    }
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn it_fails_without_mte_and_says_why() {
    for (more, expected) in [(&[][..], 0), (&[SEMIHOSTING], 1)] {
        let (status, line) = run(&environment::file(FIRMWARE), "virt", more);
        assert_eq!(status, Some(expected), "{line}");
        assert!(line.starts_with("selftest: failed: ") && line.contains("MTE"), "{line}");
    }
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn a_self_test_that_fails_is_an_exit_status_with_semihosting_and_the_last_line_without() {
    let scratch = tempfile::tempdir().unwrap();
    let firmware = broken_firmware(scratch.path());
    for machine in ["virt,mte=on", "virt,mte=on,virtualization=on"] {
        for (more, expected) in [(&[][..], 0), (&[SEMIHOSTING], 1)] {
            let (status, line) = run(&firmware, machine, more);
            assert_eq!((status, line.as_str()), (Some(expected), FAILED), "{machine} {more:?}");
        }
    }
}

/// What the broken self-test says.
const FAILED: &str = "selftest: failed: ldg did not load the tag that stg stored";

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn the_lines_in_the_readme_work() {
    let scratch = tempfile::tempdir().unwrap();
    let readme = document("README.md");
    let lines: Vec<_> = readme.lines().filter_map(|line| line.strip_prefix("$ qemu-system-aarch64 ")).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (firmware, expected) in [(environment::file(FIRMWARE), 0), (broken_firmware(scratch.path()), 1)] {
        for line in &lines {
            let line = line.replace("target/…/guest-fw", &firmware.display().to_string());
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", &format!("\"$QEMU\" {line}")]).env("QEMU", environment::file(QEMU));
            let ended = Process::start(&mut shell).end();
            assert_eq!(ended.status.code(), Some(expected), "{line}: {ended}");
        }
    }
}
