//! What a campaign has compared: for each row of the instruction table, at which levels and in which tag check modes it
//! stood in a block whose outcome was permitted.
//!
//! What a target lacks is counted apart: there nothing but the exception can be compared.
//!
//! A forward branch may have led over an instruction, which is not noticed here: what counts is that it was there.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use isa::{Feature, Insn, Row, rows};
use report::event::{Coverage, LackingFeature};

use super::pick;
use machine::El;
use program::{Program, Run, control};

/// Levels and modes, in the order of their bits: EL0, then EL1.
const LEVELS: [(El, &str); 2] = [(El::El0, "sctlr_el1.tcf0"), (El::El1, "sctlr_el1.tcf")];
/// The mode in which a block runs that sets none: synchronous, as after boot.
const BOOTED: u8 = 1;
/// How many of what was not reached are named.
const NAMED: usize = 12;

/// Counts while a campaign runs, from all of its threads.
pub struct Counter {
    /// A bit for each place where a row was seen.
    seen: Vec<AtomicU8>,
    /// What the target lacks, once it is known.
    lacking: OnceLock<Vec<Feature>>,
}

impl Default for Counter {
    fn default() -> Self {
        Self { seen: rows().iter().map(|_| AtomicU8::new(0)).collect(), lacking: OnceLock::new() }
    }
}

impl Counter {
    /// Notes what the target lacks. Of several that are opened the first one counts.
    pub fn lacks(&self, features: &[Feature]) {
        self.lacking.get_or_init(|| features.to_vec());
    }

    /// Notes that a program was compared to its end.
    pub fn compared(&self, program: &Program) {
        for run in program.runs() {
            let bit = 1 << place(run);
            for row in run.words.iter().filter_map(|word| Insn::decode(*word)).map(Insn::row) {
                if let Some(seen) = self.seen.get(number(row)) {
                    seen.fetch_or(bit, Ordering::Relaxed);
                }
            }
        }
    }

    /// Returns what was reached, and names some of what was not, the rows that were never seen first.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let places = LEVELS.len() * control::MODES.len();
        let lacking = self.lacking.get().map_or(&[][..], Vec::as_slice);
        let all_seen = || rows().iter().zip(self.seen.iter().map(|seen| seen.load(Ordering::Relaxed)));
        let needs = |row: &Row, feature| row.feature() == Some(feature);
        let seen: Vec<_> = all_seen().filter(|(row, _)| !lacking.iter().any(|feature| needs(row, *feature))).collect();
        let reached: u64 = seen.iter().map(|(_, seen)| u64::from(seen.count_ones())).sum();
        let all = (seen.len() * places) as u64;
        let never = seen.iter().filter(|(_, seen)| *seen == 0).map(|(row, _)| text(row));
        let partly = seen.iter().filter(|(_, seen)| *seen != 0).flat_map(|(row, seen)| {
            (0..places).filter(move |place| seen >> place & 1 == 0).map(move |place| {
                let (el, _) = LEVELS[place / control::MODES.len()];
                format!("{} at {el}, faults {}", text(row), control::MODES[place % control::MODES.len()])
            })
        });
        let of = |feature: &Feature| {
            let of_feature: Vec<u8> =
                all_seen().filter(|(row, _)| needs(row, *feature)).map(|(_, seen)| seen).collect();
            LackingFeature {
                feature: feature.name().to_owned(),
                encodings: of_feature.len() as u64,
                reached: of_feature.iter().filter(|seen| **seen != 0).count() as u64,
                unconfirmed: feature.is_unconfirmed(),
            }
        };
        let lacking = lacking.iter().map(of).collect();
        Coverage { reached, all, unreached: never.chain(partly).take(NAMED).collect(), lacking }
    }
}

/// Where a block ran: the number of its level and mode.
fn place(run: &Run) -> usize {
    let level = LEVELS.iter().position(|(el, _)| *el == run.el).unwrap_or_default();
    let set = run.controls.iter().find(|(_, field, _)| field.name == LEVELS[level].1);
    level * control::MODES.len() + usize::from(set.map_or(BOOTED, |(_, _, mode)| mode))
}

/// The place of a row in the table.
fn number(row: &Row) -> usize {
    let first = rows().as_ptr().addr();
    (std::ptr::from_ref(row).addr() - first) / size_of::<Row>()
}

/// Some instruction of a row, or its mnemonic.
fn text(row: &'static Row) -> String {
    pick::example(row).map_or_else(|| row.mnemonic().to_owned(), |insn| insn.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compared_counts_once_for_each_level_and_mode() {
        let counter = Counter::default();
        let empty = counter.coverage();
        assert_eq!((empty.reached, empty.all), (0, 8 * rows().len() as u64));
        let program = |text: &str| format!("granule program 1\n{text}").parse::<Program>().unwrap();
        let synchronous = program("block el=1\ncode\n  irg x0, x1\n  irg x2, x3\nend\n");
        let ignored = program("block el=0\n  sctlr_el1.tcf0 = none\ncode\n  irg x0, x1\n  stg x0, [x1]\nend\n");
        counter.compared(&synchronous);
        assert_eq!(counter.coverage().reached, 1);
        counter.compared(&ignored);
        counter.compared(&ignored);
        assert_eq!(counter.coverage().reached, 3);
        let irg = rows().iter().position(|row| row.op() == arch::Op::Irg).unwrap();
        assert_eq!(counter.seen[irg].load(Ordering::Relaxed), 1 << 5 | 1);
    }

    #[test]
    fn what_the_target_lacks_is_counted_apart() {
        let counter = Counter::default();
        counter.lacks(&[Feature::Gcs, Feature::The]);
        let program = "granule program 1\nblock el=1\ncode\n  gcsstr x0, [x1]\nend\n".parse::<Program>().unwrap();
        counter.compared(&program);
        let coverage = counter.coverage();
        let of = |feature: Feature| rows().iter().filter(|row| row.feature() == Some(feature)).count() as u64;
        assert_eq!(coverage.reached, 0);
        assert_eq!(coverage.all, 8 * (rows().len() as u64 - of(Feature::Gcs) - of(Feature::The)));
        let told: Vec<_> = coverage.lacking.iter().map(|lacking| (lacking.reached, lacking.encodings)).collect();
        assert_eq!(told, [(1, of(Feature::Gcs)), (0, of(Feature::The))]);
        assert!(!coverage.lacking[0].unconfirmed && coverage.lacking[1].unconfirmed);
    }
}
