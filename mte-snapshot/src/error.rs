//! Why a snapshot was not encoded, decoded, saved or loaded.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A field of a snapshot is invalid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field}: expected {expected}, found {found}")]
#[non_exhaustive]
pub struct EncodeError {
    /// The field, as in Rust: `slots[1].ipa`.
    pub field: String,
    /// What would be valid.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// Bytes are not a snapshot. The checks are made in this order.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// They do not end with a trailer.
    #[error(
        "expected a trailer with the magic \"mte-snap\" at the end, found none in {bytes} bytes; the file is cut off or \
         is not a snapshot"
    )]
    NotASnapshot {
        /// How many bytes there are.
        bytes: usize,
    },
    /// The format has another version.
    #[error("format version: expected {supported}, found {found}; use the program that wrote the file, or a newer one")]
    Version {
        /// The version of the file.
        found: u32,
        /// The version that this package reads.
        supported: u32,
    },
    /// The length is not the one in the trailer.
    #[error("length: expected {expected} bytes, found {found}; the file is incomplete")]
    Length {
        /// What the trailer says.
        expected: u64,
        /// How many bytes there are.
        found: u64,
    },
    /// The digest is not the one in the trailer.
    #[error("digest: expected {expected}, found {found}; the file was altered")]
    Digest {
        /// What the trailer says.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// A header, a segment or a note is malformed.
    #[error("{part}: expected {expected}, found {found}")]
    Malformed {
        /// Which one.
        part: String,
        /// What would be valid.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A field of the snapshot is invalid.
    #[error(transparent)]
    Field(#[from] EncodeError),
    /// The bytes differ from those that encoding what was decoded yields.
    #[error(
        "byte {offset:#x}: expected what encoding this snapshot yields, found something else; headers, notes and memory \
         contradict each other"
    )]
    NotCanonical {
        /// The offset of the first byte that differs.
        offset: u64,
    },
}

/// A BLAKE3 digest, which prints as hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A file was not saved or loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// The path names something else than a regular file.
    #[error("{}: expected a regular file, found {found}", path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
        /// What is there.
        found: &'static str,
    },
    /// The operating system reports an error.
    #[error("{}: cannot {operation}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// What the operating system reports.
        source: io::Error,
    },
    /// The snapshot has an invalid field.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The file is not a whole and unaltered snapshot.
    #[error("{}: {source}", path.display())]
    Decode {
        /// The path.
        path: PathBuf,
        /// Why not.
        source: DecodeError,
    },
}
