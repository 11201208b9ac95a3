//! Which Rust builds what: the user's own where it can, else Debian's packages in the cache.
//!
//! Two jobs may get two toolchains: programs for this machine need only a recent rustc, programs
//! for aarch64 need its two targets as well.

pub mod installed;
pub mod packaged;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::machine;
use crate::project::Project;
use crate::setup::Setup;
use crate::version::Version;

/// The guest's target: the compiler never touches SIMD registers, they are the program's.
pub const GUEST_TARGET: &str = "aarch64-unknown-none-softfloat";
/// A target for static arm64 Linux programs: rustup has it, and rust-lld links it alone.
pub const MUSL_TARGET: &str = "aarch64-unknown-linux-musl";
/// The same, of Debian's packages.
pub const GNU_TARGET: &str = "aarch64-unknown-linux-gnu";

/// Where Debian's ca-certificates puts them.
const SYSTEM_CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A Rust toolchain: a directory with cargo, rustc and the rest.
#[derive(Debug, Clone)]
pub struct Toolchain {
    /// The directory of its programs.
    pub bin: PathBuf,
    /// Its rustc's version.
    pub version: Version,
    /// Certificates for its cargo, where the machine has none.
    pub certificates: Option<PathBuf>,
}

/// How to build for aarch64.
#[derive(Debug, Clone)]
pub struct Cross {
    /// The toolchain.
    pub toolchain: Toolchain,
    /// The target of static arm64 Linux programs.
    pub linux_target: &'static str,
    /// The linker of those.
    pub linux_linker: PathBuf,
    /// Flags for those.
    pub linux_flags: &'static str,
    /// The guest's linker; `None` is the target's own.
    pub guest_linker: Option<PathBuf>,
    /// The guest's core library must be built too.
    pub build_core: bool,
}

/// The toolchains of one run.
#[derive(Debug, Clone)]
pub struct Toolchains {
    /// Builds for this machine.
    pub native: Toolchain,
    /// Builds for the guest and for arm64 Linux.
    pub cross: Cross,
}

impl Toolchain {
    /// Starts a command of this toolchain, in which cargo and its children find the rest of it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        for (variable, tool) in [("CARGO", "cargo"), ("RUSTC", "rustc"), ("RUSTDOC", "rustdoc"), ("RUSTFMT", "rustfmt")]
        {
            command.env(variable, self.bin.join(tool));
        }
        let set = |name: &str| env::var_os(name).is_some();
        match &self.certificates {
            Some(own)
                if !Path::new(SYSTEM_CERTIFICATES).exists() && !set("CARGO_HTTP_CAINFO") && !set("SSL_CERT_FILE") =>
            {
                command.env("CARGO_HTTP_CAINFO", own);
            }
            _ => {}
        }
        // What `cargo run` set for xtask, and what would override the flags of one target.
        for (variable, _) in env::vars_os() {
            let name = variable.to_string_lossy();
            let ours = name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
            if ours
                || ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTUP_TOOLCHAIN", "CARGO_BUILD_TARGET"].contains(&&*name)
            {
                command.env_remove(&variable);
            }
        }
        command
    }

    /// Tells whether a program of the toolchain is there.
    pub fn has(&self, program: &str) -> bool {
        self.bin.join(program).is_file()
    }
}

/// Chooses the toolchains, fetching Debian's when the installed one does not do.
///
/// # Errors
/// The installed one does not do and Debian's cannot be had: the message says what is missing.
pub fn ensure(setup: &Setup<'_>, project: &Project) -> Result<Toolchains> {
    let installed = installed::probe();
    let lacks = match &installed {
        Some(found) => found.lacks(&project.rust_version),
        None => Some(format!("found no working rustc, expected {} or newer", project.rust_version)),
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
            let why = lacks.unwrap_or_default();
            machine::debian().map_err(|not| {
                Failure::unavailable(format!(
                    "{}; {}, so Rust cannot be fetched from its packages; run `rustup update stable` and `rustup target add {} {}`",
                    why, not, GUEST_TARGET, MUSL_TARGET
                ))
            })?;
            packaged::ensure(setup, &project.rust_version, &why)?
        }
    };
    Ok(Toolchains { native: native.unwrap_or_else(|| cross.toolchain.clone()), cross })
}

/// Gives a toolchain that has a program (rustfmt, clippy-driver): the native one, or Debian's.
pub fn with_program(setup: &Setup<'_>, project: &Project, toolchains: &Toolchains, program: &str) -> Result<Toolchain> {
    for have in [&toolchains.native, &toolchains.cross.toolchain] {
        if have.has(program) {
            return Ok(have.clone());
        }
    }
    let why = format!("the installed toolchain has no {}", program);
    machine::debian().map_err(|not| {
        Failure::unavailable(format!("{}, and {}; run `rustup component add rustfmt clippy`", why, not))
    })?;
    Ok(packaged::ensure(setup, &project.rust_version, &why)?.toolchain)
}
