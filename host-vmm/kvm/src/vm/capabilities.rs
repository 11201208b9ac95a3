//! What a VM on /dev/kvm hands out beyond KVM's contract for tags.

use std::sync::Barrier;
use std::thread;

use arch::Syndrome;
use kvm_bindings::{
    KVM_CAP_ARM_EL1_32BIT, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, KVM_MEM_LOG_DIRTY_PAGES, KVM_MP_STATE_STOPPED,
    kvm_dirty_gfn, kvm_enable_cap,
};

use super::{KvmVm, enable_mte, kernel, outside};
use crate::debugger::{self, PtraceRequest};
use crate::vcpu::{self, Vcpu};
use crate::{dirty, el2, hazard, host_events, host_features, host_tags, late_memory, masks, pagemap, process};
use machine::capability::{
    Aarch32Vcpus, AbortInjection, CapabilityObjects, DirtyLog, DirtyRing, El2Vcpus, Hazards, HostEvents, HostFeatures,
    IdRegisterMasks, LateMemory, MemorySlots, PageEvents, PtraceTags, ScalableVectors, SetupRaces, SharedMemory,
    VcpuResets, VmmTags,
};
use machine::need::Need;
use machine::registers::RegisterId;
use machine::tags::GRANULE;
use machine::{
    Errno, Hazard, HazardOutcome, HostEvent, Introduced, KernelMemory, KernelMemoryAnswers, MachineError, PageEvent,
    RequestError, VcpuOption,
};

impl CapabilityObjects for KvmVm {
    fn dirty_log(&mut self) -> Option<&mut (dyn DirtyLog + 'static)> {
        Some(self)
    }

    fn dirty_ring(&mut self) -> Option<&mut (dyn DirtyRing + 'static)> {
        Some(self)
    }

    fn memory_slots(&mut self) -> Option<&mut (dyn MemorySlots + 'static)> {
        Some(self)
    }

    fn page_events(&mut self) -> Option<&mut (dyn PageEvents + 'static)> {
        Some(self)
    }

    fn ptrace_tags(&mut self) -> Option<&mut (dyn PtraceTags + 'static)> {
        Some(self)
    }

    fn vmm_tags(&mut self) -> Option<&mut (dyn VmmTags + 'static)> {
        Some(self)
    }

    fn aarch32_vcpus(&mut self) -> Option<&mut (dyn Aarch32Vcpus + 'static)> {
        Some(self)
    }

    fn abort_injection(&mut self) -> Option<&mut (dyn AbortInjection + 'static)> {
        Some(self)
    }

    fn el2_vcpus(&mut self) -> Option<&mut (dyn El2Vcpus + 'static)> {
        Some(self)
    }

    fn id_register_masks(&mut self) -> Option<&mut (dyn IdRegisterMasks + 'static)> {
        Some(self)
    }

    fn vcpu_resets(&mut self) -> Option<&mut (dyn VcpuResets + 'static)> {
        Some(self)
    }

    fn scalable_vectors(&mut self) -> Option<&mut (dyn ScalableVectors + 'static)> {
        Some(self)
    }

    fn shared_memory(&mut self) -> Option<&mut (dyn SharedMemory + 'static)> {
        Some(self)
    }

    fn host_features(&mut self) -> Option<&mut (dyn HostFeatures + 'static)> {
        Some(self)
    }

    fn host_events(&mut self) -> Option<&mut (dyn HostEvents + 'static)> {
        Some(self)
    }

    fn late_memory(&mut self) -> Option<&mut (dyn LateMemory + 'static)> {
        Some(self)
    }

    fn setup_races(&mut self) -> Option<&mut (dyn SetupRaces + 'static)> {
        Some(self)
    }

    fn hazards(&mut self) -> Option<&mut (dyn Hazards + 'static)> {
        Some(self)
    }
}

impl DirtyLog for KvmVm {
    fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno> {
        self.changes.mark();
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
}

impl DirtyRing for KvmVm {
    fn enable_dirty_ring(&mut self, entries: u32) -> Result<(), MachineError> {
        self.changes.mark();
        if self.fd.check_extension_raw(KVM_CAP_DIRTY_LOG_RING_ACQ_REL.into()) <= 0 {
            return Err(Need::DirtyRings.unmet("this kernel has no dirty rings").into());
        }
        let bytes = u64::from(entries) * size_of::<kvm_dirty_gfn>() as u64;
        let cap = kvm_enable_cap { cap: KVM_CAP_DIRTY_LOG_RING_ACQ_REL, args: [bytes, 0, 0, 0], ..Default::default() };
        let enabled = self.fd.enable_cap(&cap);
        enabled.map_err(|error| kernel("KVM_ENABLE_CAP of KVM_CAP_DIRTY_LOG_RING_ACQ_REL", error.into()))?;
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
}

impl MemorySlots for KvmVm {
    fn remove_memory(&mut self, ipa: u64) -> Result<(), MachineError> {
        self.changes.mark();
        let delete = |errno| kernel("KVM_SET_USER_MEMORY_REGION of size 0", errno);
        let index = self.slot_at(ipa).map_err(delete)?;
        self.set_slot(&self.slots[index], false).map_err(delete)?;
        self.slots.remove(index);
        Ok(())
    }

