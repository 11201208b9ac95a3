//! Makes sense of what comes out of a nested run, and above all of what does not come.
//!
//! It passes the inner granule's events on and adds what only the outside can know: the emulator and how
//! long it took to boot, a case that ends because the kernel under test died in it, a kernel that complained
//! while everything passed.

use std::time::{Duration, Instant};

use super::complaint::{self, LastLines};
use super::wire::{Item, WireError};
use crate::event::{CaseInfo, Event, Failure, STREAM_VERSION, Sink, Verdict};

/// Console lines shown with a failure.
const SHOWN_LINES: usize = 40;
/// Console lines that a complaint brings along.
const COMPLAINT_LINES: usize = 12;

/// What a panic says whose cause is PID 1, not the kernel.
const INIT_DIED: &str = "Attempted to kill init";

/// What runs the kernel under test.
#[derive(Clone, Debug)]
pub struct Emulator {
    /// With version.
    pub name: String,
    /// The CPU it emulates.
    pub cpu: String,
    /// When it was started.
    pub began: Instant,
}

/// Why nothing more comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The emulator ended.
    Ended {
        /// Its exit status, in words.
        how: String,
        /// Its error text.
        errors: String,
    },
    /// The time for the whole run is over.
    Deadline(Duration),
}

/// A kernel message that something is wrong, and the lines behind it.
#[derive(Debug)]
struct Complaint(Vec<String>);

/// Takes items and gives events.
pub struct Watch<'a> {
    sink: &'a mut dyn Sink,
    cases: usize,
    emulator: Option<Emulator>,
    greeted: bool,
    started: bool,
    done: bool,
    open: Option<CaseInfo>,
    complaint: Option<Complaint>,
    panicked: Option<String>,
    last: LastLines,
    heard: bool,
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Watch").field("open", &self.open).field("done", &self.done).finish_non_exhaustive()
    }
}

impl<'a> Watch<'a> {
    /// Watches a run of this many cases.
    pub fn new(sink: &'a mut dyn Sink, cases: usize) -> Self {
        Self {
            sink,
            cases,
            emulator: None,
            greeted: false,
            started: false,
            done: false,
            open: None,
            complaint: None,
            panicked: None,
            last: LastLines::new(SHOWN_LINES),
            heard: false,
        }
    }

    /// Says what was started.
    pub fn emulator(&mut self, emulator: Emulator) {
        self.emulator = Some(emulator);
    }

