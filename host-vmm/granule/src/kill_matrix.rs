//! The kill matrix: the whole suite on the model, once for each defect in the catalogue.
//!
//! A suite that cannot fail proves nothing. Here every rule of the specification is broken in turn, and some case must
//! notice. A defect that none notices is a *survivor*, and a failure; a case that notices none is idle, and must be
//! explained in `CASES_WITHOUT_KILL` or removed. Where the default model cannot show a defect (a rule of older kernels, of a
//! smaller CPU), the next [`Stage`] is tried.
//!
//! Runs share nothing, so they go to as many threads as there are processors.

#[cfg(feature = "mutants")]
pub mod mutants;
mod of_case;

pub use explain::defects::all as catalogue;
pub use of_case::{CaseKills, of_case};

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kvm_model::Mode;
use kvm_model::contract::Release;
use model_base::defect::{Defect, Injected};
use model_base::{Features, Hypervisor};

use machine::target::Opener;
use machine::{Config, Deadline};
use modelled::Settings;
use report::event::{Event, Failure, Sink, Verdict};
use suite::Options;

/// Cases that may catch no defect of the catalogue, and why they are kept.
const CASES_WITHOUT_KILL: &[(&str, &str)] = &[];

/// A model to run the suite on.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// What it is, for the report.
    pub name: &'static str,
    /// The kernel whose contract holds.
    release: Release,
    /// The CPU.
    features: &'static Features,
    /// Bytes in a page of the host.
    page_size: u64,
    /// Who answers a guest's calls.
    hypervisor: Hypervisor,
    /// How KVM runs.
    mode: Mode,
}

impl Stage {
    const fn new(name: &'static str, release: Release, features: &'static Features) -> Self {
        Self { name, release, features, page_size: 4096, hypervisor: Hypervisor::Kvm, mode: Mode::Vhe }
    }

    fn settings(&self) -> Settings {
        let Self { release, features, page_size, hypervisor, mode, .. } = *self;
        Settings {
            release,
            features: features.clone(),
            page_size,
            hypervisor,
            mode,
            budget: BUDGET,
            ..Settings::default()
        }
    }
}

const LINUX_6_1: Release = Release::new(6, 1, Release::NEWEST);
const LINUX_6_12: Release = Release::new(6, 12, Release::NEWEST);
const LINUX_7_2: Release = Release::new(7, 2, Release::NEWEST);

/// The models, in the order in which they are tried on a defect.
pub const STAGES: [Stage; 8] = [
    Stage::new("6.12, max", LINUX_6_12, &Features::MAX),
    Stage::new("7.2, max", LINUX_7_2, &Features::MAX),
    Stage::new("6.1, max", LINUX_6_1, &Features::MAX),
    Stage::new("6.12, neoverse-n2", LINUX_6_12, &Features::NEOVERSE_N2),
    Stage { mode: Mode::Nested, ..Stage::new("7.2 nested, max", LINUX_7_2, &Features::MAX) },
    Stage { page_size: 16384, ..Stage::new("6.12 with 16 KiB pages, max", LINUX_6_12, &Features::MAX) },
    // No such machine is known here: what no other stage can show is shown on it. KVM would hide most of it from guests.
    Stage { hypervisor: Hypervisor::Board, ..Stage::new("no kernel, everything", LINUX_6_12, &Features::EVERYTHING) },
    Stage { hypervisor: Hypervisor::Board, ..Stage::new("no kernel, first signing", LINUX_6_12, &FIRST_SIGNING) },
];

/// `max` with pointer authentication as it was first, whose failures are no exceptions, and by the other algorithm:
/// ID_AA64ISAR2_EL1.{APA3, GPA3}.
const FIRST_SIGNING: Features = Features { isar2: Features::MAX.isar2 | 1 << 12 | 1 << 8, ..Features::MAX };

/// Instructions that a block may take: the longest loop of the suite, a few times over. A defect may make a loop endless.
const BUDGET: u64 = 4_000_000;

