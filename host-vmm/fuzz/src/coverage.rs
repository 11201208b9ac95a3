//! What a campaign has compared: for each row of the instruction table, at which levels and in which tag check modes it was
//! executed in a block whose outcome was permitted.
//!
//! What was executed the model knows; that the machine shows the same outcome means that it did the same. What a target lacks
//! is counted apart: there nothing but the exception can be compared.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use isa::{Feature, Insn, Row, rows};
use report::event::{Coverage, LackingFeature};

use super::pick;
use super::reference::Block;
use machine::El;
use program::{Program, Step, control};

/// Levels, in the order of their bits ([`Block::executed`]).
const LEVELS: [El; 2] = [El::El0, El::El1];
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

    /// Notes that a program was compared to its end, in which these blocks ended.
    pub fn compared(&self, program: &Program, blocks: &[Block]) {
        for block in blocks {
            // A block that is run again is the one before it.
            let run = program.steps.iter().take(block.step + 1).rev().find_map(|step| match step {
                Step::Run(run) => Some(run),
                Step::Event(_) | Step::Again { .. } | Step::Expect(_) => None,
            });
            let words = run.into_iter().flat_map(|run| &run.words);
            for (word, places) in words.zip(&block.executed).filter(|(_, places)| **places != 0) {
                let seen = Insn::decode(*word).and_then(|insn| self.seen.get(number(insn.row())));
                if let Some(seen) = seen {
                    seen.fetch_or(*places, Ordering::Relaxed);
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
                let el = LEVELS[place / control::MODES.len()];
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
    use crate::reference::{ModelReference, Reference};
    use machine::Deadline;
    use model_base::choice::Choices;
    use modelled::{ModelFactory, Settings};

    /// Counts what a program executes on the model.
    fn compare(counter: &Counter, text: &str) {
        let program = format!("granule program 1\n{text}").parse::<Program>().unwrap();
        let model = ModelFactory::new(Settings::default());
        let outcome = ModelReference::new(&model).observe(&program, Choices::default(), Deadline::NEVER).unwrap();
        counter.compared(&program, &outcome.blocks);
    }

    fn seen(counter: &Counter, op: arch::Op) -> u8 {
        let row = rows().iter().position(|row| row.op() == op).unwrap();
        counter.seen[row].load(Ordering::Relaxed)
    }

    #[test]
    fn what_was_compared_counts_once_for_each_level_and_mode() {
        let counter = Counter::default();
        let empty = counter.coverage();
        assert_eq!((empty.reached, empty.all), (0, 8 * rows().len() as u64));
        compare(&counter, "block el=1\ncode\n  irg x0, x1\n  irg x2, x3\nend\n");
        assert_eq!(counter.coverage().reached, 1);
        let ignored = "block el=0\n  sctlr_el1.tcf0 = none\n  x1 = tagged-el0+0x0 tag 0\ncode\n  irg x0, x1\n  stg x0, [x1]\nend\n";
        compare(&counter, ignored);
        compare(&counter, ignored);
        assert_eq!(counter.coverage().reached, 3);
        assert_eq!(seen(&counter, arch::Op::Irg), 1 << 5 | 1);
    }

    #[test]
    fn only_what_was_executed_counts() {
        let counter = Counter::default();
        let [irg, gmi, brk] = [arch::Op::Irg, arch::Op::Gmi, arch::Op::Brk];
        compare(&counter, "block el=1\ncode\n  b .+8\n  irg x0, x1\n  gmi x2, x3, x4\nend\n");
        assert_eq!([irg, gmi].map(|op| seen(&counter, op)), [0, 1 << 5]);
        // One that takes an exception was executed, and so is what follows; a block that leaves its words ends there.
        compare(&counter, "block el=0\ncode\n  brk #1\n  gmi x2, x3, x4\n  br x5\n  irg x0, x1\nend\n");
        assert_eq!([irg, gmi, brk].map(|op| seen(&counter, op)), [0, 1 << 5 | 1 << 1, 1 << 1]);
        // The mode is that of the moment: SCTLR_EL1.TCF becomes 0b11, asymmetric.
        compare(
            &counter,
            "block el=1\ncode\n  mrs x0, sctlr_el1\n  orr x0, x0, #0x20000000000\n  msr sctlr_el1, x0\n  isb\n  irg x0, x1\nend\nagain cpu=0\n",
        );
        assert_eq!(seen(&counter, irg), 1 << 7);
    }

    #[test]
    fn what_the_target_lacks_is_counted_apart() {
        let counter = Counter::default();
        counter.lacks(&[Feature::Gcs, Feature::The]);
        compare(&counter, "block el=1\ncode\n  gcsstr x0, [x1]\nend\n");
        let coverage = counter.coverage();
        let of = |feature: Feature| rows().iter().filter(|row| row.feature() == Some(feature)).count() as u64;
        assert_eq!(coverage.reached, 0);
        assert_eq!(coverage.all, 8 * (rows().len() as u64 - of(Feature::Gcs) - of(Feature::The)));
        let told: Vec<_> = coverage.lacking.iter().map(|lacking| (lacking.reached, lacking.encodings)).collect();
        assert_eq!(told, [(1, of(Feature::Gcs)), (0, of(Feature::The))]);
        assert!(!coverage.lacking[0].unconfirmed && coverage.lacking[1].unconfirmed);
    }
}
