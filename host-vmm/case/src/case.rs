//! What a case is, what it may be skipped for, and how it can end.

use machine::capability::Capability;
use machine::need::{Need, Skip};
use machine::target::Target;
use machine::{MachineError, RequestError};
use report::event::{CaseInfo, Event, Failure, Verdict};
use report::failure::FailureKind;

use crate::case_context::CaseContext;

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
    run: fn(&mut CaseContext<'_>) -> CaseResult,
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
    pub fn all_needs(&self) -> impl Iterator<Item = Need> {
        // What is promised of KVM is not shown by a machine without a kernel, even if it does the same.
        let of_the_kernel = self.name.starts_with("kvm.").then_some(Need::Capability(Capability::Vm));
        of_the_kernel.into_iter().chain(self.needs.iter().copied()).chain([OF_EVERY_CASE])
    }

    /// Runs the case, unless its verdict is known in advance.
    ///
    /// # Errors
    ///
    /// The event that closes the stream: there is no machine any more, and so no verdict.
    pub fn check(&self, cx: &mut CaseContext<'_>) -> Result<Verdict, Box<Event>> {
        if let Some(verdict) = self.verdict_in_advance(cx.target()) {
            return Ok(verdict);
        }
        match (self.run)(cx) {
            Ok(()) => Ok(Verdict::Passed),
            Err(CaseError::Machine(error)) if error.ends_run() => Err(Box::new(Event::broken(&error))),
            Err(error) => Ok(self.verdict(error)),
        }
    }

    /// Returns the verdict before the case is run, if there is one: a need that the target does not meet skips it, and a
    /// capability that machines of this kind have, but this one has not, is a failure.
    fn verdict_in_advance(&self, target: &Target) -> Option<Verdict> {
        if let Some(skip) = self.all_needs().find_map(|need| need.unmet_by(target)) {
            return Some(skipped(&skip));
        }
        let missing = self.all_needs().find_map(|need| match need {
            Need::Capability(capability) if !target.capabilities.has(capability) => Some(capability),
            _ => None,
        });
        missing.map(|capability| self.verdict(CaseError::not_handed_out(capability)))
    }

    /// Returns the verdict that a report shows of a case that ended early. It is skipped only for what it declares to need.
    fn verdict(&self, error: CaseError) -> Verdict {
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

impl CaseError {
    /// Returns the failure of a machine that lacks what its kind has ([`machine::capability::TABLE`]).
    #[must_use]
    pub fn not_handed_out(capability: Capability) -> Self {
        let what = format!("the capability {capability}");
        let failure = Failure {
            kind: FailureKind::Request,
            ..Failure::described(what, "machines of this kind have it", "this one does not hand it out")
        };
        Self::Failed(Box::new(failure))
    }
}

/// The cases of one subject, in the order in which they run.
pub type Chapter = &'static [Case];

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

impl From<assembler::ParseError> for CaseError {
    fn from(error: assembler::ParseError) -> Self {
        Self::Machine(RequestError::from(error).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a machine lacks skips the cases that declare it, and fails any other.
    #[test]
    fn a_case_is_skipped_only_for_what_it_declares() {
        let case = |needs| Case::new("arch.a.b", "a claim", "a source", |_| Ok(())).needing(needs);
        let lacking = || CaseError::Machine(Need::Swap.unmet("no swap").into());
        let skip = report::event::Skip::new("host-no-swap", "no swap");
        assert_eq!(case(&[Need::Pagemap, Need::Swap]).verdict(lacking()), Verdict::Skipped(skip.clone()));
        assert_eq!(
            case(&[Need::Swap]).verdict(CaseError::Skipped(Need::Swap.unmet("no swap"))),
            Verdict::Skipped(skip)
        );
        assert!(matches!(case(&[Need::Pagemap]).verdict(lacking()), Verdict::Failed(_)));
        let not_covered = CaseError::Machine(machine::MachineError::Unsupported("not covered".to_owned()));
        assert!(matches!(case(&[Need::Swap]).verdict(not_covered), Verdict::Failed(_)));
    }
}
