//! The model's VM behind the traits of the kernel's contract, with a guest in it or without.

use std::cell::RefCell;
use std::ops::Range;

use arch::Syndrome;
use machine::capability::{
    Aarch32Vcpus, AbortInjection, Capabilities, Capability, CapabilityObjects, DirtyLog, DirtyRing, El2Vcpus, Hazards,
    HostEvents, HostFeatures, IdRegisterMasks, LateMemory, MemorySlots, PageEvents, PtraceTags, ScalableVectors,
    SetupRaces, SharedMemory, UnknownMemory, VcpuResets, VmmTags,
};
use machine::migration::SavableVm;
use machine::need::Need;
use machine::registers::{RegisterId, Registers};
use machine::session::ChangeMark;
use machine::tags::GRANULE;
use machine::{
    Access, Backing, CopyResult, CopyTags, Errno, Hazard, HazardOutcome, HostEvent, Introduced, KernelMemory,
    KernelMemoryAnswers, MachineError, PageEvent, RequestError, TagBuffer, VcpuOption, Vm,
};

/// A VM of the model.
#[derive(Debug)]
pub struct ModelVm {
    /// The tag ioctl changes a VM that the VMM only looks at.
    vm: RefCell<kvm_model::Vm>,
    changes: ChangeMark,
    /// What it hands out.
    capabilities: Capabilities,
}

/// Why a kernel's masks are not compared.
const NO_MASKS: &str = "this kernel does not report what can be changed of ID registers";

pub(super) fn kernel(action: &str, errno: Errno) -> MachineError {
    MachineError::Kernel { action: action.to_owned(), errno }
}

fn outside(ipa: u64, length: usize) -> MachineError {
    RequestError::OutsideMemory { ipa, length: length as u64 }.into()
}

impl ModelVm {
    /// Takes a VM, and what it is to hand out.
    pub(super) fn new(vm: kvm_model::Vm, capabilities: Capabilities) -> Self {
        Self { vm: RefCell::new(vm), changes: ChangeMark::default(), capabilities }
    }

    /// Returns the specification's VM.
    pub(super) fn model(&mut self) -> &mut kvm_model::Vm {
        self.vm.get_mut()
    }

    /// Returns the specification's VM, which somebody else will change for this call.
    fn changed(&mut self) -> &mut kvm_model::Vm {
        self.changes.mark();
        self.vm.get_mut()
    }

    fn hands_out(&mut self, capability: Capability) -> Option<&mut Self> {
        self.capabilities.has(capability).then_some(self)
    }
}

impl Vm for ModelVm {
    fn enable_mte(&mut self, flags: u32) -> Result<(), Errno> {
        self.changed().enable_mte(flags)
    }

    fn add_vcpu(&mut self) -> Result<usize, Errno> {
        self.changed().add_vcpu()
    }

    fn add_memory(&mut self, ipa: u64, bytes: u64, backing: Backing, access: Access) -> Result<(), MachineError> {
        let added = self.changed().add_memory(ipa, bytes, backing, access);
        added.map_err(|errno| kernel("KVM_SET_USER_MEMORY_REGION", errno))
    }

    fn copy_tags(&self, call: CopyTags<'_>) -> CopyResult {
        // A VMM must not give a buffer that is too short without knowing it.
        if let TagBuffer::Bytes(bytes) = &call.buffer
            && (bytes.len() as u64) < call.length / GRANULE
        {
            return Err(Errno::E2BIG);
        }
        self.changes.mark_copy(&call);
        self.vm.borrow_mut().copy_tags(call)
    }

    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        if self.vm.borrow().read(ipa, buffer) { Ok(()) } else { Err(outside(ipa, buffer.len())) }
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        self.changes.mark_write(ipa);
        if self.model().write(ipa, bytes) { Ok(()) } else { Err(outside(ipa, bytes.len())) }
    }

    fn registers(&mut self, cpu: usize) -> Result<Registers, MachineError> {
        let vm = self.model();
        if cpu >= vm.vcpus() {
            return Err(kernel("finding the vCPU", Errno::ENOENT));
        }
        vm.finalized(cpu).map_err(|errno| kernel("KVM_GET_REG_LIST", errno))?;
        let list: Vec<u64> = vm.register_list().into_iter().map(|id| id.0).collect();
        Registers::collect(&list, |id, value| {
            vm.read_register(cpu, id, value).map_err(|errno| kernel(&format!("KVM_GET_ONE_REG of {id}"), errno))
        })
    }

    fn set_registers(&mut self, cpu: usize, registers: &Registers) -> Result<(), MachineError> {
        let vm = self.changed();
        for (id, value) in registers.writable() {
            let set = vm.write_register(cpu, id, value);
            set.map_err(|errno| kernel(&format!("KVM_SET_ONE_REG of {id}"), errno))?;
        }
        Ok(())
    }

    fn register(&self, cpu: usize, id: RegisterId) -> Result<u64, Errno> {
        self.vm.borrow().register(cpu, id).map(|value| value as u64)
    }

    fn set_register(&mut self, cpu: usize, id: RegisterId, value: u64) -> Result<(), Errno> {
        self.changed().set_register(cpu, id, value.into())
    }

    fn has_mte_capability(&self) -> bool {
        self.vm.borrow().has_mte_capability()
    }

    fn page_size(&self) -> u64 {
        self.vm.borrow().page_size()
    }
}

