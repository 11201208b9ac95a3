//! Register operands: a five-bit field at one of four positions and one of four classes.
//!
//! The names are the manual's: `d` and `t` at bit 0, `n` at bit 5, `t2` and `a` at bit 10, `m` and `s` at bit 16.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use arch::{Arg, Reg, RegClass};

/// A general-purpose register; some may be left out in assembly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gpr {
    shift: u32,
    class: RegClass,
    default: Option<Reg>,
    /// Number 31 is UNDEFINED.
    without_31: bool,
}

const fn gpr(shift: u32, class: RegClass) -> Gpr {
    Gpr { shift, class, default: None, without_31: false }
}

pub(crate) const XD: Gpr = gpr(0, RegClass::X);
pub(crate) const WD: Gpr = gpr(0, RegClass::W);
pub(crate) const XD_SP: Gpr = gpr(0, RegClass::XSp);
pub(crate) const WD_SP: Gpr = gpr(0, RegClass::WSp);
pub(crate) const XT: Gpr = XD;
pub(crate) const WT: Gpr = WD;
pub(crate) const XT_SP: Gpr = XD_SP;
pub(crate) const XT2: Gpr = gpr(10, RegClass::X);
pub(crate) const WT2: Gpr = gpr(10, RegClass::W);
pub(crate) const XN: Gpr = gpr(5, RegClass::X);
pub(crate) const WN: Gpr = gpr(5, RegClass::W);
pub(crate) const XN_SP: Gpr = gpr(5, RegClass::XSp);
pub(crate) const WN_SP: Gpr = gpr(5, RegClass::WSp);
pub(crate) const XM: Gpr = gpr(16, RegClass::X);
pub(crate) const WM: Gpr = gpr(16, RegClass::W);
pub(crate) const XM_SP: Gpr = gpr(16, RegClass::XSp);
pub(crate) const XA: Gpr = XT2;
pub(crate) const WA: Gpr = WT2;
pub(crate) const XS: Gpr = XM;
pub(crate) const WS: Gpr = WM;
/// The second register of LDIAPP and STILP.
pub(crate) const XT2_HIGH: Gpr = XM;
/// See [`XT2_HIGH`].
pub(crate) const WT2_HIGH: Gpr = WM;
/// The registers of a 128-bit atomic (Arm ARM C6.2, LDCLRP).
pub(crate) const XT_LOW: Gpr = Gpr { without_31: true, ..XT };
/// See [`XT_LOW`].
pub(crate) const XT_HIGH: Gpr = Gpr { without_31: true, ..XM };
/// The exclusions of IRG: none if left out.
pub(crate) const XM_OPT: Gpr = Gpr { default: Some(Reg::XZR), ..XM };
/// The target of RET: the link register if left out.
pub(crate) const XN_LINK: Gpr = Gpr { default: Some(Reg::LINK), ..XN };

impl Gpr {
    pub(crate) const fn mask(self) -> u32 {
        0x1f << self.shift
    }
}

impl Operand for Gpr {
    fn expects(&self) -> &'static str {
        match self.class {
            _ if self.without_31 => "a register x0 to x30",
            RegClass::X => "a register x0 to x30 or xzr",
            RegClass::W => "a register w0 to w30 or wzr",
            RegClass::XSp => "a register x0 to x30 or sp",
            RegClass::WSp => "a register w0 to w30 or wsp",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let register = Reg::from_field(word, self.shift, self.class);
        (!self.without_31 || register.index() != Reg::INDEX_31).then_some(Arg::Reg(register))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Reg(register)
                if register.read_as(self.class).is_some()
                    && !(self.without_31 && register.index() == Reg::INDEX_31) =>
            {
                Ok(u32::from(register.index()) << self.shift)
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        let numbers = if self.without_31 { &[0, 1, 30][..] } else { &[0, 1, 30, Reg::INDEX_31] };
        numbers.iter().filter_map(|number| Reg::new(*number, self.class)).map(Arg::Reg).collect()
    }

    fn default(&self) -> Option<Arg> {
        self.default.map(Arg::Reg)
    }
}
