//! `granule inspect`: what the tutorial and README show of it is what it prints, and lines come from a pipe as from a file.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use granule_tests::environment::{self, AGENT, BIN, KERNEL_6_12, QEMU};
use granule_tests::process::{ExitedProcess, Process};
use granule_tests::transcript::{document, matches};
use report::exit::Exit;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// What begins a session.
const COMMANDS: [&str; 2] = ["granule inspect", "cargo xtask inspect"];
/// What begins a line of a session.
const PROMPT: &str = "> ";

/// A session in a document: its options, and what is seen, lines and answers.
struct Session {
    options: Vec<String>,
    seen: Vec<String>,
}

impl Session {
    fn lines(&self) -> String {
        self.seen.iter().filter_map(|line| line.strip_prefix(PROMPT)).map(|line| format!("{line}\n")).collect()
    }
}

/// Reads the sessions of a document: each begins with `$ granule inspect` in a fenced part, and goes on in later ones that begin with a
/// line of it.
fn sessions(document: &str) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::new();
    let (mut fenced, mut of_session) = (false, false);
    for line in document.lines() {
        if line.starts_with("```") {
            (fenced, of_session) = (!fenced, false);
        } else if !fenced {
        } else if let Some(command) = line.strip_prefix("$ ") {
            let options = COMMANDS.iter().find_map(|before| command.strip_prefix(before));
            of_session = options.is_some();
            if let Some(options) = options {
                let options = options.split_whitespace().map(str::to_owned).collect();
                sessions.push(Session { options, seen: Vec::new() });
            }
        } else {
            of_session |= line.starts_with(PROMPT);
            let session = sessions.last_mut().filter(|_| of_session);
            session.into_iter().for_each(|session| session.seen.push(line.to_owned()));
        }
    }
    sessions
}

/// Runs granule inspect on the lines of a file.
fn inspect(options: &[&str], lines: &str) -> ExitedProcess {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("lines");
    std::fs::write(&file, lines).unwrap();
    let mut command = Command::new(environment::file(BIN));
    command.arg("inspect").args(options).arg(&file).current_dir(scratch.path());
    command.env("GRANULE_QEMU", environment::file(QEMU)).env("GRANULE_AGENT", environment::file(AGENT));
    command.env("GRANULE_KERNEL", environment::file(KERNEL_6_12));
    Process::start(&mut command).end()
}

#[track_caller]
fn assert_is_as_shown(name: &str, least: usize) {
    let sessions = sessions(&document(name));
    assert!(sessions.len() >= least, "{name}: {}", sessions.len());
    for session in sessions {
        let options: Vec<&str> = session.options.iter().map(String::as_str).chain(["--echo"]).collect();
        let ended = inspect(&options, &session.lines());
        let expected = session.seen.join("\n");
        assert!(matches(&expected, &ended.stdout), "{name}\n-- expected\n{expected}\n-- found\n{ended}");
        let exit = if expected.contains("not permit") { Exit::Failed } else { Exit::Passed };
        assert!(has_exit(&ended, exit), "{ended}");
    }
}

