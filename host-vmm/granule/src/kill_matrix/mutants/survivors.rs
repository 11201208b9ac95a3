//! `model/survivors.txt`: the mutants that survive, and why no machine could tell them from the specification.
//!
//! ```text
//! # The reason, on one or more lines. It holds for all names below it.
//! cpu/check:Core::effect:constant#3
//! cpu/unknown:*
//! ```
//!
//! A name may end with `*`. A reason that begins with `GAP:` argues nothing: a machine could tell, and no test does yet.

use std::collections::BTreeSet;

use model_base::mutant::Mutant;

use super::{Fate, Fates};

/// The list that is checked in.
const LIST: &str = include_str!("../../../../../model/survivors.txt");

/// One name of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    /// The mutant's, perhaps with `*` at its end.
    name: String,
    /// Why it survives.
    reason: String,
}

/// Why a mutant may survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argued {
    /// No machine could tell.
    Equivalent,
    /// A gap that is known.
    Gap,
    /// Nobody says.
    Unlisted,
}

impl Listed {
    fn covers(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => self.name == name,
        }
    }

    fn argued(&self) -> Argued {
        if self.reason.starts_with("GAP:") { Argued::Gap } else { Argued::Equivalent }
    }
}

/// Reads a list.
fn read(text: &str) -> Vec<Listed> {
    let (mut list, mut reason, mut begun) = (Vec::new(), String::new(), false);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix('#') {
            Some(more) if begun => {
                reason.push(' ');
                reason.push_str(more.trim());
            }
            Some(first) => (reason, begun) = (first.trim().to_owned(), true),
            None => {
                begun = false;
                list.push(Listed { name: line.to_owned(), reason: reason.clone() });
            }
        }
    }
    list
}

/// Lists the numbers of the mutants that `wanted` selects and that are not argued equivalent.
pub fn not_argued(wanted: impl Fn(&Mutant) -> bool) -> Vec<u32> {
    let list = read(LIST);
    let argued =
        |mutant: &Mutant| list.iter().any(|listed| listed.covers(mutant.name) && listed.argued() == Argued::Equivalent);
    let all = (1..).zip(kvm_model::mutant::all()).filter(|(_, mutant)| wanted(mutant) && !argued(mutant));
    all.map(|(number, _)| number).collect()
}

/// The fates of mutants, held against the list.
#[derive(Debug)]
pub struct Account<'f> {
    /// How many were tried.
    pub tried: usize,
    /// The survivors, by whether and how they are argued.
    pub survivors: Vec<(&'f Fate, Argued)>,
    /// Names of the list that name no survivor.
    pub stale: Vec<String>,
}

impl<'f> Account<'f> {
    /// Holds fates against the list that is checked in. `all` if all mutants were tried: else nothing on it is stale.
    #[must_use]
    pub fn of(fates: &'f Fates, all: bool) -> Self {
        let list = read(LIST);
        let mut used = BTreeSet::new();
        let mut survivors = Vec::new();
        for fate in fates.fates.iter().filter(|fate| fate.killed.is_none()) {
            let listed = list.iter().position(|listed| listed.covers(fate.mutant.name));
            used.extend(listed);
            survivors.push((fate, listed.map_or(Argued::Unlisted, |at| list[at].argued())));
        }
        let stale = list.iter().enumerate().filter(|(at, _)| all && !used.contains(at));
        let stale = stale.map(|(_, listed)| listed.name.clone()).collect();
        Self { tried: fates.fates.len(), survivors, stale }
    }

    /// How many were killed.
    #[must_use]
    pub fn killed(&self) -> usize {
        self.tried - self.survivors.len()
    }

    /// How many survivors are argued so.
    #[must_use]
    pub fn count(&self, argued: Argued) -> usize {
        self.survivors.iter().filter(|(_, how)| *how == argued).count()
    }

    /// The share of the mutants not argued equivalent that was killed, in percent.
    #[must_use]
    pub fn score(&self) -> f64 {
        let able = self.tried - self.count(Argued::Equivalent);
        100.0 * self.killed() as f64 / able.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_holds_for_the_names_below_it() {
        let list = read("# one\n# more\na:b#1\nc:*\n\n# GAP: two\nd\n");
        let names: Vec<_> = list.iter().map(|listed| (listed.name.as_str(), listed.reason.as_str())).collect();
        assert_eq!(names, [("a:b#1", "one more"), ("c:*", "one more"), ("d", "GAP: two")]);
        assert!(list[1].covers("c:d") && !list[0].covers("a:b#12"));
        assert_eq!((list[0].argued(), list[2].argued()), (Argued::Equivalent, Argued::Gap));
    }

    #[test]
    fn every_name_of_the_list_has_a_reason() {
        for listed in read(LIST) {
            assert!(listed.reason.len() > 10, "{}", listed.name);
        }
    }
}
