//! Tables are read as they are written, every difference is noticed, and those in the repository name what exists.

use super::super::tests::{column, end};
use super::*;
use report::event::{Event, Failure, Skip, Verdict};

fn cases() -> Vec<String> {
    ["a", "b", "c", "d"].map(str::to_owned).into()
}

fn known() -> Verdict {
    Verdict::Known { erratum: "linux.x".into(), failure: Failure::default() }
}

fn skipped(key: &str) -> Verdict {
    Verdict::Skipped(Skip::new(key, "a sentence that may differ"))
}

fn ran(verdicts: [Verdict; 4]) -> Column {
    let mut events: Vec<_> = cases().iter().zip(verdicts).map(|(name, verdict)| end(name, verdict)).collect();
    events.push(Event::Finished { micros: 1 });
    column("6.12", &events)
}

fn table(verdicts: [Verdict; 4]) -> VerdictTable {
    VerdictTable::of(&ran(verdicts), &cases())
}

fn usual() -> VerdictTable {
    table([Verdict::Passed, known(), skipped("host-no-swap"), skipped("host-no-swap")])
}

#[test]
fn a_table_is_read_as_it_is_written() {
    let text = usual().text("6.12");
    assert!(text.ends_with("\nknown linux.x\n  b\n\nskipped host-no-swap\n  c\n  d\n"), "{text}");
    assert_eq!(VerdictTable::parse(Path::new("t"), &text).unwrap(), usual());
    for wrong in ["  a\n", "failed x\n  a\n", "passed\n", "known x\n  a\nskipped y\n  a\n"] {
        let error = VerdictTable::parse(Path::new("t"), wrong).unwrap_err().to_string();
        assert!(error.starts_with("t, line "), "{error}");
    }
}

#[test]
fn any_other_verdict_is_a_difference() {
    let passed = || Verdict::Passed;
    for (verdicts, case) in [
        ([Verdict::Failed(Failure::default()), known(), skipped("host-no-swap"), skipped("host-no-swap")], "a"),
        ([skipped("x"), known(), skipped("host-no-swap"), skipped("host-no-swap")], "a"),
        ([passed(), passed(), skipped("host-no-swap"), skipped("host-no-swap")], "b"),
        ([passed(), Verdict::Failed(Failure::default()), skipped("host-no-swap"), skipped("host-no-swap")], "b"),
        ([passed(), known(), skipped("another reason"), skipped("host-no-swap")], "c"),
        ([passed(), known(), skipped("host-no-swap"), passed()], "d"),
    ] {
        let found: Vec<_> = usual().differences(&table(verdicts)).into_iter().map(|one| one.case).collect();
        assert_eq!(found, [case]);
    }
    assert_eq!(usual().differences(&usual()), []);
    let other = Verdict::Known { erratum: "linux.y".into(), failure: Failure::default() };
    let found = usual().differences(&table([passed(), other, skipped("host-no-swap"), skipped("host-no-swap")]));
    assert_eq!(found[0].to_string(), "b: expected known linux.x, found known linux.y");
}

#[test]
fn a_run_that_ends_otherwise_is_a_difference() {
    let unavailable = Event::Unavailable { reason: "no tags\nmore".into(), remedy: "m".into() };
    let ended = VerdictTable::of(&column("6.12", &[unavailable]), &cases());
    assert_eq!(VerdictTable::parse(Path::new("t"), &ended.text("6.12")).unwrap(), ended);
    assert!(ended.text("6.12").ends_with("\nends no tags\n"));
    let found = usual().differences(&ended);
    assert_eq!(found[0].to_string(), "the run: expected it finishes, found it ends: no tags");
    // A case that was not reached is no pass.
    let cut = Event::CutShort { reason: "dead".into() };
    let short = VerdictTable::of(&column("6.12", &[end("a", Verdict::Passed), cut]), &cases());
    assert!(usual().differences(&short).iter().any(|one| one.case == "b" && one.found == "not run"));
}

#[test]
fn a_directory_is_written_for_review_but_for_failures() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = VerdictDirectory::new(scratch.path(), cases());
    let right = ran([Verdict::Passed, known(), Verdict::Passed, Verdict::Passed]);
    assert!(matches!(directory.compare(&right), Err(VerdictError::File { .. })), "there is no table yet");
    assert_eq!(directory.bless(&right).unwrap(), Vec::<String>::new());
    assert_eq!(directory.compare(&right).unwrap(), []);
    let failing = ran([Verdict::Failed(Failure::default()), known(), Verdict::Passed, Verdict::Passed]);
    assert_eq!(directory.bless(&failing).unwrap(), ["a"]);
    assert_eq!(directory.compare(&right).unwrap(), [], "nothing was written");
    assert_eq!(directory.compare(&failing).unwrap().len(), 1);
    let other = VerdictDirectory::new(scratch.path(), ["a", "b", "c", "e"].map(str::to_owned).into());
    let names: Vec<_> = other.compare(&right).unwrap().into_iter().map(|one| one.case).collect();
    assert_eq!(names[..2], ["d", "e"]);
}

/// The tables of the repository: their cases and errata exist, and `cases.txt` has all.
#[test]
fn the_tables_name_what_there_is() {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/verdicts"));
    let names: Vec<String> = suite::infos().into_iter().map(|case| case.name).collect();
    let all = VerdictDirectory::new(directory, names.clone());
    assert_eq!(all.read(CASES).unwrap(), all.names(), "run: cargo xtask matrix --bless");
    let mut tables = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name == CASES) {
            continue;
        }
        tables += 1;
        let table = VerdictTable::parse(&path, &fs::read_to_string(&path).unwrap()).unwrap();
        for (case, heading) in &table.others {
            assert!(names.contains(case), "{}: {case}", path.display());
            let known = heading.strip_prefix("known ");
            assert!(known.is_none_or(|id| errata::all().any(|one| one.id == id)), "{}: {heading}", path.display());
        }
    }
    assert!(tables >= 4, "{tables} tables");
}
