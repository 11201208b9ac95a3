//! The output of apt, read into types: packages and where they are, what a suite offers, how much was fetched.

use crate::failure::{Failure, Result};

/// A package as apt would fetch it.
#[derive(Debug, PartialEq, Clone)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version, with the epoch.
    pub version: String,
    /// The bytes to fetch.
    pub size: u64,
}

/// A package that a suite offers.
#[derive(Debug, PartialEq, Default, Clone)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Names of what it depends on, without versions.
    pub depends: Vec<String>,
}

/// Reads a line of `--print-uris`: `'URI' NAME_VERSION_ARCH.deb SIZE CHECKSUM`.
pub fn parse_uri(line: &str) -> Result<Package> {
    let unexpected =
        || Failure::unavailable(format!("expected a package's address from apt-get --print-uris, found: {}", line));
    let mut words = line.split_whitespace().skip(1);
    let file = words.next().ok_or_else(unexpected)?;
    let size = words.next().and_then(|w| w.parse().ok()).ok_or_else(unexpected)?;
    let mut parts = file.split('_');
    match (parts.next(), parts.next()) {
        (Some(name), Some(version)) => {
            Ok(Package { name: name.to_string(), version: version.replace("%3a", ":").replace("%7e", "~"), size })
        }
        _ => Err(unexpected()),
    }
}

/// Reads the total of `apt-get update`; 0 when it fetched nothing.
pub fn parse_fetched(text: &str) -> u64 {
    let line = text.lines().rev().find_map(|l| l.trim().strip_prefix("Fetched "));
    let mut words = line.unwrap_or("").split_whitespace();
    let number: f64 = words.next().and_then(|w| w.replace(',', "").parse().ok()).unwrap_or(0.0);
    let unit = match words.next() {
        Some("kB") => 1e3,
        Some("MB") => 1e6,
        Some("GB") => 1e9,
        _ => 1.0,
    };
    (number * unit) as u64
}

/// Reads the stanzas of `apt-cache show`.
pub fn parse_offers(text: &str) -> Vec<Offer> {
    let mut offers = Vec::new();
    for stanza in text.split("\n\n") {
        let field = |name: &str| stanza.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
        if let (Some(name), Some(version)) = (field("Package"), field("Version")) {
            let depends = field("Depends").unwrap_or("").split(',');
            let depends = depends.filter_map(|d| d.split_whitespace().next()).map(str::to_string).collect();
            offers.push(Offer { name: name.to_string(), version: version.to_string(), depends });
        }
    }
    offers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_uri_gives_name_version_and_size() {
        let line = "'http://m.invalid/pool/l/libllvm22_22.1.8-1%7edeb12u1_amd64.deb' libllvm22_1%3a22.1.8-1~deb12u1_amd64.deb 29378692 SHA256:0";
        let package = parse_uri(line).expect("package");
        assert_eq!(package.name, "libllvm22");
        assert_eq!(package.version, "1:22.1.8-1~deb12u1");
        assert_eq!(package.size, 29_378_692);
        assert!(parse_uri("'http://m.invalid/x.deb' x.deb").is_err());
    }

    #[test]
    fn the_bytes_of_an_update_are_read_in_every_unit() {
        assert_eq!(parse_fetched("Get:1 x\nFetched 11.4 MB in 2s (6572 kB/s)\nReading package lists..."), 11_400_000);
        assert_eq!(parse_fetched("Fetched 9,354 kB in 1s (9478 kB/s)"), 9_354_000);
        assert_eq!(parse_fetched("Fetched 512 B in 0s (9478 B/s)"), 512);
        assert_eq!(parse_fetched("Hit:1 x\nReading package lists..."), 0);
    }

    #[test]
    fn stanzas_give_offers() {
        let text = "Package: linux-image-7.3-cloud-arm64\nVersion: 7.3~rc7-1~exp1\n\
                    Depends: dracut | initramfs-tools (>= 0.120), linux-binary-7.3-cloud-arm64 (= 7.3~rc7-1~exp1)\n\n\
                    Package: b\nVersion: 2\n\n";
        let offers = parse_offers(text);
        assert_eq!(offers.len(), 2);
        assert_eq!(offers[0].version, "7.3~rc7-1~exp1");
        assert_eq!(offers[0].depends, ["dracut", "linux-binary-7.3-cloud-arm64"]);
        assert_eq!(offers[1].depends, Vec::<String>::new());
    }
}
