//! A child process of the VMM's, killed and reaped when it is dropped.
#![expect(unsafe_code, reason = "kill and waitpid of our own child")]

use crate::vm::kernel;
use machine::{Errno, MachineError};

/// A child process.
#[derive(Debug)]
pub struct ChildProcess(pub libc::pid_t);

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // SAFETY: a signal to our own child, which was not reaped yet.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        // SAFETY: waits for our own child; no status is written.
        while unsafe { libc::waitpid(self.0, std::ptr::null_mut(), libc::__WALL) } < 0 && Errno::last() == Errno::EINTR
        {
        }
    }
}

/// Forks a child that sleeps until it is not needed any more: its copy of this process's memory is what it is for.
pub fn fork() -> Result<ChildProcess, MachineError> {
    // SAFETY: the child calls nothing but system calls that neither lock nor allocate.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: the child goes with its parent.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        loop {
            // SAFETY: waits for that.
            unsafe { libc::pause() };
        }
    }
    if pid < 0 { Err(kernel("fork", Errno::last())) } else { Ok(ChildProcess(pid)) }
}
