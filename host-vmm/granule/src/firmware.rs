//! The guest firmware that this granule was built with.

use machine::target::OpenError;

/// The image; empty when granule was built without one (see `build.rs`).
static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/firmware.elf"));

/// Returns an image that was given, or else the embedded one: an ELF file's bytes.
///
/// # Errors
///
/// When none was given and granule was built without one.
pub fn image(given: Option<Vec<u8>>) -> Result<Vec<u8>, OpenError> {
    match given {
        Some(image) => Ok(image),
        None if EMBEDDED.is_empty() => Err(OpenError::Broken {
            reason: "this granule was built without firmware".to_owned(),
            remedy: "give one with --firmware, or build with `cargo xtask build`".to_owned(),
        }),
        None => Ok(EMBEDDED.to_vec()),
    }
}
