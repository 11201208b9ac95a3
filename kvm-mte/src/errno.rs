//! Error numbers of the kernel. `no_std` has no `std::io::Error`, and its text depends on the host's C library.

use core::fmt;

/// An error number of Linux, as a failed ioctl leaves it.
///
/// ```
/// use kvm_mte::Errno;
///
/// assert_eq!(Errno(14), Errno::EFAULT);
/// assert_eq!(Errno::EFAULT.to_string(), "EFAULT (bad address)");
/// assert_eq!(Errno(1000).to_string(), "error 1000");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Errno(pub i32);

/// Names and meanings of those that KVM and the VMM's file descriptors can answer with
/// (include/uapi/asm-generic/errno-base.h and errno.h; the same on all architectures that run MTE).
const NAMES: &[(Errno, &str, &str)] = &[
    (Errno::EPERM, "EPERM", "operation not permitted"),
    (Errno::ENOENT, "ENOENT", "no such file, directory or register"),
    (Errno::EINTR, "EINTR", "interrupted system call"),
    (Errno(5), "EIO", "input/output error"),
    (Errno::ENXIO, "ENXIO", "no such device or address"),
    (Errno::E2BIG, "E2BIG", "argument list too long"),
    (Errno(8), "ENOEXEC", "exec format error"),
    (Errno::EBADF, "EBADF", "bad file descriptor"),
    (Errno::EAGAIN, "EAGAIN", "resource temporarily unavailable"),
    (Errno::ENOMEM, "ENOMEM", "out of memory"),
    (Errno(13), "EACCES", "permission denied"),
    (Errno::EFAULT, "EFAULT", "bad address"),
    (Errno::EBUSY, "EBUSY", "device or resource busy"),
    (Errno::EEXIST, "EEXIST", "file exists"),
    (Errno(19), "ENODEV", "no such device"),
    (Errno::EINVAL, "EINVAL", "invalid argument"),
    (Errno(24), "EMFILE", "too many open files"),
    (Errno::ENOTTY, "ENOTTY", "inappropriate ioctl for this file"),
    (Errno(28), "ENOSPC", "no space left on device"),
    (Errno(38), "ENOSYS", "system call not implemented"),
    (Errno(95), "EOPNOTSUPP", "operation not supported"),
];

impl Errno {
    /// Operation not permitted.
    pub const EPERM: Self = Self(1);
    /// No such file or directory; a register that the vCPU does not have.
    pub const ENOENT: Self = Self(2);
    /// Interrupted system call.
    pub const EINTR: Self = Self(4);
    /// No such device or address.
    pub const ENXIO: Self = Self(6);
    /// Argument list too long.
    pub const E2BIG: Self = Self(7);
    /// Bad file descriptor.
    pub const EBADF: Self = Self(9);
    /// Resource temporarily unavailable.
    pub const EAGAIN: Self = Self(11);
    /// Out of memory.
    pub const ENOMEM: Self = Self(12);
    /// Bad address.
    pub const EFAULT: Self = Self(14);
    /// Device or resource busy. From KVM_ARM_MTE_COPY_TAGS: a memory slot logs dirty pages, see
    /// [the order of restore](crate::order#dirty-logging-and-ebusy).
    pub const EBUSY: Self = Self(16);
    /// File exists.
    pub const EEXIST: Self = Self(17);
    /// Invalid argument.
    pub const EINVAL: Self = Self(22);
    /// Inappropriate ioctl for this file: the kernel does not know the call at all.
    pub const ENOTTY: Self = Self(25);

    /// Returns the number's name, such as `EFAULT`; `None` when this crate does not know it.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.entry().map(|(_, name, _)| *name)
    }

    /// Returns what the number means in general; `None` when this crate does not know it.
    #[must_use]
    pub fn meaning(self) -> Option<&'static str> {
        self.entry().map(|(_, _, meaning)| *meaning)
    }

    fn entry(self) -> Option<&'static (Self, &'static str, &'static str)> {
        NAMES.iter().find(|(number, ..)| *number == self)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry() {
            Some((_, name, meaning)) => write!(f, "{name} ({meaning})"),
            None => write!(f, "error {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Errno({})", self.0),
        }
    }
}

impl core::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn every_known_number_stands_in_the_table_once_in_order() {
        assert!(NAMES.is_sorted_by(|(a, ..), (b, ..)| a < b));
    }

    #[test]
    fn the_host_agrees_with_the_meanings_of_the_numbers_in_use() {
        // The kind that the standard library derives from a number is independent of this table.
        let kind = |errno: Errno| std::io::Error::from_raw_os_error(errno.0).kind();
        assert_eq!(kind(Errno::EPERM), std::io::ErrorKind::PermissionDenied);
        assert_eq!(kind(Errno::ENOENT), std::io::ErrorKind::NotFound);
        assert_eq!(kind(Errno::EINTR), std::io::ErrorKind::Interrupted);
        assert_eq!(kind(Errno::E2BIG), std::io::ErrorKind::ArgumentListTooLong);
        assert_eq!(kind(Errno::EAGAIN), std::io::ErrorKind::WouldBlock);
        assert_eq!(kind(Errno::ENOMEM), std::io::ErrorKind::OutOfMemory);
        assert_eq!(kind(Errno::EBUSY), std::io::ErrorKind::ResourceBusy);
        assert_eq!(kind(Errno::EEXIST), std::io::ErrorKind::AlreadyExists);
        assert_eq!(kind(Errno::EINVAL), std::io::ErrorKind::InvalidInput);
    }

    #[test]
    fn an_unknown_number_is_printed_as_a_number() {
        assert_eq!(Errno(4096).name(), None);
        assert_eq!(format!("{:?} {}", Errno(4096), Errno(4096)), "Errno(4096) error 4096");
    }
}
