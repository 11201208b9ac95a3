//! The part of the A64 instruction set that granule speaks, and the vocabulary of memory tagging.
//!
//! Guest, model and host all need the same answers: what is a tag, which tag does IRG choose next, what does
//! `stg x0, [x1], #16` encode to, what does this ESR say. They are given once, here, in safe Rust without `std`.
//!
//! Two halves:
//! - **base types**: [`Tag`], [`TaggedPtr`], [`Exclude`], [`Rgsr`], [`Syndrome`];
//! - **one instruction table** ([`rows`]): a row names a mnemonic, its fixed bits and its operands, and
//!   [`Insn::decode`], [`Insn::encode`], `Display` and [`assemble`] all walk that table. A new instruction is one row
//!   in `table/`; its tests, and its place in the fuzzer, follow from the row.
//!
//! "Arm ARM" is DDI 0487. Registers and pseudocode functions are cited by name, because chapters move between issues.
//!
//! This crate must not know what an instruction *does*: that is the model's business.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod access;
mod alias;
mod arg;
mod assemble;
mod barrier;
mod cache_op;
mod clash;
mod condition;
mod copy_options;
mod error;
mod exclude;
mod extend;
mod index;
mod indexed;
mod insn;
mod instruction_cache_op;
mod op;
mod operand;
mod order;
mod pointer;
mod prefetch;
mod register;
mod rgsr;
mod row;
mod simd;
mod suggest;
mod syndrome;
mod syntax;
mod system_register;
mod table;
mod tag;

pub use access::Access;
pub use arg::{Address, Addressing, Arg, Args, PstateField, Shift, ShiftKind};
pub use assemble::assemble;
pub use barrier::Barrier;
pub use cache_op::CacheOp;
pub use condition::Condition;
pub use copy_options::{CopyOptions, SetOptions};
pub use error::{OperandError, ParseError, ParseErrorKind};
pub use exclude::Exclude;
pub use extend::{Extend, ExtendKind};
pub use indexed::{Indexed, PostIndexed};
pub use insn::Insn;
pub use instruction_cache_op::InstructionCacheOp;
pub use op::Op;
pub use order::Order;
pub use pointer::TaggedPtr;
pub use prefetch::Prefetch;
pub use register::{Reg, RegClass};
pub use rgsr::Rgsr;
pub use row::{Row, rows};
pub use simd::{Arrangement, SimdReg, SimdWidth, Vectors};
pub use syndrome::{ExceptionClass, FaultStatus, Syndrome};
pub use system_register::SysReg;
pub use tag::{GRANULE_BYTES, Tag};
