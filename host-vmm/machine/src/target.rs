//! What is under test, described once: by whoever opened it, and by what the first boot showed.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use abi::mailbox::BootReport;
use arch::SysReg;
use isa::Feature;
use kvm_model::contract::{Contract, Release};

use crate::capability::{Capabilities, Capability, MachineKind};
use crate::config::Config;
use crate::error::MachineError;
use crate::explain::Explain;
use crate::machine::{Factory, Machine};
use crate::need::{Need, Skip};
use crate::tags::GRANULE;

/// What whoever opens a target knows about it and no booted machine reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// The kernel's release, beginning with its numbers; empty where there is none.
    pub kernel: String,
    /// How KVM runs: `VHE`, `nVHE`, `protected`; empty where there is no KVM.
    pub kvm_mode: String,
    /// The emulator and its version, such as `QEMU 10.0.2`, where it runs without a kernel; else empty.
    pub emulator: String,
    /// The CPU, if it is known by a name.
    pub cpu: String,
    /// Whether the host gives transparent huge pages to those who ask.
    pub huge_pages: bool,
    /// Whether the kernel may be hung.
    pub hazards: bool,
}

/// A target that has booted once.
///
/// ```
/// use abi::mailbox::BootReport;
/// use machine::capability::MachineKind;
/// use machine::target::{Host, Target};
/// use zerocopy::FromZeros;
///
/// // FEAT_MTE3 in ID_AA64PFR1_EL1, blocks of 2^6 words in GMID_EL1, DC ZVA prohibited by DCZID_EL0.DZP.
/// let boot = BootReport { pfr1: 3 << 8, gmid: 6, dczid: 1 << 4, ..BootReport::new_zeroed() };
/// let host = Host { kernel: "6.12.117+deb12-cloud-arm64".to_owned(), ..Host::default() };
/// let (kind, capabilities) = (MachineKind::Kvm, MachineKind::Kvm.capabilities());
/// let target = Target { kind, capabilities, host, boot, page_size: 4096 };
/// assert_eq!((target.mte(), target.tag_block(), target.zero_block()), (3, 256, None));
/// assert_eq!(target.kernel_version(), (6, 12));
/// assert!(target.has_kernel() && !target.mops());
/// ```
#[derive(Clone, Debug)]
pub struct Target {
    /// What kind of machine it is.
    pub kind: MachineKind,
    /// What its first machine hands out.
    pub capabilities: Capabilities,
    /// What whoever opened it knows.
    pub host: Host,
    /// What the firmware reported from vCPU 0.
    pub boot: BootReport,
    /// Bytes in a page of the host.
    pub page_size: u64,
}

impl Target {
    /// Returns ID_AA64PFR1_EL1.MTE as the guest sees it: 2 or 3 for allocation tags.
    #[must_use]
    pub fn mte(&self) -> u8 {
        field(self.boot.pfr1, 8)
    }

    /// Returns the bytes that one LDGM or STGM covers (GMID_EL1.BS).
    #[must_use]
    pub fn tag_block(&self) -> u64 {
        4 << field(self.boot.gmid, 0)
    }

    /// Returns the bytes that one DC ZVA covers; `None` where it is prohibited, or covers less than a granule as no CPU with
    /// tags does (DCZID_EL0).
    #[must_use]
    pub fn zero_block(&self) -> Option<u64> {
        let block = 4 << field(self.boot.dczid, 0);
        (self.boot.dczid >> 4 & 1 == 0 && block >= GRANULE).then_some(block)
    }

    /// Returns whether tag checks can be limited to stores (ID_AA64PFR2_EL1.MTESTOREONLY, FEAT_MTE_STORE_ONLY).
    #[must_use]
    pub fn store_only(&self) -> bool {
        field(self.boot.pfr2, 4) >= 1
    }

    /// Returns whether FAR_EL1 of a tag check fault has all of the address (ID_AA64PFR2_EL1.MTEFAR, FEAT_MTE_TAGGED_FAR).
    #[must_use]
    pub fn tagged_far(&self) -> bool {
        field(self.boot.pfr2, 8) >= 1
    }

