//! The QEMU program: which versions will do, and what its error messages mean.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use machine::Explain;

use crate::child::{Output, Subprocess};

/// The oldest QEMU with all that a nested run needs. Older than 8 has a defect that the suite finds.
const OLDEST: (u32, u32) = (6, 2);

/// Why QEMU cannot run the suite.
#[derive(Debug, thiserror::Error)]
pub enum QemuError {
    /// No such program.
    #[error("{} was not found", program.display())]
    NotFound {
        /// As looked for.
        program: PathBuf,
    },
    /// The program cannot be started.
    #[error("{} cannot be started: {source}", program.display())]
    NotStarted {
        /// As looked for.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It answers `--version` with something else.
    #[error("{} --version: expected `QEMU emulator version …`, found {found:?}", program.display())]
    NotQemu {
        /// As looked for.
        program: PathBuf,
        /// The first line it printed.
        found: String,
    },
    /// Too old.
    #[error("QEMU {version} is too old: a nested run needs {}.{} or newer, and 8.0 or newer to emulate tags rightly", OLDEST.0, OLDEST.1)]
    TooOld {
        /// What it says.
        version: String,
    },
    /// The CPU can have no tags.
    #[error("the CPU named with --cpu has no MTE, says QEMU")]
    NoMte,
    /// It ended before the kernel said anything.
    #[error("QEMU does not accept this run: {}\n{errors}", meaning.reason)]
    Refused {
        /// What its error text means.
        meaning: Meaning,
        /// Its error text.
        errors: String,
    },
}

/// What is likely wrong, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// What is wrong.
    pub reason: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

impl Explain for QemuError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::NotFound { .. } => "install QEMU for arm64 (Debian: qemu-system-arm), or give its path with --qemu",
            Self::NotStarted { .. } => "give the path of an executable qemu-system-aarch64 with --qemu",
            Self::NotQemu { .. } => "give the path of qemu-system-aarch64 with --qemu",
            Self::TooOld { .. } => "give another with --qemu",
            Self::NoMte => "use one that has, such as max, neoverse-n2 or cortex-a710",
            Self::Refused { meaning, .. } => meaning.remedy,
        }))
    }
}

/// A QEMU that can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qemu {
    /// The program.
    pub program: PathBuf,
    /// Its version, such as `10.0.2`.
    pub version: String,
}

impl Qemu {
    /// Asks a program for its version.
    ///
    /// # Errors
    ///
    /// When it is not there, not QEMU, too old, or does not answer by the deadline.
    pub fn probe(program: &Path, deadline: Instant) -> Result<Self, QemuError> {
        let not_started = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => QemuError::NotFound { program: program.to_owned() },
            _ => QemuError::NotStarted { program: program.to_owned(), source },
        };
        let mut command = Command::new(program);
        command.arg("--version");
        let mut child = Subprocess::start(command, None).map_err(not_started)?;
        let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
        while answer.len() < buffer.len()
            && let Output::Bytes(count) = child.read(&mut buffer, deadline).map_err(not_started)?
        {
            answer.extend_from_slice(&buffer[..count]);
        }
        let (_, errors) = child.end(deadline);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let version = version(&answer).ok_or_else(|| QemuError::NotQemu {
            program: program.to_owned(),
            found: answer.lines().chain(errors.lines()).next().unwrap_or_default().to_owned(),
        })?;
        let parts: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
        match parts[..] {
            [major, minor, ..] if (major, minor) >= OLDEST => Ok(Self { program: program.to_owned(), version }),
            _ => Err(QemuError::TooOld { version }),
        }
    }
}

/// Finds the version in `QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-1)`.
fn version(answer: &str) -> Option<String> {
    let (_, rest) = answer.lines().next()?.split_once("QEMU emulator version ")?;
    let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    (!version.is_empty()).then_some(version)
}

/// What QEMU says of a CPU that can have no tags.
const NO_MTE: &str = "MTE requested, but not supported";

/// Makes a meaning.
const fn means(reason: &'static str, remedy: &'static str) -> Meaning {
    Meaning { reason, remedy }
}

