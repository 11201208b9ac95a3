//! What a run tells, as it happens: the one stream that reports, exit statuses and the nested
//! transport are made of.
//!
//! The suite sends events to a sink and draws nothing itself. A local run hands them to the
//! report; a nested one sends them over the console as lines to the
//! granule outside, which hands them to the same report.

use std::collections::BTreeMap;
use std::time::Duration;

use machine::Explain;
use machine::target::OpenError;
use serde::{Deserialize, Serialize};

pub use crate::failure::Failure;

/// The version of the event stream; both ends of a nested run compare it.
pub const STREAM_VERSION: u32 = 3;

/// What is under test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// granule's own version.
    pub granule: String,
    /// The kernel under test, `uname -r`; of the model the release whose contract it follows; empty where there is none.
    pub kernel: String,
    /// Bytes in a host page.
    pub page_size: u64,
    /// How KVM runs: `VHE`, `nVHE`, `protected`, or what the kernel calls it.
    pub kvm_mode: String,
    /// The CPU, if it is known by a name: that of an emulator without a kernel, or of the model.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cpu: String,
    /// ID_AA64PFR1_EL1.MTE as the guest sees it: 2 or 3 for allocation tags.
    pub mte: u8,
    /// The vector lengths of SVE in bytes, in ascending order; empty without SVE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vector_lengths: Vec<u16>,
    /// Bytes that one LDGM or STGM covers.
    pub tag_block: u64,
    /// The seed of everything random in this run.
    pub seed: u64,
    /// How many cases were selected.
    pub cases: usize,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The promise held.
    Passed,
    /// It did not.
    Failed(Failure),
    /// It did not, as is known of what is under test.
    Known {
        /// The erratum that explains it: `product.what-is-wrong`.
        erratum: String,
        /// What it showed.
        failure: Failure,
    },
    /// It could not be checked here, for this reason.
    Skipped(Skip),
}

/// Why a case could not be checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    /// The reason's key, such as `no-kernel` or `host-no-swap`: the same wherever the case is run.
    pub key: String,
    /// The reason for people; it may name what was found.
    pub reason: String,
}

impl Skip {
    /// Makes a reason.
    #[must_use]
    pub fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }
}

/// A case as a report shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseInfo {
    /// `area.subject.claim`.
    pub name: String,
    /// The promise, as a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub claim: String,
    /// Where it is written: Arm ARM section, kernel document or source.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cite: String,
}

/// What came of a campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Programs that were run.
    pub programs: u64,
    /// Those whose outcome is not permitted, or on which the machine failed.
    pub diverged: u64,
    /// Those with more permitted outcomes than could be tried, and none like the machine's among them.
    pub undecided: u64,
    /// The numbers of the first of these, in ascending order; the seed and a number make the program again.
    #[serde(default)]
    pub undecided_numbers: Vec<u64>,
    /// Those that were not compared, by reason.
    pub not_covered: BTreeMap<String, u64>,
    /// Which instructions the compared programs had, and where.
    #[serde(default)]
    pub coverage: Coverage,
    /// Microseconds from the first program to the last.
    pub micros: u64,
}

/// How much of the instruction table a campaign has compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Encodings, each at each level and in each tag check mode, that stood in a block that was compared.
    pub reached: u64,
    /// How many there are.
    pub all: u64,
    /// Some of the others, those encodings first that were not reached at all.
    pub unreached: Vec<String>,
    /// What the target lacks, which is not among the numbers above.
    pub lacking: Vec<LackingFeature>,
}

/// A feature that a campaign's target lacks: all that could be compared is that its instructions are UNDEFINED.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LackingFeature {
    /// Arm's name, such as `FEAT_THE`.
    pub feature: String,
    /// Encodings that need it.
    pub encodings: u64,
    /// How many of them stood in a block that was compared.
    pub reached: u64,
    /// No machine has confirmed what they do where they exist.
    pub unconfirmed: bool,
}

impl Summary {
    /// Returns the number of programs that were compared to an end.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.programs.saturating_sub(self.not_covered.values().sum::<u64>() + self.undecided)
    }
}

