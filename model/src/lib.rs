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
//!
//! ```
//! use model::contract::{Contract, Rule};
//! use model::kernel::{Access, Backing, CopyTags, TagBuffer};
//! use model::kvm::{Host, Vm};
//!
//! // What a VMM learns of a copy that stops half-way, from Linux 6.12: the second page has no memory.
//! let host = Host { release: "6.12".parse()?, ..Host::default() };
//! let mut vm = Vm::new(&host);
//! vm.enable_mte(0)?;
//! vm.add_memory(0x4000_0000, 4096, Backing::Anonymous, Access::ReadWrite)?;
//! let mut tags = [0; 512];
//! let buffer = TagBuffer::Bytes(&mut tags);
//! let call = CopyTags { ipa: 0x4000_0000, length: 8192, buffer, flags: CopyTags::FROM_GUEST, reserved: [0; 2] };
//! assert_eq!(vm.copy_tags(call), Ok(4096), "the count, and no error number");
//!
//! // Storing while pages are logged is refused since 6.12.
//! assert!(!Contract::for_release("6.1".parse()?).holds(Rule::BusyWhileLogging));
//! assert!(Contract::for_release("6.12".parse()?).holds(Rule::BusyWhileLogging));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

// The code that `mutants::rules` makes names this crate so, here as elsewhere.
extern crate self as model;

pub mod catalogue;
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
