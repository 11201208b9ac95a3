//! GNU binutils for aarch64: the linker for Debian's Rust, and the assembler and disassembler that
//! the tests compare the instruction table with.

use std::path::PathBuf;

use crate::debian::unpack::Members;
use crate::failure::{Failure, Result};
use crate::machine;
use crate::setup::{BOOKWORM, Component, Setup};
use crate::wrapper;

/// The entry's name; the linker script of `toolchain::packaged` refers to it.
pub const ENTRY: &str = "binutils";
const RECIPE: &str = "binutils-aarch64-linux-gnu 1";
const TOOLS: &[&str] = &["ld", "as", "objdump", "objcopy", "nm", "readelf"];
/// Room that it takes when unpacked.
const UNPACKED: u64 = 35_000_000;
const LEFT_OUT: &[&str] = &["*.gold", "*-gprof", "*-dwp"];

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

/// Gives the tools: on Debian from its package, elsewhere from PATH.
///
/// # Errors
/// They cannot be fetched, or are not in PATH.
pub fn ensure(setup: &Setup<'_>) -> Result<Binutils> {
    if let Err(why) = machine::debian() {
        let find = |tool: &str| {
            machine::in_path(&format!("aarch64-linux-gnu-{}", tool)).ok_or_else(|| {
                Failure::unavailable(format!(
                    "expected aarch64-linux-gnu-{} in PATH, found none, and it cannot be fetched: {}; install your distribution's binutils for aarch64",
                    tool, why
                ))
            })
        };
        return Ok(Binutils { assembler: find("as")?, disassembler: find("objdump")?, linker: find("ld")? });
    }
    let component = Component {
        name: ENTRY,
        recipe: RECIPE,
        heading: "binutils for aarch64, to link, and to check the instruction table against (about 7 MB)",
    };
    let entry = setup.component(
        &component,
        |_| true,
        || {
            let architecture = machine::architecture()?;
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
        },
    )?;
    let tool = |name: &str| entry.directory.join("bin").join(format!("aarch64-linux-gnu-{}", name));
    Ok(Binutils { assembler: tool("as"), disassembler: tool("objdump"), linker: tool("ld") })
}
