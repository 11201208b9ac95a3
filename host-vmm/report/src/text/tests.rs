//! What of the text is an interface: which lines there are, in which order, and what stands in them.

use std::time::Instant;

use super::*;
use crate::event::{Failure, Sink, Skip};
use crate::{Format, Report};

fn settings(quiet: bool) -> Settings {
    Settings {
        format: Format::Text,
        quiet,
        via: "nested",
        names: vec!["arch.irg.a".into(), "kvm.copy-tags.partial-count".into()],
        arguments: Vec::new(),
        rerun: "granule run".into(),
        rerun_options: " --via nested".into(),
        began: Instant::now(),
        before: vec![("build", Duration::from_millis(1200))],
        width: 100,
        progress: false,
    }
}

fn begin(name: &str) -> Event {
    Event::Begin(CaseInfo { name: name.into(), claim: "the claim".into(), cite: "api.rst, 4.130".into() })
}

fn end(name: &str, verdict: Verdict) -> Event {
    Event::End { name: name.into(), verdict, micros: 5 }
}

fn failure() -> Verdict {
    let detail = vec!["tags:".to_owned()];
    Verdict::Failed(Failure { detail, ..Failure::described("count", "8192", "-EFAULT") })
}

fn events() -> Vec<Event> {
    let started = Target {
        granule: "0.1.0".into(),
        kernel: "6.12.95".into(),
        page_size: 16384,
        kvm_mode: "VHE".into(),
        cpu: String::new(),
        mte: 3,
        vector_lengths: Vec::new(),
        tag_block: 256,
        seed: 0x5eed,
        cases: 5,
    };
    let skip = || Verdict::Skipped(Skip::new("cpu-no-mte3", "this CPU has MTE2"));
    vec![
        Event::Hello(1),
        Event::Booted { emulator: "QEMU 10.0.2".into(), cpu: "max".into(), micros: 1_500_000 },
        Event::Started(started),
        begin("arch.irg.a"),
        end("arch.irg.a", Verdict::Passed),
        begin("arch.irg.b"),
        end("arch.irg.b", skip()),
        begin("kvm.copy-tags.c"),
        end("kvm.copy-tags.c", Verdict::Passed),
        begin("kvm.copy-tags.partial-count"),
        end("kvm.copy-tags.partial-count", failure()),
        begin("kvm.copy-tags.e"),
        end("kvm.copy-tags.e", Verdict::Skipped(Skip::new("another", "another reason"))),
        Event::Finished { micros: 700_000 },
    ]
}

