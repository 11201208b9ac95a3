//! The model's VM behind the trait of the kernel's contract, with a guest in it or without.

use std::cell::RefCell;

use super::{ModelMachine, SCRATCH};
use machine::registers::{RegisterId, Registers};
use machine::tags::GRANULE;
use machine::{
    Access, Backing, CopyResult, CopyTags, Errno, Hazard, HazardOutcome, MachineError, PageEvent, TagBuffer, Vm,
};

/// A VM of the model without a guest.
pub(super) struct BareVm(RefCell<model::kvm::Vm>);

impl BareVm {
    pub(super) fn new(vm: model::kvm::Vm) -> Self {
        Self(RefCell::new(vm))
    }
}

pub(super) fn kernel(action: &str, errno: Errno) -> MachineError {
    MachineError::Kernel { action: action.to_owned(), errno }
}

fn outside(ipa: u64, length: usize) -> MachineError {
    MachineError::BadRequest(format!("{length} bytes at {ipa:#x} are not all in one accessible memory slot of the VM"))
}

/// Calls the ioctl. A VMM must not give a buffer that is too short without knowing it, so that is refused here.
fn copy_tags(vm: &RefCell<model::kvm::Vm>, call: CopyTags<'_>) -> CopyResult {
    if let TagBuffer::Bytes(bytes) = &call.buffer
        && (bytes.len() as u64) < call.length / GRANULE
    {
        return Err(Errno::E2BIG);
    }
    vm.borrow_mut().copy_tags(call)
}

fn read(vm: &RefCell<model::kvm::Vm>, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
    if vm.borrow().read(ipa, buffer) { Ok(()) } else { Err(outside(ipa, buffer.len())) }
}

fn write(vm: &mut RefCell<model::kvm::Vm>, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
    if vm.get_mut().write(ipa, bytes) { Ok(()) } else { Err(outside(ipa, bytes.len())) }
}

fn add_memory(
    vm: &mut RefCell<model::kvm::Vm>,
    ipa: u64,
    bytes: u64,
    backing: Backing,
    access: Access,
) -> Result<(), MachineError> {
    let added = vm.get_mut().add_memory(ipa, bytes, backing, access);
    added.map_err(|errno| kernel("KVM_SET_USER_MEMORY_REGION", errno))
}

/// Reads all listed registers.
pub(super) fn registers(vm: &model::kvm::Vm, cpu: usize) -> Result<Registers, MachineError> {
    let list: Vec<u64> = vm.register_list(cpu).into_iter().map(|id| id.0).collect();
    if list.is_empty() {
        return Err(kernel("finding the vCPU", Errno::ENOENT));
    }
    Registers::collect(&list, |id, value| {
        let read = vm.register(cpu, id).map_err(|errno| kernel(&format!("KVM_GET_ONE_REG of {id}"), errno))?;
        let bytes = read.to_le_bytes();
        let size = value.len().min(bytes.len());
        value[..size].copy_from_slice(&bytes[..size]);
        Ok(())
    })
}

impl Vm for BareVm {
    fn enable_mte(&mut self, flags: u32) -> Result<(), Errno> {
        self.0.get_mut().enable_mte(flags)
    }

    fn add_vcpu(&mut self) -> Result<usize, Errno> {
        self.0.get_mut().add_vcpu()
    }

    fn add_memory(&mut self, ipa: u64, bytes: u64, backing: Backing, access: Access) -> Result<(), MachineError> {
        add_memory(&mut self.0, ipa, bytes, backing, access)
    }

    fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno> {
        self.0.get_mut().log_dirty(ipa, on)
    }

    fn take_dirty(&mut self, ipa: u64) -> Result<Vec<u64>, MachineError> {
        self.0.get_mut().take_dirty(ipa).map_err(|errno| kernel("KVM_GET_DIRTY_LOG", errno))
    }

    fn enable_dirty_ring(&mut self, entries: u32) -> Result<(), MachineError> {
        self.0.get_mut().enable_dirty_ring(entries).map_err(|errno| kernel("KVM_ENABLE_CAP of a dirty ring", errno))
    }

