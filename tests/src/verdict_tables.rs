//! The verdicts that a cell of the matrix is expected to have: a run is compared with them as `cargo xtask matrix` does it.

use std::path::Path;
use std::process::Command;

use crate::environment::{self, BIN};
use crate::process::Process;
use crate::run::Report;

/// Demands that a run of the whole suite came to what tests/verdicts says of this cell.
///
/// # Panics
///
/// When a verdict is another one, or a case is missing.
pub fn assert_expected(cell: &str, report: &Report) {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let events = scratch.path().join("events.jsonl");
    std::fs::write(&events, &report.ended.stdout).expect("the scratch directory is writable");
    let mut command = Command::new(environment::file(BIN));
    command.arg("matrix").arg("--verdicts").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("verdicts"));
    let compared = Process::start(command.arg(format!("{cell}={}", events.display()))).end();
    assert!(compared.status.success(), "{compared}");
}
