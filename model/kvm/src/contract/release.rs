//! Kernel releases, in the order in which their promises follow each other.
//!
//! A stable release sorts between its series and the next series: 6.12.17 knows what 6.12 knew and what was
//! backported, and nothing of 6.13.

use std::fmt;
use std::str::FromStr;

/// A release: 6.12.117.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// The first number.
    pub major: u32,
    /// The second: with the first it names a series.
    pub minor: u32,
    /// The third; [`Release::NEWEST`] for the newest of the series.
    pub patch: u32,
}

impl Release {
    /// Stands for the newest patch of a series.
    pub const NEWEST: u32 = u32::MAX;

    /// Names a release by its three numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// The series: major and minor.
    #[must_use]
    pub const fn series(self) -> (u32, u32) {
        (self.major, self.minor)
    }
}

impl Default for Release {
    /// The kernel that is meant where none is named: the newest 6.12, a long-term series.
    fn default() -> Self {
        Self::new(6, 12, Self::NEWEST)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch == Self::NEWEST { Ok(()) } else { write!(f, ".{}", self.patch) }
    }
}

/// A text that names no release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseReleaseError(String);

impl fmt::Display for ParseReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no kernel release", self.0)
    }
}

impl std::error::Error for ParseReleaseError {}

impl FromStr for Release {
    type Err = ParseReleaseError;

    /// Reads `6.12`, `6.12.117` and what begins like them, such as `6.12.95+deb13-arm64` and `7.3-rc7-arm64`. Without
    /// a third number it is the newest of the series; what follows the numbers is ignored.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseReleaseError(text.to_owned());
        let numbers = text.split(['-', '+', '_', '~', ' ']).next().unwrap_or_default();
        let numbers: Vec<u32> =
            numbers.split('.').map(|part| part.parse().map_err(|_| error())).collect::<Result<_, _>>()?;
        match numbers[..] {
            [major, minor] => Ok(Self::new(major, minor, Self::NEWEST)),
            [major, minor, patch, ..] => Ok(Self::new(major, minor, patch)),
            _ => Err(error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_as_users_and_uname_write_them() {
        for (text, release, shown) in [
            ("6.12", Release::new(6, 12, Release::NEWEST), "6.12"),
            ("6.12.117", Release::new(6, 12, 117), "6.12.117"),
            ("6.12.95+deb13-cloud-arm64", Release::new(6, 12, 95), "6.12.95"),
            ("6.1.192 (6.1.0-56-cloud-arm64)", Release::new(6, 1, 192), "6.1.192"),
            ("7.3-rc7-cloud-arm64", Release::new(7, 3, Release::NEWEST), "7.3"),
        ] {
            assert_eq!(text.parse(), Ok(release), "{text}");
            assert_eq!(release.to_string(), shown);
        }
        for text in ["", "6", "six.1", "6.", "6..1", "-6.1"] {
            assert!(text.parse::<Release>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_stable_release_lies_between_its_series_and_the_next() {
        let order: Vec<Release> =
            ["6.1.1", "6.12.16", "6.12.17", "6.12.117", "6.12", "6.13.0", "7.0.0"].map(|t| t.parse().unwrap()).into();
        assert!(order.is_sorted());
    }
}
