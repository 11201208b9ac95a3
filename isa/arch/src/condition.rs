//! The sixteen condition codes.

use core::fmt;

/// A condition code, in the order of its encoding (Arm ARM C1.2.4).
///
/// ```
/// use arch::Condition;
/// let (n, z, c, v) = (8, 4, 2, 1);
/// assert!(Condition::Hi.holds(c) && !Condition::Hi.holds(c | z));
/// assert!(Condition::Lt.holds(n) && !Condition::Lt.holds(n | v));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Condition {
    /// Equal: Z is 1.
    Eq,
    /// Not equal: Z is 0.
    Ne,
    /// Carry set, unsigned higher or same (`hs`): C is 1.
    Cs,
    /// Carry clear, unsigned lower (`lo`): C is 0.
    Cc,
    /// Minus: N is 1.
    Mi,
    /// Plus or zero: N is 0.
    Pl,
    /// Overflow: V is 1.
    Vs,
    /// No overflow: V is 0.
    Vc,
    /// Unsigned higher: C is 1 and Z is 0.
    Hi,
    /// Unsigned lower or same: C is 0 or Z is 1.
    Ls,
    /// Signed greater or equal: N equals V.
    Ge,
    /// Signed less: N differs from V.
    Lt,
    /// Signed greater: Z is 0 and N equals V.
    Gt,
    /// Signed less or equal: Z is 1 or N differs from V.
    Le,
    /// Always.
    Al,
    /// Always: the encoding 0b1111 does not mean "never".
    Nv,
}

impl Condition {
    /// All conditions, indexed by encoding.
    pub const ALL: [Self; 16] = [
        Self::Eq,
        Self::Ne,
        Self::Cs,
        Self::Cc,
        Self::Mi,
        Self::Pl,
        Self::Vs,
        Self::Vc,
        Self::Hi,
        Self::Ls,
        Self::Ge,
        Self::Lt,
        Self::Gt,
        Self::Le,
        Self::Al,
        Self::Nv,
    ];

    const NAMES: [&str; 16] =
        ["eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"];

    /// Returns the name in assembly, such as `eq`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Returns the four-bit encoding.
    #[must_use]
    pub const fn encoding(self) -> u8 {
        self as u8
    }

    /// Finds a condition by its name, or by its alias `hs` or `lo`, ignoring case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            _ if name.eq_ignore_ascii_case("hs") => Some(Self::Cs),
            _ if name.eq_ignore_ascii_case("lo") => Some(Self::Cc),
            _ => Self::ALL.into_iter().find(|condition| condition.name().eq_ignore_ascii_case(name)),
        }
    }

    /// Returns whether the condition holds for the flags N, Z, C, V in bits 3:0 (Arm ARM, `ConditionHolds`).
    #[must_use]
    pub const fn holds(self, nzcv: u8) -> bool {
        let (n, z, c, v) = (nzcv & 8 != 0, nzcv & 4 != 0, nzcv & 2 != 0, nzcv & 1 != 0);
        match self {
            Self::Eq => z,
            Self::Ne => !z,
            Self::Cs => c,
            Self::Cc => !c,
            Self::Mi => n,
            Self::Pl => !n,
            Self::Vs => v,
            Self::Vc => !v,
            Self::Hi => c && !z,
            Self::Ls => !c || z,
            Self::Ge => n == v,
            Self::Lt => n != v,
            Self::Gt => !z && n == v,
            Self::Le => z || n != v,
            Self::Al | Self::Nv => true,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_0_inverts_every_condition_but_always() {
        for nzcv in 0..16 {
            for pair in Condition::ALL[..14].chunks(2) {
                assert_ne!(pair[0].holds(nzcv), pair[1].holds(nzcv), "{} {} {nzcv:04b}", pair[0], pair[1]);
            }
            assert!(Condition::Al.holds(nzcv) && Condition::Nv.holds(nzcv));
        }
    }

    #[test]
    fn the_list_is_indexed_by_encoding() {
        for (encoding, condition) in (0..).zip(Condition::ALL) {
            assert_eq!(condition.encoding(), encoding);
            assert_eq!(Condition::by_name(condition.name()), Some(condition));
        }
        assert_eq!(Condition::by_name("HS"), Some(Condition::Cs));
    }
}
