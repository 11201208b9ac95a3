//! The rules that differ between releases, and the table of when each holds.
//!
//! A row is a range of releases and a source. "Measured" is by granule on Debian's kernels; "read" is in the
//! source file named, at the release named. A rule with several rows holds in several ranges.

use super::release::Release;

/// A property of KVM that not every release has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// KVM_ARM_MTE_COPY_TAGS exists, and KVM_CAP_ARM_MTE.
    Mte,
    /// A length above INT_MAX is EINVAL. Before, the count returned was truncated to an int.
    LengthLimit,
    /// Storing tags is EBUSY while any slot logs dirty pages. Before, it was done and not logged.
    BusyWhileLogging,
    /// A store whose buffer faults within a page leaves that page without tags. Before, the tags read so far were
    /// left in it.
    FailedStoreClears,
    /// Shared memory is refused to a VM with MTE.
    SharedMemoryRefused,
    /// A private mapping of a regular file is refused to a VM with MTE.
    PrivateFileRefused,
    /// hugetlb memory is refused to a VM with MTE.
    HugetlbRefused,
    /// Device memory is refused to a VM with MTE when the slot is made.
    DeviceMemoryRefused,
    /// A guest_memfd and MTE exclude each other.
    GuestMemfdRefused,
    /// `kvm-arm.mode=protected` does not offer the capability.
    ProtectedModeRefusesMte,
    /// ID_AA64PFR1_EL1.MTE_frac reaches the guest as the CPU has it. Before, it read 0, which claims asynchronous
    /// faults.
    MteFracVisible,
    /// ID_AA64PFR2_EL1.{MTEFAR, MTESTOREONLY} reach the guest as the CPU has them. Before, they read 0.
    TagFarVisible,
    /// ID_AA64ISAR2_EL1.MOPS reaches the guest as the CPU has it. Before, it read 0.
    MopsOffered,
    /// ID_AA64PFR2_EL1.FPMR reaches the guest as the CPU has it. Before, it read 0.
    FpmrOffered,
    /// The ioctl fetches tags of the vDSO's data: it takes page frames that are mapped as such (VM_PFNMAP), or the data is mapped
    /// as pages (VM_MIXEDMAP).
    VdsoDataHasTags,
    /// GMID_EL1 is UNDEFINED in a VM without MTE. Before, it read as the CPU has it.
    GmidTrappedWithoutMte,
    /// CLIDR_EL1 is made up by KVM, and tells of tags in the cache at the level of coherence. Before, it was the host's.
    ClidrTellsTags,
    /// ID registers of a VM that ran give EBUSY for any other value. Before, EINVAL.
    IdRegistersFrozenByRun,
    /// KVM_ARM_GET_REG_WRITABLE_MASKS reports which bits of ID registers a VMM may change.
    WritableMasks,
    /// `kvm-arm.mode=nested` offers vCPUs with EL2 (KVM_CAP_ARM_EL2).
    El2Vcpus,
    /// Guests have PSCI 1.1, with SYSTEM_RESET2. Before, 1.0.
    Psci11,
    /// Guests have PSCI 1.3, with SYSTEM_OFF2.
    Psci13,
}

/// From which release to which a rule holds, and where that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The rule.
    pub rule: Rule,
    /// The first release.
    pub since: Release,
    /// The first release in which it holds no more; `None` while it does.
    pub until: Option<Release>,
    /// The source.
    pub cite: &'static str,
}

#[mutants::rules]
impl Row {
    /// Returns whether the rule holds in a release by this row.
    #[must_use]
    pub fn covers(&self, release: Release) -> bool {
        self.since <= release && self.until.is_none_or(|until| release < until)
    }
}

const fn since(rule: Rule, (major, minor, patch): (u32, u32, u32), cite: &'static str) -> Row {
    Row { rule, since: Release::new(major, minor, patch), until: None, cite }
}

const fn until(row: Row, (major, minor, patch): (u32, u32, u32)) -> Row {
    Row { until: Some(Release::new(major, minor, patch)), ..row }
}

const COPY: &str = "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags()";
const SLOT: &str = "arch/arm64/kvm/mmu.c, kvm_arch_prepare_memory_region()";
const IDS: &str = "arch/arm64/kvm/sys_regs.c, the visible fields of ID registers";

