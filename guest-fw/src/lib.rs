//! The parts of the firmware that do not access the CPU, so that they are tested on any host.
//!
//! Everything else is in the binary (`main.rs`).

#![no_std]

pub mod layout;
pub mod tables;
