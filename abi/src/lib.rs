//! What the guest firmware and the host agree on, and nothing else.
//!
//! The guest is not trusted by the host, and the two are built for different targets; so every
//! number that both must know is here, once, and every record has a fixed layout that is asserted
//! at compile time. This crate has no behaviour beyond arithmetic on addresses.
//!
//! - [`map`]: where things are in guest memory, and under which virtual addresses;
//! - [`mailbox`]: the records with which the host asks and the firmware answers, one set per vCPU;
//! - [`doorbell`]: the bytes by which a vCPU calls the host;
//! - [`boot`]: what the host leaves for the firmware before the first instruction.

#![no_std]
#![forbid(unsafe_code)]

pub mod boot;
pub mod doorbell;
pub mod mailbox;
pub mod map;

/// The version of every layout in this crate. The firmware refuses a host of another version.
pub const ABI_VERSION: u32 = 4;
