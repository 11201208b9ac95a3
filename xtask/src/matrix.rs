//! `cargo xtask matrix`: the whole suite on many kernels, CPUs and emulators, two at a time, as one table.
//!
//! The cells are data; the table is made by granule (`granule matrix`), which gets every argument but `--cells` and
//! `--ci`. Everything that a cell needs is fetched first. The verdicts are compared with tests/verdicts; `--bless` writes
//! them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use crate::arguments::Choice;
use crate::builds::{self, Built};
use crate::cache::Cache;
use crate::environment;
use crate::failure::{Failure, Result, STATUS_FAILED};
use crate::kernel;
use crate::project::Project;
use crate::qemu;
use crate::report::Report;
use crate::setup::Setup;
use crate::toolchain;

/// Cells that run at the same time: QEMU keeps a core busy each.
const WORKERS: usize = 2;

/// A kernel on a CPU in an emulator.
struct Cell {
    name: &'static str,
    /// Without one it is QEMU alone.
    kernel: Option<&'static str>,
    qemu: &'static str,
    /// More arguments of `granule run`.
    more: &'static [&'static str],
}

const fn cell(name: &'static str, kernel: &'static str, qemu: &'static str, more: &'static [&'static str]) -> Cell {
    Cell { name, kernel: Some(kernel), qemu, more }
}

/// QEMU alone.
const fn alone(name: &'static str, qemu: &'static str) -> Cell {
    Cell { name, kernel: None, qemu, more: &[] }
}

/// Modes of KVM, on two CPUs, so that each can go offline.
const NVHE: &[&str] = &["--append", "kvm-arm.mode=nvhe", "--smp", "2"];
const PROTECTED: &[&str] = &["--append", "kvm-arm.mode=protected", "--smp", "2"];
const NESTED: &[&str] = &["--append", "kvm-arm.mode=nested", "--smp", "2"];
/// Memory that the kernel fills with zeros whenever it takes or gives it, and pointer authentication.
const INIT: &[&str] = &["--append", "init_on_alloc=1 init_on_free=1", "--cpu", "max"];

/// Fewer vector lengths than CPU `max` has (multiples of 16 bytes up to 256): 16 alone; and the powers of two up to 64.
const SVE16: &[&str] = &["--cpu", "max,pauth=off,sve-max-vq=1"];
const SVE64: &[&str] = &["--cpu", "max,pauth=off,sve512=on,sve384=off"];

/// All cells. QEMU 11 emulates some instructions differently, so each kind of kernel also runs on it once.
const CELLS: &[Cell] = &[
    alone("tcg", "10"),
    alone("tcg-qemu11", "11"),
    cell("6.1", "6.1", "10", &[]),
    cell("6.12", "6.12", "10", &[]),
    cell("7.2", "7.2", "10", &[]),
    cell("7.3-rc", "7.3-rc", "10", &[]),
    cell("6.12-16k", "6.12-16k", "10", &[]),
    cell("6.1-nvhe", "6.1", "10", NVHE),
    cell("6.12-nvhe", "6.12", "10", NVHE),
    cell("7.3-rc-nvhe", "7.3-rc", "10", NVHE),
    cell("6.12-qemu11", "6.12", "11", &[]),
    cell("7.3-rc-qemu11", "7.3-rc", "11", &[]),
    cell("6.12-neoverse-n2", "6.12", "10", &["--cpu", "neoverse-n2"]),
    cell("7.3-rc-cortex-a710", "7.3-rc", "11", &["--cpu", "cortex-a710"]),
    cell("6.12-smp4", "6.12", "10", &["--smp", "4"]),
    cell("7.3-rc-smp4", "7.3-rc", "11", &["--smp", "4"]),
    cell("6.12-protected", "6.12", "10", PROTECTED),
    cell("7.3-rc-protected", "7.3-rc", "10", PROTECTED),
    cell("7.3-rc-nested", "7.3-rc", "10", NESTED),
    cell("6.12-sve16", "6.12", "10", SVE16),
    cell("6.12-sve64", "6.12", "10", SVE64),
    cell("6.12-init", "6.12", "10", INIT),
    cell("7.3-rc-init", "7.3-rc", "10", INIT),
    cell("6.12-nomte", "6.12", "10", &["--append", "arm64.nomte"]),
    cell("6.12-mte1", "6.12", "10", &["--append", "id_aa64pfr1.mte=1"]),
    cell("6.12-neoverse-v1", "6.12", "10", &["--cpu", "neoverse-v1"]),
    // Last, since it may hang the kernel of its cell.
    cell("7.3-rc-hazards", "7.3-rc", "10", &["--hazards"]),
];

/// The cells of CI: QEMU alone, the oldest kernel, the other mode of KVM, and a smaller CPU. The tests fetch all that they
/// need.
const CI: &[&str] = &["tcg", "6.1", "6.12-nvhe", "6.12-neoverse-n2"];

/// Where the verdicts expected of each cell are, from the project's root.
const VERDICTS: &str = "tests/verdicts";

/// What the user asked for.
#[derive(Debug, Default, PartialEq)]
struct Wanted {
    cells: Vec<String>,
    /// Arguments for `granule matrix`.
    rest: Vec<OsString>,
}

impl Wanted {
    /// Returns whether help was asked for: then no cell is run.
    fn help(&self) -> bool {
        self.rest.iter().any(|word| word == "--help" || word == "-h")
    }
}

fn parse(arguments: &[OsString]) -> Result<Wanted> {
    let mut wanted = Wanted::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--cells") => {
                let names = arguments.next().and_then(|names| names.to_str());
                let names =
                    names.ok_or_else(|| Failure::usage("--cells needs names, with commas between".to_string()))?;
                wanted.cells.extend(names.split(',').map(str::to_string));
            }
            Some("--ci") => wanted.cells.extend(CI.iter().map(|name| name.to_string())),
            _ => wanted.rest.push(argument.clone()),
        }
    }
    for name in &wanted.cells {
        if !CELLS.iter().any(|cell| cell.name == name) {
            let known: Vec<&str> = CELLS.iter().map(|cell| cell.name).collect();
            return Err(Failure::usage(format!("expected cells of {}; found {}", known.join(", "), name)));
        }
    }
    Ok(wanted)
}

