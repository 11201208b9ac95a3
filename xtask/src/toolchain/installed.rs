//! The toolchain that the user has: the one whose cargo runs xtask, else the rustc in PATH.
//!
//! It is only looked at. Installing targets is the user's decision, so a proxy of rustup is never called: by rustup's
//! settings, each call of one may install what the current directory, the environment or the default asks for.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tools::{self, Toolchain};
use crate::host;
use crate::processes;
use crate::project::{GUEST_TARGET, MUSL_TARGET};
use crate::version::Version;

/// An installed toolchain.
pub struct Installed {
    /// The toolchain.
    pub toolchain: Toolchain,
    sysroot: PathBuf,
}

/// Finds it; `None` when there is no rustc that runs.
pub fn probe() -> Option<Installed> {
    // cargo sets CARGO to itself, behind any proxy of rustup.
    let beside = env::var_os("CARGO").map(|cargo| PathBuf::from(cargo).with_file_name("rustc"));
    let rustc = beside.into_iter().chain(host::all_in_path("rustc")).find(|r| r.is_file() && !is_proxy(r))?;
    let bin = rustc.parent()?.to_path_buf();
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(&rustc);
        // It may be a script of another manager of versions, with rustup behind it.
        tools::forbid_installs(&mut command, &bin);
        processes::output(command.args(arguments)).ok()
    };
    let version = Version::find(&ask(&["-V"])?)?;
    if let Some(root) = bin.parent().filter(|root| root.join("lib/rustlib").is_dir() && bin.join("cargo").is_file()) {
        let sysroot = root.to_path_buf();
        return Some(Installed { toolchain: Toolchain { bin, version, certificates: None }, sysroot });
    }
    let sysroot = PathBuf::from(ask(&["--print", "sysroot"])?.trim());
    let own = sysroot.join("bin");
    let bin = [own, bin].into_iter().find(|bin| {
        let is_real = |tool: &str| bin.join(tool).is_file() && !is_proxy(&bin.join(tool));
        is_real("cargo") && is_real("rustc")
    })?;
    Some(Installed { toolchain: Toolchain { bin, version, certificates: None }, sysroot })
}

/// Returns whether a tool is a proxy of rustup: the same file as the `rustup` beside it, by whatever kind of link.
fn is_proxy(tool: &Path) -> bool {
    let file = |path: &Path| fs::metadata(path).map(|data| (data.dev(), data.ino())).ok();
    file(tool).map_or(false, |tool_file| file(&tool.with_file_name("rustup")) == Some(tool_file))
}

impl Installed {
    /// Returns what it lacks to build everything, in words; `None` when it lacks nothing.
    pub fn lacks(&self, wanted: &Version) -> Option<String> {
        lacks(&self.sysroot, &self.toolchain.version, wanted)
    }
}

fn lacks(sysroot: &Path, version: &Version, wanted: &Version) -> Option<String> {
    if !version.is_at_least(wanted) {
        return Some(format!("the installed rustc {} is older than {}", version, wanted));
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
        assert!(lacks(&sysroot, &v("1.63.0"), &v("1.95")).expect("too old").contains("1.63.0 is older than 1.95"));
        fs::remove_dir_all(sysroot).expect("clean up");
    }

    #[test]
    fn proxies_are_links_to_rustup_and_tools_beside_it_are_not() {
        let bin = env::temp_dir().join(format!("xtask-proxies-{}", std::process::id()));
        fs::create_dir_all(&bin).expect("scratch directory");
        fs::write(bin.join("rustup"), "").expect("scratch file");
        fs::hard_link(bin.join("rustup"), bin.join("rustc")).expect("hard link");
        std::os::unix::fs::symlink("rustup", bin.join("cargo")).expect("symbolic link");
        fs::write(bin.join("rustdoc"), "").expect("scratch file");
        assert!(is_proxy(&bin.join("rustc")) && is_proxy(&bin.join("cargo")));
        assert!(!is_proxy(&bin.join("rustdoc")) && !is_proxy(&bin.join("missing")));
        fs::remove_dir_all(bin).expect("clean up");
    }
}
