//! Looks at the VMM's own tags as a debugger does: PTRACE_PEEKMTETAGS and PTRACE_POKEMTETAGS.
//!
//! A process cannot trace itself, so a child that shares the whole address space stops itself and is looked at instead.
#![expect(unsafe_code, reason = "clone and ptrace")]

use std::ptr;

use super::errno;
use super::process::ChildProcess;
use super::vm::kernel;
use machine::need::Need;
use machine::{Errno, MachineError};

/// Requests (arch/arm64/include/uapi/asm/ptrace.h).
const PEEK: libc::c_int = 33;
const POKE: libc::c_int = 34;
/// Bytes of the child's stack; it makes three system calls.
const STACK: usize = 16 << 10;

/// Which way tags go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PtraceRequest {
    /// From the tracee.
    Peek,
    /// To the tracee.
    Poke,
}

/// A stopped child with this process's memory. Fields are dropped in order.
struct Tracee {
    child: ChildProcess,
    /// The child's stack, which must outlive it.
    _stack: Vec<u128>,
}

/// What the child does: lets itself be traced, and stops. It shares this process's memory, so it calls nothing that
/// locks or allocates.
extern "C" fn stop(_: *mut libc::c_void) -> libc::c_int {
    // SAFETY: a system call that takes no memory.
    unsafe { libc::syscall(libc::SYS_ptrace, libc::PTRACE_TRACEME, 0, 0, 0) };
    // SAFETY: as above.
    let own = unsafe { libc::syscall(libc::SYS_getpid) };
    // SAFETY: as above.
    unsafe { libc::syscall(libc::SYS_kill, own, libc::SIGSTOP) };
    // SAFETY: ends this process; it holds nothing of its own.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    0
}

impl Tracee {
    fn new() -> Result<Self, MachineError> {
        let mut stack = vec![0_u128; STACK / size_of::<u128>()];
        let top = stack.as_mut_ptr_range().end;
        // SAFETY: the stack lives until the child was reaped, and the child touches nothing else.
        let pid = unsafe { libc::clone(stop, top.cast(), libc::CLONE_VM | libc::SIGCHLD, ptr::null_mut()) };
        if pid < 0 {
            return Err(kernel("clone", errno::last()));
        }
        let tracee = Self { child: ChildProcess(pid), _stack: stack };
        let mut status = 0;
        // SAFETY: the kernel writes one integer.
        while unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) } < 0 {
            if errno::last() != Errno::EINTR {
                return Err(kernel("waitpid", errno::last()));
            }
        }
        if libc::WIFSTOPPED(status) {
            Ok(tracee)
        } else {
            Err(Need::Ptrace.unmet("a process of this user may not be traced").into())
        }
    }
}

/// Copies tags from or to this process's memory, one a byte; returns how many.
///
/// # Errors
///
/// EIO: nothing is mapped at the address, or not with PROT_MTE.
pub fn copy(address: u64, tags: &mut [u8], request: PtraceRequest) -> Result<usize, MachineError> {
    let tracee = Tracee::new()?;
    let mut buffer = libc::iovec { iov_base: tags.as_mut_ptr().cast(), iov_len: tags.len() };
    let (request, name) = match request {
        PtraceRequest::Peek => (PEEK, "PTRACE_PEEKMTETAGS"),
        PtraceRequest::Poke => (POKE, "PTRACE_POKEMTETAGS"),
    };
    // SAFETY: the kernel copies at most as many bytes as the buffer has, and sets its length.
    let result = unsafe { libc::syscall(libc::SYS_ptrace, request, tracee.child.0, address, &raw mut buffer) };
    if result == 0 { Ok(buffer.iov_len) } else { Err(kernel(name, errno::last())) }
}
