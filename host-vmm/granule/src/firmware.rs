//! The guest firmware that this granule was built with.

use machine::target::OpenError;

/// The image, if granule was built with one (see `build.rs`).
#[cfg(embedded_firmware)]
const EMBEDDED: Option<&[u8]> = Some(include_bytes!(concat!(env!("OUT_DIR"), "/firmware.elf")));
#[cfg(not(embedded_firmware))]
const EMBEDDED: Option<&[u8]> = None;

/// Returns an image that was given, or else the embedded one: an ELF file's bytes.
///
/// # Errors
///
/// When none was given and granule was built without one.
pub fn image(given: Option<Vec<u8>>) -> Result<Vec<u8>, OpenError> {
    given.or_else(|| EMBEDDED.map(<[u8]>::to_vec)).ok_or_else(|| OpenError::Broken {
        reason: "this granule was built without firmware".to_owned(),
        remedy: "give one with --firmware, or build with `cargo xtask build`".to_owned(),
    })
}