/// One thing that happened.
///
/// ```
/// use report::event::{CaseInfo, Event, Verdict};
///
/// // A line of `granule run --format json`.
/// let line = r#"{"End":{"name":"arch.irg.excluded","verdict":{"Skipped":{"key":"cpu-no-mte3","reason":"this CPU has MTE2"}},"micros":120}}"#;
/// let event: Event = serde_json::from_str(line)?;
/// let Event::End { name, verdict: Verdict::Skipped(skip), .. } = &event else { panic!("{event:?}") };
/// assert_eq!((name.as_str(), skip.key.as_str()), ("arch.irg.excluded", "cpu-no-mte3"));
/// assert_eq!(serde_json::to_string(&event)?, line);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// First: the stream's version.
    Hello(u32),
    /// The target is known and cases follow.
    Started(Target),
    /// A case begins. If nothing more comes, it is the one that hung or crashed.
    Begin(CaseInfo),
    /// The case that began ended.
    End {
        /// Its name, as in `Begin`; empty on the console of a nested run, where it follows from `Begin`.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        name: String,
        /// How.
        verdict: Verdict,
        /// Microseconds it took.
        micros: u64,
    },
    /// A random program showed something that is not permitted.
    Diverged {
        /// The program's number, what was done to it, and what it was compared with.
        case: CaseInfo,
        /// The first difference, and the program's listing with all of them.
        failure: Failure,
    },
    /// A known defect of what is under test did not show: the cases that it breaks ran, and passed.
    NotShown {
        /// The erratum: `product.what-is-wrong`.
        erratum: String,
    },
    /// Cases failed, and the emulator or the kernel has a defect that leaves nothing to rely on.
    LikelyCause {
        /// The erratum: `product.what-is-wrong`.
        erratum: String,
        /// What it does, as a sentence without its full stop.
        shows: String,
        /// Where that is written.
        reference: String,
    },
    /// What came of a campaign of random programs.
    Fuzzed(Summary),
    /// What a command that asks for something else than verdicts asked for.
    Answer(serde_json::Value),
    /// Nothing can be checked on this machine: exit status 4.
    Unavailable {
        /// What is missing.
        reason: String,
        /// What the user can do.
        remedy: String,
    },
    /// The run could not be done: exit status 69.
    Broken {
        /// What went wrong.
        reason: String,
        /// What the user can do.
        remedy: String,
    },
    /// Last: all selected cases were run.
    Finished {
        /// Microseconds from the first case to the last.
        micros: u64,
    },
    /// The kernel under test runs in an emulator, and has booted. Comes from outside, before `Started`.
    Booted {
        /// The emulator and its version: `QEMU 10.0.2`.
        emulator: String,
        /// The CPU it emulates, as it was asked for.
        cpu: String,
        /// Microseconds from the emulator's start to the stream's `Hello`.
        micros: u64,
    },
    /// Last instead of `Finished`: the kernel under test died, and the remaining cases were not run. Exit status 1.
    CutShort {
        /// What happened.
        reason: String,
    },
}

/// Reports what is under test: first the emulator, if it is one without a kernel.
pub fn started(target: &machine::target::Target, took: Duration, seed: u64, cases: usize, sink: &mut dyn Sink) {
    let host = &target.host;
    if !host.emulator.is_empty() {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        sink.event(Event::Booted { emulator: host.emulator.clone(), cpu: host.cpu.clone(), micros });
    }
    sink.event(Event::Started(Target {
        granule: env!("CARGO_PKG_VERSION").to_owned(),
        kernel: host.kernel.clone(),
        page_size: target.page_size,
        kvm_mode: host.kvm_mode.clone(),
        cpu: host.cpu.clone(),
        mte: target.mte(),
        vector_lengths: target.vector_lengths().collect(),
        tag_block: target.tag_block(),
        seed,
        cases,
    }));
}

impl Event {
    /// Closes a run that could not be done.
    #[must_use]
    pub fn broken(cause: &dyn Explain) -> Self {
        Self::Broken { reason: cause.reason(), remedy: cause.remedy().unwrap_or_default().into_owned() }
    }

    /// Closes a run in which nothing can be checked.
    #[must_use]
    pub fn unavailable(cause: &dyn Explain) -> Self {
        Self::Unavailable { reason: cause.reason(), remedy: cause.remedy().unwrap_or_default().into_owned() }
    }
}

impl From<OpenError> for Event {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Unavailable { reason, remedy } => Self::Unavailable { reason, remedy },
            OpenError::Broken { reason, remedy } => Self::Broken { reason, remedy },
        }
    }
}

/// Where events go.
pub trait Sink {
    /// Takes one event, in order.
    fn event(&mut self, event: Event);
}

impl Sink for Vec<Event> {
    fn event(&mut self, event: Event) {
        self.push(event);
    }
}
