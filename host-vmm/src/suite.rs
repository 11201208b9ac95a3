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
mod sharing;
mod tagging;

mod access_kinds;
mod backings;
mod boot;
mod check;
mod copy_tags;
mod debugger;
mod dirty;
mod elsewhere;
mod feature;
mod fresh;
mod generate;
mod hazards;
mod heap;
mod hypercalls;
mod identification;
mod ioctl;
mod isolation;
mod life;
mod loads;
mod memory_operations;
mod modes;
mod on_tcg;
mod one_reg;
mod plain;
mod race_calls;
mod race_vcpus;
mod races;
mod restore;
mod stops;
mod store_edges;
mod store_faults;
mod store_only;
mod stores;
mod unchecked;
mod zeroing;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub use bench::Bench;
pub use case::{Case, Checked, Need, Stop};
pub use facts::{Facts, Subject};
pub use guest::Guest;
pub use on_tcg::{CPU as TCG_CPU, TcgOptions, run_on_tcg};
pub use pool::Pool;

use crate::event::{CaseInfo, Event, STREAM_VERSION, Sink, Target, Verdict};
use crate::machine::{Config, Factory, Machine, MachineError};

/// All chapters, in the order in which they run.
const CHAPTERS: &[&[Case]] = &[
    boot::CASES,
    stores::CASES,
    store_faults::CASES,
    store_edges::CASES,
    plain::CASES,
    loads::CASES,
    generate::CASES,
    check::CASES,
    zeroing::CASES,
    access_kinds::CASES,
    memory_operations::CASES,
    modes::CASES,
    unchecked::CASES,
    store_only::CASES,
    hypercalls::CASES,
    copy_tags::CASES,
    fresh::CASES,
    life::CASES,
    sharing::CASES,
    debugger::CASES,
    ioctl::CASES,
    stops::CASES,
    backings::CASES,
    dirty::CASES,
    capability::CASES,
    identification::CASES,
    feature::CASES,
    isolation::CASES,
    races::CASES,
    race_calls::CASES,
    race_vcpus::CASES,
    one_reg::CASES,
    restore::CASES,
    heap::CASES,
    elsewhere::CASES,
    // These last: a kernel that is wrong is of no use afterwards.
    hazards::CASES,
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

/// How guests and the kernel under them are treated, whatever the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestPolicy {
    /// How long a guest may take for one request.
    pub patience: Duration,
    /// Whether each case gets new VMs, also where the last one's would do.
    pub fresh_vms: bool,
    /// Whether cases run that may hang the kernel under test.
    #[serde(default)]
    pub hazards: bool,
}

impl Default for GuestPolicy {
    fn default() -> Self {
        Self { patience: PATIENCE, fresh_vms: false, hazards: false }
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
        let verdict = match case.check(&mut Bench::new(factory, facts, &mut pool, case.seed(options.seed))) {
            Ok(verdict) => verdict,
            Err(lost) => return sink.event(*lost),
        };
        if options.guests.fresh_vms || matches!(verdict, Verdict::Failed(_)) {
            pool.clear();
        }
        let micros = u64::try_from(case_began.elapsed().as_micros()).unwrap_or(u64::MAX);
        sink.event(Event::End { name: case.name.to_owned(), verdict, micros });
    }
    sink.event(Event::Finished { micros: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX) });
}

/// Boots a first machine, tells what is under test, and runs the selected cases. The stream has begun.
pub fn run_on(options: &Options, factory: &dyn Factory, subject: &Subject, sink: &mut dyn Sink) {
    match factory.boot(Config::default()) {
        Ok(machine) => run_booted(options, factory, machine, subject, sink),
        Err(error) => sink.event(not_started(error)),
    }
}

