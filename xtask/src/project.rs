//! Where the project lies, where its builds go, and which Rust it asks for.
//!
//! Everything is found from this package's own directory, never from the current one.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::toolchain::GUEST_TARGET;
use crate::version::Version;

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
        let target = match env::var_os("CARGO_TARGET_DIR").filter(|d| !d.is_empty()) {
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

    /// Gives where the firmware is when it is built.
    pub fn firmware(&self) -> PathBuf {
        self.guest_target.join(GUEST_TARGET).join("release/guest-fw")
    }

    /// Gives xtask's own manifest.
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
