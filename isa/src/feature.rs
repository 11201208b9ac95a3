//! Architectural features of which a field of an ID register says whether instructions exist, and that not every machine has.

use core::fmt;

/// Defines [`Feature`], its list and its names.
macro_rules! features {
    ($( $(#[$doc:meta])* $feature:ident $name:literal )*) => {
        /// A feature that instructions of the table need ([`Row::feature`](crate::Row::feature)). Without it they are
        /// UNDEFINED.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Feature {
            $( $(#[$doc])* $feature, )*
        }

        impl Feature {
            /// All features, in the order of the list.
            pub const ALL: &[Self] = &[$( Self::$feature, )*];

            /// Returns Arm's name, such as `FEAT_LSE128`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$feature => $name, )*
                }
            }
        }
    };
}

features! {
    /// 128-bit atomics (ID_AA64ISAR0_EL1.Atomic is 3).
    Lse128 "FEAT_LSE128"
    /// Acquire and release with writeback, of pairs and of SIMD&FP registers (ID_AA64ISAR1_EL1.LRCPC is 3).
    Lrcpc3 "FEAT_LRCPC3"
    /// 64-byte loads and stores (ID_AA64ISAR1_EL1.LS64 is 1 or more).
    Ls64 "FEAT_LS64"
    /// 64-byte stores with a status (ID_AA64ISAR1_EL1.LS64 is 2 or more).
    Ls64V "FEAT_LS64_V"
    /// 64-byte stores of ACCDATA_EL1 (ID_AA64ISAR1_EL1.LS64 is 3).
    Ls64Accdata "FEAT_LS64_ACCDATA"
    /// Read-check-write atomics (ID_AA64PFR1_EL1.THE).
    The "FEAT_THE"
    /// Guarded control stacks (ID_AA64PFR1_EL1.GCS).
    Gcs "FEAT_GCS"
    /// Unprivileged atomics, exclusives and pairs (ID_AA64ISAR3_EL1.LSUI).
    Lsui "FEAT_LSUI"
    /// Floating-point atomics (ID_AA64ISAR3_EL1.LSFE).
    Lsfe "FEAT_LSFE"
}

impl Feature {
    /// The features whose instructions no machine executed that granule was measured on (QEMU up to 11.1 and its KVM). Their
    /// rules are Arm's text read once, and no comparison has confirmed more than that they are UNDEFINED without the
    /// feature.
    pub const UNCONFIRMED: &[Self] =
        &[Self::Lrcpc3, Self::Ls64, Self::Ls64V, Self::Ls64Accdata, Self::The, Self::Lsui, Self::Lsfe];

    /// Returns whether no comparison with a machine has confirmed the rules of its instructions ([`Self::UNCONFIRMED`]).
    #[must_use]
    pub fn is_unconfirmed(self) -> bool {
        Self::UNCONFIRMED.contains(&self)
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
