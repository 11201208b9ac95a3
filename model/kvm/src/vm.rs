//! KVM: a VM with memory slots, vCPUs and registers, and what the kernel promises about MTE in it.
//!
//! Sources are Documentation/virt/kvm/api.rst and the kernel's arch/arm64/kvm; what differs between releases is asked
//! of the [`Contract`]. Time, interrupts, signals and memory pressure do not exist here. Nothing runs by itself: whoever
//! drives a vCPU takes its CPU and the memory by [`Vm::enter`] and gives the CPU back by [`Vm::leave`].

use std::ops::Range;

use model::cpu::{Cpu, Hidden, TurnOn};
use model_base::{Features, Platform, memory::Bus};

use crate::contract::Contract;
use crate::host::Host;
use crate::kernel::{Access, Backing, Errno};
use crate::memory::GuestMemory;
use crate::registers;
use crate::vcpu::{self, Vcpu};

mutants::defects!();

/// A VM.
#[derive(Clone, Debug)]
pub struct Vm {
    pub(crate) host: Host,
    /// What the guest's CPUs have, as KVM shows it.
    pub(crate) features: Features,
    pub(crate) mte: bool,
    /// Its vCPUs have EL2.
    pub(crate) el2: bool,
    pub(crate) memory: GuestMemory,
    pub(crate) vcpus: Vec<Vcpu>,
    /// A vCPU ran.
    pub(crate) ran: bool,
    /// What the host's CPU still holds of MTE's registers while no vCPU runs. A KVM that switches them never shows it.
    pub(crate) hardware: [u64; vcpu::MTE_REGISTERS],
    /// The tags that the VMM's own IRG may draw, a bit each; a new process may draw none.
    pub(crate) host_include: u16,
}

#[mutants::rules]
impl Vm {
    /// Creates a VM without memory, vCPUs and MTE (KVM_CREATE_VM).
    #[must_use]
    pub fn new(host: &Host) -> Self {
        let contract = Contract::for_release(host.release);
        Self {
            features: registers::visible(host, false),
            host: host.clone(),
            mte: false,
            el2: false,
            memory: GuestMemory::new(host.page_size, contract),
            vcpus: Vec::new(),
            ran: false,
            hardware: [0; vcpu::MTE_REGISTERS],
            host_include: 0,
        }
    }

