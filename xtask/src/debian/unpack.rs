//! Unpacking packages into a directory, without the parts that nothing here uses.
//!
//! Packages are removed as soon as they are unpacked, so that the peak on disk stays low; two are
//! unpacked at a time, the largest first.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use crate::failure::{Failure, Result};
use crate::processes;

/// Members that are left out of every package.
const NEVER: &[&str] =
    &["./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./usr/share/info", "./usr/share/lintian"];
const WORKERS: usize = 2;

/// Which members of the packages are wanted, as patterns of tar; a star does not match a slash,
/// and a directory stands for all below it.
#[derive(Debug, Clone, Copy)]
pub enum Members<'a> {
    /// All but these.
    Except(&'a [&'a str]),
    /// These and no others; a package may have none of them.
    Only(&'a [&'a str]),
}

/// Unpacks all packages in `packages` into `root` and removes them.
pub fn unpack_all(packages: &Path, root: &Path, members: Members<'_>) -> Result<()> {
    fs::create_dir_all(root).map_err(|e| Failure::io("make", root, &e))?;
    let mut files: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(packages).map_err(|e| Failure::io("list", packages, &e))?.flatten() {
        if entry.path().extension().map_or(false, |e| e == "deb") {
            files.push((entry.metadata().map_or(0, |m| m.len()), entry.path()));
        }
    }
    files.sort();
    let queue = Mutex::new(files);
    let work = || -> Result<()> {
        loop {
            let next = queue.lock().map(|mut q| q.pop());
            match next {
                Ok(Some((_, file))) => {
                    unpack(&file, root, members)?;
                    fs::remove_file(&file).map_err(|e| Failure::io("remove", &file, &e))?;
                }
                _ => return Ok(()),
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|w| w.join().unwrap_or_else(|_| Err(Failure::failed("an unpacker panicked"))))
    })
}

fn unpack(package: &Path, root: &Path, members: Members<'_>) -> Result<()> {
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.arg("--fsys-tarfile").arg(package).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut source = dpkg.spawn().map_err(|e| processes::not_started(&dpkg, &e))?;
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(root).args([
        "--no-same-owner",
        "--delay-directory-restore",
        "--wildcards",
        "--no-wildcards-match-slash",
        "-xf",
        "-",
    ]);
    let only: &[&str] = match members {
        Members::Except(patterns) => {
            tar.args(NEVER.iter().chain(patterns).map(|p| format!("--exclude={}", p)));
            &[]
        }
        Members::Only(patterns) => patterns,
    };
    tar.args(only).stderr(Stdio::piped());
    if let Some(pipe) = source.stdout.take() {
        tar.stdin(pipe);
    }
    let unpacked = tar.output().map_err(|e| processes::not_started(&tar, &e));
    // The pipe's reading end must be closed before dpkg-deb is awaited: if tar never started
    // or gave up early, dpkg-deb would wait for it.
    drop(tar);
    let read = source.wait_with_output().map_err(|e| processes::not_started(&dpkg, &e))?;
    let unpacked = unpacked?;
    let said = format!("{}{}", String::from_utf8_lossy(&unpacked.stderr), String::from_utf8_lossy(&read.stderr));
    // tar fails when a wanted member is in another package; the caller checks that it is there at the end.
    let missing_only = !only.is_empty()
        && said.lines().all(|l| l.contains("Not found in archive") || l.contains("Exiting with failure status"));
    if read.status.success() && (unpacked.status.success() || missing_only) {
        return Ok(());
    }
    Err(Failure::unavailable(format!("cannot unpack {}: {}", package.display(), said.trim())))
}
