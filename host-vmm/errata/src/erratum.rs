//! What is known of one defect.

use kvm_model::contract::Release;

use crate::avoid::Avoid;
use crate::sign::Sign;

/// What has the defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// The Linux kernel that is the host of VMs.
    Linux,
    /// QEMU as the emulator of the host or of the machine.
    Qemu,
}

impl Product {
    /// Returns its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linux => "Linux",
            Self::Qemu => "QEMU",
        }
    }
}

/// How it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// granule showed it.
    Measured,
    /// Its fix was read; granule has not shown it.
    Fixed,
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

/// How many CPUs an emulated machine has: QEMU runs several on a thread each, and makes other code for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuCount {
    /// One.
    One,
    /// Two or more.
    Several,
}

impl CpuCount {
    /// Returns the count in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::One => "one CPU",
            Self::Several => "two or more CPUs",
        }
    }

    /// Returns whether a machine with `cpus` CPUs has so many.
    #[must_use]
    pub const fn includes(self, cpus: usize) -> bool {
        matches!((self, cpus), (Self::One, 1) | (Self::Several, 2..))
    }
}

/// A condition besides the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// KVM runs in this mode.
    Mode(&'static str),
    /// The program runs in a guest of KVM: two stages of translation.
    KvmGuest,
    /// The program runs on the emulator's own machine, without a kernel: it is the emulator that saves and restores.
    Board,
    /// The emulated machine has so many CPUs. The failure itself decides.
    Cpus(CpuCount),
    /// Something that a run cannot see. Such an erratum excuses nothing: it would hide something else.
    Unseen(&'static str),
}

/// A known defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erratum {
    /// `product.what-is-wrong`. It also names its analysis and its programs: docs/errata/`id`.md, docs/errata/`id`.granule.
    pub id: &'static str,
    /// What is wrong, as a heading.
    pub title: &'static str,
    /// What has it.
    pub product: Product,
    /// In which versions. One that was fixed in several series has a range for each.
    pub versions: &'static [Versions],
    /// Conditions besides the version.
    pub conditions: &'static [Condition],
    /// What goes wrong, as a sentence without its full stop.
    pub shows: &'static str,
    /// The case whose failure is the sign of it, if so much goes wrong that a run proves nothing: its cases are failures, not
    /// known ones.
    pub defeats: Option<&'static str>,
    /// How it is known.
    pub evidence: Evidence,
    /// On which versions it was seen, and on which it was not; where a version's limit comes from.
    pub seen: &'static str,
    /// Where it was reported, fixed or read.
    pub reference: &'static str,
    /// The cases that fail because of it, as names with `*` for any text; empty where no case looks.
    pub cases: &'static [&'static str],
    /// How such a failure looks; any of these. Empty if none is excused.
    pub signs: &'static [Sign],
    /// Programs in docs/errata/ that show it, without `.granule`.
    pub programs: &'static [&'static str],
    /// How campaigns get past it.
    pub avoid: &'static [Avoid],
    /// Whether a defect that matters for security was reported upstream.
    pub disclosure: Option<&'static str>,
    /// The analysis, in Markdown: commands, causes.
    pub analysis: &'static str,
}

/// What a row of the table begins with.
pub(crate) const BLANK: Erratum = Erratum {
    id: "",
    title: "",
    product: Product::Qemu,
    versions: &[],
    conditions: &[],
    shows: "",
    defeats: None,
    evidence: Evidence::Measured,
    seen: "",
    reference: "",
    cases: &[],
    signs: &[],
    programs: &[],
    avoid: &[],
    disclosure: None,
    analysis: "",
};

pub(crate) const fn version(major: u32, minor: u32, patch: u32) -> Release {
    Release::new(major, minor, patch)
}

pub(crate) const fn from(since: Release) -> Versions {
    Versions { since, until: None }
}

pub(crate) const fn range(since: Release, until: Release) -> Versions {
    Versions { since, until: Some(until) }
}

impl Erratum {
    /// Returns whether a version of the product has it.
    #[must_use]
    pub fn is_in(&self, version: Release) -> bool {
        self.versions.iter().any(|range| range.since <= version && range.until.is_none_or(|until| version < until))
    }

    /// Returns whether its cases include this one.
    #[must_use]
    pub fn concerns_case(&self, case: &str) -> bool {
        self.cases.iter().any(|glob| matches(glob, case))
    }

    /// Returns whether failures are excused at all: not those of a defect that leaves nothing to rely on, nor where a run
    /// cannot see whether the defect is there.
    #[must_use]
    pub fn can_excuse(&self) -> bool {
        self.defeats.is_none() && !self.conditions.iter().any(|condition| matches!(condition, Condition::Unseen(_)))
    }
}

/// Compares a name with a pattern in which `*` stands for any text.
pub(crate) fn matches(glob: &str, name: &str) -> bool {
    let Some((start, rest)) = glob.split_once('*') else { return glob == name };
    let Some(name) = name.strip_prefix(start) else { return false };
    (0..=name.len()).filter(|at| name.is_char_boundary(*at)).any(|at| matches(rest, &name[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
