//! Many runs side by side: one row for each case, one column for each run, from the event streams that runs wrote.
//!
//! A run is a *cell's column*: a kernel, a CPU, an emulator. Nothing is run here; `cargo xtask matrix` does that. A run that
//! could check nothing is a column too, with its reason.

mod html;
mod text;
pub mod verdicts;

use std::io::BufRead;

use serde::Serialize;

use report::event::{Event, Skip, Verdict};
use report::exit::Exit;

pub use html::page;
pub use text::table;

/// How a case ended in one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cell {
    /// The promise held.
    Passed,
    /// It did not: what was expected and found.
    Failed(String),
    /// It did not, as the erratum says.
    Known(String),
    /// It could not be checked: why.
    Skipped(Skip),
    /// The case did not run.
    NotRun,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// What the run is called.
    pub name: String,
    /// What was under test: kernel, page size, mode, CPU, emulator; empty if it never started.
    pub subject: String,
    /// Why nothing could be checked, or why the run ended early.
    pub trouble: Option<String>,
    /// Whether that was to be expected of what the run is about.
    pub expected: bool,
    /// The cases in the order in which they ended.
    cases: Vec<(String, Cell)>,
}

/// An event stream that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{name}, line {line}: expected an event as `granule run --format json` writes them, found {found:?}")]
pub struct InvalidStream {
    name: String,
    line: usize,
    found: String,
}

impl Column {
    /// Reads the events of a run.
    ///
    /// # Errors
    ///
    /// When a line is no event.
    pub fn read(name: &str, events: impl BufRead) -> Result<Self, InvalidStream> {
        let mut column =
            Self { name: name.to_owned(), subject: String::new(), trouble: None, expected: false, cases: Vec::new() };
        let mut emulator = String::new();
        let mut finished = false;
        for (number, line) in (1..).zip(events.lines()) {
            let line = line.unwrap_or_default();
            let event = serde_json::from_str(&line).map_err(|_| InvalidStream {
                name: name.to_owned(),
                line: number,
                found: line.chars().take(40).collect(),
            })?;
            match event {
                Event::Booted { emulator: name, cpu, .. } => emulator = format!(" · {name}, cpu {cpu}"),
                Event::Started(target) => {
                    column.subject = format!(
                        "Linux {} · {} KiB pages · {}{emulator}, MTE{}",
                        target.kernel,
                        target.page_size >> 10,
                        target.kvm_mode,
                        target.mte
                    );
                }
                Event::End { name, verdict, .. } => column.cases.push((name, cell(verdict))),
                Event::Unavailable { reason, .. } => {
                    (column.trouble, column.expected, finished) = (Some(reason), true, true);
                }
                Event::Broken { reason, .. } | Event::CutShort { reason } => {
                    (column.trouble, finished) = (Some(reason), true);
                }
                Event::Finished { .. } => finished = true,
                _ => {}
            }
        }
        if !finished {
            column.trouble = Some("the run ended without a closing event".to_owned());
        }
        Ok(column)
    }

    /// How a case ended.
    #[must_use]
    pub fn cell(&self, case: &str) -> &Cell {
        self.cases.iter().find(|(name, _)| name == case).map_or(&Cell::NotRun, |(_, cell)| cell)
    }

    /// Counts the cases that ended in some way.
    fn count(&self, of: fn(&Cell) -> bool) -> usize {
        self.cases.iter().filter(|(_, cell)| of(cell)).count()
    }

    /// Whether the run needs somebody's attention.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.trouble.is_some() && !self.expected || self.count(|cell| matches!(cell, Cell::Failed(_))) > 0
    }
}

fn cell(verdict: Verdict) -> Cell {
    match verdict {
        Verdict::Passed => Cell::Passed,
        Verdict::Failed(failure) => {
            Cell::Failed(format!("{}: expected {}, found {}", failure.what, failure.expected, failure.found))
        }
        Verdict::Known { erratum, .. } => Cell::Known(erratum),
        Verdict::Skipped(skip) => Cell::Skipped(skip),
    }
}

