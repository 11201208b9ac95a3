//! Mutants: every operation of the rules, made wrong by a machine. Only with the feature `mutants`.
//!
//! [`mutants::rules`] numbers them at compile time, [`ALL`] lists them, and [`activate`] makes one of them the active one of
//! a thread. A mutant may loop for ever or panic. The loop ends with a panic, too, when the thread's fuel is used up: each
//! evaluation of an operation costs one. What an unbroken run evaluates can be recorded, so that a mutant is only tried
//! where it matters.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;

/// A mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// `file:function:kind#n`, where `n` counts the mutants of a kind in a function. It stays while the function does.
    pub name: &'static str,
    /// Below `src` of the package `model` and without its extension; of another package, behind the name of its folder.
    pub file: &'static str,
    /// Where the operation stands.
    pub line: u32,
    /// `function` or `Type::function`.
    pub function: &'static str,
    /// `comparison`, `logic`, `arithmetic`, `bits`, `not`, `constant`, `arm`, `condition`, `statement` or `method`.
    pub kind: &'static str,
    /// What the rule says.
    pub original: &'static str,
    /// What the mutant says; empty where a statement is left out.
    pub mutated: &'static str,
}

/// All mutants. The number of a mutant is its index here, plus one.
pub static ALL: &[Mutant] = mutants::table!();

/// What a mutant panics with that evaluated more operations than it may.
#[derive(Clone, Copy, Debug)]
pub struct OutOfFuel;

thread_local! {
    // One each, and nothing to drop, so that to look at them costs next to nothing.
    static ACTIVE: Cell<u32> = const { Cell::new(0) };
    static FUEL: Cell<u64> = const { Cell::new(u64::MAX) };
    static RECORDING: Cell<bool> = const { Cell::new(false) };
    /// For each mutant whether its operation was evaluated while that was recorded.
    static REACHED: RefCell<Vec<bool>> = const { RefCell::new(Vec::new()) };
}

/// Returns which of the `count` mutants from number `first` on is active, from 1 on; 0 for none.
///
/// # Panics
///
/// With [`OutOfFuel`] when the thread has used up its fuel.
#[inline]
#[must_use]
pub fn at(first: u32, count: u32) -> u32 {
    let fuel = FUEL.get();
    if fuel == 0 {
        exhausted();
    }
    FUEL.set(fuel.wrapping_sub(1));
    if RECORDING.get() {
        record(first, count);
    }
    let number = ACTIVE.get().wrapping_sub(first);
    if number < count { number + 1 } else { 0 }
}

#[cold]
fn exhausted() -> ! {
    // Dropping what the panic unwinds through may evaluate rules, too.
    FUEL.set(u64::MAX);
    std::panic::panic_any(OutOfFuel)
}

#[cold]
fn record(first: u32, count: u32) {
    REACHED.with_borrow_mut(|reached| {
        let end = (first + count) as usize;
        if reached.len() < end {
            reached.resize(end, false);
        }
        reached[first as usize..end].fill(true);
    });
}

/// Returns whether `left && right` asks its right side: the mutants are `||`, the left side alone, the right side alone.
#[inline]
#[must_use]
pub fn asks_right_of_and(mutant: u32, left: bool) -> bool {
    match mutant {
        0 => left,
        1 => !left,
        2 => false,
        _ => true,
    }
}

/// Returns whether `left || right` asks its right side: the mutants are `&&`, the left side alone, the right side alone.
#[inline]
#[must_use]
pub fn asks_right_of_or(mutant: u32, left: bool) -> bool {
    match mutant {
        0 => !left,
        1 => left,
        2 => false,
        _ => true,
    }
}

/// Makes the mutant of a number the active one of this thread, with 0 none, until the result is dropped. The thread may
/// evaluate `fuel` operations meanwhile.
#[must_use]
pub fn activate(number: u32, fuel: u64) -> Active {
    Active { number: ACTIVE.replace(number), fuel: FUEL.replace(fuel), thread: PhantomData }
}

/// While it lives a mutant is active in its thread, or none is. Dropping it brings back what was before.
#[derive(Debug)]
pub struct Active {
    number: u32,
    fuel: u64,
    thread: PhantomData<*const ()>,
}

impl Drop for Active {
    fn drop(&mut self) {
        ACTIVE.set(self.number);
        FUEL.set(self.fuel);
    }
}

/// Returns what `run` returns, for each number whether its operation was evaluated by this thread, and how many evaluations
/// there were.
pub fn recorded<T>(run: impl FnOnce() -> T) -> (T, Vec<bool>, u64) {
    REACHED.take();
    RECORDING.set(true);
    let guard = activate(0, u64::MAX);
    let result = run();
    let used = u64::MAX - FUEL.get();
    drop(guard);
    RECORDING.set(false);
    (result, REACHED.take(), used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_knows_which_of_its_mutants_is_active() {
        assert_eq!(at(5, 3), 0);
        for number in 1..10 {
            let _active = activate(number, 10);
            assert_eq!(at(5, 3), if (5..8).contains(&number) { number - 4 } else { 0 }, "{number}");
        }
        assert_eq!(at(5, 3), 0);
    }

    #[test]
    fn either_side_of_a_logical_operator_is_asked_as_often_as_its_truth_needs() {
        for (a, b) in [(false, false), (false, true), (true, false), (true, true)] {
            let and = |mutant| if asks_right_of_and(mutant, a) { b } else { a };
            let or = |mutant| if asks_right_of_or(mutant, a) { b } else { a };
            assert_eq!([and(0), and(1), and(2), and(3)], [a && b, a || b, a, b]);
            assert_eq!([or(0), or(1), or(2), or(3)], [a || b, a && b, a, b]);
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = ALL.iter().map(|mutant| mutant.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
