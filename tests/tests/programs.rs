//! Programs from files: the corpus on every machine, and what is said of files that are no programs or never end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use granule_tests::environment::{self, BIN, FIRMWARE, QEMU};
use granule_tests::process::Process;
use granule_tests::run::{Report, Run, verdicts};
use program::Program;
use report::event::{Event, Summary, Verdict};
use report::exit::Exit;

/// The files of the corpus, by name.
fn corpus() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 12 && files.iter().all(|file| file.extension().is_some_and(|it| it == "granule")));
    files
}

/// Runs granule with these arguments, which say the format.
fn granule(arguments: &[&str]) -> Report {
    Report { ended: Process::start(Command::new(environment::file(BIN)).args(arguments)).end() }
}

/// Runs programs on the model.
fn on_model(arguments: &[&str]) -> Report {
    granule(&[&["run", "--via", "model", "--format", "json"], arguments].concat())
}

/// Demands that every program of the corpus passed, apart from those with an event that this machine has not.
fn all_passed(events: &[Event]) {
    let verdicts = verdicts(events);
    assert_eq!(verdicts.len(), corpus().len());
    for (name, verdict) in verdicts {
        assert!(matches!(verdict, Verdict::Passed), "{name}: {verdict:?}");
    }
}

#[test]
fn the_corpus_is_printed_as_it_was_read() {
    for file in corpus() {
        let text = fs::read_to_string(&file).unwrap();
        let program: Program = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(program.to_string().parse(), Ok(program), "{}", file.display());
        assert!(text.lines().nth(1).is_some_and(|line| line.starts_with("// ")), "{}: what for?", file.display());
    }
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn the_corpus_passes_on_the_model() {
    let files = corpus();
    let files: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
    all_passed(&on_model(&files).events(Exit::Passed));
    let smaller = [&["--cpu", "neoverse-n2"], &*files].concat();
    all_passed(&on_model(&smaller).events(Exit::Passed));
}

#[test]
#[ignore = "needs granule and QEMU; cargo xtask test runs it"]
fn the_corpus_passes_on_qemu_alone() {
    let files = corpus();
    let mut command = Command::new(environment::file(BIN));
    command.args(["run", "--via", "tcg", "--format", "json"]);
    command.arg("--qemu").arg(environment::file(QEMU)).arg("--firmware").arg(environment::file(FIRMWARE));
    let report = Report { ended: Process::start(command.args(files)).end() };
    all_passed(&report.events(Exit::Passed));
}

#[test]
#[ignore = "needs granule, QEMU and kernels; cargo xtask test runs it"]
fn the_corpus_passes_in_a_nested_kernel() {
    let run = corpus().iter().fold(Run::new(), |run, file| run.arg(file));
    all_passed(&run.report().events(Exit::Passed));
}

#[test]
#[ignore = "needs granule, QEMU and kernels; cargo xtask test runs it"]
fn random_programs_run_inside_a_nested_kernel() {
    let mut command = Command::new(environment::file(BIN));
    command.args(["fuzz", "--via", "nested", "--format", "json", "--programs", "100", "--seed", "0x5eed"]);
    command.arg("--agent").arg(environment::file(environment::AGENT));
    command.arg("--qemu").arg(environment::file(QEMU));
    command.arg("--kernel").arg(environment::file(environment::KERNEL_6_12));
    let scratch = tempfile::tempdir().unwrap();
    let report = Report { ended: Process::start(command.arg("--save").arg(scratch.path())).end() };
    // The errata of this QEMU are avoided, and without them it does what is permitted.
    let summary = summary(&report.events(Exit::Passed));
    assert_eq!((summary.programs, summary.diverged), (100, 0));
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

/// Returns what came of a campaign.
fn summary(events: &[Event]) -> Summary {
    let summary = events.iter().find_map(|event| match event {
        Event::Fuzzed(summary) => Some(summary.clone()),
        _ => None,
    });
    summary.unwrap_or_else(|| panic!("no Fuzzed: {events:?}"))
}

/// Without the errata left out QEMU diverges, and the program is there to be run again.
#[test]
#[ignore = "needs granule and QEMU; cargo xtask test runs it"]
fn a_divergence_is_reported_and_saved() {
    let scratch = tempfile::tempdir().unwrap();
    let campaign = |known: &[&str]| {
        let mut command = Command::new(environment::file(BIN));
        command.args(["fuzz", "--via", "tcg", "--format", "json", "--programs", "400", "--seed", "0x5eed"]);
        command.args(["--most", "1", "--jobs", "1"]).args(known);
        command.arg("--qemu").arg(environment::file(QEMU)).arg("--firmware").arg(environment::file(FIRMWARE));
        Report { ended: Process::start(command.arg("--save").arg(scratch.path())).end() }
    };
    assert_eq!(summary(&campaign(&[]).events(Exit::Passed)).diverged, 0);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    assert_eq!(summary(&campaign(&["--known"]).events(Exit::Failed)).diverged, 1);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn a_file_that_is_no_program_is_a_usage_error_with_its_place() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("bad.granule");
    fs::write(&path, "granule program 1\nblock el=1\ncode\n  stg x0, [x1, #8]\nend\n").unwrap();
    let path = path.to_str().unwrap();
    let report = granule(&["run", "--via", "model", path]);
    assert!(report.usage().contains(&format!("{path}:4:11")), "{}", report.ended);
    let mixed = granule(&["run", "--via", "model", path, "kvm.copy-tags"]);
    assert!(mixed.usage().contains("kvm.copy-tags"), "{}", mixed.ended);
    assert!(granule(&["run", "./none.granule"]).usage().contains("none.granule"));
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn a_program_that_never_ends_is_a_verdict() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("endless.granule");
    fs::write(&path, "granule program 1\nblock el=1\ncode\n  nop\n  b .-4\nend\n").unwrap();
    let events = on_model(&[path.to_str().unwrap()]).events(Exit::Failed);
    let [(name, Verdict::Failed(failure))] = &verdicts(&events)[..] else { panic!("{events:?}") };
    assert_eq!(name, "program.endless");
    assert!(failure.detail.iter().any(|line| line.contains("b .-4")), "{failure:?}");
}

/// What a program expects is looked at behind its blocks and, one run each, behind instructions.
#[test]
#[ignore = "needs granule and QEMU; cargo xtask test runs it"]
fn a_broken_expectation_fails_with_what_was_found() {
    let scratch = tempfile::tempdir().unwrap();
    let block = "block el=1\n  x0 = tagged+0x20 tag 3\ncode\n  ldr x1, [x0]\n";
    let fault = "fault tag-check read at 0 far tagged+0x20 tag 3";
    let texts = [
        ("met", format!("{block}  expect {fault}\n  add x2, x2, #1\nend\nexpect x2 = 1\n")),
        ("at-the-end", format!("{block}  add x2, x2, #1\nend\nexpect {fault}\nexpect x2 = 2\n")),
        ("behind-an-instruction", format!("{block}  expect no fault\n  add x2, x2, #1\nend\nexpect x2 = 1\n")),
        ("only-faults", format!("{block}end\n")),
        ("one-fault-expected", format!("{block}end\nexpect {fault}\n")),
    ];
    let texts: Vec<_> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let files = written(scratch.path(), &texts);
    let names: Vec<_> = files.iter().map(String::as_str).collect();
    for report in [on_model(&names), on_tcg(&[], &files)] {
        let verdicts = verdicts(&report.events(Exit::Failed));
        let [(_, met), (_, at_end), (_, behind), (_, faults), (_, one)] = &verdicts[..] else { panic!("{verdicts:?}") };
        assert_eq!((met, one), (&Verdict::Passed, &Verdict::Passed));
        assert!(matches!(faults, Verdict::Skipped(skip) if skip.key == "only-faults"), "{faults:?}");
        let (Verdict::Failed(at_end), Verdict::Failed(behind)) = (at_end, behind) else { panic!("{verdicts:?}") };
        assert_eq!((at_end.expected.as_str(), at_end.found.as_str()), ("x2 = 0x2", "0x1"));
        assert_eq!(behind.expected, "no fault");
        assert!(behind.found.contains("tag check fault, read"), "{}", behind.found);
    }
}

/// Writes programs into a directory, by name; returns their paths.
fn written(directory: &Path, programs: &[(&str, &str)]) -> Vec<String> {
    let write = |(name, text): &(&str, &str)| {
        let path = directory.join(format!("{name}.granule"));
        fs::write(&path, format!("granule program 1\n{text}")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    programs.iter().map(write).collect()
}

/// Runs programs on QEMU alone.
fn on_tcg(options: &[&str], files: &[String]) -> Report {
    let mut command = Command::new(environment::file(BIN));
    command.args(["run", "--via", "tcg", "--format", "json"]).args(options).args(files);
    command.arg("--qemu").arg(environment::file(QEMU)).arg("--firmware").arg(environment::file(FIRMWARE));
    Report { ended: Process::start(&mut command).end() }
}

/// What the specification does not cover may leave anything behind, so it never reaches the machine.
#[test]
#[ignore = "needs granule and QEMU; cargo xtask test runs it"]
fn a_program_that_is_not_covered_changes_nothing_for_the_next() {
    let scratch = tempfile::tempdir().unwrap();
    let next = "block el=1 simd=1\n  x0 = tagged+0x40 tag 0\ncode\n  ldr q0, [x0]\n  str q0, [x0, #16]\nend\n";
    let files = written(
        scratch.path(),
        &[
            // FADD D0, D1, D2.
            ("fadd", "block el=1\ncode\n  .inst 0x1e622820\nend\n"),
            ("after-fadd", next),
            // MSR CPACR_EL1, XZR: EL1 and EL0 may not use SIMD any more.
            ("cpacr", "block el=1\ncode\n  .inst 0xd518105f\nend\n"),
            ("after-cpacr", next),
        ],
    );
    let verdicts = verdicts(&on_tcg(&[], &files).events(Exit::Passed));
    let [(_, fadd), (_, after_fadd), (_, cpacr), (_, after_cpacr)] = &verdicts[..] else {
        panic!("{verdicts:?}");
    };
    assert!(matches!((fadd, cpacr), (Verdict::Skipped(_), Verdict::Skipped(_))), "{verdicts:?}");
    assert_eq!((after_fadd, after_cpacr), (&Verdict::Passed, &Verdict::Passed));
}

/// The second program stores v7, and loads what stands behind its own end in the code page. On the model both are as after
/// boot.
#[test]
#[ignore = "needs granule and QEMU; cargo xtask test runs it"]
fn vectors_and_code_of_a_program_are_gone_for_the_next() {
    let scratch = tempfile::tempdir().unwrap();
    let nops = "  nop\n".repeat(6);
    let first = format!(
        "data 0x40 000102030405060708090a0b0c0d0e0f\nblock el=1 simd=1\n  x0 = tagged+0x40 tag 0\ncode\n  \
         ldr q7, [x0]\n{nops}end\n"
    );
    let behind = abi::map::code_va(0) + 12;
    let second = format!(
        "block el=1\n  x0 = tagged+0x80 tag 0\n  x1 = {behind:#x}\ncode\n  str q7, [x0]\n  ldr x2, [x1]\nend\n"
    );
    let files = written(scratch.path(), &[("first", &first), ("second", &second)]);
    let verdicts = verdicts(&on_tcg(&[], &files).events(Exit::Passed));
    assert!(verdicts.len() == 2 && verdicts.iter().all(|(_, verdict)| *verdict == Verdict::Passed), "{verdicts:?}");
}

/// Checks a run that took too long in a program of this name: it has no verdict, and the stream says why.
fn ran_out_of_time(report: &Report, name: &str) -> Vec<Event> {
    let reason = report.broken();
    assert!(reason.contains("did not end within 5 s"), "{reason}");
    let events = report.events(Exit::Broken);
    let ended = |event: &Event| matches!(event, Event::End { name: ended, .. } if ended == name);
    assert!(!events.iter().any(ended), "{events:?}");
    events
}

/// A loop that ends some day: the model looks at the clock meanwhile.
#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn a_loop_on_the_model_ends_with_the_runs_deadline() {
    let scratch = tempfile::tempdir().unwrap();
    let clears = "mov x0, x10\n  mov x1, #0x1000\n  setgp [x0]!, x1!, xzr\n  setgm [x0]!, x1!, xzr\n  \
                  setge [x0]!, x1!, xzr\n  sub x9, x9, #1\n  cbnz x9, .-24";
    let long = format!("block el=1\n  x10 = tagged+0x0 tag 3\n  x9 = 0x20000000\ncode\n  {clears}\nend\n");
    let short = "block el=1\ncode\n  nop\nend\n";
    let files = written(scratch.path(), &[("before", short), ("long", &long), ("behind", short)]);
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    let report = on_model(&[&["--timeout", "5"], &files[..]].concat());
    let events = ran_out_of_time(&report, "program.long");
    let ended: Vec<_> = events.iter().filter(|event| matches!(event, Event::End { .. })).collect();
    assert!(matches!(ended[..], [Event::End { verdict: Verdict::Passed, .. }]), "{ended:?}");
    let begun = |name: &str| events.iter().any(|event| matches!(event, Event::Begin(case) if case.name == name));
    assert!(begun("program.long") && !begun("program.behind"), "{events:?}");
}

/// QEMU shows what none of many permitted outcomes has, and each takes its time: LDAPUR is not tag checked there.
#[test]
#[ignore = "needs granule and QEMU; cargo xtask test runs it"]
fn a_search_among_many_outcomes_ends_with_the_runs_deadline() {
    let scratch = tempfile::tempdir().unwrap();
    let draws: String = (1..=6).map(|register| format!("  irg x{register}, x0\n")).collect();
    let waits = "  sub x9, x9, #1\n  cbnz x9, .-4\n";
    let text = format!(
        "block el=1\n  gcr_el1 = 0x10000\n  x0 = tagged+0x40 tag 3\n  x9 = 0x8000\ncode\n{waits}{draws}  \
         ldapur x7, [x0]\nend\n"
    );
    let files = written(scratch.path(), &[("search", &text)]);
    ran_out_of_time(&on_tcg(&["--timeout", "5"], &files), "program.search");
}

#[test]
#[ignore = "needs granule; cargo xtask test runs it"]
fn a_number_and_a_seed_give_the_same_campaign() {
    let run = |jobs: &str| {
        let arguments =
            ["fuzz", "--via", "model", "--format", "json", "--seed", "0x5eed", "--programs", "500", "--jobs", jobs];
        let summary = summary(&granule(&arguments).events(Exit::Passed));
        assert_eq!((summary.programs, summary.diverged), (500, 0));
        summary.not_covered
    };
    assert_eq!(run("1"), run("2"));
}
