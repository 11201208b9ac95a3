//! The arguments of `cargo xtask run`: what set-up must look at, and what is passed on untouched.
//!
//! Only `--qemu`, `--kernel` and `--via` are acted on here. Everything else belongs to `granule run`;
//! of that, what a repetition of the run needs is noted as well.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// A QEMU or a kernel that the user chose.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// A file of theirs.
    Path(PathBuf),
    /// A version or a suite that set-up may know.
    Name(String),
}

impl Choice {
    /// Returns what the user wrote.
    pub fn into_os_string(self) -> OsString {
        match self {
            Choice::Path(path) => path.into_os_string(),
            Choice::Name(name) => name.into(),
        }
    }
}

/// The arguments of one run.
#[derive(Debug, Default, PartialEq)]
pub struct RunArguments {
    /// The value of the last `--qemu`.
    pub qemu: Option<Choice>,
    /// The value of the last `--kernel`.
    pub kernel: Option<Choice>,
    /// The value of the last `--via`.
    pub via: Option<String>,
    /// Help was asked for: nothing will be run.
    pub help: bool,
    /// All other arguments, in order.
    pub rest: Vec<OsString>,
    /// The options that a repetition needs, as the user gave them, quoted for a shell.
    pub repeated: String,
}

/// Options of `granule run` that decide what a case runs on; each has a value.
const REPEATED: &[&str] =
    &["--via", "--kernel", "--qemu", "--agent", "--cpu", "--append", "--smp", "--mem", "--firmware", "--guest-timeout"];
/// Those without a value.
const REPEATED_FLAGS: &[&str] = &["--fresh-vms", "--hazards"];

/// Reads the arguments.
///
/// # Errors
/// An option that needs a value has none.
pub fn parse(arguments: impl IntoIterator<Item = OsString>, exists: impl Fn(&Path) -> bool) -> Result<RunArguments> {
    let mut parsed = RunArguments::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy().into_owned();
        if text == "--" {
            parsed.rest.push(argument);
            parsed.rest.extend(arguments);
            break;
        }
        if REPEATED_FLAGS.contains(&text.as_str()) {
            parsed.repeated.push_str(&format!(" {}", text));
        }
        parsed.help |= text == "--help" || text == "-h";
        let (name, attached) = match text.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (text.as_str(), None),
        };
        if !REPEATED.contains(&name) {
            parsed.rest.push(argument);
            continue;
        }
        let name = name.to_string();
        let value = attached
            .or_else(|| arguments.next())
            .filter(|v| !v.is_empty() || name == "--append")
            .ok_or_else(|| Failure::usage(format!("{} needs a value{}", name, expected(&name))))?;
        parsed.repeated.push_str(&format!(" {} {}", name, quoted(&value.to_string_lossy())));
        match name.as_str() {
            "--qemu" => parsed.qemu = Some(choice(&value, &exists)),
            "--kernel" => parsed.kernel = Some(choice(&value, &exists)),
            "--via" => parsed.via = Some(value.to_string_lossy().into_owned()),
            _ => parsed.rest.extend([OsString::from(name), value]),
        }
    }
    Ok(parsed)
}

fn expected(name: &str) -> &'static str {
    match name {
        "--qemu" => ": a path, or a version such as 10",
        "--kernel" => ": a path, or a series such as 6.12",
        "--via" => ": a machine, such as nested",
        _ => "; see cargo xtask run --help",
    }
}

/// Quotes a word for a POSIX shell, if it needs it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Reads a value as a path, or as the name of a version or suite.
pub fn choice(value: &OsStr, exists: &impl Fn(&Path) -> bool) -> Choice {
    let path = Path::new(value);
    match value.to_str() {
        Some(name) if !name.contains('/') && !exists(path) => Choice::Name(name.to_string()),
        _ => Choice::Path(path.to_path_buf()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> RunArguments {
        parse(words.iter().map(OsString::from), |p| p == Path::new("Image")).expect("arguments")
    }

    #[test]
    fn versions_are_names_and_files_are_paths() {
        let a = parsed(&["--qemu", "7.2", "--kernel=./6.12"]);
        assert_eq!(a.qemu, Some(Choice::Name("7.2".into())));
        assert_eq!(a.kernel, Some(Choice::Path("./6.12".into())));
        assert_eq!(parsed(&["--kernel", "Image"]).kernel, Some(Choice::Path("Image".into())));
    }

    #[test]
    fn everything_else_is_passed_on_in_order() {
        let a = parsed(&["kvm.*", "--qemu=10", "--append", "kvm-arm.mode=nvhe", "--via", "tcg", "--seed", "1"]);
        assert_eq!(a.rest, ["kvm.*", "--append", "kvm-arm.mode=nvhe", "--seed", "1"]);
        assert_eq!(a.via.as_deref(), Some("tcg"));
        assert_eq!(parsed(&["--", "--qemu", "x"]).rest, ["--", "--qemu", "x"]);
        assert!(parsed(&["-h"]).help);
    }

    #[test]
    fn a_repetition_names_the_options_and_not_the_cases() {
        let a = parsed(&["kvm.*", "--kernel", "6.1", "--append=a b's", "--seed", "7", "--quiet", "--hazards"]);
        assert_eq!(a.repeated, " --kernel 6.1 --append 'a b'\\''s' --hazards");
        assert_eq!(a.rest, ["kvm.*", "--append", "a b's", "--seed", "7", "--quiet", "--hazards"]);
    }

    #[test]
    fn a_missing_value_is_a_usage_error() {
        let error = parse([OsString::from("--kernel")], |_| false).expect_err("no value");
        assert_eq!(error.status, crate::failure::STATUS_USAGE);
        assert!(parse([OsString::from("--qemu=")], |_| false).is_err());
    }
}
