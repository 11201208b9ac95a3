//! GNU binutils for aarch64: the linker for Debian's Rust, and the assembler and disassembler that
//! the tests compare the instruction table with.

use std::path::PathBuf;

use crate::debian::unpack::Members;
use crate::failure::Result;
use crate::host;
use crate::setup::{BOOKWORM, Component, Setup, Staged};
use crate::wrapper;

/// The entry's name; the linker script of `toolchain::packaged` refers to it.
pub const ENTRY: &str = "binutils";
const TOOLS: &[&str] = &["ld", "as", "objdump", "objcopy", "nm", "readelf"];
/// Room that it takes when unpacked.
const UNPACKED: u64 = 35_000_000;
const LEFT_OUT: &[&str] = &["*.gold", "*-gprof", "*-dwp"];

const COMPONENT: Component<'static> = Component {
    name: ENTRY,
    recipe: "binutils-aarch64-linux-gnu 1",
    title: "binutils for aarch64",
    purpose: "to link, and to check the instruction table against",
    size: "7 MB",
    remedy: "install your distribution's binutils for aarch64 (aarch64-linux-gnu-ld, -as and -objdump)",
};

/// Tools for aarch64, by their full names.
#[derive(Debug)]
pub struct Binutils {
    /// The assembler.
    pub assembler: PathBuf,
    /// The disassembler.
    pub disassembler: PathBuf,
    /// The linker.
    pub linker: PathBuf,
}

/// Returns the tools: the cache's, on Debian from its package, elsewhere from PATH.
///
/// # Errors
/// They are neither in the cache nor in PATH, and cannot be fetched.
pub fn ensure(setup: &Setup<'_>) -> Result<Binutils> {
    if host::debian().is_err() && setup.cached(&COMPONENT, |_| true).is_err() {
        let find = |tool: &str| host::in_path(&format!("aarch64-linux-gnu-{}", tool));
        if let (Some(assembler), Some(disassembler), Some(linker)) = (find("as"), find("objdump"), find("ld")) {
            return Ok(Binutils { assembler, disassembler, linker });
        }
    }
    packaged(setup)
}

/// Returns the tools of Debian's package, from the cache.
///
/// # Errors
/// They are not in the cache and cannot be fetched.
pub fn packaged(setup: &Setup<'_>) -> Result<Binutils> {
    let entry = setup.component(&COMPONENT, |_| true, || make(setup))?;
    let tool = |name: &str| entry.directory.join("bin").join(format!("aarch64-linux-gnu-{}", name));
    Ok(Binutils { assembler: tool("as"), disassembler: tool("objdump"), linker: tool("ld") })
}

fn make(setup: &Setup<'_>) -> Result<Staged> {
    let architecture = host::architecture()?;
    let apt = setup.fetcher.apt(architecture.debian, BOOKWORM)?;
    let provided = ["libc6", "libgcc-s1", "libstdc++6", "gcc-12-base"];
    let packages = apt.closure(&["binutils-aarch64-linux-gnu".to_string()], &provided)?;
    let staged = setup.cache.stage(ENTRY)?;
    setup.fetcher.fetch(&apt, &packages, &staged.join("root"), Members::Except(LEFT_OUT), UNPACKED)?;
    let libraries = [format!("usr/lib/{}", architecture.multiarch), format!("lib/{}", architecture.multiarch)];
    for tool in TOOLS {
        let name = format!("aarch64-linux-gnu-{}", tool);
        wrapper::write(&staged, &name, &wrapper::run_in_root(architecture.loader, &libraries, &name, ""))?;
    }
    Ok((staged, Vec::new()))
}
