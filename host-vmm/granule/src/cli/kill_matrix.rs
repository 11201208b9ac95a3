//! `granule kill-matrix`: shows which case catches which defect, and fails if a defect survives.

use std::io::{IsTerminal, Write};
use std::num::NonZero;

use clap::Args;
use serde::Serialize;

use super::CliError;
use super::run::seed;
use crate::kill_matrix::{self, Matrix, Row};
use report::Format;
use report::exit::Exit;
use suite::selection::selects;

/// Breaks every rule of the specification in turn, and runs the suite on each.
#[derive(Debug, Args)]
pub struct KillMatrix {
    /// Only defects of these names, prefixes (`st2g`) or globs (`*.too-much`); all without
    defects: Vec<String>,
    /// Seed of everything random, decimal or 0x… [default: a random one; it is always printed]
    #[arg(long, value_parser = seed)]
    seed: Option<u64>,
    /// Threads [default: one for each processor]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// Print survivors, idle cases and the summary only
    #[arg(long, short)]
    quiet: bool,
    /// How results are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// A defect as `--format json` prints it, one a line.
#[derive(Serialize)]
struct JsonRow<'a> {
    defect: &'a str,
    what: &'a str,
    stage: &'a str,
    caught_by: &'a [&'static str],
}

impl KillMatrix {
    /// Runs the matrix and prints it.
    ///
    /// # Errors
    ///
    /// When no defect has such a name, or the output cannot be written.
    pub fn execute(&self) -> Result<Exit, CliError> {
        let defects: Vec<_> = kill_matrix::catalogue()
            .filter(|defect| self.defects.is_empty() || self.defects.iter().any(|name| selects(name, defect.name)))
            .collect();
        if defects.is_empty() {
            let wanted = self.defects.join(" ");
            return Err(CliError::Usage(format!(
                "no defect is called {wanted}; `granule kill-matrix` without names runs all and prints theirs"
            )));
        }
        let seed = self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
        let jobs = self.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZero::get);
        let total = defects.len();
        let on_terminal = std::io::stderr().is_terminal();
        let progress = |done: usize| {
            if on_terminal {
                anstream::eprint!("\r{done} of {total} defects{}", if done == total { "\r\x1b[K" } else { "" });
            }
        };
        let matrix = match kill_matrix::run(&defects, seed, jobs, &progress) {
            Ok(matrix) => matrix,
            Err(unsound) => {
                anstream::eprintln!("error: {unsound}");
                return Ok(Exit::Failed);
            }
        };
        // Idle cases mean something only if all defects were tried.
        let cases_without_kill = if self.defects.is_empty() { matrix.cases_without_kill() } else { Vec::new() };
        let mut out = anstream::stdout().lock();
        match self.format {
            Format::Text => self.text(&mut out, &matrix, &cases_without_kill)?,
            Format::Json => json(&mut out, &matrix)?,
        }
        let good = matrix.survivors().next().is_none() && cases_without_kill.iter().all(|(_, why)| why.is_some());
        Ok(if good { Exit::Passed } else { Exit::Failed })
    }

    fn text(
        &self,
        out: &mut impl Write,
        matrix: &Matrix,
        cases_without_kill: &[(&'static str, Option<&'static str>)],
    ) -> std::io::Result<()> {
        let Matrix { rows, cases, seed, elapsed } = matrix;
        writeln!(out, "granule kill-matrix · {} defects, {cases} cases · seed {seed:#x}", rows.len())?;
        if !self.quiet {
            let width = rows.iter().map(|row| row.defect.name.len()).max().unwrap_or(0);
            for row in rows {
                writeln!(out, "  {:width$}  {}", row.defect.name, caught(row))?;
            }
            writeln!(out, "\ndefects that one case alone catches:")?;
            for (case, defects) in matrix.sole_killers() {
                writeln!(out, "  {case}: {}", defects.join(", "))?;
            }
        }
        let red = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Red.into()));
        for row in matrix.survivors() {
            let defect = row.defect;
            writeln!(out, "{red}survivor{red:#} {}: {}; no case notices", defect.name, defect.what)?;
        }
        for (case, why) in cases_without_kill {
            match why {
                Some(why) => writeln!(out, "idle {case}: {why}")?,
                None => {
                    writeln!(out, "{red}idle{red:#} {case}: catches no defect, and nothing explains why it is kept")?
                }
            }
        }
        let survivors = matrix.survivors().count();
        let seconds = elapsed.as_secs_f64();
        writeln!(out, "{} caught, {survivors} survived in {seconds:.1} s", rows.len() - survivors)
    }
}

/// Returns which cases caught a defect.
fn caught(row: &Row) -> String {
    let [first, others @ ..] = row.caught_by.as_slice() else { return "survives".to_owned() };
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    let stage = if row.stage == kill_matrix::STAGES[0].name { String::new() } else { format!(" ({})", row.stage) };
    format!("{first}{more}{stage}")
}

fn json(out: &mut impl Write, matrix: &Matrix) -> std::io::Result<()> {
    for row in &matrix.rows {
        let Row { defect, stage, caught_by, .. } = row;
        let line = JsonRow { defect: defect.name, what: defect.what, stage, caught_by };
        serde_json::to_writer(&mut *out, &line)?;
        writeln!(out)?;
    }
    Ok(())
}
