//! KVM_ARM_MTE_COPY_TAGS with any argument, also one that no VMM should use: what the cases about the ioctl itself call.
//!
//! Guests are saved and restored through kvm-mte, whose calls cannot be wrong.
#![expect(unsafe_code, reason = "a system call with an address")]

use kvm_ioctls::VmFd;
use kvm_mte::ioctl::{CopyTags, KVM_ARM_MTE_COPY_TAGS};
use machine::Errno;
use vmm_sys_util::ioctl::ioctl_with_ref;

use super::errno;

/// Makes the ioctl. Returns the bytes of guest memory covered.
///
/// # Safety
///
/// The memory at `argument.addr` may be written for `argument.length / 16` bytes, or is not
/// mapped from some address on.
pub unsafe fn copy_tags(vm: &VmFd, argument: &CopyTags) -> Result<u64, Errno> {
    // SAFETY: the file descriptor is a VM's, the structure is what the ioctl takes, and the caller
    // answers for the buffer.
    let result = unsafe { ioctl_with_ref(vm, KVM_ARM_MTE_COPY_TAGS.into(), argument) };
    u64::try_from(result).map_err(|_| errno::last())
}
