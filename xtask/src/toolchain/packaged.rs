//! Rust from Debian's packages, unpacked into the cache: `rustc-web` and what belongs to it.
//!
//! Debian builds a recent Rust for its stable releases (for browsers), with neither of our two
//! targets. So core is built from `rust-web-src` for the guest, and the standard library for arm64
//! Linux comes from the arm64 package; binutils links both, and libc's static archive and start
//! files come from arm64 packages as well. The system's own Rust is not touched.

use std::fs;
use std::path::Path;

use super::tools::{Cross, Toolchain};
use crate::binutils;
use crate::cache::Entry;
use crate::debian::unpack::Members;
use crate::failure::{Failure, Result};
use crate::host;
use crate::project::GNU_TARGET;
use crate::setup::{BOOKWORM, Component, Setup, Staged};
use crate::version::Version;
use crate::wrapper;

const ENTRY: &str = "rust";
const RECIPE: &str = "rust-web 2";
const PACKAGES: &[&str] =
    &["rustc-web", "cargo-web", "rust-web-clippy", "rustfmt-web", "rust-web-src", "ca-certificates"];
/// What a machine with a C compiler and apt has; the programs run with its libc.
const PROVIDED: &[&str] =
    &["libc6", "libgcc-s1", "libstdc++6", "gcc-12-base", "gcc", "libc6-dev", "binutils", "openssl", "debconf"];
/// What the arm64 root needs of Rust, libc and GCC.
const ARM64_PACKAGES: &[&str] = &["libstd-rust-web-dev", "libc6-dev", "libgcc-12-dev"];
const ARM64_MEMBERS: &[&str] = &[
    "./usr/lib/rustlib/aarch64-unknown-linux-gnu",
    "./usr/lib/aarch64-linux-gnu/*.a",
    "./usr/lib/aarch64-linux-gnu/crt*.o",
    "./usr/lib/gcc/aarch64-linux-gnu/12/crt*.o",
    "./usr/lib/gcc/aarch64-linux-gnu/12/libgcc*.a",
];
/// Of the sources, all but the library; and tools that nobody here calls.
const LEFT_OUT: &[&str] = &[
    "./usr/src/rustc-*/[!l]*",
    "./usr/src/rustc-*/library/stdarch/intrinsics_data",
    "./usr/libexec",
    "./usr/include",
    "./usr/share/bash-completion",
    "./usr/share/zsh",
];
const PROGRAMS: &[&str] = &["rustc", "rustdoc", "cargo", "clippy-driver", "cargo-clippy", "cargo-fmt", "rustfmt"];
/// Where the entry keeps certificates.
const CERTIFICATES: &str = "certificates.pem";
/// Room that the two roots take.
const UNPACKED: u64 = 820_000_000;
const UNPACKED_ARM64: u64 = 170_000_000;

/// Adds what `gcc -static` would: then the linker needs no gcc, and rustc no unstable flags.
const STATIC_LINKER: &str = "\"$here/../../binutils/bin/aarch64-linux-gnu-ld\" \
    \"$here/../arm64/usr/lib/aarch64-linux-gnu/crt1.o\" \
    \"$here/../arm64/usr/lib/aarch64-linux-gnu/crti.o\" \
    \"$here/../arm64/usr/lib/gcc/aarch64-linux-gnu/12/crtbeginT.o\" \
    \"$@\" \
    -L\"$here/../arm64/usr/lib/aarch64-linux-gnu\" \
    -L\"$here/../arm64/usr/lib/gcc/aarch64-linux-gnu/12\" \
    --start-group -lgcc -lgcc_eh -lc --end-group \
    \"$here/../arm64/usr/lib/gcc/aarch64-linux-gnu/12/crtend.o\" \
    \"$here/../arm64/usr/lib/aarch64-linux-gnu/crtn.o\"";

/// Returns Debian's toolchain and how to build for aarch64 with it: `why` is the reason why it is needed, `remedy` what
/// to do where it is neither in the cache nor to be had.
///
/// # Errors
/// The packages cannot be fetched, or the newest of them is older than `wanted`.
pub fn ensure(setup: &Setup<'_>, wanted: &Version, why: &str, remedy: &str) -> Result<Cross> {
    let component = Component {
        name: ENTRY,
        recipe: RECIPE,
        title: "Rust for the guest and for arm64 Linux, from Debian's packages",
        purpose: &format!("since {}", why),
        size: "220 MB",
        remedy,
    };
    let version_of = |entry: &Entry| entry.stamp.fact("rustc").and_then(Version::parse);
    let recent = |entry: &Entry| version_of(entry).map_or(false, |v| v.is_at_least(wanted));
    let entry = setup.component(&component, recent, || make(setup, wanted))?;
    let linker = binutils::packaged(setup)?;
    let version = version_of(&entry).ok_or_else(|| {
        Failure::unavailable(format!(
            "the stamp in {} names no version; remove that directory",
            entry.directory.display()
        ))
    })?;
    let bin = entry.directory.join("bin");
    Ok(Cross {
        linux_target: GNU_TARGET,
        linux_linker: bin.join("static-ld"),
        linux_flags: "-Clinker-flavor=ld -Ctarget-feature=+crt-static -Crelocation-model=static",
        guest_linker: Some(linker),
        build_core: true,
        toolchain: Toolchain { bin, version, certificates: Some(entry.directory.join(CERTIFICATES)) },
    })
}

