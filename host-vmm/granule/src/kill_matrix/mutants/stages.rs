//! More models for machine-made mutants: kernels and CPUs that differ from the stages in what one rule asks.
//!
//! A hand-written defect is a mistake that somebody would see on a common machine. A machine makes mistakes about any: a kernel
//! right where a rule begins or ends, a CPU that needs its caches cleaned, a host on which there is no MTE.

use kvm_model::Mode;
use kvm_model::contract::Release;
use model_base::Features;

use super::super::{LINUX_6_12, LINUX_7_2, Stage};

/// CTR_EL0.IDC and DIC, of which `max` has both.
const IDC: u64 = 1 << 28;
const DIC: u64 = 1 << 29;
/// ID_AA64PFR1_EL1.MTE_frac: no asynchronous faults.
const MTE_FRAC: u64 = 0xf << 40;

/// The instructions alone (FEAT_MTE).
static MTE1: Features = Features { mte: 1, ..Features::MAX };
static WITHOUT_DIC: Features = Features { ctr: Features::MAX.ctr & !DIC, ..Features::MAX };
static WITHOUT_IDC: Features = Features { ctr: Features::MAX.ctr & !IDC, ..Features::MAX };
static WITHOUT_BOTH: Features = Features { ctr: Features::MAX.ctr & !(IDC | DIC), ..Features::MAX };
static FRAC: Features = Features { pfr1: Features::MAX.pfr1 | MTE_FRAC, ..Features::MAX };

/// The first release of a series.
const fn first(major: u32, minor: u32) -> Release {
    Release::new(major, minor, 0)
}

/// The models, each with what the names of the cases that run on it begin with. Each is opened, too.
pub const ELSEWHERE: &[(Stage, &[&str])] = &[
    // Where there is no MTE, whatever else there is.
    (Stage::new("5.13, max", first(5, 13), &Features::MAX), &[]),
    (Stage::new("6.12, MTE1", LINUX_6_12, &MTE1), &[]),
    (Stage { mode: Mode::Protected, ..Stage::new("6.12 protected, max", LINUX_6_12, &Features::MAX) }, &[]),
    (Stage { mode: Mode::Protected, ..Stage::new("7.2 protected, max", LINUX_7_2, &Features::MAX) }, &[]),
    // Where the contract changes.
    (Stage::new("6.2.0, max", first(6, 2), &Features::MAX), &["kvm.copy-tags.shared", "kvm.backing.", "kvm.stop."]),
    (Stage::new("6.4.0, max", first(6, 4), &Features::MAX), &["kvm.ioctl."]),
    // What ID registers tell of.
    (Stage::new("6.12, CTR_EL0.IDC alone", LINUX_6_12, &WITHOUT_DIC), &["kvm.feature.clidr"]),
    (Stage::new("6.12, CTR_EL0.DIC alone", LINUX_6_12, &WITHOUT_IDC), &["kvm.feature.clidr"]),
    (Stage::new("6.12, neither CTR_EL0.IDC nor DIC", LINUX_6_12, &WITHOUT_BOTH), &["kvm.feature.clidr"]),
    (Stage::new("6.12, MTE_frac", LINUX_6_12, &FRAC), &["kvm.feature.id-"]),
    (Stage::new("7.2, MTE_frac", LINUX_7_2, &FRAC), &["kvm.feature.id-"]),
];
