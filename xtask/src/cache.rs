//! The cache directory: entries that are either whole or not there.
//!
//! An entry is made in a staging directory beside it, stamped, and renamed into place; an
//! interruption leaves the old state. Entries are checked against their stamp at every use. A cache in which all is
//! there is only read, so it may be read-only.

use std::cell::{Cell, RefCell};
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::failure::{self, Failure, Result};
use crate::lock::Lock;
use crate::stamp::{self, Stamp};

/// The cache, and the staging directory of this process once it needs one.
pub struct Cache {
    directory: PathBuf,
    staging: RefCell<Option<Staging>>,
    serial: Cell<u32>,
}

struct Staging {
    directory: PathBuf,
    _lock: Lock,
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Failing is harmless: the next set-up removes what is left.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// An entry that is whole.
#[derive(Debug)]
pub struct Entry {
    /// Where it lies.
    pub directory: PathBuf,
    /// Its stamp.
    pub stamp: Stamp,
}

impl Cache {
    /// Finds the cache directory: `$GRANULE_CACHE`, else the user's cache directory.
    ///
    /// # Errors
    /// None of the variables is set, or the path cannot be used in a library path.
    pub fn find() -> Result<Cache> {
        let set = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let directory = set("GRANULE_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(|d| d.join("granule")))
            .or_else(|| set("HOME").map(|d| d.join(".cache/granule")))
            .ok_or_else(|| {
                Failure::unavailable(
                    "no cache directory: none of GRANULE_CACHE, XDG_CACHE_HOME and HOME is set; set GRANULE_CACHE",
                )
            })?;
        let here = env::current_dir().map_err(|e| Failure::io("find", Path::new("."), &e))?;
        let directory = here.join(directory);
        let usable = directory.to_str().map_or(false, |d| !d.contains(|c: char| ":\"\n\\".contains(c)));
        if !usable {
            return Err(Failure::unavailable(format!(
                "the cache directory {} has a colon, a quote, a backslash or a newline in its name; set GRANULE_CACHE to another",
                directory.display()
            )));
        }
        Ok(Cache { directory, staging: RefCell::new(None), serial: Cell::new(0) })
    }

    /// Returns the cache directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the entry if it is there, whole and made by this recipe.
    pub fn entry(&self, name: &str, recipe: &str) -> std::result::Result<Entry, Unusable> {
        let directory = self.directory.join(name);
        let text = match fs::read_to_string(directory.join(stamp::FILE_NAME)) {
            Ok(text) => text,
            Err(_) => return Err(Unusable::Missing),
        };
        let stamp = Stamp::parse(&text).ok_or_else(|| Unusable::Damaged("its stamp is not complete".to_string()))?;
        if stamp.recipe != recipe {
            return Err(Unusable::Missing);
        }
        stamp.check(&directory).map_err(Unusable::Damaged)?;
        Ok(Entry { directory, stamp })
    }

    /// Takes the cache's lock, so that this process may add entries, until `release`.
    ///
    /// Callers look for their entry again after this: someone else may just have made it.
    ///
    /// # Errors
    /// The cache cannot be written; the message says that `title` was to be fetched into it.
    pub fn acquire(&self, title: &str, on_wait: impl FnOnce()) -> Result<()> {
        if self.staging.borrow().is_some() {
            return Ok(());
        }
        let cannot_write = |error: &io::Error| {
            Failure::unavailable(format!(
                "cannot fetch {}: cannot write to the cache directory {}: {}; set GRANULE_CACHE to a directory that you can write to",
                title,
                self.directory.display(),
                failure::reason(error)
            ))
        };
        fs::create_dir_all(&self.directory).map_err(|e| cannot_write(&e))?;
        let lock = Lock::take(&self.directory.join("lock"), on_wait).map_err(|e| cannot_write(&e))?;
        // Under the lock, every other staging directory belongs to a process that is gone.
        let entries = fs::read_dir(&self.directory).map_err(|e| Failure::io("list", &self.directory, &e))?;
        for stale in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with("staging-")) {
            // A child of that process may still be writing there: then the next set-up removes it.
            let _ = fs::remove_dir_all(stale.path());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let directory = self.directory.join(format!("staging-{}-{:x}", process::id(), now));
        fs::create_dir(&directory).map_err(|e| cannot_write(&e))?;
        *self.staging.borrow_mut() = Some(Staging { directory, _lock: lock });
        Ok(())
    }

    /// Removes the staging directory and releases the lock.
    pub fn release(&self) {
        self.staging.borrow_mut().take();
    }

    /// Creates a fresh directory in the staging area; `acquire` must have been called.
    pub fn stage(&self, purpose: &str) -> Result<PathBuf> {
        let staging = self.staging.borrow();
        let base = match staging.as_ref() {
            Some(staging) => &staging.directory,
            None => return Err(Failure::unavailable("the cache is not locked (a defect of xtask)")),
        };
        self.serial.set(self.serial.get() + 1);
        let directory = base.join(format!("{}-{}", purpose, self.serial.get()));
        fs::create_dir_all(&directory).map_err(|e| Failure::io("make", &directory, &e))?;
        Ok(directory)
    }

    /// Stamps a staged directory and puts it in place as the entry `name`.
    pub fn commit(&self, staged: &Path, name: &str, recipe: &str, facts: Vec<(String, String)>) -> Result<Entry> {
        let stamp = Stamp::of(staged, recipe, facts)?;
        let file = staged.join(stamp::FILE_NAME);
        fs::write(&file, stamp.to_text()).map_err(|e| Failure::io("write", &file, &e))?;
        let directory = self.directory.join(name);
        if fs::symlink_metadata(&directory).is_ok() {
            let old = self.stage("old")?.join("entry");
            fs::rename(&directory, &old).map_err(|e| Failure::io("move away", &directory, &e))?;
        }
        fs::rename(staged, &directory).map_err(|e| Failure::io("rename into place", &directory, &e))?;
        Ok(Entry { directory, stamp })
    }
}

/// Why there is no entry to use.
#[derive(Debug, PartialEq)]
pub enum Unusable {
    /// It is not there, or an older recipe made it.
    Missing,
    /// It is there but not whole: what was found.
    Damaged(String),
}
