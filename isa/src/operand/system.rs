//! Operands that are names: system registers, PSTATE fields, data cache operations and barrier options.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::suggest::closest;
use arch::{Arg, Barrier, DataCacheOp, PstateField, SysReg};

/// The system register of MRS or MSR, bits 20:5.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemRegister {
    written: bool,
}

pub(crate) const SYSREG_READ: SystemRegister = SystemRegister { written: false };
pub(crate) const SYSREG_WRITTEN: SystemRegister = SystemRegister { written: true };

impl SystemRegister {
    const SHIFT: u32 = 5;

    pub(crate) const fn mask(self) -> u32 {
        0xffff << Self::SHIFT
    }

    fn allows(self, register: SysReg) -> bool {
        !self.written || register.is_writable()
    }
}

impl Operand for SystemRegister {
    fn expects(&self) -> &'static str {
        "a system register such as gcr_el1"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let register = SysReg::by_encoding((word >> Self::SHIFT) as u16)?;
        self.allows(register).then_some(Arg::SysReg(register))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::SysReg(register) if self.allows(register) => Ok(u32::from(register.encoding()) << Self::SHIFT),
            Arg::SysReg(register) => Err(OperandError::ReadOnly { register }),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        SysReg::ALL.iter().copied().filter(|register| self.allows(*register)).map(Arg::SysReg).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        let known = || SysReg::ALL.iter().map(|register| register.name());
        // `gcr` without its exception level.
        let stem = |known: &str| known.split_once("_el").is_some_and(|(stem, _)| stem.eq_ignore_ascii_case(name));
        SysReg::by_name(name).map(Arg::SysReg).ok_or_else(|| OperandError::UnknownName {
            what: "system register",
            name: name.to_string(),
            suggestion: closest(name, known()).or_else(|| known().find(|known| stem(known))),
        })
    }
}

/// The PSTATE field that MSR (immediate) writes: op1 in bits 18:16, op2 in bits 7:5.
///
/// The width of the value depends on the field, so a row has one field and the operand owns no bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pstate(PstateField);

pub(crate) const PSTATE_TCO: Pstate = Pstate(PstateField::Tco);

impl Pstate {
    pub(crate) const fn mask(self) -> u32 {
        0
    }
}

impl Operand for Pstate {
    fn expects(&self) -> &'static str {
        "a PSTATE field such as tco"
    }

    fn decode(&self, _word: u32) -> Option<Arg> {
        Some(Arg::Pstate(self.0))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        if arg == Arg::Pstate(self.0) { Ok(0) } else { Err(self.wrong_kind(&arg.to_string())) }
    }

    fn samples(&self) -> Vec<Arg> {
        [Arg::Pstate(self.0)].into()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        if name.eq_ignore_ascii_case(self.0.name()) { Ok(Arg::Pstate(self.0)) } else { Err(self.wrong_kind(name)) }
    }
}

/// The operation of DC, bits 18:5 of SYS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DcOp;

pub(crate) const DC_OP: DcOp = DcOp;

impl DcOp {
    const SHIFT: u32 = 5;

    pub(crate) const fn mask(self) -> u32 {
        0x3fff << Self::SHIFT
    }
}

impl Operand for DcOp {
    fn expects(&self) -> &'static str {
        "a data cache operation such as gva"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        DataCacheOp::by_encoding(((word & self.mask()) >> Self::SHIFT) as u16).map(Arg::DataCacheOp)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::DataCacheOp(operation) => Ok(u32::from(operation.encoding()) << Self::SHIFT),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        DataCacheOp::ALL.iter().copied().map(Arg::DataCacheOp).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        DataCacheOp::by_name(name).map(Arg::DataCacheOp).ok_or_else(|| OperandError::UnknownName {
            what: "data cache operation",
            name: name.to_string(),
            suggestion: closest(name, DataCacheOp::ALL.iter().map(|operation| operation.name())),
        })
    }
}

/// The option of a barrier: `CRm`, bits 11:8. ISB has only `sy`, which is usually omitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BarrierOption {
    only_sy: bool,
}

pub(crate) const BARRIER: BarrierOption = BarrierOption { only_sy: false };
pub(crate) const BARRIER_SY: BarrierOption = BarrierOption { only_sy: true };

impl BarrierOption {
    const SHIFT: u32 = 8;

    pub(crate) const fn mask(self) -> u32 {
        0xf << Self::SHIFT
    }

    fn allows(self, option: Barrier) -> bool {
        !self.only_sy || option == Barrier::Sy
    }
}

impl Operand for BarrierOption {
    fn expects(&self) -> &'static str {
        if self.only_sy { "sy or no operand" } else { "a barrier option such as sy or ish" }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let option = Barrier::by_encoding(((word & self.mask()) >> Self::SHIFT) as u8)?;
        self.allows(option).then_some(Arg::Barrier(option))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Barrier(option) if self.allows(option) => Ok(u32::from(option.encoding()) << Self::SHIFT),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        Barrier::ALL.iter().copied().filter(|option| self.allows(*option)).map(Arg::Barrier).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        Barrier::by_name(name).map(Arg::Barrier).ok_or_else(|| self.wrong_kind(name))
    }

    fn default(&self) -> Option<Arg> {
        self.only_sy.then_some(Arg::Barrier(Barrier::Sy))
    }
}
