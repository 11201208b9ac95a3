//! What a run comes to: counts, and the exit status that scripts rely on.

use std::collections::BTreeMap;

use crate::event::{Event, Sink, Verdict};

/// The exit statuses. Their numbers are an interface: README and CI scripts name them.
///
/// ```
/// use report::exit::Exit;
///
/// let statuses = [Exit::Passed, Exit::Failed, Exit::Usage, Exit::Unavailable, Exit::Broken].map(|exit| exit as u8);
/// assert_eq!(statuses, [0, 1, 2, 4, 69]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that could be checked passed.
    Passed = 0,
    /// A promise was broken, or the kernel under test died.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Nothing could be checked on this machine.
    Unavailable = 4,
    /// The run could not be done (sysexits.h, EX_UNAVAILABLE).
    Broken = 69,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// How a stream of events ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// All cases were run, in so many microseconds.
    Finished(u64),
    /// The kernel under test died.
    CutShort {
        /// What happened.
        reason: String,
    },
    /// Nothing can be checked here.
    Unavailable {
        /// What is missing.
        reason: String,
        /// What the user can do.
        remedy: String,
    },
    /// The run could not be done.
    Broken {
        /// What went wrong.
        reason: String,
        /// What the user can do.
        remedy: String,
    },
}

/// Counts events.
///
/// ```
/// use report::event::{Event, Sink, Skip, Verdict};
/// use report::exit::{Exit, Tally};
///
/// let end = |verdict| Event::End { name: "arch.irg.excluded".to_owned(), verdict, micros: 1 };
/// let mut tally = Tally { selected: 2, ..Tally::default() };
/// tally.event(end(Verdict::Passed));
/// assert_eq!(tally.exit(), Exit::Broken, "a stream without a closing event is no verdict");
///
/// tally.event(Event::Finished { micros: 2 });
/// assert_eq!((tally.not_run(), tally.exit()), (1, Exit::Broken), "a case that never ended is none either");
///
/// tally.event(end(Verdict::Skipped(Skip::new("cpu-no-mte3", "this CPU has MTE2"))));
/// assert_eq!(tally.exit(), Exit::Passed);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Cases that were selected.
    pub selected: usize,
    /// Cases that passed.
    pub passed: usize,
    /// Cases that failed.
    pub failed: usize,
    /// How many cases failed because of each erratum.
    pub known: BTreeMap<String, usize>,
    /// How many cases were skipped for each reason.
    pub skipped: BTreeMap<String, usize>,
    /// Known defects that did not show.
    pub not_shown: Vec<String>,
    /// The defect that failures are likely due to: its name, what it does, and where that is written.
    pub likely_cause: Option<[String; 3]>,
    /// How the stream ended, if it did.
    pub closing: Option<RunEnd>,
}

impl Tally {
    /// Cases that were skipped.
    #[must_use]
    pub fn skipped_count(&self) -> usize {
        self.skipped.values().sum()
    }

    /// Cases that failed as is known.
    #[must_use]
    pub fn known_count(&self) -> usize {
        self.known.values().sum()
    }

    /// Selected cases that never ended.
    #[must_use]
    pub fn not_run(&self) -> usize {
        self.selected.saturating_sub(self.passed + self.failed + self.known_count() + self.skipped_count())
    }

    /// Returns the exit status.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match &self.closing {
            _ if self.failed > 0 => Exit::Failed,
            Some(RunEnd::CutShort { .. }) => Exit::Failed,
            Some(RunEnd::Unavailable { .. }) => Exit::Unavailable,
            Some(RunEnd::Finished(_)) if self.not_run() > 0 => Exit::Broken,
            Some(RunEnd::Finished(_)) if self.passed + self.known_count() == 0 => Exit::Unavailable,
            Some(RunEnd::Finished(_)) => Exit::Passed,
            Some(RunEnd::Broken { .. }) | None => Exit::Broken,
        }
    }
}

impl Sink for Tally {
    fn event(&mut self, event: Event) {
        match event {
            Event::Started(target) => self.selected = target.cases,
            Event::End { verdict: Verdict::Passed, .. } => self.passed += 1,
            Event::End { verdict: Verdict::Failed(_), .. } => self.failed += 1,
            Event::End { verdict: Verdict::Known { erratum, .. }, .. } => *self.known.entry(erratum).or_default() += 1,
            Event::End { verdict: Verdict::Skipped(skip), .. } => *self.skipped.entry(skip.reason).or_default() += 1,
            Event::Finished { micros } => self.closing = Some(RunEnd::Finished(micros)),
            Event::CutShort { reason } => self.closing = Some(RunEnd::CutShort { reason }),
            Event::Unavailable { reason, remedy } => self.closing = Some(RunEnd::Unavailable { reason, remedy }),
            Event::Broken { reason, remedy } => self.closing = Some(RunEnd::Broken { reason, remedy }),
            Event::Diverged { .. } => self.failed += 1,
            Event::Hello(_) | Event::Begin(_) | Event::Booted { .. } | Event::Fuzzed(_) | Event::Answer(_) => {}
            Event::NotShown { erratum } => self.not_shown.push(erratum),
            Event::LikelyCause { erratum, shows, reference } => self.likely_cause = Some([erratum, shows, reference]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Failure, Skip};

    fn exit(selected: usize, verdicts: &[Verdict], closing: Option<RunEnd>) -> Exit {
        let mut tally = Tally { selected, closing, ..Tally::default() };
        for verdict in verdicts {
            tally.event(Event::End { name: "a".into(), verdict: verdict.clone(), micros: 0 });
        }
        tally.exit()
    }

    #[test]
    fn every_run_end_has_an_exit_status() {
        let failed = || Verdict::Failed(Failure::default());
        let known = || Verdict::Known { erratum: "qemu.x".into(), failure: Failure::default() };
        let skipped = || Verdict::Skipped(Skip::new("key", "reason"));
        let text = String::new;
        let finished = || Some(RunEnd::Finished(1));
        let broken = || Some(RunEnd::Broken { reason: text(), remedy: text() });
        let unavailable = || Some(RunEnd::Unavailable { reason: text(), remedy: text() });
        let cut = || Some(RunEnd::CutShort { reason: text() });
        let table: [(usize, &[Verdict], Option<RunEnd>, u8); 13] = [
            (2, &[Verdict::Passed, Verdict::Passed], finished(), 0),
            (2, &[Verdict::Passed, skipped()], finished(), 0),
            (2, &[Verdict::Passed, failed()], finished(), 1),
            (2, &[Verdict::Passed, known()], finished(), 0),
            (1, &[known()], finished(), 0),
            (2, &[failed()], broken(), 1),
            (2, &[Verdict::Passed], cut(), 1),
            (2, &[skipped(), skipped()], finished(), 4),
            (0, &[], unavailable(), 4),
            (2, &[Verdict::Passed], broken(), 69),
            (2, &[Verdict::Passed], finished(), 69),
            (1, &[Verdict::Passed], None, 69),
            (0, &[], None, 69),
        ];
        for (selected, verdicts, closing, expected) in table {
            let name = format!("{selected} {verdicts:?} {closing:?}");
            assert_eq!(exit(selected, verdicts, closing) as u8, expected, "{name}");
        }
    }
}
