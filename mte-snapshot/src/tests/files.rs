//! Files are written whole or not at all, and only regular files are read.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use super::sample;
use crate::error::{DecodeError, FileError};
use crate::file::{Verified, load, save, verify};

/// Set in a process that `limited` starts: where it saves.
const TARGET: &str = "MTE_SNAPSHOT_TEST_TARGET";

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_saved_file_is_loaded_and_verified() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.core");
    let bytes = save(&path, &sample()).unwrap();
    assert_eq!(load(&path).unwrap(), sample());
    let Verified { bytes: verified, digest } = verify(&path).unwrap();
    assert_eq!(verified, bytes);
    let file = fs::read(&path).unwrap();
    assert_eq!(file, sample().encode().unwrap());
    assert_eq!(digest, file[file.len() - 32..]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "a guest's memory is private");
    let mut other = sample();
    other.application = None;
    save(&path, &other).unwrap();
    assert_eq!(load(&path).unwrap(), other);
    assert_eq!(names(directory.path()), ["vm.core"]);
    symlink(&path, directory.path().join("link")).unwrap();
    assert_eq!(load(&directory.path().join("link")).unwrap(), other);
}

#[test]
fn what_is_not_a_regular_file_is_neither_read_nor_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    symlink("target", at("link")).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    for (path, found) in [
        (at("folder"), "a directory"),
        (at("link"), "a symbolic link"),
        (at("socket"), "a device, FIFO or socket"),
        ("/dev/null".into(), "a device, FIFO or socket"),
    ] {
        let error = save(&path, &sample()).unwrap_err();
        assert_eq!(error.to_string(), format!("{}: expected a regular file, found {found}", path.display()));
        if found != "a symbolic link" {
            assert!(matches!(load(&path), Err(FileError::NotRegular { .. })));
            assert!(matches!(verify(&path), Err(FileError::NotRegular { .. })));
        }
    }
    assert_eq!(names(directory.path()), ["folder", "link", "socket"]);
    let error = load(&at("link")).unwrap_err().to_string();
    assert!(error.ends_with("link: cannot look at it: No such file or directory (os error 2)"), "{error}");
    let error = save(&at("none/vm.core"), &sample()).unwrap_err().to_string();
    assert!(error.contains("none: cannot create a file there: No such file"), "{error}");
}

#[test]
fn a_file_larger_than_memory_is_an_error() {
    // A hole of 4 EiB, more than there are addresses. tmpfs permits it.
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = directory.path().join("vm.core");
    fs::File::create(&path).unwrap().set_len(1 << 62).unwrap();
    let error = load(&path).unwrap_err();
    assert!(matches!(error, FileError::Io { operation: "hold it in memory", .. }), "{error}");
}

#[test]
fn an_altered_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.core");
    fs::write(&path, b"no snapshot").unwrap();
    let error = load(&path).unwrap_err();
    assert!(matches!(error, FileError::Decode { source: DecodeError::NotASnapshot { bytes: 11 }, .. }), "{error}");
    assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    assert!(verify(&path).is_err());
}

#[test]
fn an_invalid_snapshot_leaves_the_old_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.core");
    save(&path, &sample()).unwrap();
    let mut invalid = sample();
    invalid.identity.mte = 16;
    assert!(matches!(save(&path, &invalid), Err(FileError::Encode(_))));
    assert_eq!(load(&path).unwrap(), sample());
    assert_eq!(names(directory.path()), ["vm.core"]);
}

/// Saves in a process that may write no more than 4 KiB to a file, after `prepare` in its shell.
fn limited(path: &Path, prepare: &str) -> ExitStatus {
    let script = format!("{prepare} ulimit -f 8; exec \"$0\" --exact tests::files::saves_where_it_is_told --nocapture");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).arg(std::env::current_exe().unwrap()).env(TARGET, path);
    shell.output().unwrap().status
}

/// What the process of `limited` does; without it, nothing.
#[test]
fn saves_where_it_is_told() {
    if let Some(path) = std::env::var_os(TARGET) {
        let error = save(Path::new(&path), &sample()).unwrap_err();
        assert!(matches!(error, FileError::Io { operation: "write it", .. }), "{error}");
    }
}

#[test]
fn a_full_disk_or_a_killed_process_leaves_the_old_file() {
    const SIGXFSZ: i32 = 25;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.core");
    let mut old = sample();
    old.application = None;
    save(&path, &old).unwrap();
    // The write fails with EFBIG.
    let ended = limited(&path, "trap '' XFSZ;");
    assert!(ended.success(), "{ended}");
    assert_eq!(names(directory.path()), ["vm.core"], "the new file is removed");
    assert_eq!(load(&path).unwrap(), old);
    // The process is killed while it writes.
    assert_eq!(limited(&path, "").signal(), Some(SIGXFSZ));
    let left = names(directory.path());
    assert!(
        matches!(&left[..], [part, old] if part.starts_with(".vm.core.") && part.ends_with(".part") && old == "vm.core"),
        "{left:?}"
    );
    assert_eq!(load(&path).unwrap(), old);
    save(&path, &sample()).unwrap();
    assert_eq!(load(&path).unwrap(), sample());
}
