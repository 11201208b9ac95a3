//! The Debian mirror that this machine uses, according to its own apt.
//!
//! Other suites (backports, trixie, sid, …) are taken from the same mirror, and the security
//! archive, when apt does not know it, from where it lies next to the archive on most mirrors.

use std::process::Command;

use crate::failure::{Failure, Result};
use crate::processes;

/// The format that `parse` reads. RELEASE is the suite as the sources list names it: unlike CODENAME
/// it is known before the first `apt-get update`.
const FORMAT: &str = "$(IDENTIFIER)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)";
/// Names of Debian's own suites.
const BASES: &[&str] = &[
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
];
const DERIVED: &[&str] = &["", "-updates", "-backports", "-backports-sloppy", "-proposed-updates"];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Where Debian's packages come from.
#[derive(Debug, PartialEq, Clone)]
pub struct Mirrors {
    /// The URI of the archive.
    archive: String,
    /// The URI of the security archive.
    security: Option<String>,
    /// The security archive was guessed: it may not be there.
    security_is_derived: bool,
}

impl Mirrors {
    /// Reads the configuration of the machine's apt.
    pub fn ask() -> Result<Mirrors> {
        let targets =
            processes::output(Command::new("apt-get").args(["indextargets", "--no-release-info", "--format", FORMAT]))?;
        Mirrors::parse(&targets)
    }

    /// Reads lines of `FORMAT`.
    fn parse(targets: &str) -> Result<Mirrors> {
        let (mut archive, mut security) = (None, None);
        for line in targets.lines() {
            let mut parts = line.split('|');
            let (identifier, uri) = (parts.next(), parts.next().unwrap_or("").trim_end_matches('/'));
            let (release, component) = (parts.next().unwrap_or("").trim_end_matches('/'), parts.next());
            if identifier != Some("Packages") || component != Some("main") || uri.starts_with("cdrom:") {
                continue;
            }
            let base = release.strip_suffix("-security").or_else(|| release.strip_suffix("/updates"));
            match base {
                Some(base) if BASES.contains(&base) => {
                    security.get_or_insert_with(|| uri.to_string());
                }
                _ if is_suite(release) => {
                    archive.get_or_insert_with(|| uri.to_string());
                }
                _ => {}
            }
        }
        let archive: String = archive.ok_or_else(|| {
            Failure::unavailable(
                "expected a Debian archive with the component main in apt's sources, found none; add one to /etc/apt/sources.list",
            )
        })?;
        let security_is_derived = security.is_none();
        let security =
            security.or_else(|| archive.strip_suffix("/debian").map(|base| format!("{}/debian-security", base)));
        Ok(Mirrors { archive, security, security_is_derived })
    }

    /// Returns whether the suite may turn out to be missing, and must then be left out.
    pub fn is_doubtful(&self, suite: &str) -> bool {
        suite.ends_with("-security") && self.security_is_derived
    }

    /// Writes the line of a sources list for a suite; `None` when there is no mirror for it.
    pub fn source(&self, suite: &str) -> Option<String> {
        let uri = if suite.ends_with("-security") { self.security.as_ref()? } else { &self.archive };
        // A mirror's copy of a suite that changes daily may be past its date. The signature
        // still holds, and only kernels and emulators under test come from there.
        let lenient = if ["sid", "experimental"].contains(&suite) { " check-valid-until=no" } else { "" };
        let signed =
            if std::path::Path::new(KEYRING).is_file() { format!("signed-by={}", KEYRING) } else { String::new() };
        let options = format!("{}{}", signed, lenient);
        Some(format!("deb [{}] {} {} main", options.trim_start(), uri, suite).replace("[] ", ""))
    }
}

fn is_suite(release: &str) -> bool {
    release == "experimental"
        || BASES.iter().any(|b| release.strip_prefix(b).map_or(false, |suffix| DERIVED.contains(&suffix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_is_found_among_other_sources() {
        let targets = "DEP-11|https://a.invalid/apt/|bookworm|main\n\
                       Packages|https://a.invalid/apt/|cloud-sdk-bookworm|main\n\
                       Packages|https://b.invalid/node/|nodistro|main\n\
                       Packages|http://m.invalid/debian-security/|bookworm-security|main\n\
                       Packages|http://m.invalid/debian/|bookworm-updates|main\n\
                       Packages|http://m.invalid/debian/|bookworm|contrib\n";
        let mirrors = Mirrors::parse(targets).expect("mirrors");
        assert_eq!(mirrors.archive, "http://m.invalid/debian");
        assert_eq!(mirrors.security.as_deref(), Some("http://m.invalid/debian-security"));
        assert!(!mirrors.is_doubtful("bookworm-security"));
    }

    #[test]
    fn the_security_archive_is_derived_from_a_lone_line() {
        let mirrors = Mirrors::parse("Packages|http://m.invalid/debian/|bookworm|main\n").expect("mirrors");
        assert_eq!(mirrors.security.as_deref(), Some("http://m.invalid/debian-security"));
        assert!(mirrors.is_doubtful("bookworm-security"));
        assert!(!mirrors.is_doubtful("trixie"));
        let line = mirrors.source("bookworm-security").expect("line");
        assert!(line.ends_with("http://m.invalid/debian-security bookworm-security main"), "{}", line);
        let line = mirrors.source("sid").expect("line");
        assert!(
            line.contains("check-valid-until=no") && line.ends_with(" http://m.invalid/debian sid main"),
            "{}",
            line
        );
    }

    #[test]
    fn no_debian_archive_is_an_error_that_says_what_to_do() {
        let error = Mirrors::parse("Packages|http://u.invalid/ubuntu/|noble|main\n").expect_err("no archive");
        assert!(error.message.contains("sources.list"));
    }
}
