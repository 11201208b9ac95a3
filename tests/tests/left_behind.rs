//! No process outlives a run, however the run ends. (After every other test's run, too: see
//! `granule_tests::run::Running::report`.)

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use granule_tests::guest::{hanging_after_boot, write_elf};
use granule_tests::process::{LIMIT, emulators, wait_until_gone};
use granule_tests::run::Run;
use report::event::Event;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;

/// Prepares a run that does not end by itself: granule and its emulator wait for a guest that never answers.
/// The firmware's file is in the directory.
fn endless() -> (Run, TempDir) {
    let scratch = tempfile::tempdir().unwrap();
    let firmware = write_elf(scratch.path(), &hanging_after_boot());
    let run = Run::new().option("--firmware", firmware).option("--guest-timeout", "3600").option("--timeout", "3600");
    (run, scratch)
}

/// Sends granule a signal while a guest runs in the emulator's kernel.
fn nothing_is_left_after(signal: Signal, to_the_group: bool) {
    let (run, _scratch) = endless();
    let mut run = run.start();
    run.wait_for_event(|event| matches!(event, Event::Begin(_)));
    let emulator = run.emulator();
    if to_the_group {
        run.process().signal_group(signal);
    } else {
        run.process().signal(signal);
    }
    // The emulator of a granule that was killed belongs to nobody; the kernel ends it a moment later.
    wait_until_gone(emulator);
    let ended = run.report().ended;
    assert!(!ended.status.success(), "{ended}");
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn nothing_is_left_when_granule_is_killed() {
    nothing_is_left_after(Signal::KILL, false);
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn nothing_is_left_when_granule_is_terminated() {
    nothing_is_left_after(Signal::TERM, false);
}

/// Ctrl-C.
#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn nothing_is_left_when_the_user_interrupts() {
    nothing_is_left_after(Signal::INT, true);
}

/// As when a reader such as `head` has seen enough: the next line that granule writes ends it.
#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn nothing_is_left_when_nobody_reads_the_results() {
    let (run, _scratch) = endless();
    let mut words = run.words();
    let mut child = Command::new(words.remove(0))
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    wait_until_gone(Pid::from_child(&child));
    assert!(!child.wait().unwrap().success());
    emulators(run.marker()).into_iter().for_each(wait_until_gone);
}

/// The terminal window is closed: the kernel hangs up on the session.
#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn nothing_is_left_when_the_terminal_goes_away() {
    let seed = "0x7e57ed";
    let (run, _scratch) = endless();
    let run = run.as_text().option("--seed", seed);
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let end = || Stdio::from(rustix::fs::open(&name, flags, Mode::empty()).unwrap());
    // util-linux's: a session of its own, with this terminal.
    let mut command = Command::new("setsid");
    command.arg("--ctty").args(run.words()).stdin(end()).stdout(end()).stderr(end());
    let mut child = command.spawn().unwrap();
    // The command holds the terminal's other end too.
    drop(command);

    let mut terminal = File::from(terminal);
    let mut shown = Vec::new();
    while !String::from_utf8_lossy(&shown).contains(seed) {
        let limit = Timespec::try_from(LIMIT).unwrap();
        let ready = poll(&mut [PollFd::new(&terminal.as_fd(), PollFlags::IN)], Some(&limit)).unwrap();
        let mut piece = [0; 4096];
        let count = if ready > 0 { terminal.read(&mut piece).unwrap_or(0) } else { 0 };
        assert!(count > 0, "granule ended before it began: {}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&piece[..count]);
    }
    let emulators = emulators(run.marker());
    assert_eq!(emulators.len(), 1, "{}", String::from_utf8_lossy(&shown));
    drop(terminal);
    emulators.into_iter().for_each(wait_until_gone);
    wait_until_gone(Pid::from_child(&child));
    assert!(!child.wait().unwrap().success());
}
