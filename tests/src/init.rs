//! A program as the only one of a Linux: /init of an initramfs, and its exit status as the kernel reports it.
//!
//! The kernel panics when its first process ends, and says with which status; with `panic=-1` and `-no-reboot` that ends
//! QEMU.

use cpio::newc::{Builder, ModeFileType};

/// Device numbers (Documentation/admin-guide/devices.txt): the kernel opens the first for PID 1's input and output.
const DEVICES: [(&str, u32, u32); 2] = [("dev/console", 5, 1), ("dev/kvm", 10, 232)];

/// What the kernel says when PID 1 ends.
const ENDED: &str = "Attempted to kill init! exitcode=0x";

/// Packs a program and the devices that it uses.
///
/// # Panics
///
/// When it is larger than the format permits.
#[must_use]
pub fn initramfs(program: &[u8]) -> Vec<u8> {
    let entry = |name, permissions, kind| Builder::new(name).mode(permissions).set_mode_file_type(kind);
    let device = |(name, major, minor)| entry(name, 0o600, ModeFileType::Char).rdev_major(major).rdev_minor(minor);
    let mut entries = vec![(entry("dev", 0o755, ModeFileType::Directory), &[][..])];
    entries.extend(DEVICES.map(|numbers| (device(numbers), &[][..])));
    entries.push((entry("init", 0o755, ModeFileType::Regular), program));
    let entries = entries.into_iter().map(|(builder, data)| (builder, std::io::Cursor::new(data)));
    cpio::write_cpio(entries, Vec::new()).expect("a small archive")
}

/// Returns the status of the first process, out of the console's lines: the lower byte is a signal's.
#[must_use]
pub fn status_of(lines: &[String]) -> Option<u32> {
    let (_, rest) = lines.iter().find_map(|line| line.split_once(ENDED))?;
    // Another CPU may print something behind it.
    u32::from_str_radix(rest.get(..8)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_in_the_message_of_the_panic() {
        let line = "[    1.2] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100";
        assert_eq!(status_of(&["a line".to_owned(), line.to_owned()]), Some(0x100));
        assert_eq!(status_of(&[format!("{line}[    1.2] CPU: 0")]), Some(0x100));
        assert_eq!(status_of(&["a line".to_owned()]), None);
    }
}
