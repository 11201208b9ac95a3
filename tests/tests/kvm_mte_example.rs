//! kvm-mte's example, a VMM that saves and restores a tagged guest, in the KVM of a stock Linux.
//!
//! It is the only program of that Linux: /init of an initramfs, as it comes out of the build.

use std::path::Path;
use std::process::Command;

use granule_tests::environment::{self, KERNEL_6_1, KERNEL_6_12, QEMU, SAVE_RESTORE};
use granule_tests::init::{initramfs, status_of};
use granule_tests::process::Process;

/// Runs the example as the first process of a kernel. Returns the console's lines.
fn run(kernel: &str, append: &str) -> Vec<String> {
    let program = std::fs::read(environment::file(SAVE_RESTORE)).expect("the example can be read");
    let directory = tempfile::tempdir().expect("a scratch directory");
    let archive = directory.path().join("initramfs.cpio");
    std::fs::write(&archive, initramfs(&program)).expect("the scratch directory is writable");
    let ended = Process::start(&mut qemu(&environment::file(kernel), &archive, append)).end();
    assert!(ended.status.success(), "{ended}");
    ended.stdout.lines().map(|line| line.trim_end().to_owned()).collect()
}

fn qemu(kernel: &Path, archive: &Path, append: &str) -> Command {
    let mut command = Command::new(environment::file(QEMU));
    command.args(["-M", "virt,virtualization=on,mte=on,gic-version=3", "-cpu", "max,pauth=off", "-m", "512"]);
    command.args(["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"]);
    command.arg("-kernel").arg(kernel).arg("-initrd").arg(archive);
    command.args(["-append", &format!("console=ttyAMA0 panic=-1 quiet cryptomgr.notests {append}")]);
    command
}

/// Checks the status of the first process.
fn assert_status(lines: &[String], status: u32) {
    assert_eq!(status_of(lines), Some(status << 8), "{lines:#?}");
}

/// Returns the tags in the line that begins like this.
fn tags<'a>(lines: &'a [String], start: &str) -> &'a str {
    let line = lines.iter().find_map(|line| line.strip_prefix(start));
    let tags = line.and_then(|rest| rest.split_once('[')?.1.split_once(']'));
    tags.unwrap_or_else(|| panic!("no tags behind {start:?} in {lines:#?}")).0
}

fn assert_restored(kernel: &str) {
    let lines = run(kernel, "");
    assert_status(&lines, 0);
    let fetched = tags(&lines, "the VMM fetched the tags");
    assert_eq!(fetched, tags(&lines, "the guest reads its tags"), "{lines:#?}");
    assert_eq!(fetched.split(", ").count(), 16, "{lines:#?}");
    assert!(!fetched.split(", ").any(|tag| tag == "0"), "a granule was never tagged: {lines:#?}");
    assert!(lines.contains(&"passed: the restored guest goes on as the saved one does".to_owned()), "{lines:#?}");
}

#[test]
#[ignore = "needs QEMU, a kernel and the arm64 example; cargo xtask test runs it"]
fn a_tagged_guest_is_restored_on_linux_6_1() {
    assert_restored(KERNEL_6_1);
}

#[test]
#[ignore = "needs QEMU, a kernel and the arm64 example; cargo xtask test runs it"]
fn a_tagged_guest_is_restored_on_linux_6_12() {
    assert_restored(KERNEL_6_12);
}

#[test]
#[ignore = "needs QEMU, a kernel and the arm64 example; cargo xtask test runs it"]
fn without_mte_it_fails_and_says_why() {
    let lines = run(KERNEL_6_12, "arm64.nomte");
    assert_status(&lines, 1);
    assert!(lines.iter().any(|line| line.contains("KVM has no MTE here: EINVAL (invalid argument)")), "{lines:#?}");
}
