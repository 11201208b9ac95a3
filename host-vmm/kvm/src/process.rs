//! A child process of the VMM's, killed and reaped when it is dropped.

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// A child process.
#[derive(Debug)]
pub struct ChildProcess(pub libc::pid_t);

impl Drop for ChildProcess {
    fn drop(&mut self) {
        let Some(pid) = Pid::from_raw(self.0) else { return };
        // Either fails only if it is gone already.
        let _ = kill_process(pid, Signal::KILL);
        // A clone without a signal of its own is waited for with __WALL.
        let all = WaitOptions::from_bits_retain(libc::__WALL as u32);
        while matches!(waitpid(Some(pid), all), Err(rustix::io::Errno::INTR)) {}
    }
}
