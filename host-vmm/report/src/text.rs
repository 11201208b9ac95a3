//! The report for people: a header, a line for each group of cases, what failed and how to see it again, and
//! a summary.

mod failure;
mod style;

use std::io::{self, Write};
use std::time::Duration;

use self::failure::FailedCase;
use self::style::{BAD, DIM, GOOD, ODD};
use super::Settings;
use crate::event::{CaseInfo, Event, Target, Verdict};
use crate::exit::{RunEnd, Tally};

/// Draws events as text.
#[derive(Debug)]
pub struct Text {
    settings: Settings,
    emulator: Option<(String, String)>,
    seed: Option<u64>,
    boot: Option<Duration>,
    case: Option<CaseInfo>,
    group: Option<Group>,
}

/// Describes what is under test: the machine's name, and what it is. `emulator` is the one around it with its CPU, if it was
/// reported ([`Event::Booted`]).
#[must_use]
pub fn subject(via: &str, emulator: Option<(&str, &str)>, target: &Target) -> String {
    let Target { kernel, page_size, kvm_mode, cpu, mte, vector_lengths, .. } = target;
    let pages = format!("{} KiB pages, {kvm_mode}", page_size / 1024);
    let emulator = emulator.map(|(name, cpu)| format!("{name}, cpu {cpu}"));
    let subject = match (via, emulator) {
        ("model", _) => format!("the contract of Linux {kernel} ({pages}), cpu {cpu}"),
        (_, Some(emulator)) if kernel.is_empty() => emulator,
        (_, Some(emulator)) => format!("Linux {kernel} ({pages}) in {emulator}"),
        (_, None) => format!("Linux {kernel} ({pages})"),
    };
    let vectors = match vector_lengths.as_slice() {
        [] => String::new(),
        [only] => format!(", SVE of {only} bytes"),
        [shortest, .., longest] => format!(", SVE of {shortest} to {longest} bytes"),
    };
    format!("{via}: {subject}, MTE{mte}{vectors}")
}

/// Cases whose names have the first two segments in common, and which came one after the other.
#[derive(Debug, Default)]
struct Group {
    name: String,
    passed: usize,
    skipped: usize,
    /// The cases that failed as is known, each with its erratum.
    known: Vec<(CaseInfo, String)>,
    failed: Vec<FailedCase>,
}

impl Text {
    /// Begins a report.
    pub fn new(settings: Settings) -> Self {
        Self { settings, emulator: None, seed: None, boot: None, case: None, group: None }
    }