    fn take_dirty_ring(&mut self, cpu: usize) -> Result<Vec<u64>, MachineError> {
        self.0.get_mut().take_dirty_ring(cpu).map_err(|errno| kernel("mmap of a dirty ring", errno))
    }

    fn remove_memory(&mut self, ipa: u64) -> Result<(), MachineError> {
        self.0.get_mut().remove_memory(ipa).map_err(|errno| kernel("KVM_SET_USER_MEMORY_REGION of size 0", errno))
    }

    fn move_memory(&mut self, ipa: u64, to: u64) -> Result<(), MachineError> {
        self.0
            .get_mut()
            .move_memory(ipa, to)
            .map_err(|errno| kernel("KVM_SET_USER_MEMORY_REGION with another address", errno))
    }

    fn page_event(&mut self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), MachineError> {
        self.0.get_mut().page_event(ipa, bytes, event).map_err(|errno| kernel("changing guest memory", errno))
    }

    fn ptrace_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<usize, MachineError> {
        self.0.get_mut().ptrace_tags(ipa, tags).map_err(|errno| kernel("PTRACE_PEEKMTETAGS", errno))
    }

    fn set_ptrace_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<usize, MachineError> {
        self.0.get_mut().set_ptrace_tags(ipa, tags).map_err(|errno| kernel("PTRACE_POKEMTETAGS", errno))
    }

    fn set_vmm_tag_mask(&mut self, include: u16) -> Result<(), MachineError> {
        self.0.get_mut().limit_host_tags(include);
        Ok(())
    }

    fn irg_in_vmm(&mut self, count: usize) -> Result<Vec<u8>, MachineError> {
        Ok(self.0.get_mut().draw_host_tags(count))
    }

    fn add_vcpu_aarch32(&mut self) -> Result<usize, MachineError> {
        self.0
            .get_mut()
            .add_vcpu_aarch32()
            .map_err(|errno| kernel("KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_EL1_32BIT", errno))
    }

    fn inject_data_abort(&mut self, cpu: usize) -> Result<(), MachineError> {
        self.0.get_mut().inject_data_abort(cpu).map_err(|errno| kernel("KVM_SET_VCPU_EVENTS", errno))
    }

    fn attempt(&mut self, hazard: Hazard) -> Result<HazardOutcome, MachineError> {
        Ok(super::hazard::attempt(self.0.get_mut(), hazard))
    }

    fn copy_tags(&self, call: CopyTags<'_>) -> CopyResult {
        copy_tags(&self.0, call)
    }

    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        read(&self.0, ipa, buffer)
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        write(&mut self.0, ipa, bytes)
    }

    fn registers(&mut self, cpu: usize) -> Result<Registers, MachineError> {
        registers(self.0.get_mut(), cpu)
    }

    fn register(&self, cpu: usize, id: RegisterId) -> Result<u64, Errno> {
        self.0.borrow().register(cpu, id).map(|value| value as u64)
    }

    fn set_register(&mut self, cpu: usize, id: RegisterId, value: u64) -> Result<(), Errno> {
        self.0.get_mut().set_register(cpu, id, value.into())
    }

    fn has_mte_capability(&self) -> bool {
        self.0.borrow().has_mte_capability()
    }

    fn page_size(&self) -> u64 {
        self.0.borrow().page_size()
    }
}

impl Vm for ModelMachine {
    fn enable_mte(&mut self, flags: u32) -> Result<(), Errno> {
        self.recyclable.set(false);
        self.vm.get_mut().enable_mte(flags)
    }

    fn add_vcpu(&mut self) -> Result<usize, Errno> {
        self.recyclable.set(false);
        self.vm.get_mut().add_vcpu()
    }

    fn add_memory(&mut self, ipa: u64, bytes: u64, backing: Backing, access: Access) -> Result<(), MachineError> {
        self.recyclable.set(false);
        add_memory(&mut self.vm, ipa, bytes, backing, access)
    }

    fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno> {
        self.recyclable.set(false);
        self.vm.get_mut().log_dirty(ipa, on)
    }

