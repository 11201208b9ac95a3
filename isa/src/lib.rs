//! The supported subset of the A64 instruction set, and the basic types of the Memory Tagging Extension (MTE).
//!
//! Model and host share one implementation, in safe Rust without `std`, of what a tag is, which tag IRG generates next,
//! how `stg x0, [x1], #16` is encoded and what a value of ESR_EL1 means.
//!
//! - **Base types**: [`Tag`], [`TaggedPtr`], [`Exclude`], [`Rgsr`], [`Syndrome`].
//! - **The instruction table** ([`rows`]): a row has a mnemonic, its fixed bits and its operands. [`Insn::decode`],
//!   [`Insn::encode`], `Display` and [`assemble()`] are all driven by the table. A new instruction is one row in `table/`;
//!   its tests, and its use by the fuzzer, follow from the row.
//!
//! "Arm ARM" is DDI 0487. Registers and pseudocode functions are cited by name, because chapters move between issues.
//!
//! This crate does not define what an instruction *does*: the model does.
//!
//! ```
//! use isa::{Exclude, Insn, Op, Rgsr, Syndrome, Tag, TaggedPtr, assemble};
//!
//! // Assemble, encode, decode, print.
//! let program = assemble("irg x1, x0; stg x1, [x1]; str x2, [x1]").unwrap();
//! let insn = Insn::decode(program[1].encode()).unwrap();
//! assert_eq!((insn.op(), insn.to_string().as_str()), (Op::Stg, "stg x1, [x1]"));
//!
//! // The tag that IRG generates from seed 1 if tag 0 is excluded, inserted into a pointer.
//! let mut rgsr = Rgsr::new(Tag::ZERO, 1);
//! let tag = rgsr.choose_random_tag(Exclude::NONE.with(Tag::ZERO));
//! assert_eq!(TaggedPtr::new(0x4060_0000).with_tag(tag).to_string(), "0x0100000040600000");
//!
//! // A syndrome.
//! let esr = Syndrome::from_bits(0x9600_0051);
//! assert_eq!(esr.to_string(), "data abort, same EL: tag check fault, write (ESR 0x96000051)");
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod access;
mod alias;
mod arg;
mod assemble;
mod barrier;
mod condition;
mod copy_options;
mod data_cache_op;
mod error;
mod exclude;
mod extend;
mod feature;
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
mod unpredictable;
mod vector;

pub use access::Access;
pub use arg::{Address, Addressing, Arg, Args, PstateField, Shift, ShiftKind};
pub use assemble::assemble;
pub use barrier::Barrier;
pub use condition::Condition;
pub use copy_options::{CopyOptions, SetOptions};
pub use data_cache_op::DataCacheOp;
pub use error::{OperandError, ParseError, ParseErrorKind};
pub use exclude::Exclude;
pub use extend::{Extend, ExtendKind};
pub use feature::Feature;
pub use indexed::{Indexed, PostIndexed};
pub use insn::Insn;
pub use instruction_cache_op::InstructionCacheOp;
pub use op::Op;
pub use order::Order;
pub use pointer::TaggedPtr;
pub use prefetch::Prefetch;
pub use register::{Reg, RegClass};
pub use rgsr::Rgsr;
pub use row::Row;
pub use simd::{Arrangement, LaneList, SimdReg, SimdWidth, VectorList};
pub use syndrome::{ExceptionClass, FaultStatus, Syndrome};
pub use system_register::SysReg;
pub use table::rows;
pub use tag::{GRANULE_BYTES, Tag};
pub use vector::{Vector, VectorElement};
