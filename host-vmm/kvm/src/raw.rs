//! The one ioctl that kvm-ioctls lacks, as a function.
#![expect(unsafe_code, reason = "system calls")]

use kvm_bindings::{KVMIO, kvm_arm_copy_mte_tags};
use kvm_ioctls::VmFd;
use vmm_sys_util::ioctl::ioctl_with_ref;
use vmm_sys_util::ioctl_ior_nr;

use machine::Errno;

ioctl_ior_nr!(KVM_ARM_MTE_COPY_TAGS, KVMIO, 0xb4, kvm_arm_copy_mte_tags);

/// Calls KVM_ARM_MTE_COPY_TAGS; returns the bytes of guest memory covered.
///
/// # Safety
///
/// The memory at `arguments.addr` may be written for `arguments.length / 16` bytes, or is not
/// mapped from some address on.
pub unsafe fn copy_tags(vm: &VmFd, arguments: &kvm_arm_copy_mte_tags) -> Result<u64, Errno> {
    // SAFETY: the file descriptor is a VM's, the structure is what the ioctl takes, and the caller
    // answers for the buffer.
    let result = unsafe { ioctl_with_ref(vm, KVM_ARM_MTE_COPY_TAGS(), arguments) };
    u64::try_from(result).map_err(|_| Errno::last())
}
