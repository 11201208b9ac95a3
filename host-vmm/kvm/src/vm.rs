//! A VM on /dev/kvm: its capability, memory slots, vCPUs, and the tag ioctl.
#![expect(unsafe_code, reason = "memory slots and the tag ioctl take addresses")]

mod capabilities;
mod interrupts;
mod sharing;

use std::ops::Range;

use kvm_bindings::{
    KVM_CAP_ARM_MTE, KVM_CAP_GUEST_MEMFD, KVM_MEM_GUEST_MEMFD, KVM_MEM_READONLY, kvm_create_guest_memfd,
    kvm_enable_cap, kvm_userspace_memory_region, kvm_userspace_memory_region2,
};
use kvm_ioctls::{Kvm, VmFd};
use kvm_mte::{Call, CopyTagsIoctl as _, Tags, ioctl};

use super::memory::{EndingBuffer, Mapping, page_size};
use super::process::ChildProcess;
use super::raw;
use super::vcpu::Vcpu;
use machine::migration::SavableVm;
use machine::need::Need;
use machine::registers::{RegisterId, Registers};
use machine::session::ChangeMark;
use machine::{Access, Backing, CopyResult, CopyTags, Errno, MachineError, PageEvent, RequestError, TagBuffer, Vm};

/// What kvm-bindings lacks of guest_memfd (include/uapi/linux/kvm.h).
const KVM_CAP_GUEST_MEMFD_FLAGS: std::ffi::c_ulong = 244;
const GUEST_MEMFD_FLAG_MMAP: u64 = 1 << 0;
const GUEST_MEMFD_FLAG_INIT_SHARED: u64 = 1 << 1;

/// A memory slot and the memory behind it.
#[derive(Debug)]
pub struct Slot {
    /// Its number.
    number: u32,
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
    /// The number of the next slot.
    next: u32,
    /// Entries in the dirty ring of each vCPU; 0 without rings.
    ring: usize,
    /// Processes that have a copy of this one's memory.
    forks: Vec<ChildProcess>,
    /// Who has the memory of the first slot, too.
    shared: Option<Box<Sharers>>,
    /// What was done to it for others.
    changes: ChangeMark,
}

/// Another VM and a mapping with PROT_MTE, of the same memory.
#[derive(Debug)]
struct Sharers {
    vm: KvmVm,
    mapping: Mapping,
}

/// Enables KVM_CAP_ARM_MTE.
fn enable_mte(vm: &VmFd, flags: u32) -> Result<(), Errno> {
    vm.enable_cap(&kvm_enable_cap { cap: KVM_CAP_ARM_MTE, flags, ..Default::default() }).map_err(Errno::from)
}

pub(crate) fn kernel(action: &str, errno: Errno) -> MachineError {
    MachineError::Kernel { action: action.to_owned(), errno }
}

impl KvmVm {
    /// Creates a VM without memory, vCPUs and MTE.
    pub fn new(kvm: &Kvm) -> Result<Self, MachineError> {
        // Type 0 is 40 bits of guest-physical addresses. kvm-ioctls' default is all that the CPU has: with 52 bits
        // Linux 7.2 takes over a second to destroy an empty VM under emulation.
        let fd = kvm.create_vm_with_type(0).map_err(|error| kernel("KVM_CREATE_VM", error.into()))?;
        Ok(Self {
            vcpus: Vec::new(),
            fd,
            slots: Vec::new(),
            page: page_size(),
            next: 0,
            ring: 0,
            forks: Vec::new(),
            shared: None,
            changes: ChangeMark::default(),
        })
    }

    /// Takes the vCPUs out, so that they can run beside whoever uses the VM; [`Self::put_vcpus`] gives them back.
    pub fn take_vcpus(&mut self) -> Vec<Vcpu> {
        std::mem::take(&mut self.vcpus)
    }

    /// Returns the vCPUs back.
    pub fn put_vcpus(&mut self, vcpus: Vec<Vcpu>) {
        self.vcpus = vcpus;
    }

    /// Writes guest memory while vCPUs run.
    ///
    /// # Errors
    ///
    /// When the range is not in one accessible slot.
    pub fn write_concurrently(&self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        self.changes.mark_write(ipa);
        self.write_unrecorded(ipa, bytes)
    }

