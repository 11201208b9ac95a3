//! A child process, its output as it comes, and what became of the processes that it started.
//!
//! Ends are awaited on pidfds and pipes, never by sleeping, and never without a limit. What a test leaves
//! running when it panics is killed.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};

/// No test waits longer for one thing. It is far more than granule gives a whole run by itself, so that a slow
/// machine is no failure, and less than a hang.
pub const LIMIT: Duration = Duration::from_secs(240);

/// A process that was killed is gone long before.
const SOON: Duration = Duration::from_secs(30);

/// A running child, the first of a process group of its own.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
    seen: String,
}

/// A child that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitedProcess {
    /// How.
    pub status: ExitStatus,
    /// All that it wrote to standard output.
    pub stdout: String,
    /// All that it wrote to standard error.
    pub stderr: String,
}

impl ExitedProcess {
    /// Checks that these texts are in its standard output, in this order.
    ///
    /// # Panics
    ///
    /// When one is not, or not behind the others.
    pub fn expect_in_order(&self, wanted: &[&str]) {
        let mut rest = self.stdout.as_str();
        for text in wanted {
            match rest.split_once(text) {
                Some((_, after)) => rest = after,
                None => panic!("{text:?} is not in, or not behind the others:\n{self}"),
            }
        }
    }
}

impl Process {
    /// Starts a command without input, and without colours whatever the environment says.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command.env_remove("CLICOLOR_FORCE");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let lines = read_lines(child.stdout.take());
        let errors = read_lines(child.stderr.take());
        Self { child, lines, errors, seen: String::new() }
    }

    /// Returns the process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits for a line of standard output, without its end; `None` when there will be no more.
    ///
    /// # Panics
    ///
    /// When none comes within [`LIMIT`].
    pub fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => {
                self.seen.push_str(&line);
                Some(line.trim_end_matches('\n').to_owned())
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line within {LIMIT:?}; before it came:\n{}", self.seen),
        }
    }

    /// Sends a signal to this process alone.
    ///
    /// # Panics
    ///
    /// When it has been reaped already.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("granule is still ours");
    }

    /// Sends a signal to its process group, as a terminal does.
    ///
    /// # Panics
    ///
    /// When nobody is in it.
    pub fn signal_group(&self, signal: Signal) {
        kill_process_group(self.pid(), signal).expect("granule is still ours");
    }

    /// Waits until the process has ended and nobody holds its output any more.
    ///
    /// # Panics
    ///
    /// When that does not happen within [`LIMIT`].
    #[must_use]
    pub fn end(mut self) -> ExitedProcess {
        while self.line().is_some() {}
        let mut stderr = String::new();
        loop {
            match self.errors.recv_timeout(LIMIT) {
                Ok(line) => stderr.push_str(&line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("standard error is still open after {LIMIT:?}:\n{stderr}"),
            }
        }
        wait_until_gone(self.pid());
        let status = self.child.wait().expect("a child can be waited for");
        ExitedProcess { status, stdout: std::mem::take(&mut self.seen), stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Either fails only when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Display for ExitedProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}\n-- stdout\n{}-- stderr\n{}", self.status, self.stdout, self.stderr)
    }
}

/// Reads to the end of a pipe on a thread of its own: who writes must never wait for the test.
fn read_lines(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (lines, received) = mpsc::channel();
    let mut pipe = BufReader::new(pipe.expect("a pipe was asked for"));
    thread::spawn(move || {
        let mut line = Vec::new();
        while matches!(pipe.read_until(b'\n', &mut line), Ok(1..)) {
            // A test that failed does not listen any more.
            let _ = lines.send(String::from_utf8_lossy(&line).into_owned());
            line.clear();
        }
    });
    received
}

/// Waits until a process, a child or not, is gone.
///
/// # Panics
///
/// When it is still there after a while. It is killed then.
pub fn wait_until_gone(pid: Pid) {
    // It can only be missing because it is gone.
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    let limit = Timespec::try_from(SOON).expect("the limit is short");
    let ready = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit)).expect("a pidfd can be polled");
    if ready == 0 {
        kill(pid);
        panic!("process {} is still there after {SOON:?}", pid.as_raw_nonzero());
    }
}

/// Kills a process that should not be there.
pub fn kill(pid: Pid) {
    // It fails only when the process has ended meanwhile.
    let _ = kill_process(pid, Signal::KILL);
}

/// Finds the emulators whose kernel has this parameter.
#[must_use]
pub fn emulators(parameter: &str) -> Vec<Pid> {
    find(|process| is_emulator(process, parameter))
}

/// Finds what is left of a run: whoever is in its process group, and its emulators wherever they are.
#[must_use]
pub fn leftover_processes(group: Pid, parameter: &str) -> Vec<Pid> {
    find(|process| is_member(process, group) || is_emulator(process, parameter))
}

/// Finds the children of a process, that have not ended.
#[must_use]
pub fn children(parent: Pid) -> Vec<Pid> {
    find(|process| matches!(stat(process)[..], [ref state, ref of, ..] if state != "Z" && is(of, parent)))
}

fn find(wanted: impl Fn(i32) -> bool) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").expect("/proc is mounted");
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers.filter(|number| wanted(*number)).filter_map(Pid::from_raw).collect()
}

/// Reports QEMU's `-append` from granule's `--append`. A process that has ended has no command line.
fn is_emulator(process: i32, parameter: &str) -> bool {
    let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    words.windows(2).any(|pair| pair[0] == "-append" && pair[1].split(' ').any(|word| word == parameter))
}

/// Returns whether a process is in a group, and has not ended.
fn is_member(process: i32, group: Pid) -> bool {
    matches!(stat(process)[..], [ref state, _, ref of, ..] if state != "Z" && is(of, group))
}

fn is(number: &str, pid: Pid) -> bool {
    number.parse() == Ok(pid.as_raw_nonzero().get())
}

/// Reads a process's state, parent, group and more (proc(5), /proc/pid/stat); nothing of one that is gone.
fn stat(process: i32) -> Vec<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    fields.split_whitespace().map(str::to_owned).collect()
}
