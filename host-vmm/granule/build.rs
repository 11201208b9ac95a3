//! Embeds the firmware that `GRANULE_FIRMWARE` names, so that granule is one file on a board.
//!
//! Without the variable (a plain `cargo build`) nothing is embedded, and `--firmware` must name one.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=GRANULE_FIRMWARE");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?).join("firmware.elf");
    match env::var_os("GRANULE_FIRMWARE") {
        Some(firmware) => {
            println!("cargo::rerun-if-changed={}", firmware.to_string_lossy());
            fs::copy(firmware, out)?;
        }
        None => fs::write(out, [])?,
    }
    Ok(())
}
