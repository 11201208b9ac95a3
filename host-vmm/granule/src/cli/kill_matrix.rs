//! `granule kill-matrix`: shows which case catches which defect, and fails if a defect survives.

#[cfg(feature = "mutants")]
mod mutants;

use std::io::{IsTerminal, Write};
use std::num::NonZero;
#[cfg(feature = "mutants")]
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::error::CliError;
use super::run::seed;
use crate::kill_matrix::{self, Matrix, Noticed, Row};
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
    /// Try the machine-made mutants of the specification, too. Names select defects, or else mutants by how theirs begin
    #[cfg(feature = "mutants")]
    #[arg(long)]
    mutants: bool,
    /// Draw fresh programs for these mutants for so long, instead of trying them on what there is, and write those that kill
    /// one to model/corpus
    #[cfg(feature = "mutants")]
    #[arg(long, value_name = "SECONDS", requires = "mutants")]
    hunt: Option<u32>,
    /// Try mutants on this program alone; may be given several times. Its folder says for which model it is
    #[cfg(feature = "mutants")]
    #[arg(long, value_name = "FILE", requires = "mutants", conflicts_with = "hunt")]
    replay: Vec<PathBuf>,
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
        #[cfg(feature = "mutants")]
        if defects.is_empty() {
            return self.mutants();
        }
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
        #[cfg(feature = "mutants")]
        if self.mutants && self.defects.is_empty() && good {
            drop(out);
            return self.mutants();
        }
        Ok(if good { Exit::Passed } else { Exit::Failed })
    }

    /// Tries the mutants of the specification whose names begin with one of those given.
    #[cfg(feature = "mutants")]
    fn mutants(&self) -> Result<Exit, CliError> {
        use crate::kill_matrix::mutants::{Account, Argued, Fate, Tests, hunt, not_argued, run};
        use machine::Deadline;
        use std::time::Duration;

        let seed = self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
        let jobs = self.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZero::get);
        let on_terminal = std::io::stderr().is_terminal();
        let progress = |done: usize, total: usize| {
            if on_terminal {
                anstream::eprint!("\r{done} of {total} mutants{}", if done == total { "\r\x1b[K" } else { "" });
            }
        };
        // A whole name, with its `#1`, is no beginning of `#10`.
        let selects = |start: &String, name: &str| name == start || !start.contains('#') && name.starts_with(start);
        let wanted = |name: &str| self.defects.is_empty() || self.defects.iter().any(|start| selects(start, name));
        if let Some(seconds) = self.hunt {
            let deadline = Deadline::after(Duration::from_secs(seconds.into()));
            let hunted = not_argued(|mutant| wanted(mutant.name));
            let (programs, left) = hunt(&hunted, seed, jobs, deadline, &mutants::found)?;
            mutants::hunted(&mut anstream::stdout().lock(), seed, programs, &left)?;
            return Ok(Exit::Passed);
        }
        // As each ends: all of them take a while, and what there is so far is good for something.
        let each = |fate: &Fate| {
            if matches!(self.format, Format::Json) {
                let _ = mutants::json(&mut anstream::stdout().lock(), fate);
            }
        };
        let tests = if self.replay.is_empty() { Tests::All } else { Tests::Programs(&self.replay) };
        let fates = run(|mutant| wanted(mutant.name), &tests, seed, jobs, &progress, &each).map_err(CliError::Usage)?;
        if fates.fates.is_empty() {
            return Err(CliError::Usage(format!("no defect and no mutant is called {}", self.defects.join(" "))));
        }
        let account = Account::of(&fates, self.defects.is_empty() && self.replay.is_empty());
        if matches!(self.format, Format::Text) {
            mutants::text(&mut anstream::stdout().lock(), &fates, &account)?;
        }
        let good = account.count(Argued::Unlisted) == 0 && account.stale.is_empty() && account.score() >= 97.0;
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
        let (caught, scripted, start) =
            (matrix.count(Noticed::Case), matrix.count(Noticed::Scripted), matrix.count(Noticed::Start));
        write!(out, "{} caught, {survivors} survived", caught + scripted)?;
        if scripted > 0 {
            write!(out, "; {scripted} of those caught return just what a case rejects")?;
        }
        if start > 0 {
            write!(out, "; with {start} the model does not start")?;
        }
        writeln!(out, " in {seconds:.1} s")
    }
}

/// Returns which cases caught a defect.
fn caught(row: &Row) -> String {
    let [first, others @ ..] = row.caught_by.as_slice() else {
        return row.not_started.as_ref().map_or_else(|| "survives".to_owned(), |why| format!("does not start: {why}"));
    };
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
