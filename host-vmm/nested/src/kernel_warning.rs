//! How a kernel says that something is wrong with it.
//!
//! Used on both ends of a nested run: inside on /dev/kmsg, outside on the console, where the last words of
//! a dying kernel appear. Stalls and soft lockups are left out on purpose: under emulation they tell about
//! a busy host, and a guest that really hangs is stopped by a watchdog.

use std::collections::VecDeque;

/// How the text of such a message begins.
const OPENINGS: &[&str] = &[
    "BUG:",
    "kernel BUG at",
    "WARNING:",
    "Internal error:",
    "Unable to handle kernel",
    "Kernel panic",
    "Oops",
    "KASAN:",
    "UBSAN:",
    "SError Interrupt",
    "Bad mode in",
    "list_add corruption",
    "list_del corruption",
    "refcount_t:",
];

/// How a panic begins.
const PANIC: &str = "Kernel panic";

/// Returns the message of a console line, without the time stamp and, if there is one, the caller:
/// `[    1.234567][    T1] message`.
#[must_use]
pub fn message(line: &str) -> &str {
    let mut rest = line.trim_start();
    while let Some((stamp, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let is_stamp = stamp.bytes().all(|b| b.is_ascii_digit() || b"T. C".contains(&b));
        if !is_stamp {
            break;
        }
        rest = after;
    }
    rest.trim_start()
}

/// Returns whether a kernel message is a complaint.
#[must_use]
pub fn is_warning(message: &str) -> bool {
    OPENINGS.iter().any(|opening| message.starts_with(opening))
}

/// Returns whether a kernel message is the last one.
#[must_use]
pub fn is_panic(message: &str) -> bool {
    message.starts_with(PANIC)
}

/// The end of a console, for a person who has to find out what happened.
#[derive(Clone, Debug)]
pub struct LastLines {
    lines: VecDeque<String>,
    kept: usize,
}

impl LastLines {
    /// Keeps this many lines.
    #[must_use]
    pub fn new(kept: usize) -> Self {
        Self { lines: VecDeque::new(), kept }
    }

    /// Adds a line.
    pub fn push(&mut self, line: String) {
        self.lines.push_back(line);
        if self.lines.len() > self.kept {
            self.lines.pop_front();
        }
    }

    /// Returns the lines, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_taken_off_and_nothing_else() {
        assert_eq!(message("[    1.234567] BUG: x"), "BUG: x");
        assert_eq!(message("[   10.234567][    T1] WARNING: x"), "WARNING: x");
        assert_eq!(message("[brackets] x"), "[brackets] x");
    }

    #[test]
    fn warnings_are_distinguished_from_other_messages() {
        for line in ["[    1.0] WARNING: CPU: 0 PID: 1 at a.c:1", "Internal error: Oops: 0000000096000004 [#1] SMP"] {
            assert!(is_warning(message(line)), "{line}");
        }
        for line in ["[    1.0] watchdog: BUG: soft lockup", "[    1.0] kvm [1]: no WARNING: here", ""] {
            assert!(!is_warning(message(line)), "{line}");
        }
        assert!(is_panic(message("[    1.0] Kernel panic - not syncing: x")) && !is_panic("BUG: x"));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut last = LastLines::new(2);
        (0..5).for_each(|i| last.push(i.to_string()));
        assert_eq!(last.lines(), ["3", "4"]);
    }
}
