//! Errata: known defects of kernels and emulators, as data.
//!
//! An erratum says in which versions something breaks a promise, what that looks like, where it was reported or read,
//! and which cases it explains. It is not a permission: what such a case shows is reported, as known. An erratum that
//! leaves nothing to rely on defeats a run instead: its cases fail like any other.

mod linux;
mod qemu;

use crate::contract::Release;

/// What has the defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// The Linux kernel that is the host of VMs.
    Linux,
    /// QEMU as the emulator of the host or of the machine.
    Qemu,
}

/// How it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// granule showed it.
    Measured,
    /// Its fix, and what that says.
    Fixed,
    /// The source was read; nobody has shown it.
    Believed,
}

/// Versions, from the first to the one that has it no more. Of Linux with its stable releases; of QEMU major, minor and
/// micro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The first version that has it.
    pub since: Release,
    /// The first that has it no more; `None` while the newest known one has it.
    pub until: Option<Release>,
}

/// A known defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erratum {
    /// `product.what-is-wrong`.
    pub name: &'static str,
    /// What has it.
    pub product: Product,
    /// In which versions. One that was fixed in several series has a range for each.
    pub versions: &'static [Versions],
    /// What must be so besides; empty if nothing.
    pub only_if: &'static str,
    /// What goes wrong, as a sentence without its full stop.
    pub shows: &'static str,
    /// Whether so much goes wrong that a run proves nothing: its cases are failures, not known ones.
    pub defeats: bool,
    /// How it is known.
    pub evidence: Evidence,
    /// Where it was reported, fixed or read.
    pub source: &'static str,
    /// The cases that fail because of it, as names with `*` for any text; empty where no case looks.
    pub cases: &'static [&'static str],
}

const fn version(major: u32, minor: u32, patch: u32) -> Release {
    Release::new(major, minor, patch)
}

const fn from(since: Release) -> Versions {
    Versions { since, until: None }
}

const fn range(since: Release, until: Release) -> Versions {
    Versions { since, until: Some(until) }
}

impl Erratum {
    /// Tells whether a version has it.
    #[must_use]
    pub fn concerns(&self, product: Product, version: Release) -> bool {
        let has = |range: &Versions| range.since <= version && range.until.is_none_or(|until| version < until);
        self.product == product && self.versions.iter().any(has)
    }

    /// Tells whether it explains that a case fails.
    #[must_use]
    pub fn explains(&self, case: &str) -> bool {
        self.cases.iter().any(|glob| matches(glob, case))
    }
}

/// Lists all errata.
pub fn all() -> impl Iterator<Item = &'static Erratum> {
    [linux::ALL, qemu::ALL].into_iter().flatten()
}

/// Lists what is known about a version.
pub fn of(product: Product, version: Release) -> impl Iterator<Item = &'static Erratum> {
    all().filter(move |erratum| erratum.concerns(product, version))
}

/// Compares a name with a pattern in which `*` stands for any text.
fn matches(glob: &str, name: &str) -> bool {
    let Some((start, rest)) = glob.split_once('*') else { return glob == name };
    let Some(name) = name.strip_prefix(start) else { return false };
    (0..=name.len()).filter(|at| name.is_char_boundary(*at)).any(|at| matches(rest, &name[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(product: Product, version: &str) -> Vec<&'static str> {
        of(product, version.parse().unwrap()).map(|erratum| erratum.name).collect()
    }

    #[test]
    fn versions_have_the_errata_that_were_measured_on_them() {
        let protected = "linux.protected-mode-tfsr";
        assert!(names(Product::Linux, "6.12.117").contains(&protected));
        assert!(!names(Product::Linux, "6.1.192").contains(&protected));
        assert!(!names(Product::Linux, "7.2.13").contains(&protected));
        assert_eq!(names(Product::Qemu, "7.2.22"), ["qemu.granules-of-a-page-share-a-tag"]);
        assert!(names(Product::Qemu, "10.0.13").contains(&"qemu.sp-alignment"));
        assert!(names(Product::Qemu, "10.0.13").contains(&"qemu.vector-list-end-unchecked"));
        assert!(!names(Product::Qemu, "11.1.3").contains(&"qemu.vector-list-end-unchecked"));
        assert!(names(Product::Linux, "6.1.157").contains(&"linux.zero-page-flagged-tagged"));
        assert!(!names(Product::Linux, "6.1.158").contains(&"linux.zero-page-flagged-tagged"));
        assert!(!names(Product::Linux, "6.12.54").contains(&"linux.zero-page-flagged-tagged"));
        assert!(names(Product::Linux, "6.13.0").contains(&"linux.zero-page-flagged-tagged"));
    }

    #[test]
    fn a_star_stands_for_any_text_and_nothing_else_does() {
        for (glob, name, matched) in [
            ("arch.*", "arch.irg", true),
            ("arch.*", "xarch.irg", false),
            ("*irg*", "arch.irg", true),
            ("restore.mte.tfsr-*", "restore.mte.tfsr-el0-pending", true),
            ("restore", "restore.mte", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
        ] {
            assert_eq!(matches(glob, name), matched, "{glob} and {name}");
        }
    }

    #[test]
    fn an_erratum_has_versions_in_order_and_a_source() {
        for erratum in all() {
            let ordered = |range: &Versions| range.until.is_none_or(|until| range.since < until);
            assert!(!erratum.versions.is_empty() && erratum.versions.iter().all(ordered), "{}", erratum.name);
            assert!(!erratum.source.is_empty() && !erratum.shows.ends_with('.'), "{}", erratum.name);
        }
    }
}
