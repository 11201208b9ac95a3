//! A child process that never outlives granule.
//!
//! However granule ends, its child ends: dropped, it is killed and reaped; when granule itself is killed,
//! or its terminal goes away, the kernel kills the child (PR_SET_PDEATHSIG). That survives `exec`, so a
//! wrapper script may stand for the program if it ends in `exec`. The signal is bound to the *thread* that
//! started the child: keep a [`Subprocess`] on the thread that made it, as its missing `Send` demands.

use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Signal, set_parent_process_death_signal};

/// No more error text is kept; what comes behind it is read and dropped, so that the child goes on.
const LONGEST_ERRORS: usize = 64 << 10;

/// A running child, its output and its error text.
#[derive(Debug)]
pub struct Subprocess {
    process: std::process::Child,
    errors: Vec<u8>,
    _bound_to_its_thread: PhantomData<*const ()>,
}

/// What reading gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// That many bytes.
    Bytes(usize),
    /// The child has closed its output.
    Closed,
    /// Nothing came until the deadline.
    TimedOut,
}

impl Subprocess {
    /// Starts a command with no input, which inherits these descriptors beyond its output.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(command: Command, inherited: impl IntoIterator<Item = RawFd>) -> io::Result<Self> {
        Self::start_with(command, Stdio::null(), inherited)
    }

    /// Starts a command whose input is [`written`](Self::write), as [`start`](Self::start) does.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start_with_input(command: Command, inherited: impl IntoIterator<Item = RawFd>) -> io::Result<Self> {
        Self::start_with(command, Stdio::piped(), inherited)
    }

    #[expect(unsafe_code, reason = "what happens between fork and exec is unsafe to say")]
    fn start_with(mut command: Command, input: Stdio, inherited: impl IntoIterator<Item = RawFd>) -> io::Result<Self> {
        let inherited: Vec<RawFd> = inherited.into_iter().collect();
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let parent = std::process::id();
        // SAFETY: the closure makes system calls only and allocates nothing, as the time between fork and
        // exec demands.
        unsafe { command.pre_exec(move || before_exec(parent, &inherited)) };
        let process = command.spawn()?;
        Ok(Self { process, errors: Vec::new(), _bound_to_its_thread: PhantomData })
    }

    /// The process, which keeps its number until this is dropped.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Writes input.
    ///
    /// # Errors
    ///
    /// When the child does not take it any more, or has none.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.process.stdin {
            Some(input) => input.write_all(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Reads output, waiting until the deadline at most. Error text is collected meanwhile.
    ///
    /// # Errors
    ///
    /// When a system call fails.
    pub fn read(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<Output> {
        loop {
            let Some(out) = &mut self.process.stdout else { return Ok(Output::Closed) };
            let err = self.process.stderr.as_ref().map(AsFd::as_fd);
            let [out_ready, err_ready] = wait_readable([Some(out.as_fd()), err], deadline)?;
            if out_ready {
                return Ok(match out.read(buffer)? {
                    0 => Output::Closed,
                    count => Output::Bytes(count),
                });
            }
            if err_ready {
                self.read_errors()?;
            } else if Instant::now() >= deadline {
                return Ok(Output::TimedOut);
            }
        }
    }

    /// Reads a piece of error text, keeps what there is room for, and notes its end.
    fn read_errors(&mut self) -> io::Result<()> {
        let Some(err) = &mut self.process.stderr else { return Ok(()) };
        let mut piece = [0; 4096];
        match err.read(&mut piece)? {
            0 => self.process.stderr = None,
            count => {
                let room = LONGEST_ERRORS.saturating_sub(self.errors.len());
                self.errors.extend_from_slice(&piece[..count.min(room)]);
            }
        }
        Ok(())
    }

    /// Waits for the end of a child that has closed its output; kills it at the deadline. Gives how it
    /// ended, if by itself, and its error text.
    pub fn end(mut self, deadline: Instant) -> (Option<ExitStatus>, String) {
        self.process.stdout = None;
        while let Some(err) = &self.process.stderr
            && matches!(wait_readable([Some(err.as_fd())], deadline), Ok([true]))
            && self.read_errors().is_ok()
        {}
        // Its error output is closed or the deadline is over: it is gone, or will be at once.
        let status = if Instant::now() < deadline { self.process.wait().ok() } else { None };
        (status, String::from_utf8_lossy(&self.errors).trim().to_owned())
    }
}

impl Drop for Subprocess {
    fn drop(&mut self) {
        // Either may fail only because the child is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs in the child: dies with its parent, and keeps descriptors over exec.
#[expect(unsafe_code, reason = "descriptors that are numbers here, as the closure outlives borrows")]
fn before_exec(parent: u32, inherited: &[RawFd]) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before the line above; then the signal never comes.
    if std::os::unix::process::parent_id() != parent {
        return Err(rustix::io::Errno::SRCH.into());
    }
    for descriptor in inherited {
        // SAFETY: the descriptor is open, since its owner outlives the spawn.
        let descriptor = unsafe { BorrowedFd::borrow_raw(*descriptor) };
        fcntl_setfd(descriptor, FdFlags::empty())?;
    }
    Ok(())
}

/// Waits until one of the descriptors can be read or has ended; those that are `None` are left out. All are `false` at the
/// deadline.
///
/// # Errors
///
/// When poll fails.
pub fn wait_readable<const N: usize>(
    descriptors: [Option<BorrowedFd<'_>>; N],
    deadline: Instant,
) -> io::Result<[bool; N]> {
    let mut polled: Vec<_> = descriptors.iter().flatten().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    loop {
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).ok();
        match poll(&mut polled, left.as_ref()) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut ready = polled.iter().map(|polled| !polled.revents().is_empty());
    Ok(std::array::from_fn(|n| descriptors[n].is_some() && ready.next().unwrap_or(false)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shell(script: &str) -> Subprocess {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Subprocess::start(command, None).unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    fn read_all(child: &mut Subprocess) -> Vec<u8> {
        let (mut all, mut buffer) = (Vec::new(), [0; 64]);
        while let Output::Bytes(count) = child.read(&mut buffer, soon()).unwrap() {
            all.extend_from_slice(&buffer[..count]);
        }
        all
    }

    fn alive(pid: u32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
    }

    #[test]
    fn stdout_stderr_and_status_are_separate() {
        let mut child = shell("echo out; echo err >&2; echo more; exit 3");
        assert_eq!(read_all(&mut child), b"out\nmore\n");
        let (status, errors) = child.end(soon());
        assert_eq!((status.and_then(|status| status.code()), &*errors), (Some(3), "err"));
    }

    #[test]
    fn input_arrives_where_there_is_any() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "read line; echo \"<$line>\""]);
        let mut child = Subprocess::start_with_input(command, None).unwrap();
        child.write(b"a b\n").unwrap();
        assert_eq!(read_all(&mut child), b"<a b>\n");
        assert!(shell("exit 0").write(b"x").is_err());
    }

    #[test]
    fn either_pipe_may_close_first() {
        // Counting takes longer than reading what came before it does.
        let count = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
        let mut child = shell(&format!("exec 2>&-; {count}; echo out"));
        assert_eq!(read_all(&mut child), b"out\n");
        let mut child = shell(&format!("exec >&-; echo err >&2; {count}; echo more >&2"));
        assert_eq!(read_all(&mut child), b"");
        assert_eq!(child.end(soon()).1, "err\nmore");
    }

    #[test]
    fn a_full_stderr_does_not_block_stdout() {
        let mut child = shell("head -c 300000 /dev/zero >&2; echo out; head -c 300000 /dev/zero >&2; exit 3");
        assert_eq!(read_all(&mut child), b"out\n");
        let (status, errors) = child.end(soon());
        assert_eq!((status.and_then(|status| status.code()), errors.len()), (Some(3), LONGEST_ERRORS));
    }

    #[test]
    fn a_deadline_ends_the_wait_and_a_drop_ends_the_child() {
        let mut child = shell("exec sleep 1000");
        let pid = child.process.id();
        let wait = Instant::now() + Duration::from_millis(20);
        assert_eq!(child.read(&mut [0; 8], wait).unwrap(), Output::TimedOut);
        assert!(Instant::now() >= wait && alive(pid));
        drop(child);
        assert!(!alive(pid));
    }

    #[test]
    fn an_inherited_descriptor_can_be_opened_by_path() {
        let memory = crate::memfd::MemFile::new(b"bytes").unwrap();
        let mut command = Command::new("/bin/cat");
        command.arg(memory.path());
        let mut child = Subprocess::start(command, Some(memory.descriptor())).unwrap();
        assert_eq!(read_all(&mut child), b"bytes");
    }

    #[test]
    fn it_dies_with_the_thread_that_started_it() {
        // A thread's end stands for granule's: the kernel sends the same signal at both.
        let pid = std::thread::spawn(|| {
            let child = std::mem::ManuallyDrop::new(shell("exec sleep 1000"));
            child.process.id()
        });
        let pid = pid.join().unwrap();
        let deadline = soon();
        while alive(pid) && Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert!(!alive(pid));
    }
}
