//! A lock file that the kernel releases when its holder dies, however it dies.
//!
//! Two set-ups on one cache must not collide. The standard library of 1.63 has no file locks,
//! so this file calls `flock` itself; it is the only one with unsafe code.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::raw::c_int;
use std::os::unix::io::AsRawFd;
use std::path::Path;

// include/uapi/asm-generic/fcntl.h
const LOCK_EX: c_int = 2;
const LOCK_NB: c_int = 4;

extern "C" {
    fn flock(fd: c_int, operation: c_int) -> c_int;
}

/// Holds the lock until it is dropped.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock at `path`; calls `on_wait` once if someone else has it, then waits for them.
    ///
    /// # Errors
    /// The file cannot be made, or the file system has no locks.
    pub fn take(path: &Path, on_wait: impl FnOnce()) -> io::Result<Lock> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        if !apply(&file, LOCK_EX | LOCK_NB)? {
            on_wait();
            while !apply(&file, LOCK_EX)? {}
        }
        Ok(Lock { _file: file })
    }
}

/// Calls flock(2); returns whether it was taken, and not when someone else has it or a signal came.
fn apply(file: &File, operation: c_int) -> io::Result<bool> {
    // SAFETY: flock takes two integers and touches no memory of ours; the descriptor is open
    // because `file` is borrowed for the whole call.
    if unsafe { flock(file.as_raw_fd(), operation) } == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(false),
        _ => Err(error),
    }
}
