//! Snapshots as files: written whole or not at all.

use std::fs::{self, File, FileType};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{DecodeError, FileError};
use crate::seal;
use crate::snapshot::Snapshot;

/// What [`verify`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The size of the file.
    pub bytes: u64,
    /// BLAKE3 over everything before the digest.
    pub digest: [u8; 32],
}

/// Saves a snapshot. Returns the size of the file.
///
/// The bytes are written to a new file beside the target, which only its owner may read, since it has the guest's memory in
/// it. It is synced, renamed to the target, and the directory is synced. So whenever the process or the host stops, the
/// target is what it was before or the whole snapshot; a process that is killed may leave the other file, `.NAME.*.part`.
///
/// # Errors
///
/// When a field is invalid, when the target is there but is not a regular file (a symbolic link is not: it would be replaced
/// and what it names would stay), or when the operating system reports an error. Then the target is unchanged.
pub fn save(path: &Path, snapshot: &Snapshot) -> Result<u64, FileError> {
    let bytes = snapshot.encode()?;
    match fs::symlink_metadata(path) {
        Ok(found) => regular(path, found.file_type())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(path, "look at it", error)),
    }
    let name = path.file_name().ok_or_else(|| not_regular(path, "a directory"))?;
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    let mut file = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".part")
        .tempfile_in(directory)
        .map_err(|error| failed(directory, "create a file there", error))?;
    file.write_all(&bytes).map_err(|error| failed(file.path(), "write it", error))?;
    file.as_file().sync_all().map_err(|error| failed(file.path(), "sync it", error))?;
    file.persist(path).map_err(|error| failed(path, "rename the new file to it", error.error))?;
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| failed(directory, "sync it", error))?;
    Ok(bytes.len() as u64)
}

/// Loads a snapshot. A symbolic link is followed.
///
/// # Errors
///
/// When the path does not name a regular file, when the operating system reports an error, or when the file is not a whole
/// and unaltered snapshot.
pub fn load(path: &Path) -> Result<Snapshot, FileError> {
    decode(path, &read(path)?)
}

/// Checks all that [`load`] checks.
///
/// # Errors
///
/// As [`load`].
pub fn verify(path: &Path) -> Result<Verified, FileError> {
    let bytes = read(path)?;
    decode(path, &bytes)?;
    let (_, digest) = seal::open(&bytes).map_err(|source| not_decoded(path, source))?;
    Ok(Verified { bytes: bytes.len() as u64, digest })
}

fn decode(path: &Path, bytes: &[u8]) -> Result<Snapshot, FileError> {
    Snapshot::decode(bytes).map_err(|source| not_decoded(path, source))
}

fn not_decoded(path: &Path, source: DecodeError) -> FileError {
    FileError::Decode { path: path.to_owned(), source }
}

/// Reads a regular file. Nothing else is opened: a FIFO would wait for a writer, and a device may do anything.
fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let found = fs::metadata(path).map_err(|error| failed(path, "look at it", error))?;
    regular(path, found.file_type())?;
    let mut file = File::open(path).map_err(|error| failed(path, "open it", error))?;
    let opened = file.metadata().map_err(|error| failed(path, "look at it", error))?;
    regular(path, opened.file_type())?;
    let mut bytes = Vec::new();
    let reserved = bytes.try_reserve_exact(usize::try_from(opened.len()).unwrap_or(usize::MAX));
    reserved.map_err(|_| failed(path, "hold it in memory", io::ErrorKind::OutOfMemory.into()))?;
    file.read_to_end(&mut bytes).map_err(|error| failed(path, "read it", error))?;
    Ok(bytes)
}

fn regular(path: &Path, found: FileType) -> Result<(), FileError> {
    match found {
        _ if found.is_file() => Ok(()),
        _ if found.is_dir() => Err(not_regular(path, "a directory")),
        _ if found.is_symlink() => Err(not_regular(path, "a symbolic link")),
        _ => Err(not_regular(path, "a device, FIFO or socket")),
    }
}

fn not_regular(path: &Path, found: &'static str) -> FileError {
    FileError::NotRegular { path: path.to_owned(), found }
}

fn failed(path: &Path, operation: &'static str, source: io::Error) -> FileError {
    FileError::Io { path: PathBuf::from(path), operation, source }
}
