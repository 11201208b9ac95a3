//! Which instruction signs or authenticates which register, by which key and modifier (Arm ARM C6.2 by instruction name).

use arch::{Arg, Op, Reg};

mutants::defects!();

// SCTLR_EL1.
const ENDB: u64 = 1 << 13;
const ENDA: u64 = 1 << 27;
const ENIB: u64 = 1 << 30;
const ENIA: u64 = 1 << 31;
/// SCTLR_EL1.{EnIA, EnIB, EnDA, EnDB}, which enable the keys of addresses.
pub const ENABLES: u64 = ENIA | ENIB | ENDA | ENDB;

/// The keys of addresses, in the order of their encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// Of instructions, A.
    Ia,
    /// Of instructions, B.
    Ib,
    /// Of data, A.
    Da,
    /// Of data, B.
    Db,
}

#[mutants::rules]
impl KeyName {
    /// Returns the key of an instruction and whether it signs.
    #[must_use]
    pub fn of(op: Op) -> Option<(Self, bool)> {
        Some(match op {
            Op::Pacia | Op::Paciza | Op::Pacia1716 | Op::Paciaz | Op::Paciasp => (Self::Ia, true),
            Op::Pacib | Op::Pacizb | Op::Pacib1716 | Op::Pacibz | Op::Pacibsp => (Self::Ib, true),
            Op::Pacda | Op::Pacdza => (Self::Da, true),
            Op::Pacdb | Op::Pacdzb => (Self::Db, true),
            Op::Autia | Op::Autiza | Op::Autia1716 | Op::Autiaz | Op::Autiasp => (Self::Ia, false),
            Op::Autib | Op::Autizb | Op::Autib1716 | Op::Autibz | Op::Autibsp => (Self::Ib, false),
            Op::Autda | Op::Autdza | Op::Ldraa => (Self::Da, false),
            Op::Autdb | Op::Autdzb | Op::Ldrab => (Self::Db, false),
            _ => return None,
        })
    }

    /// Returns whether it is a key of addresses of data.
    #[must_use]
    pub fn is_of_data(self) -> bool {
        matches!(self, Self::Da | Self::Db)
    }

    /// Returns whether it is one of the keys B.
    #[must_use]
    pub fn is_key_b(self) -> bool {
        matches!(self, Self::Ib | Self::Db)
    }

    /// Returns the field of SCTLR_EL1 that enables it.
    #[must_use]
    pub fn enable(self) -> u64 {
        match self {
            Self::Ia => ENIA,
            Self::Ib => ENIB,
            Self::Da => ENDA,
            Self::Db => ENDB,
        }
    }
}

/// Returns which register an instruction signs or authenticates, and which has the modifier (Arm ARM C6.2 by instruction name).
#[mutants::rules]
#[must_use]
pub fn operands(op: Op, args: &[Arg]) -> (Reg, Reg) {
    match (args, op) {
        (&[Arg::Reg(rd), Arg::Reg(rn)], _) => (rd, rn),
        (&[Arg::Reg(rd), ..], _) => (rd, Reg::XZR),
        (_, Op::Pacia1716 | Op::Pacib1716 | Op::Autia1716 | Op::Autib1716) => (Reg::IP1, Reg::IP0),
        (_, Op::Paciasp | Op::Pacibsp | Op::Autiasp | Op::Autibsp) => (Reg::LINK, Reg::SP),
        _ => (Reg::LINK, Reg::XZR),
    }
}
