//! Guests that break the rules: each ends in a verdict within the guest's deadline. None hangs granule,
//! crashes it, or costs it the rest of its results.

use abi::doorbell::Doorbell;
use abi::mailbox::Mailbox;
use abi::map;
use granule_tests::guest::{DOORBELL, Segment, elf, hanging_after_boot, mailbox, program, write_elf};
use granule_tests::run::{Run, verdicts};
use report::event::{Event, Verdict};
use report::exit::Exit;

/// Runs a guest that may take this long for one request, and must not get as far as the first case. Gives the
/// reason.
fn refused(guest: &[Segment], seconds: &str) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let firmware = write_elf(scratch.path(), &elf(guest));
    let run = Run::new().option("--firmware", firmware).option("--guest-timeout", seconds);
    let reason = run.arg("arch.irg").report().broken();
    assert!(reason.contains("firmware"), "{reason}");
    reason
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_hanging_guest_is_stopped_and_its_pc_reported() {
    let reason = refused(&[program("nop; b .")], "1");
    assert!(reason.contains(&format!("{:#x}", map::FIRMWARE_BASE + 4)), "{reason}");
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_guest_that_floods_the_doorbell_is_stopped_before_its_time_is_over() {
    let reason = refused(&[program(&format!("{DOORBELL} movz w1, #0x41; again: strb w1, [x0]; b again"))], "100");
    assert!(reason.contains("doorbell"), "{reason}");
}

/// The host must not believe the length of the message.
#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_panic_message_is_reported_and_its_length_capped() {
    let words = b"the last words of this guest";
    let last_words = |mailbox: &mut Mailbox| {
        mailbox.panic.length = u64::MAX;
        mailbox.panic.message.fill(b'.');
        mailbox.panic.message[..words.len()].copy_from_slice(words);
    };
    let ring = format!("{DOORBELL} movz w1, #{}; strb w1, [x0]; b .", Doorbell::Panic.byte(0));
    let reason = refused(&[program(&ring), mailbox(last_words)], "10");
    assert!(reason.contains(std::str::from_utf8(words).unwrap()), "{reason}");
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn an_access_outside_ram_is_reported_with_its_address() {
    let reason = refused(&[program("movz x0, #0xa00, lsl #16; ldr x1, [x0]; b .")], "10");
    assert!(reason.contains("0xa000000"), "{reason}");
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_doorbell_of_another_vcpu_is_rejected() {
    let ring = format!("{DOORBELL} movz w1, #{}; strb w1, [x0]; b .", Doorbell::Reply.byte(5));
    let reason = refused(&[program(&ring)], "10");
    assert!(reason.contains("vCPU 5"), "{reason}");
}

/// It boots as it should, and then never answers: every case fails, and the run ends as usual.
#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn a_guest_that_hangs_in_a_case_fails_it_and_the_next_one_begins() {
    let scratch = tempfile::tempdir().unwrap();
    let firmware = write_elf(scratch.path(), &hanging_after_boot());
    let run = Run::new().option("--firmware", firmware).option("--guest-timeout", "1");
    let events = run.arg("arch.check.every-size").arg("arch.check.every-tag").report().events(Exit::Failed);
    let verdicts = verdicts(&events);
    assert_eq!(verdicts.len(), 2, "{verdicts:?}");
    for (name, verdict) in verdicts {
        assert!(
            matches!(&verdict, Verdict::Failed(failure) if failure.found.contains("vCPU 0")),
            "{name}: {verdict:?}"
        );
    }
    assert!(matches!(events.last(), Some(Event::Finished { .. })), "{events:?}");
}
