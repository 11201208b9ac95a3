//! QEMU: the program and the processes of it, and the machine that is the firmware on QEMU alone.
//!
//! - [`program`]: finding it, its version, what its refusals mean; [`end`]: how it ended;
//! - [`child`]: a process that dies with its owner; [`memfd`]: what it is given to read;
//! - [`tcg`]: the machine.

pub mod child;
pub mod end;
pub mod memfd;
pub mod program;
pub mod tcg;
