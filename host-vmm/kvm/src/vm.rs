//! A VM on /dev/kvm: its capability, memory slots, vCPUs, and the tag ioctl.
#![expect(unsafe_code, reason = "memory slots and the tag ioctl take addresses")]

use kvm_bindings::{
    KVM_CAP_ARM_EL1_32BIT, KVM_CAP_ARM_MTE, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, KVM_CAP_GUEST_MEMFD, KVM_MEM_GUEST_MEMFD,
    KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY, kvm_arm_copy_mte_tags, kvm_create_guest_memfd, kvm_dirty_gfn,
    kvm_enable_cap, kvm_userspace_memory_region, kvm_userspace_memory_region2,
};
use kvm_ioctls::{Kvm, VmFd};

use super::debugger::{self, PtraceRequest};
use super::memory::{EndingBuffer, Mapping, page_size};
use super::process::ChildProcess;
use super::vcpu::{Vcpu, errno};
use super::{dirty, hazard, host_tags, raw};
use machine::registers::{RegisterId, Registers};
use machine::{
    Access, Backing, CopyResult, CopyTags, Errno, Hazard, HazardOutcome, MachineError, PageEvent, TagBuffer, Vm,
};

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
}

/// Forks a child that sleeps until it is not needed any more: its copy of this process's memory is what it is for.
fn fork() -> Result<ChildProcess, MachineError> {
    // SAFETY: the child calls nothing but system calls that neither lock nor allocate.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: the child goes with its parent.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        loop {
            // SAFETY: waits for that.
            unsafe { libc::pause() };
        }
    }
    if pid < 0 { Err(kernel("fork", Errno::last())) } else { Ok(ChildProcess(pid)) }
}

pub(crate) fn kernel(action: &str, errno: Errno) -> MachineError {
    MachineError::Kernel { action: action.to_owned(), errno }
}

impl KvmVm {
    /// Creates a VM without memory, vCPUs and MTE.
    pub fn new(kvm: &Kvm) -> Result<Self, MachineError> {
        // Type 0 is 40 bits of guest-physical addresses. kvm-ioctls' default is all that the CPU has: with 52 bits
        // Linux 7.2 takes over a second to destroy an empty VM under emulation.
        let fd = kvm.create_vm_with_type(0).map_err(|error| kernel("KVM_CREATE_VM", errno(error)))?;
        Ok(Self { vcpus: Vec::new(), fd, slots: Vec::new(), page: page_size(), next: 0, ring: 0, forks: Vec::new() })
    }

    /// The vCPUs.
    pub fn vcpus(&mut self) -> &mut [Vcpu] {
        &mut self.vcpus
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
        let (slot, offset) = self.slot(ipa, bytes.len())?;
        if slot.mapping.write(offset, bytes) { Ok(()) } else { Err(outside(ipa, bytes.len())) }
    }

    /// Lets something happen to pages while vCPUs run.
    ///
    /// # Errors
    ///
    /// `Unsupported` when this host cannot; else what the kernel says.
    pub fn page_event_concurrently(&self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), MachineError> {
        let (slot, offset) = self.slot(ipa, bytes as usize)?;
        slot.mapping.apply_page_event(offset..offset + bytes, event)
    }

