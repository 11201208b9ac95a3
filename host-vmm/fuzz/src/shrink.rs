//! Makes a program that diverges smaller, as long as it diverges in the same way.
//!
//! Steps go, then instructions (halves of a block first, then one by one; branches are aimed anew), then everything
//! that the CPU and the memory held without need. Passes repeat until none helps or the time is over.

mod reduce;

use super::judge::{Divergence, Verdict};
use machine::Deadline;
use program::Program;
use program::compare::Location;

/// In which way a program goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The first difference is at such a place; of exceptions, what they are, wherever.
    Differs(Location, [String; 2]),
    /// The machine fails.
    Fails,
}

impl FailureKind {
    /// Reports in which way a verdict is bad, if it is.
    #[must_use]
    pub fn of(verdict: &Verdict) -> Option<Self> {
        match verdict {
            Verdict::Diverged(divergence) => divergence.differences.first().map(|first| {
                let exceptions = match first.place {
                    Location::Fault(_) => [kind(&first.expected), kind(&first.found)],
                    _ => Default::default(),
                };
                Self::Differs(first.place, exceptions)
            }),
            Verdict::Failed(..) => Some(Self::Fails),
            Verdict::Permitted(_)
            | Verdict::Unmet(_)
            | Verdict::OnlyFaults
            | Verdict::Undecided
            | Verdict::Endless(_)
            | Verdict::Lost(_)
            | Verdict::OutOfTime(_)
            | Verdict::NotCovered(_) => None,
        }
    }

    /// Returns whether two ways are the same kind of wrong.
    fn is_same_kind(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Differs(a, of), Self::Differs(b, found)) => a.is_same_kind(*b) && of == found,
            (Self::Fails, Self::Fails) => true,
            _ => false,
        }
    }
}

/// Returns what an exception is, without its place and its address.
fn kind(exception: &str) -> String {
    let (_, behind) = exception.split_once(": ").unwrap_or(("", exception));
    behind.split(" at 0x").next().unwrap_or_default().to_owned()
}

/// A program that was made smaller, and what it shows.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The program.
    pub program: Program,
    /// Its verdict.
    pub verdict: Verdict,
    /// How many programs were tried.
    pub tried: usize,
}

impl Shrunk {
    /// Returns the divergence, if the machine did not simply fail.
    #[must_use]
    pub fn divergence(&self) -> Option<&Divergence> {
        match &self.verdict {
            Verdict::Diverged(divergence) => Some(divergence),
            _ => None,
        }
    }
}

/// Makes a program smaller. `verdict` is its own; a program that is not bad comes back as it is.
pub fn shrink(
    program: Program,
    verdict: Verdict,
    deadline: Deadline,
    judge: &mut dyn FnMut(&Program, Deadline) -> Verdict,
) -> Shrunk {
    let Some(failure_kind) = FailureKind::of(&verdict) else { return Shrunk { program, verdict, tried: 0 } };
    let mut shrinking = Shrinking { best: Shrunk { program, verdict, tried: 0 }, failure_kind, deadline, judge };
    while shrinking.pass() {}
    shrinking.best
}

struct Shrinking<'a> {
    best: Shrunk,
    failure_kind: FailureKind,
    deadline: Deadline,
    judge: &'a mut dyn FnMut(&Program, Deadline) -> Verdict,
}

impl Shrinking<'_> {
    /// Tries all that may help, once; tells whether something did.
    fn pass(&mut self) -> bool {
        let mut helped = false;
        for reducer in reduce::ALL {
            let mut at = 0;
            // A success leaves another thing at the same place.
            while let Some(candidate) = reducer(&self.best.program, at) {
                if candidate.is_some_and(|candidate| self.accept(candidate)) {
                    helped = true;
                } else {
                    at += 1;
                }
                if self.deadline.is_over() {
                    return false;
                }
            }
        }
        helped
    }

    /// Keeps a smaller program if it goes wrong in the same way.
    fn accept(&mut self, program: Program) -> bool {
        if program == self.best.program {
            return false;
        }
        self.best.tried += 1;
        let verdict = (self.judge)(&program, self.deadline);
        let same = FailureKind::of(&verdict).is_some_and(|failure_kind| failure_kind.is_same_kind(&self.failure_kind));
        if same {
            self.best.program = program;
            self.best.verdict = verdict;
        }
        same
    }
}
