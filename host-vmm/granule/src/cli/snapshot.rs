//! `granule save`, `restore`, `show`, `diff`, `verify`: guests in files.

mod show;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use machine::registers::RegisterId;
use machine::{Deadline, Explain};
use mte_snapshot::Snapshot;
use report::exit::Exit;
use saved::attempt::{Attempt, Candidate, Refusal};
use saved::note::Standing;
use saved::save::Summary;
use suite::GuestPolicy;

use super::collect::Collected;
use super::error::CliError;
use super::rerun::GivenOptions;
use super::run::{Checked, Emulation, Machine, SharedReport, Via, default_machine, explain, settings_for};
use super::source::Source;

/// The machine of a saved guest.
#[derive(Debug, Args)]
struct Where {
    /// The machine, which must have KVM [default: kvm on an arm64 host with /dev/kvm, else nested]
    #[arg(long, value_enum)]
    via: Option<Via>,
    /// Deadline of the whole run, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = nested::TIMEOUT.as_secs(), value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// How long a guest may take for one request, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = machine::GUEST_TIMEOUT.as_secs(), value_parser = clap::value_parser!(u64).range(1..))]
    guest_timeout: u64,
    /// Guest firmware, an ELF file, instead of the one built in
    #[arg(long, value_name = "PATH")]
    firmware: Option<PathBuf>,
    #[command(flatten)]
    emulation: Emulation,
}

impl Where {
    fn via(&self) -> Via {
        self.via.unwrap_or_else(default_machine)
    }

    fn machine(&self) -> Result<Checked<'_>, CliError> {
        let via = self.via();
        if !matches!(via, Via::Kvm | Via::Nested) {
            let why = match via {
                Via::Model => "the specification's firmware is not in its guest's memory",
                _ => "QEMU alone keeps a saved guest to itself",
            };
            return Err(CliError::Usage(format!(
                "--via {}: {why}; a snapshot takes KVM: --via kvm or nested",
                via.name()
            )));
        }
        let guest_timeout = Duration::from_secs(self.guest_timeout);
        Machine {
            via,
            emulation: &self.emulation,
            firmware: self.firmware.as_deref(),
            guests: GuestPolicy { guest_timeout, fresh_vms: false, hazards: false },
            deadline: Deadline::after(Duration::from_secs(self.timeout)),
            avoid_known: false,
            smp: nested::SMP,
            save_restore: None,
        }
        .check()
    }
}

/// What to save.
#[derive(Debug, Args)]
pub struct Save {
    /// A program (docs/programs.md)
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,
    /// Where to save its guest; a file that is there is replaced once the new one is whole
    #[arg(value_name = "SNAPSHOT")]
    snapshot: PathBuf,
    /// Which checkpoint of the program to stop at, from 1 on, counted through all its blocks
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    checkpoint: usize,
    #[command(flatten)]
    place: Where,
}

impl Save {
    /// Runs the program to the checkpoint and saves its guest.
    ///
    /// # Errors
    ///
    /// When the command line makes no sense, or the file cannot be written.
    pub fn execute(&self) -> Result<Exit, CliError> {
        let program = Source::read(&self.program)?.parse()?;
        let (machine, via) = (self.place.machine()?, self.place.via());
        write_new(&self.snapshot, via, |deliver, collected| machine.save(&program, self.checkpoint, deliver, collected))
    }
}

/// What to restore.
#[derive(Debug, Args)]
pub struct Restore {
    /// A file that `granule save` wrote; several with --try
    #[arg(value_name = "SNAPSHOT", required = true)]
    snapshots: Vec<PathBuf>,
    /// Only ask whether they could be restored here: print each register that KVM refuses
    #[arg(long = "try", conflicts_with_all = ["save_again", "kexec"])]
    only_try: bool,
    /// Save the restored guest again, as it is, instead of letting its program go on
    #[arg(long, value_name = "SNAPSHOT")]
    save_again: Option<PathBuf>,
    /// Restore it behind a kexec of the nested Linux: by a second kernel, in RAM that is full of the data and tags of the first
    #[arg(long, conflicts_with = "save_again")]
    kexec: bool,
    #[command(flatten)]
    place: Where,
}