    fn take_dirty(&mut self, ipa: u64) -> Result<Vec<u64>, MachineError> {
        self.vm.get_mut().take_dirty(ipa).map_err(|errno| kernel("KVM_GET_DIRTY_LOG", errno))
    }

    fn enable_dirty_ring(&mut self, entries: u32) -> Result<(), MachineError> {
        self.vm.get_mut().enable_dirty_ring(entries).map_err(|errno| kernel("KVM_ENABLE_CAP of a dirty ring", errno))
    }

    fn take_dirty_ring(&mut self, cpu: usize) -> Result<Vec<u64>, MachineError> {
        self.vm.get_mut().take_dirty_ring(cpu).map_err(|errno| kernel("mmap of a dirty ring", errno))
    }

    fn remove_memory(&mut self, ipa: u64) -> Result<(), MachineError> {
        self.recyclable.set(false);
        self.vm.get_mut().remove_memory(ipa).map_err(|errno| kernel("KVM_SET_USER_MEMORY_REGION of size 0", errno))
    }

    fn move_memory(&mut self, ipa: u64, to: u64) -> Result<(), MachineError> {
        self.recyclable.set(false);
        self.vm
            .get_mut()
            .move_memory(ipa, to)
            .map_err(|errno| kernel("KVM_SET_USER_MEMORY_REGION with another address", errno))
    }

    fn page_event(&mut self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), MachineError> {
        self.recyclable.set(false);
        self.vm.get_mut().page_event(ipa, bytes, event).map_err(|errno| kernel("changing guest memory", errno))
    }

    fn ptrace_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<usize, MachineError> {
        self.vm.get_mut().ptrace_tags(ipa, tags).map_err(|errno| kernel("PTRACE_PEEKMTETAGS", errno))
    }

    fn set_ptrace_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<usize, MachineError> {
        self.vm.get_mut().set_ptrace_tags(ipa, tags).map_err(|errno| kernel("PTRACE_POKEMTETAGS", errno))
    }

    fn set_vmm_tag_mask(&mut self, include: u16) -> Result<(), MachineError> {
        self.vm.get_mut().limit_host_tags(include);
        Ok(())
    }

    fn irg_in_vmm(&mut self, count: usize) -> Result<Vec<u8>, MachineError> {
        Ok(self.vm.get_mut().draw_host_tags(count))
    }

    fn add_vcpu_aarch32(&mut self) -> Result<usize, MachineError> {
        self.recyclable.set(false);
        self.vm
            .get_mut()
            .add_vcpu_aarch32()
            .map_err(|errno| kernel("KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_EL1_32BIT", errno))
    }

    fn inject_data_abort(&mut self, cpu: usize) -> Result<(), MachineError> {
        self.recyclable.set(false);
        self.vm.get_mut().inject_data_abort(cpu).map_err(|errno| kernel("KVM_SET_VCPU_EVENTS", errno))
    }

    fn copy_tags(&self, call: CopyTags<'_>) -> CopyResult {
        if call.flags != CopyTags::FROM_GUEST && call.ipa < SCRATCH {
            self.recyclable.set(false);
        }
        copy_tags(&self.vm, call)
    }

    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        read(&self.vm, ipa, buffer)
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        if ipa < SCRATCH {
            self.recyclable.set(false);
        }
        write(&mut self.vm, ipa, bytes)
    }

    fn registers(&mut self, cpu: usize) -> Result<Registers, MachineError> {
        registers(self.vm.get_mut(), cpu)
    }

    fn register(&self, cpu: usize, id: RegisterId) -> Result<u64, Errno> {
        self.vm.borrow().register(cpu, id).map(|value| value as u64)
    }

    fn set_register(&mut self, cpu: usize, id: RegisterId, value: u64) -> Result<(), Errno> {
        self.recyclable.set(false);
        self.vm.get_mut().set_register(cpu, id, value.into())
    }

    fn has_mte_capability(&self) -> bool {
        self.vm.borrow().has_mte_capability()
    }

    fn page_size(&self) -> u64 {
        self.vm.borrow().page_size()
    }
}
