//! `granule list`.

use std::io::Write;

use clap::Args;

use super::CliError;
use crate::exit::Exit;
use crate::suite::{self, selection::Selection};

/// Which cases to list.
#[derive(Debug, Args)]
pub struct List {
    /// Names, prefixes of whole segments (`kvm.copy-tags`), or globs (`*irg*`); all without
    cases: Vec<String>,
}

impl List {
    /// Writes three lines a case.
    ///
    /// # Errors
    ///
    /// When a pattern selects nothing, or the list cannot be written.
    pub fn execute(&self) -> Result<Exit, CliError> {
        let selection =
            Selection::new(&self.cases, suite::infos()).map_err(|error| CliError::Usage(error.to_string()))?;
        let bold = anstyle::Style::new().bold();
        let dim = anstyle::Style::new().dimmed();
        let mut out = anstream::stdout().lock();
        for case in selection.cases() {
            writeln!(out, "{bold}{}{bold:#}\n    {}\n    {dim}{}{dim:#}", case.name, case.claim, case.cite)?;
        }
        out.flush()?;
        Ok(Exit::Passed)
    }
}