/// As [`run_on`], with a machine of the factory's that has booted.
fn run_booted(
    options: &Options,
    factory: &dyn Factory,
    machine: Box<dyn Machine>,
    subject: &Subject,
    sink: &mut dyn Sink,
) {
    let facts = Facts::new(&*machine, subject);
    sink.event(Event::Started(Target {
        granule: env!("CARGO_PKG_VERSION").to_owned(),
        kernel: subject.kernel.clone(),
        page_size: facts.page_size,
        kvm_mode: subject.kvm_mode.clone(),
        cpu: subject.cpu.clone(),
        mte: facts.mte,
        tag_block: facts.tag_block,
        seed: options.seed,
        cases: cases().filter(|case| options.names.iter().any(|name| name == case.name)).count(),
    }));
    run(options, factory, &facts, Pool::with(machine), sink);
}

/// Closes the stream of a run whose first machine did not start.
pub(crate) fn not_started(error: MachineError) -> Event {
    match error {
        MachineError::NoMte(reason) => {
            Event::Unavailable { reason, remedy: "use a CPU with FEAT_MTE2 or FEAT_MTE3".to_owned() }
        }
        MachineError::Lost { reason, remedy } => Event::Broken { reason, remedy },
        error => Event::Broken {
            reason: format!("the firmware does not start: {error}"),
            remedy: "if you gave --firmware, try without; else please report this with the kernel's log".to_owned(),
        },
    }
}

/// Runs the selected cases on the model of a host: the executable specification.
pub fn run_on_model(options: &Options, settings: crate::machine::model::Settings, sink: &mut dyn Sink) {
    sink.event(Event::Hello(STREAM_VERSION));
    let factory = crate::machine::model::ModelFactory::new(settings);
    let subject = factory.subject();
    run_on(options, &factory, &subject, sink);
}

/// Runs the selected cases on this host's /dev/kvm.
#[cfg(target_arch = "aarch64")]
pub fn run_on_kvm(options: &Options, sink: &mut dyn Sink) {
    use crate::machine::kvm::KvmFactory;

    sink.event(Event::Hello(STREAM_VERSION));
    let host = match crate::kvm::probe::host() {
        Ok(host) => host,
        Err(missing) => {
            sink.event(Event::Unavailable { reason: missing.reason, remedy: missing.remedy });
            return;
        }
    };
    let image = match &options.firmware {
        Some(image) => image.clone(),
        None => match crate::firmware::embedded() {
            Ok(image) => image.to_vec(),
            Err(error) => return sink.event(not_started(error.into())),
        },
    };
    let factory = KvmFactory::new(host.kvm, image, options.guests.patience);
    let huge_pages = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
        .is_ok_and(|setting| !setting.contains("[never]"));
    let kvm_mode = host.mode.to_owned();
    let hazards = options.guests.hazards;
    let subject = Subject { kernel: host.kernel, kvm_mode, huge_pages, hazards, ..Subject::default() };
    run_on(options, &factory, &subject, sink);
}

/// Says that there is no KVM for arm64 guests on this host.
#[cfg(not(target_arch = "aarch64"))]
pub fn run_on_kvm(_options: &Options, sink: &mut dyn Sink) {
    sink.event(Event::Hello(STREAM_VERSION));
    sink.event(no_kvm());
}

/// The event that closes a run on a host whose KVM has other guests.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn no_kvm() -> Event {
    Event::Unavailable {
        reason: format!("this is a {} host, whose KVM cannot run arm64 guests", std::env::consts::ARCH),
        remedy: "use --via nested, or run granule on an arm64 board".to_owned(),
    }
}

impl Case {
    /// Runs the case. `Err` closes the stream: there is no machine any more, and so no verdict.
    fn check(&self, bench: &mut Bench<'_>) -> Result<Verdict, Box<Event>> {
        // What is promised of KVM is not shown by a machine without a kernel, even if it does the same.
        let of_the_kernel = self.name.starts_with("kvm.").then_some(&Need::Kernel);
        if let Some(reason) = self.needs.iter().chain(of_the_kernel).find_map(|need| need.lacking(bench.facts())) {
            return Ok(Verdict::Skipped(reason));
        }
        match (self.run)(bench) {
            Ok(()) => Ok(Verdict::Passed),
            Err(Stop::Machine(MachineError::Lost { reason, remedy })) => {
                Err(Box::new(Event::Broken { reason, remedy }))
            }
            Err(stop) => Ok(stop.verdict()),
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