/// Runs the cells and prints the table.
///
/// # Errors
/// Something cannot be fetched or built, or a cell needs attention: then with status 1, and without a message.
pub fn run(project: &Project, cache: &Cache, arguments: &[OsString]) -> Result<()> {
    let wanted = parse(arguments)?;
    let cells: Vec<&Cell> =
        CELLS.iter().filter(|cell| wanted.cells.is_empty() || wanted.cells.iter().any(|n| n == cell.name)).collect();

    let report = Report::new();
    let setup = Setup::new(cache, &report);
    let toolchains = toolchain::ensure(&setup, project)?;
    let mut parts = Vec::new();
    for cell in cells.iter().filter(|_| !wanted.help()) {
        let named = |name: &str| Some(Choice::Name(name.to_string()));
        let qemu = qemu::ensure(&setup, named(cell.qemu).as_ref())?;
        let kernel = cell.kernel.map(|name| kernel::ensure(&setup, named(name).as_ref())).transpose()?;
        parts.push((qemu, kernel));
    }
    cache.release();
    report.finish(cache.directory());
    let built = builds::all(project, &toolchains)?;
    check(&built, &wanted)?;
    if wanted.help() {
        return Ok(());
    }

    let directory = project.target.join("matrix");
    fs::create_dir_all(&directory).map_err(|e| Failure::io("make", &directory, &e))?;
    let began = Instant::now();
    let queue = Mutex::new(cells.iter().zip(&parts).collect::<Vec<_>>().into_iter());
    let next = || queue.lock().ok().and_then(|mut queue| queue.next());
    let work = || -> Result<()> {
        while let Some((cell, (qemu, kernel))) = next() {
            measure(cell, qemu, kernel.as_deref(), &built, &stream(&directory, cell))?;
            eprintln!("  {} ({:.0} s)", cell.name, began.elapsed().as_secs_f32());
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|w| w.join().unwrap_or_else(|_| Err(Failure::failed("a worker panicked"))))
    })?;

    let mut table = Command::new(&built.granule);
    table.arg("matrix");
    for (option, file) in [("--json", "matrix.json"), ("--html", "matrix.html")] {
        if !wanted.rest.iter().any(|given| given == option) {
            table.arg(option).arg(directory.join(file));
            eprintln!("  {}", directory.join(file).display());
        }
    }
    table.arg("--verdicts").arg(project.root.join(VERDICTS));
    table.args(wanted.rest);
    for cell in &cells {
        let mut run = OsString::from(format!("{}=", cell.name));
        run.push(stream(&directory, cell));
        table.arg(run);
    }
    let status = table.status().map_err(|e| Failure::io("start", &built.granule, &e))?;
    match status.code() {
        Some(0) => Ok(()),
        code => Err(Failure::silent(code.unwrap_or(STATUS_FAILED))),
    }
}