fn make(setup: &Setup<'_>, wanted: &Version) -> Result<Staged> {
    let architecture = host::architecture()?;
    let apt = setup.fetcher.apt(architecture.debian, BOOKWORM)?;
    let names: Vec<String> = PACKAGES.iter().map(|p| p.to_string()).collect();
    let packages = apt.closure(&names, PROVIDED)?;
    let rustc = packages.iter().find(|p| p.name == "rustc-web").ok_or_else(|| {
        Failure::unavailable(format!("expected rustc-web in {}, found none; install rustup", apt.suites()))
    })?;
    let version = Version::parse(&rustc.version).filter(|v| v.is_at_least(wanted)).ok_or_else(|| {
        Failure::unavailable(format!(
            "expected rustc-web {} or newer in {}, found {}; install rustup, or add the security archive to apt's sources",
            wanted,
            apt.suites(),
            rustc.version
        ))
    })?;
    let exact = rustc.version.clone();
    let staged = setup.cache.stage(ENTRY)?;
    let root = staged.join("root");
    setup.fetcher.fetch(&apt, &packages, &root, Members::Except(LEFT_OUT), UNPACKED)?;

    let apt = setup.fetcher.apt("arm64", BOOKWORM)?;
    let wanted: Vec<String> = ARM64_PACKAGES
        .iter()
        .map(|p| if p.starts_with("libstd") { format!("{}={}", p, exact) } else { p.to_string() })
        .collect();
    let mut packages = apt.closure(&wanted, &[])?;
    packages.retain(|p| ARM64_PACKAGES.contains(&p.name.as_str()));
    let arm64 = staged.join("arm64");
    setup.fetcher.fetch(&apt, &packages, &arm64, Members::Only(ARM64_MEMBERS), UNPACKED_ARM64)?;
    add_target(&arm64, &root)?;

    let libraries = [format!("usr/lib/{}", architecture.multiarch), format!("lib/{}", architecture.multiarch)];
    join_certificates(&root, &staged.join(CERTIFICATES))?;
    wrap_rustc_of_sysroot(&root)?;
    for program in PROGRAMS {
        wrapper::write(
            &staged,
            program,
            &wrapper::run_in_root(architecture.loader, &libraries, binary_of(program), ""),
        )?;
    }
    wrapper::write(&staged, "static-ld", STATIC_LINKER)?;
    Ok((staged, vec![("rustc".to_string(), version.to_string()), ("package".to_string(), exact)]))
}

/// Makes the rustc of the sysroot lead to the wrapper: rustdoc runs documentation tests with that one.
fn wrap_rustc_of_sysroot(root: &Path) -> Result<()> {
    let rustc = root.join("usr/bin/rustc");
    let moved = root.join("usr/bin").join(binary_of("rustc"));
    fs::rename(&rustc, &moved).map_err(|e| Failure::io("rename", &rustc, &e))?;
    wrapper::write(&root.join("usr"), "rustc", "\"$here/../../../bin/rustc\" \"$@\"")
}

/// Returns the name of a program's file in the root's usr/bin.
fn binary_of(program: &str) -> &str {
    if program == "rustc" { "rustc.real" } else { program }
}

/// Joins the certificates that cargo needs to reach a registry, for machines that have none.
fn join_certificates(root: &Path, to: &Path) -> Result<()> {
    let from = root.join("usr/share/ca-certificates/mozilla");
    let mut joined = String::new();
    for entry in fs::read_dir(&from).map_err(|e| Failure::io("list", &from, &e))?.flatten() {
        joined += &fs::read_to_string(entry.path()).map_err(|e| Failure::io("read", &entry.path(), &e))?;
    }
    fs::write(to, joined).map_err(|e| Failure::io("write", to, &e))
}

/// Moves the arm64 standard library to where rustc looks for it.
fn add_target(arm64: &Path, root: &Path) -> Result<()> {
    let below = Path::new("usr/lib/rustlib").join(GNU_TARGET);
    let to = root.join(&below);
    if to.exists() {
        // On an arm64 machine it is the toolchain's own.
        return Ok(());
    }
    fs::rename(arm64.join(&below), &to).map_err(|e| Failure::io("move the arm64 standard library to", &to, &e))
}
