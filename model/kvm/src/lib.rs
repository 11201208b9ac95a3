//! The executable specification of KVM: a VM with memory slots, registers and `KVM_ARM_MTE_COPY_TAGS`, by kernel version.
//!
//! It stands on [`model`], the specification of the CPU and the firmware, and is written as that is: every rule cites the
//! kernel's document or source file, and beside each file of rules stand the [defects](model_base::defect) that break them.
//! What differs between kernels is in one table, [`contract`]; [`kernel`] has the interface as types, in which real
//! machines are asked, too.
//!
//! ```
//! use kvm_model::contract::{Contract, Rule};
//! use kvm_model::kernel::{Access, Backing, CopyTags, TagBuffer};
//! use kvm_model::{Host, Vm};
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

pub mod catalogue;
pub mod contract;
mod copy_tags;
mod el2;
mod host;
mod host_event;
mod host_tags;
pub mod kernel;
mod late_memory;
mod life;
mod memory;
#[cfg(feature = "mutants")]
pub mod mutant;
pub mod offer;
mod registers;
mod scalable;
mod sharing;
mod transfer;
mod vcpu;
mod vm;

pub use host::{Host, Mode};
pub use memory::{GRANULE, GuestMemory, Slot};
pub use vm::Vm;
