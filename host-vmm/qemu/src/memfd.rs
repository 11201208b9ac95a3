//! Files that exist in memory only, and that a child process can open by path.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, memfd_create};

/// A file that a child process can open by path.
#[derive(Debug)]
pub struct MemFile(File);

impl MemFile {
    /// Puts bytes into a file that has no name in any file system.
    ///
    /// # Errors
    ///
    /// When there is no memory for it.
    pub fn new(bytes: &[u8]) -> io::Result<Self> {
        let mut file = File::from(memfd_create(c"granule", MemfdFlags::CLOEXEC)?);
        file.write_all(bytes)?;
        Ok(Self(file))
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.0
    }

    /// The descriptor, which a child must inherit.
    #[must_use]
    pub fn descriptor(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// The path under which a child that inherited the descriptor finds it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.descriptor()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_memory_can_be_opened_by_path() {
        let memory = MemFile::new(b"bytes").unwrap();
        assert_eq!(std::fs::read(memory.path()).unwrap(), b"bytes");
    }
}
