//! A session in which lines of A64 code are executed one after the other, and what each changed is shown.
//!
//! There is no terminal in it: [`Inspector::line`] takes a line and returns the answer. A line is code, a setting such as
//! `x1 = tagged+0x20 tag 5`, an expectation such as `expect x1 tag 5`, or one of the [`VERBS`](verbs::VERBS). Values, settings and
//! expectations are those of programs (docs/programs.md).
//!
//! ```
//! use inspect::{Alone, Inspector, subject::Local};
//!
//! let model = trace::model_of("max").unwrap();
//! let mut inspector = Inspector::new("model", Box::new(Local::open(&model)?), "")?;
//! inspector.line("x1 = tagged+0x20 tag 5", &mut Alone);
//! let answer = inspector.line("ldr x2, [x1]", &mut Alone);
//! assert!(answer.text.contains("does not match"), "{}", answer.text);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod address;
pub mod complete;
pub mod error;
mod follow;
mod inspector;
pub mod memory;
mod model;
pub mod ran;
mod read;
mod script;
pub mod session;
mod show;
pub mod state;
pub mod subject;
pub mod verbs;
pub mod wire;

pub use error::InspectError;
pub use inspector::{Alone, Answer, Inspector, Status, World};

#[cfg(test)]
mod tests;
