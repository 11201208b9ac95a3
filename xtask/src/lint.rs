//! `cargo xtask lint`: rustfmt, clippy and rustdoc over every package, warnings denied.
//!
//! Each package is looked at for the target it is built for. clippy is run as cargo's wrapper
//! around rustc rather than through `cargo clippy`, which cannot be told where its driver lies.

use std::process::{Command, Stdio};

use crate::builds;
use crate::cache::Cache;
use crate::failure::{Failure, Result};
use crate::processes;
use crate::project::Project;
use crate::report::Report;
use crate::setup::Setup;
use crate::toolchain::{self, Cross, Toolchain};

/// What clippy's driver reads for `-D warnings`.
const DENY: &str = "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__";

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
    let cross = match toolchains.cross.toolchain.has("clippy-driver") {
        true => toolchains.cross.clone(),
        false => toolchain::packaged::ensure(&setup, &project.rust_version, "the installed toolchain has no clippy")?,
    };
    cache.release();
    report.finish(cache.directory());

    let mut failed = Vec::new();
    for (name, mut command) in jobs(project, &formatter, &native, &cross) {
        eprintln!("lint: {}", name);
        let status = command.stdin(Stdio::null()).status().map_err(|e| processes::not_started(&command, &e))?;
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
    let of_kvm_mte = |job: &str| {
        let mut command = builds::cargo_for_linux(project, cross, job);
        command.args(["-p", "kvm-mte", "--all-features"]);
        command
    };
    let host_part = ["--workspace", "--exclude", "guest-fw"];
    let host_all = ["--workspace", "--exclude", "guest-fw", "--all-targets"];
    vec![
        ("rustfmt", format(false)),
        ("rustfmt, xtask", format(true)),
        ("clippy, this machine", clippy(of_workspace("check"), native, &host_all)),
        ("clippy, xtask", clippy(of_xtask("check"), native, &["--all-targets"])),
        ("clippy, guest", clippy(of_guest("check"), &cross.toolchain, &["--lib", "--bins"])),
        ("clippy, arm64 Linux", clippy(of_linux("check"), &cross.toolchain, &["--lib", "--bins"])),
        ("clippy, kvm-mte on arm64 Linux", clippy(of_kvm_mte("check"), &cross.toolchain, &["--lib", "--examples"])),
        ("rustdoc, this machine", document(of_workspace("doc"), &host_part)),
        ("rustdoc, xtask", document(of_xtask("doc"), &["--document-private-items"])),
        ("rustdoc, guest", document(of_guest("doc"), &["--lib"])),
        ("rustdoc, arm64 Linux", document(of_linux("doc"), &["--lib"])),
        ("rustdoc, kvm-mte on arm64 Linux", document(of_kvm_mte("doc"), &["--lib"])),
    ]
}
