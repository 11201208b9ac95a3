//! Streams of items, whole and broken, and the events that must come of them.

use super::*;
use machine::Deadline;
use qemu::end::EndKind;
use report::event::Target;
use std::time::Duration;

fn event(event: Event) -> Result<Item, WireError> {
    Ok(Item::Event(Box::new(event)))
}

fn line(text: &str) -> Result<Item, WireError> {
    Ok(Item::Line(text.to_owned()))
}

fn started() -> Event {
    Event::Started(Target {
        granule: "0".into(),
        kernel: "k".into(),
        page_size: 4096,
        kvm_mode: "VHE".into(),
        cpu: String::new(),
        mte: 3,
        vector_lengths: Vec::new(),
        tag_block: 256,
        seed: 1,
        cases: 2,
    })
}

/// The cases that were selected.
fn cases() -> Vec<CaseInfo> {
    ["a", "b"].map(|name| CaseInfo { name: name.into(), claim: "c".into(), cite: "d".into() }).to_vec()
}

/// A beginning as it comes over the console: by name.
fn begin(name: &str) -> Result<Item, WireError> {
    event(Event::Begin(CaseInfo { name: name.into(), claim: String::new(), cite: String::new() }))
}

fn passed(name: &str) -> Result<Item, WireError> {
    event(Event::End { name: name.into(), verdict: Verdict::Passed, micros: 1 })
}

/// Feeds items after the start, then perhaps a stop, and returns what comes after `Started`.
fn run(items: Vec<Result<Item, WireError>>, stop: Option<EndReason>) -> Vec<Event> {
    let mut events = Vec::new();
    let cases = cases();
    let mut watch = RunWatcher::new(&mut events, &cases);
    watch.item(event(Event::Hello(STREAM_VERSION)));
    watch.item(event(started()));
    items.into_iter().for_each(|item| watch.item(item));
    if let Some(stop) = stop {
        watch.stop(&stop);
    }
    assert!(watch.is_done());
    assert_eq!(events[..2], [Event::Hello(STREAM_VERSION), started()]);
    events.split_off(2)
}

fn ended() -> EndReason {
    EndReason::Ended(QemuEnd { kind: EndKind::Guest, status: None, errors: String::new() })
}

fn failure(event: &Event) -> &Failure {
    match event {
        Event::End { verdict: Verdict::Failed(failure), .. } => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_run_passes_through_with_the_emulator_named() {
    let mut events = Vec::new();
    let cases = cases();
    let mut watch = RunWatcher::new(&mut events, &cases);
    watch.emulator(EmulatorInfo { name: "QEMU 1".into(), cpu: "max".into(), began: Instant::now() });
    watch.item(line("[    0.1] BUG: before the suite is none of our business"));
    let items = [begin("#0"), passed("a"), begin("b"), passed("b"), event(Event::Finished { micros: 2 })];
    watch.item(event(Event::Hello(STREAM_VERSION)));
    watch.item(event(started()));
    items.iter().cloned().for_each(|item| watch.item(item));
    assert!(watch.is_done());
    assert!(matches!(&events[1], Event::Booted { emulator, .. } if emulator == "QEMU 1"));
    let rest = events.split_off(3);
    assert_eq!(rest.len(), items.len());
    assert_eq!(rest[0], Event::Begin(cases[0].clone()), "claim and source are filled in");
    assert_eq!(rest[2], Event::Begin(cases[1].clone()));
    for at in [1, 3, 4] {
        assert_eq!(event(rest[at].clone()), items[at], "passes through unchanged");
    }
}

#[test]
fn a_panic_fails_the_case_that_had_begun_and_shows_the_console() {
    let items = vec![begin("a"), line("[    1.0] Kernel panic - not syncing: stub")];
    let events = run(items, Some(ended()));
    assert!(failure(&events[1]).found.contains("not syncing: stub"));
    assert!(failure(&events[1]).detail.iter().any(|line| line.contains("[    1.0]")));
    assert!(matches!(events[2], Event::CutShort { .. }));
}

#[test]
fn a_death_of_granule_is_not_called_one_of_the_kernel() {
    let items =
        vec![begin("a"), line("[    1.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b")];
    assert!(failure(&run(items, Some(ended()))[1]).found.contains("granule itself"));
    let broken = event(Event::Broken { reason: "panicked".into(), remedy: "m".into() });
    assert!(
        matches!(&run(vec![begin("a"), broken], None)[1], Event::Broken { reason, .. } if reason == "in case a: panicked")
    );
}

#[test]
fn a_silent_kernel_fails_the_case_that_had_begun() {
    let events = run(vec![begin("a")], Some(EndReason::Deadline(OutOfTime(Deadline::after(Duration::from_secs(3))))));
    assert!(failure(&events[1]).found.contains("3 s"));
    assert!(matches!(events[2], Event::CutShort { .. }));
}

#[test]
fn a_panic_between_cases_cuts_the_run_short() {
    let items = vec![begin("a"), passed("a"), line("[    1.0] Kernel panic - not syncing: stub")];
    assert!(matches!(&run(items, Some(ended()))[2], Event::CutShort { reason } if reason.contains("stub")));
}

#[test]
fn an_end_between_cases_without_a_panic_is_no_verdict() {
    let events = run(vec![begin("a"), passed("a")], Some(ended()));
    assert!(matches!(&events[2], Event::Broken { .. }));
}

#[test]
fn a_kernel_warning_during_a_case_fails_it() {
    let items = vec![
        begin("a"),
        line("[    1.0] WARNING: CPU: 0"),
        line("[    1.0] more"),
        passed("a"),
        event(Event::Finished { micros: 2 }),
    ];
    let events = run(items, None);
    assert_eq!(failure(&events[1]).found, "WARNING: CPU: 0");
    assert_eq!(failure(&events[1]).detail.len(), 2);
    assert_eq!(events.len(), 3);
}

#[test]
fn a_kernel_warning_between_cases_fails_the_run() {
    let items = vec![begin("a"), passed("a"), line("[    1.0] BUG: late"), event(Event::Finished { micros: 2 })];
    let events = run(items, None);
    assert_eq!(failure(&events[3]).found, "BUG: late");
    assert!(matches!(events[4], Event::Finished { .. }));
}

#[test]
fn a_damaged_stream_and_events_out_of_order_are_no_verdict() {
    let streams = [
        vec![begin("a"), Err(WireError::Gap { expected: 3, found: 4 })],
        vec![begin("a"), begin("b")],
        vec![passed("a")],
        vec![begin("#2")],
        vec![begin("#x")],
        vec![begin("other")],
    ];
    for items in streams {
        let name = format!("{items:?}");
        assert!(matches!(run(items, None).last(), Some(Event::Broken { .. })), "{name}");
    }
}

#[test]
fn another_agents_version_or_cases_are_refused() {
    for first in [Event::Hello(STREAM_VERSION + 1), started()] {
        let mut events = Vec::new();
        let more = [cases(), cases()].concat();
        let mut watch = RunWatcher::new(&mut events, &more);
        watch.item(event(first));
        assert!(watch.is_done() && matches!(events.last(), Some(Event::Broken { .. })));
    }
}

#[test]
fn a_kernel_that_dies_while_booting_could_not_run() {
    let mut events = Vec::new();
    let cases = cases();
    let mut watch = RunWatcher::new(&mut events, &cases);
    watch.item(line("[    0.5] Kernel panic - not syncing: no init"));
    watch.stop(&ended());
    assert!(matches!(&events[1], Event::Broken { reason, .. } if reason.contains("no init")));
}
