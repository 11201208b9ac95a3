//! `cargo xtask run`, `fuzz` and `kill-matrix`: set-up, build, and then granule itself in place of this process.
//!
//! On x86-64 granule boots QEMU, with a kernel unless `--via tcg` says without; on an arm64 machine with /dev/kvm it
//! runs on the hardware.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::arguments::{self, Choice};
use crate::builds;
use crate::cache::Cache;
use crate::failure::{Failure, Result};
use crate::host;
use crate::kernel;
use crate::project::Project;
use crate::qemu;
use crate::report::Report;
use crate::setup::Setup;
use crate::toolchain;

/// The command that runs on no machine but the model.
const MATRIX: &str = "kill-matrix";

/// Runs a command of granule with the user's arguments; returns only if it could not be started.
pub fn run(project: &Project, cache: &Cache, command: &str, arguments: Vec<OsString>) -> Result<()> {
    let exists = |path: &Path| path.exists();
    let given = arguments::parse(arguments, exists)?;
    let named =
        |variable: &str| env::var_os(variable).filter(|v| !v.is_empty()).map(|v| arguments::choice(&v, &exists));
    let native = host::architecture()?.rust == "aarch64" && Path::new("/dev/kvm").exists();
    let via = given.via.clone().unwrap_or_else(|| if native { "kvm" } else { "nested" }.to_string());

    let report = Report::new();
    let setup = Setup::new(cache, &report);
    let toolchains = toolchain::ensure(&setup, project)?;
    // The model takes its kernel by release, and runs in no emulator.
    let emulated = via != "model" && command != MATRIX;
    let wants = |machines: &[&str]| machines.contains(&via.as_str()) && !given.help;
    let qemu = match emulated && (given.qemu.is_some() || wants(&["nested", "tcg"])) {
        true => Some(qemu::ensure(&setup, given.qemu.or_else(|| named("GRANULE_QEMU")).as_ref())?.into_os_string()),
        false => given.qemu.map(Choice::into_os_string),
    };
    let kernel = match emulated && (given.kernel.is_some() || wants(&["nested"])) {
        true => {
            Some(kernel::ensure(&setup, given.kernel.or_else(|| named("GRANULE_KERNEL")).as_ref())?.into_os_string())
        }
        false => given.kernel.map(Choice::into_os_string),
    };
    cache.release();
    report.finish(cache.directory());
    let setup_took = report.milliseconds();

    if command == MATRIX && given.rest.iter().any(|argument| argument == "--mutants") {
        let granule = builds::with_mutants(project, &toolchains)?;
        let error = Command::new(&granule).arg(command).args(given.rest).exec();
        return Err(Failure::unavailable(format!("cannot start {}: {}", granule.display(), error)));
    }
    let started = Instant::now();
    let built = builds::all(project, &toolchains)?;
    let build_took = started.elapsed().as_millis();

    let mut granule = Command::new(&built.granule);
    granule.arg(command);
    if command != MATRIX {
        granule.arg("--via").arg(&via);
    }
    for (option, value) in [("--qemu", qemu), ("--kernel", kernel)] {
        if let Some(value) = value {
            granule.arg(option).arg(value);
        }
    }
    granule.args(given.rest);
    granule.env("GRANULE_RERUN", format!("cargo xtask {}{}", command, given.repeated));
    granule.env("GRANULE_AGENT", &built.agent).env("GRANULE_FIRMWARE", &built.firmware);
    granule.env("GRANULE_SETUP_MS", setup_took.to_string()).env("GRANULE_BUILD_MS", build_took.to_string());
    let error = granule.exec();
    Err(Failure::unavailable(format!("cannot start {}: {}", built.granule.display(), error)))
}
