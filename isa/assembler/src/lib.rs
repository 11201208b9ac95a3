//! The assembler: text to instructions, with the table that decodes and prints them.
//!
//! [`assemble()`] takes the syntax of GNU as for the instructions of [`isa`], common aliases and labels. An error has its
//! place, and says what was expected and what was found. [`assemble_words()`] takes `.inst` with any word, too.
//!
//! ```
//! let program = assembler::assemble("irg x1, x0; stg x1, [x1]; str x2, [x1]").unwrap();
//! assert_eq!(program[1].to_string(), "stg x1, [x1]");
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod advice;
mod alias;
mod assemble;
mod comment;
mod error;
mod register;
mod syntax;
mod unknown;
mod wide;

pub use assemble::{Word, assemble, assemble_words};
pub use comment::without_comments;
pub use error::{ParseError, ParseErrorKind};
