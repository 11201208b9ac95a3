//! A campaign: many programs, on as many threads as there are machines, each program judged and each divergence
//! shrunk. What happens is reported as events.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use machine::Deadline;
use machine::target::Opener;

use super::contender::{ClosingEvent, KnownErrata, Opponent, with_judge};
use super::coverage::Counter;
use super::finding::failure;
use super::generate;
use super::judge::{Judge, Verdict};
use super::known;
use super::profile::Profile;
use super::shrink::{self, Shrunk};
use program::run::Tags;
use program::{Program, Step};
use report::event::{self, CaseInfo, Event, Sink, Summary};

/// How long one divergence may take to be shrunk.
const SHRINKING: Duration = Duration::from_secs(20);
/// How often progress is reported.
const PROGRESS: Duration = Duration::from_millis(200);
/// How many undecided programs are listed by number.
const NUMBERS: usize = 10;
/// After every so many programs the tags of the whole arena are compared, which takes about as long as a program.
const SWEPT: u64 = 16;
/// What stands before a program's number in the events.
pub const NAME: &str = "fuzz.program.";

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// From which all programs follow.
    pub seed: u64,
    /// The number of the first program.
    pub first: u64,
    /// How many programs at most.
    pub programs: u64,
    /// How long at most.
    pub time: Duration,
    /// Threads, each with a machine of its own, 1 at least.
    pub jobs: usize,
    /// Divergences after which it ends, 1 at least.
    pub most: usize,
    /// Whether programs are about SVE.
    pub scalable: bool,
    /// Whether programs are about SME.
    pub matrix: bool,
}

/// What workers tell.
enum WorkerMessage {
    Opened(Box<Opponent>),
    Finding(Box<Finding>),
    Closed(ClosingEvent),
}

/// A program that diverges.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its number.
    pub number: u64,
    /// How many instructions it had.
    pub instructions: usize,
    /// What is left of it.
    pub shrunk: Shrunk,
}

/// What the workers share.
struct Shared {
    options: Options,
    deadline: Deadline,
    next: AtomicU64,
    run: AtomicU64,
    undecided: Mutex<Vec<u64>>,
    found: AtomicUsize,
    stop: AtomicBool,
    not_covered: Mutex<BTreeMap<String, u64>>,
    coverage: Counter,
}

/// Runs a campaign. Everything is reported to the sink: `Started`, each divergence, `Fuzzed`, and how it
/// ended. `progress` is called now and then with how many programs were run and how many diverged.
pub fn run(
    options: &Options,
    opener: &dyn Opener,
    known: &KnownErrata,
    sink: &mut dyn Sink,
    progress: &mut dyn FnMut(u64, usize),
) {
    let began = Instant::now();
    let shared = Shared {
        options: *options,
        deadline: Deadline::after(options.time),
        next: AtomicU64::new(options.first),
        run: AtomicU64::new(0),
        undecided: Mutex::default(),
        found: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        not_covered: Mutex::default(),
        coverage: Counter::default(),
    };
    let (sender, message) = mpsc::channel();
    let mut closed = None;
    let mut started = false;
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            let (sender, shared) = (sender.clone(), &shared);
            scope.spawn(move || {
                let result = with_judge(opener, known, &mut |judge, opponent| {
                    send(&sender, WorkerMessage::Opened(Box::new(opponent.clone())));
                    work(shared, judge, opponent, &sender);
                    Ok(())
                });
                if let Err(closing) = result {
                    shared.stop.store(true, Ordering::Relaxed);
                    send(&sender, WorkerMessage::Closed(closing));
                }
            });
        }
        drop(sender);
        loop {
            match message.recv_timeout(PROGRESS) {
                Ok(WorkerMessage::Opened(opponent)) if !started => {
                    started = true;
                    event::started(&opponent.target, opponent.took, options.seed, 0, sink);
                }
                Ok(WorkerMessage::Opened(_)) => {}
                Ok(WorkerMessage::Finding(finding)) => report_finding(&finding, sink),
                Ok(WorkerMessage::Closed(closing)) => closed = Some(closing),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    progress(shared.run.load(Ordering::Relaxed), shared.found.load(Ordering::Relaxed));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
    });
    let micros = micros(began);
    if started {
        sink.event(Event::Fuzzed(shared.summary(micros)));
    }
    sink.event(closed.map_or(Event::Finished { micros }, |closing| *closing));
}