/// Checks the arguments of the table before any cell is run: granule reads them, and prints its help at the end of
/// those that it accepts.
fn check(built: &Built, wanted: &Wanted) -> Result<()> {
    let mut granule = Command::new(&built.granule);
    granule.arg("matrix").args(&wanted.rest);
    if !wanted.help() {
        granule.arg("--help").stdout(Stdio::null());
    }
    let status = granule.status().map_err(|e| Failure::io("start", &built.granule, &e))?;
    match status.code() {
        Some(0) => Ok(()),
        code => Err(Failure::silent(code.unwrap_or(STATUS_FAILED))),
    }
}

/// Returns the file in which the events of a cell's run are kept.
fn stream(directory: &Path, cell: &Cell) -> PathBuf {
    directory.join(format!("{}.jsonl", cell.name))
}

/// Runs one cell. Its exit status is ignored: the events contain the verdicts.
fn measure(cell: &Cell, qemu: &Path, kernel: Option<&Path>, built: &Built, events: &Path) -> Result<()> {
    let output = File::create(events).map_err(|e| Failure::io("make", events, &e))?;
    let mut granule = Command::new(&built.granule);
    granule.args(["run", "--via", if kernel.is_some() { "nested" } else { "tcg" }, "--format", "json"]).args(cell.more);
    granule.arg("--qemu").arg(qemu);
    if let Some(kernel) = kernel {
        granule.arg("--kernel").arg(kernel);
    }
    granule.env("GRANULE_AGENT", &built.agent).env("GRANULE_FIRMWARE", &built.firmware);
    for variable in [environment::QEMU, environment::KERNEL] {
        granule.env_remove(variable);
    }
    granule.stdin(Stdio::null()).stdout(output).stderr(Stdio::null());
    granule.status().map(|_| ()).map_err(|e| Failure::io("start", &built.granule, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_names_of_their_own_and_ci_runs_four_of_them() {
        let mut names: Vec<&str> = CELLS.iter().map(|cell| cell.name).collect();
        names.sort_unstable();
        names.dedup();
        assert!(names.len() == CELLS.len() && CELLS.len() >= 12);
        assert_eq!(CI.iter().filter(|name| names.contains(name)).count(), 4);
    }

    #[test]
    fn cells_are_chosen_by_name_and_the_rest_is_passed_on() {
        let parse = |words: &[&str]| super::parse(&words.iter().map(OsString::from).collect::<Vec<_>>());
        let wanted = parse(&["--cells", "6.1,6.12", "--all"]).expect("arguments");
        assert_eq!(wanted.cells, ["6.1", "6.12"]);
        assert_eq!(wanted.rest, ["--all"]);
        assert!(parse(&["--cells", "5.4"]).is_err());
        assert!(parse(&["--cells"]).is_err());
    }
}
