//! granule's host side: a small VMM for the guest firmware, the suite of cases, and the ways to run it.
//!
//! - [`machine`]: what a program under test is, and what every machine can do;
//! - [`kvm`]: the machine on /dev/kvm (arm64 only, but for the tag transport's logic);
//! - [`suite`]: the cases, and the loop that runs them;
//! - [`program`], [`fuzz`]: programs as data, and random ones run on two machines and compared;
//! - [`kill_matrix`]: the suite on the model, once for each defect that it must notice;
//! - [`nested`]: the same suite inside QEMU with a stock kernel;
//! - [`documents`]: what the kernel's documents say, and which cases check it;
//! - [`matrix`]: many runs side by side;
//! - [`event`], [`known`], [`report`]: what a run tells, which failures are no news, and how a person sees it.

pub mod cli;
pub mod documents;
pub mod event;
pub mod exit;
pub mod firmware;
pub mod fuzz;
pub mod kill_matrix;
pub mod known;
pub mod kvm;
pub mod machine;
pub mod matrix;
pub mod nested;
pub mod program;
pub mod registers;
pub mod report;
pub mod snapshot;
pub mod suite;
