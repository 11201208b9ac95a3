//! Errata end to end: each program of the table on the QEMU under test, and guests that are wrong in the very cases that
//! have an erratum.

use std::path::Path;
use std::process::Command;

use errata::{Environment, Erratum};
use granule_tests::environment::{self, BIN, FIRMWARE, QEMU};
use granule_tests::guest::{Answer, DOORBELL, answering, elf, mailbox, program, write_elf};
use granule_tests::process::Process;
use granule_tests::run::{Report, verdicts};
use report::event::{Event, Verdict};
use report::exit::Exit;

/// Cases of the architecture that have an erratum in QEMU 10.
const CASES: [&str; 5] = [
    "arch.plain.sp-alignment",
    "arch.plain.device-alignment",
    "arch.zero.is-a-write",
    "arch.access.cas-fault-is-of-a-read",
    "arch.access.atomic-abort-is-of-a-read",
];

/// Runs these on QEMU alone, with the firmware in this file.
fn run(firmware: &Path, arguments: &[String]) -> Report {
    let mut command = Command::new(environment::file(BIN));
    command.args(["run", "--via", "tcg", "--format", "json", "--guest-timeout", "5", "--timeout", "900"]);
    command.arg("--qemu").arg(environment::file(QEMU)).arg("--firmware").arg(firmware);
    Report { ended: Process::start(command.args(arguments)).end() }
}

/// The emulator under test, as it names itself.
fn emulator(events: &[Event]) -> &str {
    let booted = events.iter().find_map(|event| match event {
        Event::Booted { emulator, .. } => Some(emulator.as_str()),
        _ => None,
    });
    booted.unwrap_or_else(|| panic!("no Booted: {events:?}"))
}

/// Programs of the table, each with its erratum and its file.
fn programs() -> Vec<(&'static Erratum, &'static str, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = |name: &str| root.join(errata::page::program_path(name)).display().to_string();
    errata::all()
        .flat_map(|erratum| erratum.programs.iter().map(move |name| (erratum, *name)))
        .map(|(erratum, name)| (erratum, name, file(name)))
        .collect()
}

/// A version that has the erratum shows it, and is reported as known by it; on any other the program passes.
#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn each_program_shows_its_erratum_in_the_versions_that_have_it_and_passes_in_others() {
    let programs = programs();
    assert!(programs.len() >= 12, "{} programs", programs.len());
    let files: Vec<_> = programs.iter().map(|(_, _, file)| file.clone()).collect();
    let events = run(&environment::file(FIRMWARE), &files).events(Exit::Passed);
    let environment = Environment::new(emulator(&events), "", "");
    let verdicts = verdicts(&events);
    assert_eq!(verdicts.len(), programs.len());
    for ((erratum, program, _), (name, verdict)) in programs.iter().zip(&verdicts) {
        assert_eq!(name, &format!("program.{program}"));
        if environment.has(erratum) {
            let known = matches!(verdict, Verdict::Known { erratum: id, .. } if id == erratum.id);
            assert!(known, "{name} on {}: {verdict:?}", emulator(&events));
        } else {
            assert_eq!(verdict, &Verdict::Passed, "{name} on {}", emulator(&events));
        }
    }
}

/// What is known is a failure for those who ask for it.
#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn a_known_program_fails_a_strict_run() {
    let arguments = [programs()[0].2.clone(), "--strict".to_owned()];
    let events = run(&environment::file(FIRMWARE), &arguments).events(Exit::Failed);
    assert!(matches!(&verdicts(&events)[..], [(_, Verdict::Failed(_))]), "{events:?}");
}

/// With the right firmware these cases are known, so the tests below do test that something else is not.
#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn the_cases_are_known_with_the_right_firmware() {
    let events = run(&environment::file(FIRMWARE), &CASES.map(str::to_owned)).events(Exit::Passed);
    for (name, verdict) in verdicts(&events) {
        assert!(matches!(verdict, Verdict::Known { .. }), "{name}: {verdict:?}");
    }
}

