//! `granule trace`: what the documents show of it is what it prints, and a machine is shown beside the specification.

use std::process::Command;

use granule_tests::environment::{self, AGENT, BIN, KERNEL_6_12, QEMU};
use granule_tests::process::{ExitedProcess, Process};
use granule_tests::transcript::{self, document};
use report::exit::Exit;
use serde_json::Value;

/// What happens if one does IRG with an exclude mask, STG, and then STR through the wrong tag.
const QUESTION: &str = "mov x8, #8; irg x1, x0, x8; stg x1, [x1]; str x2, [x1]; str x2, [x0]";

fn trace(arguments: &[&str]) -> ExitedProcess {
    let mut command = Command::new(environment::file(BIN));
    command.arg("trace").args(arguments).arg("--qemu").arg(environment::file(QEMU));
    if arguments.contains(&"nested") {
        command.arg("--kernel").arg(environment::file(KERNEL_6_12)).arg("--agent").arg(environment::file(AGENT));
    }
    Process::start(&mut command).end()
}

fn traced(ended: &ExitedProcess, exit: Exit) -> Value {
    assert_eq!(ended.status.code(), Some(exit as i32), "{ended}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended}"))
}

/// Returns how the machine agrees behind each instruction.
fn agreements(trace: &Value) -> Vec<&str> {
    let instructions = trace["blocks"][0]["instructions"].as_array().expect("instructions");
    instructions.iter().map(|one| one["machine"]["agreement"].as_str().unwrap_or("none")).collect()
}

#[test]
#[ignore = "needs granule and QEMU; cargo xtask test runs it"]
fn transcripts_in_the_documents_are_what_is_printed() {
    let mut commands = Vec::new();
    for path in ["README.md", "docs/programs.md"] {
        for transcript in transcript::of(&document(path), &["trace"]) {
            transcript.check();
            commands.push(transcript.command);
        }
    }
    assert!(commands.iter().any(|command| command.contains(QUESTION)), "the question is answered: {commands:?}");
    assert!(commands.iter().any(|command| command.contains("--via tcg")), "{commands:?}");
}

#[test]
#[ignore = "needs granule, QEMU and a kernel; cargo xtask test runs it"]
fn each_machine_is_shown_beside_the_specification() {
    for via in ["tcg", "nested"] {
        let trace = traced(&trace(&["-e", QUESTION, "--via", via, "--format", "json"]), Exit::Passed);
        assert_eq!(agreements(&trace), ["same"; 5], "{trace:#}");
        assert!(
            trace["machine"]["name"].as_str().is_some_and(|name| name.starts_with(&format!("{via}: "))),
            "{trace:#}"
        );
        let fault = &trace["blocks"][0]["instructions"][4]["fault"];
        assert_eq!(fault["far"], "tagged+0x0 tag 0", "{trace:#}");
        assert!(fault["rule"].as_str().is_some_and(|rule| rule.contains("AArch64.CheckTag")), "{trace:#}");
    }
}

#[test]
#[ignore = "needs granule and QEMU; cargo xtask test runs it"]
fn what_a_machine_does_wrong_is_shown_where_it_happens() {
    // QEMU 10 does not check the tag of LDAPUR's address (docs/errata.md).
    let code = "mov x8, #8; irg x1, x0, x8; stg x1, [x1]; ldapur x2, [x0]; nop";
    let trace = traced(&trace(&["-e", code, "--via", "tcg", "--format", "json"]), Exit::Failed);
    assert_eq!(agreements(&trace), ["same", "same", "same", "differs", "differs"], "{trace:#}");
    let differences = &trace["blocks"][0]["instructions"][3]["machine"]["differences"];
    assert_eq!((&differences[0]["place"], &differences[0]["machine"]), (&"exception 1".into(), &"no exception".into()));
    assert_eq!(trace["blocks"][0]["instructions"][4]["machine"]["differences"], Value::Array(Vec::new()), "shown once");
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn options_of_machines_are_rejected_on_the_specification() {
    let ended = trace(&["-e", "nop", "--mem", "256"]);
    assert_eq!(ended.status.code(), Some(Exit::Usage as i32), "{ended}");
    assert!(ended.stderr.contains("--mem means nothing"), "{ended}");
}
