//! The verdicts that each cell of the matrix is expected to have, as files that a person reviews.
//!
//! A directory has a file for each cell, and `cases.txt` with the names of all cases. A cell's file lists what does not
//! simply pass: which cases are known, by which erratum; which are skipped, by the reason's key; and how a run ends that
//! does not finish. A failure is never expected, and neither is one thing or the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Cell, Column};

/// The file with the names of all cases.
const CASES: &str = "cases.txt";
/// What begins the line about a run that did not finish.
const ENDS: &str = "ends ";

/// What the cases of one cell come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerdictTable {
    /// What a case comes to that does not pass: a heading such as `known qemu.sp-alignment`.
    others: BTreeMap<String, String>,
    /// Why the run did not finish, if so.
    end: Option<String>,
}

/// A verdict that is not the expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictDifference {
    /// The case; empty for the end of the run.
    pub case: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl fmt::Display for VerdictDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, expected, found } = self;
        let what = if case.is_empty() { "the run" } else { case };
        write!(f, "{what}: expected {expected}, found {found}")
    }
}

/// A line of a table that says nothing.
#[derive(Debug, thiserror::Error)]
#[error("{}, line {line}: expected {expected}, found {found:?}", path.display())]
pub struct InvalidTable {
    path: PathBuf,
    line: usize,
    expected: &'static str,
    found: String,
}

/// Why a run cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerdictError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is no table.
    #[error(transparent)]
    Invalid(#[from] InvalidTable),
}

/// What a case came to, as a heading of a table.
fn heading(cell: &Cell) -> String {
    match cell {
        Cell::Passed => "passed".to_owned(),
        Cell::Failed(how) => format!("failed: {how}"),
        Cell::Known(erratum) => format!("known {erratum}"),
        Cell::Skipped(skip) => format!("skipped {}", skip.key),
        Cell::NotRun => "not run".to_owned(),
    }
}

impl VerdictTable {
    /// Takes what the cases of a run came to.
    #[must_use]
    pub fn of(column: &Column, cases: &[String]) -> Self {
        let verdict = |case: &String| (case.clone(), heading(column.cell(case)));
        let others = cases.iter().map(verdict).filter(|(_, heading)| heading != "passed");
        // Only the first line: behind it come the last words of a kernel.
        let first_line = |reason: &String| reason.lines().next().unwrap_or_default().to_owned();
        let mut this = Self { others: others.collect(), end: column.trouble.as_ref().map(first_line) };
        // Of a run that never began nothing is to be said case by case.
        if column.cases.is_empty() && this.end.is_some() {
            this.others.clear();
        }
        this
    }

    /// Reads a table.
    ///
    /// # Errors
    ///
    /// When a line is neither a heading nor a case below one.
    pub fn parse(path: &Path, text: &str) -> Result<Self, InvalidTable> {
        let mut this = Self::default();
        let mut heading: Option<&str> = None;
        for (line, content) in (1..).zip(text.lines()) {
            let invalid = |expected| InvalidTable { path: path.to_owned(), line, expected, found: content.to_owned() };
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            if let Some(case) = content.strip_prefix("  ") {
                let heading = heading.ok_or_else(|| invalid("a heading above the first case"))?;
                if this.others.insert(case.to_owned(), heading.to_owned()).is_some() {
                    return Err(invalid("a case once"));
                }
            } else if let Some(end) = content.strip_prefix(ENDS) {
                this.end = Some(end.to_owned());
            } else if ["known ", "skipped "].iter().any(|kind| content.starts_with(kind)) || content == "not run" {
                heading = Some(content);
            } else {
                return Err(invalid("known ERRATUM, skipped KEY, not run, or ends REASON"));
            }
        }
        Ok(this)
    }

    /// Prints the table as [`Self::parse`] reads it.
    #[must_use]
    pub fn text(&self, cell: &str) -> String {
        let mut text = format!(
            "# What cell {cell} of the matrix comes to, but for what passes. `cargo xtask matrix --bless` rewrites this file.\n"
        );
        if let Some(end) = &self.end {
            let _ = writeln!(text, "\n{ENDS}{end}");
        }
        let headings: BTreeSet<&String> = self.others.values().collect();
        for heading in headings {
            let _ = writeln!(text, "\n{heading}");
            for (case, _) in self.others.iter().filter(|(_, of)| *of == heading) {
                let _ = writeln!(text, "  {case}");
            }
        }
        text
    }