    /// Returns whether there are LDLAR and STLLR (ID_AA64MMFR1_EL1.LO, FEAT_LOR).
    #[must_use]
    pub fn limited_ordering(&self) -> bool {
        field(self.boot.mmfr1, 16) >= 1
    }

    /// Returns whether tag checks can be extended to memory without tags (ID_AA64PFR1_EL1.MTEX).
    #[must_use]
    pub fn extended_checks(&self) -> bool {
        field(self.boot.pfr1, 52) >= 1
    }

    /// Returns whether there are the instructions of a feature.
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        let boot = &self.boot;
        feature.is_in(match feature.field().0 {
            SysReg::IdAa64isar0El1 => boot.isar0,
            SysReg::IdAa64isar1El1 => boot.isar1,
            SysReg::IdAa64isar3El1 => boot.isar3,
            SysReg::IdAa64pfr1El1 => boot.pfr1,
            _ => 0,
        })
    }

    /// Returns whether there are atomic read-modify-write instructions (ID_AA64ISAR0_EL1.Atomic, FEAT_LSE).
    #[must_use]
    pub fn atomics(&self) -> bool {
        field(self.boot.isar0, 20) >= 2
    }

    /// Returns whether there are memory copies and sets (ID_AA64ISAR2_EL1.MOPS, FEAT_MOPS).
    #[must_use]
    pub fn mops(&self) -> bool {
        field(self.boot.isar2, 16) >= 1
    }

    /// Returns whether the guest has pointer authentication of addresses (ID_AA64ISAR1_EL1.{APA, API}, ID_AA64ISAR2_EL1.APA3).
    #[must_use]
    pub fn pointer_authentication(&self) -> bool {
        field(self.boot.isar1, 4) != 0 || field(self.boot.isar1, 8) != 0 || field(self.boot.isar2, 12) != 0
    }

    /// Returns whether the guest has SVE (ID_AA64PFR0_EL1.SVE, FEAT_SVE).
    #[must_use]
    pub fn sve(&self) -> bool {
        field(self.boot.pfr0, 32) >= 1
    }

    /// Returns whether the guest has SME (ID_AA64PFR1_EL1.SME, FEAT_SME).
    #[must_use]
    pub fn sme(&self) -> bool {
        field(self.boot.pfr1, 24) >= 1
    }

    /// Returns whether the guest has SME2 (ID_AA64PFR1_EL1.SME, FEAT_SME2).
    #[must_use]
    pub fn sme2(&self) -> bool {
        field(self.boot.pfr1, 24) >= 2
    }

    /// The vector lengths of SVE in bytes, in ascending order.
    pub fn vector_lengths(&self) -> impl Iterator<Item = u16> + use<> {
        crate::scalable::vector_lengths(self.boot.vector_lengths)
    }

    /// Returns the kernel's release, if it can be read.
    #[must_use]
    pub fn release(&self) -> Option<Release> {
        self.host.kernel.parse().ok()
    }

    /// Returns the kernel's major and minor version; 0 for what cannot be read.
    #[must_use]
    pub fn kernel_version(&self) -> (u32, u32) {
        let mut numbers = self.host.kernel.split(['.', '-']).map_while(|part| part.parse().ok());
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }

    /// Returns whether there is a kernel whose interface can be used.
    #[must_use]
    pub fn has_kernel(&self) -> bool {
        !self.host.kernel.is_empty()
    }

    /// Returns what the kernel promises about MTE; of a kernel whose release cannot be read, what the newest one does.
    #[must_use]
    pub fn contract(&self) -> Contract {
        Contract::for_release(self.release().unwrap_or_default())
    }
}

/// Returns a four-bit field of an ID register.
fn field(register: u64, shift: u32) -> u8 {
    (register >> shift & 0xf) as u8
}

/// A target, a machine of it that has just booted, and where more come from.
pub struct Opened {
    /// Makes more machines.
    pub factory: Box<dyn Factory>,
    /// The first machine.
    pub machine: Box<dyn Machine>,
    /// What it is.
    pub target: Target,
    /// How long the first machine took to boot.
    pub took: Duration,
}

