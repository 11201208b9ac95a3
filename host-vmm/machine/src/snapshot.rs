//! A whole VM at rest: memory, tags, registers.
//!
//! Memory and tags are kept as the pages that were ever touched. Restoring goes in the order memory,
//! tags, registers: tags stored before data would be lost wherever the kernel replaces the page under
//! them, and registers come last because they make the vCPU run.

use std::any::Any;
use std::rc::Rc;

use crate::config::Config;
use crate::error::MachineError;
use crate::registers::Registers;
use crate::request::RequestError;
use crate::session::guest_state::GuestState;

/// Consecutive pages that have something in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Guest-physical address of the first byte, a multiple of the host's page size.
    pub ipa: u64,
    /// The bytes.
    pub data: Vec<u8>,
    /// One tag a byte, one for each granule of `data`.
    pub tags: Vec<u8>,
}

/// The state of one vCPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuState {
    /// Every register that the kernel lists.
    pub registers: Registers,
    /// KVM_GET_MP_STATE.
    pub mp_state: u32,
    /// KVM_GET_VCPU_EVENTS, `struct kvm_vcpu_events` as bytes; empty where nothing can be pending.
    pub events: Vec<u8>,
}

/// A VM at rest.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// How the VM was made.
    pub config: Config,
    /// Touched memory, in ascending order.
    pub memory: Vec<Extent>,
    /// The vCPUs, by index; none where an emulator keeps them.
    pub cpus: Vec<CpuState>,
    /// What an emulator keeps, where there is no KVM; only its own kind of machine can read it.
    pub emulated: Option<Rc<dyn Any>>,
    /// What the session knew of the guest.
    pub guest: GuestState,
}

impl Snapshot {
    /// Returns the registers of a vCPU.
    ///
    /// # Errors
    ///
    /// When the saved state shows none, as where an emulator keeps them.
    pub fn registers(&self, cpu: usize) -> Result<&Registers, MachineError> {
        let missing = RequestError::NoSuchVcpu { cpu, cpus: self.cpus.len() };
        Ok(self.cpus.get(cpu).map(|state| &state.registers).ok_or(missing)?)
    }
}