/// What became of one defect.
#[derive(Clone, Debug)]
pub struct Row {
    /// The defect.
    pub defect: &'static Defect,
    /// The last stage that was tried: the one that caught it, if any did.
    pub stage: &'static str,
    /// The cases that failed, in the order of the suite.
    pub caught_by: Vec<&'static str>,
    /// What the first of them said.
    pub first: Option<Failure>,
    /// Why the model does not even start with it: no case noticed it then.
    pub not_started: Option<String>,
}

impl Row {
    /// Returns what noticed the defect.
    #[must_use]
    pub fn noticed(&self) -> Noticed {
        match (&self.not_started, self.caught_by.is_empty()) {
            (_, false) if is_scripted(self.defect) => Noticed::Scripted,
            (_, false) => Noticed::Case,
            (Some(_), true) => Noticed::Start,
            (None, true) => Noticed::Nothing,
        }
    }
}

/// What notices a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// A case.
    Case,
    /// A case that is shown just what it rejects, which proves that it looks, and no more.
    Scripted,
    /// The model does not start, which needs no suite.
    Start,
    /// Nothing does.
    Nothing,
}

/// Returns whether a defect consists in returning what a case rejects: a kernel that hangs cannot be modelled otherwise.
fn is_scripted(defect: &'static Defect) -> bool {
    modelled::HAZARD_DEFECTS.iter().any(|scripted| scripted.name == defect.name)
}

/// The whole matrix.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// The defects, in the order of the catalogue.
    pub rows: Vec<Row>,
    /// How many cases were run on each.
    pub cases: usize,
    /// The seed of everything random.
    pub seed: u64,
    /// How long all runs took together.
    pub elapsed: Duration,
}

/// The specification fails its own suite: nothing follows from defects then.
#[derive(Debug, thiserror::Error)]
#[error(
    "without any defect the model ({stage}) fails {case}: {failure}. the case or the specification is wrong; see `granule run --via model {case}`"
)]
pub struct BaselineFailure {
    stage: &'static str,
    case: &'static str,
    failure: String,
}

impl Matrix {
    /// The defects that nothing noticed.
    pub fn survivors(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.noticed() == Noticed::Nothing)
    }

    /// How many defects were noticed so.
    #[must_use]
    pub fn count(&self, noticed: Noticed) -> usize {
        self.rows.iter().filter(|row| row.noticed() == noticed).count()
    }

    /// For each case the defects that it alone catches.
    #[must_use]
    pub fn sole_killers(&self) -> BTreeMap<&'static str, Vec<&'static str>> {
        let mut only: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in &self.rows {
            if let [case] = row.caught_by.as_slice() {
                only.entry(*case).or_default().push(row.defect.name);
            }
        }
        only
    }

    /// The cases that caught nothing, each with the reason why it is kept, if there is one.
    #[must_use]
    pub fn cases_without_kill(&self) -> Vec<(&'static str, Option<&'static str>)> {
        let explained = |case| CASES_WITHOUT_KILL.iter().find(|(name, _)| *name == case).map(|(_, why)| *why);
        suite::cases()
            .map(|case| case.name)
            .filter(|case| !self.rows.iter().any(|row| row.caught_by.contains(case)))
            .map(|case| (case, explained(case)))
            .collect()
    }
}