/// Opens a target. Machines stay on the thread that made them, so each thread opens its own.
pub trait Opener: Sync {
    /// Opens the target and boots a first machine of this configuration.
    ///
    /// # Errors
    ///
    /// When something is missing, or nothing can be checked on this target.
    fn open(&self, config: Config) -> Result<Opened, OpenError>;
}

/// Why a target could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Nothing can be checked here.
    #[error("{reason}")]
    Unavailable {
        /// What is missing.
        reason: String,
        /// What the user can do.
        remedy: String,
    },
    /// The run cannot be done.
    #[error("{reason}")]
    Broken {
        /// What went wrong.
        reason: String,
        /// What the user can do.
        remedy: String,
    },
}

impl OpenError {
    /// Makes the error that nothing can be checked here.
    #[must_use]
    pub fn unavailable(cause: &dyn Explain) -> Self {
        Self::Unavailable { reason: cause.reason(), remedy: cause.remedy().unwrap_or_default().into_owned() }
    }

    /// Makes the error that the run cannot be done.
    #[must_use]
    pub fn broken(cause: &dyn Explain) -> Self {
        Self::Broken { reason: cause.reason(), remedy: cause.remedy().unwrap_or_default().into_owned() }
    }

    /// Describes why a first machine did not start.
    #[must_use]
    pub fn not_started(error: &MachineError) -> Self {
        const OTHER: &str = "if you gave --firmware, try without; else please report this with the kernel's log";
        match error {
            MachineError::NoMte(cause) => Self::unavailable(&**cause),
            error if error.ends_run() => Self::broken(error),
            error => Self::Broken {
                reason: format!("the firmware does not start: {}", error.reason()),
                remedy: error.remedy().unwrap_or(OTHER.into()).into_owned(),
            },
        }
    }
}

impl Explain for OpenError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        let (Self::Unavailable { remedy, .. } | Self::Broken { remedy, .. }) = self;
        (!remedy.is_empty()).then(|| remedy.clone().into())
    }
}

/// The CPU of a machine that has booted has no allocation tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the CPU has no allocation tags: ID_AA64PFR1_EL1.MTE is {level}, expected 2 or 3")]
pub struct NoTags {
    /// ID_AA64PFR1_EL1.MTE as the guest sees it.
    pub level: u8,
}

impl Explain for NoTags {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some("use a CPU with FEAT_MTE2 or FEAT_MTE3".into())
    }
}

impl Opened {
    /// Boots a first machine, and describes the target by what it reports.
    ///
    /// # Errors
    ///
    /// When it does not boot; without a kernel, also when it has no allocation tags.
    pub fn boot(factory: Box<dyn Factory>, host: Host, config: Config) -> Result<Self, OpenError> {
        let began = Instant::now();
        let mut machine = factory.boot(config).map_err(|error| OpenError::not_started(&error))?;
        let target = Target {
            kind: factory.kind(),
            capabilities: Capabilities::of(&mut *machine),
            host,
            boot: *machine.boot_report(0),
            page_size: machine.page_size(),
        };
        // A kernel that offers MTE and does not give it is a kernel that fails its cases.
        let opened = Self { factory, machine, target, took: began.elapsed() };
        if opened.target.has_kernel() { Ok(opened) } else { opened.with_tags() }
    }

    /// Returns the target if its guests have allocation tags.
    ///
    /// # Errors
    ///
    /// When they have none: then nothing can be checked.
    pub fn with_tags(self) -> Result<Self, OpenError> {
        match self.target.mte() {
            0 | 1 => Err(OpenError::unavailable(&NoTags { level: self.target.mte() })),
            _ => Ok(self),
        }
    }
}

