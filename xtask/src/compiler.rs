//! A C compiler for arm64 Linux, for the stand-alone reproducers under docs/upstream/: Debian's cross compiler, unpacked into
//! the cache.
//!
//! Nothing of the project itself is C.

use std::path::PathBuf;

use crate::cache::Entry;
use crate::debian::unpack::Members;
use crate::failure::Result;
use crate::host;
use crate::setup::{BOOKWORM, Component, Setup, Staged};
use crate::wrapper;

const PROGRAM: &str = "aarch64-linux-gnu-gcc";
const ENTRY: &str = "gcc";
const WANTED: &[&str] = &["gcc-12-aarch64-linux-gnu", "libc6-dev-arm64-cross"];
/// What a machine with apt has; the compiler runs with its libc. (libcc1-0 wants gcc-12-base of its own version.)
const PROVIDED: &[&str] = &["libc6", "libgcc-s1", "libstdc++6"];
/// Libraries for programs that are not static, and sanitizers.
const LEFT_OUT_PACKAGES: &[&str] =
    &["libasan", "libatomic", "libgomp", "libhwasan", "libitm", "liblsan", "libtsan", "libubsan"];
const LEFT_OUT: &[&str] = &["*.gold", "*-gprof", "*-dwp", "*san*", "*/lto1", "*/g++-mapper-server"];
/// Room that it takes when unpacked.
const UNPACKED: u64 = 180_000_000;

const COMPONENT: Component<'static> = Component {
    name: ENTRY,
    recipe: "gcc-12-aarch64-linux-gnu 1",
    title: "a C compiler for arm64 Linux",
    purpose: "to test the reproducers of docs/upstream with",
    size: "45 MB",
    remedy: "install your distribution's GCC for aarch64 (aarch64-linux-gnu-gcc) and its static libc",
};

/// Returns the compiler: the cache's, on Debian from its packages, elsewhere from PATH. An arm64 machine's own is no cross
/// compiler, and Debian has no other for it.
///
/// # Errors
/// It is neither in the cache nor in PATH, and cannot be fetched.
pub fn ensure(setup: &Setup<'_>) -> Result<PathBuf> {
    let has_packages = host::debian().is_ok() && host::architecture()?.rust != "aarch64";
    if !has_packages && setup.cached(&COMPONENT, |_| true).is_err() {
        if let Some(compiler) = host::in_path(PROGRAM) {
            return Ok(compiler);
        }
    }
    setup.component(&COMPONENT, |_| true, || make(setup)).map(|entry: Entry| entry.directory.join("bin").join(PROGRAM))
}

fn make(setup: &Setup<'_>) -> Result<Staged> {
    let architecture = host::architecture()?;
    let apt = setup.fetcher.apt(architecture.debian, BOOKWORM)?;
    let wanted: Vec<String> = WANTED.iter().map(|name| name.to_string()).collect();
    let mut packages = apt.closure(&wanted, PROVIDED)?;
    packages.retain(|package| !LEFT_OUT_PACKAGES.iter().any(|start| package.name.starts_with(start)));
    let staged = setup.cache.stage(ENTRY)?;
    setup.fetcher.fetch(&apt, &packages, &staged.join("root"), Members::Except(LEFT_OUT), UNPACKED)?;
    wrapper::write(&staged, PROGRAM, &command(architecture.multiarch))?;
    Ok((staged, Vec::new()))
}

/// Returns the command that runs the driver. It finds the rest beside itself; the programs that it starts (cc1, as, ld) need
/// their libraries, and none of them starts one of the machine's.
fn command(multiarch: &str) -> String {
    format!(
        "env LD_LIBRARY_PATH=\"$here/../root/usr/lib/{0}:$here/../root/lib/{0}\" \"$here/../root/usr/bin/{1}-12\" \"$@\"",
        multiarch, PROGRAM
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_those_of_the_root_alone() {
        let command = command("x86_64-linux-gnu");
        assert!(command.starts_with("env LD_LIBRARY_PATH=\"$here/../root/usr/lib/x86_64-linux-gnu:"), "{}", command);
        assert!(command.ends_with("\"$here/../root/usr/bin/aarch64-linux-gnu-gcc-12\" \"$@\""), "{}", command);
    }
}
