//! The project: its directories, the names of its packages and targets, and the Rust that it asks for.
//!
//! Everything is found from this package's own directory, never from the current one. A package that is renamed is
//! renamed here and nowhere else in xtask.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use crate::failure::{self, Failure, Result};
use crate::version::Version;

/// The firmware: a package and its program, for [`GUEST_TARGET`] only.
pub const FIRMWARE: &str = "guest-fw";
/// granule: a package and its program, for this machine and for arm64 Linux.
pub const GRANULE: &str = "granule";

/// The guest's target: its compiler never touches SIMD registers, which belong to the program under test.
pub const GUEST_TARGET: &str = "aarch64-unknown-none-softfloat";
/// A target of static arm64 Linux programs: rustup has it, and rust-lld links it alone.
pub const MUSL_TARGET: &str = "aarch64-unknown-linux-musl";
/// The same, of Debian's packages.
pub const GNU_TARGET: &str = "aarch64-unknown-linux-gnu";

/// What cargo calls its target directory in the environment, in the order in which cargo looks.
const TARGET_VARIABLES: &[&str] = &["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"];

/// The project and its directories.
pub struct Project {
    /// The root, where the workspace's Cargo.toml is.
    pub root: PathBuf,
    /// Where builds for this machine go.
    pub target: PathBuf,
    /// Where builds for the guest go. RUSTC_BOOTSTRAP may be set for them, which makes build
    /// scripts of crates run again: in a directory of their own that happens once.
    pub guest_target: PathBuf,
    /// Where builds for arm64 Linux go: another rustc than for this machine may make them.
    pub linux_target: PathBuf,
    /// `rust-version` of the workspace.
    pub rust_version: Version,
}

impl Project {
    /// Finds the project.
    ///
    /// # Errors
    /// The root's Cargo.toml cannot be read, or names no rust-version.
    pub fn find() -> Result<Project> {
        let package =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package.parent().unwrap_or(Path::new("/")).to_path_buf();
        let manifest = root.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).map_err(|e| Failure::io("read", &manifest, &e))?;
        let rust_version = rust_version(&text).ok_or_else(|| {
            Failure::unavailable(format!("expected `rust-version = \"1.N\"` in {}, found none", manifest.display()))
        })?;
        let set = TARGET_VARIABLES.iter().find_map(|name| env::var_os(name).filter(|d| !d.is_empty()));
        let target = match set {
            Some(set) => env::current_dir().map_err(|e| Failure::io("find", Path::new("."), &e))?.join(set),
            None => root.join("target"),
        };
        Ok(Project {
            guest_target: target.join("guest"),
            linux_target: target.join("arm64"),
            root,
            target,
            rust_version,
        })
    }

    /// Finds the project and makes its target directory, for commands that build.
    ///
    /// # Errors
    /// As [`Project::find`], or the target directory cannot be written.
    pub fn find_to_build() -> Result<Project> {
        let project = Project::find()?;
        let probe = project.target.join(format!(".xtask-{}", process::id()));
        let made = fs::create_dir_all(&project.target).and_then(|()| fs::write(&probe, ""));
        made.and_then(|()| fs::remove_file(&probe)).map_err(|error| {
            Failure::unavailable(format!(
                "cannot write to the target directory {}: {}; set CARGO_TARGET_DIR to a directory that you can write to",
                project.target.display(),
                failure::reason(&error)
            ))
        })?;
        Ok(project)
    }

    /// Returns the path of the firmware once it is built.
    pub fn firmware(&self) -> PathBuf {
        self.guest_target.join(GUEST_TARGET).join("release").join(FIRMWARE)
    }

    /// Returns the path of granule for this machine once it is built.
    pub fn granule(&self) -> PathBuf {
        self.target.join("release").join(GRANULE)
    }

    /// Returns the path of granule for arm64 Linux once it is built for `target`.
    pub fn agent(&self, target: &str) -> PathBuf {
        self.linux_target.join(target).join("release").join(GRANULE)
    }

    /// Returns the path of xtask's own manifest.
    pub fn xtask_manifest(&self) -> PathBuf {
        self.root.join("xtask/Cargo.toml")
    }
}

/// Reads `rust-version` out of a manifest.
fn rust_version(manifest: &str) -> Option<Version> {
    let line = manifest.lines().find(|l| l.trim_start().starts_with("rust-version"))?;
    Version::parse(line.split('"').nth(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_version_is_read_from_the_manifest() {
        let text = "[workspace.package]\nedition = \"2024\"\nrust-version = \"1.95\"\n";
        assert_eq!(rust_version(text), Version::parse("1.95"));
        assert_eq!(rust_version("[package]\n"), None);
    }
}
