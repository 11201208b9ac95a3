//! Stock gdb and lldb on `granule trace --gdb`: a program on the specification.

use std::process::Command;

use granule_tests::environment::{self, BIN, GDB, LLDB};
use granule_tests::process::{ExitedProcess, Process};
use report::exit::Exit;
use serde_json::Value;

const CODE: &str = "mov x8, #8; irg x1, x0, x8; stg x1, [x1]; str x2, [x1]; str x2, [x0]; nop";

/// Starts a program that waits for a debugger. Returns its port.
fn waiting() -> (Process, String) {
    let mut command = Command::new(environment::file(BIN));
    command.args(["trace", "-e", CODE, "--gdb", "0", "--format", "json"]);
    let mut granule = Process::start(&mut command);
    let line = granule.line().expect("granule waits for a debugger");
    let event: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["event"], "waiting", "{line}");
    (granule, event["port"].to_string())
}

/// Returns the trace behind the line that says where granule waits.
fn traced(ended: &ExitedProcess) -> Value {
    assert_eq!(ended.status.code(), Some(Exit::Passed as i32), "{ended}");
    let (_, trace) = ended.stdout.split_once('\n').unwrap_or_else(|| panic!("{ended}"));
    serde_json::from_str(trace).unwrap_or_else(|error| panic!("{error}: {ended}"))
}

/// Which instructions of the block took an exception.
fn faults(trace: &Value) -> Vec<bool> {
    let instructions = trace["blocks"][0]["instructions"].as_array().expect("instructions");
    instructions.iter().map(|one| !one["fault"].is_null()).collect()
}

/// The commands of gdb, and what each is to print.
const GDB_SESSION: &[(&str, &[&str])] = &[
    ("x/i $pc", &["mov\tx8, #0x8"]),
    ("stepi", &[]),
    ("break *($pc+8)", &["Breakpoint 1 at"]),
    ("continue", &["Breakpoint 1, 0x"]),
    ("memory-tag print-logical-tag $x1", &["= 0x4\n"]),
    ("memory-tag print-allocation-tag $x1", &["= 0x4\n"]),
    ("memory-tag check $x0", &["Logical tag (0x0) does not match the allocation tag (0x4)"]),
    ("info registers rgsr_el1 tfsr_el1", &["rgsr_el1", "0x32a504", "tfsr_el1", "0x0"]),
    ("continue", &["received signal SIGSEGV"]),
    ("x/i $pc", &["str\tx2, [x0]"]),
    ("print/x $esr_el1", &["= 0x96000051\n"]),
    ("memory-tag set-allocation-tag $x0 16 00", &["updated successfully"]),
    ("memory-tag check $x0", &["match"]),
    ("continue", &["exited normally"]),
];

#[test]
#[ignore = "needs granule and gdb; cargo xtask test runs it"]
fn gdb_steps_through_a_program_on_the_specification() {
    let (granule, port) = waiting();
    let mut gdb = Command::new(environment::file(GDB));
    gdb.args(["-q", "-nx", "-batch", "-ex", "set width 0", "-ex", &format!("target remote :{port}")]);
    for (command, _) in GDB_SESSION {
        gdb.args(["-ex", command]);
    }
    let debugged = Process::start(&mut gdb).end();
    let wanted: Vec<&str> = GDB_SESSION.iter().flat_map(|(_, wanted)| wanted.iter().copied()).collect();
    debugged.expect_in_order(&wanted);
    assert_eq!(faults(&traced(&granule.end())), [false, false, false, false, true, false]);
}

#[test]
#[ignore = "needs granule and lldb; cargo xtask test runs it"]
fn lldb_steps_through_a_program_on_the_specification_and_changes_it() {
    let (granule, port) = waiting();
    let mut lldb = Command::new(environment::file(LLDB));
    lldb.args(["--no-lldbinit", "--batch", "-o", &format!("gdb-remote {port}")]);
    for command in [
        "thread step-inst",
        "thread step-inst",
        "register read x1 gcr_el1",
        "memory tag read $x1",
        "thread step-inst",
        "memory tag read $x1",
        // Then the last store is no fault, but the one before.
        "memory tag write $x1 0",
        "thread step-inst",
    ] {
        lldb.args(["-o", command]);
    }
    // After a signal lldb goes on with these; the first `continue` ends the step that the signal interrupted.
    lldb.args(["-k", "register read esr_el1", "-k", "continue", "-k", "continue"]);
    let debugged = Process::start(&mut lldb).end();
    debugged.expect_in_order(&[
        "x1 = 0x0400",
        "gcr_el1 = 0x0000000000000000",
        "Logical tag: 0x4",
        "): 0x0 (mismatch)\n",
        "Logical tag: 0x4",
        "): 0x4\n",
        "stop reason = signal SIGSEGV",
        "esr_el1 = 0x0000000096000051",
        "exited with status = 0",
    ]);
    assert_eq!(faults(&traced(&granule.end())), [false, false, false, true, false, false]);
}
