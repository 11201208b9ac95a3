//! gdb and lldb for the tests that drive real debuggers, and the Python that both embed, for a test of its own: those in PATH, else Debian's,
//! unpacked into the cache.
//!
//! Debian's gdb knows only its own machine's architecture; gdb-multiarch knows arm64 as well. lldb knows all.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian::unpack::Members;
use crate::failure::{Failure, Result};
use crate::host;
use crate::processes;
use crate::setup::{BOOKWORM, Component, Setup, Staged};
use crate::version::Version;
use crate::wrapper;

const ENTRY: &str = "debuggers";
const GDB: &str = "gdb-multiarch";
const LLDB: &str = "lldb-16";
/// Names of lldb in PATH; the first that is new enough is used.
const LLDB_NAMES: &[&str] = &["lldb", "lldb-19", "lldb-18", "lldb-17", LLDB];
const PYTHON: &str = "python3";
/// The one that lldb-16 comes with.
const CACHED_PYTHON: &str = "python3.11";
/// The oldest release with all that the receiver of migrations uses.
const OLDEST_PYTHON: &str = "3.8";
/// The oldest release that the tests were written with.
const OLDEST_LLDB: &str = "16";
/// The oldest release that knows memory tags.
const OLDEST_GDB: &str = "11";
/// Room that it takes when unpacked.
const UNPACKED: u64 = 370_000_000;
const LEFT_OUT: &[&str] = &["*/gconv", "./usr/share/zoneinfo", "./usr/sbin", "./usr/share/perl*", "./usr/include"];

const COMPONENT: Component<'static> = Component {
    name: ENTRY,
    recipe: "gdb-multiarch and lldb-16 2, with Python",
    title: "gdb, lldb and Python",
    purpose: "to test the gdb server, snapshots and the protocol of migration with",
    size: "95 MB",
    remedy: "install gdb 11 or newer for aarch64 (gdb-multiarch), lldb 16 or newer, and python3",
};

/// The debuggers that the tests run.
#[derive(Debug)]
pub struct Debuggers {
    /// gdb, of arm64.
    pub gdb: PathBuf,
    /// lldb.
    pub lldb: PathBuf,
    /// Python 3.
    pub python: PathBuf,
}

/// Returns the debuggers: those in PATH if they are new enough, else the cache's.
///
/// # Errors
/// They are neither in PATH nor in the cache, and cannot be fetched.
pub fn ensure(setup: &Setup<'_>) -> Result<Debuggers> {
    let gdb = host::in_path(GDB).filter(|path| is_new_enough(path, OLDEST_GDB));
    let lldb = LLDB_NAMES.iter().find_map(|name| host::in_path(name).filter(|path| is_new_enough(path, OLDEST_LLDB)));
    let python = host::in_path(PYTHON).filter(|path| is_new_enough(path, OLDEST_PYTHON));
    if let (Some(gdb), Some(lldb), Some(python)) = (&gdb, &lldb, &python) {
        return Ok(Debuggers { gdb: gdb.clone(), lldb: lldb.clone(), python: python.clone() });
    }
    let entry = setup.component(&COMPONENT, |_| true, || make(setup))?;
    let cached = |name: &str| entry.directory.join("bin").join(name);
    Ok(Debuggers {
        gdb: gdb.unwrap_or_else(|| cached(GDB)),
        lldb: lldb.unwrap_or_else(|| cached(LLDB)),
        python: python.unwrap_or_else(|| cached(CACHED_PYTHON)),
    })
}

/// Returns whether one of them runs and is of a release that can be used.
fn is_new_enough(path: &Path, oldest: &str) -> bool {
    let oldest = Version::parse(oldest);
    version(path).map_or(false, |found| Some(&found) >= oldest.as_ref())
}

/// Asks one of them for its version.
fn version(path: &Path) -> Result<Version> {
    let text = processes::output(Command::new(path).arg("--version"))?;
    Version::find(&text).ok_or_else(|| {
        Failure::unavailable(format!("expected a version from {} --version, found: {}", path.display(), text.trim()))
    })
}

fn make(setup: &Setup<'_>) -> Result<Staged> {
    let architecture = host::architecture()?;
    let apt = setup.fetcher.apt(architecture.debian, BOOKWORM)?;
    let packages = apt.closure(&[GDB.to_string(), LLDB.to_string()], &[])?;
    let staged = setup.cache.stage(ENTRY)?;
    let root = staged.join("root");
    setup.fetcher.fetch(&apt, &packages, &root, Members::Except(LEFT_OUT), UNPACKED)?;
    let libraries = [format!("usr/lib/{}", architecture.multiarch), format!("lib/{}", architecture.multiarch)];
    let loader = wrapper::loader_in_root(&root, architecture, &libraries)?;
    let data = " --data-directory \"$here/../root/usr/share/gdb\"";
    for (name, arguments) in [(GDB, data), (LLDB, ""), (CACHED_PYTHON, "")] {
        // Python looks for its library, also where it is embedded.
        let command = wrapper::run_in_root(&loader, &libraries, name, arguments);
        wrapper::write(&staged, name, &format!("env PYTHONHOME=\"$here/../root/usr\" {}", command))?;
    }
    // Run them once: a private root that does not work must not enter the cache.
    let gdb = version(&staged.join("bin").join(GDB))?;
    let lldb = version(&staged.join("bin").join(LLDB))?;
    let python = version(&staged.join("bin").join(CACHED_PYTHON))?;
    Ok((
        staged,
        vec![
            ("gdb".to_string(), gdb.to_string()),
            ("lldb".to_string(), lldb.to_string()),
            ("python".to_string(), python.to_string()),
        ],
    ))
}
