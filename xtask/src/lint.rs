//! `cargo xtask lint`: rustfmt, clippy and rustdoc over every package, warnings denied.
//!
//! Each package is checked for the targets it is built for. clippy is run as cargo's wrapper
//! around rustc rather than through `cargo clippy`, which cannot be told where its driver lies.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::builds;
use crate::cache::Cache;
use crate::failure::{Failure, Result};
use crate::processes;
use crate::project::{FIRMWARE, Project};
use crate::report::{self, Report};
use crate::setup::Setup;
use crate::toolchain::{self, Cross, Toolchain};

/// What clippy's driver reads for `-D warnings`.
const DENY: &str = "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__";

/// kvm-mte's example, which is for arm64 Linux only.
const EXAMPLE: [&str; 4] = ["-p", "kvm-mte", "--all-features", "--examples"];

/// Runs all lints, also when one fails.
///
/// # Errors
/// A lint fails, or a tool for it cannot be had; the message names the failed ones.
pub fn run(project: &Project, cache: &Cache) -> Result<()> {
    let report = Report::new();
    let setup = Setup::new(cache, &report);
    let toolchains = toolchain::ensure(&setup, project)?;
    let formatter = toolchain::with_program(&setup, project, &toolchains, "cargo-fmt")?;
    let native = toolchain::with_program(&setup, project, &toolchains, "clippy-driver")?;
    let cross = toolchain::cross_with_clippy(&setup, project, &toolchains)?;
    cache.release();
    report.finish(cache.directory());

    let mut failed = Vec::new();
    for (name, mut command) in jobs(project, &formatter, &native, &cross) {
        eprintln!("lint: {}", name);
        let started = Instant::now();
        let status = command.stdin(Stdio::null()).status().map_err(|e| processes::not_started(&command, &e))?;
        eprintln!("  {}", report::seconds(started.elapsed()));
        if !status.success() {
            failed.push(name);
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!("lints failed: {}; their messages are above", failed.join(", "))))
}

fn jobs(project: &Project, formatter: &Toolchain, native: &Toolchain, cross: &Cross) -> Vec<(&'static str, Command)> {
    let format = |own: bool| {
        let mut command = formatter.command("cargo-fmt");
        command.args(["fmt", "--all", "--check"]).current_dir(&project.root);
        if own {
            command.arg("--manifest-path").arg(project.xtask_manifest());
        }
        command
    };
    let clippy = |mut command: Command, toolchain: &Toolchain, arguments: &[&str]| {
        command.env("RUSTC_WORKSPACE_WRAPPER", toolchain.bin.join("clippy-driver")).env("CLIPPY_ARGS", DENY);
        command.args(arguments);
        command
    };
    let document = |mut command: Command, arguments: &[&str]| {
        command.env("RUSTDOCFLAGS", "-D warnings").arg("--no-deps").args(arguments);
        command
    };
    let of_xtask = |job: &str| {
        let mut command = builds::native_cargo(project, native, job);
        command.arg("--manifest-path").arg(project.xtask_manifest());
        command.env("CARGO_TARGET_DIR", project.target.join("xtask"));
        command
    };
    let of_workspace = |job: &str| builds::native_cargo(project, native, job);
    let of_guest = |job: &str| builds::guest_cargo(project, cross, job);
    let of_linux = |job: &str| builds::linux_cargo(project, cross, job);
    // Every package but the firmware is for this machine and for arm64 Linux.
    const HOST: [&str; 3] = ["--workspace", "--exclude", FIRMWARE];
    let host = |more: &[&'static str]| [&HOST, more].concat();
    let guest = |more: &[&'static str]| [&["-p", FIRMWARE], more].concat();
    let of_musl = |job: &str| builds::musl_cargo(project, cross, job);
    let mut jobs = vec![
        ("rustfmt", format(false)),
        ("rustfmt, xtask", format(true)),
        ("clippy, this machine", clippy(of_workspace("check"), native, &host(&["--all-targets"]))),
        ("clippy, xtask", clippy(of_xtask("check"), native, &["--all-targets"])),
        ("clippy, guest", clippy(of_guest("check"), &cross.toolchain, &guest(&["--lib", "--bins"]))),
        ("clippy, arm64 Linux", clippy(of_linux("check"), &cross.toolchain, &host(&["--lib", "--bins"]))),
        ("clippy, kvm-mte's example", clippy(of_linux("check"), &cross.toolchain, &EXAMPLE)),
        ("rustdoc, this machine", document(of_workspace("doc"), &host(&[]))),
        ("rustdoc, xtask", document(of_xtask("doc"), &["--document-private-items"])),
        ("rustdoc, guest", document(of_guest("doc"), &guest(&["--lib"]))),
        ("rustdoc, arm64 Linux", document(of_linux("doc"), &host(&["--lib"]))),
    ];
    if cross.build_core {
        // Debian's packages build for glibc; users of rustup build for musl.
        let musl = clippy(of_musl("check"), &cross.toolchain, &host(&["--lib", "--bins"]));
        jobs.push(("clippy, arm64 Linux with musl", musl));
    }
    jobs
}
