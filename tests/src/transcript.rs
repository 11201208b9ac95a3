//! Transcripts in documents: a command behind `$` in a fenced part, and what it prints. `…` on a line of its own stands for any
//! lines, and within a line for any text.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::environment::{self, AGENT, BIN, KERNEL_6_12, QEMU};
use crate::process::{ExitedProcess, Process};

const FENCE: &str = "```";
const ANYTHING: char = '…';

/// A command and what a document says that it prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// The command as a shell reads it.
    pub command: String,
    /// The lines.
    pub lines: Vec<String>,
}

/// Reads a document of the project.
///
/// # Panics
///
/// When it cannot be read.
#[must_use]
pub fn document(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Lists the transcripts of a document whose command begins with one of these, `cargo xtask` or `granule` before it.
#[must_use]
pub fn of(document: &str, commands: &[&str]) -> Vec<Transcript> {
    let mut transcripts = Vec::new();
    let mut open: Option<Transcript> = None;
    let mut inside = false;
    for line in document.lines() {
        if line.starts_with(FENCE) {
            inside = !inside;
            transcripts.extend(open.take());
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            transcripts.extend(open.take());
            open = Some(Transcript { command: command.to_owned(), lines: Vec::new() });
        } else if let Some(transcript) = &mut open {
            transcript.lines.push(line.to_owned());
        }
    }
    transcripts.retain(|transcript| {
        let words = arguments(&transcript.command);
        commands.iter().any(|command| words.is_some_and(|words| words.split(' ').next() == Some(command)))
    });
    transcripts
}

/// Returns a command without the program.
fn arguments(command: &str) -> Option<&str> {
    command.strip_prefix("cargo xtask ").or_else(|| command.strip_prefix("granule "))
}

impl Transcript {
    /// Runs the command as a user's shell does.
    ///
    /// # Panics
    ///
    /// When granule or what it runs on is missing.
    #[must_use]
    pub fn run(&self) -> ExitedProcess {
        let arguments = arguments(&self.command).unwrap_or_default();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("exec \"$GRANULE_BIN\" {arguments}")]).env(BIN, environment::file(BIN));
        if arguments.contains("--via") {
            shell.env("GRANULE_QEMU", environment::file(QEMU)).env("GRANULE_AGENT", environment::file(AGENT));
            shell.env("GRANULE_KERNEL", environment::file(KERNEL_6_12));
        }
        Process::start(&mut shell).end()
    }

    /// Checks that the command prints what the document says.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn check(&self) -> ExitedProcess {
        let (ended, expected) = (self.run(), self.lines.join("\n"));
        assert!(matches(&expected, &ended.stdout), "{}\n-- expected\n{expected}\n{ended}", self.command);
        ended
    }
}

/// Returns whether a command printed what a document says.
#[must_use]
pub fn matches(expected: &str, found: &str) -> bool {
    let [expected, found] = [expected, found].map(|text| text.lines().map(str::trim_end).collect::<Vec<_>>());
    lines_match(&expected, &found)
}

fn lines_match(expected: &[&str], found: &[&str]) -> bool {
    match (expected, found) {
        ([], found) => found.is_empty(),
        ([first, rest @ ..], found) if first.trim() == ANYTHING.to_string() => {
            (0..=found.len()).any(|skipped| lines_match(rest, &found[skipped..]))
        }
        ([_, ..], []) => false,
        ([first, rest @ ..], [line, later @ ..]) => line_matches(first, line) && lines_match(rest, later),
    }
}

fn line_matches(expected: &str, found: &str) -> bool {
    match expected.split_once(ANYTHING) {
        None => expected == found,
        Some((before, after)) => found.strip_prefix(before).is_some_and(|rest| rest.ends_with(after)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transcripts_are_found_by_their_command() {
        let text = "```\n$ cargo xtask trace -e nop\na\n$ cargo xtask run\nb\n```\n$ granule trace\n```console\n$ granule list x\n…\n```\n";
        let found = of(text, &["trace", "list"]);
        let commands: Vec<_> = found.iter().map(|transcript| transcript.command.as_str()).collect();
        assert_eq!(commands, ["cargo xtask trace -e nop", "granule list x"]);
        assert_eq!(found[0].lines, ["a"]);
    }

    #[test]
    fn anything_stands_for_lines_and_for_text_and_for_nothing_else() {
        let same = |expected: &str, found: &str| {
            lines_match(&expected.lines().collect::<Vec<_>>(), &found.lines().collect::<Vec<_>>())
        };
        assert!(same("a\n  …\nd", "a\nb\nc\nd") && same("a\n…\nd", "a\nd") && same("QEMU …, cpu", "QEMU 10.0, cpu"));
        assert!(!same("a\nb", "a\nc") && !same("a", "a\nb") && !same("a\nb", "a") && !same("x…z", "xy"));
        assert!(!same("…\nb\n…", "a\nc"));
    }
}
