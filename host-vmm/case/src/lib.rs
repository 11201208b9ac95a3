//! What a case is, and what its check is written with: guests, expectations, addresses, control registers.
//!
//! A [`Case`] is a promise with its source, what it needs, and a function that checks it on a [`CaseContext`]. The cases
//! themselves are in packages above, chapter by chapter; this one must not hold any, and what a single package of
//! chapters uses belongs there.
//!
//! ```
//! use case::address::tagged;
//! use case::expect::{equal_hex, no_fault};
//! use case::{Case, CaseContext};
//! use machine::Config;
//! use machine::pool::Pool;
//! use machine::target::{Opened, Opener};
//! use report::event::Verdict;
//!
//! const CASE: Case = Case::new("arch.tag-load.after-stg", "LDG loads the tag that STG stored", "DDI 0487 C6.2 LDG", |cx| {
//!     let mut guest = cx.guest()?;
//!     let trace = guest.exec("stg x1, [x0]; ldg x2, [x0]", &[tagged(0, 0), tagged(0, 5), tagged(0, 0)])?;
//!     no_fault(&guest, "STG and LDG", &trace)?;
//!     equal_hex("x2 after LDG", tagged(0, 5), trace.x[2])
//! });
//!
//! // On the specification. A run of many cases keeps the pool, which hands machines on.
//! let Opened { factory, target, .. } = modelled::Settings::default().open(Config::default())?;
//! let mut pool = Pool::default();
//! let mut context = CaseContext::new(&*factory, &target, &mut pool, CASE.seed(1));
//! assert!(matches!(CASE.check(&mut context), Ok(Verdict::Passed)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod address;
mod case;
mod case_context;
pub mod expect;
mod guest;
pub mod scalable;
pub mod settings;
pub mod signing;
pub mod smccc;
pub mod tagging;

pub use case::{Case, CaseError, CaseResult, Chapter};
pub use case_context::{CaseContext, HUGE_RAM};
pub use guest::Guest;
