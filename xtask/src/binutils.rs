//! GNU binutils for aarch64: the linker for Debian's Rust, and the assembler and disassembler that
//! the tests compare the instruction table with.
//!
//! The linker is Debian 12's. The tests need a release that has all of the table's instructions (FEAT_LSUI and FEAT_LSFE came
//! with 2.45), so they have one of sid's, with a libc and a loader of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian::unpack::Members;
use crate::failure::{Failure, Result};
use crate::host;
use crate::processes;
use crate::setup::{BOOKWORM, Component, Setup, Staged};
use crate::version::Version;
use crate::wrapper;

/// The entry's name; the linker script of `toolchain::packaged` refers to it.
pub const ENTRY: &str = "binutils";
/// What the tests run: the assembler, the disassembler, and beside them the linker of the reproducers in `docs/upstream`.
const TOOLS: &[&str] = &["as", "objdump", "ld"];
/// Room that it takes when unpacked.
const UNPACKED: u64 = 35_000_000;
/// Room that sid's takes, with its libc.
const UNPACKED_NEWEST: u64 = 90_000_000;
/// The oldest release whose assembler has all instructions of the table.
const OLDEST: &str = "2.45";
const LEFT_OUT: &[&str] = &["*.gold", "*-gprof", "*-dwp"];
const LEFT_OUT_NEWEST: &[&str] = &["*.gold", "*-gprof", "*-dwp", "*/gconv", "./usr/share", "./usr/sbin"];

const COMPONENT: Component<'static> = Component {
    name: ENTRY,
    recipe: "binutils-aarch64-linux-gnu 1",
    title: "binutils for aarch64",
    purpose: "to link",
    size: "7 MB",
    remedy: "install your distribution's binutils for aarch64 (aarch64-linux-gnu-ld)",
};

const NEWEST: Component<'static> = Component {
    name: "binutils-sid",
    recipe: "binutils-aarch64-linux-gnu of sid 1",
    title: "the newest binutils for aarch64",
    purpose: "to check the instruction table against",
    size: "9 MB",
    remedy: "install binutils 2.45 or newer for aarch64 (aarch64-linux-gnu-as and -objdump)",
};

/// The assembler and the disassembler that the tests run, by their full names.
#[derive(Debug)]
pub struct Oracle {
    /// The assembler.
    pub assembler: PathBuf,
    /// The disassembler.
    pub disassembler: PathBuf,
}

/// Returns what the tests run: the cache's, on Debian from sid's package, elsewhere from PATH.
///
/// # Errors
/// They are neither in the cache nor in PATH, or too old, and cannot be fetched.
pub fn oracle(setup: &Setup<'_>) -> Result<Oracle> {
    if host::debian().is_err() && setup.cached(&NEWEST, |_| true).is_err() {
        let find = |tool: &str| host::in_path(&format!("aarch64-linux-gnu-{}", tool));
        if let (Some(assembler), Some(disassembler)) = (find("as"), find("objdump")) {
            let found = version(&assembler)?;
            if Some(&found) >= Version::parse(OLDEST).as_ref() {
                return Ok(Oracle { assembler, disassembler });
            }
        }
    }
    let entry = setup.component(&NEWEST, |_| true, || make_newest(setup))?;
    let tool = |name: &str| entry.directory.join("bin").join(format!("aarch64-linux-gnu-{}", name));
    Ok(Oracle { assembler: tool("as"), disassembler: tool("objdump") })
}

/// Asks an assembler for its version.
fn version(assembler: &Path) -> Result<Version> {
    let text = processes::output(Command::new(assembler).arg("--version"))?;
    Version::find(&text).ok_or_else(|| {
        Failure::unavailable(format!(
            "expected a version from {} --version, found: {}",
            assembler.display(),
            text.trim()
        ))
    })
}

/// Returns the linker of Debian's package, from the cache.
///
/// # Errors
/// It is not in the cache and cannot be fetched.
pub fn packaged(setup: &Setup<'_>) -> Result<PathBuf> {
    let entry = setup.component(&COMPONENT, |_| true, || make(setup))?;
    Ok(entry.directory.join("bin").join("aarch64-linux-gnu-ld"))
}

fn make_newest(setup: &Setup<'_>) -> Result<Staged> {
    let architecture = host::architecture()?;
    let apt = setup.fetcher.apt(architecture.debian, &["sid"])?;
    let packages = apt.closure(&["binutils-aarch64-linux-gnu".to_string()], &[])?;
    let staged = setup.cache.stage(NEWEST.name)?;
    let root = staged.join("root");
    setup.fetcher.fetch(&apt, &packages, &root, Members::Except(LEFT_OUT_NEWEST), UNPACKED_NEWEST)?;
    let libraries = [format!("usr/lib/{}", architecture.multiarch), format!("lib/{}", architecture.multiarch)];
    let loader = wrapper::loader_in_root(&root, architecture, &libraries)?;
    for tool in TOOLS {
        let name = format!("aarch64-linux-gnu-{}", tool);
        wrapper::write(&staged, &name, &wrapper::run_in_root(&loader, &libraries, &name, ""))?;
    }
    // Run it once: a private root that does not work must not enter the cache.
    let version = version(&staged.join("bin/aarch64-linux-gnu-as"))?;
    Ok((staged, vec![("version".to_string(), version.to_string())]))
}

fn make(setup: &Setup<'_>) -> Result<Staged> {
    let architecture = host::architecture()?;
    let apt = setup.fetcher.apt(architecture.debian, BOOKWORM)?;
    let provided = ["libc6", "libgcc-s1", "libstdc++6", "gcc-12-base"];
    let packages = apt.closure(&["binutils-aarch64-linux-gnu".to_string()], &provided)?;
    let staged = setup.cache.stage(ENTRY)?;
    setup.fetcher.fetch(&apt, &packages, &staged.join("root"), Members::Except(LEFT_OUT), UNPACKED)?;
    let libraries = [format!("usr/lib/{}", architecture.multiarch), format!("lib/{}", architecture.multiarch)];
    let name = "aarch64-linux-gnu-ld";
    wrapper::write(&staged, name, &wrapper::run_in_root(architecture.loader, &libraries, name, ""))?;
    Ok((staged, Vec::new()))
}
