//! `granule exec --via tcg`: what it shows of images, and with which status it ends.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use granule_tests::bare_image::{assembled, exec, exec_on, repository};
use granule_tests::environment::{self, BIN, QEMU, QEMU_7_2, QEMU_SID};
use granule_tests::process::{ExitedProcess, Process};
use serde_json::Value;
use tempfile::TempDir;

/// The status when the time is over.
const TIMED_OUT: i32 = 124;

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a scratch directory")
}

/// Runs an image, and returns its events.
fn events(command: &mut Command) -> (ExitedProcess, Vec<Value>) {
    let ended = Process::start(command.args(["--format", "json"])).end();
    let events =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{ended}"))).collect();
    (ended, events)
}

fn named<'e>(events: &'e [Value], name: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

fn printed(events: &[Value]) -> String {
    named(events, "console").iter().filter_map(|event| event["text"].as_str()).collect()
}

fn end(events: &[Value]) -> &Value {
    let last = events.last().expect("an event");
    assert_eq!(last["event"], "ended", "{last}");
    last
}

#[test]
#[ignore = "needs QEMU and a C compiler; cargo xtask test runs it"]
fn semihosting_prints_takes_arguments_opens_no_file_and_names_the_status() {
    let scratch = scratch();
    let image = assembled(scratch.path(), "semihosting", false);
    let (ended, events) = events(exec(&image).args(["--append", "a b"]));
    assert_eq!(ended.status.code(), Some(7), "{ended}");
    assert_eq!(printed(&events), "hello\nsemihosting.elf a b");
    assert_eq!((&end(&events)["how"], &end(&events)["status"]), (&"exited".into(), &7.into()));
}

#[test]
#[ignore = "needs QEMU and a C compiler; cargo xtask test runs it"]
fn a_printed_status_is_the_status() {
    let scratch = scratch();
    let ended = Process::start(&mut exec(&assembled(scratch.path(), "status", false))).end();
    assert_eq!(ended.status.code(), Some(3), "{ended}");
    assert_eq!(ended.stdout, "\nEXIT: STATUS=7\n");
    assert!(ended.stderr.contains("turned itself off with status 3"), "{ended}");
}

#[test]
#[ignore = "needs QEMU and a C compiler; cargo xtask test runs it"]
fn a_fault_is_found_among_other_exceptions_and_its_place_has_a_name() {
    let scratch = scratch();
    let image = assembled(scratch.path(), "calls", true);
    let (ended, events) = events(exec(&image).args(["--break", "again", "--tags", "object"]));
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    let faults = named(&events, "fault");
    assert_eq!(faults.len(), 1, "{faults:?}");
    let fault = faults[0];
    assert_eq!((&fault["logical"], &fault["allocation"], &fault["el"]), (&0.into(), &3.into(), &1.into()));
    assert_eq!(fault["symbol"], "object+0x5");
    assert_eq!(fault["at"]["instruction"], "strb wzr, [x0, #5]");
    assert!(fault["at"]["symbol"].as_str().is_some_and(|symbol| symbol.starts_with("again+")), "{fault}");
    assert_eq!(fault["fault"]["esr"], 0x9600_0051_u64);
    assert_eq!(fault["at"]["line"], Value::Null, "built without -g");
    assert!(fault["fault"]["rule"].as_str().is_some_and(|rule| rule.contains("AArch64.CheckTag")), "{fault}");
    let registers = fault["registers"].as_array().unwrap();
    // The loop before is at its end, and no handler has touched anything yet.
    assert!(registers.iter().any(|register| register["name"] == "x19" && register["value"] == 0), "{registers:?}");
    // A breakpoint in a loop is taken away.
    let breaks = named(&events, "break");
    assert_eq!(breaks.len(), 32);
    assert_eq!(breaks[31]["at"]["symbol"], "again");
    let tags = named(&events, "tags");
    assert_eq!(tags.len(), 32 + 1 + 1, "at breakpoints, at the fault, at the end");
    assert_eq!((&tags[0]["tags"][0], &tags[33]["tags"][0]), (&0.into(), &3.into()));
    assert_eq!((&end(&events)["how"], &end(&events)["faults"]), (&"off".into(), &1.into()));
}

#[test]
#[ignore = "needs QEMU and a C compiler; cargo xtask test runs it"]
fn asynchronous_faults_are_told_at_the_end() {
    let scratch = scratch();
    let (ended, events) = events(&mut exec(&assembled(scratch.path(), "asynchronous", true)));
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    let pending = named(&events, "asynchronous");
    assert_eq!(pending.len(), 1, "{pending:?}");
    assert_eq!((&pending[0]["register"], &pending[0]["value"]), (&"tfsr_el1".into(), &1.into()));
    assert_eq!((&end(&events)["faults"], &end(&events)["pending"]), (&0.into(), &true.into()));
}