#[test]
#[ignore = "needs granule, set-up and QEMU; cargo xtask test runs it"]
fn the_tutorial_shows_what_is_printed() {
    assert_is_as_shown("docs/tutorial.md", 4);
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn the_readme_shows_what_is_printed() {
    assert_is_as_shown("README.md", 1);
}

fn has_exit(ended: &ExitedProcess, exit: Exit) -> bool {
    ended.status.code() == Some(exit as i32)
}

/// Lines that each machine answers alike.
const LINES: &str = "irg x1, x0\nstg x1, [x1]\nstr x2, [x1, #8]\nstr x2, [x0]\nmode async\nstr x2, [x0]\nsave\ntags 0x0 = f*4\n\
                     restore\ntags\nundo\ntags 0x0\nel 0\nx0 = tagged-el0+0x0 tag 3\nldr x3, [x0]\nfmov d1, x0\nmem 0x0 16\nregs\n";

#[test]
#[ignore = "needs granule, set-up and QEMU; cargo xtask test runs it"]
fn machines_answer_as_the_model_does() {
    let model = inspect(&["--echo"], LINES);
    assert!(has_exit(&model, Exit::Passed), "{model}");
    for via in ["tcg", "nested"] {
        let machine = inspect(&["--echo", "--via", via], LINES);
        assert_eq!(
            (machine.stdout.as_str(), has_exit(&machine, Exit::Passed)),
            (model.stdout.as_str(), true),
            "{via}: {machine}"
        );
    }
}

/// Runs granule inspect with these lines in its standard input.
fn piped(lines: &str) -> (String, String, Option<i32>) {
    let mut command = Command::new(environment::file(BIN));
    command.arg("inspect").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end before it has read all.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn without_a_terminal_answers_are_plain_and_the_status_says_what_came_of_it() {
    let (out, errors, status) = piped("irg x1, x0\n\n// Nothing.\nexpect x1 tag 3\nquit\nnonsense\n");
    assert_eq!((errors.as_str(), status), ("", Some(0)));
    assert!(out.starts_with("   0  irg x1, x0") && !out.contains(['\u{1b}', '>']) && out.ends_with("  met\n"), "{out}");
    let (out, errors, status) = piped("nop\nldr x0, [x33]\nirg x1, x0\n");
    assert_eq!(status, Some(1));
    assert!(errors.starts_with("line 2: error: column 10: ") && !out.contains("irg"), "{out}{errors}");
    let (out, _, status) = piped("nop\nexpect x9 = 5\nnop\n");
    assert!(status == Some(1) && out.contains("not met: expected x9 = 0x5, found 0x0"), "{out}");
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn a_saved_session_is_a_program_that_passes() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("seen.granule");
    let lines = format!("{LINES}script save {}\n", path.display());
    let saved = inspect(&[], &lines);
    assert!(has_exit(&saved, Exit::Passed), "{saved}");
    let mut command = Command::new(environment::file(BIN));
    let ran = Process::start(command.args(["run", "--via", "model"]).arg(&path)).end();
    assert!(has_exit(&ran, Exit::Passed) && ran.stdout.contains("1 passed"), "{ran}");
    let again = inspect(&[], &lines);
    assert!(
        has_exit(&again, Exit::Failed) && again.stderr.contains("cannot be written"),
        "no file is overwritten: {again}"
    );
}

/// What the editor writes when it begins to read a line: pasted text is marked from now on.
const READS: &str = "\u{1b}[?2004h";

/// Types keys on a terminal, some at each prompt; returns all that is shown.
fn typed(state: &Path, keys: &[&[u8]]) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let end = || {
        Stdio::from(rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap())
    };
    // util-linux's: a session of its own, with this terminal.
    let mut command = Command::new("setsid");
    command.arg("--ctty").arg(environment::file(BIN)).arg("inspect");
    command.env("XDG_STATE_HOME", state).env("TERM", "xterm-256color").env_remove("NO_COLOR").env_remove("CLICOLOR");
    let mut child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    // The command holds the terminal's other end too.
    drop(command);
    let mut terminal = File::from(terminal);
    let (mut shown, mut piece) = (Vec::new(), [0; 4096]);
    let mut keys = keys.iter();
    let mut prompts = 0;
    // It is at its end when nobody has the other one.
    while let Ok(count @ 1..) = terminal.read(&mut piece) {
        shown.extend_from_slice(&piece[..count]);
        let begun = String::from_utf8_lossy(&shown).matches(READS).count();
        for keys in keys.by_ref().take(begun - prompts) {
            terminal.write_all(keys).unwrap();
        }
        prompts = begun;
    }
    assert!(child.wait().unwrap().success());
    String::from_utf8_lossy(&shown).into_owned()
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn at_a_terminal_lines_are_completed_coloured_and_kept() {
    let state = tempfile::tempdir().unwrap();
    // A completed verb; a line that Ctrl-C drops; the end by Ctrl-D.
    let shown = typed(state.path(), &[b"excl\t 0xfffe\r", b"x9 = 7\x03", b"regs\r", b"\x04"]);
    assert!(shown.contains("gcr_el1 = 0xfffe: exclude 1 2") && !shown.contains("x9 = 0x7"), "{shown}");
    assert!(shown.contains("\u{1b}[1m\u{1b}[35mexclude"), "{shown:?}");
    // The line before the last one of the session before.
    let shown = typed(state.path(), &[b"\x1b[A\x1b[A\r", b"\x04"]);
    assert!(shown.contains("gcr_el1 = 0xfffe"), "{shown}");
}
