//! Building everything: the firmware, the arm64 granule around it, and granule for this machine.
//!
//! Both programs have the firmware in them, so it is built first; then they are built at the same time. A build with
//! nothing to do says nothing.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use crate::failure::{Failure, Result};
use crate::machine;
use crate::processes;
use crate::project::Project;
use crate::terminal;
use crate::toolchain::{Cross, GUEST_TARGET, Toolchain, Toolchains};

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
/// A build fails; cargo has told why.
pub fn all(project: &Project, toolchains: &Toolchains) -> Result<Built> {
    let cross = &toolchains.cross;
    let firmware = project.firmware();
    let agent = project.linux_target.join(cross.linux_target).join("release/granule");
    build("the firmware", guest_cargo(project, cross, "build").arg("--release"))?;
    let for_aarch64 = || -> Result<()> {
        let mut linux = linux_cargo(project, cross, "build");
        build("granule for arm64 Linux", linux.arg("--release").env("GRANULE_FIRMWARE", &firmware))
    };
    let own = machine::architecture()?.rust != "aarch64";
    thread::scope(|scope| {
        let other = scope.spawn(for_aarch64);
        let mine = if own {
            let mut cargo = native_cargo(project, &toolchains.native, "build");
            cargo.args(["--release", "-p", "granule", "--bin", "granule"]).env("GRANULE_FIRMWARE", &firmware);
            build("granule for this machine", &mut cargo)
        } else {
            Ok(())
        };
        other.join().unwrap_or_else(|_| Err(Failure::failed("a build thread panicked")))?;
        mine
    })?;
    let granule = if own { project.target.join("release/granule") } else { agent.clone() };
    for file in [&firmware, &agent, &granule] {
        if !file.is_file() {
            return Err(Failure::failed(format!("expected the build to make {}, found no such file", file.display())));
        }
    }
    Ok(Built { firmware, agent, granule })
}

/// Builds kvm-mte's example, a VMM for arm64 Linux, and returns its file.
///
/// # Errors
/// The build fails; cargo has told why.
pub fn save_restore(project: &Project, cross: &Cross) -> Result<PathBuf> {
    let mut cargo = cargo_for_linux(project, cross, "build");
    cargo.args(["-p", "kvm-mte", "--release", "--features", "kvm-ioctls", "--example", "save_restore"]);
    build("kvm-mte's example for arm64 Linux", &mut cargo)?;
    Ok(project.linux_target.join(cross.linux_target).join("release/examples/save_restore"))
}

/// Starts a cargo command for this machine.
pub fn native_cargo(project: &Project, toolchain: &Toolchain, job: &str) -> Command {
    cargo(project, toolchain, job, &project.target)
}

/// Starts a cargo command for the firmware.
pub fn guest_cargo(project: &Project, cross: &Cross, job: &str) -> Command {
    let mut command = cargo(project, &cross.toolchain, job, &project.guest_target);
    command.args(["-p", "guest-fw", "--target", GUEST_TARGET]);
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

/// Starts a cargo command for the host part on arm64 Linux.
pub fn linux_cargo(project: &Project, cross: &Cross, job: &str) -> Command {
    let mut command = cargo_for_linux(project, cross, job);
    command.args(["-p", "granule"]);
    command
}

/// Starts a cargo command for some package on arm64 Linux.
pub fn cargo_for_linux(project: &Project, cross: &Cross, job: &str) -> Command {
    let mut command = cargo(project, &cross.toolchain, job, &project.linux_target);
    command.args(["--target", cross.linux_target]);
    command.env(of_target(cross.linux_target, "LINKER"), &cross.linux_linker);
    command.env(of_target(cross.linux_target, "RUSTFLAGS"), cross.linux_flags);
    command
}

fn cargo(project: &Project, toolchain: &Toolchain, job: &str, target: &PathBuf) -> Command {
    let mut command = toolchain.command("cargo");
    command.arg(job).current_dir(&project.root).env("CARGO_TARGET_DIR", target);
    // What a future Rust will say about a core that came with this one is nobody's business here.
    command.env("CARGO_FUTURE_INCOMPAT_REPORT_FREQUENCY", "never");
    command
}

/// Names the variable that sets a key of cargo's configuration for one target.
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
            if !is_idle_talk(&line) {
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

/// Tells whether a line of cargo's says nothing about work.
fn is_idle_talk(line: &str) -> bool {
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
        assert!(is_idle_talk("    Finished `release` profile [optimized + debuginfo] target(s) in 0.03s"));
        assert!(is_idle_talk("\u{1b}[1m\u{1b}[92m    Finished\u{1b}[0m `release` profile"));
        assert!(is_idle_talk("    Blocking waiting for file lock on package cache"));
        assert!(!is_idle_talk("   Compiling guest-fw v0.1.0"));
        assert!(!is_idle_talk("warning: unused variable"));
    }
}
