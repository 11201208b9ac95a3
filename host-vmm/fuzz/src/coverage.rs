//! What a campaign has compared: for each row of the instruction table, at which levels and in which tag check modes it
//! stood in a block whose outcome was permitted.
//!
//! A forward branch may have led over an instruction, which is not noticed here: what counts is that it was there.

use std::sync::atomic::{AtomicU8, Ordering};

use isa::{Insn, Row, rows};
use report::event::Coverage;

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
pub struct Counter(Vec<AtomicU8>);

impl Default for Counter {
    fn default() -> Self {
        Self(rows().iter().map(|_| AtomicU8::new(0)).collect())
    }
}

impl Counter {
    /// Notes that a program was compared to its end.
    pub fn compared(&self, program: &Program) {
        for run in program.runs() {
            let bit = 1 << place(run);
            for row in run.words.iter().filter_map(|word| Insn::decode(*word)).map(Insn::row) {
                if let Some(seen) = self.0.get(number(row)) {
                    seen.fetch_or(bit, Ordering::Relaxed);
                }
            }
        }
    }

    /// Returns what was reached, and names some of what was not, the rows that were never seen first.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let places = LEVELS.len() * control::MODES.len();
        let seen: Vec<u8> = self.0.iter().map(|seen| seen.load(Ordering::Relaxed)).collect();
        let reached: u64 = seen.iter().map(|seen| u64::from(seen.count_ones())).sum();
        let all = (seen.len() * places) as u64;
        let never = rows().iter().zip(&seen).filter(|(_, seen)| **seen == 0).map(|(row, _)| text(row));
        let partly = rows().iter().zip(&seen).filter(|(_, seen)| **seen != 0).flat_map(|(row, seen)| {
            (0..places).filter(move |place| seen >> place & 1 == 0).map(move |place| {
                let (el, _) = LEVELS[place / control::MODES.len()];
                format!("{} at {el}, faults {}", text(row), control::MODES[place % control::MODES.len()])
            })
        });
        Coverage { reached, all, unreached: never.chain(partly).take(NAMED).collect() }
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
        let irg = rows().iter().position(|row| row.op() == isa::Op::Irg).unwrap();
        assert_eq!(counter.0[irg].load(Ordering::Relaxed), 1 << 5 | 1);
    }
}
