//! Stock gdb and lldb on `granule exec --via nested --gdb`: KVM, gdbstub, and the layer that adds memory tags.
//!
//! The image is the example of docs/exec.md, whose tags the architecture decides: GCR_EL1.RRND is 0 and RGSR_EL1 is set.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use granule_tests::bare_image::{EXAMPLE, assembled, repository, run};
use granule_tests::environment::{self, AGENT, BIN, CC, GDB, KERNEL_6_1, KERNEL_6_12, KERNEL_SID, LLDB, QEMU};
use granule_tests::process::{ExitedProcess, Process};
use tempfile::TempDir;

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a scratch directory")
}

/// Compiles the example.
fn example(directory: &Path) -> PathBuf {
    let image = directory.join("use-after-free.elf");
    let mut command = Command::new(environment::file(CC));
    command.current_dir(repository(EXAMPLE)).args(["-O0", "-g", "-ffreestanding", "-fno-stack-protector"]);
    command.args(["-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments"]);
    command.args(["-march=armv8.5-a+memtag", "-T", "image.ld", "start.S", "main.c", "-o"]).arg(&image);
    run(&mut command);
    image
}

/// Returns `granule exec` of an image on the KVM of a kernel.
fn exec(image: &Path, kernel: &str) -> Command {
    let mut command = Command::new(environment::file(BIN));
    command.arg("exec").arg(image).args(["--via", "nested", "--timeout", "120", "--mem", "64"]);
    command.arg("--qemu").arg(environment::file(QEMU)).arg("--kernel").arg(environment::file(kernel));
    command.arg("--agent").arg(environment::file(AGENT));
    command
}

/// Runs an image without a debugger.
fn executed(image: &Path, kernel: &str, arguments: &[&str]) -> ExitedProcess {
    Process::start(exec(image, kernel).args(["--format", "json"]).args(arguments)).end()
}

/// Starts an image that waits for a debugger. Returns its port.
fn waiting(image: &Path) -> (Process, String) {
    let mut granule = Process::start(exec(image, KERNEL_6_12).args(["--gdb", "0", "--format", "json"]));
    loop {
        let line = granule.line().expect("granule waits for a debugger");
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        if event["event"] == "waiting" {
            return (granule, event["port"].to_string());
        }
    }
}

/// The commands of gdb, and what each is to print.
const GDB_SESSION: &[(&str, &[&str])] = &[
    ("break session_close", &["Breakpoint 1 at"]),
    ("continue", &["Breakpoint 1, session_close"]),
    ("print/x $gcr_el1", &["= 0x1\n"]),
    ("print/x $sctlr_el1 >> 40 & 3", &["= 0x1\n"]),
    ("info registers tfsr_el1 tfsre0_el1", &["tfsr_el1", "0x0", "tfsre0_el1", "0x0"]),
    ("print session->requests", &["= 1\n"]),
    ("memory-tag print-logical-tag session", &["= 0x9\n"]),
    ("memory-tag print-allocation-tag session", &["= 0x9\n"]),
    ("memory-tag check session", &["Memory tags for address", "match"]),
    ("memory-tag set-allocation-tag &pool[2] 32 0705", &["updated successfully"]),
    ("memory-tag print-allocation-tag &pool[2]", &["= 0x7\n"]),
    ("memory-tag check &pool[2]", &["does not match the allocation tag (0x7)"]),
    ("memory-tag print-allocation-tag 0x9000000", &[]),
    ("finish", &["serve ("]),
    ("memory-tag check session", &["does not match the allocation tag"]),
    ("stepi", &[]),
    ("x/i $pc", &["=> 0x"]),
    ("print $fpcr", &["$"]),
    ("set var $v3.d.u[0] = 0x1122334455667788", &[]),
    ("print/x $v3.d.u[0]", &["= 0x1122334455667788\n"]),
];

#[test]
#[ignore = "needs QEMU, kernels, gdb and a C compiler; cargo xtask test runs it"]
fn gdb_debugs_a_guest_of_kvm_tags_included() {
    let scratch = scratch();
    let image = example(scratch.path());
    let (granule, port) = waiting(&image);
    let mut gdb = Command::new(environment::file(GDB));
    gdb.args(["-q", "-nx", "-batch", "-ex", "set width 0", "-ex", "set confirm off"]);
    gdb.args(["-ex", &format!("target remote :{port}")]);
    for (command, _) in GDB_SESSION {
        gdb.args(["-ex", command]);
    }
    let debugged = Process::start(gdb.args(["-ex", "kill"]).arg(&image)).end();
    let wanted: Vec<&str> = GDB_SESSION.iter().flat_map(|(_, wanted)| wanted.iter().copied()).collect();
    debugged.expect_in_order(&wanted);
    let ended = granule.end();
    assert!(ended.stdout.contains("\"how\":\"killed\""), "{ended}");
}

#[test]
#[ignore = "needs QEMU, kernels, lldb and a C compiler; cargo xtask test runs it"]
fn lldb_debugs_a_guest_of_kvm_tags_included() {
    let scratch = scratch();
    let image = example(scratch.path());
    let (granule, port) = waiting(&image);
    let mut lldb = Command::new(environment::file(LLDB));
    lldb.args(["--no-lldbinit", "--batch", "-o", &format!("gdb-remote {port}")]);
    for command in [
        "breakpoint set --name session_close",
        "continue",
        "register read gcr_el1 tfsr_el1",
        "memory tag read session",
        "memory tag write \"&pool[2]\" 7 9",
        "memory tag read \"&pool[2]\" \"&pool[3]\"",
        "thread step-inst",
        "breakpoint delete -f",
        "memory tag write session 9",
        "continue",
    ] {
        lldb.args(["-o", command]);
    }
    let debugged = Process::start(lldb.arg(&image)).end();
    let wanted = [
        "stop reason = breakpoint 1.1",
        "gcr_el1 = 0x0000000000000001",
        "tfsr_el1 = 0x0000000000000000",
        "Logical tag: 0x9",
        "): 0x9\n",
        "): 0x7 (mismatch)\n",
        "): 0x9 (mismatch)\n",
        "stop reason = instruction step into",
    ];
    debugged.expect_in_order(&wanted);
    let ended = granule.end();
    assert!(ended.stdout.contains("two sessions"), "{ended}");
}

#[test]
#[ignore = "needs QEMU, kernels and a C compiler; cargo xtask test runs it"]
fn an_image_runs_on_the_kvm_of_each_kernel_and_its_fault_is_seen() {
    let scratch = scratch();
    let image = example(scratch.path());
    for kernel in [KERNEL_6_1, KERNEL_6_12, KERNEL_SID] {
        let ended = executed(&image, kernel, &["--tags", "pool"]);
        assert_eq!(ended.status.code(), Some(1), "{kernel}: {ended}");
        ended.expect_in_order(&[
            "nested: Linux ",
            "two sessions\\n",
            "tag check fault, read",
            "panic: unexpected exception\\n",
        ]);
    }
}

#[test]
#[ignore = "needs QEMU, kernels and a C compiler; cargo xtask test runs it"]
fn what_is_typed_reaches_the_guest_and_comes_back() {
    let scratch = scratch();
    let mut command = exec(&assembled(scratch.path(), "echo", false), KERNEL_6_12);
    command.args(["--format", "text"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // More than the UART takes at once.
    let text = "0123456789".repeat(30) + "q";
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), text, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
}
