//! What every component of set-up shares: the cache, the fetcher, and "use it, or make it".
//!
//! A component is a cache entry with a recipe. It is used when it is whole, whatever else is on this machine, and made
//! under the cache's lock when it is not; everything specific to one lies in its own file (binutils, kernel, qemu,
//! toolchain).

use std::path::PathBuf;

use crate::cache::{Cache, Entry, Unusable};
use crate::debian::fetch::Fetcher;
use crate::failure::{Failure, Result};
use crate::host;
use crate::report::Report;

/// The older stable release's suites, from which the toolchain comes.
pub const BOOKWORM: &[&str] = &["bookworm", "bookworm-security", "bookworm-backports"];

/// What the makers of entries work with.
pub struct Setup<'a> {
    /// The cache.
    pub cache: &'a Cache,
    /// Where progress is reported.
    pub report: &'a Report,
    /// Packages.
    pub fetcher: Fetcher<'a>,
}

/// A cache entry as a component describes it.
pub struct Component<'a> {
    /// The entry's name.
    pub name: &'a str,
    /// The recipe and its revision: a new revision makes the entry again.
    pub recipe: &'a str,
    /// What is fetched, for people: `QEMU 10`.
    pub title: &'a str,
    /// What it is for, and why it is fetched: a clause that begins with `to`, `for`, `since` or `as`.
    pub purpose: &'a str,
    /// How much is fetched, about.
    pub size: &'a str,
    /// What to do where it can neither be found nor fetched: a verb first.
    pub remedy: &'a str,
}

/// A staged entry that is ready: its directory and the facts for its stamp.
pub type Staged = (PathBuf, Vec<(String, String)>);

impl<'a> Setup<'a> {
    /// Creates the set-up of a cache.
    pub fn new(cache: &'a Cache, report: &'a Report) -> Setup<'a> {
        Setup { cache, report, fetcher: Fetcher::new(cache, report) }
    }

    /// Returns the component's entry if it is in the cache, whole and `good`.
    pub fn cached(
        &self,
        component: &Component<'_>,
        good: impl Fn(&Entry) -> bool,
    ) -> std::result::Result<Entry, Unusable> {
        match self.cache.entry(component.name, component.recipe) {
            Ok(entry) if good(&entry) => Ok(entry),
            Ok(_) => Err(Unusable::Missing),
            Err(unusable) => Err(unusable),
        }
    }

    /// Returns the component's entry, making it if it is not there, not whole or not `good`.
    ///
    /// # Errors
    /// It has to be made, and this machine has no access to Debian's packages, the cache cannot be written, or making
    /// it fails.
    pub fn component(
        &self,
        component: &Component<'_>,
        good: impl Fn(&Entry) -> bool,
        make: impl FnOnce() -> Result<Staged>,
    ) -> Result<Entry> {
        let unusable = match self.cached(component, &good) {
            Ok(entry) => return Ok(entry),
            Err(unusable) => unusable,
        };
        host::debian().map_err(|not| cannot_fetch(self.cache, component, &unusable, &not))?;
        let wait = || {
            self.report
                .heading(&format!("another set-up is at work in {}; waiting for it", self.cache.directory().display()));
        };
        self.cache.acquire(component.title, wait)?;
        match self.cached(component, &good) {
            Ok(entry) => return Ok(entry),
            Err(Unusable::Damaged(what)) => {
                self.report.heading(&format!("{} in the cache is damaged: {}", component.name, what))
            }
            Err(Unusable::Missing) => {}
        }
        self.report.heading(&format!("{}, {} (about {})", component.title, component.purpose, component.size));
        let (staged, facts) = make()?;
        self.cache.commit(&staged, component.name, component.recipe, facts)
    }
}

/// Creates the failure of a component that is not in the cache and has nowhere to come from.
fn cannot_fetch(cache: &Cache, component: &Component<'_>, unusable: &Unusable, not: &str) -> Failure {
    let found = match unusable {
        Unusable::Missing => "holds none".to_string(),
        Unusable::Damaged(what) => format!("holds a damaged one ({})", what),
    };
    Failure::unavailable(format!(
        "cannot fetch {}, {}: {}, and the cache {} {}; {}",
        component.title,
        component.purpose,
        not,
        cache.directory().display(),
        found,
        component.remedy
    ))
}