impl SavableVm for ModelVm {
    fn touched(&self) -> Vec<Range<u64>> {
        self.vm.borrow().memory().touched()
    }

    fn complete_mmio(&mut self, cpu: usize) -> Result<(), MachineError> {
        self.model().complete_mmio(cpu);
        Ok(())
    }

    fn mp_state(&self, _cpu: usize) -> Result<u32, MachineError> {
        /// KVM_MP_STATE_RUNNABLE (include/uapi/linux/kvm.h): no vCPU of the model is ever stopped.
        const RUNNABLE: u32 = 0;
        Ok(RUNNABLE)
    }

    fn set_mp_state(&mut self, _cpu: usize, _state: u32) -> Result<(), MachineError> {
        Ok(())
    }

    /// An abort is taken when it is injected, and there are no SErrors.
    fn events(&self, _cpu: usize) -> Result<Vec<u8>, MachineError> {
        Ok(Vec::new())
    }

    fn set_events(&mut self, _cpu: usize, _events: &[u8]) -> Result<(), MachineError> {
        Ok(())
    }

    fn changes(&self) -> &ChangeMark {
        &self.changes
    }
}

impl CapabilityObjects for ModelVm {
    fn dirty_log(&mut self) -> Option<&mut (dyn DirtyLog + 'static)> {
        self.hands_out(Capability::DirtyLog).map(|vm| vm as _)
    }

    fn dirty_ring(&mut self) -> Option<&mut (dyn DirtyRing + 'static)> {
        self.hands_out(Capability::DirtyRing).map(|vm| vm as _)
    }

    fn memory_slots(&mut self) -> Option<&mut (dyn MemorySlots + 'static)> {
        self.hands_out(Capability::MemorySlots).map(|vm| vm as _)
    }

    fn page_events(&mut self) -> Option<&mut (dyn PageEvents + 'static)> {
        self.hands_out(Capability::PageEvents).map(|vm| vm as _)
    }

    fn ptrace_tags(&mut self) -> Option<&mut (dyn PtraceTags + 'static)> {
        self.hands_out(Capability::PtraceTags).map(|vm| vm as _)
    }

    fn vmm_tags(&mut self) -> Option<&mut (dyn VmmTags + 'static)> {
        self.hands_out(Capability::VmmTags).map(|vm| vm as _)
    }

    fn aarch32_vcpus(&mut self) -> Option<&mut (dyn Aarch32Vcpus + 'static)> {
        self.hands_out(Capability::Aarch32Vcpus).map(|vm| vm as _)
    }

    fn abort_injection(&mut self) -> Option<&mut (dyn AbortInjection + 'static)> {
        self.hands_out(Capability::AbortInjection).map(|vm| vm as _)
    }

    fn el2_vcpus(&mut self) -> Option<&mut (dyn El2Vcpus + 'static)> {
        self.hands_out(Capability::El2Vcpus).map(|vm| vm as _)
    }

    fn id_register_masks(&mut self) -> Option<&mut (dyn IdRegisterMasks + 'static)> {
        self.hands_out(Capability::IdRegisterMasks).map(|vm| vm as _)
    }

    fn vcpu_resets(&mut self) -> Option<&mut (dyn VcpuResets + 'static)> {
        self.hands_out(Capability::VcpuResets).map(|vm| vm as _)
    }

    fn scalable_vectors(&mut self) -> Option<&mut (dyn ScalableVectors + 'static)> {
        self.hands_out(Capability::ScalableVectors).map(|vm| vm as _)
    }

    fn shared_memory(&mut self) -> Option<&mut (dyn SharedMemory + 'static)> {
        self.hands_out(Capability::SharedMemory).map(|vm| vm as _)
    }

    fn host_features(&mut self) -> Option<&mut (dyn HostFeatures + 'static)> {
        self.hands_out(Capability::HostFeatures).map(|vm| vm as _)
    }

    fn host_events(&mut self) -> Option<&mut (dyn HostEvents + 'static)> {
        self.hands_out(Capability::HostEvents).map(|vm| vm as _)
    }

    fn late_memory(&mut self) -> Option<&mut (dyn LateMemory + 'static)> {
        self.hands_out(Capability::LateMemory).map(|vm| vm as _)
    }

