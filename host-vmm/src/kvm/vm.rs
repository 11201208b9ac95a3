//! A VM on /dev/kvm: its capability, memory slots, vCPUs, and the tag ioctl.
#![expect(unsafe_code, reason = "memory slots and the tag ioctl take addresses")]

use kvm_bindings::{
    KVM_CAP_ARM_MTE, KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY, kvm_arm_copy_mte_tags, kvm_enable_cap,
    kvm_userspace_memory_region,
};
use kvm_ioctls::{Kvm, VmFd};

use super::memory::{EndingBuffer, Mapping, page_size};
use super::raw;
use super::vcpu::{Vcpu, errno, kernel};
use crate::machine::{Access, Backing, CopyResult, CopyTags, Errno, MachineError, TagBuffer, Vm};
use crate::registers::{RegisterId, Registers};

/// A memory slot and the memory behind it; the slot's number is its index in the VM.
#[derive(Debug)]
pub struct Slot {
    /// First byte, guest-physical.
    pub ipa: u64,
    /// KVM_MEM_ flags.
    flags: u32,
    /// The memory.
    pub mapping: Mapping,
}

/// A VM. Fields are dropped in order: vCPUs and VM before the memory that they use.
#[derive(Debug)]
pub struct KvmVm {
    vcpus: Vec<Vcpu>,
    fd: VmFd,
    slots: Vec<Slot>,
    page: u64,
}

impl KvmVm {
    /// Creates a VM without memory, vCPUs and MTE.
    pub fn new(kvm: &Kvm) -> Result<Self, MachineError> {
        // Type 0 is 40 bits of guest-physical addresses. kvm-ioctls' default is all that the CPU has: with 52 bits
        // Linux 7.2 takes over a second to destroy an empty VM under emulation.
        let fd = kvm.create_vm_with_type(0).map_err(|error| kernel("KVM_CREATE_VM", errno(error)))?;
        Ok(Self { vcpus: Vec::new(), fd, slots: Vec::new(), page: page_size() })
    }

    /// The vCPUs.
    pub fn vcpus(&mut self) -> &mut [Vcpu] {
        &mut self.vcpus
    }

    /// The memory slots.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Finds the slot that holds a whole range, and the range's offset in it.
    fn slot(&self, ipa: u64, length: usize) -> Result<(&Slot, u64), MachineError> {
        self.slots
            .iter()
            .find_map(|slot| {
                let offset = ipa.checked_sub(slot.ipa)?;
                (offset.checked_add(length as u64)? <= slot.mapping.bytes()).then_some((slot, offset))
            })
            .ok_or_else(|| outside(ipa, length))
    }

    fn vcpu(&self, cpu: usize) -> Result<&Vcpu, Errno> {
        self.vcpus.get(cpu).ok_or(Errno::ENOENT)
    }

    fn set_slot(&self, index: usize, slot: &Slot) -> Result<(), Errno> {
        let region = kvm_userspace_memory_region {
            slot: u32::try_from(index).map_err(|_| Errno::EINVAL)?,
            flags: slot.flags,
            guest_phys_addr: slot.ipa,
            memory_size: slot.mapping.bytes(),
            userspace_addr: slot.mapping.address(),
        };
        // SAFETY: the mapping lives in `self.slots` until the VM is gone, and is used by raw copies only.
        unsafe { self.fd.set_user_memory_region(region) }.map_err(errno)
    }
}

fn outside(ipa: u64, length: usize) -> MachineError {
    MachineError::BadRequest(format!("{length} bytes at {ipa:#x} are not all in one accessible memory slot of the VM"))
}

impl Vm for KvmVm {
    fn enable_mte(&mut self, flags: u32) -> Result<(), Errno> {
        self.fd.enable_cap(&kvm_enable_cap { cap: KVM_CAP_ARM_MTE, flags, ..Default::default() }).map_err(errno)
    }

    fn add_vcpu(&mut self) -> Result<usize, Errno> {
        let index = self.vcpus.len();
        self.vcpus.push(Vcpu::new(&self.fd, index)?);
        Ok(index)
    }

    fn add_memory(&mut self, ipa: u64, bytes: u64, backing: Backing, access: Access) -> Result<(), Errno> {
        let flags = if access == Access::ReadOnlySlot { KVM_MEM_READONLY } else { 0 };
        let slot = Slot { ipa, flags, mapping: Mapping::new(bytes, backing, access)? };
        self.set_slot(self.slots.len(), &slot)?;
        self.slots.push(slot);
        Ok(())
    }

    fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno> {
        let index = self.slots.iter().position(|slot| slot.ipa == ipa).ok_or(Errno::EINVAL)?;
        if on {
            self.slots[index].flags |= KVM_MEM_LOG_DIRTY_PAGES;
        } else {
            self.slots[index].flags &= !KVM_MEM_LOG_DIRTY_PAGES;
        }
        self.set_slot(index, &self.slots[index])
    }

    fn copy_tags(&self, call: CopyTags<'_>) -> CopyResult {
        let mut arguments = kvm_arm_copy_mte_tags {
            guest_ipa: call.ipa,
            length: call.length,
            flags: call.flags,
            reserved: call.reserved,
            addr: std::ptr::null_mut(),
        };
        let ending;
        match call.buffer {
            TagBuffer::Bytes(bytes) => {
                if (bytes.len() as u64) < call.length / super::tags::GRANULE {
                    return Err(Errno(libc::E2BIG));
                }
                arguments.addr = bytes.as_mut_ptr().cast();
            }
            TagBuffer::EndsAfter(length) => {
                ending = EndingBuffer::new(length, self.page)?;
                arguments.addr = ending.address() as *mut libc::c_void;
            }
        }
        // SAFETY: the buffer is long enough, or what follows it is not mapped.
        unsafe { raw::copy_tags(&self.fd, &arguments) }
    }

    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        let (slot, offset) = self.slot(ipa, buffer.len())?;
        if slot.mapping.read(offset, buffer) { Ok(()) } else { Err(outside(ipa, buffer.len())) }
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        let (slot, offset) = self.slot(ipa, bytes.len())?;
        if slot.mapping.write(offset, bytes) { Ok(()) } else { Err(outside(ipa, bytes.len())) }
    }

    fn registers(&mut self, cpu: usize) -> Result<Registers, MachineError> {
        self.vcpu(cpu).map_err(|errno| kernel("finding the vCPU", errno))?.registers()
    }

    fn register(&self, cpu: usize, id: RegisterId) -> Result<u64, Errno> {
        self.vcpu(cpu)?.register(id)
    }

    fn set_register(&mut self, cpu: usize, id: RegisterId, value: u64) -> Result<(), Errno> {
        self.vcpu(cpu)?.set_register(id, value)
    }

    fn has_mte_capability(&self) -> bool {
        self.fd.check_extension_raw(KVM_CAP_ARM_MTE.into()) > 0
    }

    fn page_size(&self) -> u64 {
        self.page
    }
}
