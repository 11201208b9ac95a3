//! The task runner: `cargo xtask run`, `fuzz`, `exec`, `kill-matrix`, `list`, `explain`, `trace`, `inspect`, `matrix`, `test`, `lint`, `build`, `setup`.
//!
//! It finds or fetches what the project needs (a Rust for aarch64, QEMU, arm64 kernels), builds
//! everything, and hands over. It has no product logic and no dependencies, since it must build
//! with any cargo before anything else is there. Read `setup.rs` first, then `toolchain.rs`.
#![deny(unsafe_code, missing_docs)]

mod arguments;
mod binutils;
mod builds;
mod cache;
mod compiler;
mod debian;
mod debuggers;
mod environment;
mod failure;
mod host;
mod kernel;
mod lint;
mod lock;
mod matrix;
mod processes;
mod project;
mod qemu;
mod report;
mod run;
mod setup;
mod space;
mod stamp;
mod tally;
mod terminal;
mod test;
mod toolchain;
mod version;
mod wrapper;

use std::env;
use std::ffi::OsString;
use std::process;

use crate::cache::Cache;
use crate::failure::{Failure, Result};
use crate::project::Project;
use crate::report::Report;
use crate::setup::Setup;

const HELP: &str = "\
cargo xtask COMMAND

  run [ARGUMENTS]  set up, build, and do the main job: granule run ARGUMENTS
                   --qemu X    a path, a version (7.2, 10, 11) or a suite (bookworm, trixie, sid)
                   --kernel X  a path, a series (6.1, 6.12, 7.2, 7.3-rc) or a suite
                   all others as granule reads them: cargo xtask run --help
  fuzz [ARGUMENTS] the same for granule fuzz: random programs, compared with the specification
  exec IMAGE [ARGUMENTS]
                   the same for granule exec: your own bare-metal image, and the tag check faults that it takes
  kill-matrix [ARGUMENTS]
                   the same for granule kill-matrix: each defect of the specification must turn a case red
  list [ARGUMENTS] the same for granule list: the cases
  explain [ARGUMENTS]
                   the same for granule explain: what a case, an instruction, a rule, an erratum or a defect is
  trace [ARGUMENTS]
                   the same for granule trace: what a program does, instruction by instruction
  inspect [--via MACHINE] [ARGUMENTS]
                   the same for granule inspect: a prompt that executes A64 code line by line
  save PROGRAM SNAPSHOT [ARGUMENTS]
                   the same for granule save: a program's guest, tags and all, into a file
  restore SNAPSHOT [ARGUMENTS]
                   the same for granule restore: a guest from a file, whose program goes on
  show SNAPSHOT [ARGUMENTS]
                   the same for granule show: what is in such a file, or where it can be restored
  diff A B         the same for granule diff: where two such files differ
  verify SNAPSHOT  the same for granule verify: whether such a file is whole
  matrix [--cells A,B | --ci] [--bless] [ARGUMENTS]
                   the whole suite on many kernels, CPUs and QEMUs, as one table: granule matrix ARGUMENTS;
                   fails if a verdict is not that of tests/verdicts, which --bless writes anew
  test             set up, build, and run all tests
  lint             rustfmt, clippy and rustdoc, warnings denied
  build            build everything; prints the path of the static arm64 granule
  setup [--all]    only fetch what run needs (--all: and what test needs); prints the paths
  help             this text

What is fetched is kept in $GRANULE_CACHE, else $XDG_CACHE_HOME/granule, else ~/.cache/granule.
Builds go to target/, or to $CARGO_TARGET_DIR. Debian packages come from the mirror that this
machine's apt uses. The system, its toolchains and rustup's are not changed.

Exit status: that of granule; of the others 0 done, 1 something failed, 2 usage,
69 could not run here, with the remedy.
";

fn main() {
    let mut arguments = env::args_os().skip(1);
    let command = arguments.next().map(|c| c.to_string_lossy().into_owned()).unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    if let Err(failure) = perform(&command, &arguments) {
        if !failure.message.is_empty() {
            eprintln!("error: {}", failure);
        }
        process::exit(failure.status);
    }
}

fn perform(command: &str, arguments: &[OsString]) -> Result<()> {
    match command {
        "setup" => set_up(arguments),
        "test" | "lint" | "build" => {
            expect_no_more(command, arguments)?;
            let (project, cache) = (Project::find_to_build()?, Cache::find()?);
            match command {
                "test" => test::run(&project, &cache),
                "lint" => lint::run(&project, &cache),
                _ => build(&project, &cache),
            }
        }
        "matrix" => matrix::run(&Project::find_to_build()?, &Cache::find()?, arguments),
        "help" | "--help" | "-h" => {
            print!("{}", HELP);
            Ok(())
        }
        "" => Err(Failure::usage(format!("expected a command\n\n{}", HELP))),
        other if run::is_command(other) => run::run(&Project::find_to_build()?, &Cache::find()?, other, arguments),
        other => Err(Failure::usage(format!("expected a command, found {}\n\n{}", other, HELP))),
    }
}

/// Checks that nothing follows a command of xtask's own.
fn expect_no_more(command: &str, arguments: &[OsString]) -> Result<()> {
    match arguments.first() {
        Some(first) => Err(Failure::usage(format!(
            "cargo xtask {} takes no such argument: {}; see cargo xtask help",
            command,
            first.to_string_lossy()
        ))),
        None => Ok(()),
    }
}

fn build(project: &Project, cache: &Cache) -> Result<()> {
    let report = Report::new();
    let setup = Setup::new(cache, &report);
    let toolchains = toolchain::ensure(&setup, project)?;
    cache.release();
    report.finish(cache.directory());
    let built = builds::all(project, &toolchains)?;
    println!("firmware           {}", built.firmware.display());
    println!("granule            {}", built.granule.display());
    println!("granule for boards {}", built.agent.display());
    Ok(())
}

fn set_up(arguments: &[OsString]) -> Result<()> {
    let all = arguments.first().map_or(false, |a| a == "--all");
    expect_no_more("setup", &arguments[usize::from(all)..])?;
    let (project, cache) = (Project::find()?, Cache::find()?);
    let report = Report::new();
    let setup = Setup::new(&cache, &report);
    let toolchains = toolchain::ensure(&setup, &project)?;
    let mut named = environment::for_run(&setup)?;
    if all {
        named.retain(|(variable, _)| *variable != environment::QEMU);
        named.extend(environment::for_tests(&setup)?.unwrap_or_default());
    }
    cache.release();
    report.finish(cache.directory());
    println!("CARGO_FOR_THIS_MACHINE={}", toolchains.native.bin.join("cargo").display());
    println!("CARGO_FOR_AARCH64={}", toolchains.cross.toolchain.bin.join("cargo").display());
    for (variable, path) in named {
        println!("{}={}", variable, path.display());
    }
    Ok(())
}