    fn move_memory(&mut self, ipa: u64, to: u64) -> Result<(), MachineError> {
        self.changes.mark();
        let moving = |errno| kernel("KVM_SET_USER_MEMORY_REGION with another address", errno);
        let index = self.slot_at(ipa).map_err(moving)?;
        self.slots[index].ipa = to;
        self.set_slot(&self.slots[index], true).map_err(|errno| {
            self.slots[index].ipa = ipa;
            moving(errno)
        })
    }
}

impl PageEvents for KvmVm {
    fn page_event(&mut self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), MachineError> {
        self.changes.mark();
        let (slot, offset) = self.slot(ipa, bytes as usize)?;
        match event {
            PageEvent::Fork => {
                self.forks.push(process::fork()?);
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
}

impl PtraceTags for KvmVm {
    fn peek_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<usize, MachineError> {
        let (slot, offset) = self.slot(ipa, tags.len() * GRANULE as usize)?;
        debugger::copy(slot.mapping.address() + offset, tags, PtraceRequest::Peek)
    }

    fn poke_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<usize, MachineError> {
        self.changes.mark_write(ipa);
        let (slot, offset) = self.slot(ipa, tags.len() * GRANULE as usize)?;
        debugger::copy(slot.mapping.address() + offset, &mut tags.to_vec(), PtraceRequest::Poke)
    }
}

impl VmmTags for KvmVm {
    fn set_vmm_tag_mask(&mut self, include: u16) -> Result<(), MachineError> {
        host_tags::include(include)
    }

    fn irg_in_vmm(&mut self, count: usize) -> Result<Vec<u8>, MachineError> {
        Ok(host_tags::irg(count))
    }
}

impl Aarch32Vcpus for KvmVm {
    fn add_vcpu_aarch32(&mut self) -> Result<usize, MachineError> {
        self.changes.mark();
        if self.fd.check_extension_raw(KVM_CAP_ARM_EL1_32BIT.into()) <= 0 {
            return Err(Need::Aarch32.unmet("this CPU has no AArch32 at EL1").into());
        }
        let index = self.vcpus.len();
        let vcpu = Vcpu::in_aarch32(&self.fd, index);
        self.vcpus.push(vcpu.map_err(|errno| kernel("KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_EL1_32BIT", errno))?);
        Ok(index)
    }
}

impl AbortInjection for KvmVm {
    fn inject_data_abort(&mut self, cpu: usize) -> Result<(), MachineError> {
        self.changes.mark();
        let vcpu = self.vcpu(cpu).map_err(|errno| kernel("finding the vCPU", errno))?;
        vcpu.inject_data_abort().map_err(|errno| kernel("KVM_SET_VCPU_EVENTS", errno))
    }
}

impl El2Vcpus for KvmVm {
    fn add_vcpu_el2(&mut self, sve: bool) -> Result<usize, MachineError> {
        self.changes.mark();
        el2::check(&self.fd)?;
        let index = self.vcpus.len();
        let vcpu = Vcpu::at_el2(&self.fd, index, sve);
        self.vcpus.push(vcpu.map_err(|errno| kernel("KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_HAS_EL2", errno))?);
        el2::add_interrupt_controller(&self.fd)?;
        Ok(index)
    }

    fn read_at_el2(&mut self, cpu: usize, id: RegisterId) -> Result<Option<u64>, MachineError> {
        Ok(self.run_at_el2(cpu, &el2::read(id), [0; 3])?.ok())
    }

    fn vector_bytes_at_el2(&mut self, cpu: usize, len: u8, zen: u8) -> Result<Result<u64, Syndrome>, MachineError> {
        self.run_at_el2(cpu, &el2::READ_VECTOR_LENGTH, [el2::cptr(0b11), len.into(), el2::cptr(zen)])
    }
}

impl KvmVm {
    /// Runs a program at EL2 that is put into the first slot.
    fn run_at_el2(
        &mut self,
        cpu: usize,
        words: &[u32],
        arguments: [u64; 3],
    ) -> Result<Result<u64, Syndrome>, MachineError> {
        self.changes.mark();
        let place = self.slots.first().map_or(0, |slot| slot.ipa);
        self.write_unrecorded(place, &el2::program(words))?;
        let vcpu = self.vcpus.get_mut(cpu).ok_or_else(|| kernel("finding the vCPU", Errno::ENOENT))?;
        el2::run(vcpu, place, arguments)
    }
}

impl IdRegisterMasks for KvmVm {
    fn writable_mask(&self, id: RegisterId) -> Result<u64, MachineError> {
        masks::writable_mask(&self.fd, id)
    }
}

impl ScalableVectors for KvmVm {
    fn has_scalable_vectors(&self) -> bool {
        vcpu::has_sve(&self.fd)
    }

    fn initialise_vcpu(&mut self, sve: bool) -> Result<usize, Errno> {
        self.changes.mark();
        let index = self.vcpus.len();
        self.vcpus.push(Vcpu::initialised(&self.fd, index, sve)?);
        Ok(index)
    }

    fn finalize_vcpu(&mut self, cpu: usize) -> Result<(), Errno> {
        self.changes.mark();
        self.vcpu(cpu)?.finalize()
    }

    fn list_registers(&self, cpu: usize) -> Result<Vec<RegisterId>, Errno> {
        Ok(self.vcpu(cpu)?.list_registers()?.into_iter().map(RegisterId).collect())
    }

    fn read_register(&self, cpu: usize, id: RegisterId, value: &mut [u8]) -> Result<(), Errno> {
        self.vcpu(cpu)?.read_register(id, value)
    }

    fn write_register(&mut self, cpu: usize, id: RegisterId, value: &[u8]) -> Result<(), Errno> {
        self.changes.mark();
        self.vcpu(cpu)?.write_register(id, value)
    }

    fn try_run(&mut self, cpu: usize) -> Result<(), Errno> {
        self.changes.mark();
        self.vcpus.get_mut(cpu).ok_or(Errno::ENOENT)?.run().map(|_| ())
    }
}

impl VcpuResets for KvmVm {
    fn initialise_again(&mut self, cpu: usize) -> Result<(), MachineError> {
        self.changes.mark();
        let vcpu = self.vcpu(cpu).map_err(|errno| kernel("finding the vCPU", errno))?;
        vcpu.initialise_again(&self.fd).map_err(|errno| kernel("KVM_ARM_VCPU_INIT", errno))
    }

    fn stop_vcpu(&mut self, cpu: usize) -> Result<(), MachineError> {
        self.changes.mark();
        self.vcpu(cpu).map_err(|errno| kernel("finding the vCPU", errno))?.set_mp_state(KVM_MP_STATE_STOPPED)
    }
}

impl HostFeatures for KvmVm {
    fn host_id_register(&self, id: RegisterId) -> Result<u64, MachineError> {
        host_features::id_register(id)
    }

    fn hwcaps(&self) -> [u64; 3] {
        host_features::hwcaps()
    }

    fn zero_page_is_tagged(&self) -> Result<bool, MachineError> {
        pagemap::zero_page_is_tagged()
    }

    fn offers(&self, option: VcpuOption) -> bool {
        self.fd.check_extension_raw(host_features::extension(option)) > 0
    }
}

impl HostEvents for KvmVm {
    fn host_event(&mut self, event: HostEvent) -> Result<(), MachineError> {
        self.changes.mark();
        host_events::happen(event)
    }
}

impl LateMemory for KvmVm {
    fn access_kernel_memory(
        &mut self,
        memory: KernelMemory,
        introduced: Introduced,
    ) -> Result<KernelMemoryAnswers, MachineError> {
        late_memory::access(memory, introduced)
    }
}

impl SetupRaces for KvmVm {
    fn enable_mte_beside_vcpu(&mut self, _seed: u64) -> Result<Result<(), Errno>, MachineError> {
        self.changes.mark();
        let (vm, index) = (&self.fd, self.vcpus.len());
        let start = &Barrier::new(2);
        let lost = || MachineError::from(RequestError::ThreadPanicked { thread: "a thread that sets a VM up" });
        let (enabled, vcpu) = thread::scope(|scope| {
            let enable = scope.spawn(move || {
                start.wait();
                enable_mte(vm, 0)
            });
            let create = scope.spawn(move || {
                start.wait();
                Vcpu::new(vm, index)
            });
            (enable.join(), create.join())
        });
        let vcpu = vcpu.map_err(|_| lost())?;
        self.vcpus.push(vcpu.map_err(|errno| kernel("KVM_CREATE_VCPU and KVM_ARM_VCPU_INIT", errno))?);
        enabled.map_err(|_| lost())
    }
}

impl Hazards for KvmVm {
    fn attempt(&mut self, hazard: Hazard) -> Result<HazardOutcome, MachineError> {
        hazard::attempt(hazard)
    }
}
