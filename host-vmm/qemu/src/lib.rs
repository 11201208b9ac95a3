//! QEMU: the program and the processes of it, and the machine that is the firmware on QEMU alone.
//!
//! - [`program`]: finding it, its version, what its refusals mean; [`end`]: how it ended;
//! - [`child`]: a process that dies with its owner; [`memfd`]: what it is given to read;
//! - [`tcg`]: the machine.
//!
//! ```
//! use std::process::Command;
//! use std::time::{Duration, Instant};
//!
//! use qemu::child::{Output, Subprocess};
//!
//! // Whatever ends this process ends the child, too.
//! let mut command = Command::new("/bin/echo");
//! command.arg("ready");
//! let mut child = Subprocess::start(command, None)?;
//! let (mut buffer, deadline) = ([0; 64], Instant::now() + Duration::from_secs(20));
//! assert_eq!(child.read(&mut buffer, deadline)?, Output::Bytes(6));
//! assert_eq!(&buffer[..6], b"ready\n");
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod child;
pub mod end;
pub mod memfd;
pub mod program;
pub mod tcg;
