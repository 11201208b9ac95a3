//! Whether a file is a kernel that QEMU's arm64 machine can start, and what it is if it is not.
//!
//! QEMU starts anything it is given and then shows nothing; so the header is looked at first.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use machine::Explain;

/// Offset of the magic number in an arm64 `Image` (Documentation/arch/arm64/booting.rst, 4).
const MAGIC_AT: usize = 56;
const MAGIC: &[u8] = b"ARM\x64";
/// As much of a file as its kind can be told from: the bzImage's magic is the farthest.
const HEADER: usize = 0x206;

/// What else people give, by a few bytes at an offset, with what to do about it.
const KINDS: &[(usize, &[u8], &str, &str)] = &[
    (4, b"zimg", "an EFI zboot image", "unpack it: the compressed Image begins at the offset that its header gives"),
    (0x202, b"HdrS", "an x86 bzImage", "take the kernel of an arm64 package"),
    (0, b"\x7fELF", "an ELF file (vmlinux?)", "take arch/arm64/boot/Image of the same build"),
    (0, b"\x1f\x8b", "compressed with gzip", "unpack it with gunzip"),
    (0, b"\xfd7zXZ", "compressed with xz", "unpack it with unxz"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it with unzstd"),
    (0, b"BZh", "compressed with bzip2", "unpack it with bunzip2"),
    (
        0,
        b"!<arch>\n",
        "a Debian package",
        "unpack it with dpkg -x; the kernel is boot/vmlinuz-* or usr/lib/modules/*/vmlinuz",
    ),
    (0, b"\x27\x05\x19\x56", "a U-Boot uImage", "take arch/arm64/boot/Image of the same build"),
    (0, b"MZ", "an EFI program, but no arm64 kernel", "take arch/arm64/boot/Image of an arm64 build"),
];

/// Why a kernel cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// Not there, or not readable.
    #[error("kernel {}: {source}", path.display())]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something else.
    #[error(
        "kernel {}: expected an arm64 Image (`ARM\\x64` at offset 56), found {found}",
        path.display()
    )]
    NotAnImage {
        /// As given.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What to do.
        remedy: &'static str,
    },
}

impl Explain for KernelError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Unreadable { .. } => "give the path of an arm64 Image with --kernel",
            Self::NotAnImage { remedy, .. } => remedy,
        }))
    }
}

/// Checks that a file is an arm64 `Image`.
///
/// # Errors
///
/// When it cannot be read or is something else.
pub fn check(path: &Path) -> Result<(), KernelError> {
    let unreadable = |source| KernelError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mut header = Vec::new();
    file.take(HEADER as u64).read_to_end(&mut header).map_err(unreadable)?;
    match kind(&header) {
        None => Ok(()),
        Some((found, remedy)) => Err(KernelError::NotAnImage { path: path.to_owned(), found, remedy }),
    }
}

/// Reads a kernel whose file was checked.
///
/// # Errors
///
/// When it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, KernelError> {
    std::fs::read(path).map_err(|source| KernelError::Unreadable { path: path.to_owned(), source })
}

/// Returns what a file that begins so is, and what to do; nothing when it is an arm64 `Image`.
fn kind(header: &[u8]) -> Option<(String, &'static str)> {
    if at(header, MAGIC_AT, MAGIC) {
        return None;
    }
    let short = header.len() < MAGIC_AT + MAGIC.len();
    // A cut Image begins like any EFI program.
    let known = KINDS.iter().find(|(offset, magic, ..)| at(header, *offset, magic) && !(short && *magic == b"MZ"));
    if let Some((.., found, remedy)) = known {
        return Some(((*found).to_owned(), remedy));
    }
    if short {
        return Some((format!("a file of only {} bytes", header.len()), "copy it again"));
    }
    Some((
        format!("bytes {:02x?}", &header[MAGIC_AT..MAGIC_AT + MAGIC.len()]),
        "take arch/arm64/boot/Image of an arm64 build",
    ))
}

fn at(header: &[u8], offset: usize, magic: &[u8]) -> bool {
    header.get(offset..offset + magic.len()) == Some(magic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(offset: usize, magic: &[u8]) -> Vec<u8> {
        let mut header = vec![0; HEADER];
        header[offset..offset + magic.len()].copy_from_slice(magic);
        header
    }

    #[test]
    fn an_image_is_recognised_by_its_magic() {
        assert_eq!(kind(&with(MAGIC_AT, MAGIC)), None);
        let mut efi = with(MAGIC_AT, MAGIC);
        efi[..2].copy_from_slice(b"MZ");
        assert_eq!(kind(&efi), None);
    }

    #[test]
    fn other_files_are_named_by_their_format() {
        for (offset, magic, found, remedy) in KINDS {
            assert_eq!(kind(&with(*offset, magic)), Some(((*found).to_owned(), *remedy)));
        }
        assert!(kind(b"short").unwrap().0.contains("5 bytes"));
        assert!(kind(b"MZ@\xfa").unwrap().0.contains("4 bytes"));
        assert!(kind(&with(MAGIC_AT, b"RISC")).is_some());
    }

    #[test]
    fn a_missing_file_and_a_directory_are_unreadable() {
        let directory = tempfile::tempdir().unwrap();
        for path in [directory.path().join("none"), directory.path().to_owned()] {
            assert!(matches!(check(&path), Err(KernelError::Unreadable { .. })), "{}", path.display());
        }
    }
}
