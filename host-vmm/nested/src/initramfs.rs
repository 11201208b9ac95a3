//! The inner Linux's whole file system: granule as /init, its options, and the device node for its output.
//!
//! The archive is in memory only. QEMU opens it under /proc/self/fd; when both are gone, so is it.

use std::io::{self, Cursor};

use cpio::newc::{Builder, ModeFileType};
use cpio::write_cpio;

use super::Options;
use super::files::{FIRMWARE, MODULES, NEXT_INITRAMFS, NEXT_KERNEL, OPTIONS, WORK_FILE};
use super::inner::InnerOptions;

/// Device number of /dev/console, on which the kernel opens PID 1's input and output
/// (Documentation/admin-guide/devices.txt).
const CONSOLE: (u32, u32) = (5, 1);
/// Empty directories, to mount on.
const DIRECTORIES: &[&str] = &["dev", "proc", "sys", "tmp", "var", "var/tmp", MODULES];

/// Builds the archive.
///
/// # Errors
///
/// When a part is too large for the format, 4 GiB.
pub fn build(
    agent: &[u8],
    inner: &InnerOptions,
    Options { firmware, file: work_file, .. }: &Options,
    modules: &[(String, Vec<u8>)],
) -> io::Result<Vec<u8>> {
    let given = [(FIRMWARE, firmware), (WORK_FILE, work_file)];
    let files = given.iter().filter_map(|(name, given)| Some(((*name).to_owned(), given.as_deref()?)));
    let modules = modules.iter().map(|(name, module)| (format!("{MODULES}/{name}"), &module[..]));
    pack(agent, inner, &files.chain(modules).collect::<Vec<_>>())
}

/// Builds the archive of a kernel that is only to have another one take over.
///
/// # Errors
///
/// As [`build`].
pub fn build_for_kexec(agent: &[u8], inner: &InnerOptions, kernel: &[u8], next: &[u8]) -> io::Result<Vec<u8>> {
    pack(agent, inner, &[(NEXT_KERNEL.to_owned(), kernel), (NEXT_INITRAMFS.to_owned(), next)])
}

fn pack(agent: &[u8], inner: &InnerOptions, files: &[(String, &[u8])]) -> io::Result<Vec<u8>> {
    let options = serde_json::to_vec(inner)?;
    let file = |name: &str, permissions, data| {
        (Builder::new(name).mode(permissions).set_mode_file_type(ModeFileType::Regular), Cursor::new(data))
    };
    let mut entries: Vec<(Builder, Cursor<&[u8]>)> = DIRECTORIES
        .iter()
        .map(|name| (Builder::new(name).mode(0o755).set_mode_file_type(ModeFileType::Directory), Cursor::new(&[][..])))
        .collect();
    let console = Builder::new("dev/console").mode(0o600).set_mode_file_type(ModeFileType::Char);
    entries.push((console.rdev_major(CONSOLE.0).rdev_minor(CONSOLE.1), Cursor::new(&[])));
    entries.push(file(OPTIONS, 0o644, &options[..]));
    entries.extend(files.iter().map(|(name, data)| file(name, 0o644, data)));
    entries.push(file("init", 0o755, agent));
    write_cpio(entries.into_iter(), Vec::new())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::path::Path;

    use cpio::newc::Reader;

    use super::super::inner::Work;
    use super::*;
    use suite::GuestPolicy;

    /// Name, mode, device, and contents.
    type Entry = (String, u32, (u32, u32), Vec<u8>);

    fn parse(archive: &[u8]) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut rest = archive;
        loop {
            let mut reader = Reader::new(rest).unwrap();
            if reader.entry().is_trailer() {
                return entries;
            }
            let mut data = Vec::new();
            reader.read_to_end(&mut data).unwrap();
            let entry = reader.entry();
            entries.push((entry.name().to_owned(), entry.mode(), (entry.rdev_major(), entry.rdev_minor()), data));
            rest = reader.finish().unwrap();
        }
    }

    fn options() -> InnerOptions {
        let work = Work::default();
        InnerOptions {
            work,
            names: vec!["a.b.c".into()],
            seed: 7,
            guests: GuestPolicy::default(),
            emulator: "QEMU 10.0.2".into(),
            board: None,
            firmware: None,
            file: None,
            kexec: false,
            save_restore: None,
        }
    }

    fn outer(firmware: Option<&[u8]>, file: Option<&[u8]>) -> Options {
        Options {
            firmware: firmware.map(<[u8]>::to_vec),
            file: file.map(<[u8]>::to_vec),
            ..super::super::outer::tests::options(Path::new(""))
        }
    }

    #[test]
    fn the_archive_reads_back() {
        let modules = [("brd.ko".into(), b"module".to_vec())];
        let entries = parse(&build(b"agent", &options(), &outer(Some(b"firmware"), Some(b"file")), &modules).unwrap());
        let find = |name: &str| entries.iter().find(|entry| entry.0 == name).unwrap();
        assert_eq!((find("init").1, &*find("init").3), (0o100_755, &b"agent"[..]));
        assert_eq!((find("dev/console").1, find("dev/console").2), (0o020_600, (5, 1)));
        assert_eq!(find("firmware.elf").3, b"firmware");
        assert_eq!(find("work-file").3, b"file");
        assert_eq!(find("modules/brd.ko").3, b"module");
        assert_eq!(serde_json::from_slice::<InnerOptions>(&find("granule.json").3).unwrap(), options());
        for directory in DIRECTORIES {
            assert_eq!(find(directory).1, 0o040_755);
        }
        let position = |name: &str| entries.iter().position(|entry| entry.0 == name);
        assert!(position("dev") < position("dev/console"), "a directory comes before what is in it");
    }

    #[test]
    fn the_archive_has_no_firmware_entry_unless_given() {
        let entries = parse(&build(b"agent", &options(), &outer(None, None), &[]).unwrap());
        assert!(entries.iter().all(|entry| entry.0 != FIRMWARE && entry.0 != WORK_FILE));
    }
}
