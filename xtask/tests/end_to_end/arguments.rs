//! The user's arguments reach granule as they are: all of them, in their order, and nothing else.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::scratch::{Outcome, Scratch, run};

/// What granule was started with: its words and its variables.
struct Started {
    words: Vec<String>,
    variables: Vec<String>,
}

impl Started {
    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().find_map(|variable| variable.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Runs xtask, which must end with `status`, and returns how often and how granule was started.
fn started(scratch: &Scratch, words: &[&str], status: i32) -> (Vec<Started>, Outcome) {
    let before = scratch.calls().len();
    let outcome = run(scratch.xtask(words));
    assert_eq!(outcome.status, Some(status), "{:?}: {:?}", words, outcome);
    let mut runs = Vec::new();
    for call in &scratch.calls()[before..] {
        if call == "granule started" {
            runs.push(Started { words: Vec::new(), variables: Vec::new() });
        } else if let (Some(word), Some(run)) = (call.strip_prefix("granule argument "), runs.last_mut()) {
            run.words.push(word.to_string());
        } else if let (Some(variable), Some(run)) = (call.strip_prefix("granule variable "), runs.last_mut()) {
            run.variables.push(variable.to_string());
        }
    }
    (runs, outcome)
}

fn scratch(name: &str) -> Scratch {
    Scratch::new(name).with_installed("1.96.0").with_emulators()
}

#[test]
fn every_word_is_passed_on_in_its_place() {
    let scratch = scratch("words");
    for words in [
        &["run"][..],
        &["run", "kvm.*", "--kernel", "6.1", "--append=a b's", "--seed", "7", "--quiet", "arch.irg"],
        &["run", "--qemu=7.2", "--no-such-option", "--via", "nested", "--via", "nested", "--kernel="],
        &["run", "--append", "--kernel", "--", "--qemu", "9.9", "--help"],
        &["fuzz", "--known", "--seconds", "1", "--via=tcg"],
        &["kill-matrix", "st2g", "--quiet"],
        &["list", "--format", "json"],
    ] {
        let (runs, _) = started(&scratch, words, 0);
        assert_eq!(runs.len(), 1, "{:?}", words);
        assert_eq!(runs[0].words, words);
        assert_eq!(runs[0].variable("GRANULE_RERUN"), Some(&*format!("cargo xtask {}", words[0])));
    }
}

#[test]
fn a_word_that_is_no_text_is_passed_on_too() {
    let scratch = scratch("bytes");
    let mut command = scratch.xtask(&["run", "--via", "model"]);
    command.arg(OsStr::from_bytes(b"--firmware=/\xff")).arg(OsString::from("last"));
    assert_eq!(run(command).status, Some(0));
    let log = std::fs::read(scratch.path.join("log")).expect("log");
    let expected: &[u8] = b"granule argument --firmware=/\xff\ngranule argument last\n";
    assert!(log.windows(expected.len()).any(|part| part == expected));
}

#[test]
fn names_are_resolved_beside_the_command_line() {
    let scratch = scratch("names");
    let cached = |path: &str| scratch.path.join("cache").join(path).display().to_string();
    let in_path = scratch.path.join("programs/qemu-system-aarch64").display().to_string();

    let (runs, _) = started(&scratch, &["run", "--kernel", "6.1", "--qemu=7.2"], 0);
    assert_eq!(runs[0].variable("GRANULE_FOUND_KERNEL"), Some(&*cached("kernel-6.1/Image")));
    assert_eq!(runs[0].variable("GRANULE_FOUND_QEMU"), Some(&*cached("qemu-bookworm/bin/qemu-system-aarch64")));
    assert_eq!((runs[0].variable("GRANULE_KERNEL"), runs[0].variable("GRANULE_QEMU")), (None, None));

    let (runs, _) = started(&scratch, &["run"], 0);
    assert_eq!(runs[0].variable("GRANULE_KERNEL"), Some(&*cached("kernel-6.12/Image")));
    assert_eq!(runs[0].variable("GRANULE_QEMU"), Some(&*in_path));
    assert_eq!((runs[0].variable("GRANULE_FOUND_KERNEL"), runs[0].variable("GRANULE_FOUND_QEMU")), (None, None));

    // A path is the user's, and what a machine does without is not looked for.
    let (runs, _) = started(&scratch, &["run", "--kernel", "./Image", "--qemu", "/opt/qemu"], 0);
    assert!(!runs[0].variables.iter().any(|v| v.contains("KERNEL") || v.contains("QEMU")), "{:?}", runs[0].variables);
    for words in [&["run", "--via", "model", "--kernel", "5.4"][..], &["kill-matrix"], &["run", "--help"]] {
        let (runs, _) = started(&scratch, words, 0);
        assert!(!runs[0].variables.iter().any(|v| v.contains("KERNEL") || v.contains("QEMU")), "{:?}", words);
    }
    let (runs, _) = started(&scratch, &["run", "--via", "tcg", "--kernel", "5.4"], 0);
    assert!(runs[0].variable("GRANULE_QEMU").is_some() && runs[0].variable("GRANULE_FOUND_KERNEL").is_none());
}

#[test]
fn a_variable_of_the_user_may_be_a_name_too() {
    let scratch = scratch("variable");
    let mut command = scratch.xtask(&["run"]);
    command.env("GRANULE_KERNEL", "6.1").env("GRANULE_QEMU", "/opt/qemu");
    assert_eq!(run(command).status, Some(0));
    let kernel = scratch.path.join("cache/kernel-6.1/Image");
    let calls = scratch.calls();
    assert!(calls.contains(&format!("granule variable GRANULE_KERNEL={}", kernel.display())), "{:#?}", calls);
    assert!(calls.contains(&"granule variable GRANULE_QEMU=/opt/qemu".to_string()), "{:#?}", calls);
}

#[test]
fn names_that_set_up_does_not_know_are_usage_errors() {
    let scratch = scratch("unknown");
    for words in [&["run", "--kernel", "no-such-suite"][..], &["fuzz", "--via", "tcg", "--qemu", "5"]] {
        let (runs, outcome) = started(&scratch, words, 2);
        assert!(runs.is_empty() && outcome.stderr.contains("no such file"), "{:?}", outcome);
    }
}

#[test]
fn the_status_is_the_one_of_granule() {
    let scratch = scratch("status");
    for status in ["0", "1", "2", "4", "69"] {
        let mut command = scratch.xtask(&["run"]);
        command.env("FAKE_STATUS", status);
        assert_eq!(run(command).status.map(|status| status.to_string()).as_deref(), Some(status));
    }
}

#[test]
fn help_of_a_command_is_the_one_of_granule() {
    let scratch = scratch("help");
    for command in ["run", "fuzz", "kill-matrix", "list", "matrix"] {
        let (runs, outcome) = started(&scratch, &[command, "--help"], 0);
        assert_eq!(runs.len(), 1, "{}", command);
        assert!(outcome.stdout.contains(&format!("granule's own help for {}", command)), "{:?}", outcome);
    }
}

#[test]
fn the_matrix_takes_two_options_for_itself_and_rejects_others_before_any_cell_is_run() {
    let scratch = scratch("matrix");
    let (runs, _) = started(&scratch, &["matrix", "--all", "--cells", "6.1", "--json", "x.json"], 0);
    assert_eq!(runs.len(), 3, "the check, the cell and the table");
    let words = &runs[2].words;
    assert_eq!(words.iter().filter(|word| *word == "--all" || *word == "x.json").count(), 2, "{:?}", words);
    assert!(!words.iter().any(|word| word == "--cells") && words.last().map_or(false, |w| w.starts_with("6.1=")));

    let (runs, outcome) = started(&scratch, &["matrix", "--cells", "6.1", "--rejected"], 2);
    assert_eq!(runs.len(), 1, "only the check");
    assert!(outcome.stderr.contains("unexpected argument"), "{:?}", outcome);
}
