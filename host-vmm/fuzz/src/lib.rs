//! Differential testing: random programs, run on a machine and on the model, compared field by field.
//!
//! A program is drawn (`generate`), run on both and judged (`judge`): where the architecture leaves a choice, any of
//! the model's outcomes will do. A divergence is shrunk (`shrink`) to a program of a few instructions that diverges in
//! the same way. Nothing here knows which machine it is.
//!
//! ```
//! use fuzz::judge::{Judge, Verdict};
//! use fuzz::reference::ModelReference;
//! use fuzz::{Profile, generate};
//! use machine::Deadline;
//! use modelled::{ModelFactory, Settings};
//!
//! // A machine whose ST2G tags only the first of its granules, compared with the specification.
//! let defect = model::catalogue::named("st2g.first-granule-only").ok_or("no such defect")?;
//! let broken = ModelFactory::new(Settings::default().injecting(model_base::defect::Injected::only(defect)));
//! let model = ModelFactory::new(Settings::default());
//! let mut judge = Judge::new(&broken, Box::new(ModelReference::new(&model)));
//! # let _active = model_base::defect::activate(Some(defect));
//! let program = "granule program 1\nblock el=1\n  x0 = tagged+0x0 tag 5\ncode\n  st2g x0, [x0]\nend\n".parse()?;
//! assert!(matches!(judge.judge(&program, Deadline::NEVER), Verdict::Diverged(_)));
//!
//! // A seed and a number make a random program again.
//! let random = generate::program(0x5eed, 7, &Profile::default());
//! assert_eq!(random.to_string(), generate::program(0x5eed, 7, &Profile::default()).to_string());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod campaign;
mod code;
pub mod contender;
pub mod coverage;
pub mod finding;
pub mod generate;
pub mod judge;
pub mod known;
mod matrix;
mod operands;
pub mod pick;
pub mod profile;
pub mod reference;
pub mod register_role;
mod registers;
pub mod replay;
mod safety;
mod scalable;
pub mod session;
pub mod shrink;
pub mod test_area;
mod words;

pub use profile::Profile;

#[cfg(test)]
mod tests;
