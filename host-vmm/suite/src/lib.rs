//! The suite: every case in the order in which they run, and the loop that runs them and reports what happened.
//!
//! A case is a promise with its source, what it needs, and a function that checks it on a [`CaseContext`]. This package has
//! none of its own: they are in `arch_cases` and `kvm_cases`, chapter by chapter. A VM is handed on from one case to the next
//! only if nothing of the first can be seen by the second.
//!
//! ```
//! use machine::target::Opener;
//! use machine::{Config, Deadline};
//! use report::event::{Event, Verdict};
//!
//! // One case, on the specification of a CPU with MTE2 alone.
//! let names = vec!["arch.mode.asymmetric-load-el1".to_owned()];
//! let settings = modelled::Settings::default().cpu("neoverse-n2").ok_or("no such CPU")?;
//! let options = suite::Options { names, seed: 1, fresh_vms: false, deadline: Deadline::NEVER };
//! let mut events = Vec::new();
//! suite::run_on(&options, settings.open(Config::default())?, &mut events);
//! let skipped = |event: &Event| matches!(event, Event::End { verdict: Verdict::Skipped(skip), .. } if skip.reason.contains("MTE2"));
//! assert!(events.iter().any(skipped), "{events:?}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod selection;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub use case::{Case, CaseContext, CaseError, CaseResult, Guest};

use case::Chapter;
use machine::pool::Pool;
use machine::target::{Opened, Target};
use machine::{Config, Deadline, Factory};
use report::event::{CaseInfo, Event, Sink, Verdict};

/// All chapters, in the order in which they run.
const PARTS: &[&[Chapter]] = &[arch_cases::CHAPTERS, kvm_cases::CHAPTERS, arch_cases::SCENARIOS, kvm_cases::HAZARDS];

/// What to run and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names of the selected cases. Unknown ones are ignored: the selection knows better.
    pub names: Vec<String>,
    /// The seed of everything random.
    pub seed: u64,
    /// Whether each case gets new VMs, also where the last one's would do.
    pub fresh_vms: bool,
    /// When the run is to be over: no case begins after it.
    pub deadline: Deadline,
}

/// How guests and the kernel under them are treated, whatever the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestPolicy {
    /// How long a guest may take for one request.
    pub guest_timeout: Duration,
    /// Whether each case gets new VMs, also where the last one's would do.
    pub fresh_vms: bool,
    /// Whether cases run that may hang the kernel under test.
    #[serde(default)]
    pub hazards: bool,
}

impl Default for GuestPolicy {
    fn default() -> Self {
        Self { guest_timeout: machine::GUEST_TIMEOUT, fresh_vms: false, hazards: false }
    }
}

/// All cases, in the order in which they run.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    PARTS.iter().copied().flatten().copied().flatten()
}

/// All cases as a report shows them.
#[must_use]
pub fn infos() -> Vec<CaseInfo> {
    cases().map(Case::info).collect()
}

/// Runs the selected cases on machines of one factory.
fn run(options: &Options, factory: &dyn Factory, target: &Target, mut pool: Pool, sink: &mut dyn Sink) {
    let began = Instant::now();
    for case in cases().filter(|case| options.names.iter().any(|name| name == case.name)) {
        if let Err(late) = options.deadline.check() {
            return sink.event(Event::broken(&late));
        }
        sink.event(Event::Begin(case.info()));
        let case_began = Instant::now();
        let verdict = match case.check(&mut CaseContext::new(factory, target, &mut pool, case.seed(options.seed))) {
            Ok(verdict) => verdict,
            Err(lost) => return sink.event(*lost),
        };
        if options.fresh_vms || matches!(verdict, Verdict::Failed(_)) {
            pool.clear();
        }
        let micros = u64::try_from(case_began.elapsed().as_micros()).unwrap_or(u64::MAX);
        sink.event(Event::End { name: case.name.to_owned(), verdict, micros });
    }
    sink.event(Event::Finished { micros: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX) });
}

/// Reports what is under test, and runs the selected cases on it. The stream has begun.
pub fn run_on(options: &Options, opened: Opened, sink: &mut dyn Sink) {
    let Opened { factory, machine, target, took } = opened;
    let selected = cases().filter(|case| options.names.iter().any(|name| name == case.name)).count();
    report::event::started(&target, took, options.seed, selected, sink);
    let mut pool = Pool::default();
    pool.put(Config::default(), machine);
    run(options, &*factory, &target, pool, sink);
}

#[cfg(test)]
mod tests {
    use super::*;
    use machine::need::Need;

    #[test]
    fn case_names_are_unique_claims_of_three_segments_or_more() {
        let mut names: Vec<_> = cases().map(|case| case.name).collect();
        for name in &names {
            assert!(name.split('.').count() >= 3, "{name}: area.subject.claim");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b)), "{name}");
        }
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    /// The border between the two packages of chapters is in the names.
    #[test]
    fn promises_of_the_kernel_and_of_the_architecture_are_in_packages_of_their_own() {
        let areas = |parts: [&[Chapter]; 2]| {
            let names = parts.into_iter().flatten().copied().flatten().map(|case| case.name);
            names.filter_map(|name| name.split('.').next()).collect::<std::collections::BTreeSet<_>>()
        };
        let of_arch = areas([arch_cases::CHAPTERS, arch_cases::SCENARIOS]);
        let of_kvm = areas([kvm_cases::CHAPTERS, kvm_cases::HAZARDS]);
        assert!(of_arch.contains("arch") && of_kvm.contains("kvm"), "{of_arch:?}, {of_kvm:?}");
        assert!(of_arch.is_disjoint(&of_kvm), "{of_arch:?} and {of_kvm:?} share an area");
    }

    #[test]
    fn each_need_has_a_key_of_its_own() {
        let needs: std::collections::HashSet<Need> = cases().flat_map(Case::all_needs).collect();
        let keys: std::collections::HashSet<_> = needs.iter().map(|need| need.key()).collect();
        assert_eq!(keys.len(), needs.len(), "{needs:?}");
        for key in keys {
            assert!(key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{key}");
        }
    }

    #[test]
    fn every_case_states_its_promise_and_where_it_is_written() {
        for case in cases() {
            assert!(case.claim.len() > 20 && !case.claim.ends_with('.'), "{}", case.name);
            assert!(!case.cite.is_empty(), "{}", case.name);
        }
    }
}
