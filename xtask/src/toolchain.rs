//! The choice of a Rust for each job: the user's own where it can build everything, else Debian's packages in the cache.
//!
//! Two jobs may get two toolchains: programs for this machine need only a recent rustc, programs
//! for aarch64 need its two targets as well.

pub mod installed;
pub mod packaged;
pub mod tools;

use std::path::PathBuf;

pub use self::tools::{Cross, Toolchain};
use crate::failure::Result;
use crate::project::{GUEST_TARGET, MUSL_TARGET, Project};
use crate::setup::Setup;

/// The toolchains of one run.
#[derive(Debug, Clone)]
pub struct Toolchains {
    /// Builds for this machine.
    pub native: Toolchain,
    /// Builds for the guest and for arm64 Linux.
    pub cross: Cross,
}

/// Chooses the toolchains, fetching Debian's when the installed one lacks something.
///
/// # Errors
/// The installed one lacks something and Debian's is neither in the cache nor to be had: the message has the remedy.
pub fn ensure(setup: &Setup<'_>, project: &Project) -> Result<Toolchains> {
    let installed = installed::probe();
    let lacks = match &installed {
        Some(found) => found.lacks(&project.rust_version),
        None => Some(format!("there is no rustc {} or newer in PATH", project.rust_version)),
    };
    let recent = installed.as_ref().filter(|i| i.toolchain.version.is_at_least(&project.rust_version));
    let native = recent.map(|i| i.toolchain.clone());
    let cross = match (lacks, &native) {
        (None, Some(toolchain)) => Cross {
            toolchain: toolchain.clone(),
            linux_target: MUSL_TARGET,
            linux_linker: PathBuf::from("rust-lld"),
            linux_flags: "",
            guest_linker: None,
            build_core: false,
        },
        (lacks, _) => {
            let remedy = format!("run `rustup update stable` and `rustup target add {} {}`", GUEST_TARGET, MUSL_TARGET);
            packaged::ensure(setup, &project.rust_version, &lacks.unwrap_or_default(), &remedy)?
        }
    };
    Ok(Toolchains { native: native.unwrap_or_else(|| cross.toolchain.clone()), cross })
}

/// Returns a toolchain that has a program (rustfmt, clippy-driver): the native one, or Debian's.
pub fn with_program(setup: &Setup<'_>, project: &Project, toolchains: &Toolchains, program: &str) -> Result<Toolchain> {
    for have in [&toolchains.native, &toolchains.cross.toolchain] {
        if have.has(program) {
            return Ok(have.clone());
        }
    }
    Ok(packaged_with_lints(setup, project, program)?.toolchain)
}

/// Returns a way to build for aarch64 whose toolchain has clippy: the chosen one, or Debian's.
pub fn cross_with_clippy(setup: &Setup<'_>, project: &Project, toolchains: &Toolchains) -> Result<Cross> {
    const DRIVER: &str = "clippy-driver";
    match toolchains.cross.toolchain.has(DRIVER) {
        true => Ok(toolchains.cross.clone()),
        false => packaged_with_lints(setup, project, DRIVER),
    }
}

fn packaged_with_lints(setup: &Setup<'_>, project: &Project, program: &str) -> Result<Cross> {
    let why = format!("the installed toolchain has no {}", program);
    packaged::ensure(setup, &project.rust_version, &why, "run `rustup component add rustfmt clippy`")
}