    /// Tells whether the last event was given.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Tells whether anything at all came over the console.
    #[must_use]
    pub fn has_heard(&self) -> bool {
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
            Ok(Item::Event(event)) => self.inner_event(event),
            Err(error) => {
                let remedy = "run it again; if it happens twice, please report it with these lines";
                self.broken_with_console(&format!("the results on the console cannot be trusted: {error}"), remedy);
            }
        }
    }

    /// Takes a console line that is no event.
    pub fn line(&mut self, line: String) {
        let message = complaint::message(&line);
        if self.started && complaint::is_complaint(message) {
            self.complaint.get_or_insert_with(|| Complaint(Vec::new()));
        }
        if complaint::is_panic(message) {
            self.panicked.get_or_insert_with(|| message.to_owned());
        }
        if let Some(Complaint(lines)) = &mut self.complaint
            && lines.len() < COMPLAINT_LINES
        {
            lines.push(line.clone());
        }
        self.last.push(line);
    }

    fn inner_event(&mut self, event: Event) {
        match event {
            Event::Hello(STREAM_VERSION) => self.hello(),
            Event::Hello(version) => self.broken(
                &format!("the agent speaks version {version} of the event stream, this granule version {STREAM_VERSION}"),
                "build both from the same source: `cargo xtask build`",
            ),
            Event::Started(target) if target.cases != self.cases => self.broken(
                &format!("the agent knows {} of the {} selected cases", target.cases, self.cases),
                "build both from the same source: `cargo xtask build`",
            ),
            Event::Started(_) => {
                self.started = true;
                self.sink.event(event);
            }
            Event::Begin(case) => {
                if let Some(open) = &self.open {
                    let reason = format!("case {} began while {} had not ended", case.name, open.name);
                    return self.broken(&reason, "please report this");
                }
                self.open = Some(case.clone());
                self.sink.event(Event::Begin(case));
            }
            Event::End { name, verdict, micros } => self.end(name, verdict, micros),
            Event::Finished { .. } => {
                self.report_stray_complaint();
                self.finish(event);
            }
            Event::Broken { reason, remedy } => {
                let during = self.open.as_ref().map(|case| format!("in case {}: ", case.name)).unwrap_or_default();
                self.broken(&format!("{during}{reason}"), &remedy);
            }
            Event::Unavailable { .. } | Event::CutShort { .. } => self.finish(event),
            Event::Booted { .. } => self.sink.event(event),
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

    fn end(&mut self, name: String, verdict: Verdict, micros: u64) {
        if self.open.take().is_none_or(|case| case.name != name) {
            return self.broken(&format!("case {name} ended without having begun"), "please report this");
        }
        let verdict = match (self.complaint.take(), verdict) {
            (Some(complaint), Verdict::Passed | Verdict::Skipped(_)) => Verdict::Failed(complaint.failure()),
            (_, verdict) => verdict,
        };
        self.sink.event(Event::End { name, verdict, micros });
    }

    /// A complaint outside of any case becomes a failing case of its own.
    fn report_stray_complaint(&mut self) {
        let Some(complaint) = self.complaint.take() else { return };
        let case = CaseInfo {
            name: "kernel.log.between-cases".to_owned(),
            claim: "the kernel under test finds nothing wrong with itself".to_owned(),
            cite: "Documentation/process/deprecated.rst, BUG() and BUG_ON()".to_owned(),
        };
        let name = case.name.clone();
        self.sink.event(Event::Begin(case));
        self.sink.event(Event::End { name, verdict: Verdict::Failed(complaint.failure()), micros: 0 });
    }

    /// Ends the stream because nothing more will come.
    pub fn stop(&mut self, stop: &Stop) {
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
            (Stop::Deadline(timeout), None) => (
                format!("the run did not end within {} s", timeout.as_secs()),
                "give it longer with --timeout, or see the kernel's messages with --append loglevel=7",
            ),
            (Stop::Ended { how, errors }, None) => (
                format!("QEMU ended ({how}) before the last result{}{errors}", if errors.is_empty() { "" } else { ": " }),
                "see the last lines; more of the kernel's messages come with --append loglevel=7",
            ),
        };
        if let Some(case) = self.open.take() {
            let failure = Failure {
                what: "the kernel under test".to_owned(),
                expected: "the case ends".to_owned(),
                found: reason.clone(),
                detail: self.console(),
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
        [vec!["the last lines of its console:".to_owned()], lines.into_iter().map(|line| format!("  {line}")).collect()].concat()
    }
}

impl Complaint {
    fn failure(self) -> Failure {
        failure_of(self.0)
    }
}

/// The failure of a case in which the kernel complained.
pub(super) fn failure_of(lines: Vec<String>) -> Failure {
    Failure {
        what: "the kernel's log".to_owned(),
        expected: "no complaint".to_owned(),
        found: lines.first().map(|line| complaint::message(line).to_owned()).unwrap_or_default(),
        detail: lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Target;

    fn event(event: Event) -> Result<Item, WireError> {
        Ok(Item::Event(event))
    }

    fn line(text: &str) -> Result<Item, WireError> {
        Ok(Item::Line(text.to_owned()))
    }

    fn started() -> Event {
        Event::Started(Target {
            granule: "0".into(),
            kernel: "k".into(),
            page_size: 4096,
            kvm_mode: "VHE".into(),
            mte: 3,
            tag_block: 256,
            seed: 1,
            cases: 2,
        })
    }

    fn begin(name: &str) -> Result<Item, WireError> {
        event(Event::Begin(CaseInfo { name: name.into(), claim: "c".into(), cite: "d".into() }))
    }

    fn passed(name: &str) -> Result<Item, WireError> {
        event(Event::End { name: name.into(), verdict: Verdict::Passed, micros: 1 })
    }

    /// Feeds items after the start, then perhaps a stop, and gives what comes after `Started`.
    fn run(items: Vec<Result<Item, WireError>>, stop: Option<Stop>) -> Vec<Event> {
        let mut events = Vec::new();
        let mut watch = Watch::new(&mut events, 2);
        watch.item(event(Event::Hello(STREAM_VERSION)));
        watch.item(event(started()));
        items.into_iter().for_each(|item| watch.item(item));
        if let Some(stop) = stop {
            watch.stop(&stop);
        }
        assert!(watch.is_done());
        assert_eq!(events[..2], [Event::Hello(STREAM_VERSION), started()]);
        events.split_off(2)
    }

    fn ended() -> Stop {
        Stop::Ended { how: "exit status: 0".into(), errors: String::new() }
    }

    fn failure(event: &Event) -> &Failure {
        match event {
            Event::End { verdict: Verdict::Failed(failure), .. } => failure,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_good_run_passes_through_unchanged_with_the_emulator_named() {
        let mut events = Vec::new();
        let mut watch = Watch::new(&mut events, 2);
        watch.emulator(Emulator { name: "QEMU 1".into(), cpu: "max".into(), began: Instant::now() });
        watch.item(line("[    0.1] BUG: before the suite is none of our business"));
        let items = [begin("a"), passed("a"), begin("b"), passed("b"), event(Event::Finished { micros: 2 })];
        watch.item(event(Event::Hello(STREAM_VERSION)));
        watch.item(event(started()));
        items.iter().cloned().for_each(|item| watch.item(item));
        assert!(watch.is_done());
        assert!(matches!(&events[1], Event::Booted { emulator, .. } if emulator == "QEMU 1"));
        let rest: Vec<_> = events.split_off(3).into_iter().map(event).collect();
        assert_eq!(rest, items);
    }

    #[test]
    fn a_panic_fails_the_case_that_had_begun_and_shows_the_console() {
        let items = vec![begin("a"), line("[    1.0] Kernel panic - not syncing: stub")];
        let events = run(items, Some(ended()));
        assert!(failure(&events[1]).found.contains("not syncing: stub"));
        assert!(failure(&events[1]).detail.iter().any(|line| line.contains("[    1.0]")));
        assert!(matches!(events[2], Event::CutShort { .. }));
    }

    #[test]
    fn a_death_of_granule_is_not_called_one_of_the_kernel() {
        let items = vec![begin("a"), line("[    1.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b")];
        assert!(failure(&run(items, Some(ended()))[1]).found.contains("granule itself"));
        let broken = event(Event::Broken { reason: "panicked".into(), remedy: "m".into() });
        assert!(matches!(&run(vec![begin("a"), broken], None)[1], Event::Broken { reason, .. } if reason == "in case a: panicked"));
    }

    #[test]
    fn a_silent_kernel_fails_the_case_that_had_begun() {
        let events = run(vec![begin("a")], Some(Stop::Deadline(Duration::from_secs(3))));
        assert!(failure(&events[1]).found.contains("3 s"));
        assert!(matches!(events[2], Event::CutShort { .. }));
    }

    #[test]
    fn a_panic_between_cases_cuts_the_run_short() {
        let items = vec![begin("a"), passed("a"), line("[    1.0] Kernel panic - not syncing: stub")];
        assert!(matches!(&run(items, Some(ended()))[2], Event::CutShort { reason } if reason.contains("stub")));
    }

    #[test]
    fn an_end_between_cases_without_a_panic_is_no_verdict() {
        let events = run(vec![begin("a"), passed("a")], Some(ended()));
        assert!(matches!(&events[2], Event::Broken { .. }));
    }

    #[test]
    fn a_complaint_during_a_case_fails_it_however_it_ended() {
        let items =
            vec![begin("a"), line("[    1.0] WARNING: CPU: 0"), line("[    1.0] more"), passed("a"), event(Event::Finished { micros: 2 })];
        let events = run(items, None);
        assert_eq!(failure(&events[1]).found, "WARNING: CPU: 0");
        assert_eq!(failure(&events[1]).detail.len(), 2);
        assert_eq!(events.len(), 3);
    }

    #[test]
    fn a_complaint_between_cases_fails_the_run() {
        let items = vec![begin("a"), passed("a"), line("[    1.0] BUG: late"), event(Event::Finished { micros: 2 })];
        let events = run(items, None);
        assert_eq!(failure(&events[3]).found, "BUG: late");
        assert!(matches!(events[4], Event::Finished { .. }));
    }

    #[test]
    fn a_damaged_stream_and_events_out_of_order_are_no_verdict() {
        let streams = [
            vec![begin("a"), Err(WireError::Gap { expected: 3, found: 4 })],
            vec![begin("a"), begin("b")],
            vec![passed("a")],
            vec![begin("a"), passed("b")],
        ];
        for items in streams {
            let name = format!("{items:?}");
            assert!(matches!(run(items, None).last(), Some(Event::Broken { .. })), "{name}");
        }
    }

    #[test]
    fn another_agents_version_or_cases_are_refused() {
        for first in [Event::Hello(STREAM_VERSION + 1), started()] {
            let mut events = Vec::new();
            let mut watch = Watch::new(&mut events, 40);
            watch.item(event(first));
            assert!(watch.is_done() && matches!(events.last(), Some(Event::Broken { .. })));
        }
    }

    #[test]
    fn a_kernel_that_dies_while_booting_could_not_run() {
        let mut events = Vec::new();
        let mut watch = Watch::new(&mut events, 2);
        watch.item(line("[    0.5] Kernel panic - not syncing: no init"));
        watch.stop(&ended());
        assert!(matches!(&events[1], Event::Broken { reason, .. } if reason.contains("no init")));
    }
}
