//! The table of foreign facts, `tests/facts/`: what the Arm ARM and other projects' tests say about memory tagging, in our own
//! words, each a program that says what should be seen. It holds on the specification, on QEMU alone and in KVM, and each of its
//! expectations can fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use granule_tests::environment::{self, AGENT, BIN, KERNEL_6_12, QEMU};
use granule_tests::process::Process;
use granule_tests::run::{Report, verdicts};
use program::expectation::FaultPattern;
use program::{Expectation, Program, Step};
use report::event::Verdict;
use report::exit::Exit;

/// Facts that the table must have.
const LEAST: usize = 40;

/// Returns the files of the table, in the order of their names.
fn facts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("facts");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Runs programs on a machine, and returns their verdicts.
fn run(via: &str, files: &[PathBuf], exit: Exit) -> Vec<(String, Verdict)> {
    let mut command = Command::new(environment::file(BIN));
    command.args(["run", "--via", via, "--format", "json", "--seed", "1"]);
    if via != "model" {
        command.arg("--qemu").arg(environment::file(QEMU));
    }
    if via == "nested" {
        command.arg("--kernel").arg(environment::file(KERNEL_6_12)).arg("--agent").arg(environment::file(AGENT));
    }
    let report = Report { ended: Process::start(command.args(files)).end() };
    let verdicts = verdicts(&report.events(exit));
    assert_eq!(verdicts.len(), files.len(), "{via}");
    verdicts
}

#[test]
fn each_fact_has_a_source_and_says_what_is_seen() {
    let facts = facts();
    assert!(facts.len() >= LEAST, "{}", facts.len());
    for path in &facts {
        let text = fs::read_to_string(path).unwrap();
        let comments: Vec<_> = text.lines().filter(|line| line.starts_with("// ")).collect();
        let [fact, source] = &comments[..] else { panic!("{}: {comments:?}", path.display()) };
        assert!(fact.ends_with('.') && source.starts_with("// Source: "), "{}", path.display());
        let program: Program = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(program.expects(), "{}", path.display());
    }
}

#[test]
#[ignore = "needs granule, QEMU and a kernel; cargo xtask test runs it"]
fn each_fact_holds_on_the_specification_on_qemu_and_in_kvm() {
    for via in ["model", "tcg", "nested"] {
        for (name, verdict) in run(via, &facts(), Exit::Passed) {
            assert!(matches!(verdict, Verdict::Passed), "{via}: {name}: {verdict:?}");
        }
    }
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn each_expectation_of_each_fact_can_fail() {
    let scratch = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for path in facts() {
        let program: Program = fs::read_to_string(&path).unwrap().parse().unwrap();
        let stem = path.file_stem().unwrap().to_string_lossy();
        for (number, broken) in broken(&program).into_iter().enumerate() {
            let file = scratch.path().join(format!("{stem}-{number}.granule"));
            fs::write(&file, broken.to_string()).unwrap();
            files.push(file);
        }
    }
    assert!(files.len() > LEAST, "{}", files.len());
    for (name, verdict) in run("model", &files, Exit::Failed) {
        assert!(matches!(verdict, Verdict::Failed(_)), "{name}: {verdict:?}");
    }
}

/// Makes a program of each expectation in which that one says something else.
fn broken(program: &Program) -> Vec<Program> {
    let mut programs = Vec::new();
    for (number, step) in program.steps.iter().enumerate() {
        match step {
            Step::Expect(expectation) => {
                let mut broken = program.clone();
                broken.steps[number] = Step::Expect(otherwise(expectation));
                programs.push(broken);
            }
            Step::Run(run) => {
                for (place, (behind, expectation)) in run.expectations.iter().enumerate() {
                    let mut other = run.clone();
                    other.expectations[place] = (*behind, otherwise(expectation));
                    let mut broken = program.clone();
                    broken.steps[number] = Step::Run(other);
                    programs.push(broken);
                }
            }
            _ => {}
        }
    }
    programs
}

/// Returns an expectation of the same thing that says something else.
fn otherwise(expectation: &Expectation) -> Expectation {
    let mut other = expectation.clone();
    match &mut other {
        Expectation::Value { value, .. } => *value ^= 1,
        Expectation::LogicalTag { tag, .. } => *tag = arch_tag(tag.value() ^ 1),
        Expectation::Wide { bytes, .. } | Expectation::Data { bytes, .. } => bytes[0] ^= 1,
        Expectation::Fault(_) => other = Expectation::NoFault,
        Expectation::NoFault => {
            other = Expectation::Fault(FaultPattern { kind: 0, write: None, at: None, far: None });
        }
        Expectation::Tags { tags, .. } => tags[0] = arch_tag(tags[0].value() ^ 1),
    }
    other
}

fn arch_tag(value: u8) -> arch::Tag {
    arch::Tag::truncate(value)
}
