//! What a run tells, as it happens: the one stream that reports, exit statuses and the nested
//! transport are made of.
//!
//! The suite sends events to a sink and draws nothing itself. A local run hands them to the
//! report; a nested one sends them over the console as lines (see [`crate::nested::wire`]) to the
//! granule outside, which hands them to the same report.

use serde::{Deserialize, Serialize};

use crate::fuzz::campaign::Summary;

/// The version of the event stream; both ends of a nested run compare it.
pub const STREAM_VERSION: u32 = 1;

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
    Skipped(String),
}

/// What was expected and what was found instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was looked at, in a few words.
    pub what: String,
    /// The value or behaviour promised.
    pub expected: String,
    /// The value or behaviour seen.
    pub found: String,
    /// More for a person to look at, line by line: tags around an address, a listing.
    pub detail: Vec<String>,
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

/// One thing that happened.
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
    /// What came of a campaign of random programs.
    Fuzzed(Summary),
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