/// Runs side by side.
///
/// ```
/// use granule_cli::matrix::{Column, Matrix, table};
///
/// // The streams that `granule run --format json` wrote on two kernels, the second of which has no MTE.
/// let unavailable = r#"{"Unavailable":{"reason":"no MTE","remedy":"boot without arm64.nomte"}}"#;
/// let columns = vec![Column::read("6.12", "".as_bytes())?, Column::read("nomte", unavailable.as_bytes())?];
/// assert!(columns[0].is_bad(), "it ended without a closing event");
/// assert!(!columns[1].is_bad(), "it is what the cell is about");
/// let matrix = Matrix { columns };
/// assert!(table(&matrix, &matrix.rows()).contains("no MTE"));
/// # Ok::<(), granule_cli::matrix::InvalidStream>(())
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Matrix {
    /// The runs.
    pub columns: Vec<Column>,
}

impl Matrix {
    /// Lists the cases, in the order of the first run that has each.
    #[must_use]
    pub fn rows(&self) -> Vec<&str> {
        let mut rows: Vec<&str> = Vec::new();
        for (name, _) in self.columns.iter().flat_map(|column| &column.cases) {
            if !rows.contains(&&**name) {
                rows.push(name);
            }
        }
        rows
    }

    /// Lists the cases that did not simply pass wherever they ran.
    #[must_use]
    pub fn interesting(&self) -> Vec<&str> {
        let dull = |cell: &Cell| matches!(cell, Cell::Passed | Cell::NotRun);
        let mut rows = self.rows();
        rows.retain(|case| !self.columns.iter().all(|column| dull(column.cell(case))));
        rows
    }

    /// What it all comes to.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.columns.iter().any(Column::is_bad) { Exit::Failed } else { Exit::Passed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::event::{Failure, Target};

    pub(super) fn column(name: &str, events: &[Event]) -> Column {
        let lines: Vec<String> = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        Column::read(name, lines.join("\n").as_bytes()).unwrap()
    }

    pub(super) fn end(name: &str, verdict: Verdict) -> Event {
        Event::End { name: name.into(), verdict, micros: 1 }
    }

    fn started() -> Event {
        Event::Started(Target {
            granule: "0".into(),
            kernel: "6.1".into(),
            page_size: 4096,
            kvm_mode: "VHE".into(),
            cpu: String::new(),
            mte: 3,
            vector_lengths: Vec::new(),
            tag_block: 256,
            seed: 1,
            cases: 2,
        })
    }

    #[test]
    fn a_run_is_bad_if_something_failed_that_is_not_known_or_if_it_broke() {
        let finished = Event::Finished { micros: 1 };
        let known = Verdict::Known { erratum: "linux.x".into(), failure: Failure::default() };
        let good = [started(), end("a", Verdict::Passed), end("b", known), finished.clone()];
        assert!(!column("good", &good).is_bad());
        let failed = [started(), end("a", Verdict::Failed(Failure::default())), finished];
        assert!(column("failed", &failed).is_bad());
        assert!(column("no end", &good[..3]).is_bad());
        let broken = Event::Broken { reason: "r".into(), remedy: String::new() };
        assert!(column("broken", &[broken]).is_bad());
        let unavailable = Event::Unavailable { reason: "r".into(), remedy: String::new() };
        assert!(!column("unavailable", &[unavailable]).is_bad());
    }

    #[test]
    fn a_row_is_interesting_unless_it_passed_wherever_it_ran() {
        let finished = Event::Finished { micros: 1 };
        let first = column("1", &[end("a", Verdict::Passed), end("b", Verdict::Passed), finished.clone()]);
        let second =
            column("2", &[end("a", Verdict::Passed), end("c", Verdict::Skipped(Skip::new("k", "r"))), finished]);
        let matrix = Matrix { columns: vec![first, second] };
        assert_eq!(matrix.rows(), ["a", "b", "c"]);
        assert_eq!(matrix.interesting(), ["c"]);
    }

    #[test]
    fn what_is_no_stream_is_named_with_its_line() {
        let error = Column::read("x", "{\"Hello\":1}\nnonsense".as_bytes()).unwrap_err();
        assert_eq!((error.line, &*error.found), (2, "nonsense"));
    }
}
