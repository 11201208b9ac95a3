//! A VM that loses state between save and restore, although whoever saves and restores does it right.
//!
//! It wraps another VM, and changes what passes through it: what is read of it is what gets saved, what is written to it is
//! what gets restored.

mod defects;
mod reading;
mod writing;

use std::ops::Range;

use machine::capability::{
    Aarch32Vcpus, AbortInjection, CapabilityObjects, DirtyLog, DirtyRing, El2Vcpus, Hazards, HostEvents, HostFeatures,
    IdRegisterMasks, LateMemory, MemorySlots, PageEvents, PtraceTags, ScalableVectors, SetupRaces, SharedMemory,
    VcpuResets, VmmTags,
};
use machine::migration::SavableVm;
use machine::registers::{RegisterId, Registers};
use machine::session::ChangeMark;
use machine::{Access, Backing, CopyResult, CopyTags, Errno, MachineError, Vm};
use model_base::defect::Injected;

pub use defects::DEFECTS;
use defects::{
    CAPABILITY_FORGOTTEN, MMIO_PENDING, PC_SKIPS, REGISTERS_LOST, REGISTERS_OF_FIRST, REGISTERS_ONE_VCPU,
    TAGS_BEFORE_DATA,
};

/// What a VMM that is wrong keeps elsewhere when it saves: the tags, by the address that they were fetched from.
#[derive(Debug, Default)]
pub struct Record(std::collections::BTreeMap<u64, Vec<u8>>);

/// A VM with a defect. One is made for a save, and one for a restore.
#[derive(Debug)]
pub struct FaultyVm<'a, V> {
    inner: &'a mut V,
    injected: Injected,
    record: std::cell::RefCell<&'a mut Record>,
    /// The vCPUs of which an access to a device was completed.
    completed: Vec<usize>,
    /// The stretches of memory that were written so far.
    written: Vec<Range<u64>>,
    /// The last page that was written, where the VMM loses it unless another one follows.
    held: Option<(u64, Vec<u8>)>,
    /// The end of RAM.
    ram: Range<u64>,
    /// The registers of the first vCPU.
    first: Option<Registers>,
}

impl<'a, V: SavableVm> FaultyVm<'a, V> {
    /// Wraps a VM.
    pub fn new(inner: &'a mut V, injected: Injected, record: &'a mut Record) -> Self {
        Self {
            inner,
            injected,
            record: std::cell::RefCell::new(record),
            completed: Vec::new(),
            written: Vec::new(),
            held: None,
            ram: 0..0,
            first: None,
        }
    }

    fn middle(&self) -> u64 {
        self.ram.start + (self.ram.end - self.ram.start) / 2
    }
}

impl<V: SavableVm> Vm for FaultyVm<'_, V> {
    fn enable_mte(&mut self, flags: u32) -> Result<(), Errno> {
        if self.injected.is(&CAPABILITY_FORGOTTEN) { Ok(()) } else { self.inner.enable_mte(flags) }
    }

    fn add_vcpu(&mut self) -> Result<usize, Errno> {
        self.inner.add_vcpu()
    }

    fn add_memory(&mut self, ipa: u64, bytes: u64, backing: Backing, access: Access) -> Result<(), MachineError> {
        self.ram = ipa..ipa + bytes;
        self.inner.add_memory(ipa, bytes, backing, access)
    }

    fn copy_tags(&self, call: CopyTags<'_>) -> CopyResult {
        if call.flags == CopyTags::FROM_GUEST {
            return self.fetch(call);
        }
        if self.injected.is(&TAGS_BEFORE_DATA) {
            return Ok(call.length);
        }
        self.store(call)
    }

    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        self.inner.read(ipa, buffer)
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        self.write_stretch(ipa, bytes)
    }

    fn registers(&mut self, cpu: usize) -> Result<Registers, MachineError> {
        let registers = self.inner.registers(cpu)?;
        self.saved_registers(cpu, &registers)
    }

    fn set_registers(&mut self, cpu: usize, registers: &Registers) -> Result<(), MachineError> {
        self.first.get_or_insert_with(|| registers.clone());
        if self.injected.is(&REGISTERS_LOST) || self.injected.is(&REGISTERS_ONE_VCPU) && cpu > 0 {
            return Ok(());
        }
        let of_first = self.first.as_ref().filter(|_| self.injected.is(&REGISTERS_OF_FIRST));
        let restored = self.restored_registers(of_first.unwrap_or(registers))?;
        self.inner.set_registers(cpu, &restored)
    }

    fn register(&self, cpu: usize, id: RegisterId) -> Result<u64, Errno> {
        self.inner.register(cpu, id)
    }

    fn set_register(&mut self, cpu: usize, id: RegisterId, value: u64) -> Result<(), Errno> {
        self.inner.set_register(cpu, id, value)
    }

    fn has_mte_capability(&self) -> bool {
        self.inner.has_mte_capability()
    }

    fn page_size(&self) -> u64 {
        self.inner.page_size()
    }
}