impl Restore {
    /// Restores the guest, and lets its program go on or saves it again.
    ///
    /// # Errors
    ///
    /// When the command line makes no sense, the file is no snapshot, or the report cannot be written.
    pub(super) fn execute(&self, given: &GivenOptions) -> Result<Exit, CliError> {
        let (machine, via) = (self.place.machine()?, self.place.via());
        if self.kexec && via != Via::Nested {
            return Err(CliError::Usage("--kexec replaces the kernel of a nested run; use --via nested".to_owned()));
        }
        if self.only_try {
            return self.attempt(&machine);
        }
        let [path] = &self.snapshots[..] else {
            return Err(CliError::Usage("one snapshot can be restored at a time; several only with --try".to_owned()));
        };
        let bytes = guest(path)?;
        if let Some(again) = &self.save_again {
            return write_new(again, via, |deliver, collected| machine.save_again(&bytes, deliver, collected));
        }
        let began = Instant::now();
        let rerun = format!("granule restore {}", path.display());
        let settings = report::Settings {
            names: vec![saved::restore::CASE.to_owned()],
            began,
            ..settings_for(report::Format::Text, via, rerun, given.without(&["save-again"]))
        };
        let mut report = SharedReport::new(anstream::stdout(), settings);
        machine.restore(&bytes, &path.display().to_string(), self.kexec, &mut report);
        let tally = report.finish()?;
        explain(&tally);
        Ok(tally.exit())
    }

    /// Asks whether the guests could be restored here.
    fn attempt(&self, machine: &Checked<'_>) -> Result<Exit, CliError> {
        let candidate = |path: &PathBuf| Ok(Candidate { name: path.display().to_string(), bytes: guest(path)? });
        let candidates = self.snapshots.iter().map(candidate).collect::<Result<Vec<_>, CliError>>()?;
        let mut collected = Collected::default();
        machine.attempt(&candidates, &mut collected);
        let answer = collected.answer.take().and_then(|answer| serde_json::from_value::<Vec<Attempt>>(answer).ok());
        let Some(attempts) = answer else {
            return Ok(collected.unanswered());
        };
        let mut out = anstream::stdout().lock();
        for Attempt { name, refused } in &attempts {
            if refused.is_empty() {
                writeln!(out, "{name}: can be restored here")?;
            }
            for refusal in refused {
                match refusal {
                    Refusal::Whole(reason) => writeln!(out, "{name}: {reason}")?,
                    Refusal::Register(cpu, id, reason) => {
                        writeln!(out, "{name}: vCPU {cpu}: {}: {reason}", RegisterId(*id))?;
                    }
                }
            }
        }
        out.flush()?;
        Ok(if attempts.iter().all(|attempt| attempt.refused.is_empty()) { Exit::Passed } else { Exit::Failed })
    }
}

/// What to show.
#[derive(Debug, Args)]
pub struct Show {
    /// A file that `granule save` wrote
    #[arg(value_name = "SNAPSHOT")]
    snapshot: PathBuf,
    /// Say instead whether it could be restored where this other snapshot was saved, and which register or field forbids it
    #[arg(long, value_name = "OTHER")]
    restorable_on: Option<PathBuf>,
}

impl Show {
    /// Prints what is in a file.
    ///
    /// # Errors
    ///
    /// When it is no snapshot, or nothing can be printed.
    pub fn execute(&self) -> Result<Exit, CliError> {
        let snapshot = mte_snapshot::file::load(&self.snapshot).map_err(unusable)?;
        if let Some(path) = &self.restorable_on {
            return self.predict(&snapshot, path);
        }
        let mut out = anstream::stdout().lock();
        show::write(&snapshot, &mut out)?;
        out.flush()?;
        Ok(Exit::Passed)
    }
}

impl Show {
    /// Says whether a saved guest could be restored where another one was saved.
    fn predict(&self, snapshot: &Snapshot, path: &Path) -> Result<Exit, CliError> {
        let there = mte_snapshot::file::load(path).map_err(unusable)?;
        let obstacles = saved::passport::obstacles(snapshot, &there);
        let obstacles = obstacles.map_err(|error| CliError::Usage(error.sentence()))?;
        let mut out = anstream::stdout().lock();
        let (name, place) = (self.snapshot.display(), show::place(&there.identity));
        if obstacles.is_empty() {
            writeln!(out, "{name}: can be restored on {place}")?;
        }
        for obstacle in &obstacles {
            writeln!(out, "{name}: {obstacle}")?;
        }
        out.flush()?;
        Ok(if obstacles.is_empty() { Exit::Passed } else { Exit::Failed })
    }
}

