//! What is known about the target before any case runs: from the first boot and from the kernel.

use crate::machine::Machine;

/// What is known about the target before any case runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// ID_AA64PFR1_EL1.MTE.
    pub mte: u8,
    /// Bytes that one LDGM or STGM covers (GMID_EL1).
    pub tag_block: u64,
    /// Bytes that one DC ZVA covers; `None` where it is prohibited (DCZID_EL0).
    pub zero_block: Option<u64>,
    /// Bytes in a page of the host.
    pub page_size: u64,
    /// The kernel's version: major and minor.
    pub kernel: (u32, u32),
    /// Whether the host gives transparent huge pages to those who ask.
    pub huge_pages: bool,
}

impl Facts {
    /// Asks a booted machine.
    #[must_use]
    pub fn new(machine: &dyn Machine, release: &str) -> Self {
        let report = machine.boot_report(0);
        let mut numbers = release.split(['.', '-']).map_while(|part| part.parse().ok());
        Self {
            mte: (report.pfr1 >> 8 & 0xf) as u8,
            tag_block: 4 << (report.gmid & 0xf),
            zero_block: (report.dczid >> 4 & 1 == 0).then_some(4 << (report.dczid & 0xf)),
            page_size: machine.page_size(),
            kernel: (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)),
            huge_pages: std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
                .is_ok_and(|setting| !setting.contains("[never]")),
        }
    }
}
