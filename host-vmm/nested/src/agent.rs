//! The arm64 granule that becomes PID 1 of the inner Linux: where it is, and whether it can be that.
//!
//! It must be static, since nothing else is in the initramfs. Its symbols and debug information are left
//! outside: every byte is copied by an emulated CPU.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use machine::Explain;
use object::elf::{EM_AARCH64, FileHeader64, PT_INTERP, PT_LOAD, SymbolSection};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, pod};

/// The name of the agent beside a granule that was built for another architecture.
pub const BESIDE: &str = "granule-aarch64";

/// Why there is no agent.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// None was named and none is where it usually is.
    #[error(
        "a nested run needs granule built for arm64: expected it at {}, found nothing",
        looked.display()
    )]
    None {
        /// Where it was looked for.
        looked: PathBuf,
    },
    /// Cannot be read.
    #[error("agent {}: {source}", path.display())]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another kind of file.
    #[error("agent {}: expected {expected}, found {found}", path.display())]
    Unfit {
        /// As given.
        path: PathBuf,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
}

impl Explain for AgentError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::None { .. } => "build it with `cargo xtask build`, or name it with --agent or GRANULE_AGENT",
            Self::Unreadable { .. } => "name a granule built for arm64 with --agent",
            Self::Unfit { .. } => {
                "name a granule built for aarch64-unknown-linux-musl, or for gnu with crt-static, with --agent"
            }
        }))
    }
}

/// Finds the agent: the one named, else the one beside this program, else this program on an arm64 host.
///
/// # Errors
///
/// When none was named and none is there.
pub fn find(named: Option<&Path>) -> Result<PathBuf, AgentError> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let own =
        std::env::current_exe().map_err(|source| AgentError::Unreadable { path: "/proc/self/exe".into(), source })?;
    let beside = own.with_file_name(BESIDE);
    if beside.exists() {
        Ok(beside)
    } else if cfg!(target_arch = "aarch64") {
        Ok(own)
    } else {
        Err(AgentError::None { looked: beside })
    }
}

/// Reads the agent and gives it without what is not loaded.
///
/// # Errors
///
/// When it cannot be read or is no static arm64 program.
pub fn load(path: &Path) -> Result<Vec<u8>, AgentError> {
    let file = fs::read(path).map_err(|source| AgentError::Unreadable { path: path.to_owned(), source })?;
    strip(file).map_err(|(expected, found)| AgentError::Unfit { path: path.to_owned(), expected, found })
}

/// Cuts an ELF file behind its last loaded byte; or says what was expected and what was found.
fn strip(mut file: Vec<u8>) -> Result<Vec<u8>, (&'static str, String)> {
    const WHOLE: &str = "a whole ELF file";
    let header = FileHeader64::<Endianness>::parse(&*file).map_err(|error| ("a 64-bit ELF file", error.to_string()))?;
    let endian = header.endian().map_err(|error| (WHOLE, error.to_string()))?;
    if header.e_machine(endian) != EM_AARCH64 {
        return Err(("an aarch64 program", format!("e_machine {:?}", header.e_machine(endian))));
    }
    let segments = header.program_headers(endian, &*file).map_err(|error| (WHOLE, error.to_string()))?;
    if segments.iter().any(|segment| segment.p_type(endian) == PT_INTERP) {
        return Err(("a static program", "one that needs a dynamic linker (PT_INTERP)".to_owned()));
    }
    let end = segments
        .iter()
        .filter(|segment| segment.p_type(endian) == PT_LOAD)
        .map(|segment| segment.p_offset(endian).saturating_add(segment.p_filesz(endian)))
        .max()
        .ok_or_else(|| ("a program", "no PT_LOAD segment".to_owned()))?;
    let end = usize::try_from(end).ok().filter(|end| *end <= file.len());
    let end =
        end.ok_or_else(|| (WHOLE, format!("one that ends after {} bytes, before its last segment does", file.len())))?;
    file.truncate(end);
    without_sections(&mut file)?;
    Ok(file)
}

/// Takes the section table's place and size out of the file header.
fn without_sections(file: &mut [u8]) -> Result<(), (&'static str, String)> {
    let (header, _) = pod::from_bytes_mut::<FileHeader64<Endianness>>(file)
        .map_err(|()| ("a whole ELF file", "one shorter than its header".to_owned()))?;
    let endian = Endianness::Little;
    header.e_shoff.set(endian, 0);
    header.e_shnum.set(endian, 0);
    header.e_shstrndx.set(endian, SymbolSection(0));
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A program of one loaded segment of 16 bytes, and 100 bytes of sections behind it.
    pub(crate) fn program(machine: u16, second_type: u32) -> Vec<u8> {
        let mut file = vec![0; 64 + 2 * 56];
        file[..16].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
        file[16..18].copy_from_slice(&2u16.to_le_bytes());
        file[18..20].copy_from_slice(&machine.to_le_bytes());
        file[20] = 1;
        file[32..40].copy_from_slice(&64u64.to_le_bytes()); // e_phoff
        file[40..48].copy_from_slice(&200u64.to_le_bytes()); // e_shoff
        file[52] = 64;
        file[54] = 56;
        file[56] = 2; // e_phnum
        file[58] = 64;
        file[60] = 1; // e_shnum
        let load = 64;
        file[load] = 1;
        file[load + 8..load + 16].copy_from_slice(&176u64.to_le_bytes());
        file[load + 32..load + 40].copy_from_slice(&16u64.to_le_bytes());
        file[load + 56..load + 60].copy_from_slice(&second_type.to_le_bytes());
        file.extend([0xaa; 16]);
        file.extend([0xbb; 100]);
        file
    }

    #[test]
    fn sections_that_are_not_loaded_are_stripped() {
        let stripped = strip(program(183, 0)).unwrap();
        assert_eq!(stripped.len(), 192);
        assert_eq!(stripped[40..48], [0; 8]);
        assert!(stripped.ends_with(&[0xaa; 16]));
    }

    #[test]
    fn files_that_are_not_static_arm64_programs_are_rejected() {
        assert_eq!(strip(b"#!/bin/sh".to_vec()).unwrap_err().0, "a 64-bit ELF file");
        assert_eq!(strip(program(62, 0)).unwrap_err().0, "an aarch64 program");
        assert_eq!(strip(program(183, 3)).unwrap_err().0, "a static program");
        let mut truncated = program(183, 0);
        truncated.truncate(180);
        assert_eq!(strip(truncated).unwrap_err().0, "a whole ELF file");
    }

    #[test]
    fn a_named_agent_is_taken_as_it_is_and_read_errors_name_it() {
        let path = Path::new("/nonexistent/agent");
        assert_eq!(find(Some(path)).unwrap(), path);
        assert!(matches!(load(path), Err(AgentError::Unreadable { .. })));
    }
}
