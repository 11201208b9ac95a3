//! The model's VM behind the trait of the kernel's contract, with a guest in it or without.

use std::cell::RefCell;

use super::{ModelMachine, SCRATCH};
use crate::kvm::tags::GRANULE;
use crate::machine::{Access, Backing, CopyResult, CopyTags, Errno, MachineError, TagBuffer, Vm};
use crate::registers::{RegisterId, Registers};

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

    fn add_memory(&mut self, ipa: u64, bytes: u64, backing: Backing, access: Access) -> Result<(), Errno> {
        self.0.get_mut().add_memory(ipa, bytes, backing, access)
    }

    fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno> {
        self.0.get_mut().log_dirty(ipa, on)
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

    fn add_memory(&mut self, ipa: u64, bytes: u64, backing: Backing, access: Access) -> Result<(), Errno> {
        self.recyclable.set(false);
        self.vm.get_mut().add_memory(ipa, bytes, backing, access)
    }

    fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno> {
        self.recyclable.set(false);
        self.vm.get_mut().log_dirty(ipa, on)
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
