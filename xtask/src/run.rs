//! `cargo xtask run` and the other commands of granule's own: set-up, build, and then granule itself in place of this process.
//!
//! granule gets the user's words as they are. Whatever set-up found for it is in the environment: the default QEMU and
//! kernel, and the files behind names such as `--kernel 6.12`.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::arguments::{self, Choice, Request};
use crate::builds;
use crate::cache::Cache;
use crate::environment;
use crate::failure::{self, Failure, Result};
use crate::host;
use crate::kernel;
use crate::project::Project;
use crate::qemu;
use crate::report::Report;
use crate::setup::Setup;
use crate::toolchain;

/// Commands that run programs on a machine, which may be emulated.
const ON_MACHINES: &[&str] = &["run", "fuzz", "save", "restore", EXEC, INSPECT, TRACE];
/// Commands that need nothing but granule.
const ELSEWHERE: &[&str] = &[KILL_MATRIX, "list", "explain", "show", "diff", "verify"];
/// Commands that run on the model unless another machine is named. A session of the first may add one later.
const INSPECT: &str = "inspect";
const TRACE: &str = "trace";
/// The command that runs on QEMU alone unless it is told otherwise.
const EXEC: &str = "exec";
/// The command whose `--mutants` needs a build of its own.
const KILL_MATRIX: &str = "kill-matrix";

/// The files that set-up found for the names given with `--qemu` and `--kernel`.
const FOUND_QEMU: &str = "GRANULE_FOUND_QEMU";
const FOUND_KERNEL: &str = "GRANULE_FOUND_KERNEL";

/// Returns whether a command is one of granule's that xtask runs.
pub fn is_command(name: &str) -> bool {
    ON_MACHINES.contains(&name) || ELSEWHERE.contains(&name)
}

/// Runs a command of granule with the user's arguments; returns only if it could not be started.
pub fn run(project: &Project, cache: &Cache, command: &str, arguments: &[OsString]) -> Result<()> {
    let request = arguments::read(arguments, Path::exists);
    let report = Report::new();
    let setup = Setup::new(cache, &report);
    let toolchains = toolchain::ensure(&setup, project)?;
    let mut variables = Vec::new();
    let parts = needs(command, &request)?;
    if parts.qemu {
        let variable = (environment::QEMU, FOUND_QEMU);
        variables.extend(found(&setup, request.qemu, variable, qemu::ensure)?);
    }
    if parts.kernel {
        let variable = (environment::KERNEL, FOUND_KERNEL);
        variables.extend(found(&setup, request.kernel, variable, kernel::ensure)?);
    }
    cache.release();
    report.finish(cache.directory());
    let setup_took = report.milliseconds();

    if command == KILL_MATRIX && arguments.iter().any(|argument| argument == "--mutants") {
        let granule = builds::with_mutants(project, &toolchains)?;
        let error = Command::new(&granule).arg(command).args(arguments).exec();
        return Err(Failure::unavailable(format!("cannot start {}: {}", granule.display(), failure::reason(&error))));
    }
    let started = Instant::now();
    let built = builds::all(project, &toolchains)?;
    let build_took = started.elapsed().as_millis();

    let mut granule = Command::new(&built.granule);
    granule.arg(command).args(arguments).envs(variables);
    granule.env("GRANULE_RERUN", format!("cargo xtask {}", command));
    granule.env("GRANULE_AGENT", &built.agent).env("GRANULE_FIRMWARE", &built.firmware);
    granule.env("GRANULE_SETUP_MS", setup_took.to_string()).env("GRANULE_BUILD_MS", build_took.to_string());
    let error = granule.exec();
    Err(Failure::unavailable(format!("cannot start {}: {}", built.granule.display(), failure::reason(&error))))
}

/// The parts that a command is run with.
#[derive(Debug, PartialEq)]
struct Parts {
    qemu: bool,
    kernel: bool,
}

/// Returns the parts that set-up has to find.
fn needs(command: &str, request: &Request) -> Result<Parts> {
    let native = host::architecture()?.rust == "aarch64" && Path::new("/dev/kvm").exists();
    // As granule chooses it. One that granule does not know needs nothing: it will be rejected.
    let usual = if [INSPECT, TRACE].contains(&command) {
        "model"
    } else if command == EXEC {
        "tcg"
    } else if native {
        "kvm"
    } else {
        "nested"
    };
    let via = request.via.as_deref().unwrap_or(usual);
    let emulated = ON_MACHINES.contains(&command) && !request.help;
    let later = command == INSPECT && request.qemu.is_some();
    Ok(Parts { qemu: emulated && (later || ["nested", "tcg"].contains(&via)), kernel: emulated && via == "nested" })
}

/// Returns the variable that tells granule where a part is: one for the file behind a name on the command line, the
/// other for what is used when the command line names none. A path on the command line needs no variable.
fn found(
    setup: &Setup<'_>,
    chosen: Option<Choice>,
    (default, named): (&'static str, &'static str),
    ensure: impl Fn(&Setup<'_>, Option<&Choice>) -> Result<PathBuf>,
) -> Result<Option<(&'static str, PathBuf)>> {
    Ok(match chosen {
        Some(Choice::Path(_)) => None,
        Some(name) => Some((named, ensure(setup, Some(&name))?)),
        None => {
            let set = env::var_os(default).and_then(|value| Choice::of(&value, Path::exists));
            Some((default, ensure(setup, set.as_ref())?))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the help names is performed: by granule, or by xtask itself.
    #[test]
    fn every_command_in_the_help_exists() {
        let own = ["matrix", "test", "lint", "build", "setup", "help"];
        let verbs =
            crate::HELP.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
        let verbs: Vec<_> = verbs.filter_map(|line| line.split(' ').next()).collect();
        assert!(verbs.len() > 8, "{:?}", verbs);
        for verb in verbs {
            assert!(is_command(verb) || own.contains(&verb), "{}", verb);
        }
    }

    #[test]
    fn only_what_runs_in_an_emulator_needs_one() {
        let of = |command, via: &str, help| {
            let request = Request { via: Some(via.to_string()), help, ..Request::default() };
            needs(command, &request).expect("an architecture")
        };
        assert_eq!(of("run", "nested", false), Parts { qemu: true, kernel: true });
        assert_eq!(of("fuzz", "tcg", false), Parts { qemu: true, kernel: false });
        assert_eq!(of("trace", "nested", false), Parts { qemu: true, kernel: true });
        assert_eq!(of("inspect", "tcg", false), Parts { qemu: true, kernel: false });
        assert_eq!(needs("exec", &Request::default()).unwrap(), Parts { qemu: true, kernel: false });
        let none = Parts { qemu: false, kernel: false };
        assert_eq!(needs("trace", &Request::default()).expect("an architecture"), none);
        assert_eq!(needs("inspect", &Request::default()).expect("an architecture"), none);
        for (command, via, help) in
            [("run", "model", false), ("run", "kvm", false), ("run", "nested", true), ("kill-matrix", "nested", false)]
        {
            assert_eq!(of(command, via, help), none, "{} {}", command, via);
        }
    }
}
