//! The host that a VM is on: its kernel, how KVM runs there, its pages and its CPUs.

use crate::contract::{Contract, Release, Rule};
use model_base::{Features, Hypervisor};

/// How the host's KVM runs (`kvm-arm.mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The kernel is the hypervisor.
    #[default]
    Vhe,
    /// A part of KVM runs at EL2, the kernel at EL1.
    Nvhe,
    /// The same, and EL2 does not trust the kernel.
    Protected,
    /// The kernel is the hypervisor, and guests may have EL2, too.
    Nested,
}

/// The host that a VM is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The kernel.
    pub release: Release,
    /// How KVM runs.
    pub mode: Mode,
    /// Bytes in a page: 4096, 16384 or 65536.
    pub page_size: u64,
    /// What its CPUs have.
    pub features: Features,
    /// Who answers a guest's calls. Without KVM nothing is kept from a guest.
    pub hypervisor: Hypervisor,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            release: Release::default(),
            mode: Mode::default(),
            page_size: 4096,
            features: Features::default(),
            hypervisor: Hypervisor::default(),
        }
    }
}

#[mutants::rules]
impl Host {
    /// Returns whether KVM_CHECK_EXTENSION reports KVM_CAP_ARM_EL2.
    #[must_use]
    pub fn offers_el2(&self) -> bool {
        self.mode == Mode::Nested && Contract::for_release(self.release).holds(Rule::El2Vcpus)
    }

    /// Returns whether KVM_CHECK_EXTENSION reports KVM_CAP_ARM_MTE (arch/arm64/kvm/arm.c).
    #[must_use]
    pub fn offers_mte(&self) -> bool {
        let contract = Contract::for_release(self.release);
        let protected = self.mode == Mode::Protected && contract.holds(Rule::ProtectedModeRefusesMte);
        contract.holds(Rule::Mte) && self.features.has_tags() && !protected
    }
}
