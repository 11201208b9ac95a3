//! Makes sense of what comes out of a nested run, and above all of what does not come.
//!
//! It passes the inner granule's events on and adds what only the outside can know: the emulator and how
//! long it took to boot, a case that ends because the kernel under test died in it, a kernel that complained
//! while everything passed.

use std::time::Instant;

use super::kernel_warning::{self, LastLines};
use super::wire::{Item, NUMBER, WireError};
use machine::Explain;
use machine::deadline::OutOfTime;
use qemu::end::QemuEnd;
use report::event::{CaseInfo, Event, Failure, STREAM_VERSION, Sink, Verdict};
use report::failure::FailureKind;

/// Console lines shown with a failure.
const SHOWN_LINES: usize = 40;
/// Console lines that a complaint brings along.
const WARNING_LINES: usize = 12;

/// What a panic says whose cause is PID 1, not the kernel.
const INIT_DIED: &str = "Attempted to kill init";

/// What runs the kernel under test.
#[derive(Clone, Debug)]
pub struct EmulatorInfo {
    /// With version.
    pub name: String,
    /// The CPU it emulates.
    pub cpu: String,
    /// When it was started.
    pub began: Instant,
}

/// Why nothing more comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The emulator ended.
    Ended(QemuEnd),
    /// The time for the whole run is over.
    Deadline(OutOfTime),
}

/// A kernel message that something is wrong, and the lines behind it.
#[derive(Debug)]
struct KernelWarning(Vec<String>);

/// Takes items and gives events.
pub struct RunWatcher<'a> {
    sink: &'a mut dyn Sink,
    cases: &'a [CaseInfo],
    emulator: Option<EmulatorInfo>,
    greeted: bool,
    started: bool,
    done: bool,
    open: Option<CaseInfo>,
    kernel_warning: Option<KernelWarning>,
    panicked: Option<String>,
    last: LastLines,
    heard: bool,
}

impl std::fmt::Debug for RunWatcher<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Watch").field("open", &self.open).field("done", &self.done).finish_non_exhaustive()
    }
}

impl<'a> RunWatcher<'a> {
    /// Watches a run of these cases.
    pub fn new(sink: &'a mut dyn Sink, cases: &'a [CaseInfo]) -> Self {
        Self {
            sink,
            cases,
            emulator: None,
            greeted: false,
            started: false,
            done: false,
            open: None,
            kernel_warning: None,
            panicked: None,
            last: LastLines::new(SHOWN_LINES),
            heard: false,
        }
    }

    /// Returns what was started.
    pub fn emulator(&mut self, emulator: EmulatorInfo) {
        self.emulator = Some(emulator);
    }

