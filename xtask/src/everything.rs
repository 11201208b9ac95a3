//! All that the tests use: both QEMUs, both kernels, binutils, as environment variables.
//!
//! The tests take each from its variable, so that they can be run by hand with other programs.

use std::path::PathBuf;

use crate::arguments::Choice;
use crate::binutils;
use crate::failure::Result;
use crate::kernel;
use crate::machine;
use crate::qemu;
use crate::setup::Setup;

/// A variable and the file it names.
pub type Named = (&'static str, PathBuf);

/// Gives what `cargo xtask run` uses by default, apart from Rust.
pub fn for_run(setup: &Setup<'_>) -> Result<Vec<Named>> {
    Ok(vec![("GRANULE_QEMU", qemu::ensure(setup, None)?), ("GRANULE_KERNEL", kernel::ensure(setup, None)?)])
}

/// Gives what the tests use, or `None` on a machine that is not Debian, where not all of it can be had.
pub fn for_tests(setup: &Setup<'_>) -> Result<Option<Vec<Named>>> {
    if let Err(why) = machine::debian() {
        setup.report.heading(&format!("{}: tests that need kernels and other QEMUs are not run", why));
        return Ok(None);
    }
    let name = |version: &str| Some(Choice::Name(version.to_string()));
    let tools = binutils::ensure(setup)?;
    Ok(Some(vec![
        ("GRANULE_AS", tools.assembler),
        ("GRANULE_OBJDUMP", tools.disassembler),
        ("GRANULE_QEMU_7_2", qemu::ensure(setup, name("7.2").as_ref())?),
        ("GRANULE_KERNEL_6_1", kernel::ensure(setup, name("6.1").as_ref())?),
        ("GRANULE_KERNEL_6_12", kernel::ensure(setup, name("6.12").as_ref())?),
        ("GRANULE_QEMU", qemu::ensure(setup, name(qemu::DEFAULT_SERIES).as_ref())?),
    ]))
}