/// Returns the microseconds since then.
pub(super) fn micros(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Sends news. A receiver that is gone needs none.
fn send(sender: &mpsc::Sender<WorkerMessage>, message: WorkerMessage) {
    let _ = sender.send(message);
}

impl Shared {
    fn summary(&self, micros: u64) -> Summary {
        let not_covered = self.not_covered.lock().unwrap_or_else(PoisonError::into_inner);
        let mut undecided = self.undecided.lock().unwrap_or_else(PoisonError::into_inner).clone();
        undecided.sort_unstable();
        Summary {
            programs: self.run.load(Ordering::Relaxed),
            diverged: self.found.load(Ordering::Relaxed) as u64,
            undecided: undecided.len() as u64,
            undecided_numbers: undecided.into_iter().take(NUMBERS).collect(),
            not_covered: not_covered.clone(),
            coverage: self.coverage.coverage(),
            micros,
        }
    }

    /// Returns the number of the next program, if there is to be one.
    fn next(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let more = number - self.options.first < self.options.programs && !self.deadline.is_over();
        (more && !self.stop.load(Ordering::Relaxed)).then_some(number)
    }
}

/// Judges one program after the other.
fn work(shared: &Shared, judge: &mut Judge<'_>, opponent: &Opponent, sender: &mpsc::Sender<WorkerMessage>) {
    let profile = Profile { scalable: shared.options.scalable, matrix: shared.options.matrix, ..opponent.profile() };
    shared.coverage.lacks(&profile.lacking);
    while let Some(number) = shared.next() {
        let program = generate::program(shared.options.seed, number, &profile);
        judge.compare_tags(if number.is_multiple_of(SWEPT) { all_tags(&program) } else { Tags::OfPages });
        let verdict = judge.judge(&program, shared.deadline);
        if !matches!(verdict, Verdict::OutOfTime(_)) {
            shared.run.fetch_add(1, Ordering::Relaxed);
        }
        match verdict {
            // The last program may have had too little time, and was not run then.
            Verdict::OutOfTime(_) => return,
            Verdict::Permitted(blocks) => shared.coverage.compared(&program, &blocks),
            // A random program expects nothing.
            Verdict::Unmet(_) | Verdict::OnlyFaults => {}
            Verdict::Endless(_) => {}
            Verdict::Undecided => {
                shared.undecided.lock().unwrap_or_else(PoisonError::into_inner).push(number);
            }
            Verdict::NotCovered(reason) => {
                let mut reasons = shared.not_covered.lock().unwrap_or_else(PoisonError::into_inner);
                *reasons.entry(without_numbers(&reason)).or_default() += 1;
            }
            Verdict::Diverged(_) | Verdict::Failed(..) => {
                let finding = shrunk(number, program, verdict, judge, &profile);
                send(sender, WorkerMessage::Finding(Box::new(finding)));
                if shared.found.fetch_add(1, Ordering::Relaxed) + 1 >= shared.options.most {
                    shared.stop.store(true, Ordering::Relaxed);
                }
            }
            Verdict::Lost(error) => {
                shared.stop.store(true, Ordering::Relaxed);
                send(sender, WorkerMessage::Closed(Box::new(Event::broken(&*error))));
            }
        }
    }
}

/// Returns the most tags that are quickly compared after a program: not those of the arena if it has changed pages, since
/// without a kernel the guest sweeps only windows that are as after boot.
fn all_tags(program: &Program) -> Tags {
    let changes_pages = program.steps.iter().any(|step| matches!(step, Step::Event(program::Event::Pages { .. })));
    if changes_pages { Tags::OfPages } else { Tags::OfArena }
}

/// Cuts what is different each time, so that the same reasons count together.
fn without_numbers(reason: &str) -> String {
    reason.split(", at pc ").next().unwrap_or_default().to_owned()
}

fn shrunk(number: u64, program: Program, verdict: Verdict, judge: &mut Judge<'_>, profile: &Profile) -> Finding {
    let instructions = program.runs().map(|run| run.words.len()).sum();
    let deadline = Deadline::after(SHRINKING);
    let shrunk = shrink::shrink(program, verdict, deadline, &mut |program, deadline| {
        judge.compare_tags(all_tags(program));
        let mut kept = program.clone();
        known::avoid_known(&profile.known, profile.kind, &mut kept);
        // A smaller program may show something else that is known.
        if kept == *program { judge.judge(program, deadline) } else { Verdict::Permitted(Vec::new()) }
    });
    Finding { number, instructions, shrunk }
}

/// Reports a divergence; its detail is the program's listing.
fn report_finding(finding: &Finding, sink: &mut dyn Sink) {
    let Finding { number, instructions, shrunk } = finding;
    let left: usize = shrunk.program.runs().map(|run| run.words.len()).sum();
    let name = format!("{NAME}{number}");
    let claim = format!("shrunk from {instructions} instructions to {left} in {} tries", shrunk.tried);
    let cite = "the model, as the architecture".to_owned();
    let failure = failure(&shrunk.program, &shrunk.verdict).unwrap_or_default();
    sink.event(Event::Diverged { case: CaseInfo { name, claim, cite }, failure });
}