    /// Returns whether the last event was given.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Returns whether anything at all came over the console.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.heard
    }

    /// Takes what the console's decoder gives.
    pub fn item(&mut self, item: Result<Item, WireError>) {
        if self.done {
            return;
        }
        self.heard = true;
        match item {
            Ok(Item::Line(line)) => self.line(line),
            Ok(Item::Event(event)) => self.inner_event(*event),
            Ok(Item::Text(text)) => {
                self.broken(&format!("the agent sent `{text}`, which is no event"), "please report this")
            }
            Err(error) => {
                let remedy = "run it again; if it happens twice, please report it with these lines";
                self.broken_with_console(&format!("the results on the console cannot be trusted: {error}"), remedy);
            }
        }
    }

    /// Takes a console line that is no event.
    pub fn line(&mut self, line: String) {
        let message = kernel_warning::message(&line);
        if self.started && kernel_warning::is_warning(message) {
            self.kernel_warning.get_or_insert_with(|| KernelWarning(Vec::new()));
        }
        if kernel_warning::is_panic(message) {
            self.panicked.get_or_insert_with(|| message.to_owned());
        }
        if let Some(KernelWarning(lines)) = &mut self.kernel_warning
            && lines.len() < WARNING_LINES
        {
            lines.push(line.clone());
        }
        self.last.push(line);
    }

    fn inner_event(&mut self, event: Event) {
        match event {
            Event::Hello(STREAM_VERSION) => self.hello(),
            Event::Hello(version) => self.broken(
                &format!(
                    "the agent speaks version {version} of the event stream, this granule version {STREAM_VERSION}"
                ),
                "build both from the same source: `cargo xtask build`",
            ),
            Event::Started(target) if target.cases != self.cases.len() => self.broken(
                &format!("the agent knows {} of the {} selected cases", target.cases, self.cases.len()),
                "build both from the same source: `cargo xtask build`",
            ),
            Event::Started(_) => {
                self.started = true;
                self.sink.event(event);
            }
            Event::Begin(case) => self.begin(&case.name),
            Event::End { verdict, micros, .. } => self.end(verdict, micros),
            Event::Finished { .. } => {
                self.report_stray_warning();
                self.finish(event);
            }
            Event::Broken { reason, remedy } => {
                let during = self.open.as_ref().map(|case| format!("in case {}: ", case.name)).unwrap_or_default();
                self.broken(&format!("{during}{reason}"), &remedy);
            }
            Event::Unavailable { .. } | Event::CutShort { .. } => self.finish(event),
            Event::Booted { .. }
            | Event::Diverged { .. }
            | Event::Fuzzed(_)
            | Event::Answer(_)
            | Event::NotShown { .. }
            | Event::LikelyCause { .. } => self.sink.event(event),
        }
    }

    fn hello(&mut self) {
        self.greet();
        if let Some(emulator) = self.emulator.take() {
            let micros = u64::try_from(emulator.began.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.sink.event(Event::Booted { emulator: emulator.name, cpu: emulator.cpu, micros });
        }
    }

    fn greet(&mut self) {
        if !self.greeted {
            self.greeted = true;
            self.sink.event(Event::Hello(STREAM_VERSION));
        }
    }

    /// Only its number or name travels over the console; the rest of a case is known here.
    fn begin(&mut self, name: &str) {
        if let Some(open) = &self.open {
            let reason = format!("case {name} began while {} had not ended", open.name);
            return self.broken(&reason, "please report this");
        }
        let case = match name.strip_prefix(NUMBER).map(str::parse::<usize>) {
            Some(number) => number.ok().and_then(|number| self.cases.get(number)),
            None => self.cases.iter().find(|case| case.name == name),
        };
        let Some(case) = case else {
            return self.broken(&format!("case {name} began, which was not selected"), "please report this");
        };
        self.open = Some(case.clone());
        self.sink.event(Event::Begin(case.clone()));
    }

    /// An end has no name on the console: it is that of the case that began.
    fn end(&mut self, verdict: Verdict, micros: u64) {
        let Some(CaseInfo { name, .. }) = self.open.take() else {
            return self.broken("a case ended without having begun", "please report this");
        };
        let verdict = match (self.kernel_warning.take(), verdict) {
            (Some(kernel_warning), Verdict::Passed | Verdict::Known { .. } | Verdict::Skipped(_)) => {
                Verdict::Failed(kernel_warning.failure())
            }
            // Whatever else went wrong, this is no erratum.
            (Some(_), Verdict::Failed(failure)) => {
                Verdict::Failed(Failure { kind: FailureKind::KernelWarning, ..failure })
            }
            (None, verdict) => verdict,
        };
        self.sink.event(Event::End { name, verdict, micros });
    }

    /// A complaint outside of any case becomes a failing case of its own.
    fn report_stray_warning(&mut self) {
        let Some(kernel_warning) = self.kernel_warning.take() else { return };
        let case = CaseInfo {
            name: "kernel.log.between-cases".to_owned(),
            claim: "the kernel under test finds nothing wrong with itself".to_owned(),
            cite: "Documentation/process/deprecated.rst, BUG() and BUG_ON()".to_owned(),
        };
        let name = case.name.clone();
        self.sink.event(Event::Begin(case));
        self.sink.event(Event::End { name, verdict: Verdict::Failed(kernel_warning.failure()), micros: 0 });
    }

    /// Ends the stream because nothing more will come.
    pub fn stop(&mut self, stop: &EndReason) {
        if self.done {
            return;
        }
        let (reason, remedy) = match (stop, &self.panicked) {
            (_, Some(panic)) if panic.contains(INIT_DIED) => (
                format!("granule itself, PID 1 of the inner Linux, died: {panic}"),
                "please report this with the command line; the exit code's low 7 bits are the signal",
            ),
            (_, Some(panic)) => (
                format!("the kernel under test died: {panic}"),
                "see its last lines; another kernel can be given with --kernel",
            ),
            (EndReason::Deadline(late), None) => {
                (late.reason(), "give it longer with --timeout, or see the kernel's messages with --append loglevel=7")
            }
            (EndReason::Ended(end), None) => (
                format!("there are results missing: {}", end.reason()),
                "see the last lines; more of the kernel's messages come with --append loglevel=7",
            ),
        };
        if let Some(case) = self.open.take() {
            let failure = Failure {
                detail: self.console(),
                kind: FailureKind::KernelDied,
                ..Failure::described("the kernel under test", "the case ends", reason.clone())
            };
            self.sink.event(Event::End { name: case.name, verdict: Verdict::Failed(failure), micros: 0 });
            self.finish(Event::CutShort { reason });
        } else if self.started && self.panicked.is_some() {
            let reason = [vec![reason], self.console()].concat().join("\n");
            self.finish(Event::CutShort { reason });
        } else {
            self.broken_with_console(&reason, remedy);
        }
    }

    /// Ends the stream because of an error.
    pub fn broken(&mut self, reason: &str, remedy: &str) {
        self.greet();
        self.finish(Event::Broken { reason: reason.to_owned(), remedy: remedy.to_owned() });
    }

    /// Ends the stream because there is nothing to check.
    pub fn unavailable(&mut self, reason: &str, remedy: &str) {
        self.greet();
        self.finish(Event::Unavailable { reason: reason.to_owned(), remedy: remedy.to_owned() });
    }

    fn broken_with_console(&mut self, reason: &str, remedy: &str) {
        let reason = [vec![reason.to_owned()], self.console()].concat().join("\n");
        self.broken(&reason, remedy);
    }

    fn finish(&mut self, event: Event) {
        if !self.done {
            self.done = true;
            self.sink.event(event);
        }
    }

    /// The console's last lines, with a heading.
    fn console(&self) -> Vec<String> {
        let lines = self.last.lines();
        if lines.is_empty() {
            return vec!["its console showed nothing".to_owned()];
        }
        [vec!["the last lines of its console:".to_owned()], lines.into_iter().map(|line| format!("  {line}")).collect()]
            .concat()
    }
}

impl KernelWarning {
    fn failure(self) -> Failure {
        failure_of(self.0)
    }
}

/// The failure of a case in which the kernel complained.
pub(super) fn failure_of(lines: Vec<String>) -> Failure {
    let found = lines.first().map(|line| kernel_warning::message(line).to_owned()).unwrap_or_default();
    let kind = FailureKind::KernelWarning;
    Failure { detail: lines, kind, ..Failure::described("the kernel's log", "no complaint", found) }
}

#[cfg(test)]
mod tests;
