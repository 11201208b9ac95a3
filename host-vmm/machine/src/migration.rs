//! Makes a VM, saves its state, and restores it into another one: once, for every kernel's VM.
//!
//! The order matters. MTE is enabled before there is a vCPU. What a vCPU has pending is completed before anything is
//! saved. Memory is restored before its tags, which are lost wherever the kernel replaces the page under them, and
//! registers last: they make the vCPU run.

use abi::map;

use crate::config::Config;
use crate::error::MachineError;
use crate::registers::RegisterId;
use crate::request::RequestError;
use crate::session::change_mark::ChangeMark;
use crate::session::guest_state::GuestState;
use crate::snapshot::{CpuState, Extent, Snapshot};
use crate::tags;
use crate::vm::Vm;
use kvm_model::kernel::{Access, Errno};
use std::ops::Range;

/// A VM whose state can be saved: what that takes beyond KVM's contract for tags.
pub trait SavableVm: Vm {
    /// Lists the guest memory that was ever touched, in whole host pages and in ascending order.
    fn touched(&self) -> Vec<Range<u64>>;

    /// Completes an MMIO access whose exit was served: until then the PC is stale
    /// (Documentation/virt/kvm/api.rst, 5. The kvm_run structure, `immediate_exit`).
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn complete_mmio(&mut self, cpu: usize) -> Result<(), MachineError>;

    /// Reads whether a vCPU runs or is stopped (KVM_GET_MP_STATE).
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn mp_state(&self, cpu: usize) -> Result<u32, MachineError>;

    /// Writes what [`Self::mp_state`] read.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn set_mp_state(&mut self, cpu: usize, state: u32) -> Result<(), MachineError>;

    /// Reads what is pending for a vCPU (KVM_GET_VCPU_EVENTS): `struct kvm_vcpu_events` as bytes, or none if nothing can be.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn events(&self, cpu: usize) -> Result<Vec<u8>, MachineError>;

    /// Writes what [`Self::events`] read.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn set_events(&mut self, cpu: usize, events: &[u8]) -> Result<(), MachineError>;

    /// Returns what records whether the VM is still one that can be handed on.
    fn changes(&self) -> &ChangeMark;
}

fn kernel(action: &'static str) -> impl Fn(Errno) -> MachineError {
    move |errno| MachineError::Kernel { action: action.to_owned(), errno }
}

/// Sets up an empty VM: capabilities, memory and vCPUs.
///
/// # Errors
///
/// When the kernel refuses any part.
pub fn build(vm: &mut dyn SavableVm, config: Config) -> Result<(), MachineError> {
    build_for(vm, config, &[])
}

/// Sets up an empty VM for vCPUs that were saved.
fn build_for(vm: &mut dyn SavableVm, config: Config, saved: &[CpuState]) -> Result<(), MachineError> {
    let enable_mte = |vm: &mut dyn SavableVm| vm.enable_mte(0).map_err(kernel("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE"));
    if config.mte && !config.late_mte {
        enable_mte(vm)?;
    }
    if config.dirty_ring != 0 {
        let rings = vm.dirty_ring().ok_or(RequestError::NoDirtyRing)?;
        rings.enable_dirty_ring(config.dirty_ring)?;
    }
    vm.add_memory(map::RAM_BASE, config.ram, config.backing, Access::ReadWrite)?;
    if config.mte && config.late_mte {
        enable_mte(vm)?;
    }
    for cpu in 0..config.cpus {
        add_vcpu(vm, config, saved.get(cpu))?;
    }
    if config.fewer_features {
        let pfr2 = vm.register(0, RegisterId::ID_AA64PFR2_EL1).map_err(kernel("KVM_GET_ONE_REG of ID_AA64PFR2_EL1"))?;
        let fewer = pfr2 & !RegisterId::TAG_FEATURES_OF_PFR2;
        vm.set_register(0, RegisterId::ID_AA64PFR2_EL1, fewer).map_err(kernel("KVM_SET_ONE_REG of ID_AA64PFR2_EL1"))?;
    }
    Ok(())
}

