//! Somebody's bare-metal image on a machine that can be looked into: what its file says, what it does to tags, and how that is told.
//!
//! - [`image`]: an ELF file, a Linux `Image` or a flat binary, where it goes and what it calls its addresses ([`symbols`], [`place`],
//!   [`lines`]);
//! - [`session`]: the loop that runs it: watched vectors, breakpoints, the end; [`semihosting`]: what it asks its host for;
//! - [`report`]: what was seen, as data and ([`text`]) for people;
//! - [`console`]: what the image prints, and the status that it may print.
//!
//! All of it is written against [`machine::debuggee::Debuggee`]; a back end implements that. Nothing here does input or output but to a
//! writer that it is given.

#![forbid(unsafe_code)]

pub mod console;
pub mod image;
pub mod lines;
pub mod place;
pub mod report;
pub mod semihosting;
pub mod session;
pub mod symbols;
pub mod text;

mod vectors;
