//! Bare-metal images, made of sources in the repository by a C compiler for arm64.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::environment::{self, BIN, CC, QEMU};

/// The folder of the example that the guide of `granule exec` goes through.
pub const EXAMPLE: &str = "docs/examples/use-after-free";

/// Returns a path in the repository.
#[must_use]
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Assembles an image of `tests/images` into a directory: alone, or with the boot code of the example.
///
/// # Panics
///
/// When the compiler does not take it.
#[must_use]
pub fn assembled(directory: &Path, name: &str, with_boot_code: bool) -> PathBuf {
    let image = directory.join(format!("{name}.elf"));
    let mut command = Command::new(environment::file(CC));
    command
        .args(["-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments", "-o"])
        .arg(&image);
    if with_boot_code {
        let example = repository(EXAMPLE);
        command.arg("-T").arg(example.join("image.ld")).arg(example.join("start.S"));
    } else {
        command.args(["-Wl,-Ttext=0x40100000", "-Wl,-N"]);
    }
    run(command.arg(repository(&format!("tests/images/{name}.S"))));
    image
}

/// Runs a command that must succeed.
///
/// # Panics
///
/// When it does not.
pub fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Returns `granule exec` of an image, on QEMU.
#[must_use]
pub fn exec(image: &Path) -> Command {
    exec_on(image, QEMU)
}

/// Returns `granule exec` of an image, on the QEMU that a variable names.
#[must_use]
pub fn exec_on(image: &Path, qemu: &str) -> Command {
    let mut command = Command::new(environment::file(BIN));
    command.arg("exec").arg(image).arg("--qemu").arg(environment::file(qemu)).args(["--timeout", "120"]);
    command
}
