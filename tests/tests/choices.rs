//! What a user chooses of a run: cases, seed, and how much is said.

use granule_tests::environment::{self, QEMU_7_2};
use granule_tests::run::{Run, case_names, verdicts};
use report::event::{Event, Verdict};
use report::exit::Exit;

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_name_a_prefix_and_a_glob_select_their_cases_and_no_others() {
    let all = case_names();
    let name = all.last().unwrap();
    let prefix = all[0].split('.').take(2).collect::<Vec<_>>().join(".");
    let expected: Vec<_> = all
        .iter()
        .filter(|case| *case == name || case.starts_with(&format!("{prefix}.")) || case.ends_with(".el0"))
        .cloned()
        .collect();
    assert!(expected.len() > 3 && expected.len() < all.len() / 2, "a poor choice for a test: {expected:?}");
    let events = Run::new().arg(name).arg(&prefix).arg("*.el0").report().events(Exit::Passed);
    let ran: Vec<_> = verdicts(&events).into_iter().map(|(name, _)| name).collect();
    assert_eq!(ran, expected);
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn quiet_says_nothing_of_what_passed_but_the_sum_and_the_seed() {
    let run = Run::new().as_text().arg("--quiet").option("--seed", "0x5eed").arg("arch.irg");
    let ended = run.report().ended;
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    let count = case_names().iter().filter(|name| name.starts_with("arch.irg.")).count();
    assert!(!ended.stdout.contains("arch."), "{ended}");
    assert!(ended.stdout.contains(&format!("{count} passed")) && ended.stdout.contains("0x5eed"), "{ended}");
    assert_eq!(ended.stderr, "", "{ended}");
}

/// The values that a defect shows depend on the seed alone: the same give the same failure, others another.
#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn the_same_seed_gives_the_same_verdicts() {
    let [first, again, other] = ["0x5eed", "24301", "7"].map(|seed| {
        let run = Run::new().qemu(environment::file(QEMU_7_2)).option("--seed", seed);
        let events = run.arg("kvm.copy-tags").report().events(Exit::Failed);
        let Some(Event::Started(target)) = events.iter().find(|event| matches!(event, Event::Started(_))) else {
            panic!("{events:?}");
        };
        (target.seed, verdicts(&events))
    });
    assert!(first.1.iter().any(|(_, verdict)| matches!(verdict, Verdict::Failed(_))));
    assert_eq!(first.0, 0x5eed);
    assert_eq!(first, again);
    assert_ne!(first.1, other.1);
}
