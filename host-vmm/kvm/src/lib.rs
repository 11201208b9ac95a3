//! The machine on /dev/kvm: the VM, its memory, its vCPUs, and what to look for first. Only [`reasons`] and [`open`] are there on
//! hosts that are not arm64.
//!
//! ```
//! use kvm::reasons;
//!
//! // The kernel's log says how KVM runs, and the command line why it has no MTE.
//! assert_eq!(reasons::mode("kvm [1]: Protected nVHE mode initialized successfully", ""), "protected");
//! let missing = reasons::no_mte("6.12.95", "VHE", "quiet arm64.nomte", "", Some(3));
//! assert!(missing.reason.contains("arm64.nomte"), "{}", missing.reason);
//! ```

pub mod open;
pub mod reasons;

#[cfg(target_arch = "aarch64")]
mod backing;
#[cfg(target_arch = "aarch64")]
mod debugger;
#[cfg(target_arch = "aarch64")]
mod dirty;
#[cfg(target_arch = "aarch64")]
mod el2;
#[cfg(target_arch = "aarch64")]
mod errno;
#[cfg(target_arch = "aarch64")]
mod hazard;
#[cfg(target_arch = "aarch64")]
mod host_events;
#[cfg(target_arch = "aarch64")]
mod host_features;
#[cfg(target_arch = "aarch64")]
pub mod host_tags;
#[cfg(target_arch = "aarch64")]
mod late_memory;
#[cfg(target_arch = "aarch64")]
mod life;
#[cfg(target_arch = "aarch64")]
pub mod machine;
#[cfg(target_arch = "aarch64")]
mod masks;
#[cfg(target_arch = "aarch64")]
mod memory;
#[cfg(target_arch = "aarch64")]
mod pagemap;
#[cfg(target_arch = "aarch64")]
pub mod probe;
#[cfg(target_arch = "aarch64")]
mod process;
#[cfg(target_arch = "aarch64")]
mod raw;
#[cfg(target_arch = "aarch64")]
mod swap;
#[cfg(target_arch = "aarch64")]
mod userfault;
#[cfg(target_arch = "aarch64")]
pub mod vcpu;
#[cfg(target_arch = "aarch64")]
pub mod vm;
#[cfg(target_arch = "aarch64")]
pub mod watchdog;
