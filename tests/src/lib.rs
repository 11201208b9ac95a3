//! What the end-to-end tests have in common. The tests themselves are in `tests/`, a topic a file.
//!
//! They start the real `granule`, which starts a real QEMU with a real kernel, and judge what a user's script
//! would: exit status, the JSON event stream, and which processes are still there afterwards. They never look
//! at how long something took, and wait for nothing without a limit.
//!
//! - [`environment`]: where granule, QEMU and the kernels are. `cargo xtask test` says so; a test that needs
//!   them is `#[ignore]`d for everybody else;
//! - [`run`]: one `granule run`, from its options to its verdicts;
//! - [`process`]: a child process with its output, and the emulators that a run started;
//! - [`transcript`]: what documents show of a command, compared with what it prints;
//! - [`verdict_tables`]: what each cell of the matrix comes to;
//! - [`init`]: a program as the only one of a Linux;
//! - [`bare_image`]: bare-metal images for `granule exec`;
//! - [`guest`]: firmware that is not ours: ELF files made of a few instructions.
//!
//! The scripts in `fake-qemu/` stand for programs that a user may take for QEMU.

pub mod bare_image;
pub mod environment;
pub mod guest;
pub mod init;
pub mod process;
pub mod run;
pub mod transcript;
pub mod verdict_tables;
