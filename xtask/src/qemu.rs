//! QEMU for aarch64: the one in PATH when it is good enough, else a private one of any release.
//!
//! A private one brings its own libc and loader, so a newer release runs on an older Debian, and
//! the system's QEMU is not touched. 7.2 can be asked for: the tests show that its bug is found.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::arguments::Choice;
use crate::cache::Entry;
use crate::debian::unpack::Members;
use crate::failure::{Failure, Result};
use crate::host;
use crate::processes;
use crate::setup::{BOOKWORM, Component, Setup, Staged};
use crate::version::Version;
use crate::wrapper;

const PROGRAM: &str = "qemu-system-aarch64";
const RECIPE: &str = "qemu-system-arm 1";
/// Before this, all granules of a page share one tag.
const OLDEST_GOOD: &str = "8";
/// The series that is fetched when none is named.
pub const DEFAULT_SERIES: &str = "10";
/// Room that it takes when unpacked.
const UNPACKED: u64 = 180_000_000;
const LEFT_OUT: &[&str] =
    &["./usr/bin/qemu-system-arm", "*/gconv", "./usr/share/zoneinfo", "./usr/sbin", "./usr/share/perl*"];

/// A release of QEMU that set-up knows.
struct Release {
    series: &'static str,
    suite: &'static str,
    suites: &'static [&'static str],
}

const RELEASES: &[Release] = &[
    Release { series: "7.2", suite: "bookworm", suites: BOOKWORM },
    Release { series: "10", suite: "trixie", suites: &["trixie"] },
    Release { series: "11", suite: "sid", suites: &["sid"] },
];

/// Returns the QEMU to use: a choice of the user's, or the default.
///
/// # Errors
/// It is not known, cannot be fetched, or is not of the version that was asked for.
pub fn ensure(setup: &Setup<'_>, choice: Option<&Choice>) -> Result<PathBuf> {
    match choice {
        Some(Choice::Path(path)) => Ok(path.clone()),
        Some(Choice::Name(name)) => fetch(setup, name, "as asked for"),
        None => match in_path() {
            Ok(path) => Ok(path),
            Err(why) => fetch(setup, DEFAULT_SERIES, &format!("to run arm64 Linux with KVM and MTE, since {}", why)),
        },
    }
}

/// Returns the QEMU in PATH, or the reason why there is none to use.
fn in_path() -> std::result::Result<PathBuf, String> {
    let path = host::in_path(PROGRAM).ok_or_else(|| format!("there is no {} in PATH", PROGRAM))?;
    let oldest = Version::parse(OLDEST_GOOD);
    match version(&path) {
        Ok(found) if Some(&found) >= oldest.as_ref() => Ok(path),
        Ok(found) => Err(format!("{} is {}, whose MTE is broken before {}", path.display(), found, OLDEST_GOOD)),
        Err(failure) => Err(failure.message),
    }
}

/// Asks a QEMU for its version.
pub fn version(path: &Path) -> Result<Version> {
    let text = processes::output(Command::new(path).arg("--version"))?;
    Version::find(&text).ok_or_else(|| {
        Failure::unavailable(format!("expected a version from {} --version, found: {}", path.display(), text.trim()))
    })
}

fn find_release(name: &str) -> Option<&'static Release> {
    RELEASES.iter().find(|r| r.suite == name || is_in_series(name, r.series))
}

fn is_in_series(name: &str, series: &str) -> bool {
    let is_number = name.chars().all(|c| c.is_ascii_digit() || c == '.');
    match (Version::parse(name), Version::parse(series)) {
        (Some(name), Some(series)) if is_number => name.belongs_to(&series),
        _ => false,
    }
}

fn fetch(setup: &Setup<'_>, name: &str, purpose: &str) -> Result<PathBuf> {
    let release = find_release(name).ok_or_else(|| {
        let known: Vec<String> = RELEASES.iter().map(|r| format!("{} ({})", r.series, r.suite)).collect();
        Failure::usage(format!(
            "--qemu {}: no such file, and not a version that set-up knows: {}",
            name,
            known.join(", ")
        ))
    })?;
    let component = Component {
        name: &format!("qemu-{}", release.suite),
        recipe: RECIPE,
        title: &format!("QEMU {}", name),
        purpose,
        size: "45 MB",
        remedy: &format!("install QEMU {} or newer for aarch64, or name one with --qemu PATH", OLDEST_GOOD),
    };
    let entry = setup.component(&component, |_| true, || make(setup, release))?;
    let found = entry.stamp.fact("version").unwrap_or("unknown").to_string();
    if name != release.suite && !is_in_series(&found, name) {
        return Err(Failure::unavailable(format!(
            "expected QEMU {} in {}, found {}; ask for --qemu {}, or name one with --qemu PATH",
            name, release.suite, found, release.suite
        )));
    }
    Ok(program(&entry))
}

fn program(entry: &Entry) -> PathBuf {
    entry.directory.join("bin").join(PROGRAM)
}

fn make(setup: &Setup<'_>, release: &Release) -> Result<Staged> {
    let architecture = host::architecture()?;
    let apt = setup.fetcher.apt(architecture.debian, release.suites)?;
    let packages = apt.closure(&["qemu-system-arm".to_string()], &[])?;
    let staged = setup.cache.stage("qemu")?;
    let root = staged.join("root");
    setup.fetcher.fetch(&apt, &packages, &root, Members::Except(LEFT_OUT), UNPACKED)?;
    let libraries = [format!("usr/lib/{}", architecture.multiarch), format!("lib/{}", architecture.multiarch)];
    let loader = wrapper::loader_in_root(&root, architecture, &libraries)?;
    let command = wrapper::run_in_root(&loader, &libraries, PROGRAM, " -L \"$here/../root/usr/share/qemu\"");
    wrapper::write(&staged, PROGRAM, &command)?;
    // Run it once: a private root that does not work must not enter the cache.
    let version = version(&staged.join("bin").join(PROGRAM))?;
    Ok((staged, vec![("version".to_string(), version.to_string())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_found_by_series_longer_version_and_suite() {
        let suite = |name: &str| find_release(name).map(|r| r.suite);
        assert_eq!(suite("10"), Some("trixie"));
        assert_eq!(suite("10.0"), Some("trixie"));
        assert_eq!(suite("11.1"), Some("sid"));
        assert_eq!(suite("7.2"), Some("bookworm"));
        assert_eq!(suite("sid"), Some("sid"));
        assert_eq!(suite("1"), None);
        assert_eq!(suite("7"), None);
        assert_eq!(suite("10x"), None);
    }
}
