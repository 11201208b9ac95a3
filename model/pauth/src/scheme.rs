//! How a CPU signs: the algorithm and the level, as ID_AA64ISAR1_EL1 and ID_AA64ISAR2_EL1 tell.

use model_base::Features;

use crate::{emulated, qarma};

mutants::defects!();

/// A key: APIAKeyHi_EL1 and APIAKeyLo_EL1 or their like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// Bits 63:0.
    pub lo: u64,
    /// Bits 127:64.
    pub hi: u64,
}

/// How a code is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// FEAT_PACQARMA5.
    Qarma5,
    /// FEAT_PACQARMA3.
    Qarma3,
    /// FEAT_PACIMP as QEMU has it.
    Emulated,
    /// FEAT_PACIMP of a CPU that says nothing of how.
    Undisclosed,
}

/// How a CPU signs addresses, or data (PACGA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    pub(crate) algorithm: Algorithm,
    /// The value of the ID register's field: 1 FEAT_PAuth, 2 FEAT_EPAC, 3 FEAT_PAuth2, 4 FEAT_FPAC, 5 FEAT_FPACCOMBINE.
    pub(crate) level: u8,
    /// FEAT_CONSTPACFIELD: bit 55 alone says where a code is.
    pub(crate) constant_field: bool,
}

#[mutants::rules]
fn field(register: u64, shift: u32) -> u8 {
    (register >> shift & 0xf) as u8
}

/// MIDR_EL1.Implementer.
const IMPLEMENTER_SHIFT: u32 = 24;
/// Arm, and software.
const IMPLEMENTERS_OF_QEMU: [u64; 2] = [0x41, 0];

#[mutants::rules]
impl Scheme {
    /// How addresses are signed: ID_AA64ISAR1_EL1.APA and API, ID_AA64ISAR2_EL1.APA3; `None` without FEAT_PAuth.
    #[must_use]
    pub fn of_addresses(features: &Features) -> Option<Self> {
        let isar2 = features.id_aa64isar2();
        Self::of(features, field(features.isar1, 4), field(features.isar1, 8), field(isar2, 12))
    }

    /// How PACGA computes a code: ID_AA64ISAR1_EL1.GPA and GPI, ID_AA64ISAR2_EL1.GPA3; `None` without it.
    #[must_use]
    pub fn of_data(features: &Features) -> Option<Self> {
        let isar2 = features.id_aa64isar2();
        Self::of(features, field(features.isar1, 24), field(features.isar1, 28), field(isar2, 8))
    }

    /// At most one of the three fields is not 0 (Arm ARM, ID_AA64ISAR1_EL1.APA). Of an algorithm of its own only that of QEMU is
    /// known, by its source. QEMU's own CPU has the implementer 0, and where it stands in for one of Arm's, the only others that
    /// it has with FEAT_PAuth, it has its own algorithm as well; Arm's have an architected one.
    fn of(features: &Features, qarma5: u8, own: u8, qarma3: u8) -> Option<Self> {
        let algorithm = match (qarma5, own, qarma3) {
            (0, 0, 0) => return None,
            (1.., ..) => Algorithm::Qarma5,
            (_, _, 1..) => Algorithm::Qarma3,
            _ if IMPLEMENTERS_OF_QEMU.contains(&(features.midr >> IMPLEMENTER_SHIFT)) => Algorithm::Emulated,
            _ => Algorithm::Undisclosed,
        };
        let constant_field = field(features.id_aa64isar2(), 24) != 0;
        Some(Self { algorithm, level: qarma5 | own | qarma3, constant_field })
    }

    /// Returns whether it is known how codes are computed.
    #[must_use]
    pub fn is_disclosed(self) -> bool {
        self.algorithm != Algorithm::Undisclosed
    }

    /// Returns a code of 64 bits (pseudocode `ComputePAC`); `None` if it is not known how.
    #[must_use]
    pub fn code(self, data: u64, modifier: u64, key: Key) -> Option<u64> {
        let qarma = |variant| qarma::encrypted(variant, data, modifier, key.hi, key.lo);
        match self.algorithm {
            Algorithm::Qarma5 => Some(qarma(qarma::QARMA5)),
            Algorithm::Qarma3 => Some(qarma(qarma::QARMA3)),
            Algorithm::Emulated => Some(emulated::hashed([data, modifier, key.lo, key.hi])),
            Algorithm::Undisclosed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// APA, API, APA3, GPA, GPI, GPA3 with these values.
    fn with(address: [u64; 3], data: [u64; 3], midr: u64) -> Features {
        let isar1 = address[0] << 4 | address[1] << 8 | data[0] << 24 | data[1] << 28;
        Features { isar1, isar2: address[2] << 12 | data[2] << 8, midr, ..Features::MAX }
    }

    #[test]
    fn id_registers_name_the_algorithm_and_the_level() {
        let (qemu, arm, other) = (0x000f_0510, 0x410f_d493, 0x611f_0220);
        for (fields, midr, expected) in [
            ([0, 0, 0], qemu, None),
            ([5, 0, 0], other, Some((Algorithm::Qarma5, 5))),
            ([0, 0, 3], arm, Some((Algorithm::Qarma3, 3))),
            ([0, 1, 0], qemu, Some((Algorithm::Emulated, 1))),
            ([0, 5, 0], arm, Some((Algorithm::Emulated, 5))),
            ([0, 4, 0], other, Some((Algorithm::Undisclosed, 4))),
        ] {
            let found = |scheme: Option<Scheme>| scheme.map(|scheme| (scheme.algorithm, scheme.level));
            assert_eq!(found(Scheme::of_addresses(&with(fields, [0; 3], midr))), expected);
            assert_eq!(found(Scheme::of_data(&with([0; 3], fields, midr))), expected);
        }
        let constant = Features { isar2: 1 << 24, ..with([3, 0, 0], [0; 3], arm) };
        assert!(Scheme::of_addresses(&constant).unwrap().constant_field);
    }

    /// The vector of the paper, and for what it has no vector what QEMU 10 computes (`pauth-qarma3=on`, `pauth-impdef=on`).
    #[test]
    fn codes_are_those_that_others_compute() {
        let key = Key { lo: 0xec28_02d4_e0a4_88e9, hi: 0x84be_85ce_9804_e94b };
        let code = |fields| {
            let scheme = Scheme::of_data(&with([0; 3], fields, 0)).unwrap();
            scheme.code(0xfb62_3599_da6e_8127, 0x477d_469d_ec0b_8762, key).unwrap() >> 32
        };
        assert_eq!(code([1, 0, 0]), 0xc003_b939);
        assert_eq!(code([0, 0, 1]), 0xc8b7_fdc1);
        assert_eq!(code([0, 1, 0]), 0x3f52_a542);
    }
}
