//! Defects of a VMM and of the kernel's locks, as decorators: what is broken is the code that ships, from below.
//!
//! [`FaultyVm`] stands between [`machine::migration`] and the VM that it saves or restores. [`race`] stands between a race
//! and its steps, [`hazard`] before an attempt.

pub(super) mod hazard;
pub(super) mod race;
mod vm;

pub use vm::DEFECTS;
pub(super) use vm::{FaultyVm, Record};