    fn setup_races(&mut self) -> Option<&mut (dyn SetupRaces + 'static)> {
        self.hands_out(Capability::SetupRaces).map(|vm| vm as _)
    }

    fn hazards(&mut self) -> Option<&mut (dyn Hazards + 'static)> {
        self.hands_out(Capability::Hazards).map(|vm| vm as _)
    }
}

impl DirtyLog for ModelVm {
    fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno> {
        self.changed().log_dirty(ipa, on)
    }

    fn take_dirty(&mut self, ipa: u64) -> Result<Vec<u64>, MachineError> {
        self.model().take_dirty(ipa).map_err(|errno| kernel("KVM_GET_DIRTY_LOG", errno))
    }
}

impl DirtyRing for ModelVm {
    fn enable_dirty_ring(&mut self, entries: u32) -> Result<(), MachineError> {
        self.changed().enable_dirty_ring(entries).map_err(|errno| kernel("KVM_ENABLE_CAP of a dirty ring", errno))
    }

    fn take_dirty_ring(&mut self, cpu: usize) -> Result<Vec<u64>, MachineError> {
        self.model().take_dirty_ring(cpu).map_err(|errno| kernel("mmap of a dirty ring", errno))
    }
}

impl MemorySlots for ModelVm {
    fn remove_memory(&mut self, ipa: u64) -> Result<(), MachineError> {
        self.changed().remove_memory(ipa).map_err(|errno| kernel("KVM_SET_USER_MEMORY_REGION of size 0", errno))
    }

    fn move_memory(&mut self, ipa: u64, to: u64) -> Result<(), MachineError> {
        let moved = self.changed().move_memory(ipa, to);
        moved.map_err(|errno| kernel("KVM_SET_USER_MEMORY_REGION with another address", errno))
    }
}

impl PageEvents for ModelVm {
    fn page_event(&mut self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), MachineError> {
        self.changed().page_event(ipa, bytes, event).map_err(|errno| kernel("changing guest memory", errno))
    }
}

impl PtraceTags for ModelVm {
    fn peek_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<usize, MachineError> {
        self.model().ptrace_tags(ipa, tags).map_err(|errno| kernel("PTRACE_PEEKMTETAGS", errno))
    }

    fn poke_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<usize, MachineError> {
        self.changes.mark_write(ipa);
        self.model().set_ptrace_tags(ipa, tags).map_err(|errno| kernel("PTRACE_POKEMTETAGS", errno))
    }
}

impl VmmTags for ModelVm {
    fn set_vmm_tag_mask(&mut self, include: u16) -> Result<(), MachineError> {
        self.model().limit_host_tags(include);
        Ok(())
    }

    fn irg_in_vmm(&mut self, count: usize) -> Result<Vec<u8>, MachineError> {
        Ok(self.model().draw_host_tags(count))
    }
}

impl Aarch32Vcpus for ModelVm {
    fn add_vcpu_aarch32(&mut self) -> Result<usize, MachineError> {
        let added = self.changed().add_vcpu_aarch32();
        added.map_err(|errno| kernel("KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_EL1_32BIT", errno))
    }
}

impl AbortInjection for ModelVm {
    fn inject_data_abort(&mut self, cpu: usize) -> Result<(), MachineError> {
        self.changed().inject_data_abort(cpu).map_err(|errno| kernel("KVM_SET_VCPU_EVENTS", errno))
    }
}

impl El2Vcpus for ModelVm {
    fn add_vcpu_el2(&mut self, sve: bool) -> Result<usize, MachineError> {
        let added = self.changed().add_vcpu_el2(sve);
        let added = added.map_err(|errno| kernel("KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_HAS_EL2", errno))?;
        Ok(added.ok_or_else(|| Need::El2.unmet("this host has no vCPUs with EL2 (kvm-arm.mode=nested)"))?)
    }

    fn read_at_el2(&mut self, cpu: usize, id: RegisterId) -> Result<Option<u64>, MachineError> {
        self.changed().read_at_el2(cpu, id).map_err(|errno| kernel("KVM_RUN", errno))
    }

    fn vector_bytes_at_el2(&mut self, cpu: usize, len: u8, zen: u8) -> Result<Result<u64, Syndrome>, MachineError> {
        self.changed().vector_bytes_at_el2(cpu, len, zen).map_err(|errno| kernel("KVM_RUN", errno))
    }
}

impl IdRegisterMasks for ModelVm {
    fn writable_mask(&self, id: RegisterId) -> Result<u64, MachineError> {
        let mask = self.vm.borrow().writable_mask(id);
        mask.ok_or_else(|| Need::WritableMasks.unmet(NO_MASKS).into())
    }
}

