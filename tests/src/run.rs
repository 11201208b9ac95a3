//! One `granule run` in QEMU: options in, events and exit status out.
//!
//! Each run has a kernel parameter that no other has, by which its emulator is found; and after each end
//! nothing that it started may be there any more.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use report::event::{Event, STREAM_VERSION, Verdict};
use report::exit::Exit;
use rustix::process::Pid;

use crate::environment::{self, AGENT, BIN, KERNEL_6_12, QEMU};
use crate::process::{ExitedProcess, Process, emulators, kill, leftover_processes};

/// A run that is still to be started.
#[derive(Clone, Debug)]
pub struct Run {
    kernel: Option<PathBuf>,
    qemu: Option<PathBuf>,
    append: String,
    marker: String,
    json: bool,
    arguments: Vec<OsString>,
}

/// A run under way.
#[derive(Debug)]
pub struct Running {
    process: Process,
    marker: String,
}

/// A run that has ended, whose emulator is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The process.
    pub ended: ExitedProcess,
}

impl Default for Run {
    fn default() -> Self {
        Self::new()
    }
}

impl Run {
    /// Prepares a run in the newest QEMU with the newest kernel, reported as JSON.
    #[must_use]
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let marker = format!("granule_test={}-{number}", std::process::id());
        Self { kernel: None, qemu: None, append: String::new(), marker, json: true, arguments: Vec::new() }
    }

    /// Runs this kernel.
    #[must_use]
    pub fn kernel(mut self, path: impl Into<PathBuf>) -> Self {
        self.kernel = Some(path.into());
        self
    }

    /// Runs it in this QEMU.
    #[must_use]
    pub fn qemu(mut self, path: impl Into<PathBuf>) -> Self {
        self.qemu = Some(path.into());
        self
    }

    /// Returns the kernel more parameters.
    #[must_use]
    pub fn append(mut self, parameters: &str) -> Self {
        self.append = format!("{} {parameters}", self.append);
        self
    }

    /// Reports as text, for people.
    #[must_use]
    pub fn as_text(mut self) -> Self {
        self.json = false;
        self
    }

    /// Adds an argument: a case, or an option.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds an option and its value.
    #[must_use]
    pub fn option(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.arg(name).arg(value)
    }

    /// Returns the kernel parameter by which the emulator is known.
    #[must_use]
    pub fn marker(&self) -> &str {
        &self.marker
    }

    /// Returns the command line: coreutils' env, the program, and all its arguments.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let named = |path: &Option<PathBuf>, variable| path.clone().unwrap_or_else(|| environment::file(variable));
        // Whoever runs the tests may ignore signals (nohup, a job in the background); a user's shell does not.
        let mut words: Vec<OsString> = ["env", "--default-signal"].map(OsString::from).into();
        words.push(environment::file(BIN).into());
        words.extend(["run", "--via", "nested"].map(OsString::from));
        words.extend([OsString::from("--agent"), environment::file(AGENT).into()]);
        words.extend([OsString::from("--qemu"), named(&self.qemu, QEMU).into()]);
        words.extend([OsString::from("--kernel"), named(&self.kernel, KERNEL_6_12).into()]);
        words.extend([OsString::from("--append"), format!("{}{}", self.marker, self.append).into()]);
        words.extend(["--format", if self.json { "json" } else { "text" }].map(OsString::from));
        words.extend(self.arguments.iter().cloned());
        words
    }

    /// Starts it.
    #[must_use]
    pub fn start(&self) -> Running {
        let words = self.words();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        Running { process: Process::start(&mut command), marker: self.marker.clone() }
    }

    /// Starts it and waits for its end.
    #[must_use]
    pub fn report(&self) -> Report {
        self.start().report()
    }
}

impl Running {
    /// The process of granule.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Waits for an event.
    ///
    /// # Panics
    ///
    /// When the stream ends without it.
    pub fn wait_for_event(&mut self, wanted: impl Fn(&Event) -> bool) {
        while let Some(line) = self.process.line() {
            if wanted(&event(&line)) {
                return;
            }
        }
        panic!("the stream ended before the event that this test waits for");
    }

