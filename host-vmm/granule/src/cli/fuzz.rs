//! `granule fuzz`: random programs on a machine and on the model; prints what diverges, small, and how to see it again.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;

use super::error::CliError;
use super::rerun::{GivenOptions, RERUN};
use super::run::{
    Emulation, Machine, Run, SaveRestore, SharedReport, Via, Watchdog, default_machine, explain, seed, settings_for,
};
use fuzz::campaign::{NAME, Options};
use machine::Deadline;
use report::Format;
use report::event::{Coverage, Event, LackingFeature, Sink, Summary};
use report::exit::{Exit, RunEnd};
use suite::GuestPolicy;

/// Options that bound or report a campaign. A divergence has the seed of its own, and `--only` its number.
pub const NOT_REPEATED: [&str; 7] = ["seed", "only", "programs", "seconds", "jobs", "most", "format"];
/// How long a campaign takes unless the user says otherwise, in seconds.
const SECONDS: u64 = 10;
/// Goes to the line's beginning and clears it (ECMA-48: CR, EL).
const CLEAR: &str = "\r\u{1b}[K";

/// How long to look for divergences, and where.
#[derive(Debug, Args)]
pub struct Fuzz {
    /// Where programs run [default: kvm on an arm64 host with /dev/kvm, else nested]
    #[arg(long, value_enum)]
    via: Option<Via>,
    /// End after so many seconds [default: 10, or no limit with --programs or --only]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seconds: Option<u64>,
    /// End after so many programs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    programs: Option<u64>,
    /// Seed of all programs, decimal or 0x… [default: a random one; it is always printed]
    #[arg(long, value_parser = seed)]
    seed: Option<u64>,
    /// Run the program with this number alone; it depends on the machine too
    #[arg(long, value_name = "NUMBER", value_parser = number, conflicts_with = "programs")]
    only: Option<u64>,
    /// Threads, each with a machine of its own [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=64))]
    jobs: Option<u64>,
    /// End after so many divergences
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    most: u64,
    /// Also draw programs that show the known divergences of QEMU
    #[arg(long)]
    known: bool,
    /// Draw mostly instructions of SVE
    #[arg(long)]
    scalable: bool,
    /// Draw mostly instructions of SME, in streaming mode
    #[arg(long)]
    matrix: bool,
    /// Where to save the programs that diverge
    #[arg(long, value_name = "DIRECTORY", default_value = "target/fuzz")]
    save: PathBuf,
    /// How long a guest may take for one request, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = machine::GUEST_TIMEOUT.as_secs(), value_parser = clap::value_parser!(u64).range(1..))]
    guest_timeout: u64,
    /// Save and restore the guest at every checkpoint of every program: nothing may change by that
    #[arg(long, value_enum, value_name = "WAY")]
    save_restore: Option<SaveRestore>,
    /// How results are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Guest firmware, an ELF file, instead of the one built in
    #[arg(long, value_name = "PATH")]
    firmware: Option<PathBuf>,
    #[command(flatten)]
    emulation: Emulation,
}

impl Fuzz {
    /// Runs the campaign and reports.
    ///
    /// # Errors
    ///
    /// When the command line makes no sense, or the report cannot be written.
    pub(super) fn execute(&self, given: GivenOptions) -> Result<Exit, CliError> {
        let via = self.via.unwrap_or_else(default_machine);
        let options = self.options();
        let deadline = Deadline::after(options.time.saturating_add(Duration::from_secs(300)));
        let machine = Machine {
            via,
            emulation: &self.emulation,
            firmware: self.firmware.as_deref(),
            guests: GuestPolicy { guest_timeout: Duration::from_secs(self.guest_timeout), ..GuestPolicy::default() },
            // A campaign ends by its own clock; what is left of it then is shrunk.
            deadline,
            avoid_known: !self.known,
            smp: nested::SMP,
            save_restore: self.save_restore,
        };
        let machine = machine.check()?;
        let settings = settings_for(self.format, via, self.rerun(), given.without(&NOT_REPEATED));
        let mut sink = Saving {
            report: SharedReport::new(anstream::stdout(), settings),
            directory: &self.save,
            stem: format!("{}-{:#x}", via.name(), options.seed),
            run: started_as().replacen("fuzz", "run", 1) + " ",
            options: given.also_of(&run_command()).without(&NOT_REPEATED),
            text: self.format == Format::Text,
            summary: None,
        };
        let guest_timeout = Duration::from_secs(self.guest_timeout);
        let watchdog = Watchdog::start(via, deadline, guest_timeout, &sink.report);
        let mut progress = Progress::new(self.format == Format::Text);
        machine.fuzz(&options, &mut sink, &mut |programs, diverged| progress.show(programs, diverged));
        progress.clear();
        drop(watchdog);
        let Saving { report, summary, .. } = sink;
        let tally = report.finish()?;
        if self.format == Format::Text
            && let Some(summary) = &summary
        {
            writeln!(anstream::stdout(), "{}", summary_line(summary, options.seed))?;
        }
        explain(&tally);
        Ok(match (&tally.closing, summary) {
            _ if tally.failed > 0 => Exit::Failed,
            (Some(RunEnd::Finished(_)), Some(summary)) if summary.compared() == 0 => Exit::Unavailable,
            (Some(RunEnd::Finished(_)), Some(_)) => Exit::Passed,
            _ => tally.exit(),
        })
    }

