//! The part of granule's arguments that set-up must look at: `--qemu`, `--kernel` and `--via`.
//!
//! Nothing is removed, added, reordered or rejected: the words go to granule as the user gave them, and its own parser
//! accepts or rejects them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A QEMU or a kernel that the user chose.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// A file of theirs.
    Path(PathBuf),
    /// A version or a suite that set-up may know.
    Name(String),
}

impl Choice {
    /// Reads a value as a path, or as the name of a version or suite; `None` when it is empty.
    pub fn of(value: &OsStr, exists: impl Fn(&Path) -> bool) -> Option<Choice> {
        let path = Path::new(value);
        match value.to_str() {
            Some("") => None,
            Some(name) if !name.contains('/') && !exists(path) => Some(Choice::Name(name.to_string())),
            _ => Some(Choice::Path(path.to_path_buf())),
        }
    }
}

/// What set-up reads from the arguments. Missing or wrong values are granule's to reject.
#[derive(Debug, Default, PartialEq)]
pub struct Request {
    /// The value of `--qemu`.
    pub qemu: Option<Choice>,
    /// The value of `--kernel`.
    pub kernel: Option<Choice>,
    /// The value of `--via`.
    pub via: Option<String>,
    /// Whether help was asked for: then nothing will be run.
    pub help: bool,
}

/// The option whose value may begin with a hyphen, so that it may look like another option.
const FREE_TEXT: &str = "--append";

/// Reads the arguments.
pub fn read(arguments: &[OsString], exists: impl Fn(&Path) -> bool) -> Request {
    let mut request = Request::default();
    let mut words = arguments.iter().map(OsString::as_os_str).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        request.help |= word == "--help" || word == "-h";
        let (name, attached) = split(word);
        let value = match name.to_str() {
            Some(FREE_TEXT | "--qemu" | "--kernel" | "--via") => attached.or_else(|| words.next()),
            _ => None,
        };
        match (name.to_str(), value) {
            (Some("--qemu"), Some(value)) => request.qemu = Choice::of(value, &exists),
            (Some("--kernel"), Some(value)) => request.kernel = Choice::of(value, &exists),
            (Some("--via"), Some(value)) => request.via = Some(value.to_string_lossy().into_owned()),
            _ => {}
        }
    }
    request
}

/// Splits `--name=value`; a word without an equals sign is all name.
fn split(word: &OsStr) -> (&OsStr, Option<&OsStr>) {
    let bytes = word.as_bytes();
    match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) => (OsStr::from_bytes(&bytes[..at]), Some(OsStr::from_bytes(&bytes[at + 1..]))),
        None => (word, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &[&str]) -> Request {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        read(&words, |path| path == Path::new("Image"))
    }

    fn name(name: &str) -> Option<Choice> {
        Some(Choice::Name(name.to_string()))
    }

    #[test]
    fn versions_are_names_and_files_are_paths() {
        let read = request(&["--qemu", "7.2", "--kernel=./6.12"]);
        assert_eq!(read.qemu, name("7.2"));
        assert_eq!(read.kernel, Some(Choice::Path("./6.12".into())));
        assert_eq!(request(&["--kernel", "Image"]).kernel, Some(Choice::Path("Image".into())));
        assert_eq!(request(&["kvm.*", "--via", "tcg", "--seed", "1"]).via.as_deref(), Some("tcg"));
    }

    #[test]
    fn what_looks_like_an_option_and_is_none_is_left_alone() {
        assert_eq!(request(&["--", "--qemu", "7.2", "--help"]), Request::default());
        assert_eq!(request(&["--append", "--kernel", "6.1"]), Request::default());
        assert_eq!(request(&["--append=--qemu=7.2", "--qemuu", "7.2"]), Request::default());
        assert_eq!(request(&["--append", "-h", "--kernel", "6.1"]).kernel, name("6.1"));
    }

    #[test]
    fn what_granule_will_reject_is_no_error_here() {
        assert_eq!(request(&["--kernel"]), Request::default());
        assert_eq!(request(&["--qemu=", "--frobnicate"]), Request::default());
    }

    #[test]
    fn help_is_noticed_wherever_it_stands() {
        assert!(request(&["-h"]).help && request(&["--via", "tcg", "--help"]).help);
        assert!(!request(&["--", "-h"]).help);
    }
}
