//! `granule explain` and `granule list`: what the documents show of them is what they print, and what they say of a case agrees
//! with the kill matrix.

use std::process::Command;

use granule_tests::environment::{self, BIN};
use granule_tests::process::{ExitedProcess, Process};
use granule_tests::transcript::{self, document};
use report::exit::Exit;
use serde_json::Value;

fn granule(arguments: &[&str]) -> ExitedProcess {
    Process::start(Command::new(environment::file(BIN)).args(arguments)).end()
}

fn json(ended: &ExitedProcess) -> Vec<Value> {
    assert_eq!(ended.status.code(), Some(Exit::Passed as i32), "{ended}");
    ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn transcripts_in_the_readme_are_what_is_printed() {
    let transcripts = transcript::of(&document("README.md"), &["explain", "list"]);
    assert!(!transcripts.is_empty());
    for transcript in transcripts {
        transcript.check();
    }
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn a_case_says_which_defects_it_catches_and_which_of_them_alone() {
    let case = "arch.tag-store.across-pages";
    let document = json(&granule(&["explain", case, "--format", "json"]));
    let sections = document[0]["sections"].as_array().unwrap();
    let kills = sections.iter().find(|section| section["heading"].as_str().unwrap().starts_with("what makes it fail"));
    let lines = kills.unwrap()["lines"].as_array().unwrap();
    let own = lines.iter().filter_map(|line| line.as_str()?.strip_prefix("* ")?.split(':').next()).collect::<Vec<_>>();
    assert!(own.contains(&"st2g.stops-at-page"), "{lines:?}");
    let mut arguments = vec!["kill-matrix", "--seed", "1", "--format", "json"];
    arguments.extend(&own);
    let matrix = json(&granule(&arguments));
    for defect in own {
        let row = matrix.iter().find(|row| row["defect"] == defect).unwrap_or_else(|| panic!("{matrix:?}"));
        assert_eq!(row["caught_by"], Value::from(vec![case]), "{defect}");
    }
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn an_unknown_topic_is_a_usage_error_with_a_suggestion() {
    let ended = granule(&["explain", "ldapurr"]);
    assert_eq!(ended.status.code(), Some(Exit::Usage as i32), "{ended}");
    assert!(ended.stderr.contains("did you mean `ldapur`?"), "{ended}");
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn lists_are_filtered_and_one_object_a_line() {
    let cases = json(&granule(&["list", "arch", "--feature", "FEAT_SVE", "--format", "json"]));
    assert!(cases.len() > 5, "{cases:?}");
    for case in &cases {
        assert!(case["features"].as_array().unwrap().contains(&"FEAT_SVE".into()), "{case}");
        assert!(case["name"].as_str().unwrap().starts_with("arch."), "{case}");
    }
    let none = granule(&["list", "--erratum", "qemu.none"]);
    assert_eq!(none.status.code(), Some(Exit::Usage as i32), "{none}");
    assert!(none.stderr.contains("qemu.cas-writes"), "{none}");
}
