//! `granule run`: chooses a machine, runs the selected cases, reports, and gives the exit status.

pub mod emulation;
mod model_options;
mod via;
mod watchdog;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use errata::filter::ErrataFilter;
use machine::target::Opener;
use machine::{Config, Deadline};

pub use self::emulation::Emulation;
pub use self::via::{Checked, Machine, Opening, SaveRestore, Via};
pub use self::watchdog::{SharedReport, Watchdog};
use super::error::CliError;
use super::program;
use super::rerun::{GivenOptions, RERUN};
use fuzz::replay::NamedProgram;
use report::event::Sink;
use report::exit::{Exit, RunEnd, Tally};
use report::{Format, Settings};
use suite::GuestPolicy;
use suite::selection::Selection;

/// CPUs of a kernel that may lose one for each hazard.
const HAZARD_SMP: u32 = 4;
/// Options that do not change what a case does. A failure has the seed of its own.
pub const NOT_REPEATED: [&str; 3] = ["seed", "quiet", "format"];
/// Columns of a report that goes to no terminal.
const WIDTH: usize = 110;

/// What to run and how.
#[derive(Debug, Args)]
pub struct Run {
    /// Names, prefixes (`kvm.copy-tags`, `kvm.life.swap`), or globs (`*irg*`); all without. Or files with programs
    cases: Vec<String>,
    /// Where the suite runs [default: kvm on an arm64 host with /dev/kvm, else nested]
    #[arg(long, value_enum)]
    via: Option<Via>,
    /// Seed of everything random, decimal or 0x… [default: a random one; it is always printed]
    #[arg(long, value_parser = seed)]
    seed: Option<u64>,
    /// Deadline of the whole run, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = nested::TIMEOUT.as_secs(), value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// How long a guest may take for one request, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = machine::GUEST_TIMEOUT.as_secs(), value_parser = clap::value_parser!(u64).range(1..))]
    guest_timeout: u64,
    /// Give each case new VMs, also where the last case's would do
    #[arg(long)]
    fresh_vms: bool,
    /// Run the cases, too, that may hang the kernel under test; in a nested run, with 4 CPUs unless --smp says more
    #[arg(long)]
    hazards: bool,
    /// Save and restore the guest at every checkpoint of every program: nothing may change by that
    #[arg(long, value_enum, value_name = "WAY")]
    save_restore: Option<SaveRestore>,
    /// Count failures that an erratum explains as failures too
    #[arg(long)]
    strict: bool,
    /// Print failures and the summary only
    #[arg(long, short)]
    quiet: bool,
    /// How results are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Guest firmware, an ELF file, instead of the one built in
    #[arg(long, value_name = "PATH")]
    firmware: Option<PathBuf>,
    #[command(flatten)]
    emulation: Emulation,
}

impl Run {
    /// Runs the cases and reports.
    ///
    /// # Errors
    ///
    /// When the command line makes no sense, or the report cannot be written.
    pub(super) fn execute(&self, given: &GivenOptions) -> Result<Exit, CliError> {
        let began = Instant::now();
        let deadline = Deadline::after(Duration::from_secs(self.timeout));
        if let Some(programs) = program::read(&self.cases)? {
            return self.programs(&programs, given, began, deadline);
        }
        if self.save_restore.is_some() {
            return Err(CliError::Usage(
                "--save-restore is for programs; cases save and restore by themselves".to_owned(),
            ));
        }
        let selection =
            Selection::new(&self.cases, suite::infos()).map_err(|error| CliError::Usage(error.to_string()))?;
        let via = self.via.unwrap_or_else(default_machine);
        self.check_hazards(via)?;
        let machine = self.machine(via, deadline).check()?;
        let settings = self.report_settings(via, selection.names(), given, began);
        let mut report = SharedReport::new(anstream::stdout(), settings);
        let watchdog = Watchdog::start(via, deadline, self.guests().guest_timeout, &report);
        let (cases, seed) = (selection.cases().to_vec(), self.chosen_seed());
        self.filtered(via, &mut report, |sink| machine.suite(cases, seed, sink));
        drop(watchdog);
        let tally = report.finish()?;
        explain(&tally);
        Ok(tally.exit())
    }

    /// Lets `work` report, with the failures that are known marked as such. The specification has no errata.
    fn filtered(&self, via: Via, report: &mut dyn Sink, work: impl FnOnce(&mut dyn Sink)) {
        if via == Via::Model { work(report) } else { work(&mut ErrataFilter::new(report, self.strict)) }
    }

    /// Rejects to hang a kernel that somebody needs, or one that could not even tell.
    fn check_hazards(&self, via: Via) -> Result<(), CliError> {
        let message = match (self.hazards, via, self.emulation.smp) {
            (true, Via::Kvm, _) => "--hazards may hang the kernel of this host for good; use --via nested".to_owned(),
            (true, Via::Nested, Some(smp)) if smp < HAZARD_SMP => format!(
                "--hazards takes a CPU out of use for each case that fails: expected --smp {HAZARD_SMP} or more, found {smp}"
            ),
            _ => return Ok(()),
        };
        Err(CliError::Usage(message))
    }