impl ScalableVectors for ModelVm {
    fn has_scalable_vectors(&self) -> bool {
        self.vm.borrow().has_scalable_vectors()
    }

    fn initialise_vcpu(&mut self, sve: bool) -> Result<usize, Errno> {
        self.changed().initialise_vcpu(sve)
    }

    fn finalize_vcpu(&mut self, cpu: usize) -> Result<(), Errno> {
        self.changed().finalize_vcpu(cpu)
    }

    fn list_registers(&self, cpu: usize) -> Result<Vec<RegisterId>, Errno> {
        let vm = self.vm.borrow();
        vm.finalized(cpu)?;
        Ok(vm.register_list())
    }

    fn read_register(&self, cpu: usize, id: RegisterId, value: &mut [u8]) -> Result<(), Errno> {
        self.vm.borrow().read_register(cpu, id, value)
    }

    fn write_register(&mut self, cpu: usize, id: RegisterId, value: &[u8]) -> Result<(), Errno> {
        self.changed().write_register(cpu, id, value)
    }

    fn try_run(&mut self, cpu: usize) -> Result<(), Errno> {
        self.vm.borrow().finalized(cpu)
    }
}

impl VcpuResets for ModelVm {
    fn initialise_again(&mut self, cpu: usize) -> Result<(), MachineError> {
        self.changed().initialise_again(cpu).map_err(|errno| kernel("KVM_ARM_VCPU_INIT", errno))
    }

    fn stop_vcpu(&mut self, cpu: usize) -> Result<(), MachineError> {
        self.changed().stop_vcpu(cpu).map_err(|errno| kernel("KVM_SET_MP_STATE", errno))
    }
}

impl SharedMemory for ModelVm {
    fn share(&mut self) -> Result<(), MachineError> {
        self.changed().share().map_err(|errno| kernel("sharing guest memory", errno))
    }

    fn fetch_elsewhere(&mut self, ipa: u64, tags: &mut [u8]) -> CopyResult {
        self.changed().fetch_elsewhere(ipa, tags)
    }

    fn store_elsewhere(&mut self, ipa: u64, tags: &[u8]) -> CopyResult {
        self.changed().store_elsewhere(ipa, tags)
    }

    fn load_mapped(&mut self, ipa: u64, tags: &mut [u8]) -> Result<(), MachineError> {
        let (count, loaded) = (tags.len(), self.changed().load_mapped(ipa, tags));
        if loaded { Ok(()) } else { Err(outside(ipa, count * GRANULE as usize)) }
    }

    fn store_mapped(&mut self, ipa: u64, tags: &[u8]) -> Result<(), MachineError> {
        let stored = self.changed().store_mapped(ipa, tags);
        if stored { Ok(()) } else { Err(outside(ipa, tags.len() * GRANULE as usize)) }
    }
}

impl HostFeatures for ModelVm {
    fn host_id_register(&self, id: RegisterId) -> Result<u64, MachineError> {
        Ok(self.vm.borrow().host().id_register(id))
    }

    fn hwcaps(&self) -> [u64; 3] {
        self.vm.borrow().host().hwcaps()
    }

    fn zero_page_is_tagged(&self) -> Result<bool, MachineError> {
        Ok(self.vm.borrow().zero_page_is_tagged())
    }

    fn offers(&self, option: VcpuOption) -> bool {
        self.vm.borrow().host().offers(option)
    }
}

impl HostEvents for ModelVm {
    fn host_event(&mut self, event: HostEvent) -> Result<(), MachineError> {
        self.changed().host_event(event);
        Ok(())
    }
}

impl LateMemory for ModelVm {
    fn access_kernel_memory(
        &mut self,
        memory: KernelMemory,
        introduced: Introduced,
    ) -> Result<KernelMemoryAnswers, MachineError> {
        Ok(self.model().access_kernel_memory(memory, introduced))
    }
}

impl SetupRaces for ModelVm {
    fn enable_mte_beside_vcpu(&mut self, seed: u64) -> Result<Result<(), Errno>, MachineError> {
        let vcpu_first = fastrand::Rng::with_seed(seed).bool();
        self.changed().enable_mte_beside_vcpu(vcpu_first).map_err(|errno| kernel("KVM_CREATE_VCPU", errno))
    }
}

impl Hazards for ModelVm {
    fn attempt(&mut self, hazard: Hazard) -> Result<HazardOutcome, MachineError> {
        Ok(super::hazard::attempt(self.changed(), hazard))
    }
}

impl UnknownMemory for ModelVm {
    fn unknown_memory(&self, ipa: u64, bytes: u64) -> Vec<Range<u64>> {
        self.vm.borrow().memory().unknown_in(ipa..ipa + bytes)
    }

    fn touched_memory(&self) -> Vec<Range<u64>> {
        self.vm.borrow().memory().touched()
    }
}
