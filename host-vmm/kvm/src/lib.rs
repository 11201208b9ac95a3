//! KVM: the tag transport, and on arm64 the VM, its memory, its vCPUs and what to probe first.

pub mod open;
pub mod reasons;

#[cfg(target_arch = "aarch64")]
mod backing;
#[cfg(target_arch = "aarch64")]
mod debugger;
#[cfg(target_arch = "aarch64")]
mod dirty;
#[cfg(target_arch = "aarch64")]
mod errno;
#[cfg(target_arch = "aarch64")]
mod hazard;
#[cfg(target_arch = "aarch64")]
mod host_tags;
#[cfg(target_arch = "aarch64")]
mod life;
#[cfg(target_arch = "aarch64")]
pub mod machine;
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
mod userfault;
#[cfg(target_arch = "aarch64")]
pub mod vcpu;
#[cfg(target_arch = "aarch64")]
pub mod vm;
#[cfg(target_arch = "aarch64")]
pub mod watchdog;
