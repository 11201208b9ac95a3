//! Values of the A64 instruction set and of the Memory Tagging Extension (MTE): what registers and operands can be.
//!
//! In safe Rust without `std`: what a tag is, which tag IRG generates next, and what a value of ESR_EL1 means.
//!
//! - **Tags**: [`Tag`], [`TaggedPtr`], [`Exclude`], [`Rgsr`], [`Syndrome`].
//! - **Operands**: [`Arg`] is what an instruction has, [`Reg`], [`SysReg`], [`Address`] and others what it may be. Each prints
//!   as in assembly.
//!
//! "Arm ARM" is DDI 0487. Registers and pseudocode functions are cited by name, because chapters move between issues.
//! Instructions are in the package `isa`.
//!
//! ```
//! use arch::{Exclude, Rgsr, Syndrome, Tag, TaggedPtr};
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

#[cfg(test)]
extern crate alloc;

mod arg;
mod barrier;
mod condition;
mod copy_options;
mod data_cache_op;
mod exclude;
mod extend;
mod indexed;
mod instruction_cache_op;
mod matrix;
mod op;
mod order;
mod pointer;
mod prefetch;
mod register;
mod rgsr;
mod scalable;
mod simd;
mod syndrome;
mod system_register;
mod tag;
mod vector;

pub use arg::{Address, Addressing, Arg, Args, PstateField, Shift, ShiftKind};
pub use barrier::Barrier;
pub use condition::Condition;
pub use copy_options::{CopyOptions, SetOptions};
pub use data_cache_op::DataCacheOp;
pub use exclude::Exclude;
pub use extend::{Extend, ExtendKind};
pub use indexed::{Indexed, PostIndexed};
pub use instruction_cache_op::InstructionCacheOp;
pub use matrix::{SliceIndex, SmeState, ZaSlice, ZaTiles};
pub use op::Op;
pub use order::Order;
pub use pointer::TaggedPtr;
pub use prefetch::Prefetch;
pub use register::{Reg, RegClass};
pub use rgsr::Rgsr;
pub use scalable::{Pattern, Predicate, PredicateCounter, PredicateForm, Scalable, ScalableAddress, ScalableList};
pub use simd::{Arrangement, LaneList, SimdReg, SimdWidth, VectorList};
pub use syndrome::{ExceptionClass, FaultStatus, Syndrome};
pub use system_register::SysReg;
pub use tag::{GRANULE_BYTES, Tag};
pub use vector::{Vector, VectorElement};
