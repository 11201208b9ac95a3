//! Why tags were not copied, with the reason and the remedy apart.

use core::fmt;

use crate::errno::Errno;

/// Why a copy was not attempted, stopped, or cannot be believed.
///
/// `Display` prints the [reason](TagError::reason). What to do about it is not part of that text: see
/// [`remedy`](TagError::remedy).
///
/// ```
/// use kvm_mte::{Errno, TagError};
///
/// let error = TagError::Stopped { at: 0x4000_2000, cause: Errno::EBUSY };
/// assert_eq!(error.to_string(), "copying tags stopped at 0x40002000: EBUSY (device or resource busy)");
/// assert!(error.remedy().contains("dirty"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TagError {
    /// [`page_size`](crate::CopyTagsIoctl::page_size) returned what is no page size of arm64 Linux.
    BadPageSize {
        /// What it returned, in bytes.
        page: u64,
    },
    /// The address is not a multiple of what the call works in: host pages, or granules.
    UnalignedAddress {
        /// The guest-physical address.
        ipa: u64,
        /// Bytes that it must be a multiple of.
        unit: u64,
    },
    /// The length is not a multiple of the host's page size.
    UnalignedLength {
        /// Bytes of guest memory.
        length: u64,
        /// Bytes in a host page.
        page: u64,
    },
    /// The range leaves the address space.
    Overflow {
        /// First guest-physical address.
        ipa: u64,
        /// Bytes of guest memory.
        length: u64,
    },
    /// A tag above 15. Storing it was not tried: the kernel would silently mask it.
    BadTag {
        /// The granule's guest-physical address.
        ipa: u64,
        /// The byte.
        value: u8,
    },
    /// The kernel's count is not a number of whole pages within the range.
    BadCount {
        /// First guest-physical address that was asked for.
        ipa: u64,
        /// Bytes that were asked for.
        asked: u64,
        /// Bytes that the kernel reports.
        covered: u64,
    },
    /// The copy stopped early: [`Copied::Stopped`](crate::Copied::Stopped) as an error.
    Stopped {
        /// The guest-physical address of the first granule that was not copied.
        at: u64,
        /// What the kernel answered for its page.
        cause: Errno,
    },
}

impl TagError {
    /// Returns what failed, what was expected and what was found, as one sentence without an end.
    pub fn reason(&self) -> impl fmt::Display + '_ {
        Reason(self)
    }

    /// Returns what the VMM's author, or its user, can do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::BadPageSize { .. } => "return the host's page size, sysconf(_SC_PAGESIZE)",
            Self::UnalignedAddress { unit: crate::GRANULE, .. } => "use the address of a granule, a multiple of 16",
            Self::UnalignedAddress { .. } | Self::UnalignedLength { .. } => {
                "widen the range to whole host pages, or use fetch_granules and store_granules"
            }
            Self::Overflow { .. } => "check address and length where they come from",
            Self::BadTag { .. } => "check the tags where they come from; a tag has four bits",
            Self::BadCount { .. } => "report this with the kernel's version; the tags cannot be relied upon",
            Self::Stopped { cause, .. } => remedy_of(*cause),
        }
    }
}

/// Returns what to do about an error number of KVM_ARM_MTE_COPY_TAGS (arch/arm64/kvm/guest.c,
/// `kvm_vm_ioctl_mte_copy_tags()`).
const fn remedy_of(cause: Errno) -> &'static str {
    match cause {
        Errno::EBUSY => {
            "turn dirty logging off in every memory slot, store the tags, and turn it on again (Linux 6.11 and later)"
        }
        Errno::EFAULT => {
            "check that a memory slot with mapped memory is there, which must be writable to store, and no device's"
        }
        Errno::EINVAL => "enable KVM_CAP_ARM_MTE before the first vCPU is created, and check the host's page size",
        Errno::ENOTTY => "use arm64 Linux 5.14 or later, and the file descriptor of a VM",
        Errno::ENOMEM => "free some of the host's memory",
        _ => "see Documentation/virt/kvm/api.rst, KVM_ARM_MTE_COPY_TAGS",
    }
}

struct Reason<'a>(&'a TagError);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            TagError::BadPageSize { page } => {
                write!(f, "host page size: expected 4, 16 or 64 KiB, found {page:#x} bytes")
            }
            TagError::UnalignedAddress { ipa, unit } => write!(f, "address {ipa:#x} is not a multiple of {unit:#x}"),
            TagError::UnalignedLength { length, page } => {
                write!(f, "length {length:#x} is not a multiple of the host's page size, {page:#x}")
            }
            TagError::Overflow { ipa, length } => {
                write!(f, "{length:#x} bytes from {ipa:#x} on leave the 64-bit address space")
            }
            TagError::BadTag { ipa, value } => write!(f, "tag {value:#x} of the granule at {ipa:#x} is above 15"),
            TagError::BadCount { ipa, asked, covered } => write!(
                f,
                "count of tags copied from {ipa:#x} on: expected whole pages up to {asked:#x} bytes, the kernel reports {covered:#x}"
            ),
            TagError::Stopped { at, cause } => write!(f, "copying tags stopped at {at:#x}: {cause}"),
        }
    }
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason().fmt(f)
    }
}

impl core::error::Error for TagError {}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    fn all() -> Vec<TagError> {
        std::vec![
            TagError::BadPageSize { page: 1 },
            TagError::UnalignedAddress { ipa: 8, unit: 16 },
            TagError::UnalignedAddress { ipa: 16, unit: 4096 },
            TagError::UnalignedLength { length: 16, page: 4096 },
            TagError::Overflow { ipa: !0 << 12, length: 8192 },
            TagError::BadTag { ipa: 0x10, value: 16 },
            TagError::BadCount { ipa: 0, asked: 4096, covered: 8192 },
            TagError::Stopped { at: 0x1000, cause: Errno::EFAULT },
        ]
    }

    #[test]
    fn reason_and_remedy_are_two_texts() {
        for error in all() {
            let reason = error.reason().to_string();
            assert!(!reason.contains(error.remedy()), "{reason}");
            assert_eq!(error.to_string(), reason);
            assert!(!reason.ends_with('.') && !error.remedy().ends_with('.'), "{reason}");
        }
    }

    #[test]
    fn an_address_between_granules_cannot_be_helped_by_granule_calls() {
        assert!(!TagError::UnalignedAddress { ipa: 8, unit: 16 }.remedy().contains("fetch_granules"));
        assert!(TagError::UnalignedAddress { ipa: 16, unit: 4096 }.remedy().contains("fetch_granules"));
    }

    #[test]
    fn every_documented_cause_has_a_remedy_of_its_own() {
        let of = |cause| TagError::Stopped { at: 0, cause }.remedy();
        assert!(of(Errno::EBUSY).contains("dirty logging"));
        assert!(of(Errno::EFAULT).contains("memory slot"));
        assert!(of(Errno::EINVAL).contains("KVM_CAP_ARM_MTE"));
        assert!(of(Errno::ENOTTY).contains("5.14"));
        assert!(of(Errno(1000)).contains("api.rst"));
    }
}