    fn options(&self) -> Options {
        let bounded = self.programs.is_some() || self.only.is_some();
        let seconds = self.seconds.unwrap_or(if bounded { 1_000_000 } else { SECONDS });
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let jobs = self.jobs.and_then(|jobs| usize::try_from(jobs).ok()).unwrap_or(processors);
        Options {
            seed: self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..))),
            first: self.only.unwrap_or(0),
            programs: if self.only.is_some() { 1 } else { self.programs.unwrap_or(u64::MAX) },
            time: Duration::from_secs(seconds),
            jobs: if self.only.is_some() { 1 } else { jobs },
            most: usize::try_from(self.most).unwrap_or(usize::MAX),
            scalable: self.scalable,
            matrix: self.matrix,
        }
    }

    /// The command that runs one program of a campaign again, up to the program's name.
    fn rerun(&self) -> String {
        format!("{} --only", started_as())
    }
}

/// Returns the command that runs a saved program.
pub fn run_command() -> clap::Command {
    Run::augment_args(clap::Command::new("run"))
}

/// How this campaign was started, up to its own options.
fn started_as() -> String {
    std::env::var(RERUN).unwrap_or_else(|_| "granule fuzz".to_owned())
}

/// Reads a program's number, as it is typed or as it is printed.
fn number(text: &str) -> Result<u64, String> {
    seed(text.strip_prefix(NAME).unwrap_or(text))
}

fn summary_line(summary: &Summary, seed: u64) -> String {
    let seconds = Duration::from_micros(summary.micros).as_secs_f64();
    let rate = summary.programs as f64 / seconds.max(1e-6);
    let mut line = format!(
        "{} programs, {rate:.0} a second, {} diverged, {} undecided in {seconds:.1} s · seed {seed:#x}",
        summary.programs, summary.diverged, summary.undecided
    );
    for number in &summary.undecided_numbers {
        line += &format!("\n  undecided: {NAME}{number}");
    }
    for (reason, count) in &summary.not_covered {
        line += &format!("\n  {count} not compared: {reason}");
    }
    let Coverage { reached, all, unreached, lacking } = &summary.coverage;
    if *all > 0 {
        line += &format!("\n  compared {reached} of {all}: encodings, each at EL0 and EL1, in each tag check mode");
        if !unreached.is_empty() {
            line += &format!("\n  not yet, for instance: {}", unreached.join("; "));
        }
        if !lacking.is_empty() {
            let named: Vec<String> = lacking.iter().map(lacking_feature).collect();
            line += &format!("\n  UNDEFINED here, and no more compared: {}", named.join(", "));
        }
    }
    line
}

/// Names a feature that the target lacks; of one marked `*` no machine has confirmed the rules.
fn lacking_feature(lacking: &LackingFeature) -> String {
    let LackingFeature { feature, encodings, reached, unconfirmed } = lacking;
    format!("{feature}{} ({reached} of {encodings} encodings)", if *unconfirmed { "*" } else { "" })
}

/// The report, and the programs that diverge as files.
struct Saving<'a, W> {
    report: SharedReport<W>,
    directory: &'a Path,
    stem: String,
    /// The command that runs a file, up to its path, and the options behind it.
    run: String,
    options: String,
    text: bool,
    summary: Option<Summary>,
}

impl<W: Write> Sink for Saving<'_, W> {
    fn event(&mut self, event: Event) {
        let event = match event {
            Event::Diverged { case, mut failure } => {
                let number = case.name.strip_prefix(NAME).unwrap_or(&case.name);
                let path = self.directory.join(format!("{}-{number}.granule", self.stem));
                let saved = save(&path, &failure.detail);
                if self.text {
                    failure.detail.push(match saved {
                        Ok(()) => format!("saved; run it again: {}{}{}", self.run, path.display(), self.options),
                        Err(error) => format!("{} cannot be written: {error}", path.display()),
                    });
                }
                Event::Diverged { case, failure }
            }
            Event::Fuzzed(summary) => {
                self.summary = Some(summary.clone());
                Event::Fuzzed(summary)
            }
            event => event,
        };
        self.report.event(event);
    }
}

fn save(path: &Path, lines: &[String]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, lines.join("\n") + "\n")
}

/// One line on a terminal that says how far it is.
struct Progress {
    enabled: bool,
    began: Instant,
}

impl Progress {
    fn new(text: bool) -> Self {
        Self { enabled: text && io::stderr().is_terminal(), began: Instant::now() }
    }

    fn show(&mut self, programs: u64, diverged: usize) {
        let rate = programs as f64 / self.began.elapsed().as_secs_f64().max(0.1);
        self.write(&format!("{CLEAR}{programs} programs, {rate:.0} a second, {diverged} diverged …"));
    }

    fn clear(&mut self) {
        self.write(CLEAR);
    }

    /// Progress that cannot be shown is no loss.
    fn write(&mut self, text: &str) {
        if self.enabled {
            let mut stderr = io::stderr().lock();
            let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_number_is_read_as_it_is_printed() {
        assert_eq!(number("17"), Ok(17));
        assert_eq!(number("fuzz.program.17"), Ok(17));
        assert!(number("program.17").is_err());
    }

    #[test]
    fn the_summary_says_how_many_how_fast_and_from_which_seed() {
        let summary = Summary { programs: 500, diverged: 1, micros: 2_000_000, ..Summary::default() };
        let line = summary_line(&summary, 0x5eed);
        assert!(line.starts_with("500 programs, 250 a second, 1 diverged") && line.contains("seed 0x5eed"), "{line}");
        let summary = Summary { undecided: 2, undecided_numbers: vec![7, 90], ..summary };
        let line = summary_line(&summary, 0x5eed);
        assert!(
            line.contains("2 undecided") && line.ends_with("undecided: fuzz.program.7\n  undecided: fuzz.program.90")
        );
    }
}
