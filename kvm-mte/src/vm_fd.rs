//! The ioctl for `kvm_ioctls::VmFd`: the only module of this crate with unsafe code.
//!
//! ```no_run
//! use kvm_ioctls::Kvm;
//! use kvm_mte::vm_fd;
//!
//! let kvm = Kvm::new()?;
//! let vm = kvm.create_vm()?;
//! // Before memory slots and vCPUs.
//! vm_fd::enable_mte(&vm)?;
//! # let (memory_base, memory_size) = (0, 1 << 20);
//! // … make them, and run the guest; then, with vCPUs stopped and pending MMIO completed:
//! let mut packed = vec![0; memory_size / 32];
//! kvm_mte::fetch_packed(&vm, memory_base, &mut packed)?.complete()?;
//! # let vcpu = vm.create_vcpu(0)?;
//! let registers = vm_fd::registers(&vcpu)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![expect(unsafe_code, reason = "kvm-ioctls has no wrapper of KVM_ARM_MTE_COPY_TAGS")]

use kvm_bindings::kvm_enable_cap;
use kvm_ioctls::{VcpuFd, VmFd};
use vmm_sys_util::errno;
use vmm_sys_util::ioctl::ioctl_with_ref;

use crate::errno::Errno;
use crate::ioctl::{Call, CopyTagsIoctl, KVM_ARM_MTE_COPY_TAGS, KVM_CAP_ARM_MTE};
use crate::register::Registers;

impl From<kvm_ioctls::Error> for Errno {
    fn from(error: kvm_ioctls::Error) -> Self {
        Self(error.errno())
    }
}

impl CopyTagsIoctl for VmFd {
    fn copy_tags(&self, mut call: Call<'_>) -> Result<u64, Errno> {
        let argument = call.argument();
        // SAFETY: the argument has the layout that the request takes (asserted in `ioctl`). For `length` it has 16 times
        // the length of the slice whose address it holds, or less, and `call` borrows that slice until after the call,
        // exclusively if it is to be written. The kernel accesses `length / 16` bytes there, and writes none for a store.
        let covered = unsafe { ioctl_with_ref(self, KVM_ARM_MTE_COPY_TAGS.into(), &argument) };
        u64::try_from(covered).map_err(|_| errno::Error::last().into())
    }

    fn page_size(&self) -> u64 {
        // SAFETY: sysconf reads no memory of ours.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        // It does not fail for this name; 0 would be refused as no page size.
        u64::try_from(size).unwrap_or(0)
    }
}

/// Returns whether a VM can have MTE.
#[must_use]
pub fn has_mte(vm: &VmFd) -> bool {
    vm.check_extension_raw(KVM_CAP_ARM_MTE.into()) > 0
}

/// Enables MTE in a VM. When to do that is in [`order`](crate::order#enabling).
///
/// # Errors
///
/// EINVAL when the host has no MTE or the VM has a vCPU.
pub fn enable_mte(vm: &VmFd) -> Result<(), Errno> {
    vm.enable_cap(&kvm_enable_cap { cap: KVM_CAP_ARM_MTE, ..Default::default() }).map_err(Errno::from)
}

/// Reads the four registers of a vCPU.
///
/// # Errors
///
/// ENOENT when the VM has no MTE.
pub fn registers(vcpu: &VcpuFd) -> Result<Registers, Errno> {
    Registers::read(|id| {
        let mut value = [0; 8];
        vcpu.get_one_reg(id, &mut value)?;
        Ok(u64::from_le_bytes(value))
    })
}

/// Writes the four registers of a vCPU.
///
/// # Errors
///
/// ENOENT when the VM has no MTE.
pub fn set_registers(vcpu: &VcpuFd, registers: &Registers) -> Result<(), Errno> {
    registers.write(|id, value| {
        vcpu.set_one_reg(id, &value.to_le_bytes())?;
        Ok(())
    })
}
