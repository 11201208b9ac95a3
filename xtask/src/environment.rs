//! What granule and the tests use, as environment variables: QEMUs, kernels, binutils, a C compiler, debuggers.
//!
//! The tests take each from its variable, so that they can be run by hand with other programs.

use std::path::PathBuf;

use crate::arguments::Choice;
use crate::binutils;
use crate::compiler;
use crate::debuggers;
use crate::failure::Result;
use crate::host;
use crate::kernel;
use crate::qemu;
use crate::setup::Setup;

/// A variable and the file it names.
pub type Variable = (&'static str, PathBuf);

/// The emulator that granule uses by default.
pub const QEMU: &str = "GRANULE_QEMU";
/// The kernel under test by default.
pub const KERNEL: &str = "GRANULE_KERNEL";

/// Returns what `cargo xtask run` uses by default, apart from Rust.
///
/// # Errors
/// Something is missing and cannot be fetched.
pub fn for_run(setup: &Setup<'_>) -> Result<Vec<Variable>> {
    Ok(vec![(QEMU, qemu::ensure(setup, None)?), (KERNEL, kernel::ensure(setup, None)?)])
}

/// Returns what the tests use, or `None` on a machine without Debian's packages whose cache does not hold it all.
///
/// # Errors
/// Something is missing and cannot be fetched, although this machine has access to Debian's packages.
pub fn for_tests(setup: &Setup<'_>) -> Result<Option<Vec<Variable>>> {
    match all_for_tests(setup) {
        Ok(variables) => Ok(Some(variables)),
        Err(failure) if host::debian().is_err() => {
            setup.report.heading(&format!("tests that need kernels and other QEMUs are not run: {}", failure));
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

fn all_for_tests(setup: &Setup<'_>) -> Result<Vec<Variable>> {
    let name = |version: &str| Some(Choice::Name(version.to_string()));
    let tools = binutils::oracle(setup)?;
    let debuggers = debuggers::ensure(setup)?;
    Ok(vec![
        ("GRANULE_AS", tools.assembler),
        ("GRANULE_OBJDUMP", tools.disassembler),
        ("GRANULE_CC", compiler::ensure(setup)?),
        ("GRANULE_GDB", debuggers.gdb),
        ("GRANULE_LLDB", debuggers.lldb),
        ("GRANULE_PYTHON", debuggers.python),
        ("GRANULE_QEMU_7_2", qemu::ensure(setup, name("7.2").as_ref())?),
        ("GRANULE_KERNEL_6_1", kernel::ensure(setup, name("6.1").as_ref())?),
        ("GRANULE_KERNEL_6_12", kernel::ensure(setup, name("6.12").as_ref())?),
        // What has been reported is looked for in the newest releases.
        ("GRANULE_QEMU_SID", qemu::ensure(setup, name("sid").as_ref())?),
        ("GRANULE_KERNEL_SID", kernel::ensure(setup, name("sid").as_ref())?),
        (QEMU, qemu::ensure(setup, name(qemu::DEFAULT_SERIES).as_ref())?),
    ])
}
