//! apt with a state, a cache and a configuration of its own.
//!
//! It must neither read nor write the system's state: other architectures, other suites and users
//! who are not root all work that way. Of the machine's configuration only what reaches the
//! network (proxies, certificates) is taken over; hooks are not.

mod output;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

pub use self::output::{Offer, Package};
use self::output::{parse_fetched, parse_offers, parse_uri};
use super::mirrors::Mirrors;
use crate::failure::{Failure, Result};
use crate::processes;
use crate::report::{self, Report};

/// How often a command that uses the network is tried; apt itself retries each file as well.
const ATTEMPTS: u32 = 2;

/// apt for one architecture and a few suites.
pub struct Apt {
    directory: PathBuf,
    architecture: String,
    asked: Vec<String>,
    suites: Vec<String>,
}

impl Apt {
    /// Creates the private state in `directory` and fetches the lists of the suites.
    ///
    /// # Errors
    /// A suite cannot be reached.
    pub fn open(
        directory: PathBuf,
        mirrors: &Mirrors,
        architecture: &str,
        suites: &[&str],
        report: &Report,
    ) -> Result<Apt> {
        let mut apt = Apt {
            directory,
            architecture: architecture.to_string(),
            asked: suites.iter().map(|s| s.to_string()).collect(),
            suites: Vec::new(),
        };
        for below in ["state/lists/partial", "cache/archives/partial"] {
            let path = apt.directory.join(below);
            fs::create_dir_all(&path).map_err(|e| Failure::io("make", &path, &e))?;
        }
        apt.write("status", "")?;
        apt.write("apt.conf", &configuration(&apt.directory, architecture, &network_settings()?))?;
        let sure: Vec<&str> = suites.iter().copied().filter(|s| !mirrors.is_doubtful(s)).collect();
        let started = Instant::now();
        let fetched = match apt.update(mirrors, suites) {
            Err(failure) if sure.len() < suites.len() => {
                report.step(&format!(
                    "the security archive is not beside the mirror that apt uses; going on without it\n{}",
                    failure.message
                ));
                apt.update(mirrors, &sure)?
            }
            result => result?,
        };
        report.add_fetched(fetched);
        report.step(&format!(
            "package lists of {} ({}): {} in {}",
            apt.suites.join(", "),
            architecture,
            report::size(fetched),
            report::seconds(started.elapsed())
        ));
        Ok(apt)
    }

    /// Returns whether it was opened for that architecture and those suites.
    pub fn serves(&self, architecture: &str, suites: &[&str]) -> bool {
        self.architecture == architecture && self.asked == suites
    }

    /// Returns the packages to fetch for `wanted`, on a system that has only `provided`.
    pub fn closure(&self, wanted: &[String], provided: &[&str]) -> Result<Vec<Package>> {
        self.write("status", &status(provided, &self.architecture))?;
        let mut command = self.command("apt-get");
        command.args(["install", "--print-uris", "-qq", "--no-install-recommends"]).args(wanted);
        let text = processes::output(&mut command).map_err(|f| self.in_these_suites(f))?;
        text.lines().filter(|l| l.starts_with('\'')).map(parse_uri).collect()
    }

    /// Fetches packages into a directory. apt compares them with the checksums of the signed lists.
    pub fn download(&self, packages: &[Package], into: &Path) -> Result<()> {
        self.try_often(|| {
            let mut command = self.command("apt-get");
            command.arg("download").arg("-qq").current_dir(into);
            command.args(packages.iter().map(|p| format!("{}={}", p.name, p.version)));
            processes::output(&mut command).map(|_| ())
        })
    }