/// Runs the suite on each defect, on `jobs` threads; `progress` hears how many are done.
///
/// # Errors
///
/// When the suite fails on the model without a defect.
pub fn run(
    defects: &[&'static Defect],
    seed: u64,
    jobs: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Matrix, BaselineFailure> {
    let began = Instant::now();
    for verdict in on_threads(&STAGES, jobs, &|_| {}, |stage| (stage.name, check(*stage, Injected::NONE, seed))) {
        let (stage, failed) = verdict;
        if let Some(failure) = failed.not_started {
            return Err(BaselineFailure { stage, case: "its start", failure });
        }
        if let Some((case, failure)) = failed.cases.into_iter().next() {
            let failure = format!("{}: expected {}, found {}", failure.what, failure.expected, failure.found);
            return Err(BaselineFailure { stage, case, failure });
        }
    }
    let rows = on_threads(defects, jobs, progress, |defect| row(defect, seed));
    Ok(Matrix { rows, cases: suite::cases().count(), seed, elapsed: began.elapsed() })
}

/// Tries the stages on a defect until one shows it.
fn row(defect: &'static Defect, seed: u64) -> Row {
    let mut last = Row { defect, stage: "", caught_by: Vec::new(), first: None, not_started: None };
    for stage in STAGES {
        let Failed { cases, not_started, .. } = check(stage, Injected::only(defect), seed);
        let (caught_by, mut failures): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
        let first = if failures.is_empty() { None } else { Some(failures.swap_remove(0)) };
        last = Row { defect, stage: stage.name, caught_by, first, not_started: not_started.or(last.not_started) };
        if !last.caught_by.is_empty() {
            break;
        }
    }
    last
}

/// Runs all cases on one model; returns those that fail, with what they say.
fn check(stage: Stage, injected: Injected, seed: u64) -> Failed {
    // Without a kernel there is nothing to ask of one, nor are there VMs without tags.
    let runs = |name: &str| stage.hypervisor == Hypervisor::Kvm || name.starts_with("arch.");
    let names = suite::cases().filter(|case| runs(case.name)).map(|case| case.name.to_owned()).collect();
    check_cases(stage, names, injected, seed)
}

/// Runs some cases on one model; returns those that fail, with what they say.
fn check_cases(stage: Stage, names: Vec<String>, injected: Injected, seed: u64) -> Failed {
    let options = Options { names, seed, fresh_vms: false, deadline: Deadline::NEVER };
    let settings = Settings { injected, ..stage.settings() };
    let mut failed = Failed::default();
    let _active = injected.activate();
    match settings.open(Config::default()) {
        Ok(opened) => suite::run_on(&options, opened, &mut failed),
        Err(error) => failed.event(error.into()),
    }
    failed
}

/// Collects the cases that fail.
#[derive(Default)]
struct Failed {
    cases: Vec<(&'static str, Failure)>,
    /// The case that runs.
    begun: Option<&'static str>,
    /// Why there was no machine before the first case.
    not_started: Option<String>,
    /// Whether a case passed.
    passed: bool,
}

impl Sink for Failed {
    fn event(&mut self, event: Event) {
        match event {
            Event::Begin(info) => {
                self.begun = suite::cases().map(|case| case.name).find(|name| *name == info.name);
            }
            Event::End { verdict: Verdict::Passed, .. } => self.passed = true,
            Event::End { verdict: Verdict::Failed(failure), .. } => {
                self.cases.extend(self.begun.map(|case| (case, failure)))
            }
            // A machine that is lost amid a case was lost by it.
            Event::Broken { reason, .. } => match self.begun {
                Some(case) => self.cases.push((case, Failure { found: reason, ..Failure::default() })),
                None => self.not_started = Some(reason),
            },
            _ => {}
        }
    }
}

/// Applies `work` to all items on some threads; returns the results in the order of the items.
fn on_threads<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    progress: &(dyn Fn(usize) + Sync),
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let lock = || done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    let result = work(item);
                    let mut done = lock();
                    done.push((index, result));
                    progress(done.len());
                }
            });
        }
    });
    let mut done = std::mem::take(&mut *lock());
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items_whatever_the_threads_do() {
        for jobs in [0, 1, 2, 9] {
            let items: Vec<u32> = (0..50).collect();
            assert_eq!(on_threads(&items, jobs, &|_| {}, |item| item * 2), (0..100).step_by(2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn names_in_the_catalogue_are_unique_and_say_rule_and_mistake() {
        let mut names: Vec<_> = catalogue().map(|defect| defect.name).collect();
        for name in &names {
            assert!(name.contains('.'), "{name}: rule.mistake");
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(count >= 100, "{count} defects");
    }

    #[test]
    fn only_cases_of_the_suite_are_explained() {
        for (name, why) in CASES_WITHOUT_KILL {
            assert!(suite::cases().any(|case| case.name == *name), "{name}");
            assert!(!why.is_empty(), "{name}");
        }
    }
}
