//! Where the programs under test are: environment variables that `cargo xtask test` sets.

use std::path::{Path, PathBuf};

/// granule for this machine.
pub const BIN: &str = "GRANULE_BIN";
/// granule for the inner Linux: arm64, static.
pub const AGENT: &str = "GRANULE_AGENT";
/// The guest firmware, an ELF file.
pub const FIRMWARE: &str = "GRANULE_FIRMWARE";
/// kvm-mte's example `save_restore` for the inner Linux: arm64, static.
pub const SAVE_RESTORE: &str = "GRANULE_SAVE_RESTORE";
/// A QEMU without known defects, 10 or newer.
pub const QEMU: &str = "GRANULE_QEMU";
/// A QEMU in which the granules of a page share a tag.
pub const QEMU_7_2: &str = "GRANULE_QEMU_7_2";
/// Linux 6.1, an arm64 `Image`.
pub const KERNEL_6_1: &str = "GRANULE_KERNEL_6_1";
/// Linux 6.12, an arm64 `Image`.
pub const KERNEL_6_12: &str = "GRANULE_KERNEL_6_12";
/// Debian's newest Linux, an arm64 `Image`.
pub const KERNEL_SID: &str = "GRANULE_KERNEL_SID";
/// Debian's newest QEMU.
pub const QEMU_SID: &str = "GRANULE_QEMU_SID";
/// GCC for arm64 Linux, with a static libc.
pub const CC: &str = "GRANULE_CC";
/// gdb for arm64.
pub const GDB: &str = "GRANULE_GDB";
/// lldb.
pub const LLDB: &str = "GRANULE_LLDB";
/// GNU as for aarch64.
pub const AS: &str = "GRANULE_AS";

/// Returns the file that a variable names.
///
/// # Panics
///
/// When the variable is not set, or there is no such file.
#[must_use]
pub fn file(variable: &str) -> PathBuf {
    let Some(path) = std::env::var_os(variable).map(PathBuf::from) else {
        panic!("{variable} is not set; run cargo xtask test");
    };
    assert!(path.is_file(), "{variable} names {}, which is no file; run cargo xtask test", path.display());
    path
}

/// Returns one of the programs in `fake-qemu/`.
#[must_use]
pub fn fake_qemu(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fake-qemu").join(name)
}