    /// Writes what an event completes.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn render(&mut self, out: &mut dyn Write, event: &Event, tally: &Tally) -> io::Result<()> {
        match event {
            Event::Hello(_)
            | Event::Fuzzed(_)
            | Event::Answer(_)
            | Event::NotShown { .. }
            | Event::LikelyCause { .. } => Ok(()),
            Event::Diverged { case, failure } => {
                FailedCase { case: case.clone(), failure: failure.clone() }.render(out, &self.settings, self.seed)
            }
            Event::Booted { emulator, cpu, micros } => {
                self.emulator = Some((emulator.clone(), cpu.clone()));
                self.boot = Some(Duration::from_micros(*micros));
                Ok(())
            }
            Event::Started(target) => {
                self.seed = Some(target.seed);
                if self.settings.quiet { Ok(()) } else { writeln!(out, "{}", self.header(target)) }
            }
            Event::Begin(case) => {
                self.case = Some(case.clone());
                let name = group_name(&case.name);
                if self.group.as_ref().is_some_and(|group| group.name != name) {
                    self.close_group(out)?;
                }
                self.group.get_or_insert_with(|| Group { name: name.to_owned(), ..Group::default() });
                Ok(())
            }
            Event::End { verdict, .. } => {
                self.end(verdict);
                Ok(())
            }
            Event::Finished { .. } | Event::CutShort { .. } | Event::Unavailable { .. } | Event::Broken { .. } => {
                self.close_group(out)?;
                self.summary(out, tally)
            }
        }
    }

    fn header(&self, target: &Target) -> String {
        let emulator = self.emulator.as_ref().map(|(name, cpu)| (name.as_str(), cpu.as_str()));
        let subject = subject(self.settings.via, emulator, target);
        format!("granule {} · {subject} · seed {:#x}", target.granule, target.seed)
    }

    fn end(&mut self, verdict: &Verdict) {
        let (Some(case), Some(group)) = (self.case.take(), &mut self.group) else { return };
        match verdict {
            Verdict::Passed => group.passed += 1,
            Verdict::Skipped(_) => group.skipped += 1,
            Verdict::Known { erratum, .. } => group.known.push((case, erratum.clone())),
            Verdict::Failed(failure) => group.failed.push(FailedCase { case, failure: failure.clone() }),
        }
    }

    fn close_group(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let Some(group) = self.group.take() else { return Ok(()) };
        let counts = counts(group.passed, group.failed.len(), group.known.len(), group.skipped);
        // A case that never ended leaves a group that has nothing to count.
        if !self.settings.quiet && !counts.is_empty() {
            let names = self.settings.names.iter().map(|name| group_name(name).chars().count());
            let column = names.max().unwrap_or(0).max(group.name.chars().count());
            writeln!(out, "  {:column$}  {counts}", group.name)?;
        }
        if !self.settings.quiet {
            for (case, erratum) in &group.known {
                writeln!(out, "    {ODD}!{ODD:#} {}   fails as known: {erratum}", case.name)?;
            }
        }
        group.failed.iter().try_for_each(|failed| failed.render(out, &self.settings, self.seed))
    }

    fn summary(&self, out: &mut dyn Write, tally: &Tally) -> io::Result<()> {
        if let Some(RunEnd::CutShort { reason }) = &tally.closing {
            writeln!(out, "{BAD}cut short{BAD:#}: {reason}")?;
        }
        if tally.selected == 0 {
            return Ok(());
        }
        let mut counts = counts(tally.passed, tally.failed, tally.known_count(), tally.skipped_count());
        if counts.is_empty() {
            counts = "0 passed".to_owned();
        }
        if !tally.skipped.is_empty() {
            counts = format!("{counts} ({})", reasons(tally));
        }
        if tally.not_run() > 0 {
            counts = format!("{counts}, {BAD}{} not run{BAD:#}", tally.not_run());
        }
        // Without a header the seed would be nowhere.
        let seed =
            self.seed.filter(|_| self.settings.quiet).map(|seed| format!(" · seed {seed:#x}")).unwrap_or_default();
        writeln!(out, "{counts} in {}{seed}", seconds(self.settings.began.elapsed()))?;
        for erratum in tally.not_shown.iter().filter(|_| !self.settings.quiet) {
            writeln!(out, "{ODD}not shown{ODD:#}: {erratum}, which this version is known to have")?;
        }
        if let Some([name, shows, reference]) = &tally.likely_cause {
            writeln!(out, "{ODD}likely cause{ODD:#}: {name}: {shows}; use another version ({reference})")?;
        }
        let parts = self.parts(tally);
        if parts.is_empty() { Ok(()) } else { writeln!(out, "{DIM}{}{DIM:#}", parts.join(" · ")) }
    }

    /// Where the time went, as far as it is known.
    fn parts(&self, tally: &Tally) -> Vec<String> {
        let suite = match tally.closing {
            Some(RunEnd::Finished(micros)) => Some(("suite", Duration::from_micros(micros))),
            _ => None,
        };
        let boot = self.boot.map(|boot| ("boot", boot));
        let known = self.settings.before.iter().copied().chain(boot).chain(suite);
        known.map(|(name, time)| format!("{name} {}", seconds(time))).collect()
    }
}

/// Returns the first two segments of a name.
fn group_name(name: &str) -> &str {
    name.match_indices('.').nth(1).map_or(name, |(at, _)| &name[..at])
}

fn counts(passed: usize, failed: usize, known: usize, skipped: usize) -> String {
    let parts = [(passed, GOOD, "passed"), (failed, BAD, "failed"), (known, ODD, "known"), (skipped, ODD, "skipped")];
    let parts = parts.iter().filter(|(count, ..)| *count > 0);
    parts.map(|(count, style, word)| format!("{style}{count} {word}{style:#}")).collect::<Vec<_>>().join(", ")
}

/// Returns the reasons of skips; with how many each, if there are several.
fn reasons(tally: &Tally) -> String {
    if let [reason] = tally.skipped.keys().collect::<Vec<_>>()[..] {
        return reason.clone();
    }
    tally.skipped.iter().map(|(reason, count)| format!("{count}: {reason}")).collect::<Vec<_>>().join("; ")
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests;
