//! What is put into the board's memory: an image's parts, and the device tree beside them.

use std::ops::Range;

use machine::MachineError;

use crate::map;
use crate::tree::{self, Description};

/// A device tree lies in one block of 2 MiB, at a multiple of 8 bytes (Documentation/arch/arm64/booting.rst).
const BLOCK: u64 = 2 << 20;

/// Writes memory: an address and bytes.
type Write<'a> = &'a mut dyn FnMut(u64, &[u8]) -> Result<(), MachineError>;

/// An image as a board needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Where the CPU begins.
    pub entry: u64,
    /// Where each part goes, what of it is in the file, and how many bytes it has in memory; the others are 0.
    pub parts: Vec<(u64, Vec<u8>, u64)>,
}

impl Program {
    /// Loads it, and the device tree of this board. Returns where the device tree is.
    ///
    /// QEMU's `virt` puts it at the beginning of RAM for a bare-metal image, and so does this where the image leaves room. X0 has
    /// the address, as Linux and other images without an ELF header want it.
    ///
    /// # Errors
    ///
    /// Those of `write`, and when there is no room for the device tree.
    pub fn load(&self, board: &Description<'_>, write: Write<'_>) -> Result<u64, MachineError> {
        let tree = tree::write(board)
            .map_err(|error| MachineError::Unsupported(format!("the device tree cannot be written: {error}")))?;
        for (ipa, data, _) in &self.parts {
            write(*ipa, data)?;
        }
        let place = self.room_for(tree.len() as u64, map::RAM_BASE..map::RAM_BASE.saturating_add(board.memory));
        let place = place.ok_or_else(|| {
            MachineError::Unsupported("the image leaves no room for the device tree; give more memory".to_owned())
        })?;
        write(place, &tree)?;
        Ok(place)
    }

    /// Finds room: at the beginning of RAM, else in its last blocks, from the end on.
    fn room_for(&self, bytes: u64, ram: Range<u64>) -> Option<u64> {
        let taken = |range: &Range<u64>| {
            self.parts.iter().any(|(ipa, data, size)| {
                *ipa < range.end && range.start < ipa.saturating_add((*size).max(data.len() as u64))
            })
        };
        let from_end = (1..=(ram.end - ram.start) / BLOCK).map(|block| (ram.end & !(BLOCK - 1)) - block * BLOCK);
        std::iter::once(ram.start)
            .chain(from_end)
            .find(|start| *start >= ram.start && start + bytes <= ram.end && !taken(&(*start..start + bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(parts: &[(u64, u64)], memory: u64) -> Option<u64> {
        let parts = parts.iter().map(|(ipa, size)| (*ipa, vec![1], *size)).collect();
        Program { entry: 0, parts }
            .load(&Description { memory, interrupts: true, arguments: "" }, &mut |_, _| Ok(()))
            .ok()
    }

    #[test]
    fn the_device_tree_avoids_the_image() {
        assert_eq!(places(&[(0x4008_0000, 0x1000)], 64 << 20), Some(0x4000_0000));
        assert_eq!(places(&[(0x4000_0000, 0x1000)], 64 << 20), Some(0x43e0_0000));
        assert_eq!(places(&[(0x4000_0000, 1), (0x43f0_0000, 1), (0x43e0_0000, 1)], 64 << 20), Some(0x43c0_0000));
        assert_eq!(places(&[(0x4000_0000, 64 << 20)], 64 << 20), None);
    }

    #[test]
    fn everything_is_written_where_it_belongs() {
        let program = Program { entry: 0, parts: vec![(0x4020_0000, b"code".to_vec(), 0x1000)] };
        let mut written = Vec::new();
        let tree =
            program.load(&Description { memory: 64 << 20, interrupts: true, arguments: "" }, &mut |ipa, bytes| {
                written.push((ipa, bytes[..4].to_vec()));
                Ok(())
            });
        assert_eq!(tree.ok(), Some(0x4000_0000));
        let magic = 0xd00d_feed_u32.to_be_bytes().to_vec();
        assert_eq!(written, [(0x4020_0000, b"code".to_vec()), (0x4000_0000, magic)]);
    }
}