/// Runs the cases with a wrong firmware: each must fail, and the run with them.
fn all_fail(firmware: &[u8]) {
    these_fail(firmware, &CASES);
}

/// Runs some cases with a wrong firmware: each must fail, and the run with them.
fn these_fail(firmware: &[u8], cases: &[&str]) {
    let scratch = tempfile::tempdir().unwrap();
    let firmware = write_elf(scratch.path(), firmware);
    let names: Vec<_> = cases.iter().map(|case| (*case).to_owned()).collect();
    let events = run(&firmware, &names).events(Exit::Failed);
    let verdicts = verdicts(&events);
    assert_eq!(verdicts.len(), cases.len(), "{events:?}");
    for (name, verdict) in verdicts {
        assert!(matches!(verdict, Verdict::Failed(_)), "{name}: {verdict:?}");
    }
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn a_guest_that_answers_with_noise_is_not_excused() {
    const NOISE: u64 = 0x0123_4567_89ab_cdef;
    // Without an exception; with one that no case expects; with the very syndromes of two errata; ended for no reason.
    all_fail(&answering(Answer { x: NOISE, ..Answer::default() }));
    all_fail(&answering(Answer { x: NOISE, esrs: &[0x0bad_c0de], ..Answer::default() }));
    // To CAS the first of these is the right answer, a tag check fault of a read.
    let others: Vec<_> = CASES.into_iter().filter(|case| *case != "arch.access.cas-fault-is-of-a-read").collect();
    these_fail(&answering(Answer { x: NOISE, esrs: &[0x9600_0011], ..Answer::default() }), &others);
    all_fail(&answering(Answer { x: NOISE, esrs: &[0x9600_0061], ..Answer::default() }));
    all_fail(&answering(Answer { end: 77, ..Answer::default() }));
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn a_guest_that_hangs_in_a_case_is_not_excused() {
    all_fail(&after_boot("b ."));
}

/// Makes firmware that boots as it should, and then does something wrong instead of answering.
fn after_boot(wrong: &str) -> Vec<u8> {
    let ring = format!("{DOORBELL} movz w1, #{}; strb w1, [x0];", abi::doorbell::Doorbell::Reply.byte(0));
    let request =
        format!("movz x2, #{:#x}, lsl #16; wait: ldr w4, [x2]; cbz w4, wait;", abi::map::mailbox_ipa(0) >> 16);
    let booted = |mailbox: &mut abi::mailbox::Mailbox| {
        mailbox.boot.version = abi::ABI_VERSION;
        mailbox.boot.entry_el = 1;
        mailbox.boot.pfr1 = 3 << 8;
        mailbox.boot.isar0 = 2 << 20;
        mailbox.boot.dczid = 4;
    };
    elf(&[program(&format!("{ring} {request} {wrong}")), mailbox(booted)])
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn a_guest_that_panics_in_a_case_is_not_excused() {
    all_fail(&after_boot(&format!("movz w1, #{}; strb w1, [x0]; b .", abi::doorbell::Doorbell::Panic.byte(0))));
}

/// So many characters may cost the run its machine, too; what ended by then is a failure.
#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn a_guest_that_floods_the_doorbell_in_a_case_is_not_excused() {
    let scratch = tempfile::tempdir().unwrap();
    let firmware = write_elf(scratch.path(), &after_boot("movz w1, #0x41; again: strb w1, [x0]; b again"));
    let events = run(&firmware, &CASES.map(str::to_owned)).events(Exit::Failed);
    let ended = events.iter().filter(|event| matches!(event, Event::End { .. }));
    let failed = events.iter().filter(|event| matches!(event, Event::End { verdict: Verdict::Failed(_), .. }));
    assert!(ended.clone().count() > 0);
    assert_eq!(failed.count(), ended.count(), "{events:?}");
    if let Some(Event::Broken { reason, .. }) = events.last() {
        eprintln!("the run ended: {reason}");
    }
}
