//! A child process of the VMM's, killed and reaped when it is dropped.
#![expect(unsafe_code, reason = "kill and waitpid of our own child")]

use machine::Errno;

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
