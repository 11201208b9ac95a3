//! The other half of the kill matrix: every operation of the specification made wrong by a machine, one at a time.
//!
//! A mutant is killed by a case of the suite that fails, by a program of the replayed corpus that shows what the unbroken
//! specification does not permit, or by a panic; a mutant that loops for ever runs out of fuel. An unbroken run of every test
//! records which operations it evaluates, so that a mutant is only tried on tests that it can change, the quickest first.
//! Which survive, and why no machine could tell them from the specification, stands in `model/survivors.txt`.

mod corpus;
mod hunt;
mod stages;
mod survivors;
mod variants;
mod wild;

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use machine::target::Opener;
use machine::{Config, Deadline};
use model_base::mutant::{self, Mutant, OutOfFuel};
use report::event::{Event, Sink, Verdict};
use suite::Options;

use self::corpus::{Models, Prepared, Replay};
pub use self::hunt::{Found, hunt};
use self::stages::ELSEWHERE;
pub use self::survivors::{Account, Argued, not_argued};
use super::{STAGES, Stage, on_threads};

/// How many times what an unbroken test evaluates a mutant may evaluate.
const PATIENCE: u64 = 20;

/// Programs that are tried on a mutant at most.
const PROGRAMS: usize = 1000;

/// Something that may notice a mutant.
struct Test {
    name: String,
    work: Work,
    /// For each number whether the operation is evaluated.
    reached: Vec<bool>,
    /// How many operations are.
    cost: u64,
}

enum Work {
    /// A case of the suite on one of the stages. Whether it passes; else it is skipped there.
    Case { stage: Stage, case: &'static str, passes: bool },
    /// Opening a model: whether there is a machine with MTE.
    Opening { stage: Stage, opens: bool },
    /// A program.
    Program(Box<Prepared>),
}

/// How a mutant died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// A test noticed.
    Noticed,
    /// It panicked.
    Panicked,
    /// It ran out of fuel.
    Endless,
}

/// What became of one mutant.
#[derive(Clone, Debug)]
pub struct Fate {
    /// Its number.
    pub number: u32,
    /// The mutant.
    pub mutant: &'static Mutant,
    /// How it died, and the test that killed it; `None` if it survived.
    pub killed: Option<(Death, String)>,
    /// How many tests were tried.
    pub tests: usize,
}

/// What became of all.
#[derive(Debug)]
pub struct Fates {
    /// In the order of their numbers.
    pub fates: Vec<Fate>,
    /// How many tests there are: cases on stages, and programs.
    pub tests: usize,
    /// How long it took.
    pub elapsed: Duration,
}

/// What mutants are tried on.
#[derive(Debug)]
pub enum Tests<'t> {
    /// The suite on all stages, and the replayed corpus.
    All,
    /// The programs in these files.
    Programs(&'t [PathBuf]),
}

/// Tries all mutants that `wanted` selects on `tests`, on `jobs` threads; `progress` hears how many are done, and `each` what
/// became of every one, as it ends.
///
/// # Errors
///
/// When a program cannot be read.
pub fn run(
    wanted: impl Fn(&Mutant) -> bool,
    tests: &Tests<'_>,
    seed: u64,
    jobs: usize,
    progress: &(dyn Fn(usize, usize) + Sync),
    each: &(dyn Fn(&Fate) + Sync),
) -> Result<Fates, String> {
    let began = Instant::now();
    silence();
    let mut work: Vec<(String, Work)> = Vec::new();
    let all: &[&str] = &[""];
    let programs = match tests {
        Tests::All => {
            for (stage, prefixes) in STAGES.map(|stage| (stage, all)).into_iter().chain(ELSEWHERE.iter().copied()) {
                work.push((format!("opening {}", stage.name), Work::Opening { stage, opens: true }));
                let wanted = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix));
                for case in suite::cases().filter(|case| wanted(case.name)) {
                    let name = format!("{} ({})", case.name, stage.name);
                    work.push((name, Work::Case { stage, case: case.name, passes: true }));
                }
            }
            corpus::programs()
        }
        Tests::Programs(paths) => corpus::from_files(paths)?,
    };
    work.extend(programs.into_iter().map(|(name, prepared)| (name, Work::Program(Box::new(prepared)))));
    let tests: Vec<Test> = on_threads(&work, jobs, &|_| {}, |(name, work)| baseline(name, work, seed));
    let numbers: Vec<u32> =
        (1..).zip(kvm_model::mutant::all()).filter(|(_, mutant)| wanted(mutant)).map(|(number, _)| number).collect();
    let done = |done| progress(done, numbers.len());
    let fates = on_threads(&numbers, jobs, &done, |number| {
        let fate = fate(*number, &tests, seed);
        each(&fate);
        fate
    });
    Ok(Fates { fates, tests: tests.len(), elapsed: began.elapsed() })
}

