//! What a case is, what it may be skipped for, and how it can end.

use machine::capability::Capability;
use machine::need::{Need, Skip};
use machine::target::Target;
use machine::{MachineError, RequestError};
use report::event::{CaseInfo, Failure, Verdict};
use report::failure::FailureKind;

use super::calls::not_handed_out;
use super::case_context::CaseContext;

/// A promise and its check.
#[derive(Debug)]
pub struct Case {
    /// `area.subject.claim`.
    pub name: &'static str,
    /// The promise, as a sentence without its full stop.
    pub claim: &'static str,
    /// Where it is written.
    pub cite: &'static str,
    /// Without these it is skipped, and for nothing else.
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

/// Every case may look at tags from outside the guest, and no case shows which emulators cannot.
const OF_EVERY_CASE: Need = Need::EmulatorTags;

impl Case {
    /// Returns what the case may be skipped for.
    pub(super) fn all_needs(&self) -> impl Iterator<Item = Need> {
        // What is promised of KVM is not shown by a machine without a kernel, even if it does the same.
        let of_the_kernel = self.name.starts_with("kvm.").then_some(Need::Capability(Capability::Vm));
        of_the_kernel.into_iter().chain(self.needs.iter().copied()).chain([OF_EVERY_CASE])
    }

    /// Returns the verdict before the case is run, if there is one: a need that the target does not meet skips it, and a
    /// capability that machines of this kind have, but this one has not, is a failure.
    #[must_use]
    pub fn verdict_in_advance(&self, target: &Target) -> Option<Verdict> {
        if let Some(skip) = self.all_needs().find_map(|need| need.unmet_by(target)) {
            return Some(skipped(&skip));
        }
        let missing = self.all_needs().find_map(|need| match need {
            Need::Capability(capability) if !target.capabilities.has(capability) => Some(capability),
            _ => None,
        });
        missing.map(|capability| self.verdict(not_handed_out(capability)))
    }

    /// Returns the verdict that a report shows of a case that ended early. It is skipped only for what it declares to need.
    #[must_use]
    pub fn verdict(&self, error: CaseError) -> Verdict {
        match error {
            CaseError::Failed(failure) => Verdict::Failed(*failure),
            CaseError::Skipped(skip) | CaseError::Machine(MachineError::Lacking(skip)) => {
                if self.all_needs().any(|need| need == skip.need) {
                    return skipped(&skip);
                }
                let expected = "nothing is lacking but what the case declares to need";
                let found = format!("{}: {}", skip.key(), skip.reason);
                Verdict::Failed(Failure {
                    kind: FailureKind::Request,
                    ..Failure::described("running the case", expected, found)
                })
            }
            CaseError::Machine(error) => Verdict::Failed(Failure {
                kind: FailureKind::from(&error),
                ..Failure::described("running the case", "the machine does what it is asked", error.to_string())
            }),
        }
    }
}

fn skipped(skip: &Skip) -> Verdict {
    Verdict::Skipped(report::event::Skip::new(skip.key(), &*skip.reason))
}

/// Why a case ends early.
#[derive(Debug)]
pub enum CaseError {
    /// The promise does not hold.
    Failed(Box<Failure>),
    /// It cannot be checked here.
    Skipped(Skip),
    /// The machine could not do it; that is a failure too.
    Machine(MachineError),
}

/// How a check ends.
pub type CaseResult = Result<(), CaseError>;

impl From<Skip> for CaseError {
    fn from(skip: Skip) -> Self {
        Self::Skipped(skip)
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
        Self::Machine(RequestError::from(error).into())
    }
}