    /// Lists where another table differs.
    #[must_use]
    pub fn differences(&self, found: &Self) -> Vec<VerdictDifference> {
        let ended = |table: &Self| table.end.as_ref().map_or("it finishes".to_owned(), |end| format!("it ends: {end}"));
        let verdict = |table: &Self, case| table.others.get(case).map_or("passed", |heading| heading).to_owned();
        let mut list = Vec::new();
        let mut add = |case: &str, expected: String, found: String| {
            if expected != found {
                list.push(VerdictDifference { case: case.to_owned(), expected, found });
            }
        };
        add("", ended(self), ended(found));
        let cases: BTreeSet<&String> = self.others.keys().chain(found.others.keys()).collect();
        for case in cases {
            add(case, verdict(self, case), verdict(found, case));
        }
        list
    }

    /// Lists the cases that failed, which no table may expect.
    #[must_use]
    pub fn failures(&self) -> Vec<&str> {
        let failed = self.others.iter().filter(|(_, heading)| heading.starts_with("failed"));
        failed.map(|(case, _)| case.as_str()).collect()
    }
}

/// The directory of all tables.
#[derive(Clone, Debug)]
pub struct VerdictDirectory {
    path: PathBuf,
    cases: Vec<String>,
}

impl VerdictDirectory {
    /// Takes a directory, and the names of all cases.
    #[must_use]
    pub fn new(path: &Path, cases: Vec<String>) -> Self {
        Self { path: path.to_owned(), cases }
    }

    fn read(&self, name: &str) -> Result<String, VerdictError> {
        let path = self.path.join(name);
        fs::read_to_string(&path).map_err(|source| VerdictError::File { path, source })
    }

    /// Returns the path of a cell's file.
    fn file(cell: &str) -> String {
        format!("{cell}.txt")
    }

    /// Compares a run with its table, and the cases with those that the tables were made of.
    ///
    /// # Errors
    ///
    /// When there is no table, or it cannot be read.
    pub fn compare(&self, column: &Column) -> Result<Vec<VerdictDifference>, VerdictError> {
        let text = self.read(&Self::file(&column.name))?;
        let expected = VerdictTable::parse(&self.path.join(Self::file(&column.name)), &text)?;
        let mut differences = self.missing_cases()?;
        differences.extend(expected.differences(&VerdictTable::of(column, &self.cases)));
        Ok(differences)
    }

    /// Lists cases that are new, or are there no more.
    fn missing_cases(&self) -> Result<Vec<VerdictDifference>, VerdictError> {
        let text = self.read(CASES)?;
        let (listed, there): (BTreeSet<&str>, BTreeSet<&str>) =
            (text.lines().collect(), self.cases.iter().map(String::as_str).collect());
        let difference = |case: &&str, expected: &str, found: &str| VerdictDifference {
            case: (*case).to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        let gone = listed.difference(&there).map(|case| difference(case, "a case of this name", "none"));
        let new = there.difference(&listed).map(|case| difference(case, "no case of this name", "one"));
        Ok(gone.chain(new).collect())
    }

    /// Writes the table of a run, and the names of all cases, unless cases failed; returns those.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn bless(&self, column: &Column) -> Result<Vec<String>, VerdictError> {
        let table = VerdictTable::of(column, &self.cases);
        let failures: Vec<String> = table.failures().into_iter().map(str::to_owned).collect();
        if failures.is_empty() {
            let files = [(Self::file(&column.name), table.text(&column.name)), (CASES.to_owned(), self.names())];
            for (name, text) in files {
                let path = self.path.join(name);
                fs::write(&path, text).map_err(|source| VerdictError::File { path, source })?;
            }
        }
        Ok(failures)
    }

    fn names(&self) -> String {
        self.cases.iter().map(|case| format!("{case}\n")).collect()
    }
}

#[cfg(test)]
mod tests;
