//! Fetches and stores the Memory Tagging Extension (MTE) tags of KVM guests, for any virtual machine monitor.
//!
//! A guest with MTE has state that is neither in its memory nor in its general registers: four bits, the *allocation
//! tag*, for each 16 bytes of memory, the *granule*, and four system registers. A VMM that saves, restores or migrates
//! such a guest must carry them along. The kernel's interface for the tags is the VM ioctl `KVM_ARM_MTE_COPY_TAGS`
//! (Documentation/virt/kvm/api.rst, 4.130; Documentation/arch/arm64/memory-tagging-extension.rst describes MTE). It is
//! easy to misread:
//!
//! - It returns the number of bytes of **guest memory** that it covered, maybe fewer than asked for. A short count is
//!   a success of the system call, and the reason why the copy stopped is lost.
//! - Address and length must be multiples of the **host's** page size, a fact that the guest does not know.
//! - It silently ignores the upper four bits of each tag that it stores.
//! - It takes at most `INT_MAX` bytes a call (since Linux 6.4; before, the count of a longer call is wrong).
//! - It refuses to store, with EBUSY, while a memory slot logs dirty pages (since Linux 6.11).
//!
//! This crate turns that into types. A copy is [`Copied::Complete`] or [`Copied::Stopped`] *at an address, for a
//! cause*: after a short count the copy goes on from there, which makes progress or yields the error number.
//!
//! ```
//! use kvm_mte::{Copied, Errno, fake::FakeVm};
//!
//! // Stands for a VM on /dev/kvm: 1024 granules, four pages of 4 KiB, from 0x4000_0000 on.
//! let vm = FakeVm::<1024>::new(0x4000_0000);
//! kvm_mte::store(&vm, 0x4000_0000, &[7; 1024])?.complete()?;
//!
//! let mut tags = [0; 1024];
//! kvm_mte::fetch(&vm, 0x4000_0000, &mut tags)?.complete()?;
//! assert_eq!(tags, [7; 1024]);
//!
//! // The third page has no memory behind it any more: the kernel covers two pages and calls that a success.
//! vm.unmap(0x4000_2000);
//! let stopped = kvm_mte::fetch(&vm, 0x4000_0000, &mut tags)?;
//! assert_eq!(stopped, Copied::Stopped { at: 0x4000_2000, cause: Errno::EFAULT });
//! # Ok::<(), kvm_mte::TagError>(())
//! ```
//!
//! # What is here
//!
//! | | |
//! |---|---|
//! | [`fetch`], [`store`] | the tags of whole host pages, a tag a byte |
//! | [`fetch_granules`], [`store_granules`] | the tags of any granules, which is not atomic |
//! | [`fetch_packed`], [`store_packed`] | the tags of whole host pages, two a byte, for files and streams |
//! | [`pack`], [`unpack`] | from a tag a byte to two, and back |
//! | [`RegisterName`] | what a register is called, by its id |
//! | [`register`] | the four system registers that MTE adds, by the ids of KVM_GET_ONE_REG |
//! | [`order`] | when to enable MTE, and in which order to save and restore |
//! | [`ioctl`] | the call itself: its number, its argument, and [`CopyTagsIoctl`], the trait that makes it |
//! | [`fake`] | a VM in memory that counts and stops as the kernel does, for tests of save and restore on any host |
//!
//! Nothing here allocates. [`fetch_granules`], [`store_granules`], [`fetch_packed`] and [`store_packed`] use a buffer of
//! 4 KiB on the stack.
//!
//! # Unsafe code
//!
//! None, unless the feature `kvm-ioctls` is on: then one module makes the ioctl for `kvm_ioctls::VmFd`. It exists on
//! arm64 Linux only; elsewhere the feature changes nothing. Without it, implement [`CopyTagsIoctl`] for your own VM.

#![no_std]
#![cfg_attr(not(feature = "kvm-ioctls"), forbid(unsafe_code))]
#![cfg_attr(feature = "kvm-ioctls", deny(unsafe_code))]

#[cfg(test)]
extern crate std;

mod copied;
pub mod errno;
pub mod error;
pub mod fake;
mod granules;
pub mod ioctl;
pub mod order;
pub mod packed;
pub mod register;
mod register_name;
mod transport;
#[cfg(all(feature = "kvm-ioctls", target_os = "linux", target_arch = "aarch64"))]
pub mod vm_fd;

pub use copied::Copied;
pub use errno::Errno;
pub use error::TagError;
pub use granules::{fetch_granules, store_granules};
pub use ioctl::{Call, CopyTagsIoctl, Tags};
pub use packed::{fetch_packed, pack, store_packed, unpack};
pub use register_name::RegisterName;
pub use transport::{fetch, store};

/// Runs the README's example as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Bytes of memory that share one tag (Arm ARM DDI 0487, D10, "LOG2_TAG_GRANULE").
pub const GRANULE: u64 = 16;

/// The largest tag: a tag has four bits.
pub const MAX_TAG: u8 = 15;