    /// Writes guest memory for the VMM itself: the VM does not count as changed.
    ///
    /// # Errors
    ///
    /// When the range is not in one accessible slot.
    pub fn write_unrecorded(&self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        let (slot, offset) = self.slot(ipa, bytes.len())?;
        if slot.mapping.write(offset, bytes) { Ok(()) } else { Err(outside(ipa, bytes.len())) }
    }

    /// Lets something happen to pages while vCPUs run.
    ///
    /// # Errors
    ///
    /// `Lacking` when this host cannot; else what the kernel says.
    pub fn page_event_concurrently(&self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), MachineError> {
        self.changes.mark();
        let (slot, offset) = self.slot(ipa, bytes as usize)?;
        slot.mapping.apply_page_event(offset..offset + bytes, event)
    }

    /// Stores tags by STG through the mapping with PROT_MTE, while vCPUs run.
    ///
    /// # Errors
    ///
    /// When there is no such mapping of the range.
    pub fn store_mapped_concurrently(&self, ipa: u64, tags: &[u8]) -> Result<(), MachineError> {
        self.changes.mark();
        self.store_mapped_tags(ipa, tags)
    }

    /// Returns the other VM of the same memory, if there is one.
    pub fn other(&self) -> Option<&Self> {
        self.shared.as_ref().map(|shared| &shared.vm)
    }

    /// Moves the slot at `ipa` away and back while vCPUs run, which must not need it.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn move_slot_and_back(&self, ipa: u64, to: u64) -> Result<(), MachineError> {
        self.changes.mark();
        let moving = |errno| kernel("KVM_SET_USER_MEMORY_REGION with another address", errno);
        let slot = &self.slots[self.slot_at(ipa).map_err(moving)?];
        [to, ipa].into_iter().try_for_each(|ipa| self.set_region(slot, ipa, slot.mapping.bytes()).map_err(moving))
    }

    /// Deletes the slot at `ipa` and makes it again of the same memory, while vCPUs run, which must not need it.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn replace_slot_concurrently(&self, ipa: u64) -> Result<(), MachineError> {
        self.changes.mark();
        let replacing = |errno| kernel("KVM_SET_USER_MEMORY_REGION of size 0, and of the slot again", errno);
        let slot = &self.slots[self.slot_at(ipa).map_err(replacing)?];
        [false, true].into_iter().try_for_each(|there| self.set_slot(slot, there).map_err(replacing))
    }

    /// Takes the dirty log of the slot at `ipa`: numbers of pages, in ascending order.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn dirty_pages(&self, ipa: u64) -> Result<Vec<u64>, MachineError> {
        let log = |errno| kernel("KVM_GET_DIRTY_LOG", errno);
        let slot = &self.slots[self.slot_at(ipa).map_err(log)?];
        let bytes = slot.mapping.bytes();
        let words = self.fd.get_dirty_log(slot.number, bytes as usize).map_err(|error| log(error.into()))?;
        let set = |number: &u64| words.get((number / 64) as usize).is_some_and(|word| word >> (number % 64) & 1 != 0);
        Ok((0..bytes / self.page).filter(set).collect())
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

    /// Finds the slot that starts at an address.
    fn slot_at(&self, ipa: u64) -> Result<usize, Errno> {
        self.slots.iter().position(|slot| slot.ipa == ipa).ok_or(Errno::EINVAL)
    }

    /// Reports the kernel of a slot as it is, or that it is gone.
    fn set_slot(&self, slot: &Slot, there: bool) -> Result<(), Errno> {
        self.set_region(slot, slot.ipa, if there { slot.mapping.bytes() } else { 0 })
    }

    fn set_region(&self, slot: &Slot, ipa: u64, bytes: u64) -> Result<(), Errno> {
        let region = kvm_userspace_memory_region {
            slot: slot.number,
            flags: slot.flags,
            guest_phys_addr: ipa,
            memory_size: bytes,
            userspace_addr: slot.mapping.address(),
        };
        // SAFETY: the mapping lives in `self.slots` until the VM is gone, and is used by raw copies only.
        unsafe { self.fd.set_user_memory_region(region) }.map_err(Errno::from)
    }

    /// Makes a slot of a guest_memfd; nothing is mapped here, so it cannot be read or written.
    fn add_guest_memfd(&mut self, ipa: u64, bytes: u64) -> Result<(), MachineError> {
        if self.fd.check_extension_raw(KVM_CAP_GUEST_MEMFD.into()) <= 0 {
            return Err(Need::GuestMemfd.unmet("this kernel has no guest_memfd for such VMs").into());
        }
        // Kernels for arm64 take a slot only of one that can be mapped (arch/arm64/kvm/mmu.c, kvm_memslot_is_gmem_only()).
        let offered = u64::try_from(self.fd.check_extension_raw(KVM_CAP_GUEST_MEMFD_FLAGS)).unwrap_or(0);
        let flags = offered & (GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED);
        let create = kvm_create_guest_memfd { size: bytes, flags, ..Default::default() };
        let file =
            self.fd.create_guest_memfd(create).map_err(|error| kernel("KVM_CREATE_GUEST_MEMFD", error.into()))?;
        let mapping = Mapping::new(bytes, Backing::Anonymous, Access::NoMapping)?;
        let region = kvm_userspace_memory_region2 {
            slot: self.next,
            flags: KVM_MEM_GUEST_MEMFD,
            guest_phys_addr: ipa,
            memory_size: bytes,
            userspace_addr: mapping.address(),
            guest_memfd: file as u32,
            ..Default::default()
        };
        // SAFETY: the mapping lives in `self.slots` until the VM is gone.
        let result = unsafe { self.fd.set_user_memory_region2(region) };
        // SAFETY: the descriptor is ours; the slot holds the file by itself.
        unsafe { libc::close(file) };
        result.map_err(|error| kernel("KVM_SET_USER_MEMORY_REGION2 of a guest_memfd", error.into()))?;
        self.slots.push(Slot { number: self.next, ipa, flags: KVM_MEM_GUEST_MEMFD, mapping });
        self.next += 1;
        Ok(())
    }
}