    /// Returns the one emulator of this run.
    ///
    /// # Panics
    ///
    /// When there is none, or more than one.
    #[must_use]
    pub fn emulator(&self) -> Pid {
        match emulators(&self.marker)[..] {
            [emulator] => emulator,
            ref found => panic!("one emulator was expected, found {found:?}"),
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When a process is left behind.
    #[must_use]
    pub fn report(self) -> Report {
        let group = self.process.pid();
        let ended = self.process.end();
        let left = leftover_processes(group, &self.marker);
        left.iter().copied().for_each(kill);
        assert_eq!(left, [], "processes left behind by granule, which ended: {ended}");
        Report { ended }
    }
}

impl Report {
    /// Returns the events, when granule ended with this status.
    ///
    /// # Panics
    ///
    /// When the status is another one, or the stream does not begin with its version.
    #[must_use]
    pub fn events(&self, expected: Exit) -> Vec<Event> {
        assert_eq!(self.ended.status.code(), Some(expected as i32), "{expected:?} was expected: {}", self.ended);
        let events: Vec<Event> = self.ended.stdout.lines().map(event).collect();
        assert_eq!(events.first(), Some(&Event::Hello(STREAM_VERSION)), "{}", self.ended);
        events
    }

    /// Returns the reason of a run that could not be done: status 69, a closing `Broken`, the same words on
    /// standard error, and something that the user can do.
    ///
    /// # Panics
    ///
    /// When any of these is missing.
    #[must_use]
    pub fn broken(&self) -> String {
        match self.events(Exit::Broken).last() {
            Some(Event::Broken { reason, remedy }) => self.explained(reason, remedy),
            _ => panic!("a closing Broken was expected: {}", self.ended),
        }
    }

    /// Returns the reason why nothing could be checked: status 4, a closing `Unavailable`, and as [`Report::broken`].
    ///
    /// # Panics
    ///
    /// When any of these is missing.
    #[must_use]
    pub fn unavailable(&self) -> String {
        match self.events(Exit::Unavailable).last() {
            Some(Event::Unavailable { reason, remedy }) => self.explained(reason, remedy),
            _ => panic!("a closing Unavailable was expected: {}", self.ended),
        }
    }

    fn explained(&self, reason: &str, remedy: &str) -> String {
        assert!(!remedy.is_empty(), "no remedy: {}", self.ended);
        for line in reason.lines().chain(remedy.lines()) {
            assert!(self.ended.stderr.contains(line), "{line:?} is not on standard error: {}", self.ended);
        }
        reason.to_owned()
    }

    /// Checks for a usage error: status 2, nothing on standard output. Gives what standard error says.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    pub fn usage(&self) -> &str {
        assert_eq!(self.ended.status.code(), Some(Exit::Usage as i32), "{}", self.ended);
        assert_eq!(self.ended.stdout, "", "{}", self.ended);
        &self.ended.stderr
    }
}

/// Reads a line of the event stream.
fn event(line: &str) -> Event {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?} is no event: {error}"))
}

/// Returns each case that ended, with its verdict, in order.
///
/// # Panics
///
/// When a case ends that did not begin, or begins and does not end.
#[must_use]
pub fn verdicts(events: &[Event]) -> Vec<(String, Verdict)> {
    let mut open = None;
    let mut verdicts = Vec::new();
    for event in events {
        match event {
            Event::Begin(case) => assert_eq!(open.replace(case.name.clone()), None, "{} began too early", case.name),
            Event::End { name, verdict, .. } => {
                assert_eq!(open.take().as_ref(), Some(name), "{name} ended without having begun");
                verdicts.push((name.clone(), verdict.clone()));
            }
            _ => {}
        }
    }
    assert_eq!(open, None, "a case did not end");
    verdicts
}

/// Returns the name of every case, as `granule list` prints them.
///
/// # Panics
///
/// When `granule list` fails.
#[must_use]
pub fn case_names() -> Vec<String> {
    let ended = Process::start(Command::new(environment::file(BIN)).arg("list")).end();
    assert!(ended.status.success(), "{ended}");
    ended.stdout.lines().filter(|line| !line.starts_with(' ')).map(str::to_owned).collect()
}
