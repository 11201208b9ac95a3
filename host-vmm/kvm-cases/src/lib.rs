//! The cases whose promises are the kernel's, or those of a VMM that saves and restores guests on it.
//!
//! A machine without a kernel skips those whose names begin with `kvm`, also where it would do the same. What the
//! architecture promises is in `arch_cases`. A chapter is a file with `CASES`, listed below where it is to run.
//!
//! ```
//! use case::CaseContext;
//! use machine::Config;
//! use machine::pool::Pool;
//! use machine::target::{Opened, Opener};
//! use report::event::Verdict;
//!
//! // One chapter, on the specification of a kernel.
//! let chapter = kvm_cases::CHAPTERS.iter().find(|chapter| chapter[0].name.starts_with("kvm.capability."));
//! let settings = modelled::Settings::default().kernel("6.12")?;
//! let Opened { factory, target, .. } = settings.open(Config::default())?;
//! let mut pool = Pool::default();
//! for case in *chapter.ok_or("no such chapter")? {
//!     let verdict = case.check(&mut CaseContext::new(&*factory, &target, &mut pool, case.seed(1)));
//!     assert!(matches!(verdict, Ok(Verdict::Passed)), "{}: {verdict:?}", case.name);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authentication;
mod backings;
mod calls;
mod capability;
mod copy_tags;
mod debugger;
mod dirty;
mod el2;
mod feature;
mod fresh;
mod hazards;
mod host_events;
mod hypercalls;
mod identification;
mod ioctl;
mod isolation;
mod late_memory;
mod life;
mod offers;
mod one_reg;
mod parts;
mod race_calls;
mod race_sharers;
mod race_vcpus;
mod races;
mod replaced;
mod reset;
mod restore;
mod restore_scalable;
mod scalable;
mod sharing;
mod stops;

use case::Chapter;

/// What can be tried without harm, in the order in which the chapters run.
pub const CHAPTERS: &[Chapter] = &[
    hypercalls::CASES,
    copy_tags::CASES,
    fresh::CASES,
    life::CASES,
    sharing::CASES,
    debugger::CASES,
    ioctl::CASES,
    stops::CASES,
    backings::CASES,
    replaced::CASES,
    late_memory::CASES,
    parts::CASES,
    host_events::CASES,
    dirty::CASES,
    capability::CASES,
    identification::CASES,
    feature::CASES,
    offers::CASES,
    el2::CASES,
    isolation::CASES,
    races::CASES,
    race_calls::CASES,
    race_vcpus::CASES,
    race_sharers::CASES,
    reset::CASES,
    one_reg::CASES,
    restore::CASES,
    authentication::CASES,
    scalable::CASES,
    restore_scalable::CASES,
];

/// What may hang the kernel under test. They run last: a kernel that is wrong is of no use afterwards.
pub const HAZARDS: &[Chapter] = &[hazards::CASES];
