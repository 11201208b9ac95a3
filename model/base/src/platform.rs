//! What is around a CPU: which of the machine's CPUs it is, and who answers its calls.

/// Who answers HVC at EL1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hypervisor {
    /// KVM, at EL2.
    #[default]
    Kvm,
    /// QEMU's `virt` board, in place of firmware: the machine has no EL2.
    Board,
}

/// What a CPU's own features do not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The CPU's number, from 0 on: MPIDR_EL1.Aff0.
    pub cpu: usize,
    /// How many CPUs there are, 1 at least.
    pub cpus: usize,
    /// Which of them are off, a bit each.
    pub off: u16,
    /// Who answers its calls.
    pub hypervisor: Hypervisor,
    /// The minor version of PSCI 1 that KVM implements, if it is KVM.
    pub psci_minor: u64,
}

impl Default for Platform {
    /// The only vCPU of a VM of Linux 6.12.
    fn default() -> Self {
        Self { cpu: 0, cpus: 1, off: 0, hypervisor: Hypervisor::default(), psci_minor: 1 }
    }
}