    /// Returns the names of the packages that start with `prefix`.
    pub fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let text = processes::output(self.command("apt-cache").arg("pkgnames").arg(prefix))?;
        Ok(text.lines().map(str::to_string).collect())
    }

    /// Returns every version of the named packages.
    pub fn offers(&self, names: &[String]) -> Result<Vec<Offer>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let text = processes::output(self.command("apt-cache").args(["show", "--all-versions"]).args(names))?;
        Ok(parse_offers(&text))
    }

    /// Returns the suites that were asked, for a message.
    pub fn suites(&self) -> String {
        self.suites.join(", ")
    }

    fn in_these_suites(&self, failure: Failure) -> Failure {
        Failure::unavailable(format!("{}\n  (asked: {} for {})", failure.message, self.suites(), self.architecture))
    }

    fn update(&mut self, mirrors: &Mirrors, suites: &[&str]) -> Result<u64> {
        let mut lines = String::new();
        self.suites.clear();
        for suite in suites {
            if let Some(line) = mirrors.source(suite) {
                lines.push_str(&line);
                lines.push('\n');
                self.suites.push(suite.to_string());
            }
        }
        self.write("sources.list", &lines)?;
        self.try_often(|| processes::output(self.command("apt-get").args(["update", "-q"])))
            .map(|text| parse_fetched(&text))
            .map_err(|failure| {
                Failure::unavailable(format!(
                    "cannot fetch the package lists of {} ({}):\n{}\n  check the network and apt's proxy settings, or name local files with --qemu PATH and --kernel PATH",
                    self.suites(),
                    self.architecture,
                    failure.message
                ))
            })
    }

    fn try_often<T>(&self, attempt: impl Fn() -> Result<T>) -> Result<T> {
        let mut result = attempt();
        for n in 1..ATTEMPTS {
            match &result {
                Err(failure) if !failure.message.contains("No space left") => {
                    eprintln!("  attempt {} of {} failed, trying again\n{}", n, ATTEMPTS, failure.message);
                    result = attempt();
                }
                _ => break,
            }
        }
        result
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.directory.join("apt.conf"));
        command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
        command
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.directory.join(name);
        fs::write(&path, text).map_err(|e| Failure::io("write", &path, &e))
    }
}

/// Returns the network settings of the machine's apt.
fn network_settings() -> Result<String> {
    let dump = processes::output(Command::new("apt-config").arg("dump"))?;
    Ok(keep_network_settings(&dump))
}

fn keep_network_settings(dump: &str) -> String {
    const KEPT: &[&str] = &["acquire::http", "acquire::tor", "acquire::forceipv", "acquire::proxy"];
    let kept = |line: &&str| {
        let lower = line.to_ascii_lowercase();
        KEPT.iter().any(|prefix| lower.starts_with(prefix))
    };
    dump.lines().filter(kept).map(|line| format!("{}\n", line)).collect()
}

/// Writes the private configuration. apt reads it before all others, and it switches those off.
fn configuration(directory: &Path, architecture: &str, network: &str) -> String {
    let d = directory.display();
    format!(
        "{network}\
         Dir::Etc::main \"/dev/null\";\n\
         Dir::Etc::parts \"/dev/null\";\n\
         Dir::Etc::sourcelist \"{d}/sources.list\";\n\
         Dir::Etc::sourceparts \"/dev/null\";\n\
         Dir::Etc::preferences \"/dev/null\";\n\
         Dir::Etc::preferencesparts \"/dev/null\";\n\
         Dir::State \"{d}/state\";\n\
         Dir::State::status \"{d}/status\";\n\
         Dir::State::extended_states \"{d}/extended_states\";\n\
         Dir::Cache \"{d}/cache\";\n\
         Dir::Cache::srcpkgcache \"\";\n\
         Dir::Log \"{d}\";\n\
         APT::Architecture \"{architecture}\";\n\
         APT::Architectures {{ \"{architecture}\"; }};\n\
         APT::Sandbox::User \"root\";\n\
         APT::Install-Recommends \"false\";\n\
         APT::Update::Error-Mode \"any\";\n\
         APT::Get::Assume-Yes \"true\";\n\
         Acquire::Languages \"none\";\n\
         Acquire::PDiffs \"false\";\n\
         Acquire::Retries \"3\";\n\
         Debug::NoLocking \"true\";\n",
        network = network,
        d = d,
        architecture = architecture
    )
}

/// Writes a dpkg status in which just these packages are installed, newer than any.
fn status(provided: &[&str], architecture: &str) -> String {
    provided
        .iter()
        .map(|name| {
            format!(
                "Package: {}\nStatus: install ok installed\nArchitecture: {}\nMulti-Arch: same\nVersion: 99:9\n\
                 Provides: libc-dev, c-compiler\nMaintainer: none\nDescription: the machine's own\n\n",
                name, architecture
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_network_settings_are_taken_over() {
        let dump = "APT::Update::Post-Invoke:: \"rm -f x\";\nAcquire::http::Proxy \"http://p.invalid:3128\";\n\
                    Acquire::https::CaInfo \"/etc/ca.pem\";\nAcquire::Languages:: \"de\";\n";
        assert_eq!(
            keep_network_settings(dump),
            "Acquire::http::Proxy \"http://p.invalid:3128\";\nAcquire::https::CaInfo \"/etc/ca.pem\";\n"
        );
    }

    #[test]
    fn the_status_lists_what_is_provided() {
        let text = status(&["libc6", "gcc"], "amd64");
        assert_eq!(text.matches("Status: install ok installed").count(), 2);
        assert!(text.contains("Package: gcc\n") && text.contains("Architecture: amd64\n"));
        assert_eq!(status(&[], "amd64"), "");
    }
}
