//! `granule save`, `restore`, `show`, `diff` and `verify`: a guest of KVM in a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use granule_tests::bare_image::repository;
use granule_tests::environment::{self, AGENT, BIN, GDB, KERNEL_6_1, KERNEL_6_12, KERNEL_SID, QEMU};
use granule_tests::process::{ExitedProcess, Process};
use report::exit::Exit;
use tempfile::TempDir;

/// The program of the README.
const PROGRAM: &str = "docs/examples/checkpoint.granule";

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a scratch directory")
}

fn granule(command: &str) -> Command {
    let mut granule = Command::new(environment::file(BIN));
    granule.arg(command);
    granule
}

fn nested(command: &str, kernel: &str) -> Command {
    let mut granule = granule(command);
    granule.args(["--via", "nested", "--qemu"]).arg(environment::file(QEMU));
    granule.arg("--kernel").arg(environment::file(kernel)).arg("--agent").arg(environment::file(AGENT));
    granule
}

fn expect_exit(ended: &ExitedProcess, exit: Exit) {
    assert_eq!(ended.status.code(), Some(exit as i32), "{ended}");
}

/// Saves the program's guest.
fn saved(directory: &Path, kernel: &str, name: &str) -> PathBuf {
    let file = directory.join(name);
    let ended = Process::start(nested("save", kernel).arg(repository(PROGRAM)).arg(&file)).end();
    expect_exit(&ended, Exit::Passed);
    file
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_guest_goes_on_from_a_file_in_another_process() {
    let scratch = scratch();
    for kernel in [KERNEL_6_1, KERNEL_6_12, KERNEL_SID] {
        let file = saved(scratch.path(), kernel, "guest.core");
        let ended = Process::start(nested("restore", kernel).arg(&file)).end();
        expect_exit(&ended, Exit::Passed);
        assert!(ended.stdout.contains("1 passed"), "{kernel}: {ended}");
    }
}

#[test]
#[ignore = "needs QEMU and a kernel; cargo xtask test runs it"]
fn a_guest_that_was_restored_is_saved_as_it_was() {
    let scratch = scratch();
    let first = saved(scratch.path(), KERNEL_6_12, "first.core");
    let second = scratch.path().join("second.core");
    let again = Process::start(nested("restore", KERNEL_6_12).arg(&first).arg("--save-again").arg(&second)).end();
    expect_exit(&again, Exit::Passed);
    let same = Process::start(granule("diff").args([&first, &second])).end();
    expect_exit(&same, Exit::Passed);
    assert!(same.stdout.ends_with("both are the same but for clocks\n"), "{same}");
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_guest_goes_on_behind_a_kexec_of_its_host() {
    // Linux 6.12 panics in kexec_load() where virtual addresses have 52 bits, as it does in a hibernation: trans_pgd_create_copy() leaves out
    // a level of the page tables.
    let parameters = ["--append", "arm64.nolva"];
    let scratch = scratch();
    for kernel in [KERNEL_6_1, KERNEL_6_12, KERNEL_SID] {
        let file = scratch.path().join("guest.core");
        let saved = Process::start(nested("save", kernel).arg(repository(PROGRAM)).arg(&file).args(parameters)).end();
        expect_exit(&saved, Exit::Passed);
        let ended = Process::start(nested("restore", kernel).arg(&file).arg("--kexec").args(parameters)).end();
        expect_exit(&ended, Exit::Passed);
        assert!(ended.stdout.contains("1 passed"), "{kernel}: {ended}");
    }
}

#[test]
#[ignore = "needs QEMU, a kernel and gdb; cargo xtask test runs it"]
fn a_file_is_shown_and_gdb_opens_it() {
    let scratch = scratch();
    let file = saved(scratch.path(), KERNEL_6_12, "guest.core");
    let shown = Process::start(granule("show").arg(&file)).end();
    expect_exit(&shown, Exit::Passed);
    shown.expect_in_order(&[
        "saved on  Linux 6.12",
        "tags      0x40600000: 0 0 0 0 9 9 0",
        "TFSR_EL1 0x1",
        "strb w11, [x10]",
    ]);
    let mut gdb = Command::new(environment::file(GDB));
    gdb.args(["-q", "-nx", "-batch", "-ex", "set width 0", "-ex", &format!("core-file {}", file.display())]);
    for command in
        ["x/i $pc", "memory-tag print-allocation-tag $x0", "memory-tag check $x0", "x/gx $x0", "print $v3.d.u[0]"]
    {
        gdb.args(["-ex", command]);
    }
    let debugged = Process::start(&mut gdb).end();
    debugged.expect_in_order(&["ldr\tx5, [x0]", "= 0x9\n", "match", "0x1122334455667788", "= 6\n"]);
}

#[test]
#[ignore = "needs QEMU and a kernel; cargo xtask test runs it"]
fn what_cannot_be_saved_or_restored_is_refused() {
    let scratch = scratch();
    let file = saved(scratch.path(), KERNEL_6_12, "guest.core");
    expect_exit(&Process::start(granule("verify").arg(&file)).end(), Exit::Passed);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let altered = scratch.path().join("altered.core");
    fs::write(&altered, &bytes).unwrap();
    expect_exit(&Process::start(granule("verify").arg(&altered)).end(), Exit::Failed);
    expect_exit(&Process::start(nested("restore", KERNEL_6_12).arg(&altered)).end(), Exit::Usage);
    bytes.truncate(middle);
    fs::write(&altered, &bytes).unwrap();
    expect_exit(&Process::start(granule("show").arg(&altered)).end(), Exit::Usage);
    expect_exit(&Process::start(granule("diff").args([&file, &altered])).end(), Exit::Usage);

    // The program has one checkpoint.
    let program = repository(PROGRAM);
    let late =
        Process::start(nested("save", KERNEL_6_12).arg(&program).arg(&altered).args(["--checkpoint", "2"])).end();
    expect_exit(&late, Exit::Broken);
    assert_eq!(fs::read(&altered).unwrap(), bytes, "the file is left alone");
    let model = Process::start(granule("save").arg(&program).arg(&altered).args(["--via", "model"])).end();
    expect_exit(&model, Exit::Usage);
}
