//! `granule matrix`: puts the event streams of several runs side by side.

use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::PathBuf;

use clap::Args;

use super::CliError;
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
        Ok(matrix.exit())
    }
}
