//! The trailer: what makes a file a whole and unaltered snapshot of a known version.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::{DecodeError, Digest};

/// The version of the format that this package writes, and the only one that it reads. See docs/snapshot.md.
pub const VERSION: u32 = 1;
/// What the trailer begins with.
pub(crate) const MAGIC: [u8; 8] = *b"mte-snap";

/// The last bytes of a file.
#[derive(FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
struct Trailer {
    magic: [u8; 8],
    version: U32,
    zero: U32,
    /// Bytes in the file, with the trailer.
    length: U64,
    /// BLAKE3 over all bytes before it.
    digest: [u8; DIGEST],
}

/// The size of the digest.
pub(crate) const DIGEST: usize = 32;
/// The size of the trailer.
pub(crate) const TRAILER: usize = size_of::<Trailer>();

// docs/snapshot.md, "Trailer".
const _: () = {
    assert!(TRAILER == 56);
    assert!(std::mem::offset_of!(Trailer, version) == 8);
    assert!(std::mem::offset_of!(Trailer, zero) == 12);
    assert!(std::mem::offset_of!(Trailer, length) == 16);
    assert!(std::mem::offset_of!(Trailer, digest) == 24);
};

/// Appends the trailer.
pub(crate) fn seal(file: &mut Vec<u8>) {
    let length = (file.len() + TRAILER) as u64;
    let trailer =
        Trailer { magic: MAGIC, version: VERSION.into(), zero: 0.into(), length: length.into(), digest: [0; DIGEST] };
    file.extend_from_slice(&trailer.as_bytes()[..TRAILER - DIGEST]);
    let digest = blake3::hash(file);
    file.extend_from_slice(digest.as_bytes());
}

/// Checks the trailer, and returns what is before it, with the digest.
///
/// The checks: size and magic, version, length, digest. Nothing else of the file is looked at before.
pub(crate) fn open(file: &[u8]) -> Result<(&[u8], [u8; DIGEST]), DecodeError> {
    let not_a_snapshot = DecodeError::NotASnapshot { bytes: file.len() };
    let Ok((body, trailer)) = Trailer::ref_from_suffix(file) else {
        return Err(not_a_snapshot);
    };
    if trailer.magic != MAGIC {
        return Err(not_a_snapshot);
    }
    if trailer.version.get() != VERSION {
        return Err(DecodeError::Version { found: trailer.version.get(), supported: VERSION });
    }
    if trailer.length.get() != file.len() as u64 {
        return Err(DecodeError::Length { expected: trailer.length.get(), found: file.len() as u64 });
    }
    let digest = *blake3::hash(&file[..file.len() - DIGEST]).as_bytes();
    if digest != trailer.digest {
        return Err(DecodeError::Digest { expected: Digest(trailer.digest), found: Digest(digest) });
    }
    if trailer.zero.get() != 0 {
        return Err(DecodeError::NotCanonical { offset: (body.len() + 12) as u64 });
    }
    Ok((body, digest))
}
