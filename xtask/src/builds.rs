//! Building everything: the firmware, the arm64 granule around it, and granule for this machine.
//!
//! Both programs have the firmware in them, so it is built first; then they are built at the same time. A build with
//! nothing to do prints nothing.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use crate::failure::{Failure, Result};
use crate::host;
use crate::processes;
use crate::project::{FIRMWARE, GRANULE, GUEST_TARGET, MUSL_TARGET, Project};
use crate::terminal;
use crate::toolchain::{Cross, Toolchain, Toolchains};

/// The arguments with which cargo builds granule.
const PROGRAM: &[&str] = &["--release", "-p", GRANULE, "--bin", GRANULE];

/// What was built.
#[derive(Debug)]
pub struct Built {
    /// The firmware, an ELF file.
    pub firmware: PathBuf,
    /// The static arm64 granule: PID 1 of the inner Linux, and what is copied to a board.
    pub agent: PathBuf,
    /// granule for this machine; on an arm64 machine it is the agent.
    pub granule: PathBuf,
}

/// Builds everything.
///
/// # Errors
/// A build fails; cargo has printed why.
pub fn all(project: &Project, toolchains: &Toolchains) -> Result<Built> {
    let cross = &toolchains.cross;
    let firmware = project.firmware();
    let agent = project.agent(cross.linux_target);
    build("the firmware", guest_cargo(project, cross, "build").args(["-p", FIRMWARE, "--release"]))?;
    let for_aarch64 = || -> Result<()> {
        let mut linux = linux_cargo(project, cross, "build");
        build("granule for arm64 Linux", linux.args(PROGRAM).env("GRANULE_FIRMWARE", &firmware))
    };
    let own = host::architecture()?.rust != "aarch64";
    thread::scope(|scope| {
        let other = scope.spawn(for_aarch64);
        let mine = if own {
            let mut cargo = native_cargo(project, &toolchains.native, "build");
            build("granule for this machine", cargo.args(PROGRAM).env("GRANULE_FIRMWARE", &firmware))
        } else {
            Ok(())
        };
        other.join().unwrap_or_else(|_| Err(Failure::failed("a build thread panicked")))?;
        mine
    })?;
    let granule = if own { project.granule() } else { agent.clone() };
    for file in [&firmware, &agent, &granule] {
        if !file.is_file() {
            return Err(Failure::failed(format!("expected the build to make {}, found no such file", file.display())));
        }
    }
    Ok(Built { firmware, agent, granule })
}

/// Builds kvm-mte's example, a VMM for arm64 Linux. Returns its file.
///
/// # Errors
/// The build fails; cargo has told why.
pub fn save_restore(project: &Project, cross: &Cross) -> Result<PathBuf> {
    let mut cargo = linux_cargo(project, cross, "build");
    cargo.args(["-p", "kvm-mte", "--release", "--features", "kvm-ioctls", "--example", "save_restore"]);
    build("kvm-mte's example for arm64 Linux", &mut cargo)?;
    Ok(project.linux_target.join(cross.linux_target).join("release/examples/save_restore"))
}

/// Builds granule for this machine with the specification's mutants in it, in a profile of its own: a mutant may panic and must
/// not end the program.
///
/// # Errors
/// The build fails; cargo has printed why.
pub fn with_mutants(project: &Project, toolchains: &Toolchains) -> Result<PathBuf> {
    let mut cargo = native_cargo(project, &toolchains.native, "build");
    cargo.args(["--profile", "mutants", "--features", "mutants", "-p", GRANULE, "--bin", GRANULE]);
    build("granule with mutants", &mut cargo)?;
    Ok(project.target.join("mutants").join(GRANULE))
}

/// Returns a cargo command for this machine.
pub fn native_cargo(project: &Project, toolchain: &Toolchain, job: &str) -> Command {
    cargo(project, toolchain, job, &project.target)
}

