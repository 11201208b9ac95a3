//! Serves the page faults of a range with pages full of one byte, by userfaultfd.
//!
//! As a VMM does that fetches the memory of a migrated VM when somebody first needs it
//! (Documentation/admin-guide/mm/userfaultfd.rst). A thread waits for faults until the range is given up.
#![expect(unsafe_code, reason = "userfaultfd has no wrapper in std")]

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::fd::{AsRawFd, RawFd};
use std::thread::JoinHandle;

use machine::need::Need;
use machine::{Errno, MachineError};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::mm::{UserfaultfdFlags, userfaultfd};
use rustix::pipe::{PipeFlags, pipe_with};

use super::errno;
use super::vm::kernel;

/// Requests (include/uapi/linux/userfaultfd.h).
const UFFDIO_API: u64 = 0xc018_aa3f;
const UFFDIO_REGISTER: u64 = 0xc020_aa00;
const UFFDIO_COPY: u64 = 0xc028_aa03;
const UFFD_API: u64 = 0xaa;
const MODE_MISSING: u64 = 1;
/// Bytes in a message, and where the address of a fault is in it.
const MESSAGE: usize = 32;
const ADDRESS: usize = 16;
const EVENT_PAGEFAULT: u8 = 0x12;

/// Who serves faults. When dropped its thread has ended.
#[derive(Debug)]
pub struct UserfaultServer {
    thread: Option<JoinHandle<()>>,
    /// The thread ends when this is closed.
    stop: Option<File>,
}

fn request(fd: RawFd, request: u64, argument: &mut [u64], name: &str) -> Result<(), MachineError> {
    // SAFETY: the descriptor is a userfaultfd, and the argument is as long as the request's number says.
    let result = unsafe { libc::ioctl(fd, request as _, argument.as_mut_ptr()) };
    if result == 0 { Ok(()) } else { Err(kernel(name, errno::last())) }
}

impl UserfaultServer {
    /// Serves the pages in a range of addresses that are missing.
    ///
    /// # Errors
    ///
    /// `Lacking` when this user may not; else what the kernel says.
    pub fn new(addresses: Range<u64>, page: u64, byte: u8) -> Result<Self, MachineError> {
        Self::holding(addresses, page, byte, || ())
    }

    /// As [`Self::new`], but before each page is served `hold` is called, on the thread that serves.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn holding(
        addresses: Range<u64>,
        page: u64,
        byte: u8,
        hold: impl Fn() + Send + 'static,
    ) -> Result<Self, MachineError> {
        // SAFETY: makes a new descriptor; what is done with it is this module's business.
        let faults = unsafe { userfaultfd(UserfaultfdFlags::CLOEXEC | UserfaultfdFlags::NONBLOCK) };
        let faults = faults.map(File::from).map_err(|error| {
            let errno = Errno(error.raw_os_error());
            MachineError::from(Need::Userfaultfd.unmet(format!("userfaultfd cannot be had here: {errno}")))
        })?;
        request(faults.as_raw_fd(), UFFDIO_API, &mut [UFFD_API, 0, 0], "UFFDIO_API")?;
        let length = addresses.end - addresses.start;
        let mut register = [addresses.start, length, MODE_MISSING, 0];
        request(faults.as_raw_fd(), UFFDIO_REGISTER, &mut register, "UFFDIO_REGISTER")?;

        let (stopped, stop) =
            pipe_with(PipeFlags::CLOEXEC).map_err(|error| kernel("pipe2", Errno(error.raw_os_error())))?;
        let (stopped, stop) = (File::from(stopped), File::from(stop));
        let thread = std::thread::Builder::new()
            .name("userfault".to_owned())
            .spawn(move || serve(&faults, &stopped, page, byte, &hold))
            .map_err(|error| kernel("starting a thread", Errno(error.raw_os_error().unwrap_or(libc::EAGAIN))))?;
        Ok(Self { thread: Some(thread), stop: Some(stop) })
    }
}

impl Drop for UserfaultServer {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has closed the userfaultfd, and missing pages are zero then.
            let _ = thread.join();
        }
    }
}

fn serve(faults: &File, stopped: &File, page: u64, byte: u8, hold: &dyn Fn()) {
    let contents = vec![byte; page as usize];
    loop {
        let mut waiting = [PollFd::new(faults, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        let ready = poll(&mut waiting, None);
        if !waiting[1].revents().is_empty() || ready.is_err_and(|error| error != rustix::io::Errno::INTR) {
            return;
        }
        let mut message = [0; MESSAGE];
        let Ok(MESSAGE) = (&*faults).read(&mut message) else { continue };
        if message[0] != EVENT_PAGEFAULT {
            continue;
        }
        hold();
        let address: [u8; 8] = std::array::from_fn(|byte| message[ADDRESS + byte]);
        let start = u64::from_le_bytes(address) & !(page - 1);
        // Somebody else may have filled it meanwhile: then it is there, which is all that was asked.
        let _ =
            request(faults.as_raw_fd(), UFFDIO_COPY, &mut [start, contents.as_ptr() as u64, page, 0, 0], "UFFDIO_COPY");
    }
}
