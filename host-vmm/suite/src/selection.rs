//! Which cases a user means: exact names, prefixes of whole segments (`kvm.copy-tags`), other prefixes (`kvm.life.swap`), or
//! globs.

use std::collections::BTreeSet;

use report::event::CaseInfo;
use wildmatch::WildMatch;

/// Names offered when a pattern selects nothing.
const OFFERED: usize = 3;

/// A pattern that selects nothing; a mistake of whoever typed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no case is named {pattern:?}, begins with {pattern:?}, or matches it as a glob; {}", hint(near))]
pub struct NothingSelected {
    /// As given.
    pub pattern: String,
    /// Names and prefixes that look like it, the likeliest first.
    pub near: Vec<String>,
}

fn hint(near: &[String]) -> String {
    if near.is_empty() {
        "`granule list` shows all names".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    }
}

/// Some of the suite's cases, in the suite's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    cases: Vec<CaseInfo>,
}

impl Selection {
    /// Selects what any of the patterns means; without patterns, everything.
    ///
    /// # Errors
    ///
    /// The first pattern that selects nothing.
    pub fn new(patterns: &[String], mut all: Vec<CaseInfo>) -> Result<Self, NothingSelected> {
        let mut wanted = BTreeSet::new();
        for pattern in patterns {
            let names = meant(pattern, &all);
            if names.is_empty() {
                return Err(NothingSelected { pattern: pattern.clone(), near: near(pattern, &all) });
            }
            wanted.extend(names);
        }
        if !patterns.is_empty() {
            all.retain(|case| wanted.contains(&case.name));
        }
        Ok(Self { cases: all })
    }

    /// The selected cases.
    #[must_use]
    pub fn cases(&self) -> &[CaseInfo] {
        &self.cases
    }

    /// Their names.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.cases.iter().map(|case| case.name.clone()).collect()
    }
}

/// Lists the names that a pattern means. Where no whole segments are meant, a part of one is.
fn meant(pattern: &str, all: &[CaseInfo]) -> Vec<String> {
    let names = |is: &dyn Fn(&str) -> bool| {
        all.iter().map(|case| &case.name).filter(|name| is(name)).cloned().collect::<Vec<_>>()
    };
    let whole = names(&|name| selects(pattern, name));
    if whole.is_empty() && !pattern.is_empty() { names(&|name| name.starts_with(pattern)) } else { whole }
}

/// Returns whether a name is meant: by itself, by a prefix of whole segments, or by a glob.
#[must_use]
pub fn selects(pattern: &str, name: &str) -> bool {
    if pattern.contains(['*', '?']) {
        return WildMatch::new(pattern).matches(name);
    }
    name.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Returns the names and prefixes that a mistyped pattern most likely meant.
fn near(pattern: &str, all: &[CaseInfo]) -> Vec<String> {
    let mut candidates: Vec<&str> = all.iter().flat_map(|case| prefixes(&case.name)).collect();
    candidates.sort_unstable();
    candidates.dedup();
    let wanted = pattern.trim_matches(['*', '?', '.']);
    let mut ranked: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|candidate| {
            let within = !wanted.is_empty() && candidate.contains(wanted);
            (if within { 1 } else { strsim::levenshtein(wanted, candidate) }, candidate)
        })
        .filter(|(distance, _)| *distance <= wanted.len() / 3 + 1)
        .collect();
    ranked.sort_by_key(|(distance, candidate)| (*distance, candidate.len()));
    ranked.into_iter().take(OFFERED).map(|(_, candidate)| candidate.to_owned()).collect()
}

/// Returns a name and its prefixes of whole segments.
fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(at, _)| &name[..at]).chain([name])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<CaseInfo> {
        ["arch.irg.el0", "arch.irg.rrnd", "arch.irgx.other", "kvm.copy-tags.hole", "kvm.copy-tags.partial-count"]
            .map(|name| CaseInfo { name: name.into(), claim: String::new(), cite: String::new() })
            .to_vec()
    }

    fn select(patterns: &[&str]) -> Result<Vec<String>, NothingSelected> {
        let patterns: Vec<_> = patterns.iter().map(ToString::to_string).collect();
        Selection::new(&patterns, all()).map(|selection| selection.names())
    }

    #[test]
    fn names_prefixes_and_globs_select_in_the_suites_order() {
        assert_eq!(select(&[]).unwrap().len(), 5);
        assert_eq!(select(&["kvm.copy-tags.hole"]).unwrap(), ["kvm.copy-tags.hole"]);
        assert_eq!(select(&["arch.irg"]).unwrap(), ["arch.irg.el0", "arch.irg.rrnd"], "whole segments only");
        assert_eq!(select(&["kvm.copy-tags.h"]).unwrap(), ["kvm.copy-tags.hole"], "else a part of one");
        assert_eq!(select(&["arch.i"]).unwrap().len(), 3);
        assert_eq!(select(&["kvm", "arch.irg.rrnd", "kvm"]).unwrap().len(), 3, "each once");
        assert_eq!(select(&["kvm", "arch.irg.rrnd"]).unwrap()[0], "arch.irg.rrnd");
        assert_eq!(select(&["*.irg?.*"]).unwrap(), ["arch.irgx.other"]);
        assert_eq!(select(&["*hole"]).unwrap(), ["kvm.copy-tags.hole"]);
    }

    #[test]
    fn globs_match_whole_names() {
        for (pattern, name, matches) in [
            ("*", "", true),
            ("a*b*c", "axxbyybzc", true),
            ("a*b*c", "axxbyybz", false),
            ("a?", "a", false),
            ("a*", "ba", false),
            ("**a", "a", true),
        ] {
            assert_eq!(selects(pattern, name), matches, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_that_selects_nothing_is_named_with_what_is_near() {
        let error = select(&["kvm", "kvm.copytags"]).unwrap_err();
        assert_eq!((&*error.pattern, &*error.near[0]), ("kvm.copytags", "kvm.copy-tags"));
        assert_eq!(select(&["partial"]).unwrap_err().near, ["kvm.copy-tags.partial-count"]);
        assert_eq!(select(&["arch.irgg"]).unwrap_err().near[..2], ["arch.irg", "arch.irgx"], "the likeliest first");
        assert_eq!(select(&["*hold*"]).unwrap_err().pattern, "*hold*");
        assert!(select(&["zzzzzzzz"]).unwrap_err().near.is_empty());
        assert!(select(&[""]).is_err());
    }
}