/// Returns a cargo command for the firmware.
pub fn guest_cargo(project: &Project, cross: &Cross, job: &str) -> Command {
    let mut command = cargo(project, &cross.toolchain, job, &project.guest_target);
    command.args(["--target", GUEST_TARGET]);
    if cross.build_core {
        // build-std is an unstable feature; this makes a stable cargo and rustc accept it.
        command.env("RUSTC_BOOTSTRAP", "1");
        command.args(["-Zbuild-std=core,alloc", "-Zbuild-std-features=compiler-builtins-mem"]);
    }
    if let Some(linker) = &cross.guest_linker {
        command.env(of_target(GUEST_TARGET, "LINKER"), linker);
        command.env(of_target(GUEST_TARGET, "RUSTFLAGS"), "-Clinker-flavor=ld");
    }
    command
}

/// Returns a cargo command for the host part on arm64 Linux.
pub fn linux_cargo(project: &Project, cross: &Cross, job: &str) -> Command {
    let mut command = cargo(project, &cross.toolchain, job, &project.linux_target);
    command.args(["--target", cross.linux_target]);
    command.env(of_target(cross.linux_target, "LINKER"), &cross.linux_linker);
    command.env(of_target(cross.linux_target, "RUSTFLAGS"), cross.linux_flags);
    command
}

/// Returns a cargo command for the host part on arm64 Linux with musl, for a toolchain that has the sources of the
/// standard library and not the library for that target: good for checks, which need no linker.
///
/// rustup's users build for musl, users of Debian's packages for glibc. The target directory is the guest's, since
/// RUSTC_BOOTSTRAP is set for both.
pub fn musl_cargo(project: &Project, cross: &Cross, job: &str) -> Command {
    let mut command = cargo(project, &cross.toolchain, job, &project.guest_target);
    command.args(["--target", MUSL_TARGET, "-Zbuild-std=std,panic_abort"]).env("RUSTC_BOOTSTRAP", "1");
    command
}

fn cargo(project: &Project, toolchain: &Toolchain, job: &str, target: &PathBuf) -> Command {
    let mut command = toolchain.command("cargo");
    command.arg(job).current_dir(&project.root).env("CARGO_TARGET_DIR", target);
    // Warnings about future Rust versions concern the core that came with this one, which nobody here can change.
    command.env("CARGO_FUTURE_INCOMPAT_REPORT_FREQUENCY", "never");
    command
}

/// Returns the name of the variable that sets a key of cargo's configuration for one target.
fn of_target(target: &str, key: &str) -> String {
    format!("CARGO_TARGET_{}_{}", target.to_uppercase().replace('-', "_"), key)
}

/// Runs a build, showing what it does but not that there was nothing to do.
fn build(what: &str, command: &mut Command) -> Result<()> {
    command.env("CARGO_TERM_PROGRESS_WHEN", "never").stdin(Stdio::null()).stderr(Stdio::piped());
    if terminal::is_stderr() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command.spawn().map_err(|e| processes::not_started(command, &e))?;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n').flatten() {
            let line = String::from_utf8_lossy(&line);
            if !is_noise(&line) {
                eprintln!("{}", line);
            }
        }
    }
    let status = child.wait().map_err(|e| processes::not_started(command, &e))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::failed(format!("building {} failed ({}); cargo's messages are above", what, status)))
}

/// Returns whether a line of cargo's is not about work that it did.
fn is_noise(line: &str) -> bool {
    let plain = terminal::plain(line);
    let plain = plain.trim_start();
    plain.starts_with("Finished ") || plain.starts_with("Blocking waiting for file lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_reads_these_variables() {
        assert_eq!(
            of_target("aarch64-unknown-none-softfloat", "LINKER"),
            "CARGO_TARGET_AARCH64_UNKNOWN_NONE_SOFTFLOAT_LINKER"
        );
    }

    #[test]
    fn only_lines_about_work_are_shown() {
        assert!(is_noise("    Finished `release` profile [optimized + debuginfo] target(s) in 0.03s"));
        assert!(is_noise("\u{1b}[1m\u{1b}[92m    Finished\u{1b}[0m `release` profile"));
        assert!(is_noise("    Blocking waiting for file lock on package cache"));
        assert!(!is_noise("   Compiling guest-fw v0.1.0"));
        assert!(!is_noise("warning: unused variable"));
    }
}
