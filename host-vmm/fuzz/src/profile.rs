//! What random programs are made of: the knobs of the generator, and what a machine can take.

use std::sync::Arc;

use abi::mailbox::BootReport;
use errata::avoid::Avoided;
use isa::Feature;
use machine::capability::MachineKind;
use modelled::features;

/// Instructions in a program, all blocks together.
pub const INSTRUCTIONS: usize = 32;

/// What programs may contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Instructions of a program, all its blocks together, 4 at least.
    pub instructions: usize,
    /// vCPUs that programs may use, 1 or 2.
    pub cpus: usize,
    /// Whether tag check faults may be asymmetric (FEAT_MTE3).
    pub asymmetric: bool,
    /// Whether programs may copy and set memory by FEAT_MOPS.
    pub mops: bool,
    /// Whether tag checks may be limited to stores (FEAT_MTE_STORE_ONLY).
    pub store_only: bool,
    /// The vector lengths of SVE, bit n for `16 * (n + 1)` bytes; 0 without FEAT_SVE.
    pub vector_lengths: u64,
    /// Whether programs are about SVE.
    pub scalable: bool,
    /// The streaming vector lengths of SME, likewise; 0 without FEAT_SME.
    pub streaming_lengths: u64,
    /// Whether programs are about SME.
    pub matrix: bool,
    /// A machine is saved and restored in one of so many places where a program could ask for it, 1 at least.
    pub restores: u32,
    /// Whether tag checks may be extended to memory without tags (FEAT_MTE_CANONICAL_TAGS).
    pub extended_checks: bool,
    /// Whether pointers may be signed: the CPU has FEAT_PAuth, by an algorithm that the specification has.
    pub keys: bool,
    /// Features that the CPU has not: what needs them is UNDEFINED, and drawn now and then only.
    pub lacking: Vec<Feature>,
    /// What kind of machine runs the programs.
    pub kind: MachineKind,
    /// Known divergences that programs stay away from.
    pub known: Arc<Avoided>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            instructions: INSTRUCTIONS,
            cpus: 2,
            asymmetric: true,
            mops: true,
            store_only: true,
            vector_lengths: 0xffff,
            scalable: false,
            streaming_lengths: 0xffff,
            matrix: false,
            restores: 1,
            extended_checks: true,
            keys: true,
            lacking: Vec::new(),
            kind: MachineKind::Model,
            known: Arc::default(),
        }
    }
}

impl Profile {
    /// Leaves out what a CPU with this boot report has not (Arm ARM, ID_AA64PFR1_EL1.MTE, ID_AA64ISAR2_EL1.MOPS,
    /// ID_AA64PFR2_EL1.MTESTOREONLY).
    #[must_use]
    pub fn limited_to(self, boot: &BootReport) -> Self {
        let features = features(boot);
        let field = |register: u64, shift: u32| register >> shift & 0xf;
        Self {
            asymmetric: self.asymmetric && field(boot.pfr1, 8) >= 3,
            mops: self.mops && field(boot.isar2, 16) != 0,
            store_only: self.store_only && field(boot.pfr2, 4) != 0,
            vector_lengths: self.vector_lengths & boot.vector_lengths,
            streaming_lengths: self.streaming_lengths & boot.streaming_lengths,
            extended_checks: self.extended_checks && features.has_extended_checks(),
            keys: self.keys && pauth::Scheme::of_addresses(&features).is_some_and(pauth::Scheme::is_disclosed),
            lacking: Feature::ALL.iter().copied().filter(|feature| !features.has(*feature)).collect(),
            ..self
        }
    }
}

impl Profile {
    /// The vector lengths of SVE in bytes, in ascending order.
    pub fn vector_lengths(&self) -> impl Iterator<Item = u16> + use<> {
        machine::vector_lengths(self.vector_lengths)
    }
}

/// Draws one of several things; each has a weight.
pub fn weighted<T: Copy>(rng: &mut fastrand::Rng, choices: &[(u32, T)]) -> T {
    let total: u32 = choices.iter().map(|(weight, _)| weight).sum();
    let mut left = rng.u32(..total.max(1));
    for (weight, choice) in choices {
        match left.checked_sub(*weight) {
            Some(rest) => left = rest,
            None => return *choice,
        }
    }
    choices[0].1
}

/// Returns whether something happens that happens once in `n` times.
pub fn one_in(rng: &mut fastrand::Rng, n: u32) -> bool {
    rng.u32(..n) == 0
}
