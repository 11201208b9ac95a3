//! The machine that xtask runs on: its architecture, whether it is Debian, what is in PATH.
//!
//! It only looks; it changes nothing and starts nothing.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::failure::{Failure, Result};

/// Names that Debian gives to one architecture, and where its loader lies.
#[derive(Debug, PartialEq)]
pub struct Architecture {
    /// As in `std::env::consts::ARCH`.
    pub rust: &'static str,
    /// As in package file names.
    pub debian: &'static str,
    /// The directory of libraries.
    pub multiarch: &'static str,
    /// The dynamic loader.
    pub loader: &'static str,
}

/// Machines that xtask runs on.
const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        rust: "x86_64",
        debian: "amd64",
        multiarch: "x86_64-linux-gnu",
        loader: "/lib64/ld-linux-x86-64.so.2",
    },
    Architecture {
        rust: "aarch64",
        debian: "arm64",
        multiarch: "aarch64-linux-gnu",
        loader: "/lib/ld-linux-aarch64.so.1",
    },
];

/// Returns this machine's architecture.
///
/// # Errors
/// It is neither x86-64 nor aarch64.
pub fn architecture() -> Result<&'static Architecture> {
    ARCHITECTURES.iter().find(|a| a.rust == env::consts::ARCH).ok_or_else(|| {
        Failure::unavailable(format!("expected a machine with x86_64 or aarch64, found {}", env::consts::ARCH))
    })
}

/// Checks that packages can be fetched from Debian here; `Err` is the reason why not.
pub fn debian() -> std::result::Result<(), String> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let id = release.lines().find_map(|l| l.strip_prefix("ID=")).unwrap_or("unknown").trim_matches('"').to_string();
    if id != "debian" {
        return Err(format!("this machine is not Debian (ID={} in /etc/os-release)", id));
    }
    for tool in ["apt-get", "apt-cache", "apt-config", "dpkg-deb", "tar", "df"] {
        if in_path(tool).is_none() {
            return Err(format!("this machine is Debian, but {} is not in PATH", tool));
        }
    }
    Ok(())
}

/// Finds an executable in PATH.
pub fn in_path(name: &str) -> Option<PathBuf> {
    all_in_path(name).into_iter().next()
}

/// Finds all executables of a name in PATH, in its order.
pub fn all_in_path(name: &str) -> Vec<PathBuf> {
    let is_executable =
        |p: &PathBuf| fs::metadata(p).map_or(false, |m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|d| d.join(name)).filter(is_executable).collect()
}
