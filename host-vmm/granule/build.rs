//! Embeds the firmware that `GRANULE_FIRMWARE` names, so that granule is one file on a board.
//!
//! Without the variable (a plain `cargo build`) there is nothing to embed: the build warns, and granule asks for `--firmware`
//! where it needs one.

use std::io::{Error, Result};
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<()> {
    println!("cargo::rerun-if-env-changed=GRANULE_FIRMWARE");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(embedded_firmware)");
    let Some(firmware) = env::var_os("GRANULE_FIRMWARE").map(PathBuf::from) else {
        // Tests and lints need no firmware; a release is what somebody wants to run.
        if env::var("PROFILE").as_deref() == Ok("release") {
            println!(
                "cargo::warning=granule is built without guest firmware, and will need --firmware; \
                 `cargo xtask build` builds both"
            );
        }
        return Ok(());
    };
    println!("cargo::rerun-if-changed={}", firmware.display());
    let image = fs::read(&firmware)
        .map_err(|error| Error::other(format!("GRANULE_FIRMWARE={}: {error}", firmware.display())))?;
    if !image.starts_with(b"\x7fELF") {
        return Err(Error::other(format!("GRANULE_FIRMWARE={}: expected an ELF file", firmware.display())));
    }
    let out = env::var_os("OUT_DIR").ok_or_else(|| Error::other("cargo sets no OUT_DIR"))?;
    fs::write(PathBuf::from(out).join("firmware.elf"), image)?;
    println!("cargo::rustc-cfg=embedded_firmware");
    Ok(())
}
