//! The operation of a prefetch: type, target cache level and policy.

use core::fmt;

/// A prefetch operation, five bits (Arm ARM C6.2, PRFM). It is a hint: it never faults and may have no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefetch(u8);

impl Prefetch {
    const KINDS: [&str; 3] = ["pld", "pli", "pst"];
    const POLICIES: [&str; 2] = ["keep", "strm"];

    /// Creates the operation from its five bits. Returns `None` if `bits` is above 31.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if bits < 32 { Some(Self(bits)) } else { None }
    }

    /// Returns the five bits, 0 to 31.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Returns the type, level and policy, or `None` for the operations without a name.
    fn parts(self) -> Option<(&'static str, u8, &'static str)> {
        let kind = Self::KINDS.get(usize::from(self.0 >> 3))?;
        let level = (self.0 >> 1 & 3) + 1;
        (level < 4).then_some((kind, level, Self::POLICIES[usize::from(self.0 & 1)]))
    }

    /// Finds an operation by its name, such as `pldl1keep`, ignoring case.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        (0..32).map(Self).find(|operation| {
            operation.parts().is_some_and(|(kind, level, policy)| {
                let rest = name.get(..3).filter(|start| start.eq_ignore_ascii_case(kind)).and(name.get(3..));
                let rest = rest.and_then(|rest| rest.strip_prefix(['l', 'L']));
                let rest = rest.and_then(|rest| rest.strip_prefix(char::from(b'0' + level)));
                rest.is_some_and(|rest| rest.eq_ignore_ascii_case(policy))
            })
        })
    }
}

impl fmt::Display for Prefetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            Some((kind, level, policy)) => write!(f, "{kind}l{level}{policy}"),
            None => write!(f, "#{:#04x}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn every_named_operation_is_found_again() {
        let named = (0..32).map(Prefetch).filter(|operation| operation.parts().is_some());
        assert_eq!(named.clone().count(), 18);
        for operation in named {
            assert_eq!(Prefetch::by_name(&operation.to_string().to_uppercase()), Some(operation));
        }
        assert_eq!(Prefetch(6).to_string(), "#0x06");
        assert_eq!(Prefetch::by_name("pldl4keep"), None);
    }
}
