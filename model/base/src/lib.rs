//! What the specifications stand on: that of the CPU (`model`), of the firmware (`model/firmware`) and of KVM (`model/kvm`).
//!
//! - [`Features`]: what a CPU has, and the ID registers that follow from it.
//! - [`Platform`] and [`hypercalls`]: what is around a CPU, and what answers its calls.
//! - [`memory`]: guest-physical memory as a CPU sees it.
//! - [`choice`]: what the architecture leaves to the implementation, so that all permitted outcomes can be listed.
//! - [`defect`]: realistic ways to break a rule. With the feature `mutants` also `mutant`, those that a machine makes.
//!
//! ```
//! use model_base::Features;
//!
//! let n2 = Features::by_name("neoverse-n2").unwrap();
//! assert_eq!((n2.mte, n2.tag_block()), (2, 64));
//! ```

#![forbid(unsafe_code)]

// The code that `mutants::rules` makes names this crate so, here as elsewhere.
extern crate self as model_base;

pub mod choice;
pub mod defect;
mod features;
pub mod hypercalls;
pub mod memory;
#[cfg(feature = "mutants")]
pub mod mutant;
mod platform;

pub use features::Features;
pub use platform::{Hypervisor, Platform};