    /// Moves the slot at `ipa` away and back while vCPUs run, which must not need it.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn move_slot_and_back(&self, ipa: u64, to: u64) -> Result<(), MachineError> {
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
        let words = self.fd.get_dirty_log(slot.number, bytes as usize).map_err(|error| log(errno(error)))?;
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
        unsafe { self.fd.set_user_memory_region(region) }.map_err(errno)
    }

    /// Makes a slot of a guest_memfd; nothing is mapped here, so it cannot be read or written.
    fn add_guest_memfd(&mut self, ipa: u64, bytes: u64) -> Result<(), MachineError> {
        if self.fd.check_extension_raw(KVM_CAP_GUEST_MEMFD.into()) <= 0 {
            return Err(MachineError::Unsupported("this kernel has no guest_memfd for such VMs".to_owned()));
        }
        // Kernels for arm64 take a slot only of one that can be mapped (arch/arm64/kvm/mmu.c, kvm_memslot_is_gmem_only()).
        let offered = u64::try_from(self.fd.check_extension_raw(KVM_CAP_GUEST_MEMFD_FLAGS)).unwrap_or(0);
        let flags = offered & (GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED);
        let create = kvm_create_guest_memfd { size: bytes, flags, ..Default::default() };
        let file =
            self.fd.create_guest_memfd(create).map_err(|error| kernel("KVM_CREATE_GUEST_MEMFD", errno(error)))?;
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
        result.map_err(|error| kernel("KVM_SET_USER_MEMORY_REGION2 of a guest_memfd", errno(error)))?;
        self.slots.push(Slot { number: self.next, ipa, flags: KVM_MEM_GUEST_MEMFD, mapping });
        self.next += 1;
        Ok(())
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

    fn add_vcpu_aarch32(&mut self) -> Result<usize, MachineError> {
        if self.fd.check_extension_raw(KVM_CAP_ARM_EL1_32BIT.into()) <= 0 {
            return Err(MachineError::Unsupported("this CPU has no AArch32 at EL1".to_owned()));
        }
        let index = self.vcpus.len();
        let vcpu = Vcpu::in_aarch32(&self.fd, index);
        self.vcpus.push(vcpu.map_err(|errno| kernel("KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_EL1_32BIT", errno))?);
        Ok(index)
    }

    fn add_memory(&mut self, ipa: u64, bytes: u64, backing: Backing, access: Access) -> Result<(), MachineError> {
        if backing == Backing::GuestMemfd {
            return self.add_guest_memfd(ipa, bytes);
        }
        let flags = if access == Access::ReadOnlySlot { KVM_MEM_READONLY } else { 0 };
        let slot = Slot { number: self.next, ipa, flags, mapping: Mapping::new(bytes, backing, access)? };
        self.set_slot(&slot, true).map_err(|errno| kernel("KVM_SET_USER_MEMORY_REGION", errno))?;
        self.next += 1;
        self.slots.push(slot);
        Ok(())
    }

    fn remove_memory(&mut self, ipa: u64) -> Result<(), MachineError> {
        let delete = |errno| kernel("KVM_SET_USER_MEMORY_REGION of size 0", errno);
        let index = self.slot_at(ipa).map_err(delete)?;
        self.set_slot(&self.slots[index], false).map_err(delete)?;
        self.slots.remove(index);
        Ok(())
    }

    fn move_memory(&mut self, ipa: u64, to: u64) -> Result<(), MachineError> {
        let moving = |errno| kernel("KVM_SET_USER_MEMORY_REGION with another address", errno);
        let index = self.slot_at(ipa).map_err(moving)?;
        self.slots[index].ipa = to;
        self.set_slot(&self.slots[index], true).map_err(|errno| {
            self.slots[index].ipa = ipa;
            moving(errno)
        })
    }

    fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno> {
        let index = self.slot_at(ipa)?;
        if on {
            self.slots[index].flags |= KVM_MEM_LOG_DIRTY_PAGES;
        } else {
            self.slots[index].flags &= !KVM_MEM_LOG_DIRTY_PAGES;
        }
        self.set_slot(&self.slots[index], true)
    }

    fn take_dirty(&mut self, ipa: u64) -> Result<Vec<u64>, MachineError> {
        self.dirty_pages(ipa)
    }

    fn enable_dirty_ring(&mut self, entries: u32) -> Result<(), MachineError> {
        if self.fd.check_extension_raw(KVM_CAP_DIRTY_LOG_RING_ACQ_REL.into()) <= 0 {
            return Err(MachineError::Unsupported("this kernel has no dirty rings".to_owned()));
        }
        let bytes = u64::from(entries) * size_of::<kvm_dirty_gfn>() as u64;
        let cap = kvm_enable_cap { cap: KVM_CAP_DIRTY_LOG_RING_ACQ_REL, args: [bytes, 0, 0, 0], ..Default::default() };
        let enabled = self.fd.enable_cap(&cap);
        enabled.map_err(|error| kernel("KVM_ENABLE_CAP of KVM_CAP_DIRTY_LOG_RING_ACQ_REL", errno(error)))?;
        self.ring = entries as usize;
        Ok(())
    }

    fn take_dirty_ring(&mut self, cpu: usize) -> Result<Vec<u64>, MachineError> {
        let (ring, page) = (self.ring, self.page);
        let vcpu = self.vcpus.get_mut(cpu).ok_or_else(|| kernel("finding the vCPU", Errno::ENOENT))?;
        let entries = vcpu.take_dirty(ring, page)?;
        dirty::reset(&self.fd)?;
        let address = |(number, offset): &(u32, u64)| {
            let slot = self.slots.iter().find(|slot| slot.number == number & 0xffff)?;
            Some(slot.ipa + offset * page)
        };
        Ok(entries.iter().filter_map(address).collect())
    }

    fn page_event(&mut self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), MachineError> {
        let (slot, offset) = self.slot(ipa, bytes as usize)?;
        match event {
            PageEvent::Fork => {
                self.forks.push(fork()?);
                Ok(())
            }
            PageEvent::Remap => {
                let Some(index) = self.slots.iter().position(|other| other.number == slot.number) else {
                    return Err(outside(ipa, bytes as usize));
                };
                let moving = |errno| kernel("KVM_SET_USER_MEMORY_REGION of memory that moved", errno);
                self.set_slot(&self.slots[index], false).map_err(moving)?;
                self.slots[index].mapping.remap()?;
                self.set_slot(&self.slots[index], true).map_err(moving)
            }
            event => slot.mapping.apply_page_event(offset..offset + bytes, event),
        }
    }

    fn ptrace_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<usize, MachineError> {
        let (slot, offset) = self.slot(ipa, tags.len() * machine::tags::GRANULE as usize)?;
        debugger::copy(slot.mapping.address() + offset, tags, PtraceRequest::Peek)
    }

    fn set_ptrace_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<usize, MachineError> {
        let (slot, offset) = self.slot(ipa, tags.len() * machine::tags::GRANULE as usize)?;
        debugger::copy(slot.mapping.address() + offset, &mut tags.to_vec(), PtraceRequest::Poke)
    }

    fn set_vmm_tag_mask(&mut self, include: u16) -> Result<(), MachineError> {
        host_tags::include(include)
    }

    fn irg_in_vmm(&mut self, count: usize) -> Result<Vec<u8>, MachineError> {
        Ok(host_tags::irg(count))
    }

    fn inject_data_abort(&mut self, cpu: usize) -> Result<(), MachineError> {
        let vcpu = self.vcpu(cpu).map_err(|errno| kernel("finding the vCPU", errno))?;
        vcpu.inject_data_abort().map_err(|errno| kernel("KVM_SET_VCPU_EVENTS", errno))
    }

    fn attempt(&mut self, hazard: Hazard) -> Result<HazardOutcome, MachineError> {
        hazard::attempt(hazard)
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
                if (bytes.len() as u64) < call.length / machine::tags::GRANULE {
                    return Err(Errno(libc::E2BIG));
                }
                arguments.addr = bytes.as_mut_ptr().cast();
            }
            TagBuffer::EndsAfter(length) => {
                ending = EndingBuffer::new(length, self.page).map_err(|_| Errno(libc::ENOMEM))?;
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
