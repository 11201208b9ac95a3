//! The one file that there is: which addresses of the process are tagged.

use gdbstub::target::ext::host_io::{
    FsKind, HostIo, HostIoClose, HostIoCloseOps, HostIoErrno, HostIoError, HostIoOpen, HostIoOpenFlags, HostIoOpenMode,
    HostIoOpenOps, HostIoPread, HostIoPreadOps, HostIoResult, HostIoSetfs, HostIoSetfsOps,
};

use super::{Guest, piece};
use machine::debugger_needs;

/// Its descriptor.
const DESCRIPTOR: u32 = 5;

impl HostIo for Guest<'_> {
    fn support_open(&mut self) -> Option<HostIoOpenOps<'_, Self>> {
        Some(self)
    }

    fn support_close(&mut self) -> Option<HostIoCloseOps<'_, Self>> {
        Some(self)
    }

    fn support_pread(&mut self) -> Option<HostIoPreadOps<'_, Self>> {
        Some(self)
    }

    fn support_setfs(&mut self) -> Option<HostIoSetfsOps<'_, Self>> {
        Some(self)
    }
}

impl HostIoOpen for Guest<'_> {
    fn open(&mut self, name: &[u8], _flags: HostIoOpenFlags, _mode: HostIoOpenMode) -> HostIoResult<u32, Self> {
        if debugger_needs::is_smaps(name) { Ok(DESCRIPTOR) } else { Err(HostIoError::Errno(HostIoErrno::ENOENT)) }
    }
}

impl HostIoClose for Guest<'_> {
    fn close(&mut self, _fd: u32) -> HostIoResult<(), Self> {
        Ok(())
    }
}

impl HostIoPread for Guest<'_> {
    fn pread(&mut self, fd: u32, count: usize, offset: u64, buffer: &mut [u8]) -> HostIoResult<usize, Self> {
        if fd != DESCRIPTOR {
            return Err(HostIoError::Errno(HostIoErrno::EBADF));
        }
        Ok(piece(debugger_needs::SMAPS.as_bytes(), offset, count, buffer))
    }
}

impl HostIoSetfs for Guest<'_> {
    fn setfs(&mut self, _fs: FsKind) -> HostIoResult<(), Self> {
        Ok(())
    }
}
