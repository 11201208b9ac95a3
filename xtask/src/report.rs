//! The progress of set-up: one line a step on stderr, and a total at the end.
//!
//! Nothing is printed when nothing has to be done, and no progress bars are drawn: the lines must read
//! well in a CI log too.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Collects what set-up fetched, and prints its lines.
pub struct Report {
    started: Instant,
    fetched: Cell<u64>,
    spoken: Cell<bool>,
}

impl Report {
    /// Creates a report and starts its clock.
    pub fn new() -> Report {
        Report { started: Instant::now(), fetched: Cell::new(0), spoken: Cell::new(false) }
    }

    /// Prints what is fetched next, and why.
    pub fn heading(&self, text: &str) {
        self.spoken.set(true);
        eprintln!("set-up: {}", text);
    }

    /// Prints the result of a step below the current heading.
    pub fn step(&self, text: &str) {
        self.spoken.set(true);
        eprintln!("  {}", text);
    }

    /// Adds bytes that came over the network.
    pub fn add_fetched(&self, bytes: u64) {
        self.fetched.set(self.fetched.get() + bytes);
    }

    /// Prints the total, when there was anything to do.
    pub fn finish(&self, cache: &std::path::Path) {
        if self.spoken.get() {
            eprintln!(
                "set-up: done in {}, {} fetched, kept in {}",
                seconds(self.started.elapsed()),
                size(self.fetched.get()),
                cache.display()
            );
        }
    }

    /// Returns the milliseconds since it was created.
    pub fn milliseconds(&self) -> u128 {
        self.started.elapsed().as_millis()
    }
}

/// Formats a number of bytes for people: `36.1 MB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{} B", bytes),
        10_000..=999_999 => format!("{} kB", bytes / 1000),
        1_000_000..=999_999_999 => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
        _ => format!("{}.{:02} GB", bytes / 1_000_000_000, bytes / 10_000_000 % 100),
    }
}

/// Formats a duration for people: `12.3 s`.
pub fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_readable() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(59_432), "59 kB");
        assert_eq!(size(36_190_000), "36.1 MB");
        assert_eq!(size(1_234_567_890), "1.23 GB");
    }

    #[test]
    fn durations_are_readable() {
        assert_eq!(seconds(Duration::from_millis(12_340)), "12.3 s");
    }
}
