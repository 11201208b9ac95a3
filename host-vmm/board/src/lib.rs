//! A board for somebody's own bare-metal image, on /dev/kvm: RAM, a PL011, the kernel's GICv3, timer and PSCI where QEMU's `virt` has
//! them, MTE on, one CPU. A debugger sees it as a [`machine::debuggee::Debuggee`].
//!
//! `kvm_board` is the board itself, on arm64 hosts only. [`pl011`], [`tree`] and [`walk`] are its parts that need no kernel.
//! [`remote`] lets a board inside a nested Linux be used from outside.

pub mod console;
pub mod map;
pub mod pl011;
pub mod program;
pub mod remote;
pub mod tree;
pub mod walk;

#[cfg(target_arch = "aarch64")]
pub mod kvm_board;
