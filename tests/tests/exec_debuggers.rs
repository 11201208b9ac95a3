//! Stock gdb and lldb on `granule exec --via tcg --gdb`; and the guide of `granule exec`, acted out as it is written.
//!
//! Addresses and offsets in code are the compiler's, so they are compared without their digits; tags, lines and words are compared as
//! they are written.

use std::fs;
use std::path::Path;
use std::process::Command;

use granule_tests::bare_image::{EXAMPLE, assembled, exec, exec_on, repository, run};
use granule_tests::environment::{self, BIN, CC, GDB, LLDB, QEMU, QEMU_SID};
use granule_tests::process::Process;
use tempfile::TempDir;

const FENCE: &str = "```";
const GUIDE: &str = "docs/exec.md";
const PROMPT: &str = "(gdb) ";
/// The port in the guide.
const PORT: &str = "1234";

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a scratch directory")
}

/// Returns the fenced parts of the guide: their kind and their lines.
fn fenced() -> Vec<(String, Vec<String>)> {
    let page = fs::read_to_string(repository(GUIDE)).unwrap();
    let fence = format!("\n{FENCE}");
    let mut parts = page.split(&fence).skip(1);
    let mut found = Vec::new();
    while let Some(part) = parts.next() {
        let mut lines = part.lines().map(str::to_owned);
        let kind = lines.next().unwrap_or_default();
        found.push((kind, lines.collect()));
        parts.next();
    }
    found
}

/// Returns the part whose first command begins so: the command, and what is printed.
fn transcript(begin: &str) -> (String, Vec<String>) {
    let parts = fenced();
    let found = parts.iter().find(|(_, lines)| lines.iter().any(|line| line.starts_with(begin)));
    let (_, lines) = found.unwrap_or_else(|| panic!("{GUIDE} has no {begin}"));
    let at = lines.iter().position(|line| line.starts_with(begin)).unwrap();
    (lines[at].trim_start_matches("$ ").to_owned(), lines[at + 1..].to_vec())
}

/// Builds the example with the command of the guide.
fn example(directory: &Path) {
    let (line, _) = transcript("$ aarch64-linux-gnu-gcc");
    let mut command = Command::new(environment::file(CC));
    command.current_dir(repository(EXAMPLE));
    for word in line.split_whitespace().skip(1) {
        match word {
            "use-after-free.elf" => command.arg(directory.join(word)),
            word => command.arg(word),
        };
    }
    run(&mut command);
}

/// Replaces what the compiler or the version of QEMU decides.
fn generic(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim_end).filter(|line| !is_register(line)) {
        let mut generic = String::new();
        let mut rest = line;
        while let Some(at) = rest.find("0x") {
            let (before, number) = rest.split_at(at + 2);
            let digits = number.find(|digit: char| !digit.is_ascii_hexdigit()).unwrap_or(number.len());
            generic += before;
            // The tag of a pointer is above its low eight digits.
            match digits {
                0..=4 if before.ends_with("+0x") => generic += "OFFSET",
                0..=6 => generic += &number[..digits],
                _ => generic += &format!("{}ADDRESS", number[..digits.saturating_sub(8)].trim_start_matches('0')),
            }
            rest = &number[digits..];
        }
        generic += rest;
        if let Some((before, version)) = generic.clone().split_once("QEMU ") {
            let version = version.split_once(',').map_or("", |(_, rest)| rest);
            generic = format!("{before}QEMU N,{version}");
        }
        lines.push(generic);
    }
    lines
}

/// Returns whether a line is a dump of registers, most of which are the compiler's.
fn is_register(line: &str) -> bool {
    let words: Vec<_> = line.split_whitespace().collect();
    words.len() >= 2
        && words.len() % 2 == 0
        && words.chunks(2).all(|pair| pair[1].len() == 16 && u64::from_str_radix(pair[1], 16).is_ok())
}

#[test]
#[ignore = "needs QEMU and a C compiler; cargo xtask test runs it"]
fn the_example_of_the_guide_shows_what_is_written() {
    let scratch = scratch();
    example(scratch.path());
    let (line, expected) = transcript("$ granule exec use-after-free.elf --tags");
    let line = line.replacen("granule", "\"$GRANULE\"", 1);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("exec {line} 2>&1")]).current_dir(scratch.path());
    command.env("GRANULE", environment::file(BIN)).env("GRANULE_QEMU", environment::file(QEMU));
    let ended = Process::start(&mut command).end();
    assert_eq!(generic(&ended.stdout), generic(&expected.join("\n")), "{ended}");
    assert_eq!(ended.status.code(), Some(1));
}

/// Waits until granule says on which port a debugger can connect.
fn port(granule: &mut Process) -> String {
    loop {
        let line = granule.line().expect("granule waits for a debugger");
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        if event["event"] == "waiting" {
            return event["port"].to_string();
        }
    }
}

