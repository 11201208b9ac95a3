//! The cases whose promises are the architecture's, or those of the firmware that runs on it.
//!
//! They hold on every machine, with a kernel below the guest or without one. What a kernel promises is in `kvm_cases`; a case
//! whose name begins with `kvm` must not be here. A chapter is a file with `CASES`, listed below where it is to run.
//!
//! ```
//! use case::CaseContext;
//! use machine::Config;
//! use machine::pool::Pool;
//! use machine::target::{Opened, Opener};
//! use report::event::Verdict;
//!
//! // One chapter, on the specification.
//! let chapter = arch_cases::CHAPTERS.iter().find(|chapter| chapter[0].name.starts_with("arch.hypercall."));
//! let Opened { factory, target, .. } = modelled::Settings::default().open(Config::default())?;
//! let mut pool = Pool::default();
//! for case in *chapter.ok_or("no such chapter")? {
//!     let verdict = case.check(&mut CaseContext::new(&*factory, &target, &mut pool, case.seed(1)));
//!     assert!(matches!(verdict, Ok(Verdict::Passed)), "{}: {verdict:?}", case.name);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access_kinds;
mod authentication;
mod boot;
mod calling_convention;
mod check;
mod code;
mod elsewhere;
mod extended_checks;
mod features;
mod generate;
mod heap;
mod loads;
mod matrix;
mod memory_operations;
mod modes;
mod plain;
mod scalable;
mod scalable_data;
mod scalable_elements;
mod store_edges;
mod store_faults;
mod store_only;
mod stores;
mod unchecked;
mod vector_structures;
mod vectors;
mod zeroing;

use case::Chapter;

/// What registers, instructions and checks promise, one by one, in the order in which the chapters run.
pub const CHAPTERS: &[Chapter] = &[
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
    vector_structures::CASES,
    memory_operations::CASES,
    modes::CASES,
    unchecked::CASES,
    store_only::CASES,
    extended_checks::CASES,
    features::CASES,
    code::CASES,
    authentication::CASES,
    vectors::CASES,
    scalable::CASES,
    scalable_elements::CASES,
    scalable_data::CASES,
    matrix::CASES,
    calling_convention::CASES,
];

/// What follows where tags are put to use: the tagged heap, and the programs of other suites. They run after the kernel's
/// chapters.
pub const SCENARIOS: &[Chapter] = &[heap::CASES, elsewhere::CASES];
