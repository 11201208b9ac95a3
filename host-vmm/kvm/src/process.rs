//! A child process of the VMM's, killed and reaped when it is dropped.
#![expect(unsafe_code, reason = "fork")]

use machine::MachineError;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::errno;
use super::vm::kernel;

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
    if pid < 0 { Err(kernel("fork", errno::last())) } else { Ok(ChildProcess(pid)) }
}