/// All rows.
pub const ROWS: &[Row] = &[
    since(Rule::Mte, (5, 14, 0), "Documentation/virt/kvm/api.rst, KVM_CAP_ARM_MTE and KVM_ARM_MTE_COPY_TAGS"),
    since(Rule::LengthLimit, (6, 4, 0), COPY),
    since(Rule::BusyWhileLogging, (6, 11, 0), COPY),
    since(Rule::FailedStoreClears, (6, 2, 0), COPY),
    until(
        since(
            Rule::SharedMemoryRefused,
            (5, 14, 0),
            "arch/arm64/kvm/mmu.c, kvm_arch_prepare_memory_region(), VM_SHARED; measured on 6.1",
        ),
        (6, 2, 0),
    ),
    since(Rule::PrivateFileRefused, (6, 2, 0), SLOT),
    // The series got the refusal without the support that 6.13 has.
    until(since(Rule::HugetlbRefused, (6, 12, 17), SLOT), (6, 13, 0)),
    since(Rule::DeviceMemoryRefused, (6, 2, 0), SLOT),
    since(
        Rule::GuestMemfdRefused,
        (6, 18, 0),
        "arch/arm64/kvm/mmu.c, kvm_arch_prepare_memory_region(); measured on 7.2 and 7.3-rc. arm64 takes one that can be mapped alone, and 6.18 is the first release with those, which was read",
    ),
    since(
        Rule::ProtectedModeRefusesMte,
        (7, 0, 0),
        "arch/arm64/kvm/arm.c, kvm_vm_ioctl_check_extension(); measured: 6.12 offers it, 7.2 does not; what is between was not measured",
    ),
    since(Rule::MteFracVisible, (6, 16, 0), IDS),
    since(Rule::TagFarVisible, (6, 17, 0), IDS),
    since(
        Rule::MopsOffered,
        (6, 7, 0),
        "arch/arm64/kvm/sys_regs.c, ID_AA64ISAR2_EL1; measured: 0 on 6.1, 1 on 6.12; the message of the merge for 6.7 announces it",
    ),
    since(
        Rule::FpmrOffered,
        (6, 12, 0),
        "arch/arm64/kvm/sys_regs.c, ID_AA64PFR2_EL1: in 6.12 and not in 6.1; that it begins with 6.12 is not confirmed",
    ),
    until(
        since(
            Rule::VdsoDataHasTags,
            (5, 14, 0),
            "virt/kvm/kvm_main.c, hva_to_pfn_remapped(); measured on 6.1 and 6.12, and not on 7.2; that it ends with 6.13 was not",
        ),
        (6, 13, 0),
    ),
    since(
        Rule::VdsoDataHasTags,
        (7, 3, 0),
        "lib/vdso/datastore.c: the data is mapped as pages; measured on 7.3-rc, and not on 7.2",
    ),
    since(Rule::GmidTrappedWithoutMte, (7, 0, 0), "arch/arm64/kvm/sys_regs.c, HCR_EL2.TID5"),
    since(
        Rule::ClidrTellsTags,
        (6, 3, 0),
        "arch/arm64/kvm/sys_regs.c, reset_clidr(): in 6.12 and not in 6.1; measured on 6.12, 7.2 and 7.3-rc; that it begins with 6.3 is not confirmed",
    ),
    since(
        Rule::IdRegistersFrozenByRun,
        (6, 7, 0),
        "arch/arm64/kvm/sys_regs.c, set_id_reg(); the message of the merge for 6.7 announces ID registers that can be written",
    ),
    since(Rule::WritableMasks, (6, 7, 0), "Documentation/virt/kvm/api.rst, KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES"),
    since(
        Rule::El2Vcpus,
        (6, 16, 0),
        "Documentation/virt/kvm/api.rst, KVM_CAP_ARM_EL2: in 7.2 and not in 6.12; measured on 7.2 and 7.3-rc; that it begins with 6.16 is not confirmed",
    ),
    since(
        Rule::Psci11,
        (5, 18, 0),
        "include/kvm/arm_psci.h, KVM_ARM_PSCI_LATEST; measured: 1.1 on 6.1; that it begins with 5.18 is not confirmed",
    ),
    since(
        Rule::Psci13,
        (6, 13, 0),
        "include/kvm/arm_psci.h, KVM_ARM_PSCI_LATEST; measured: 1.1 on 6.12, 1.3 on 7.2; the message of the merge for 6.13 announces it",
    ),
];
