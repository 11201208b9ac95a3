//! Dotted version numbers, as programs print them: `1.95.0`, `10.0.13`, `7.3-rc7`.
//!
//! For versions of packages, with their epochs and tildes, see `debian::revision`.

use std::fmt;

/// A version: its numbers, most significant first. Whatever follows the numbers is dropped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u64>);

impl Version {
    /// Reads the numbers at the start of `text`; `None` if there are none.
    pub fn parse(text: &str) -> Option<Version> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let numbers: Vec<u64> =
            text[..end].trim_end_matches('.').split('.').map(|n| n.parse().ok()).collect::<Option<_>>()?;
        Some(Version(numbers))
    }

    /// Finds the first word of `text` that is a version with a dot in it.
    pub fn find(text: &str) -> Option<Version> {
        text.split_whitespace().filter(|w| w.contains('.')).find_map(Version::parse)
    }

    /// Returns whether this is at least `wanted`.
    pub fn is_at_least(&self, wanted: &Version) -> bool {
        self >= wanted
    }

    /// Returns whether `series` is a prefix: 10.0.13 belongs to 10 and to 10.0.
    pub fn belongs_to(&self, series: &Version) -> bool {
        self.0.starts_with(&series.0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&words.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        Version::parse(text).expect("a version")
    }

    #[test]
    fn numbers_compare_as_numbers() {
        assert!(v("1.100").is_at_least(&v("1.95")));
        assert!(v("1.95.0").is_at_least(&v("1.95")));
        assert!(!v("1.63.0").is_at_least(&v("1.95")));
        assert!(!v("7.2.22").is_at_least(&v("8")));
    }

    #[test]
    fn a_series_is_a_prefix_by_number() {
        assert!(v("10.0.13").belongs_to(&v("10")));
        assert!(!v("10.0.13").belongs_to(&v("1")));
        assert!(!v("6.1.192").belongs_to(&v("6.12")));
    }

    #[test]
    fn versions_are_found_in_what_programs_print() {
        assert_eq!(Version::find("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)"), Some(v("7.2.22")));
        assert_eq!(Version::find("rustc 1.95.0 (59807616e 2026-04-14)"), Some(v("1.95.0")));
        assert_eq!(Version::find("64 bit emulator, version 11.1.3"), Some(v("11.1.3")));
        assert_eq!(Version::parse("trixie"), None);
        assert_eq!(v("1.96.0+dfsg1-1~deb12u2").to_string(), "1.96.0");
    }
}