#[test]
#[ignore = "needs QEMU and a C compiler; cargo xtask test runs it"]
fn what_never_ends_is_ended() {
    let scratch = scratch();
    for (name, with_boot_code, how, faults) in
        [("endless", true, "endless", 2), ("stands", false, "parked", 0), ("early", false, "endless", 1)]
    {
        let (ended, events) = events(&mut exec(&assembled(scratch.path(), name, with_boot_code)));
        assert_eq!(ended.status.code(), Some(1), "{name}: {ended}");
        assert_eq!(end(&events)["how"], how, "{name}");
        assert_eq!(named(&events, "fault").len(), faults, "{name}: the same fault is shown once");
    }
    let mut command = Command::new(environment::file(BIN));
    command.arg("exec").arg(assembled(scratch.path(), "waits", false)).arg("--qemu").arg(environment::file(QEMU));
    let (ended, events) = events(command.args(["--timeout", "1"]));
    assert_eq!(ended.status.code(), Some(TIMED_OUT), "{ended}");
    assert_eq!(end(&events)["how"], "timed-out");
}

#[test]
#[ignore = "needs QEMU and a C compiler; cargo xtask test runs it"]
fn an_exception_without_vectors_is_reported_whatever_it_is() {
    let scratch = scratch();
    let (_, events) = events(&mut exec(&assembled(scratch.path(), "early", false)));
    let fault = named(&events, "fault")[0];
    assert!(fault["fault"]["what"].as_str().is_some_and(|what| what.starts_with("data abort, same EL")), "{fault}");
    assert_eq!((&fault["logical"], &fault["at"]["instruction"]), (&Value::Null, &"ldr x1, [x0]".into()));
    assert!(named(&events, "note")[0]["text"].as_str().is_some_and(|text| text.contains("VBAR_EL1 is 0")));
}

#[test]
#[ignore = "needs QEMU and a C compiler; cargo xtask test runs it"]
fn standard_input_is_what_the_uart_reads() {
    let scratch = scratch();
    let mut command = exec(&assembled(scratch.path(), "echo", false));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // More than the UART takes at once.
    let text = "0123456789".repeat(30) + "q";
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), text);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
#[ignore = "needs QEMU and a C compiler; cargo xtask test runs it"]
fn other_versions_of_qemu_show_the_same_but_tags_only_from_9_2_on() {
    let scratch = scratch();
    let image = assembled(scratch.path(), "calls", true);
    for (variable, allocation) in [(QEMU_SID, Value::from(3)), (QEMU_7_2, Value::Null)] {
        let (ended, events) = events(&mut exec_on(&image, variable));
        assert_eq!(ended.status.code(), Some(1), "{variable}: {ended}");
        let fault = named(&events, "fault")[0];
        assert_eq!((&fault["allocation"], &fault["symbol"]), (&allocation, &"object+0x5".into()), "{variable}");
    }
}

/// Runs a command line that must be rejected, and returns what it says.
fn rejected(image: &Path, arguments: &[&str], status: i32) -> String {
    let mut command = Command::new(environment::file(BIN));
    let ended = Process::start(command.arg("exec").arg(image).args(arguments)).end();
    assert_eq!(ended.status.code(), Some(status), "{ended}");
    ended.stderr
}

#[test]
#[ignore = "needs granule and a C compiler; cargo xtask test runs it"]
fn what_cannot_be_run_is_rejected_with_the_reason() {
    let scratch = scratch();
    let image = assembled(scratch.path(), "calls", true);
    let elsewhere = environment::file(BIN);
    for (image, arguments, status, says) in [
        (&image, &["--tags", "objekt"][..], 2, "did you mean `object`?"),
        (&image, &["--tags", "object+0"], 2, "a range has 1 byte to 1 MiB"),
        (&image, &["--break", "again+x"], 2, "`x` is not a number"),
        (&image, &["--mem", "1000000"], 2, "1000000"),
        (&image, &["--qemu", "/nonexistent"], 69, "was not found"),
        (&elsewhere, &[], 2, "expected 183 (EM_AARCH64)"),
        (&PathBuf::from("/nonexistent"), &[], 2, "cannot be read"),
        (&repository("tests/images"), &[], 2, "cannot be read"),
    ] {
        let text = rejected(image, arguments, status);
        assert!(text.contains(says), "{image:?} {arguments:?}: {text}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert!(rejected(&image, &["--gdb", &port], 2).contains("0 takes a free one"));
}
