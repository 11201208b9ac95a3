//! The parts of the firmware that are plain computation, so that they are tested on any host.
//!
//! Everything that touches the CPU is in the binary (`main.rs`).

#![no_std]

pub mod layout;
pub mod tables;