    /// Runs programs from files and reports.
    fn programs(
        &self,
        programs: &[NamedProgram],
        given: &GivenOptions,
        began: Instant,
        deadline: Deadline,
    ) -> Result<Exit, CliError> {
        let via = self.via.unwrap_or_else(default_machine);
        let machine = self.machine(via, deadline).check()?;
        let settings = Settings {
            arguments: programs.iter().map(|named| (named.info().name, named.path.clone())).collect(),
            ..self.report_settings(via, programs.iter().map(|named| named.info().name).collect(), given, began)
        };
        let mut report = SharedReport::new(anstream::stdout(), settings);
        let watchdog = Watchdog::start(via, deadline, self.guests().guest_timeout, &report);
        self.filtered(via, &mut report, |sink| machine.replay(programs, self.chosen_seed(), sink));
        drop(watchdog);
        let tally = report.finish()?;
        explain(&tally);
        Ok(tally.exit())
    }

    /// The machine as it was asked for.
    fn machine(&self, via: Via, deadline: Deadline) -> Machine<'_> {
        Machine {
            via,
            emulation: &self.emulation,
            firmware: self.firmware.as_deref(),
            guests: self.guests(),
            deadline,
            avoid_known: false,
            smp: if self.hazards { HAZARD_SMP } else { nested::SMP },
            save_restore: self.save_restore,
        }
    }

    fn guests(&self) -> GuestPolicy {
        let guest_timeout = Duration::from_secs(self.guest_timeout);
        GuestPolicy { guest_timeout, fresh_vms: self.fresh_vms, hazards: self.hazards }
    }

    /// The seed named, else a random one that is short enough to type.
    fn chosen_seed(&self) -> u64 {
        self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)))
    }

    fn report_settings(&self, via: Via, names: Vec<String>, given: &GivenOptions, began: Instant) -> Settings {
        Settings {
            format: self.format,
            quiet: self.quiet,
            via: via.name(),
            names,
            arguments: Vec::new(),
            rerun: std::env::var(RERUN).unwrap_or_else(|_| "granule run".to_owned()),
            rerun_options: given.without(&NOT_REPEATED),
            began,
            before: time_before(),
            width: terminal_width().unwrap_or(WIDTH),
            progress: std::io::stderr().is_terminal() && self.format == Format::Text,
        }
    }
}

/// Opens a target and runs the selected cases on it. The stream has begun.
pub fn run_suite(options: &suite::Options, opener: &dyn Opener, sink: &mut dyn Sink) {
    match opener.open(Config::default()) {
        Ok(opened) => suite::run_on(options, opened, sink),
        Err(error) => sink.event(error.into()),
    }
}

/// How a command without cases reports.
pub fn settings_for(format: Format, via: Via, rerun: String, rerun_options: String) -> Settings {
    Settings {
        format,
        quiet: false,
        via: via.name(),
        names: Vec::new(),
        arguments: Vec::new(),
        rerun,
        rerun_options,
        began: Instant::now(),
        before: time_before(),
        width: terminal_width().unwrap_or(WIDTH),
        progress: false,
    }
}

/// The machine that is meant if none is named.
pub fn default_machine() -> Via {
    if cfg!(target_arch = "aarch64") && Path::new("/dev/kvm").exists() { Via::Kvm } else { Via::Nested }
}

fn no_kernel() -> CliError {
    CliError::Usage(
        "a nested run needs a kernel to test; give an arm64 Image with --kernel, or use `cargo xtask run`, which fetches one".to_owned(),
    )
}

/// Reads a seed as it is printed.
pub fn seed(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|error| format!("expected a number below 2^64, decimal or hexadecimal with 0x: {error}"))
}

/// How long set-up and build took, if whoever started granule says so.
fn time_before() -> Vec<(&'static str, Duration)> {
    let read = |name: &'static str, variable| {
        let millis = std::env::var(variable).ok()?.parse().ok()?;
        Some((name, Duration::from_millis(millis)))
    };
    [read("set-up", "GRANULE_SETUP_MS"), read("build", "GRANULE_BUILD_MS")].into_iter().flatten().collect()
}

/// Prints on standard error why there is no verdict, and what to do.
pub fn explain(tally: &Tally) {
    let bold = anstyle::Style::new().bold();
    let (what, reason, remedy) = match &tally.closing {
        Some(RunEnd::Unavailable { reason, remedy }) => ("nothing could be checked here", reason, remedy),
        Some(RunEnd::Broken { reason, remedy }) => ("could not run", reason, remedy),
        _ => return,
    };
    anstream::eprintln!("{bold}{what}{bold:#}: {reason}");
    if !remedy.is_empty() {
        anstream::eprintln!("{bold}what to do{bold:#}: {remedy}");
    }
}

/// Returns the columns of the terminal that standard output is.
fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_read_as_they_are_printed() {
        assert_eq!(seed("0x5eed"), Ok(0x5eed));
        assert_eq!(seed("42"), Ok(42));
        assert_eq!(seed(&format!("{:#x}", u64::MAX)), Ok(u64::MAX));
        assert!(seed("5eed").is_err() && seed("-1").is_err() && seed("0x").is_err());
    }
}