fn outside(ipa: u64, length: usize) -> MachineError {
    RequestError::OutsideMemory { ipa, length: length as u64 }.into()
}

impl Vm for KvmVm {
    fn enable_mte(&mut self, flags: u32) -> Result<(), Errno> {
        self.changes.mark();
        enable_mte(&self.fd, flags)
    }

    fn add_vcpu(&mut self) -> Result<usize, Errno> {
        self.changes.mark();
        let index = self.vcpus.len();
        self.vcpus.push(Vcpu::new(&self.fd, index)?);
        Ok(index)
    }

    fn add_memory(&mut self, ipa: u64, bytes: u64, backing: Backing, access: Access) -> Result<(), MachineError> {
        self.changes.mark();
        if backing == Backing::GuestMemfd {
            return self.add_guest_memfd(ipa, bytes);
        }
        let flags = if access == Access::ReadOnlySlot { KVM_MEM_READONLY } else { 0 };
        // Of no memory at all there is no mapping, and the kernel is asked all the same.
        let slot =
            Slot { number: self.next, ipa, flags, mapping: Mapping::new(bytes.max(self.page), backing, access)? };
        self.set_region(&slot, ipa, bytes).map_err(|errno| kernel("KVM_SET_USER_MEMORY_REGION", errno))?;
        self.next += 1;
        self.slots.push(slot);
        Ok(())
    }

