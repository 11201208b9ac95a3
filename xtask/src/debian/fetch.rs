//! Fetching packages into a fresh directory: lists, closure, room on the disk, download, unpacking.
//!
//! One `Fetcher` serves a whole set-up, so that the lists of a suite are fetched at most once.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use super::apt::{Apt, Package};
use super::mirrors::Mirrors;
use super::unpack::{self, Members};
use crate::cache::Cache;
use crate::failure::{Failure, Result};
use crate::host;
use crate::report::{self, Report};
use crate::space;

/// Room for the lists of a suite and apt's index of them.
const ROOM_FOR_LISTS: u64 = 200_000_000;

/// Fetches packages of any architecture from any suite.
pub struct Fetcher<'a> {
    cache: &'a Cache,
    report: &'a Report,
    mirrors: RefCell<Option<Mirrors>>,
    open: RefCell<Vec<Rc<Apt>>>,
}

impl<'a> Fetcher<'a> {
    /// Creates a fetcher; it does nothing until it is used.
    pub fn new(cache: &'a Cache, report: &'a Report) -> Fetcher<'a> {
        Fetcher { cache, report, mirrors: RefCell::new(None), open: RefCell::new(Vec::new()) }
    }

    /// Returns an apt with the lists of these suites. The cache must be locked.
    ///
    /// # Errors
    /// This is not a Debian machine, there is no room, or a suite cannot be reached.
    pub fn apt(&self, architecture: &str, suites: &[&str]) -> Result<Rc<Apt>> {
        if let Some(open) = self.open.borrow().iter().find(|a| a.serves(architecture, suites)) {
            return Ok(open.clone());
        }
        host::debian().map_err(Failure::unavailable)?;
        let mirrors = match &*self.mirrors.borrow() {
            Some(known) => known.clone(),
            None => Mirrors::ask()?,
        };
        let purpose = "reading Debian's package lists";
        space::demand(self.cache.directory(), ROOM_FOR_LISTS, purpose)?;
        let state = self.cache.stage("apt")?;
        let apt = Apt::open(state, &mirrors, architecture, suites, self.report)
            .map_err(|f| space::explain(f, self.cache.directory(), ROOM_FOR_LISTS, purpose))?;
        *self.mirrors.borrow_mut() = Some(mirrors);
        let apt = Rc::new(apt);
        self.open.borrow_mut().push(apt.clone());
        Ok(apt)
    }

    /// Fetches packages and unpacks them into `root`; `unpacked` is the room they take there.
    pub fn fetch(
        &self,
        apt: &Apt,
        packages: &[Package],
        root: &Path,
        members: Members<'_>,
        unpacked: u64,
    ) -> Result<()> {
        let bytes: u64 = packages.iter().map(|p| p.size).sum();
        let purpose = format!("fetching {} packages", packages.len());
        space::demand(self.cache.directory(), bytes + unpacked, &purpose)?;
        let explain = |f: Failure| space::explain(f, self.cache.directory(), bytes + unpacked, &purpose);
        let directory = self.cache.stage("packages")?;
        let started = Instant::now();
        apt.download(packages, &directory).map_err(explain)?;
        self.report.add_fetched(bytes);
        let fetched = started.elapsed();
        let started = Instant::now();
        unpack::unpack_all(&directory, root, members).map_err(explain)?;
        self.report.step(&format!(
            "{} from {}: {} fetched in {}, unpacked in {}",
            if packages.len() == 1 { packages[0].name.clone() } else { format!("{} packages", packages.len()) },
            apt.suites(),
            report::size(bytes),
            report::seconds(fetched),
            report::seconds(started.elapsed())
        ));
        Ok(())
    }
}
