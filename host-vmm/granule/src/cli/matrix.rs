//! `granule matrix`: puts the event streams of several runs side by side.

use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::error::CliError;
use crate::matrix::verdicts::VerdictDirectory;
use crate::matrix::{self, Column};
use report::exit::Exit;

/// Puts runs side by side: a row for each case, a column for each run.
#[derive(Debug, Args)]
pub struct Matrix {
    /// Runs, each NAME=FILE with what `granule run --format json` wrote
    #[arg(required = true, value_parser = named)]
    runs: Vec<(String, PathBuf)>,
    /// Show all cases, also those that passed wherever they ran
    #[arg(long)]
    all: bool,
    /// Write the whole table as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the table as a page, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Compare each run with the verdicts in DIRECTORY/NAME.txt, and fail if one is another
    #[arg(long, value_name = "DIRECTORY")]
    verdicts: Option<PathBuf>,
    /// Write these files instead, for review
    #[arg(long, requires = "verdicts")]
    bless: bool,
}

fn named(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or_else(|| format!("expected NAME=FILE, found {text:?}"))?;
    Ok((name.to_owned(), file.into()))
}

impl Matrix {
    /// Reads the runs, prints the table and writes what is asked for.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or holds no event stream, or results cannot be written.
    pub fn execute(&self) -> Result<Exit, CliError> {
        let mut columns = Vec::new();
        for (name, path) in &self.runs {
            let file = File::open(path)
                .map_err(|error| CliError::Usage(format!("{}: {error}; run it first", path.display())))?;
            columns.push(Column::read(name, BufReader::new(file)).map_err(|error| CliError::Usage(error.to_string()))?);
        }
        let matrix = matrix::Matrix { columns };
        let rows = if self.all { matrix.rows() } else { matrix.interesting() };
        anstream::stdout().lock().write_all(matrix::table(&matrix, &rows).as_bytes())?;
        let write = |path: &PathBuf, text: String| {
            fs::write(path, text).map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
        };
        if let Some(path) = &self.json {
            let json = serde_json::to_string_pretty(&matrix).map_err(std::io::Error::other)?;
            write(path, json + "\n")?;
        }
        if let Some(path) = &self.html {
            write(path, matrix::page(&matrix, &rows))?;
        }
        match &self.verdicts {
            None => Ok(matrix.exit()),
            Some(directory) if self.bless => bless(directory, &matrix.columns),
            Some(directory) => compare(directory, &matrix.columns),
        }
    }
}

fn directory(path: &Path) -> VerdictDirectory {
    VerdictDirectory::new(path, suite::infos().into_iter().map(|case| case.name).collect())
}

/// Prints where runs are not as they are expected to be.
fn compare(path: &Path, columns: &[Column]) -> Result<Exit, CliError> {
    let mut out = anstream::stdout().lock();
    let directory = directory(path);
    let mut exit = Exit::Passed;
    for column in columns {
        let differences = directory.compare(column).map_err(|error| CliError::Usage(format!("{error}; {BLESS}")))?;
        if !differences.is_empty() {
            exit = Exit::Failed;
            writeln!(out, "{}: {} verdicts are not those of {}", column.name, differences.len(), path.display())?;
        }
        for difference in differences {
            writeln!(out, "  {difference}")?;
        }
    }
    if exit != Exit::Passed {
        writeln!(out, "if that is right, {BLESS}")?;
    }
    Ok(exit)
}

/// What to do about verdicts that have changed.
const BLESS: &str = "write them anew with --bless, and review the change";

/// Writes what runs came to, and names the cases that failed, which nothing may expect.
fn bless(path: &Path, columns: &[Column]) -> Result<Exit, CliError> {
    let mut out = anstream::stdout().lock();
    let directory = directory(path);
    let mut exit = Exit::Passed;
    for column in columns {
        for case in directory.bless(column).map_err(|error| CliError::Usage(error.to_string()))? {
            exit = Exit::Failed;
            writeln!(out, "{}: not written, for {case} failed", column.name)?;
        }
    }
    Ok(exit)
}