/// Draws events without colours.
fn render(events: Vec<Event>, settings: Settings) -> Vec<String> {
    let mut out = anstream::StripStream::new(Vec::new());
    let mut report = Report::new(&mut out, settings);
    events.into_iter().for_each(|event| report.event(event));
    report.finish().unwrap();
    String::from_utf8(out.into_inner()).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_whole_report_has_header_groups_failures_and_summary_in_order() {
    let lines = render(events(), settings(false));
    assert_eq!(
        lines[0],
        "granule 0.1.0 · nested: Linux 6.12.95 (16 KiB pages, VHE) in QEMU 10.0.2, cpu max, MTE3 · seed 0x5eed"
    );
    assert_eq!(lines[1], "  arch.irg       1 passed, 1 skipped");
    assert_eq!(lines[2], "  kvm.copy-tags  1 passed, 1 failed, 1 skipped");
    assert_eq!(lines[3], "    ✗ kvm.copy-tags.partial-count   the claim");
    assert!(lines[4].starts_with("        count: expected 8192, found -EFAULT  "), "{}", lines[4]);
    assert!(lines[4].ends_with("  api.rst, 4.130") && lines[4].chars().count() == 100, "{}", lines[4]);
    assert_eq!(lines[5], "          tags:");
    assert_eq!(lines[6], "        reproduce: granule run kvm.copy-tags.partial-count --seed 0x5eed --via nested");
    assert!(
        lines[7].starts_with("2 passed, 1 failed, 2 skipped (1: another reason; 1: this CPU has MTE2) in "),
        "{}",
        lines[7]
    );
    assert_eq!(lines[8], "build 1.2 s · boot 1.5 s · suite 0.7 s");
    assert_eq!(lines.len(), 9);
}

#[test]
fn the_header_says_what_is_under_test_where_there_is_no_kernel_that_runs() {
    let header = |via, kernel: &str, cpu: &str, emulator: bool| {
        let mut events = events();
        for event in &mut events {
            if let Event::Started(target) = event {
                (target.kernel, target.cpu) = (kernel.into(), cpu.into());
            }
        }
        events.retain(|event| emulator || !matches!(event, Event::Booted { .. }));
        render(events, Settings { via, ..settings(false) }).swap_remove(0)
    };
    assert_eq!(
        header("model", "6.12", "max", false),
        "granule 0.1.0 · model: the contract of Linux 6.12 (16 KiB pages, VHE), cpu max, MTE3 · seed 0x5eed"
    );
    assert_eq!(header("tcg", "", "", true), "granule 0.1.0 · tcg: QEMU 10.0.2, cpu max, MTE3 · seed 0x5eed");
}

#[test]
fn groups_appear_as_soon_as_they_are_complete() {
    let lines = render(events().into_iter().take(8).collect(), settings(false));
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn a_quiet_report_has_failures_and_the_summary_with_the_seed() {
    let lines = render(events(), settings(true));
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert!(lines[0].contains("✗"));
    assert!(lines[4].ends_with("· seed 0x5eed"));
}

#[test]
fn one_reason_for_all_skips_is_not_counted_again() {
    let mut events = events();
    events.drain(7..13);
    let lines = render(events, settings(false));
    assert!(lines[2].starts_with("1 passed, 1 skipped (this CPU has MTE2), 3 not run in "), "{}", lines[2]);
}

#[test]
fn a_run_cut_short_says_why_and_what_was_not_run() {
    let mut events = events();
    events.truncate(11);
    events.push(Event::CutShort { reason: "the kernel died".into() });
    let lines = render(events, settings(false));
    assert!(lines.contains(&"cut short: the kernel died".to_owned()));
    assert!(
        lines.iter().any(|line| line.starts_with("2 passed, 1 failed, 1 skipped (this CPU has MTE2), 1 not run in "))
    );
}

#[test]
fn what_is_too_wide_for_a_line_gets_several() {
    let mut narrow = settings(false);
    narrow.width = 40;
    let lines = render(events(), narrow);
    let found = lines.iter().position(|line| line.trim() == "found    -EFAULT").unwrap();
    assert_eq!(lines[found - 1].trim(), "expected 8192");
    assert_eq!(lines[found + 1].trim(), "api.rst, 4.130");
}

#[test]
fn a_defect_that_leaves_nothing_to_rely_on_is_named() {
    let mut events = events();
    let named = |events: Vec<Event>| {
        render(events, settings(true))
            .iter()
            .any(|line| line.starts_with("likely cause: qemu.x: it forgets; use another"))
    };
    assert!(!named(events.clone()));
    let (erratum, shows, reference) = ("qemu.x".into(), "it forgets".into(), "r".into());
    events.insert(events.len() - 1, Event::LikelyCause { erratum, shows, reference });
    assert!(named(events));
}

#[test]
fn a_known_failure_is_named_and_counted_apart() {
    let known = || Verdict::Known { erratum: "qemu.x".into(), failure: Failure::default() };
    let mut events = events();
    events[10] = end("kvm.copy-tags.partial-count", known());
    let lines = render(events, settings(false));
    assert!(
        lines.iter().any(|line| line.contains("kvm.copy-tags.partial-count") && line.contains("qemu.x")),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line.contains("1 known") && !line.contains("failed")), "{lines:?}");
}

#[test]
fn without_a_start_there_is_nothing_to_sum_up() {
    let lines =
        render(vec![Event::Hello(1), Event::Broken { reason: "r".into(), remedy: "m".into() }], settings(false));
    assert!(lines.is_empty(), "{lines:?}");
}
