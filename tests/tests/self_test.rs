//! The firmware alone, without granule: started by QEMU, it tests itself, says how that went in its last line,
//! and turns the machine off.

use std::process::Command;

use granule_tests::environment::{self, FIRMWARE, QEMU};
use granule_tests::process::Process;

/// Returns the last line that the firmware writes on a machine of this kind.
fn last_line(machine: &str) -> String {
    let mut command = Command::new(environment::file(QEMU));
    command.args(["-M", machine, "-cpu", "max", "-nodefaults", "-display", "none", "-serial", "stdio"]);
    let ended = Process::start(command.arg("-kernel").arg(environment::file(FIRMWARE))).end();
    assert!(ended.status.success(), "{ended}");
    ended.stdout.lines().last().unwrap_or_default().to_owned()
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn it_passes_at_el1() {
    assert_eq!(last_line("virt,mte=on"), "selftest: passed");
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn it_passes_when_entered_at_el2() {
    assert_eq!(last_line("virt,mte=on,virtualization=on"), "selftest: passed");
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn it_fails_without_mte_and_says_why() {
    let line = last_line("virt");
    assert!(line.starts_with("selftest: failed: ") && line.contains("MTE"), "{line}");
}
