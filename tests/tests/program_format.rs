//! The page about the format of programs: its examples run, its mistakes are answered as written, and no name is missing.

use std::fs;
use std::path::Path;
use std::process::Command;

use granule_tests::environment::{self, BIN};
use granule_tests::process::Process;
use granule_tests::run::{Report, verdicts};
use program::Program;
use program::control::FIELDS;
use program::text::{PAGE_KINDS, REGISTERS};
use program::value::WINDOWS;
use report::event::Verdict;
use report::exit::Exit;

const FENCE: &str = "```";

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/programs.md")).unwrap()
}

/// The fenced parts of the page: what stands behind the first fence, and the text.
fn fenced(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (line.strip_prefix(FENCE), &mut open) {
            (Some(kind), None) => open = Some((kind.to_owned(), String::new())),
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some((_, text))) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is open");
    found
}

fn examples(page: &str) -> Vec<String> {
    fenced(page).into_iter().filter(|(kind, _)| kind == "granule").map(|(_, text)| text).collect()
}

#[test]
fn every_example_is_a_program_that_says_what_is_seen() {
    let examples = examples(&page());
    assert!(examples.len() >= 8, "{}", examples.len());
    for example in examples {
        let program: Program = example.parse().unwrap_or_else(|error| panic!("{example}{error}"));
        assert!(program.expects(), "{example}");
        assert_eq!(program.to_string().parse(), Ok(program), "{example}");
    }
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn every_mistake_is_answered_as_written() {
    let parts = fenced(&page());
    let wrong: Vec<_> = parts.windows(2).filter(|pair| pair[0].0 == "granule wrong").collect();
    assert!(wrong.len() >= 4, "{}", wrong.len());
    for pair in wrong {
        let [(_, text), (_, answer)] = pair else { unreachable!("windows of two") };
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("prog.granule"), text).unwrap();
        let mut command = Command::new(environment::file(BIN));
        let ended = Process::start(command.args(["trace", "prog.granule"]).current_dir(scratch.path())).end();
        assert_eq!(ended.status.code(), Some(Exit::Usage as i32), "{ended}");
        assert_eq!(ended.stderr, *answer, "{text}");
    }
}

#[test]
fn every_name_of_the_format_is_on_the_page() {
    let page = page();
    let kinds = PAGE_KINDS.iter().map(|(name, _)| *name);
    let names =
        kinds.chain(REGISTERS.iter().map(|register| register.name())).chain(WINDOWS.iter().map(|(name, _)| *name));
    for name in names.chain(FIELDS.iter().map(|field| field.name)) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn every_example_passes_on_the_model() {
    let scratch = tempfile::tempdir().unwrap();
    let examples = examples(&page());
    let files: Vec<_> = examples
        .iter()
        .enumerate()
        .map(|(number, text)| {
            let path = scratch.path().join(format!("example-{number}.granule"));
            fs::write(&path, text).unwrap();
            path
        })
        .collect();
    let mut command = Command::new(environment::file(BIN));
    command.args(["run", "--via", "model", "--format", "json"]).args(files);
    let report = Report { ended: Process::start(&mut command).end() };
    let verdicts = verdicts(&report.events(Exit::Passed));
    assert_eq!(verdicts.len(), examples.len());
    for (name, verdict) in verdicts {
        assert!(matches!(verdict, Verdict::Passed), "{name}: {verdict:?}");
    }
}
