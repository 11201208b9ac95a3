//! The interface between the guest firmware and the host, and nothing else.
//!
//! The host does not trust the guest, and the two are built for different targets. Every number that both use is defined
//! here once, and the layout of every record is fixed and asserted at compile time. The crate contains no behavior
//! except address arithmetic and the conversion of numbers.
//!
//! - [`map`]: the memory map of the guest, physical and virtual;
//! - [`mailbox`]: the records of requests and replies, one set per vCPU;
//! - [`doorbell`]: the bytes with which a vCPU calls the host;
//! - [`boot`]: the record that the host writes before the first instruction.

#![no_std]
#![forbid(unsafe_code)]

pub mod boot;
pub mod doorbell;
pub mod mailbox;
pub mod map;

/// The version of every layout in this crate. The firmware rejects a host with another version.
pub const ABI_VERSION: u32 = 6;