    /// What the host's kernel promises.
    pub(crate) fn contract(&self) -> Contract {
        Contract::for_release(self.host.release)
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// What the guest's CPUs have.
    #[must_use]
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Bytes in a page of the host.
    #[must_use]
    pub fn page_size(&self) -> u64 {
        self.memory.page_size()
    }

    /// Returns whether the VM has MTE.
    #[must_use]
    pub fn has_mte(&self) -> bool {
        self.mte
    }

    /// Returns whether KVM_CHECK_EXTENSION reports KVM_CAP_ARM_MTE.
    #[must_use]
    pub fn has_mte_capability(&self) -> bool {
        self.host.offers_mte()
    }

    /// Enables KVM_CAP_ARM_MTE (Documentation/virt/kvm/api.rst, KVM_CAP_ARM_MTE; arch/arm64/kvm/arm.c,
    /// kvm_vm_ioctl_enable_cap()).
    ///
    /// # Errors
    ///
    /// EINVAL: flags are set, the host has no MTE for VMs, a vCPU exists, or a slot has a guest_memfd (the kernels for arm64
    /// that have it all refuse).
    pub fn enable_mte(&mut self, flags: u32) -> Result<(), Errno> {
        let memfd = self.memory.slots().iter().any(|slot| slot.memory == Backing::GuestMemfd);
        if flags != 0 || !self.host.offers_mte() || !self.vcpus.is_empty() || memfd {
            return Err(Errno::EINVAL);
        }
        self.mte = true;
        self.memory.mte = true;
        self.features = registers::visible(&self.host, true);
        Ok(())
    }

    /// Creates, initialises and finalizes a vCPU of the host's own type, with SVE where the host has it; returns its index.
    ///
    /// # Errors
    ///
    /// None today; the kernel may run out of something.
    pub fn add_vcpu(&mut self) -> Result<usize, Errno> {
        let sve = self.has_scalable_vectors();
        let cpu = self.initialise_vcpu(sve)?;
        self.vcpus[cpu].finalized = true;
        Ok(cpu)
    }

    /// Enables the capability in one thread and creates a vCPU in another, one of which is first (kvm->lock): returns what enabling
    /// says.
    ///
    /// # Errors
    ///
    /// As [`Self::add_vcpu`].
    pub fn enable_mte_beside_vcpu(&mut self, vcpu_first: bool) -> Result<Result<(), Errno>, Errno> {
        let enabled = if vcpu_first { None } else { Some(self.enable_mte(0)) };
        self.add_vcpu()?;
        Ok(enabled.unwrap_or_else(|| self.enable_mte(0)))
    }

    /// Creates and initialises a vCPU that starts in AArch32 (KVM_ARM_VCPU_EL1_32BIT); returns its index.
    ///
    /// # Errors
    ///
    /// EINVAL: the VM has MTE (arch/arm64/kvm/reset.c; Documentation/virt/kvm/api.rst, KVM_CAP_ARM_MTE).
    pub fn add_vcpu_aarch32(&mut self) -> Result<usize, Errno> {
        if self.mte {
            return Err(Errno::EINVAL);
        }
        self.initialise_vcpu(false)
    }

    /// Makes a synchronous external data abort pending in a vCPU (KVM_SET_VCPU_EVENTS).
    ///
    /// # Errors
    ///
    /// ENOENT: no such vCPU.
    pub fn inject_data_abort(&mut self, cpu: usize) -> Result<(), Errno> {
        self.vcpus.get_mut(cpu).ok_or(Errno::ENOENT)?.abort_pending = true;
        Ok(())
    }

    /// Initialises a vCPU again (KVM_ARM_VCPU_INIT; Documentation/virt/kvm/api.rst: "This will reset the vcpu to its initial
    /// state"): nothing of what it held, or was about to do, is left. Memory is not the vCPU's.
    ///
    /// # Errors
    ///
    /// ENOENT: no such vCPU.
    pub fn initialise_again(&mut self, cpu: usize) -> Result<(), Errno> {
        let new = Vcpu::new(&self.features, self.contract());
        *self.vcpus.get_mut(cpu).ok_or(Errno::ENOENT)? = new;
        Ok(())
    }

    /// Stops a vCPU (KVM_SET_MP_STATE with KVM_MP_STATE_STOPPED), until another turns it on.
    ///
    /// # Errors
    ///
    /// ENOENT: no such vCPU.
    pub fn stop_vcpu(&mut self, cpu: usize) -> Result<(), Errno> {
        self.vcpus.get_mut(cpu).ok_or(Errno::ENOENT)?.stopped = true;
        Ok(())
    }

    /// Turns on the vCPU that another one asked for: it is reset, but for where it begins and what it is given
    /// (arch/arm64/kvm/psci.c, kvm_psci_vcpu_on()).
    fn turn_on(&mut self, wish: TurnOn) {
        let mut new = Vcpu::new(&self.features, self.contract());
        new.cpu.pc = wish.entry;
        new.cpu.x[0] = wish.context;
        self.vcpus[wish.cpu] = new;
    }

    /// Logs dirty pages in rings of this many entries, one for each vCPU (virt/kvm/kvm_main.c,
    /// kvm_vm_ioctl_enable_dirty_log_ring()).
    ///
    /// # Errors
    ///
    /// - EINVAL: not a power of two of entries that fills a page, a vCPU exists, or there are rings already.
    /// - E2BIG: more than 65536 entries.
    pub fn enable_dirty_ring(&mut self, entries: u32) -> Result<(), Errno> {
        self.memory.enable_rings(entries, !self.vcpus.is_empty())
    }

    /// Takes what is in a vCPU's dirty ring: addresses of pages, in the order of the first write since they were last taken.
    ///
    /// # Errors
    ///
    /// ENOENT: no rings.
    pub fn take_dirty_ring(&mut self, cpu: usize) -> Result<Vec<u64>, Errno> {
        self.memory.take_ring(cpu)
    }

    /// How many vCPUs there are.
    #[must_use]
    pub fn vcpus(&self) -> usize {
        self.vcpus.len()
    }

    /// Adds a memory slot.
    ///
    /// # Errors
    ///
    /// - EINVAL: not in whole host pages, empty, or memory that a VM with MTE may not have in this release.
    /// - EEXIST: there is a slot already.
    pub fn add_memory(&mut self, ipa: u64, bytes: u64, memory: Backing, access: Access) -> Result<(), Errno> {
        self.memory.add(ipa, bytes, memory, access)
    }

    /// Starts or stops logging dirty pages in the slot that starts at `ipa`.
    ///
    /// # Errors
    ///
    /// EINVAL when no slot starts there.
    pub fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno> {
        self.memory.log_dirty(ipa, on)
    }

    /// Takes the dirty log of the slot that starts at `ipa`: numbers of pages that the guest wrote or tagged since it was
    /// last taken (KVM_GET_DIRTY_LOG). What the VMM writes is not in it, nor are tags that it stores.
    ///
    /// # Errors
    ///
    /// ENOENT when no logged slot starts there.
    pub fn take_dirty(&mut self, ipa: u64) -> Result<Vec<u64>, Errno> {
        self.memory.take_dirty(ipa)
    }

    /// Deletes the slot that starts at `ipa`, with its memory.
    ///
    /// # Errors
    ///
    /// EINVAL when no slot starts there.
    pub fn remove_memory(&mut self, ipa: u64) -> Result<(), Errno> {
        self.memory.remove(ipa)
    }

    /// Moves the slot that starts at `ipa`, with its memory.
    ///
    /// # Errors
    ///
    /// - EINVAL: no slot starts there, or the new place is not one of whole host pages, or ends beyond all addresses.
    /// - EEXIST: there is another slot in the way.
    pub fn move_memory(&mut self, ipa: u64, to: u64) -> Result<(), Errno> {
        self.memory.relocate(ipa, to)
    }

    /// Returns whether the kernel's page full of zeros is flagged as tagged, which nothing does: it stands for pages that nobody wrote,
    /// whoever reads them (arch/arm64/kvm/mmu.c, sanitise_mte_tags()).
    #[must_use]
    pub fn zero_page_is_tagged(&self) -> bool {
        false
    }

    /// Returns pages from `ipa` on back to the host: they read as zeros and were never tagged.
    pub fn forget(&mut self, ipa: u64) {
        self.memory.forget(ipa);
    }

    /// The memory.
    #[must_use]
    pub fn memory(&self) -> &GuestMemory {
        &self.memory
    }

    /// Reads guest memory as the VMM does. `false` if the range is not all in one accessible slot.
    #[must_use]
    pub fn read(&self, ipa: u64, buffer: &mut [u8]) -> bool {
        self.memory.vmm_read(ipa, buffer)
    }

    /// Writes guest memory as the VMM does. `false` if the range is not all in one accessible slot.
    #[must_use]
    pub fn write(&mut self, ipa: u64, bytes: &[u8]) -> bool {
        self.memory.vmm_write(ipa, bytes)
    }

    /// Enters a vCPU: completes a pending store to a device and loads its registers. Returns the CPU, the memory that it
    /// sees, and what it has; `None` if there is no such vCPU.
    pub fn enter(&mut self, cpu: usize) -> Option<(&mut Cpu, &mut GuestMemory, &Features)> {
        self.ran = true;
        self.memory.running = cpu;
        let vcpu = self.vcpus.get_mut(cpu)?;
        vcpu.settle();
        vcpu.load();
        Some((&mut vcpu.cpu, &mut self.memory, &self.features))
    }

    /// What is around a vCPU.
    #[must_use]
    pub fn platform(&self, cpu: usize) -> Platform {
        let (hypervisor, psci_minor) = (self.host.hypervisor, self.contract().psci_minor());
        let off = (0..).zip(&self.vcpus).fold(0, |off, (number, vcpu)| off | u16::from(vcpu.stopped) << number);
        Platform { cpu, cpus: self.vcpus.len(), off, hypervisor, psci_minor }
    }

    /// Leaves a vCPU: its registers go to memory, all asynchronous tag check faults in them.
    pub fn leave(&mut self, cpu: usize) {
        if let Some(vcpu) = self.vcpus.get_mut(cpu) {
            vcpu.put();
            self.hardware = Vcpu::live(&mut vcpu.cpu).map(|register| *register);
            if let Some(wish) = vcpu.cpu.turns_on.take() {
                self.turn_on(wish);
            }
        }
    }

    /// A vCPU's CPU, as it is while it does not run.
    #[must_use]
    pub fn cpu(&self, cpu: usize) -> Option<&Cpu> {
        self.vcpus.get(cpu).map(|vcpu| &vcpu.cpu)
    }

    /// Notes whether a vCPU's RGSR_EL1, although it was set to some value, is one that the architecture leaves open: a
    /// program whose generator is UNKNOWN does not get to know it by being saved and restored.
    pub fn mark_rgsr(&mut self, cpu: usize, unknown: bool) {
        if let Some(vcpu) = self.vcpus.get_mut(cpu) {
            vcpu.rgsr_unknown = unknown;
        }
    }

    /// Notes what registers do not show of a vCPU that was restored ([`Cpu::hidden`]).
    pub fn set_hidden(&mut self, cpu: usize, hidden: Hidden) {
        if let Some(vcpu) = self.vcpus.get_mut(cpu) {
            vcpu.cpu.set_hidden(hidden);
        }
    }

    /// Makes a range of guest memory UNKNOWN, until it is written.
    pub fn make_unknown(&mut self, range: Range<u64>) {
        range.for_each(|ipa| self.memory.make_unknown(ipa, 1));
    }

    /// Completes a store to a device whose exit was served, or takes the abort that the VMM injected instead: KVM_RUN with
    /// `immediate_exit`. Until then the PC is that of the store (Documentation/virt/kvm/api.rst, the kvm_run structure).
    pub fn complete_mmio(&mut self, cpu: usize) {
        if let Some(vcpu) = self.vcpus.get_mut(cpu) {
            vcpu.settle();
        }
    }
}

#[cfg(test)]
mod tests;
