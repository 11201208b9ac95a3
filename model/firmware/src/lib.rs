//! The executable specification of the firmware: what `guest-fw` promises about blocks, windows and the tagged heap.
//!
//! It stands on [`model`], the specification of the CPU. A request of [`abi::mailbox`] is a method of [`Firmware`]. The state is
//! what the real firmware keeps in guest memory: kinds of pages, the heap's lists, the block that each vCPU is in. So a clone
//! belongs to a snapshot of memory. It must not know how a machine carries a request.
//!
//! The worked examples of the CPU's rules are this package's tests: they run blocks.
//!
//! ```
//! use abi::mailbox::SysReg;
//! use firmware_model::Firmware;
//! use model::cpu::reset;
//! use model_base::Features;
//!
//! let report = Firmware::boot_report(&Features::MAX, 0);
//! assert_eq!((report.pfr1 >> 8 & 0xf, report.sys[SysReg::Sctlr as usize]), (3, reset::SCTLR));
//! ```

#![forbid(unsafe_code)]

pub mod catalogue;
mod executor;
mod heap;
#[cfg(feature = "mutants")]
pub mod mutant;
mod state;
#[cfg(test)]
mod tests;

pub use executor::{Done, Interrupt, Outcome, Unknown, VectorState};
pub use heap::HeapError;
pub use state::{BUDGET, Firmware};