/// Runs a test unbroken.
fn baseline(name: &str, work: &Work, seed: u64) -> Test {
    let (work, reached, cost) = match work {
        Work::Case { stage, case, .. } => {
            let (verdict, reached, cost) = mutant::recorded(|| case_verdict(*stage, case, seed));
            (Work::Case { stage: *stage, case, passes: matches!(verdict, Some(Verdict::Passed)) }, reached, cost)
        }
        Work::Opening { stage, .. } => {
            let (opens, reached, cost) = mutant::recorded(|| opens(*stage));
            (Work::Opening { stage: *stage, opens }, reached, cost)
        }
        Work::Program(prepared) => {
            let models = Models::new();
            let (prepared, reached, cost) = mutant::recorded(|| prepared.observed(&mut Replay::on(&models)));
            (Work::Program(Box::new(prepared)), reached, cost)
        }
    };
    Test { name: name.to_owned(), work, reached, cost }
}

/// Tries tests on a mutant until one kills it.
fn fate(number: u32, tests: &[Test], seed: u64) -> Fate {
    let mutant = kvm_model::mutant::numbered(number);
    let able = tests.iter().filter(|test| test.reached.get(number as usize).copied().unwrap_or(false));
    let is_one_of_many = |test: &&Test| matches!(&test.work, Work::Program(prepared) if prepared.is_generated());
    let (mut programs, mut able): (Vec<_>, Vec<_>) = able.partition(is_one_of_many);
    programs.sort_by_key(|test| test.cost);
    // An operation that nearly every drawn program evaluates needs no more of them: of each size the same share.
    able.extend(programs.iter().step_by(programs.len().div_ceil(PROGRAMS).max(1)));
    able.sort_by_key(|test| test.cost);
    let models = Models::new();
    let mut replay = Replay::on(&models);
    for (n, test) in able.iter().enumerate() {
        if let Some(death) = kills(test, number, seed, &mut replay) {
            return Fate { number, mutant, killed: Some((death, test.name.clone())), tests: n + 1 };
        }
    }
    Fate { number, mutant, killed: None, tests: able.len() }
}

/// How many operations a mutant may evaluate where the unbroken specification evaluates `cost`.
fn fuel(cost: u64) -> u64 {
    cost.saturating_mul(PATIENCE).saturating_add(1_000_000)
}

fn kills(test: &Test, number: u32, seed: u64, replay: &mut Replay<'_>) -> Option<Death> {
    let result = quietly(|| {
        let _active = mutant::activate(number, fuel(test.cost));
        match &test.work {
            // A case that is skipped says nothing, and one that is skipped all of a sudden neither.
            Work::Case { passes: false, .. } => false,
            Work::Case { stage, case, .. } => {
                matches!(case_verdict(*stage, case, seed), None | Some(Verdict::Failed(_)))
            }
            Work::Opening { stage, opens: right } => opens(*stage) != *right,
            Work::Program(prepared) => prepared.notices(replay),
        }
    });
    match result {
        Ok(false) => None,
        Ok(true) => Some(Death::Noticed),
        Err(endless) => Some(if endless { Death::Endless } else { Death::Panicked }),
    }
}

/// Returns whether a machine of the model starts.
fn opens(stage: Stage) -> bool {
    stage.settings().open(Config::default()).is_ok()
}

/// Runs one case; `None` if there is no machine to run it on.
fn case_verdict(stage: Stage, case: &str, seed: u64) -> Option<Verdict> {
    struct Only(Option<Verdict>);
    impl Sink for Only {
        fn event(&mut self, event: Event) {
            if let Event::End { verdict, .. } = event {
                self.0 = Some(verdict);
            }
        }
    }
    let mut only = Only(None);
    let opened = stage.settings().open(Config::default()).ok()?;
    suite::run_on(
        &Options { names: vec![case.to_owned()], seed, fresh_vms: false, deadline: Deadline::NEVER },
        opened,
        &mut only,
    );
    only.0
}

thread_local! {
    /// Panics of this thread are expected.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Lets nothing be printed of panics that are expected.
fn silence() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !QUIET.get() {
            usual(info);
        }
    }));
}

/// Runs something that may panic; returns whether it ran out of fuel if it did.
fn quietly<T>(run: impl FnOnce() -> T) -> Result<T, bool> {
    QUIET.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    QUIET.set(false);
    result.map_err(|payload| payload.is::<OutOfFuel>())
}
