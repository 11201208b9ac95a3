//! What is known about the target before any case runs: from the first boot, and from whoever makes the machines.

use model::contract::{Contract, Release};

use crate::machine::Machine;

/// What whoever makes the machines knows about them and no booted machine tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The kernel's release, beginning with its numbers; empty where there is none.
    pub kernel: String,
    /// How KVM runs: `VHE`, `nVHE`, `protected`.
    pub kvm_mode: String,
    /// The CPU, if it is known by a name.
    pub cpu: String,
    /// Whether the host gives transparent huge pages to those who ask.
    pub huge_pages: bool,
    /// Whether the kernel may be hung.
    pub hazards: bool,
}

/// What is known about the target before any case runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// ID_AA64PFR1_EL1.MTE.
    pub mte: u8,
    /// Bytes that one LDGM or STGM covers (GMID_EL1).
    pub tag_block: u64,
    /// Bytes that one DC ZVA covers; `None` where it is prohibited (DCZID_EL0).
    pub zero_block: Option<u64>,
    /// FEAT_MTE_STORE_ONLY: tag checks can be limited to stores (ID_AA64PFR2_EL1.MTESTOREONLY).
    pub store_only: bool,
    /// FEAT_LSE: atomic read-modify-write instructions (ID_AA64ISAR0_EL1.Atomic).
    pub atomics: bool,
    /// FEAT_MOPS: memory copies and sets (ID_AA64ISAR2_EL1.MOPS).
    pub mops: bool,
    /// Bytes in a page of the host.
    pub page_size: u64,
    /// The kernel's version: major and minor.
    pub kernel: (u32, u32),
    /// What the kernel promises about MTE; that of the newest known one where the kernel's version cannot be read.
    pub contract: Contract,
    /// Whether the host gives transparent huge pages to those who ask.
    pub huge_pages: bool,
    /// Whether the kernel may be hung.
    pub hazards: bool,
}

impl Facts {
    /// Asks a booted machine.
    #[must_use]
    pub fn new(machine: &dyn Machine, subject: &Subject) -> Self {
        let report = machine.boot_report(0);
        let mut numbers = subject.kernel.split(['.', '-']).map_while(|part| part.parse().ok());
        Self {
            mte: (report.pfr1 >> 8 & 0xf) as u8,
            tag_block: 4 << (report.gmid & 0xf),
            zero_block: (report.dczid >> 4 & 1 == 0).then_some(4 << (report.dczid & 0xf)),
            store_only: report.pfr2 >> 4 & 0xf >= 1,
            atomics: report.isar0 >> 20 & 0xf >= 2,
            mops: report.isar2 >> 16 & 0xf >= 1,
            page_size: machine.page_size(),
            kernel: (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)),
            contract: Contract::for_release(subject.kernel.parse().unwrap_or(Release::default())),
            huge_pages: subject.huge_pages,
            hazards: subject.hazards,
        }
    }
}
