//! The executable specification: what *should* happen.
//!
//! Three things are specified. The **CPU**: the instructions of [`isa`] with MTE's full semantics at
//! EL0 and EL1. The **firmware**: what `guest-fw` promises about blocks, windows and the tagged heap.
//! The **kernel**: a VM with memory slots, registers and `KVM_ARM_MTE_COPY_TAGS`, by kernel version.
//! Every rule cites what it stands for: the Arm ARM (DDI 0487) by register, instruction or pseudocode
//! function, the kernel by document or source file.
//!
//! Where the architecture leaves a choice, the model asks [`choice::Choices`], so that all permitted
//! outcomes can be listed; where it leaves bits UNKNOWN it says which. Beside each file of rules stand the
//! [`defect`]s that break them, each a realistic mistake; the suite must notice every one of them.
//!
//! Nothing here does input or output, knows a host, or is unsafe: the same program always gives the
//! same trace.

#![forbid(unsafe_code)]

// The code that `mutants::rules` makes names this crate so, here as elsewhere.
extern crate self as model;

pub mod choice;
pub mod contract;
pub mod cpu;
pub mod defect;
pub mod firmware;
pub mod kernel;
pub mod kvm;
pub mod memory;
#[cfg(feature = "mutants")]
pub mod mutant;
