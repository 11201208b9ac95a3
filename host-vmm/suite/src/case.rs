//! What a case is, what it may need, and how it can end.

use machine::MachineError;
use report::event::{CaseInfo, Failure, Verdict};
use report::failure::FailureKind;

use machine::target::Target;

use super::CaseContext;

/// A promise and its check.
#[derive(Debug)]
pub struct Case {
    /// `area.subject.claim`.
    pub name: &'static str,
    /// The promise, as a sentence without its full stop.
    pub claim: &'static str,
    /// Where it is written.
    pub cite: &'static str,
    /// Without these it is skipped.
    pub needs: &'static [Need],
    /// The check.
    pub run: fn(&mut CaseContext<'_>) -> CaseResult,
}

impl Case {
    /// Makes a case that needs nothing special.
    #[must_use]
    pub const fn new(
        name: &'static str,
        claim: &'static str,
        cite: &'static str,
        run: fn(&mut CaseContext<'_>) -> CaseResult,
    ) -> Self {
        Self { name, claim, cite, needs: &[], run }
    }

    /// The same, to be skipped where one of these is lacking.
    #[must_use]
    pub const fn needing(self, needs: &'static [Need]) -> Self {
        Self { needs, ..self }
    }

    /// The case as a report shows it.
    #[must_use]
    pub fn info(&self) -> CaseInfo {
        CaseInfo { name: self.name.to_owned(), claim: self.claim.to_owned(), cite: self.cite.to_owned() }
    }

    /// Returns the case's own seed, so that it draws the same values alone and among others
    /// (FNV-1a over the name).
    #[must_use]
    pub fn seed(&self, run: u64) -> u64 {
        self.name
            .bytes()
            .fold(run ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

/// Something that not every target has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// FEAT_MTE3: asymmetric tag check faults.
    Mte3,
    /// FEAT_MTE_STORE_ONLY: tag checks of stores alone.
    StoreOnly,
    /// DC GVA and DC GZVA are not prohibited (DCZID_EL0.DZP).
    DcZva,
    /// FEAT_LSE: atomics.
    Atomics,
    /// FEAT_MOPS: memory copies and sets.
    Mops,
    /// The host has transparent huge pages.
    HugePages,
    /// A kernel, whose interface is used on a booted guest.
    Kernel,
    /// A kernel that may be hung.
    Hazards,
}

impl Need {
    /// Returns why the target is not enough, if it is not.
    #[must_use]
    pub fn lacking(self, target: &Target) -> Option<String> {
        match self {
            Self::Mte3 if target.mte() < 3 => Some(format!("asymmetric faults: this CPU has MTE{}", target.mte())),
            Self::StoreOnly if !target.store_only() => {
                Some("the guest has no store-only tag checks (FEAT_MTE_STORE_ONLY)".to_owned())
            }
            Self::DcZva if target.zero_block().is_none() => {
                Some("DC ZVA is prohibited here (DCZID_EL0.DZP)".to_owned())
            }
            Self::Kernel if !target.has_kernel() => {
                Some("the kernel's interface: there is no KVM in this machine".to_owned())
            }
            Self::Atomics if !target.atomics() => Some("this CPU has no atomics (FEAT_LSE)".to_owned()),
            Self::Mops if !target.mops() => Some("the guest has no memory copies and sets (FEAT_MOPS)".to_owned()),
            Self::Hazards if !target.host.hazards => {
                Some("it may hang the kernel under test: --hazards runs it, in a nested run".to_owned())
            }
            Self::HugePages if !target.host.huge_pages => Some("this host has transparent huge pages off".to_owned()),
            _ => None,
        }
    }
}

/// Why a case ends early.
#[derive(Debug)]
pub enum CaseError {
    /// The promise does not hold.
    Failed(Box<Failure>),
    /// It cannot be checked here.
    Skipped(String),
    /// The machine could not do it; that is a failure too.
    Machine(MachineError),
}

/// How a check ends.
pub type CaseResult = Result<(), CaseError>;

impl CaseError {
    /// Returns the verdict that a report shows.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Failed(failure) => Verdict::Failed(*failure),
            Self::Skipped(reason) | Self::Machine(MachineError::Unsupported(reason)) => Verdict::Skipped(reason),
            Self::Machine(error) => Verdict::Failed(Failure {
                kind: FailureKind::from(&error),
                ..Failure::described("running the case", "the machine does what it is asked", error.to_string())
            }),
        }
    }
}

impl From<MachineError> for CaseError {
    fn from(error: MachineError) -> Self {
        Self::Machine(error)
    }
}

impl From<machine::tags::TagError> for CaseError {
    fn from(error: machine::tags::TagError) -> Self {
        Self::Machine(error.into())
    }
}

impl From<isa::ParseError> for CaseError {
    fn from(error: isa::ParseError) -> Self {
        Self::Machine(MachineError::BadRequest(format!("the case's program does not assemble: {error}")))
    }
}