impl<V: SavableVm> SavableVm for FaultyVm<'_, V> {
    fn touched(&self) -> Vec<Range<u64>> {
        self.inner.touched()
    }

    fn complete_mmio(&mut self, cpu: usize) -> Result<(), MachineError> {
        if self.injected.is(&MMIO_PENDING) {
            return Ok(());
        }
        let pc = self.inner.register(cpu, RegisterId::PC)?;
        self.inner.complete_mmio(cpu)?;
        if self.injected.is(&PC_SKIPS) && self.inner.register(cpu, RegisterId::PC)? != pc {
            self.completed.push(cpu);
        }
        Ok(())
    }

    fn mp_state(&self, cpu: usize) -> Result<u32, MachineError> {
        self.inner.mp_state(cpu)
    }

    fn set_mp_state(&mut self, cpu: usize, state: u32) -> Result<(), MachineError> {
        self.inner.set_mp_state(cpu, state)
    }

    fn events(&self, cpu: usize) -> Result<Vec<u8>, MachineError> {
        self.inner.events(cpu)
    }

    fn set_events(&mut self, cpu: usize, events: &[u8]) -> Result<(), MachineError> {
        self.inner.set_events(cpu, events)
    }

    fn changes(&self) -> &ChangeMark {
        self.inner.changes()
    }
}

/// Nothing of these is part of saving and restoring, but for the rings that a VM is made with and vCPUs with SVE.
impl<V: SavableVm> CapabilityObjects for FaultyVm<'_, V> {
    fn dirty_log(&mut self) -> Option<&mut (dyn DirtyLog + 'static)> {
        None
    }

    fn dirty_ring(&mut self) -> Option<&mut (dyn DirtyRing + 'static)> {
        self.inner.dirty_ring()
    }

    fn memory_slots(&mut self) -> Option<&mut (dyn MemorySlots + 'static)> {
        None
    }

    fn page_events(&mut self) -> Option<&mut (dyn PageEvents + 'static)> {
        None
    }

    fn ptrace_tags(&mut self) -> Option<&mut (dyn PtraceTags + 'static)> {
        None
    }

    fn vmm_tags(&mut self) -> Option<&mut (dyn VmmTags + 'static)> {
        None
    }

    fn aarch32_vcpus(&mut self) -> Option<&mut (dyn Aarch32Vcpus + 'static)> {
        None
    }

    fn abort_injection(&mut self) -> Option<&mut (dyn AbortInjection + 'static)> {
        None
    }

    fn el2_vcpus(&mut self) -> Option<&mut (dyn El2Vcpus + 'static)> {
        None
    }

    fn id_register_masks(&mut self) -> Option<&mut (dyn IdRegisterMasks + 'static)> {
        None
    }

    fn vcpu_resets(&mut self) -> Option<&mut (dyn VcpuResets + 'static)> {
        None
    }

    fn scalable_vectors(&mut self) -> Option<&mut (dyn ScalableVectors + 'static)> {
        self.inner.scalable_vectors()
    }

    fn shared_memory(&mut self) -> Option<&mut (dyn SharedMemory + 'static)> {
        None
    }

    fn host_features(&mut self) -> Option<&mut (dyn HostFeatures + 'static)> {
        None
    }

    fn host_events(&mut self) -> Option<&mut (dyn HostEvents + 'static)> {
        None
    }

    fn late_memory(&mut self) -> Option<&mut (dyn LateMemory + 'static)> {
        None
    }

    fn setup_races(&mut self) -> Option<&mut (dyn SetupRaces + 'static)> {
        None
    }

    fn hazards(&mut self) -> Option<&mut (dyn Hazards + 'static)> {
        None
    }
}
