//! `cargo xtask test`: set-up, build, every test of every package, and one line with the sum.
//!
//! Output is passed on as it comes. A test program that does not end with a result line (it
//! crashed, or did not build) counts as one failure.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::builds;
use crate::cache::Cache;
use crate::environment;
use crate::failure::{Failure, Result, STATUS_FAILED};
use crate::processes;
use crate::project::{FIRMWARE, Project};
use crate::report::Report;
use crate::setup::Setup;
use crate::tally::Tally;
use crate::terminal;
use crate::toolchain;

/// Runs all tests.
///
/// # Errors
/// Set-up or the build fails, or a test does.
pub fn run(project: &Project, cache: &Cache) -> Result<()> {
    let report = Report::new();
    let setup = Setup::new(cache, &report);
    let toolchains = toolchain::ensure(&setup, project)?;
    let named = environment::for_tests(&setup)?;
    cache.release();
    report.finish(cache.directory());
    let built = builds::all(project, &toolchains)?;

    let mut workspace = builds::native_cargo(project, &toolchains.native, "test");
    workspace.args(["--workspace", "--exclude", FIRMWARE, "--no-fail-fast", "--"]);
    if let Some(named) = named {
        workspace.arg("--include-ignored").envs(named);
    }
    workspace.env("GRANULE_BIN", &built.granule).env("GRANULE_AGENT", &built.agent);
    workspace.env("GRANULE_FIRMWARE", &built.firmware);
    workspace.env("GRANULE_SAVE_RESTORE", builds::save_restore(project, &toolchains.cross)?);
    // Of the firmware, the library's tests run on any host; the program itself is for the target only.
    let mut firmware = builds::native_cargo(project, &toolchains.native, "test");
    firmware.args(["-p", FIRMWARE, "--lib"]);
    let mut own = builds::native_cargo(project, &toolchains.native, "test");
    own.arg("--no-fail-fast").arg("--manifest-path").arg(project.xtask_manifest());
    own.env("CARGO_TARGET_DIR", project.target.join("xtask"));

    let mut tally = Tally::default();
    for command in [&mut workspace, &mut firmware, &mut own] {
        stream(command, &mut tally)?;
    }
    println!("{}", tally);
    if tally.failed == 0 {
        return Ok(());
    }
    Err(Failure::silent(STATUS_FAILED))
}

/// Runs a test command, passes its output on, and adds its results up.
fn stream(command: &mut Command, tally: &mut Tally) -> Result<()> {
    if terminal::is_stderr() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let failed_before = tally.failed;
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|e| processes::not_started(command, &e))?;
    if let Some(stdout) = child.stdout.take() {
        let mut out = io::stdout();
        for line in BufReader::new(stdout).split(b'\n').flatten() {
            tally.add_line(&String::from_utf8_lossy(&line));
            // A reader that went away must not stop the tests from being counted.
            let _ = out.write_all(&line).and_then(|()| out.write_all(b"\n"));
        }
    }
    let status = child.wait().map_err(|e| processes::not_started(command, &e))?;
    if !status.success() && tally.failed == failed_before {
        eprintln!("{} failed ({}) without a failed test: counted as one failure", processes::name(command), status);
        tally.failed += 1;
    }
    Ok(())
}
