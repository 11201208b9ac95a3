//! Bytes out of the inner Linux that are too many for its console, an emulated UART: memory that both sides share, behind a PCI device
//! of QEMU (docs/specs/ivshmem-spec.rst, `ivshmem-plain`).
//!
//! It begins with a magic number and how many bytes follow. The inside writes these two last.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::FileExt;

use qemu::memfd::MemFile;

/// What stands first.
const MAGIC: [u8; 8] = *b"gparcel1";
/// Bytes before those that are sent.
const HEADER: u64 = 16;

/// The outside's end.
#[derive(Debug)]
pub struct Parcel {
    memory: MemFile,
    bytes: u64,
}

impl Parcel {
    /// Makes room for so many bytes at most.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn new(most: u64) -> io::Result<Self> {
        // A BAR is a power of two.
        let bytes = (most + HEADER).next_power_of_two();
        let memory = MemFile::new(&[])?;
        memory.file().set_len(bytes)?;
        Ok(Self { memory, bytes })
    }

    /// Returns the descriptor that QEMU must inherit.
    #[must_use]
    pub fn descriptor(&self) -> i32 {
        self.memory.descriptor()
    }

    /// Returns QEMU's arguments.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let mut backend =
            OsString::from(format!("memory-backend-file,id=parcel,size={},share=on,mem-path=", self.bytes));
        backend.push(self.memory.path());
        vec!["-object".into(), backend, "-device".into(), "ivshmem-plain,memdev=parcel".into()]
    }

    /// Reads what was sent; `None` if nothing was.
    ///
    /// # Errors
    ///
    /// When the memory cannot be read.
    pub fn received(&self) -> io::Result<Option<Vec<u8>>> {
        let mut header = [0; HEADER as usize];
        self.memory.file().read_exact_at(&mut header, 0)?;
        let (magic, length) = header.split_at(MAGIC.len());
        let length = length.try_into().map_or(u64::MAX, u64::from_le_bytes);
        if magic != MAGIC || length > self.bytes - HEADER {
            return Ok(None);
        }
        let mut bytes = vec![0; length as usize];
        self.memory.file().read_exact_at(&mut bytes, HEADER)?;
        Ok(Some(bytes))
    }
}

/// The inside's end.
#[cfg(target_arch = "aarch64")]
pub mod inside {
    use std::fs::{self, File, OpenOptions};
    use std::io;
    use std::path::PathBuf;
    use std::sync::atomic::{Ordering, fence};

    use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

    use super::{HEADER, MAGIC};

    /// PCI vendor and device of ivshmem.
    const VENDOR: &str = "0x1af4";
    const DEVICE: &str = "0x1110";
    /// The BAR that is the memory.
    const BAR: &str = "resource2";

    /// Sends bytes to the outside.
    ///
    /// # Errors
    ///
    /// When the outside has made no room for them, or the kernel has no PCI.
    pub fn send(bytes: &[u8]) -> io::Result<()> {
        let device = find()?;
        fs::write(device.join("enable"), "1")?;
        let memory = OpenOptions::new().read(true).write(true).open(device.join(BAR))?;
        let room = memory.metadata()?.len();
        if bytes.len() as u64 > room.saturating_sub(HEADER) {
            return Err(io::Error::other(format!("{} bytes, where {room} have room", bytes.len())));
        }
        write(&memory, room as usize, bytes)
    }

    fn find() -> io::Result<PathBuf> {
        for entry in fs::read_dir("/sys/bus/pci/devices")? {
            let path = entry?.path();
            let is = |file: &str, id: &str| fs::read_to_string(path.join(file)).is_ok_and(|text| text.trim() == id);
            if is("vendor", VENDOR) && is("device", DEVICE) {
                return Ok(path);
            }
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "there is no ivshmem device"))
    }

    #[expect(unsafe_code, reason = "a BAR is written through a mapping")]
    fn write(memory: &File, room: usize, bytes: &[u8]) -> io::Result<()> {
        let flags = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping of a device's memory, which nothing in this process refers to.
        let base = unsafe { mmap(std::ptr::null_mut(), room, flags, MapFlags::SHARED, memory, 0) }?;
        let put = |at: usize, word: [u8; 8]| {
            // SAFETY: the callers' offsets are multiples of 8 below `room`, which the mapping has.
            let place = unsafe { base.cast::<u8>().add(at) }.cast::<u64>();
            // SAFETY: as above; the memory may be mapped as Device, so whole words are written at their alignment.
            unsafe { place.write_volatile(u64::from_ne_bytes(word)) };
        };
        for (number, chunk) in bytes.chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            put(HEADER as usize + 8 * number, word);
        }
        put(8, (bytes.len() as u64).to_le_bytes());
        fence(Ordering::SeqCst);
        put(0, MAGIC);
        // SAFETY: the mapping made above, which nothing uses any more.
        unsafe { munmap(base, room) }?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_sent_whole_is_nothing() {
        let parcel = Parcel::new(4096).unwrap();
        assert_eq!(parcel.bytes, 8192);
        assert_eq!(parcel.received().unwrap(), None);
        let file = parcel.memory.file();
        file.write_all_at(b"hello", HEADER).unwrap();
        file.write_all_at(&5u64.to_le_bytes(), 8).unwrap();
        assert_eq!(parcel.received().unwrap(), None);
        file.write_all_at(&MAGIC, 0).unwrap();
        assert_eq!(parcel.received().unwrap().as_deref(), Some(&b"hello"[..]));
        file.write_all_at(&8192u64.to_le_bytes(), 8).unwrap();
        assert_eq!(parcel.received().unwrap(), None);
    }
}