/// Adds a vCPU. The vector lengths of one that was saved are those that it had; they are set before it is finalized, and its
/// other registers after that (Documentation/virt/kvm/api.rst, KVM_ARM_VCPU_FINALIZE).
///
/// # Errors
///
/// When the kernel refuses any part.
pub fn add_vcpu(vm: &mut dyn Vm, config: Config, saved: Option<&CpuState>) -> Result<(), MachineError> {
    const MAKING: &str = "KVM_CREATE_VCPU and KVM_ARM_VCPU_INIT";
    let lengths = saved.map(|state| state.registers.bytes(RegisterId::SVE_VLS));
    let whole = lengths.is_none() && config.vector_limit.is_none();
    let sve = vm.scalable_vectors().filter(|sve| !whole && sve.has_scalable_vectors());
    let Some(sve) = sve else {
        return vm.add_vcpu().map_err(kernel(MAKING)).map(|_| ());
    };
    let has = lengths.map_or(config.vector_limit != Some(0), |lengths| lengths.is_some());
    let cpu = sve.initialise_vcpu(has).map_err(kernel(MAKING))?;
    if !has {
        return Ok(());
    }
    let lengths = match lengths.flatten() {
        Some(lengths) => lengths.to_vec(),
        None => {
            let mut lengths = vec![0; RegisterId::SVE_VLS.size()];
            let read = sve.read_register(cpu, RegisterId::SVE_VLS, &mut lengths);
            read.map_err(kernel("KVM_GET_ONE_REG of the vector lengths"))?;
            limit(&mut lengths, config.vector_limit);
            lengths
        }
    };
    let written = sve.write_register(cpu, RegisterId::SVE_VLS, &lengths);
    written.map_err(kernel("KVM_SET_ONE_REG of the vector lengths"))?;
    sve.finalize_vcpu(cpu).map_err(kernel("KVM_ARM_VCPU_FINALIZE of SVE"))
}

/// Takes out the vector lengths that are above a limit in bytes.
fn limit(lengths: &mut [u8], limit: Option<u16>) {
    let Some(limit) = limit else { return };
    for (number, byte) in lengths.iter_mut().enumerate() {
        let allowed = (0..8).filter(|bit| 16 * (8 * number + bit + 1) <= usize::from(limit));
        *byte &= allowed.fold(0, |all, bit| all | 1 << bit);
    }
}

/// Reads the touched memory and its tags, and all of each vCPU. The guest may be inside a block.
///
/// # Errors
///
/// When the kernel refuses any part.
pub fn save(vm: &mut dyn SavableVm, config: Config) -> Result<Snapshot, MachineError> {
    (0..config.cpus).try_for_each(|cpu| vm.complete_mmio(cpu))?;
    let mut memory = Vec::new();
    for Range { start, end } in vm.touched() {
        let mut data = vec![0; (end - start) as usize];
        vm.read(start, &mut data)?;
        let mut extent = Extent { ipa: start, tags: vec![0; data.len() / tags::GRANULE as usize], data };
        tags::fetch(vm, start, &mut extent.tags)?.complete()?;
        memory.push(extent);
    }
    let mut cpus = Vec::new();
    for cpu in 0..config.cpus {
        let (registers, mp_state, events) = (vm.registers(cpu)?, vm.mp_state(cpu)?, vm.events(cpu)?);
        cpus.push(CpuState { registers, mp_state, events });
    }
    Ok(Snapshot { config, memory, cpus, emulated: None, guest: GuestState::new(config.cpus) })
}

/// Puts a saved state into an empty VM.
///
/// # Errors
///
/// When the kernel refuses any part.
pub fn restore(vm: &mut dyn SavableVm, snapshot: &Snapshot) -> Result<(), MachineError> {
    build_for(vm, snapshot.config, &snapshot.cpus)?;
    for extent in &snapshot.memory {
        vm.write(extent.ipa, &extent.data)?;
    }
    let page = vm.page_size();
    for extent in &snapshot.memory {
        // New memory has no tags, so pages without any need nothing.
        for (number, part) in (0u64..).zip(extent.tags.chunks((page / tags::GRANULE) as usize)) {
            if part.iter().any(|tag| *tag != 0) {
                tags::store(vm, extent.ipa + number * page, part)?.complete()?;
            }
        }
    }
    for (cpu, state) in snapshot.cpus.iter().enumerate() {
        vm.set_registers(cpu, &state.registers)?;
        vm.set_events(cpu, &state.events)?;
        vm.set_mp_state(cpu, state.mp_state)?;
    }
    Ok(())
}
