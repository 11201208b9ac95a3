//! What every component of set-up shares: the cache, the fetcher, and "use it, or make it".
//!
//! A component is a cache entry with a recipe. Used when whole, made under the cache's lock when
//! not; everything specific to one lies in its own file (binutils, kernel, qemu, toolchain).

use std::path::PathBuf;

use crate::cache::{Cache, Entry, Unusable};
use crate::debian::fetch::Fetcher;
use crate::failure::Result;
use crate::report::Report;

/// The older stable release's suites, from which the toolchain comes.
pub const BOOKWORM: &[&str] = &["bookworm", "bookworm-security", "bookworm-backports"];

/// What the makers of entries work with.
pub struct Setup<'a> {
    /// The cache.
    pub cache: &'a Cache,
    /// Where progress is told.
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
    /// What the user is told is being fetched, and why.
    pub heading: &'a str,
}

/// A staged entry that is ready: its directory and the facts for its stamp.
pub type Staged = (PathBuf, Vec<(String, String)>);

impl<'a> Setup<'a> {
    /// Makes the set-up of a cache.
    pub fn new(cache: &'a Cache, report: &'a Report) -> Setup<'a> {
        Setup { cache, report, fetcher: Fetcher::new(cache, report) }
    }

    /// Gives the component's entry, making it if it is not there, not whole or not `good`.
    pub fn component(
        &self,
        component: &Component<'_>,
        good: impl Fn(&Entry) -> bool,
        make: impl FnOnce() -> Result<Staged>,
    ) -> Result<Entry> {
        let find = || match self.cache.entry(component.name, component.recipe) {
            Ok(entry) if good(&entry) => Ok(entry),
            Ok(_) => Err(Unusable::Missing),
            Err(unusable) => Err(unusable),
        };
        if let Ok(entry) = find() {
            return Ok(entry);
        }
        self.cache.acquire(|| {
            self.report
                .heading(&format!("another set-up is at work in {}; waiting for it", self.cache.directory().display()));
        })?;
        match find() {
            Ok(entry) => return Ok(entry),
            Err(Unusable::Damaged(what)) => {
                self.report.heading(&format!("{} in the cache is damaged: {}", component.name, what))
            }
            Err(Unusable::Missing) => {}
        }
        self.report.heading(component.heading);
        let (staged, facts) = make()?;
        self.cache.commit(&staged, component.name, component.recipe, facts)
    }
}
