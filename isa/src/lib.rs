//! The supported subset of the A64 instruction set, as one table.
//!
//! A row ([`rows`]) has a mnemonic, its fixed bits and its operands. [`Insn::decode`], [`Insn::encode`], `Display` and the
//! assembler (the package `assembler`) are all driven by the table. A new instruction is one row in `table/`; its tests, and
//! its use by the fuzzer, follow from the row. What operands can be is in the package [`arch`].
//!
//! "Arm ARM" is DDI 0487. Registers and pseudocode functions are cited by name, because chapters move between issues.
//!
//! This crate does not define what an instruction *does*: the model does.
//!
//! ```
//! use arch::Op;
//! use isa::Insn;
//!
//! let insn = Insn::decode(0xd920_0821).unwrap();
//! assert_eq!((insn.op(), insn.to_string().as_str()), (Op::Stg, "stg x1, [x1]"));
//! assert_eq!(insn.encode(), 0xd920_0821);
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod access;
mod error;
mod feature;
mod index;
mod insn;
mod operand;
mod row;
pub mod suggest;
mod table;
mod unpredictable;

pub use access::Access;
pub use error::OperandError;
pub use feature::Feature;
pub use insn::{Insn, keep_best};
pub use operand::Operand;
pub use operand::bitmask::is_bitmask;
pub use row::Row;
pub use table::{near, rows};
