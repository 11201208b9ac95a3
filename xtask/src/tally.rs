//! The sum of test results over every test program that ran.
//!
//! Both libtest and libtest-mimic print a `test result:` line; nothing else is read.

use std::fmt;

use crate::terminal;

/// A sum of results.
#[derive(Debug, Default, PartialEq, Clone, Copy)]
pub struct Tally {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were not run.
    pub skipped: u64,
}

impl Tally {
    /// Adds the counts of a line, if it is a result line.
    pub fn add_line(&mut self, line: &str) {
        let plain = terminal::plain(line);
        let counts = match plain.trim_start().strip_prefix("test result: ") {
            Some(counts) => counts.split_once(". ").map_or("", |(_, counts)| counts),
            None => return,
        };
        for count in counts.split(';') {
            let mut words = count.split_whitespace();
            let number = words.next().and_then(|w| w.parse::<u64>().ok()).unwrap_or(0);
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("ignored") => self.skipped += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_summed_and_others_are_not() {
        let mut tally = Tally::default();
        for line in [
            "running 6 tests",
            "test a ... ok",
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s",
            "\u{1b}[1mtest result: \u{1b}[31mFAILED\u{1b}[0m. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
            "the text test result: ok. 9 passed in the middle of a line",
        ] {
            tally.add_line(line);
        }
        assert_eq!(tally, Tally { passed: 8, failed: 2, skipped: 1 });
        assert_eq!(tally.to_string(), "8 passed, 2 failed, 1 skipped");
    }
}