impl Need {
    /// Returns why the target does not meet the need, as far as that is known before a case begins. A capability is unmet
    /// when machines of that kind are not to have it ([`crate::capability::TABLE`]), whatever this one has.
    #[must_use]
    pub fn unmet_by(self, target: &Target) -> Option<Skip> {
        let promised = target.kind.capabilities();
        let reason = match self {
            Self::Capability(capability) if !promised.has(capability) => {
                if !promised.has(Capability::Vm) {
                    let reason = "the kernel's interface: there is no KVM in this machine";
                    return Some(Self::Capability(Capability::Vm).unmet(reason));
                }
                format!("machines of the kind {} have no {capability}", target.kind)
            }
            Self::Mte3 if target.mte() < 3 => format!("asymmetric faults: this CPU has MTE{}", target.mte()),
            Self::StoreOnly if !target.store_only() => {
                "the guest has no store-only tag checks (FEAT_MTE_STORE_ONLY)".to_owned()
            }
            Self::TaggedFar if !target.tagged_far() => {
                "the guest has no bits 63:60 in FAR_EL1 of a tag check fault (FEAT_MTE_TAGGED_FAR)".to_owned()
            }
            Self::DcZva if target.zero_block().is_none() => "DC ZVA is prohibited here (DCZID_EL0.DZP)".to_owned(),
            Self::Atomics if !target.atomics() => "this CPU has no atomics (FEAT_LSE)".to_owned(),
            Self::LimitedOrdering if !target.limited_ordering() => {
                "the guest has no limited ordering regions (FEAT_LOR)".to_owned()
            }
            Self::ExtendedChecks if !target.extended_checks() => {
                "the guest has no canonical tags (FEAT_MTE_CANONICAL_TAGS)".to_owned()
            }
            Self::Instructions(feature) if !target.has(feature) => format!("this CPU has no {feature}"),
            Self::Mops if !target.mops() => "the guest has no memory copies and sets (FEAT_MOPS)".to_owned(),
            Self::PointerAuthentication if !target.pointer_authentication() => {
                "the guest has no pointer authentication (FEAT_PAuth)".to_owned()
            }
            Self::Sve if !target.sve() => "the guest has no scalable vectors (FEAT_SVE)".to_owned(),
            Self::Sme if !target.sme() => "the guest has no streaming mode (FEAT_SME)".to_owned(),
            Self::Sme2 if !target.sme2() => "the guest has no loads of several vectors (FEAT_SME2)".to_owned(),
            Self::Hazards if !target.host.hazards => {
                "it may hang the kernel under test: --hazards runs it, in a nested run".to_owned()
            }
            Self::HugePages if !target.host.huge_pages => "this host has transparent huge pages off".to_owned(),
            _ => return None,
        };
        Some(self.unmet(reason))
    }
}

impl Capabilities {
    /// Asks a machine, and the VM that it owns, for each object.
    #[must_use]
    pub fn of(machine: &mut dyn Machine) -> Self {
        let mut found = vec![
            (Capability::Races, machine.races().is_some()),
            (Capability::UnknownMemory, machine.unknown_memory().is_some()),
        ];
        if let Some(vm) = machine.vm() {
            found.extend([
                (Capability::Vm, true),
                (Capability::DirtyLog, vm.dirty_log().is_some()),
                (Capability::DirtyRing, vm.dirty_ring().is_some()),
                (Capability::MemorySlots, vm.memory_slots().is_some()),
                (Capability::PageEvents, vm.page_events().is_some()),
                (Capability::PtraceTags, vm.ptrace_tags().is_some()),
                (Capability::VmmTags, vm.vmm_tags().is_some()),
                (Capability::Aarch32Vcpus, vm.aarch32_vcpus().is_some()),
                (Capability::AbortInjection, vm.abort_injection().is_some()),
                (Capability::El2Vcpus, vm.el2_vcpus().is_some()),
                (Capability::IdRegisterMasks, vm.id_register_masks().is_some()),
                (Capability::VcpuResets, vm.vcpu_resets().is_some()),
                (Capability::ScalableVectors, vm.scalable_vectors().is_some()),
                (Capability::SharedMemory, vm.shared_memory().is_some()),
                (Capability::HostFeatures, vm.host_features().is_some()),
                (Capability::HostEvents, vm.host_events().is_some()),
                (Capability::LateMemory, vm.late_memory().is_some()),
                (Capability::SetupRaces, vm.setup_races().is_some()),
                (Capability::Hazards, vm.hazards().is_some()),
            ]);
        }
        found.into_iter().filter(|(_, has)| *has).map(|(capability, _)| capability).collect()
    }
}
