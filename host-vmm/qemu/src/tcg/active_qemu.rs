//! Which QEMU works, of those that one factory has started.
//!
//! A guest without a request polls its mailbox, and takes a core from the one at work. So the process of a machine that is
//! kept for a later case is stopped until its turn comes. What kills a child kills a stopped one too.

use std::cell::Cell;
use std::rc::Rc;

use rustix::process::{Pid, Signal, kill_process};

/// Shared by all QEMUs of which one works at a time.
#[derive(Clone, Debug, Default)]
pub struct ActiveQemu(Rc<Cell<Option<u32>>>);

impl ActiveQemu {
    /// Lets this process work, a child of ours that was not waited for, and stops the one that worked.
    pub fn activate(&self, process: u32) {
        let before = self.0.replace(Some(process));
        if before != Some(process) {
            before.into_iter().for_each(|other| signal(other, Signal::STOP));
            signal(process, Signal::CONT);
        }
    }

    /// Reports that this process ends: its number will soon be another's.
    pub fn forget(&self, process: u32) {
        if self.0.get() == Some(process) {
            self.0.set(None);
        }
    }
}

fn signal(process: u32, signal: Signal) {
    let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) else { return };
    // The process is a child that its owner has not waited for, or the owner would have called `forget`, so the number is
    // still its own. One that has ended hears nothing.
    let _ = kill_process(process, signal);
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::child::Subprocess;

    fn sleeper() -> Subprocess {
        let mut command = Command::new("/bin/sleep");
        command.arg("1000");
        Subprocess::start(command, None).unwrap()
    }

    /// Waits until a process is in this state (proc(5), /proc/pid/stat).
    fn awaits(child: &Subprocess, stopped: bool) {
        let limit = Instant::now() + Duration::from_secs(20);
        loop {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
            let state = stat.rsplit(')').next().unwrap().trim_start().chars().next().unwrap();
            if (state == 'T') == stopped {
                return;
            }
            assert!(Instant::now() < limit, "state {state}, stopped should be {stopped}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn only_the_active_process_runs() {
        let (active, a, b) = (ActiveQemu::default(), sleeper(), sleeper());
        active.activate(a.id());
        active.activate(b.id());
        awaits(&a, true);
        awaits(&b, false);
        active.activate(a.id());
        awaits(&a, false);
        awaits(&b, true);
        // The one that ended is not signalled, and the next is woken.
        active.forget(a.id());
        active.activate(b.id());
        awaits(&a, false);
        awaits(&b, false);
    }
}
