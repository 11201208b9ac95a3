//! The operation of a prefetch: type, target cache level and policy.

use core::fmt;

/// A prefetch operation, five bits (Arm ARM C6.2, PRFM). It is a hint: it never faults and may have no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefetch(u8);

impl Prefetch {
    const KINDS: [&str; 3] = ["pld", "pli", "pst"];
    /// The levels of cache, and the system level cache (FEAT_PRFMSLC).
    const TARGETS: [&str; 4] = ["l1", "l2", "l3", "slc"];
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

    /// Returns the type, target and policy, or `None` for the operations without a name.
    fn parts(self) -> Option<(&'static str, &'static str, &'static str)> {
        let kind = Self::KINDS.get(usize::from(self.0 >> 3))?;
        Some((kind, Self::TARGETS[usize::from(self.0 >> 1 & 3)], Self::POLICIES[usize::from(self.0 & 1)]))
    }

    /// Finds an operation by its name, such as `pldl1keep`, ignoring case.
    pub fn by_name(name: &str) -> Option<Self> {
        (0..32).map(Self).find(|operation| {
            operation.parts().is_some_and(|parts| {
                let named = [parts.0, parts.1, parts.2].into_iter().try_fold(name, |rest, part| {
                    rest.get(..part.len()).filter(|start| start.eq_ignore_ascii_case(part)).and(rest.get(part.len()..))
                });
                named == Some("")
            })
        })
    }
}

impl fmt::Display for Prefetch {
    /// Writes the name, and the number of the operations without one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            Some((kind, target, policy)) => write!(f, "{kind}{target}{policy}"),
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
        assert_eq!(named.clone().count(), 24);
        assert_eq!(Prefetch::by_name("PLDSLCKEEP"), Some(Prefetch(6)));
        for operation in named {
            assert_eq!(Prefetch::by_name(&operation.to_string().to_uppercase()), Some(operation));
        }
        assert_eq!((Prefetch(6).to_string().as_str(), Prefetch(31).to_string().as_str()), ("pldslckeep", "#0x1f"));
        assert_eq!(Prefetch::by_name("pldl4keep"), None);
    }
}
