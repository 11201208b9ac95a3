//! The toolchain that the user has: the one whose cargo runs xtask, else the rustc in PATH.
//!
//! It is only looked at. Installing targets is the user's decision (or rustup's, which reads
//! rust-toolchain.toml).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{GUEST_TARGET, MUSL_TARGET, Toolchain};
use crate::machine;
use crate::processes;
use crate::version::Version;

/// An installed toolchain.
pub struct Installed {
    /// The toolchain.
    pub toolchain: Toolchain,
    sysroot: PathBuf,
}

/// Finds it; `None` when there is no rustc that runs.
pub fn probe() -> Option<Installed> {
    // cargo sets CARGO to itself, behind any proxy of rustup: its neighbours cost no detour.
    let beside = env::var_os("CARGO").map(|cargo| PathBuf::from(cargo).with_file_name("rustc"));
    let rustc = beside.filter(|r| r.is_file()).or_else(|| machine::in_path("rustc"))?;
    let version = Version::find(&processes::output(Command::new(&rustc).arg("-V")).ok()?)?;
    let bin = rustc.parent()?.to_path_buf();
    if let Some(root) = bin.parent().filter(|root| root.join("lib/rustlib").is_dir() && bin.join("cargo").is_file()) {
        let sysroot = root.to_path_buf();
        return Some(Installed { toolchain: Toolchain { bin, version, certificates: None }, sysroot });
    }
    let sysroot = PathBuf::from(processes::output(Command::new(&rustc).args(["--print", "sysroot"])).ok()?.trim());
    let own = sysroot.join("bin");
    let bin = if own.join("cargo").is_file() && own.join("rustc").is_file() { own } else { bin };
    Some(Installed { toolchain: Toolchain { bin, version, certificates: None }, sysroot })
}

impl Installed {
    /// Says what it lacks to build everything; `None` when it lacks nothing.
    pub fn lacks(&self, wanted: &Version) -> Option<String> {
        lacks(&self.sysroot, &self.toolchain.version, wanted)
    }
}

fn lacks(sysroot: &Path, version: &Version, wanted: &Version) -> Option<String> {
    if !version.is_at_least(wanted) {
        return Some(format!("expected rustc {} or newer, found {}", wanted, version));
    }
    let missing: Vec<&str> = [GUEST_TARGET, MUSL_TARGET].into_iter().filter(|t| !has_target(sysroot, t)).collect();
    if missing.is_empty() {
        return None;
    }
    Some(format!("the installed rustc {} lacks {}", version, missing.join(" and ")))
}

fn has_target(sysroot: &Path, target: &str) -> bool {
    let is_core = |name: &str| name.starts_with("libcore-") && name.ends_with(".rlib");
    fs::read_dir(sysroot.join("lib/rustlib").join(target).join("lib"))
        .map_or(false, |entries| entries.flatten().any(|e| is_core(&e.file_name().to_string_lossy())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_needs_its_version_and_both_targets() {
        let sysroot = env::temp_dir().join(format!("xtask-sysroot-{}", std::process::id()));
        let v = |text: &str| Version::parse(text).expect("a version");
        let add = |target: &str| {
            let lib = sysroot.join("lib/rustlib").join(target).join("lib");
            fs::create_dir_all(&lib).expect("scratch directory");
            fs::write(lib.join("libcore-0123.rlib"), b"").expect("scratch file");
        };
        add(GUEST_TARGET);
        let missing = lacks(&sysroot, &v("1.95.0"), &v("1.95")).expect("one target is missing");
        assert!(missing.contains(MUSL_TARGET) && !missing.contains(GUEST_TARGET), "{}", missing);
        add(MUSL_TARGET);
        assert_eq!(lacks(&sysroot, &v("1.95.0"), &v("1.95")), None);
        assert!(lacks(&sysroot, &v("1.63.0"), &v("1.95")).expect("too old").contains("found 1.63.0"));
        fs::remove_dir_all(sysroot).expect("clean up");
    }
}
