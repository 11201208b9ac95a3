//! General-purpose registers as operands: a register number and how the instruction interprets it.

use core::fmt;

/// How an instruction interprets a five-bit register number (Arm ARM C1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegClass {
    /// 64 bits; register 31 is the zero register `xzr`.
    X,
    /// 32 bits; register 31 is the zero register `wzr`.
    W,
    /// 64 bits; register 31 is the stack pointer `sp`.
    XSp,
    /// 32 bits; register 31 is the stack pointer `wsp`.
    WSp,
}

impl RegClass {
    /// Returns the width in bits, 32 or 64.
    #[must_use]
    pub const fn width(self) -> u32 {
        match self {
            Self::X | Self::XSp => 64,
            Self::W | Self::WSp => 32,
        }
    }

    /// Returns whether register 31 is the stack pointer rather than the zero register.
    #[must_use]
    pub const fn has_sp(self) -> bool {
        matches!(self, Self::XSp | Self::WSp)
    }
}

/// A general-purpose register, the stack pointer or the zero register.
///
/// ```
/// use arch::{Reg, RegClass};
/// assert_eq!(Reg::x(5).unwrap().to_string(), "x5");
/// assert_eq!(Reg::new(31, RegClass::W), Some(Reg::WZR));
/// assert_eq!(Reg::new(31, RegClass::XSp), Some(Reg::SP));
/// assert_eq!(Reg::x(31), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reg {
    index: u8,
    class: RegClass,
}

impl Reg {
    /// The number of the zero register or the stack pointer, depending on the class.
    pub const INDEX_31: u8 = 31;

    /// The stack pointer.
    pub const SP: Self = Self { index: Self::INDEX_31, class: RegClass::XSp };

    /// The 64-bit zero register.
    pub const XZR: Self = Self { index: Self::INDEX_31, class: RegClass::X };

    /// `x16`: the modifier of PACIA1716 and its like.
    pub const IP0: Self = Self { index: 16, class: RegClass::X };

    /// `x17`: the pointer of PACIA1716 and its like.
    pub const IP1: Self = Self { index: 17, class: RegClass::X };

    /// The link register, `x30`: the return address of BL and BLR.
    pub const LINK: Self = Self { index: 30, class: RegClass::X };

    /// The 32-bit zero register.
    pub const WZR: Self = Self { index: Self::INDEX_31, class: RegClass::W };

    /// Creates register `index` of `class`. Returns `None` if `index` is above 31.
    #[must_use]
    pub const fn new(index: u8, class: RegClass) -> Option<Self> {
        if index <= Self::INDEX_31 { Some(Self { index, class }) } else { None }
    }

    /// Creates `x0` to `x30`. Returns `None` if `index` is above 30.
    #[must_use]
    pub const fn x(index: u8) -> Option<Self> {
        if index < Self::INDEX_31 { Some(Self { index, class: RegClass::X }) } else { None }
    }

    /// Creates a register from the five-bit field at bit `shift` of an instruction word.
    pub const fn from_field(word: u32, shift: u32, class: RegClass) -> Self {
        Self { index: (word >> shift & 0x1f) as u8, class }
    }

    /// Returns the register number, 0 to 31.
    #[must_use]
    pub const fn index(self) -> u8 {
        self.index
    }

    /// Returns how the instruction interprets the register number.
    #[must_use]
    pub const fn class(self) -> RegClass {
        self.class
    }

    /// Returns whether this is the stack pointer.
    #[must_use]
    pub const fn is_sp(self) -> bool {
        self.index == Self::INDEX_31 && self.class.has_sp()
    }

    /// Returns whether this is the zero register, which reads as 0 and ignores writes.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.index == Self::INDEX_31 && !self.class.has_sp()
    }

    /// The names that are not a letter and a number: those of register 31, and those of the procedure call standard (AAPCS64,
    /// 6.1.1) that GNU as knows.
    const NAMES: [(&str, Self); 8] = [
        ("sp", Self::SP),
        ("wsp", Self { index: Self::INDEX_31, class: RegClass::WSp }),
        ("xzr", Self::XZR),
        ("wzr", Self::WZR),
        ("lr", Self::LINK),
        ("fp", Self { index: 29, class: RegClass::X }),
        ("ip0", Self { index: 16, class: RegClass::X }),
        ("ip1", Self { index: 17, class: RegClass::X }),
    ];

    /// Parses `x5`, `w30`, `sp`, `wsp`, `xzr`, `wzr`, `lr`, `fp`, `ip0` or `ip1`, ignoring case. The class of `x5` is
    /// [`RegClass::X`].
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((_, register)) = Self::NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)) {
            return Some(*register);
        }
        let class = match *text.as_bytes().first()? {
            b'x' | b'X' => RegClass::X,
            b'w' | b'W' => RegClass::W,
            _ => return None,
        };
        let digits = text.get(1..)?;
        let canonical =
            digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
        match digits.parse() {
            Ok(index) if canonical && index < Self::INDEX_31 => Some(Self { index, class }),
            _ => None,
        }
    }

    /// Returns the register as `class`, if the text that `self` was parsed from can also name that.
    pub fn read_as(self, class: RegClass) -> Option<Self> {
        let same_class = self.class == class;
        let plain = self.index != Self::INDEX_31 && self.class.width() == class.width();
        (same_class || plain).then_some(Self { index: self.index, class })
    }

    /// Returns the W register that is the low half of an X register.
    pub fn narrowed(self) -> Option<Self> {
        (self.class == RegClass::X).then_some(Self { class: RegClass::W, ..self })
    }

    /// Returns the X register whose low half is this W register.
    pub fn widened(self) -> Option<Self> {
        (self.class == RegClass::W).then_some(Self { class: RegClass::X, ..self })
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.class, self.index) {
            (RegClass::XSp, Self::INDEX_31) => f.write_str("sp"),
            (RegClass::WSp, Self::INDEX_31) => f.write_str("wsp"),
            (RegClass::X, Self::INDEX_31) => f.write_str("xzr"),
            (RegClass::W, Self::INDEX_31) => f.write_str("wzr"),
            (RegClass::X | RegClass::XSp, index) => write!(f, "x{index}"),
            (RegClass::W | RegClass::WSp, index) => write!(f, "w{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn every_register_parses_as_printed() {
        for class in [RegClass::X, RegClass::W, RegClass::XSp, RegClass::WSp] {
            for index in 0..=31 {
                let register = Reg::new(index, class).unwrap();
                let parsed = Reg::parse(&register.to_string()).unwrap();
                assert_eq!(parsed.read_as(class), Some(register));
            }
        }
    }

    #[test]
    fn names_of_the_procedure_call_standard_are_known() {
        for (name, number) in [("lr", "x30"), ("FP", "x29"), ("ip0", "x16"), ("ip1", "x17")] {
            assert_eq!(Reg::parse(name), Reg::parse(number), "{name}");
        }
    }

    #[test]
    fn invalid_register_names_are_rejected() {
        for text in ["", "x", "x31", "x05", "x+1", "x255", "x256", "y1", "w-1", "ž1"] {
            assert_eq!(Reg::parse(text), None, "{text}");
        }
        assert_eq!(Reg::SP.read_as(RegClass::X), None);
        assert_eq!(Reg::XZR.read_as(RegClass::XSp), None);
        assert_eq!(Reg::new(32, RegClass::X), None);
    }
}
