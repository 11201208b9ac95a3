//! A case that failed, as the report shows it: the claim, what was expected and found, where the claim is
//! written, and the command that shows it again.

use std::io::{self, Write};

use super::style::{BAD, DIM};
use crate::Settings;
use crate::event::{CaseInfo, Failure};

/// What the lines below the case's own begin with.
const INDENT: &str = "        ";

/// A case and how it failed.
#[derive(Clone, Debug)]
pub struct FailedCase {
    /// The case.
    pub case: CaseInfo,
    /// What was expected and found.
    pub failure: Failure,
}

impl FailedCase {
    /// Writes the block of lines.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn render(&self, out: &mut dyn Write, settings: &Settings, seed: Option<u64>) -> io::Result<()> {
        let Self { case: CaseInfo { name, claim, cite }, failure } = self;
        writeln!(out, "    {BAD}✗ {name}{BAD:#}   {claim}")?;
        let finding = finding(failure, settings.width);
        let last = finding.last().map_or(0, |line| line.chars().count());
        // Two spaces at least part the finding from its source; where that is too narrow, it gets its own line.
        let room = settings.width.saturating_sub(last + cite.chars().count());
        for (index, line) in finding.iter().enumerate() {
            if index + 1 == finding.len() && room >= 2 {
                writeln!(out, "{line}{:room$}{DIM}{cite}{DIM:#}", "")?;
            } else {
                writeln!(out, "{line}")?;
            }
        }
        if room < 2 {
            writeln!(out, "{INDENT}{DIM}{cite}{DIM:#}")?;
        }
        for line in &failure.detail {
            writeln!(out, "{INDENT}  {line}")?;
        }
        let seed = seed.map(|seed| format!(" --seed {seed:#x}")).unwrap_or_default();
        let argument = settings.arguments.iter().find(|(of, _)| of == name).map_or(name, |(_, argument)| argument);
        writeln!(out, "{INDENT}reproduce: {} {argument}{seed}{}", settings.rerun, settings.rerun_options)
    }
}

/// Returns what was expected and found in one line, or in three where one is too narrow.
fn finding(failure: &Failure, width: usize) -> Vec<String> {
    let Failure { what, expected, found, .. } = failure;
    let colon = if what.is_empty() { "" } else { ": " };
    let line = format!("{INDENT}{what}{colon}expected {expected}, found {found}");
    if line.chars().count() <= width && !line.contains('\n') {
        return vec![line];
    }
    let more = |text: &str| text.trim_end().replace('\n', &format!("\n{INDENT}           "));
    let mut lines =
        vec![format!("{INDENT}  expected {}", more(expected)), format!("{INDENT}  found    {}", more(found))];
    if !what.is_empty() {
        lines.insert(0, format!("{INDENT}{what}:"));
    }
    lines
}
