//! What a case may need that not every target has, and so why a case can be skipped.
//!
//! Some needs are known from the target before the case begins ([`Need::unmet_by`]); of others the machine reports amid the
//! case that they are not met, as [`crate::error::MachineError::Lacking`]. Either way a case is skipped only for needs that it
//! declares.

use std::fmt;

use isa::Feature;

use crate::capability::table::Capability;
use kvm_model::kernel::Backing;

/// Something that not every target has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// A capability of the machine.
    Capability(Capability),

    /// FEAT_MTE3: asymmetric tag check faults.
    Mte3,
    /// FEAT_MTE_STORE_ONLY: tag checks of stores alone.
    StoreOnly,
    /// FEAT_MTE_TAGGED_FAR: FAR_EL1 of a tag check fault has all of the address.
    TaggedFar,
    /// DC GVA and DC GZVA are not prohibited (DCZID_EL0.DZP).
    DcZva,
    /// FEAT_LSE: atomics.
    Atomics,
    /// FEAT_LOR: limited ordering regions.
    LimitedOrdering,
    /// FEAT_MTE_CANONICAL_TAGS and FEAT_MTE_NO_ADDRESS_TAGS: tag checks of memory without tags.
    ExtendedChecks,
    /// The instructions of a feature.
    Instructions(Feature),
    /// FEAT_MOPS: memory copies and sets.
    Mops,
    /// FEAT_SVE: scalable vectors.
    Sve,
    /// FEAT_SME: streaming mode and ZA.
    Sme,
    /// FEAT_SME2: ZT0 and several vectors by a counter.
    Sme2,
    /// FEAT_PAuth: pointer authentication.
    PointerAuthentication,
    /// AArch32 at EL1.
    Aarch32,
    /// A line of tags (CTR_EL0.TminLine).
    TagLine,

    /// Memory of this kind is not refused to VMs with MTE.
    TakesBacking(Backing),
    /// Memory of some kind is refused to VMs with MTE.
    RefusesBacking,
    /// A guest_memfd is refused to VMs with MTE.
    RefusesGuestMemfd,
    /// CLIDR_EL1 is the guest's own.
    ClidrOfGuest,
    /// What the tag ioctl does while dirty pages are logged is promised.
    TagsWhileLogging,
    /// The kernel makes vCPUs with EL2.
    El2,
    /// The kernel reports which bits of ID registers can be changed.
    WritableMasks,
    /// The kernel has dirty rings.
    DirtyRings,
    /// The kernel makes guest_memfds.
    GuestMemfd,

    /// Transparent huge pages.
    HugePages,
    /// Huge pages can be made of base pages (MADV_COLLAPSE).
    HugePageCollapse,
    /// Huge pages can be split (debugfs).
    HugePageSplit,
    /// The pool of huge pages.
    Hugetlb,
    /// Swap.
    Swap,
    /// Swap that is compressed in memory (zswap).
    CompressedSwap,
    /// A shrinker of underused huge pages (shrink_underused).
    UnderusedShrinker,
    /// A host that is the run's own: its CPUs may go offline, and it may be suspended.
    OwnHost,
    /// A second CPU that can go offline.
    SecondCpu,
    /// A host that can be suspended to idle, and is woken by its clock.
    Suspend,
    /// A kernel that can test a suspend (CONFIG_PM_SLEEP_DEBUG).
    SuspendTest,
    /// A host that can be hibernated to its swap and come back at once (CONFIG_HIBERNATION, test_resume).
    Hibernation,
    /// The kernel has io_uring.
    IoUring,
    /// A device that can be read without harm (a flash memory that /dev/mem shows).
    HarmlessDevice,
    /// A second NUMA node.
    Numa,
    /// KSM.
    Ksm,
    /// /proc/self/pagemap, with frame numbers.
    Pagemap,
    /// userfaultfd.
    Userfaultfd,
    /// A directory on a disk.
    DiskFile,
    /// Data of the vDSO that is mapped into processes.
    VdsoData,
    /// ptrace of a process of the same user.
    Ptrace,
    /// A kernel that no hazard has broken before.
    IntactKernel,

    /// A QEMU that gives out the tags of its guest.
    EmulatorTags,
    /// The user's consent that the kernel may hang.
    Hazards,
}

/// A need that is not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The need.
    pub need: Need,
    /// Why it is not met, for people.
    pub reason: String,
}