/// What a part of QEMU's error text means; the first that fits.
const MEANINGS: &[(&[&str], Meaning)] = &[
    (&["mte' not found", "mte' is not"], means("it does not know mte=on", "give QEMU 8 or newer with --qemu")),
    (
        &["unable to find CPU model", "invalid CPU model", "Invalid CPU model", "invalid CPU type", "Invalid CPU type"],
        means(
            "it does not know the CPU named with --cpu",
            "name one of those that `qemu-system-aarch64 -M virt -cpu help` lists",
        ),
    ),
    (
        &["can't apply global", "Property '"],
        means(
            "it does not know a property of the CPU named with --cpu",
            "leave it out, or give a newer QEMU with --qemu",
        ),
    ),
    (
        &["unsupported machine type", "virtualization' not found"],
        means("it cannot emulate this machine", "give qemu-system-aarch64 with --qemu"),
    ),
    (
        &["cannot set up guest memory", "Cannot allocate memory"],
        means("this host lacks the memory", "give less with --mem"),
    ),
    (&["Invalid SMP CPUs", "max CPUs supported"], means("it cannot emulate that many CPUs", "give fewer with --smp")),
    (
        &["kernel", "initrd"],
        means(
            "it cannot load the kernel or its initramfs",
            "give more memory with --mem, or another kernel with --kernel",
        ),
    ),
];

/// What any other text means.
const OTHER_REFUSAL: Meaning =
    means("see its own words below", "see the options --qemu, --cpu, --smp, --mem and --kernel");

/// Makes an error of what QEMU said before it ended.
#[must_use]
pub fn refusal(errors: String) -> QemuError {
    if errors.contains(NO_MTE) {
        return QemuError::NoMte;
    }
    QemuError::Refused { meaning: meaning(&errors), errors }
}

/// Returns what QEMU's error text means.
fn meaning(errors: &str) -> Meaning {
    let known = MEANINGS.iter().find(|(parts, _)| parts.iter().any(|part| errors.contains(part)));
    known.map_or(OTHER_REFUSAL, |(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Writes a program. A shell does it: a file that this process has open for writing cannot be started
    /// while another test's child has inherited it.
    fn script(directory: &Path, text: &str) -> PathBuf {
        let path = directory.join("qemu");
        let status = Command::new("/bin/sh")
            .args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod +x \"$1\"", "sh"])
            .args([&path, Path::new(text)])
            .status();
        assert!(status.unwrap().success());
        path
    }

    fn probe(text: &str) -> Result<Qemu, QemuError> {
        let directory = tempfile::tempdir().unwrap();
        Qemu::probe(&script(directory.path(), text), Instant::now() + Duration::from_secs(20))
    }

    #[test]
    fn versions_are_read_from_what_distributions_print() {
        assert_eq!(version("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-1)\n").as_deref(), Some("10.0.2"));
        assert_eq!(version("QEMU emulator version 9.2.50 (v9.1.0-1-gabc)").as_deref(), Some("9.2.50"));
        assert_eq!(version("GNU bash"), None);
    }

    #[test]
    fn each_unusable_qemu_has_its_own_error() {
        assert_eq!(probe("echo QEMU emulator version 7.2.11").unwrap().version, "7.2.11");
        assert!(
            matches!(probe("echo QEMU emulator version 5.2.0"), Err(QemuError::TooOld { version }) if version == "5.2.0")
        );
        assert!(matches!(probe("echo other"), Err(QemuError::NotQemu { found, .. }) if found == "other"));
        assert!(
            matches!(probe("echo no libc >&2; exit 1"), Err(QemuError::NotQemu { found, .. }) if found == "no libc")
        );
        let soon = Instant::now() + Duration::from_secs(20);
        assert!(matches!(Qemu::probe(Path::new("/nonexistent"), soon), Err(QemuError::NotFound { .. })));
        assert!(matches!(Qemu::probe(Path::new("/etc/passwd"), soon), Err(QemuError::NotStarted { .. })));
    }

    #[test]
    fn known_qemu_errors_are_explained() {
        let texts = [
            "qemu: Property 'virt-5.0-machine.mte' not found",
            "qemu: unable to find CPU model 'x'",
            "qemu: can't apply global max-arm-cpu.foo=on: Property 'max-arm-cpu.foo' not found",
            "something else",
        ];
        let of = |text: &&str| refusal((*text).to_owned()).reason().lines().next().map(str::to_owned);
        let mut reasons: Vec<_> = texts.iter().map(of).collect();
        reasons.sort_unstable();
        reasons.dedup();
        assert_eq!(reasons.len(), texts.len(), "{reasons:?}");
        let no_mte = "qemu: MTE requested, but not supported by the guest CPU";
        assert!(matches!(refusal(no_mte.to_owned()), QemuError::NoMte));
    }
}
