//! A toolchain as a directory of programs, and the environment in which they are started.
//!
//! Everything that xtask starts of Rust starts here. No program of it can make rustup install anything: the tools are
//! named by their paths and come first in PATH, and rustup's own settings are overridden for all children.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::version::Version;

/// Where Debian's ca-certificates puts them.
const SYSTEM_CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Set by `cargo run` for xtask alone, or overrides of the flags of one target.
const REMOVED: &[&str] = &["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"];
const REMOVED_PREFIXES: &[&str] = &["CARGO_PKG_", "CARGO_MANIFEST_"];

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
    /// Whether the guest's core library must be built too.
    pub build_core: bool,
}

impl Toolchain {
    /// Returns a command of this toolchain, in which cargo and its children find the rest of it.
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
        for (variable, _) in env::vars_os() {
            let name = variable.to_string_lossy();
            if REMOVED.contains(&&*name) || REMOVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(&variable);
            }
        }
        forbid_installs(&mut command, &self.bin);
        command
    }

    /// Returns whether a program of the toolchain is there.
    pub fn has(&self, program: &str) -> bool {
        self.bin.join(program).is_file()
    }
}

/// Prepares a command of the toolchain in `bin` so that none of its children can make rustup install anything.
///
/// A child that looks for `rustc` or `cargo` in PATH finds this toolchain's, and not a proxy of rustup. A proxy that is
/// called by its path nevertheless is told to use this toolchain, by its path: such a one is never installed, by no
/// version of rustup. Versions from 1.28.1 on also read `RUSTUP_AUTO_INSTALL`.
pub fn forbid_installs(command: &mut Command, bin: &Path) {
    let paths = env::var_os("PATH").unwrap_or_default();
    // A directory with a colon in its name cannot stand in PATH; the other two settings remain.
    if let Ok(path) = env::join_paths(std::iter::once(bin.to_path_buf()).chain(env::split_paths(&paths))) {
        command.env("PATH", path);
    }
    command.env("RUSTUP_TOOLCHAIN", bin.parent().unwrap_or(bin));
    command.env("RUSTUP_AUTO_INSTALL", "0");
}
