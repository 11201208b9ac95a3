//! Defects: realistic ways in which a CPU, a hypervisor or a VMM goes wrong.
//!
//! A defect is data beside the rule that it breaks: a module declares its own with [`crate::defects!`], and the
//! rule asks [`Injected::is`] where it would go wrong. A model has at most one at a time. The suite
//! must have a case that each of them turns red, or it proves nothing about that rule.

use std::fmt;

/// A way to go wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Defect {
    /// `rule.mistake`, such as `st2g.first-granule-only`.
    pub name: &'static str,
    /// What goes wrong, as a sentence without its full stop.
    pub what: &'static str,
}

/// Declares defects, and `DEFECTS`, the list of a module's own.
#[macro_export]
macro_rules! defects {
    ($( $id:ident $name:literal $what:literal; )*) => {
        $( #[doc = $what] pub static $id: $crate::defect::Defect = $crate::defect::Defect { name: $name, what: $what }; )*
        /// The defects of this module's rules.
        pub static DEFECTS: &[&$crate::defect::Defect] = &[$( &$id ),*];
    };
}

/// Lists every defect of the CPU, the firmware and the kernel.
pub fn all() -> impl Iterator<Item = &'static Defect> {
    crate::cpu::defects().chain(crate::firmware::defects()).chain(crate::kvm::defects())
}

/// The defect that a model has, if any.
#[derive(Clone, Copy, Default)]
pub struct Injected(Option<&'static Defect>);

impl Injected {
    /// No defect: the specification itself.
    pub const NONE: Self = Self(None);

    /// Exactly this one.
    #[must_use]
    pub const fn only(defect: &'static Defect) -> Self {
        Self(Some(defect))
    }

    /// Tells whether the model has this defect.
    #[must_use]
    pub fn is(self, defect: &'static Defect) -> bool {
        self.0.is_some_and(|injected| std::ptr::eq(injected, defect))
    }
}

impl fmt::Debug for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.map_or("none", |defect| defect.name))
    }
}
