//! The part of the A64 instruction set that granule speaks, and the vocabulary of memory tagging.
//!
//! Guest, model and host all need the same answers: what is a tag, which tag does IRG choose next, what does
//! `stg x0, [x1], #16` encode to, what does this ESR say. They are given once, here, in safe Rust without `std`.
//!
//! Two halves:
//! - **base types**: [`Tag`], [`TaggedPtr`], [`Exclude`], [`Rgsr`], [`Syndrome`];
//! - **one instruction table** ([`rows`]): a row names a mnemonic, its fixed bits and its operands, and
//!   [`Insn::decode`], [`Insn::encode`], `Display` and [`assemble`] all walk that table. A new instruction is one row
//!   in `table.rs`; its tests, and its place in the fuzzer, follow from the row.
//!
//! "Arm ARM" is DDI 0487. Registers and pseudocode functions are cited by name, because chapters move between issues.
//!
//! This crate must not know what an instruction *does*: that is the model's business.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod alias;
mod arg;
mod assemble;
mod barrier;
mod cache_op;
mod clash;
mod condition;
mod error;
mod exclude;
mod insn;
mod operand;
mod pointer;
mod register;
mod rgsr;
mod row;
mod suggest;
mod syndrome;
mod syntax;
mod system_register;
mod table;
mod tag;

pub use arg::{Address, Addressing, Arg, Args, PstateField, Shift, ShiftKind};
pub use assemble::assemble;
pub use barrier::Barrier;
pub use cache_op::CacheOp;
pub use condition::Condition;
pub use error::{OperandError, ParseError, ParseErrorKind};
pub use exclude::Exclude;
pub use insn::Insn;
pub use pointer::TaggedPtr;
pub use register::{Reg, RegClass};
pub use rgsr::Rgsr;
pub use row::{Row, rows};
pub use syndrome::{ExceptionClass, FaultStatus, Syndrome};
pub use system_register::SysReg;
pub use table::Op;
pub use tag::{GRANULE_BYTES, Tag};