impl Skip {
    /// Returns the key of the reason: short, stable, and the same on every machine.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.need.key()
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Need {
    /// Returns the key under which a verdict names the unmet need.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Capability(Capability::Vm) => "no-kernel",
            Self::Capability(capability) => match capability {
                Capability::Vm => "no-kernel",
                Capability::DirtyLog => "no-dirty-log",
                Capability::DirtyRing => "no-dirty-ring",
                Capability::MemorySlots => "no-memory-slots",
                Capability::PageEvents => "no-page-events",
                Capability::PtraceTags => "no-ptrace-tags",
                Capability::VmmTags => "no-vmm-tags",
                Capability::Aarch32Vcpus => "no-aarch32-vcpus",
                Capability::AbortInjection => "no-abort-injection",
                Capability::El2Vcpus => "no-el2-vcpus",
                Capability::IdRegisterMasks => "no-id-register-masks",
                Capability::VcpuResets => "no-vcpu-resets",
                Capability::ScalableVectors => "no-scalable-vectors",
                Capability::SharedMemory => "no-shared-memory",
                Capability::HostFeatures => "no-host-features",
                Capability::HostEvents => "no-host-events",
                Capability::LateMemory => "no-late-memory",
                Capability::SetupRaces => "no-setup-races",
                Capability::Hazards => "no-hazards",
                Capability::Races => "no-races",
                Capability::UnknownMemory => "no-unknown-memory",
            },
            Self::Mte3 => "cpu-no-mte3",
            Self::StoreOnly => "cpu-no-store-only",
            Self::TaggedFar => "cpu-no-tagged-far",
            Self::DcZva => "cpu-no-dc-zva",
            Self::Atomics => "cpu-no-lse",
            Self::LimitedOrdering => "cpu-no-lor",
            Self::ExtendedChecks => "cpu-no-mtex",
            Self::Instructions(feature) => match feature {
                Feature::Lse128 => "cpu-no-lse128",
                Feature::Lrcpc3 => "cpu-no-lrcpc3",
                Feature::Ls64 => "cpu-no-ls64",
                Feature::Ls64V => "cpu-no-ls64-v",
                Feature::Ls64Accdata => "cpu-no-ls64-accdata",
                Feature::The => "cpu-no-the",
                Feature::Gcs => "cpu-no-gcs",
                Feature::Lsui => "cpu-no-lsui",
                Feature::Lsfe => "cpu-no-lsfe",
                _ => "cpu-no-feature",
            },
            Self::Mops => "cpu-no-mops",
            Self::Sve => "cpu-no-sve",
            Self::Sme => "cpu-no-sme",
            Self::Sme2 => "cpu-no-sme2",
            Self::PointerAuthentication => "cpu-no-pauth",
            Self::Aarch32 => "cpu-no-aarch32",
            Self::TagLine => "cpu-no-tag-line",
            Self::TakesBacking(backing) => match backing {
                Backing::Anonymous => "kernel-refuses-anonymous",
                Backing::HugePages => "kernel-refuses-huge-pages",
                Backing::Shared => "kernel-refuses-shared",
                Backing::PrivateFile => "kernel-refuses-private-file",
                Backing::Hugetlb => "kernel-refuses-hugetlb",
                Backing::Device => "kernel-refuses-device",
                Backing::GuestMemfd => "kernel-refuses-guest-memfd",
            },
            Self::RefusesBacking => "kernel-refuses-no-backing",
            Self::RefusesGuestMemfd => "kernel-takes-guest-memfd",
            Self::ClidrOfGuest => "kernel-shows-host-clidr",
            Self::TagsWhileLogging => "kernel-no-promise-while-logging",
            Self::El2 => "kernel-no-el2-vcpus",
            Self::WritableMasks => "kernel-no-writable-masks",
            Self::DirtyRings => "kernel-no-dirty-rings",
            Self::GuestMemfd => "kernel-no-guest-memfd",
            Self::HugePages => "host-no-huge-pages",
            Self::HugePageCollapse => "host-no-huge-page-collapse",
            Self::HugePageSplit => "host-no-huge-page-split",
            Self::Hugetlb => "host-no-hugetlb",
            Self::Swap => "host-no-swap",
            Self::CompressedSwap => "host-no-zswap",
            Self::UnderusedShrinker => "host-no-underused-shrinker",
            Self::OwnHost => "host-not-of-the-run",
            Self::SecondCpu => "host-no-second-cpu",
            Self::Suspend => "host-no-suspend",
            Self::SuspendTest => "kernel-no-pm-test",
            Self::Hibernation => "host-no-hibernation",
            Self::IoUring => "host-no-io-uring",
            Self::HarmlessDevice => "host-no-harmless-device",
            Self::Numa => "host-no-numa-node",
            Self::Ksm => "host-no-ksm",
            Self::Pagemap => "host-no-pagemap",
            Self::Userfaultfd => "host-no-userfaultfd",
            Self::DiskFile => "host-no-disk-file",
            Self::VdsoData => "host-no-vdso-data",
            Self::Ptrace => "host-no-ptrace",
            Self::IntactKernel => "kernel-broken-before",
            Self::EmulatorTags => "emulator-no-tags",
            Self::Hazards => "hazards-off",
        }
    }

    /// Returns Arm's name of the feature of the CPU that is needed; `None` if it is none.
    #[must_use]
    pub fn feature(self) -> Option<&'static str> {
        Some(match self {
            Self::Mte3 => "FEAT_MTE3",
            Self::StoreOnly => "FEAT_MTE_STORE_ONLY",
            Self::TaggedFar => "FEAT_MTE_TAGGED_FAR",
            Self::ExtendedChecks => "FEAT_MTE_CANONICAL_TAGS",
            Self::Atomics => "FEAT_LSE",
            Self::LimitedOrdering => "FEAT_LOR",
            Self::Instructions(feature) => feature.name(),
            Self::Mops => "FEAT_MOPS",
            Self::Sve => "FEAT_SVE",
            Self::Sme => "FEAT_SME",
            Self::Sme2 => "FEAT_SME2",
            Self::PointerAuthentication => "FEAT_PAuth",
            _ => return None,
        })
    }

    /// Makes a reason to skip a case.
    #[must_use]
    pub fn unmet(self, reason: impl Into<String>) -> Skip {
        Skip { need: self, reason: reason.into() }
    }
}