#[test]
#[ignore = "needs QEMU, gdb and a C compiler; cargo xtask test runs it"]
fn gdb_shows_what_the_guide_says() {
    let scratch = scratch();
    example(scratch.path());
    let transcripts: Vec<_> = fenced().into_iter().filter(|(kind, _)| kind == "gdb").map(|(_, lines)| lines).collect();
    let lines: Vec<String> =
        transcripts.concat().into_iter().filter(|line| !line.starts_with('$') || line.contains(" = ")).collect();
    assert!(lines.iter().filter(|line| line.starts_with(PROMPT)).count() >= 10, "{lines:?}");
    for variable in [QEMU, QEMU_SID] {
        let mut granule = exec_on(&scratch.path().join("use-after-free.elf"), variable);
        let mut granule = Process::start(granule.args(["--gdb", "0", "--format", "json"]));
        let port = port(&mut granule);
        let mut script = String::from("set width 0\nset confirm off\nset style enabled off\n");
        for command in lines.iter().filter_map(|line| line.strip_prefix(PROMPT)) {
            script += &format!("echo {PROMPT}{command}\\n\n{}\n", command.replace(PORT, &port));
        }
        let commands = scratch.path().join("commands");
        fs::write(&commands, script).unwrap();
        let mut gdb = Command::new(environment::file(GDB));
        gdb.args(["-q", "-nx", "-batch", "-x"]).arg(&commands).arg(scratch.path().join("use-after-free.elf"));
        let debugged = Process::start(gdb.current_dir(scratch.path())).end();
        assert_eq!(generic(&debugged.stdout), generic(&lines.join("\n")), "{variable}: {debugged}");
        let ended = granule.end();
        assert_eq!(ended.status.code(), Some(0), "{ended}");
        assert!(ended.stdout.contains("\"text\":\"done\\n\""), "the tag that gdb has stored counts: {ended}");
    }
}

#[test]
#[ignore = "needs QEMU, lldb and a C compiler; cargo xtask test runs it"]
fn lldb_breaks_steps_and_reads_and_writes_tags() {
    let scratch = scratch();
    example(scratch.path());
    for variable in [QEMU, QEMU_SID] {
        let mut granule = exec_on(&scratch.path().join("use-after-free.elf"), variable);
        let mut granule = Process::start(granule.args(["--gdb", "0", "--format", "json"]));
        let port = port(&mut granule);
        let mut lldb = Command::new(environment::file(LLDB));
        lldb.args(["--no-lldbinit", "--batch", "-o", &format!("gdb-remote {port}")]);
        for command in [
            "breakpoint set --name session_close",
            "continue",
            "register read GCR_EL1 RGSR_EL1 TFSR_EL1 TFSRE0_EL1",
            "memory tag read session",
            "memory tag write \"&pool[2]\" 7 9",
            "memory tag read \"&pool[2]\" \"&pool[3]\"",
            "thread step-inst",
            "memory read --show-tags \"&pool[1]\" \"&pool[2]\"",
            "breakpoint delete -f",
            "continue",
        ] {
            lldb.args(["-o", command]);
        }
        let debugged = Process::start(lldb.arg(scratch.path().join("use-after-free.elf"))).end();
        for wanted in [
            "stop reason = breakpoint 1.1",
            "GCR_EL1 = 0x0000000000000001",
            "TFSR_EL1 = 0x0000000000000000",
            "Logical tag: 0x9",
            "): 0x9\n",
            "): 0x7 (mismatch)\n",
            "): 0x9 (mismatch)\n",
            "stop reason = instruction step into",
            "(tag: 0xb)",
            "exited with status = 0",
        ] {
            assert!(debugged.stdout.contains(wanted), "{variable}: {wanted} is not in\n{debugged}");
        }
        let ended = granule.end();
        assert_eq!(ended.status.code(), Some(0), "{ended}");
    }
}

#[test]
#[ignore = "needs QEMU, gdb and a C compiler; cargo xtask test runs it"]
fn granule_watches_an_image_that_a_debugger_has_left() {
    let scratch = scratch();
    example(scratch.path());
    let image = scratch.path().join("use-after-free.elf");
    let mut granule = Process::start(exec(&image).args(["--gdb", "0", "--format", "json"]));
    let port = port(&mut granule);
    let mut gdb = Command::new(environment::file(GDB));
    gdb.args(["-q", "-nx", "-batch", "-ex", &format!("target remote :{port}"), "-ex", "break main", "-ex", "continue"]);
    let debugged = Process::start(gdb.args(["-ex", "detach"]).arg(&image)).end();
    assert!(debugged.stdout.contains("Breakpoint 1, main ()"), "{debugged}");
    let ended = granule.end();
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(ended.stdout.contains("tag check fault, read"), "{ended}");
}

#[test]
#[ignore = "needs QEMU, gdb and a C compiler; cargo xtask test runs it"]
fn semihosting_goes_on_under_a_debugger_and_a_step_goes_over_a_call() {
    let scratch = scratch();
    let image = assembled(scratch.path(), "semihosting", false);
    let mut granule = Process::start(exec(&image).args(["--gdb", "0", "--format", "json", "--append", "a b"]));
    let port = port(&mut granule);
    let mut gdb = Command::new(environment::file(GDB));
    gdb.args(["-q", "-nx", "-batch", "-ex", &format!("target remote :{port}")]);
    // The first call is the fourth instruction.
    for command in
        ["stepi 3", "x/i $pc", "stepi", "print (long)$pc - (long)&_start", "print $x0", "break wrong", "continue"]
    {
        gdb.args(["-ex", command]);
    }
    let debugged = Process::start(gdb.arg(&image)).end();
    assert!(debugged.stdout.contains("hlt\t#0xf000"), "{debugged}");
    for wanted in ["$1 = 16\n", "$2 = 0\n", "exited with code 07"] {
        assert!(debugged.stdout.contains(wanted), "{wanted}: {debugged}");
    }
    let ended = granule.end();
    assert_eq!(ended.status.code(), Some(7), "{ended}");
    assert!(ended.stdout.contains("\"text\":\"hello\\n\"") && ended.stdout.contains("semihosting.elf a b"), "{ended}");
}
