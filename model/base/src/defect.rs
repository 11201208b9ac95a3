//! Defects: realistic ways in which a CPU, a hypervisor or a VMM goes wrong.
//!
//! A defect is data beside the rules that it breaks: `check.defects` holds those of `check.rs`, and [`mutants::rules`] puts
//! them in. At most one is active in a thread at a time ([`activate`]). The suite must have a case that each of them
//! turns red, or it proves nothing about that rule.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

/// A way to go wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Defect {
    /// `rule.mistake`, such as `st2g.first-granule-only`.
    pub name: &'static str,
    /// What goes wrong, as a sentence without its full stop.
    pub what: &'static str,
    /// What rules compare: a hash of the name, narrow enough to be an operand of one instruction.
    id: u32,
}

impl Defect {
    /// Returns its number, which is not 0.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Declares a defect.
    #[must_use]
    pub const fn new(name: &'static str, what: &'static str) -> Self {
        Self { name, what, id: id(name) }
    }
}

/// FNV-1a, as in `mutants::defects`.
const fn id(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut hash = 0x811c_9dc5;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

thread_local! {
    /// The active defect; 0 for none.
    static ACTIVE: Cell<u32> = const { Cell::new(0) };
}

/// Returns whether the defect of this number is active in this thread.
#[inline]
#[must_use]
pub fn is_active(id: u32) -> bool {
    ACTIVE.get() == id
}

/// Makes a defect the active one of this thread, or with `None` the specification unbroken, until the result is dropped.
#[must_use]
pub fn activate(defect: Option<&Defect>) -> Active {
    Active { before: ACTIVE.replace(defect.map_or(0, |defect| defect.id)), thread: PhantomData }
}

/// While it lives a defect is active in its thread, or none is. Dropping it brings back what was before.
#[derive(Debug)]
pub struct Active {
    before: u32,
    thread: PhantomData<*const ()>,
}

impl Drop for Active {
    fn drop(&mut self) {
        ACTIVE.set(self.before);
    }
}

/// Declares defects, and `DEFECTS`, the list of a module's own.
#[macro_export]
macro_rules! defects {
    ($( $id:ident $name:literal $what:literal; )*) => {
        $( #[doc = $what] pub static $id: $crate::defect::Defect = $crate::defect::Defect::new($name, $what); )*
        /// The defects of this module's rules.
        pub static DEFECTS: &[&$crate::defect::Defect] = &[$( &$id ),*];
    };
}

/// The defect that a VMM around the model is to have, if any, for those that are not put in by [`mutants::rules`]. Rules look only
/// at what is active in the thread.
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

    /// Makes it the active one of this thread.
    #[must_use]
    pub fn activate(self) -> Active {
        activate(self.0)
    }

    /// Returns whether this is the defect, or the one that is active in the thread.
    #[inline]
    #[must_use]
    pub fn is(self, defect: &'static Defect) -> bool {
        is_active(defect.id) || self.0.is_some_and(|injected| injected.id == defect.id)
    }
}

impl fmt::Debug for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.map_or("none", |defect| defect.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_active_while_its_guard_lives_and_in_its_thread_only() {
        let (outer, inner) = (Defect::new("a.b", "c"), Defect::new("a.c", "d"));
        assert!(!is_active(outer.id));
        let guard = activate(Some(&outer));
        assert!(is_active(outer.id) && !is_active(inner.id));
        {
            let _guard = activate(Some(&inner));
            assert!(!is_active(outer.id) && is_active(inner.id));
            let _guard = activate(None);
            assert!(!is_active(outer.id) && !is_active(inner.id));
        }
        assert!(is_active(outer.id));
        std::thread::scope(|scope| scope.spawn(|| assert!(!is_active(outer.id))).join()).unwrap();
        drop(guard);
        assert!(!is_active(outer.id));
    }
}
