//! `granule list`.

use std::io::Write;

use clap::Args;

use super::error::CliError;
use crate::documents;
use report::exit::Exit;
use suite::{self, selection::Selection};

/// Which cases to list.
#[derive(Debug, Args)]
pub struct List {
    /// Names, prefixes (`kvm.copy-tags`, `kvm.life.swap`), or globs (`*irg*`); all without
    cases: Vec<String>,

    /// Print what the kernel's documents say about MTE in VMs and which cases check it, as a page in Markdown
    #[arg(long, conflicts_with = "cases")]
    documents: bool,

    /// Print the known defects of kernels and emulators as a page in Markdown
    #[arg(long, conflicts_with_all = ["cases", "documents"])]
    errata: bool,
}

impl List {
    /// Writes three lines a case, or one of the pages.
    ///
    /// # Errors
    ///
    /// When a pattern selects nothing, or the list cannot be written.
    pub fn execute(&self) -> Result<Exit, CliError> {
        if self.documents {
            anstream::stdout().lock().write_all(documents::render(&suite::infos()).as_bytes())?;
            return Ok(Exit::Passed);
        }
        if self.errata {
            anstream::stdout().lock().write_all(errata::page::render().as_bytes())?;
            return Ok(Exit::Passed);
        }
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
