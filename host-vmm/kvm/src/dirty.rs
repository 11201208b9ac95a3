//! Dirty rings: the pages that a vCPU wrote, in a ring that the kernel fills and the VMM empties.
//!
//! Documentation/virt/kvm/api.rst, KVM_CAP_DIRTY_LOG_RING. The dirty bitmap is in [`super::vm`].
#![expect(unsafe_code, reason = "a ring that the kernel shares with this process")]

use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU32, Ordering};

use kvm_bindings::{KVM_DIRTY_LOG_PAGE_OFFSET, KVMIO, kvm_dirty_gfn};
use kvm_ioctls::{VcpuFd, VmFd};
use vmm_sys_util::ioctl::ioctl;
use vmm_sys_util::ioctl_io_nr;

use super::errno;
use super::vm::kernel;
use machine::MachineError;

ioctl_io_nr!(KVM_RESET_DIRTY_RINGS, KVMIO, 0xc7);

/// Flags of an entry (include/uapi/linux/kvm.h).
const DIRTY: u32 = 1;
const RESET: u32 = 2;

/// The ring of one vCPU, unmapped when dropped.
#[derive(Debug)]
pub struct DirtyRing {
    entries: *mut kvm_dirty_gfn,
    count: usize,
    next: usize,
}

// SAFETY: the mapping is the ring's own, and its entries are accessed by one owner at a time.
unsafe impl Send for DirtyRing {}
// SAFETY: nothing can be done with a shared reference to it.
unsafe impl Sync for DirtyRing {}

impl DirtyRing {
    /// Maps the ring of a vCPU; `count` entries, as they were asked for.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn new(vcpu: &VcpuFd, count: usize, page: u64) -> Result<Self, MachineError> {
        let offset = i64::from(KVM_DIRTY_LOG_PAGE_OFFSET) * page as i64;
        let bytes = count * size_of::<kvm_dirty_gfn>();
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, libc::MAP_SHARED, vcpu.as_raw_fd(), offset) };
        if start == libc::MAP_FAILED {
            return Err(kernel("mmap of a dirty ring", errno::last()));
        }
        Ok(Self { entries: start.cast(), count, next: 0 })
    }

    /// Takes the entries that the kernel has filled: slot and page in the slot, oldest first.
    pub fn take(&mut self) -> Vec<(u32, u64)> {
        let mut taken = Vec::new();
        loop {
            let entry = self.entries.wrapping_add(self.next % self.count);
            // SAFETY: the entry is in the mapping.
            let flags = unsafe { &raw mut (*entry).flags };
            // SAFETY: an aligned u32 that both sides access atomically.
            let flags = unsafe { AtomicU32::from_ptr(flags) };
            if flags.load(Ordering::Acquire) & DIRTY == 0 {
                return taken;
            }
            // SAFETY: the kernel wrote the entry before it set the flag, and leaves it until it is reset.
            let kvm_dirty_gfn { slot, offset, .. } = unsafe { entry.read() };
            taken.push((slot, offset));
            flags.store(RESET, Ordering::Release);
            self.next += 1;
        }
    }
}

impl Drop for DirtyRing {
    fn drop(&mut self) {
        // SAFETY: the range is this mapping's own.
        unsafe { libc::munmap(self.entries.cast(), self.count * size_of::<kvm_dirty_gfn>()) };
    }
}

/// Returns entries that were taken back to the kernel, which watches their pages again.
///
/// # Errors
///
/// What the kernel says.
pub fn reset(vm: &VmFd) -> Result<(), MachineError> {
    // SAFETY: the request takes no argument.
    let result = unsafe { ioctl(vm, KVM_RESET_DIRTY_RINGS()) };
    if result < 0 { Err(kernel("KVM_RESET_DIRTY_RINGS", errno::last())) } else { Ok(()) }
}
