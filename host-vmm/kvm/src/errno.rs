//! The error number that a C function leaves behind.

use machine::Errno;

/// Returns the calling thread's last error number.
pub fn last() -> Errno {
    Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
}
