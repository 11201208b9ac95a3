//! Architectural features of which a field of an ID register says whether instructions exist, and that not every machine has.

use core::fmt;

use arch::SysReg;

/// Defines [`Feature`], its list, names and fields: ID register, lowest bit, least value.
macro_rules! features {
    ($( $(#[$doc:meta])* $feature:ident $name:literal $register:ident $shift:literal $least:literal; )*) => {
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

            /// Returns the ID register whose field says whether a CPU has it, and the lowest of the field's four bits.
            #[must_use]
            pub const fn field(self) -> (SysReg, u32) {
                match self {
                    $( Self::$feature => (SysReg::$register, $shift), )*
                }
            }

            /// Returns the least value of the field with which a CPU has it.
            #[must_use]
            pub const fn least(self) -> u64 {
                match self {
                    $( Self::$feature => $least, )*
                }
            }
        }
    };
}

features! {
    /// 128-bit atomics.
    Lse128 "FEAT_LSE128" IdAa64isar0El1 20 3;
    /// Acquire and release with writeback, of pairs and of SIMD&FP registers.
    Lrcpc3 "FEAT_LRCPC3" IdAa64isar1El1 20 3;
    /// 64-byte loads and stores.
    Ls64 "FEAT_LS64" IdAa64isar1El1 60 1;
    /// 64-byte stores with a status.
    Ls64V "FEAT_LS64_V" IdAa64isar1El1 60 2;
    /// 64-byte stores of ACCDATA_EL1.
    Ls64Accdata "FEAT_LS64_ACCDATA" IdAa64isar1El1 60 3;
    /// Read-check-write atomics.
    The "FEAT_THE" IdAa64pfr1El1 48 1;
    /// Guarded control stacks.
    Gcs "FEAT_GCS" IdAa64pfr1El1 44 1;
    /// Unprivileged atomics, exclusives and pairs.
    Lsui "FEAT_LSUI" IdAa64isar3El1 24 1;
    /// Floating-point atomics.
    Lsfe "FEAT_LSFE" IdAa64isar3El1 16 1;
}

impl Feature {
    /// The features whose instructions no machine executed that granule was measured on (QEMU up to 11.1 and its KVM). Their
    /// rules are Arm's text read once, and no comparison has confirmed more than that they are UNDEFINED without the
    /// feature.
    pub const UNCONFIRMED: &[Self] =
        &[Self::Lrcpc3, Self::Ls64, Self::Ls64V, Self::Ls64Accdata, Self::The, Self::Lsui, Self::Lsfe];

    /// Returns whether a CPU has it, by the value that [`Self::field`]'s register has there.
    #[must_use]
    pub const fn is_in(self, register: u64) -> bool {
        register >> self.field().1 & 0xf >= self.least()
    }

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
