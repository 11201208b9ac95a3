//! granule's host side: a small VMM for the guest firmware, the suite of cases, and the ways to run it.
//!
//! - [`machine`]: what a program under test is, and what every machine can do;
//! - [`kvm`]: the machine on /dev/kvm (arm64 only, but for the tag transport's logic);
//! - [`suite`]: the cases, and the loop that runs them;
//! - [`nested`]: the same suite inside QEMU with a stock kernel;
//! - [`event`], [`report`]: what a run tells, and how a person sees it.

pub mod cli;
pub mod event;
pub mod exit;
pub mod firmware;
pub mod kvm;
pub mod machine;
pub mod nested;
pub mod registers;
pub mod report;
pub mod snapshot;
pub mod suite;
