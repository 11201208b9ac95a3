//! The suite: every case, and the loop that runs them and tells what happened.
//!
//! A case is a promise with its source, what it needs, and a function that checks it on a
//! [`Bench`]. Cases are listed chapter by chapter, in the order in which they run. A VM is handed
//! on from one case to the next only if nothing of the first can be seen by the second.

mod address;
mod bench;
mod calls;
mod capability;
mod case;
mod expect;
mod facts;
mod guest;
mod pool;
pub mod selection;
mod settings;

mod boot;
mod check;
mod copy_tags;
mod generate;
mod heap;
mod ioctl;
mod loads;
mod modes;
mod restore;
mod store_faults;
mod stores;
mod unchecked;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub use bench::Bench;
pub use case::{Case, Checked, Need, Stop};
pub use facts::Facts;
pub use guest::Guest;
pub use pool::Pool;

use crate::event::{CaseInfo, Event, Sink, Verdict};
use crate::machine::Factory;

/// All chapters, in the order in which they run.
const CHAPTERS: &[&[Case]] = &[
    boot::CASES,
    stores::CASES,
    store_faults::CASES,
    loads::CASES,
    generate::CASES,
    check::CASES,
    modes::CASES,
    unchecked::CASES,
    copy_tags::CASES,
    ioctl::CASES,
    capability::CASES,
    restore::CASES,
    heap::CASES,
];

/// How long a guest may take for one request unless the user says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What to run and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names of the selected cases. Unknown ones are ignored: the selection knows better.
    pub names: Vec<String>,
    /// The seed of everything random.
    pub seed: u64,
    /// The firmware to use instead of the embedded one: an ELF file's bytes.
    pub firmware: Option<Vec<u8>>,
    /// How guests are treated.
    pub guests: GuestPolicy,
}

/// How guests are treated, whatever the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestPolicy {
    /// How long a guest may take for one request.
    pub patience: Duration,
    /// Whether each case gets new VMs, also where the last one's would do.
    pub fresh_vms: bool,
}

impl Default for GuestPolicy {
    fn default() -> Self {
        Self { patience: PATIENCE, fresh_vms: false }
    }
}

/// All cases, in the order in which they run.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    CHAPTERS.iter().flat_map(|chapter| chapter.iter())
}

/// All cases as a report shows them.
#[must_use]
pub fn infos() -> Vec<CaseInfo> {
    cases().map(Case::info).collect()
}

/// Runs the selected cases on machines of one factory.
pub fn run(options: &Options, factory: &dyn Factory, facts: &Facts, mut pool: Pool, sink: &mut dyn Sink) {
    let began = Instant::now();
    for case in cases().filter(|case| options.names.iter().any(|name| name == case.name)) {
        sink.event(Event::Begin(case.info()));
        let case_began = Instant::now();
        let verdict = case.check(&mut Bench::new(factory, facts, &mut pool, case.seed(options.seed)));
        if options.guests.fresh_vms || matches!(verdict, Verdict::Failed(_)) {
            pool.clear();
        }
        let micros = u64::try_from(case_began.elapsed().as_micros()).unwrap_or(u64::MAX);
        sink.event(Event::End { name: case.name.to_owned(), verdict, micros });
    }
    sink.event(Event::Finished { micros: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX) });
}

/// Runs the selected cases on this host's /dev/kvm.
#[cfg(target_arch = "aarch64")]
pub fn run_on_kvm(options: &Options, sink: &mut dyn Sink) {
    use crate::event::{STREAM_VERSION, Target};
    use crate::machine::kvm::KvmFactory;
    use crate::machine::{Config, MachineError};

    sink.event(Event::Hello(STREAM_VERSION));
    let host = match crate::kvm::probe::host() {
        Ok(host) => host,
        Err(missing) => {
            sink.event(Event::Unavailable { reason: missing.reason, remedy: missing.remedy });
            return;
        }
    };
    let broken = |error: MachineError| Event::Broken {
        reason: format!("the firmware does not start: {error}"),
        remedy: "if you gave --firmware, try without; else please report this with the kernel's log".to_owned(),
    };
    let image = match &options.firmware {
        Some(image) => image.clone(),
        None => match crate::firmware::embedded() {
            Ok(image) => image.to_vec(),
            Err(error) => return sink.event(broken(error.into())),
        },
    };
    let factory = KvmFactory::new(host.kvm, image, options.guests.patience);
    let machine = match factory.boot(Config::default()) {
        Ok(machine) => machine,
        Err(error) => return sink.event(broken(error)),
    };
    let facts = Facts::new(&*machine, &host.kernel);
    sink.event(Event::Started(Target {
        granule: env!("CARGO_PKG_VERSION").to_owned(),
        kernel: host.kernel,
        page_size: host.page_size,
        kvm_mode: host.mode.to_owned(),
        mte: facts.mte,
        tag_block: facts.tag_block,
        seed: options.seed,
        cases: cases().filter(|case| options.names.iter().any(|name| name == case.name)).count(),
    }));
    run(options, &factory, &facts, Pool::with(machine), sink);
}

/// Says that there is no KVM for arm64 guests on this host.
#[cfg(not(target_arch = "aarch64"))]
pub fn run_on_kvm(_options: &Options, sink: &mut dyn Sink) {
    sink.event(Event::Hello(crate::event::STREAM_VERSION));
    sink.event(Event::Unavailable {
        reason: format!("this is a {} host, whose KVM cannot run arm64 guests", std::env::consts::ARCH),
        remedy: "use --via nested, or run granule on an arm64 board".to_owned(),
    });
}

impl Case {
    /// Runs the case.
    fn check(&self, bench: &mut Bench<'_>) -> Verdict {
        if let Some(reason) = self.needs.iter().find_map(|need| need.lacking(bench.facts())) {
            return Verdict::Skipped(reason);
        }
        match (self.run)(bench) {
            Ok(()) => Verdict::Passed,
            Err(stop) => stop.verdict(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn every_case_states_its_promise_and_where_it_is_written() {
        for case in cases() {
            assert!(case.claim.len() > 20 && !case.claim.ends_with('.'), "{}", case.name);
            assert!(!case.cite.is_empty(), "{}", case.name);
        }
    }
}
