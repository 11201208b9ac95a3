//! KVM's contract about MTE, by kernel version: one table.
//!
//! What a kernel promises a VMM changed over the years, and stable releases took some of the changes and
//! not others. A [`Rule`] is one yes-or-no property; a row of the table says from which release to which it holds
//! and where that is written. Nothing else in the model compares versions.

mod release;
mod rules;

pub use release::{ParseReleaseError, Release};
pub use rules::{ROWS, Row, Rule};

use crate::kernel::Backing;

/// What one kernel release promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contract {
    release: Release,
}

/// Which rule refuses a kind of memory to a VM with MTE. What is not here is never refused.
const REFUSALS: &[(Backing, Rule)] = &[
    (Backing::Shared, Rule::SharedMemoryRefused),
    (Backing::PrivateFile, Rule::PrivateFileRefused),
    (Backing::Hugetlb, Rule::HugetlbRefused),
    (Backing::Device, Rule::DeviceMemoryRefused),
    (Backing::GuestMemfd, Rule::GuestMemfdRefused),
];

#[mutants::rules]
impl Contract {
    /// Returns the contract of a release.
    #[must_use]
    pub fn for_release(release: Release) -> Self {
        Self { release }
    }

    /// The release.
    #[must_use]
    pub fn release(self) -> Release {
        self.release
    }

    /// Returns whether a rule holds.
    #[must_use]
    pub fn holds(self, rule: Rule) -> bool {
        self.row(rule).is_some()
    }

    /// Returns the row by which a rule holds, with where it is written.
    #[must_use]
    pub fn row(self, rule: Rule) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.rule == rule && row.covers(self.release))
    }

    /// Returns the minor version of PSCI 1 that vCPUs with KVM_ARM_VCPU_PSCI_0_2 have.
    #[must_use]
    pub fn psci_minor(self) -> u64 {
        if self.holds(Rule::Psci13) { 3 } else { u64::from(self.holds(Rule::Psci11)) }
    }

    /// Returns whether KVM_SET_USER_MEMORY_REGION refuses this memory to a VM with MTE (EINVAL).
    #[must_use]
    pub fn refuses(self, memory: Backing) -> bool {
        REFUSALS.iter().any(|(kind, rule)| *kind == memory && self.holds(*rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(release: &str) -> Contract {
        Contract::for_release(release.parse().unwrap())
    }

    /// FACTS.md's table of memory slots, release by release: the kinds that are refused.
    #[test]
    fn memory_is_refused_as_measured_and_read() {
        use Backing::{Anonymous, Device, GuestMemfd, HugePages, Hugetlb, PrivateFile, Shared};
        let all = [Anonymous, HugePages, Shared, PrivateFile, Hugetlb, Device, GuestMemfd];
        let table: &[(&str, &[Backing])] = &[
            ("6.1.192", &[Shared]),
            ("6.2", &[PrivateFile, Device]),
            ("6.12.16", &[PrivateFile, Device]),
            ("6.12.17", &[PrivateFile, Hugetlb, Device]),
            ("6.12", &[PrivateFile, Hugetlb, Device]),
            ("6.13", &[PrivateFile, Device]),
            ("6.17.9", &[PrivateFile, Device]),
            ("6.18", &[PrivateFile, Device, GuestMemfd]),
            ("7.2.13", &[PrivateFile, Device, GuestMemfd]),
        ];
        for (release, refused) in table {
            for memory in all {
                assert_eq!(contract(release).refuses(memory), refused.contains(&memory), "{release} and {memory:?}");
            }
        }
    }

    #[test]
    fn the_ioctl_changed_at_the_releases_named() {
        let table: &[(Rule, &str, &str)] = &[
            (Rule::LengthLimit, "6.3.99", "6.4.0"),
            (Rule::BusyWhileLogging, "6.10.14", "6.11.0"),
            (Rule::FailedStoreClears, "6.1.192", "6.2.0"),
            (Rule::MteFracVisible, "6.15.9", "6.16.0"),
            (Rule::TagFarVisible, "6.16.9", "6.17.0"),
            (Rule::GmidTrappedWithoutMte, "6.19.9", "7.0.0"),
        ];
        for (rule, before, since) in table {
            assert!(!contract(before).holds(*rule), "{rule:?} in {before}");
            assert!(contract(since).holds(*rule), "{rule:?} in {since}");
            assert!(contract("99.0").holds(*rule), "{rule:?} later");
        }
    }

    #[test]
    fn psci_grew_with_the_kernel() {
        for (release, minor) in [("5.14", 0), ("6.1", 1), ("6.12", 1), ("7.3", 3)] {
            assert_eq!(contract(release).psci_minor(), minor, "{release}");
        }
    }

    #[test]
    fn protected_mode_offers_mte_up_to_6_12_only() {
        assert!(!contract("6.12.117").holds(Rule::ProtectedModeRefusesMte));
        assert!(contract("7.2.13").holds(Rule::ProtectedModeRefusesMte));
    }
}
