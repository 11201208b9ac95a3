//! The executable specification of the CPU: what *should* happen.
//!
//! That is the instructions of [`isa`] with MTE's full semantics at EL0 and EL1. On it stand two packages, the
//! specification of the firmware (`model/firmware`) and that of KVM (`model/kvm`). Every rule cites what it stands for: the
//! Arm ARM (DDI 0487) by register, instruction or pseudocode function.
//!
//! Where the architecture leaves a choice, the model asks [`model_base::choice::Choices`], so that all permitted
//! outcomes can be listed; where it leaves bits UNKNOWN it says which. Beside each file of rules stand the
//! [`model_base::defect`]s that break them, each a realistic mistake; the suite must notice every one of them.
//!
//! Nothing here does input or output, knows a host, or is unsafe: the same program always gives the
//! same trace.
//!
//! ```
//! use model::cpu::Cpu;
//! use model_base::Features;
//!
//! // A CPU as the firmware has it when it begins to serve: at EL1, nothing tag checked out of turn.
//! let cpu = Cpu::new(&Features::default());
//! assert_eq!((cpu.el, cpu.tco), (1, false));
//! ```

#![forbid(unsafe_code)]

pub mod catalogue;
pub mod cpu;
#[cfg(feature = "mutants")]
pub mod mutant;
