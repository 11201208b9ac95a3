//! Registers and fields that an expectation can be about.

use std::fmt;

use abi::mailbox::SysReg;

use super::super::observation::StepObservation;
use machine::Trace;

/// A register of up to 64 bits, or a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// x0 to x30.
    X(usize),
    /// The stack pointer.
    Sp,
    /// PSTATE.{N, Z, C, V}, from bit 3 to bit 0.
    Nzcv,
    /// PSTATE.TCO.
    Tco,
    /// A system register.
    Register(SysReg),
    /// A field of one: a place in [`FIELDS`].
    Field(usize),
}

/// A register of more than 64 bits, or a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WidePlace {
    /// v0 to v31.
    V(usize),
    /// z0 to z31.
    Z(usize),
    /// p0 to p15.
    P(usize),
    /// FFR.
    Ffr,
}

/// Fields of the registers that a block can read back.
pub static FIELDS: &[(&str, SysReg, u32, u32)] = &[
    ("gcr_el1.exclude", SysReg::Gcr, 0, 16),
    ("gcr_el1.rrnd", SysReg::Gcr, 16, 1),
    ("rgsr_el1.tag", SysReg::Rgsr, 0, 4),
    ("rgsr_el1.seed", SysReg::Rgsr, 8, 16),
    ("tfsr_el1.tf0", SysReg::Tfsr, 0, 1),
    ("tfsr_el1.tf1", SysReg::Tfsr, 1, 1),
    ("tfsre0_el1.tf0", SysReg::Tfsre0, 0, 1),
    ("tfsre0_el1.tf1", SysReg::Tfsre0, 1, 1),
];

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X(n) => write!(f, "x{n}"),
            Self::Sp => f.write_str("sp"),
            Self::Nzcv => f.write_str("nzcv"),
            Self::Tco => f.write_str("tco"),
            Self::Register(register) => f.write_str(register.name()),
            Self::Field(index) => f.write_str(FIELDS[*index].0),
        }
    }
}

impl fmt::Display for WidePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V(n) => write!(f, "v{n}"),
            Self::Z(n) => write!(f, "z{n}"),
            Self::P(n) => write!(f, "p{n}"),
            Self::Ffr => f.write_str("ffr"),
        }
    }
}

impl Place {
    /// Returns what a trace has there.
    pub(super) fn of(self, trace: &Trace) -> u64 {
        match self {
            Self::X(n) => trace.x[n],
            Self::Sp => trace.sp,
            Self::Nzcv => trace.pstate >> 28 & 0xf,
            Self::Tco => trace.pstate >> 25 & 1,
            Self::Register(register) => trace.sys(register),
            Self::Field(index) => {
                let (_, register, shift, width) = FIELDS[index];
                trace.sys(register) >> shift & ((1 << width) - 1)
            }
        }
    }

    /// Returns whether the architecture leaves it UNKNOWN.
    #[must_use]
    pub fn is_unknown(self, seen: &StepObservation) -> bool {
        match self {
            Self::X(n) => seen.unknown_x >> n & 1 == 1,
            Self::Sp => seen.unknown_x >> 31 & 1 == 1,
            Self::Nzcv | Self::Tco => false,
            Self::Register(register) => seen.unknown.contains(&register),
            Self::Field(index) => seen.unknown.contains(&FIELDS[index].1),
        }
    }
}

impl WidePlace {
    /// Returns its bytes, if the block shows them.
    pub(super) fn of(self, trace: &Trace) -> Option<Vec<u8>> {
        let scalable = trace.scalable.as_ref();
        match self {
            Self::V(n) => trace.v.as_ref().map(|v| v[n].iter().flat_map(|half| half.to_le_bytes()).collect()),
            Self::Z(n) => scalable.map(|values| values.z(n).to_vec()),
            Self::P(n) => scalable.map(|values| values.p(n).to_vec()),
            Self::Ffr => scalable.map(|values| values.ffr().to_vec()),
        }
    }

    /// Returns whether the architecture leaves it UNKNOWN.
    pub(super) fn is_unknown(self, seen: &StepObservation) -> bool {
        match self {
            Self::V(n) | Self::Z(n) => seen.unknown_v >> n & 1 == 1,
            Self::P(n) => seen.unknown_p >> n & 1 == 1,
            Self::Ffr => seen.unknown_p >> 16 & 1 == 1,
        }
    }
}