/// What to compare.
#[derive(Debug, Args)]
pub struct Diff {
    /// A file that `granule save` wrote
    #[arg(value_name = "SNAPSHOT")]
    first: PathBuf,
    /// Another one
    #[arg(value_name = "OTHER")]
    second: PathBuf,
}

impl Diff {
    /// Prints where two saved guests differ, and fails if that is anywhere but in their clocks.
    ///
    /// # Errors
    ///
    /// When one is no snapshot, or nothing can be printed.
    pub fn execute(&self) -> Result<Exit, CliError> {
        let load = |path| mte_snapshot::file::load(path).map_err(unusable);
        let (first, second) = (load(&self.first)?, load(&self.second)?);
        let differences = first.differences(&second);
        let mut out = anstream::stdout().lock();
        for difference in &differences {
            writeln!(out, "{difference}")?;
        }
        let (clocks, others): (Vec<_>, Vec<_>) = differences.iter().partition(|difference| difference.is_clock());
        match (others.len(), clocks.len()) {
            (0, 0) => writeln!(out, "both are the same")?,
            (0, _) => writeln!(out, "both are the same but for clocks")?,
            (count, _) => writeln!(out, "{}", show::count(count, "difference"))?,
        }
        out.flush()?;
        Ok(if others.is_empty() { Exit::Passed } else { Exit::Failed })
    }
}

/// What to verify.
#[derive(Debug, Args)]
pub struct Verify {
    /// A file that `granule save` wrote
    #[arg(value_name = "SNAPSHOT")]
    snapshot: PathBuf,
}

impl Verify {
    /// Checks that a file is whole and canonical.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or nothing can be printed.
    pub fn execute(&self) -> Result<Exit, CliError> {
        let verified = match mte_snapshot::file::verify(&self.snapshot) {
            Ok(verified) => verified,
            Err(error @ mte_snapshot::FileError::Decode { .. }) => {
                anstream::println!("{}", sentence(&error));
                return Ok(Exit::Failed);
            }
            Err(error) => return Err(unusable(error)),
        };
        let digest: String = verified.digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut out = anstream::stdout().lock();
        writeln!(out, "{}: whole, {} bytes, BLAKE3 {digest}", self.snapshot.display(), verified.bytes)?;
        out.flush()?;
        Ok(Exit::Passed)
    }
}

/// Has a file made, writes it, and says what is in it.
fn write_new(
    path: &Path,
    via: Via,
    make: impl FnOnce(&mut saved::save::Deliver<'_>, &mut Collected),
) -> Result<Exit, CliError> {
    let mut collected = Collected::default();
    let mut written = None;
    make(
        &mut |bytes| {
            let snapshot = Snapshot::decode(bytes).map_err(|error| sentence(&error))?;
            written = Some(mte_snapshot::file::save(path, &snapshot).map_err(|error| sentence(&error))?);
            Ok(())
        },
        &mut collected,
    );
    let machine = collected.machine(via);
    let summary = collected.answer.take().and_then(|answer| serde_json::from_value::<Summary>(answer).ok());
    let (Some(summary), Some(bytes)) = (summary, written) else {
        return Ok(collected.unanswered());
    };
    let Summary { step, checkpoint, vcpus, registers, data, tags } = summary;
    let mut out = anstream::stdout().lock();
    writeln!(out, "{machine}")?;
    writeln!(
        out,
        "saved {}: checkpoint {checkpoint} of step {step}; {} with {registers} registers, {} KiB of memory, non-zero tags: {tags}, in {} KiB",
        path.display(),
        show::count(vcpus, "vCPU"),
        data >> 10,
        bytes.div_ceil(1 << 10),
    )?;
    out.flush()?;
    Ok(Exit::Passed)
}

/// Reads the guest of a program from a file, and returns the file's bytes.
fn guest(path: &Path) -> Result<Vec<u8>, CliError> {
    let snapshot = mte_snapshot::file::load(path).map_err(unusable)?;
    Standing::of(&snapshot).map_err(|error| wrong(path, &error.sentence()))?;
    snapshot.encode().map_err(|error| wrong(path, &error.to_string()))
}

/// An error with those that caused it.
fn sentence(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = Vec::new();
    for text in causes.map(ToString::to_string) {
        // An error that shows its cause itself says it once.
        if texts.last().is_none_or(|last| !last.ends_with(&text)) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

fn unusable(error: mte_snapshot::FileError) -> CliError {
    CliError::Usage(sentence(&error))
}

fn wrong(path: &Path, reason: &str) -> CliError {
    CliError::Usage(format!("{}: {reason}", path.display()))
}