    fn copy_tags(&self, mut call: CopyTags<'_>) -> CopyResult {
        self.changes.mark_copy(&call);
        // A call that no case has bent is made as VMMs make it.
        if let CopyTags { ipa, length, buffer: TagBuffer::Bytes(bytes), flags, reserved: [0, 0] } = &mut call
            && *length == bytes.len() as u64 * machine::tags::GRANULE
        {
            match *flags {
                CopyTags::FROM_GUEST => return self.fd.copy_tags(Call { ipa: *ipa, tags: Tags::FromGuest(bytes) }),
                CopyTags::TO_GUEST => return self.fd.copy_tags(Call { ipa: *ipa, tags: Tags::ToGuest(bytes) }),
                _ => {}
            }
        }
        let CopyTags { ipa: guest_ipa, length, flags, reserved, .. } = call;
        let mut argument = ioctl::CopyTags { guest_ipa, length, addr: 0, flags, reserved };
        let ending;
        match call.buffer {
            TagBuffer::Bytes(bytes) => {
                if (bytes.len() as u64) < call.length / machine::tags::GRANULE {
                    return Err(Errno(libc::E2BIG));
                }
                argument.addr = bytes.as_mut_ptr().expose_provenance() as u64;
            }
            TagBuffer::EndsAfter(length) => {
                ending = EndingBuffer::new(&vec![0; length], self.page).map_err(|_| Errno(libc::ENOMEM))?;
                argument.addr = ending.address();
            }
            TagBuffer::EndsWith(bytes) => {
                ending = EndingBuffer::new(bytes, self.page).map_err(|_| Errno(libc::ENOMEM))?;
                argument.addr = ending.address();
            }
        }
        // SAFETY: the buffer is long enough, or what follows it is not mapped.
        unsafe { raw::copy_tags(&self.fd, &argument) }
    }

    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        let (slot, offset) = self.slot(ipa, buffer.len())?;
        if slot.mapping.read(offset, buffer) { Ok(()) } else { Err(outside(ipa, buffer.len())) }
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        self.changes.mark_write(ipa);
        self.write_unrecorded(ipa, bytes)
    }

    fn registers(&mut self, cpu: usize) -> Result<Registers, MachineError> {
        self.vcpu(cpu).map_err(|errno| kernel("finding the vCPU", errno))?.registers()
    }

    fn set_registers(&mut self, cpu: usize, registers: &Registers) -> Result<(), MachineError> {
        self.changes.mark();
        self.vcpu(cpu).map_err(|errno| kernel("finding the vCPU", errno))?.set_registers(registers)
    }

    fn register(&self, cpu: usize, id: RegisterId) -> Result<u64, Errno> {
        self.vcpu(cpu)?.register(id)
    }

    fn set_register(&mut self, cpu: usize, id: RegisterId, value: u64) -> Result<(), Errno> {
        self.changes.mark();
        self.vcpu(cpu)?.set_register(id, value)
    }

    fn has_mte_capability(&self) -> bool {
        self.fd.check_extension_raw(KVM_CAP_ARM_MTE.into()) > 0
    }

    fn page_size(&self) -> u64 {
        self.page
    }
}

impl SavableVm for KvmVm {
    fn touched(&self) -> Vec<Range<u64>> {
        let of_slot = |slot: &Slot| {
            let ipa = slot.ipa;
            slot.mapping.touched().into_iter().map(move |range| ipa + range.start..ipa + range.end).collect::<Vec<_>>()
        };
        self.slots.iter().flat_map(of_slot).collect()
    }

    fn complete_mmio(&mut self, cpu: usize) -> Result<(), MachineError> {
        let vcpu = self.vcpus.get_mut(cpu).ok_or_else(|| kernel("finding the vCPU", Errno::ENOENT))?;
        vcpu.complete_mmio()
    }

    fn mp_state(&self, cpu: usize) -> Result<u32, MachineError> {
        self.vcpu(cpu).map_err(|errno| kernel("finding the vCPU", errno))?.mp_state()
    }

    fn set_mp_state(&mut self, cpu: usize, state: u32) -> Result<(), MachineError> {
        self.vcpu(cpu).map_err(|errno| kernel("finding the vCPU", errno))?.set_mp_state(state)
    }

    fn events(&self, cpu: usize) -> Result<Vec<u8>, MachineError> {
        self.vcpu(cpu).map_err(|errno| kernel("finding the vCPU", errno))?.events()
    }

    fn set_events(&mut self, cpu: usize, events: &[u8]) -> Result<(), MachineError> {
        self.vcpu(cpu).map_err(|errno| kernel("finding the vCPU", errno))?.set_events(events)
    }

    fn changes(&self) -> &ChangeMark {
        &self.changes
    }
}
