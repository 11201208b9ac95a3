//! What a receiver may not answer.

use std::convert::Infallible;

use super::*;
use crate::PageSet;
use crate::message::Mode;

/// A guest without memory in use, which counts what is done with it.
#[derive(Default)]
struct Counted {
    pauses: u32,
    resumes: u32,
    logs: u32,
}

impl crate::Guest for Counted {
    type Error = Infallible;

    fn populated(&mut self) -> Result<PageSet, Infallible> {
        Ok(PageSet::default())
    }

    fn read(&mut self, _: u64, _: &mut [u8]) -> Result<(), Infallible> {
        Ok(())
    }

    fn fetch_tags(&mut self, _: u64, _: &mut [u8]) -> Result<(), Infallible> {
        Ok(())
    }

    fn vm_state(&mut self, _: &Paused) -> Result<Vec<u8>, Infallible> {
        Ok(vec![1])
    }

    fn vcpu(&mut self, _: &Paused, _: u32) -> Result<Vec<u8>, Infallible> {
        Ok(vec![2])
    }

    fn resume(&mut self, _: Ownership) -> Result<(), Infallible> {
        self.resumes += 1;
        Ok(())
    }
}

impl Source for Counted {
    fn start_logging(&mut self) -> Result<(), Infallible> {
        self.logs += 1;
        Ok(())
    }

    fn stop_logging(&mut self) -> Result<(), Infallible> {
        self.logs -= 1;
        Ok(())
    }

    fn take_dirty(&mut self) -> Result<PageSet, Infallible> {
        Ok(PageSet::default())
    }

    fn pause(&mut self) -> Result<(), Infallible> {
        self.pauses += 1;
        Ok(())
    }
}

/// A sender that has said HELLO, and the receiver's direction of it.
fn begin(mode: Mode) -> (Sender, Counted, Encoder) {
    let hello = Hello {
        session: [1; 16],
        page_size: 0x1000,
        mode,
        vcpus: 1,
        required: 0,
        optional: 2,
        slots: vec![0..1, 5..6],
        identity: Vec::new(),
    };
    let mut sender = Sender::new(hello, Limits::default());
    let mut guest = Counted::default();
    let receiver = Encoder::receiver(sender.encoder.check());
    assert!(matches!(sender.next(&mut guest, Duration::ZERO), Step::Send(_)));
    (sender, guest, receiver)
}

/// Passes a message to the sender, and returns what it does, with the frames that it sends left out.
fn answer(sender: &mut Sender, guest: &mut Counted, receiver: &mut Encoder, message: &Message) -> Step {
    receiver.push(message);
    sender.received(&receiver.take());
    loop {
        match sender.next(guest, Duration::ZERO) {
            Step::Send(_) => {}
            other => return other,
        }
    }
}

const ACCEPT: Message = Message::Accept { version: 1, features: 0 };

#[test]
fn what_was_not_offered_cannot_be_accepted() {
    for accept in [
        Message::Accept { version: 2, features: 0 },
        Message::Accept { version: 0, features: 0 },
        Message::Accept { version: 1, features: 4 },
    ] {
        let (mut sender, mut guest, mut receiver) = begin(Mode::PreCopy);
        let step = answer(&mut sender, &mut guest, &mut receiver, &accept);
        assert!(matches!(step, Step::Done(Outcome::Stayed { reason }) if reason.code == ReasonCode::Protocol));
        assert_eq!((guest.pauses, guest.logs), (0, 0));
    }
}

#[test]
fn a_frame_out_of_order_ends_the_migration_and_the_guest_runs_on() {
    let round = Round { number: 1, pages: 0 };
    let wrong = Round { number: 2, pages: 0 };
    for (first, second) in [(ACCEPT, Message::Ack(wrong)), (ACCEPT, ACCEPT), (ACCEPT, Message::Resumed)] {
        let (mut sender, mut guest, mut receiver) = begin(Mode::PreCopy);
        assert!(matches!(answer(&mut sender, &mut guest, &mut receiver, &first), Step::Receive));
        assert!(matches!(answer(&mut sender, &mut guest, &mut receiver, &second), Step::Done(Outcome::Stayed { .. })));
        assert_eq!((guest.pauses, guest.logs), (0, 0));
    }
    // After the stop, the guest is resumed.
    let (mut sender, mut guest, mut receiver) = begin(Mode::PreCopy);
    answer(&mut sender, &mut guest, &mut receiver, &ACCEPT);
    assert!(matches!(answer(&mut sender, &mut guest, &mut receiver, &Message::Ack(round)), Step::Receive));
    assert!(matches!(
        answer(&mut sender, &mut guest, &mut receiver, &Message::Resumed),
        Step::Done(Outcome::Stayed { .. })
    ));
    assert_eq!((guest.pauses, guest.resumes, guest.logs), (1, 1, 0));
}

#[test]
fn memory_that_is_handed_over_is_not_logged_or_sent() {
    let (mut sender, mut guest, mut receiver) = begin(Mode::HandOver);
    assert!(matches!(answer(&mut sender, &mut guest, &mut receiver, &ACCEPT), Step::Receive));
    assert_eq!((guest.pauses, guest.logs, sender.report().pages), (1, 0, 0));
    let digests = sender.report().digests.expect("the guest is stopped");
    assert!(matches!(answer(&mut sender, &mut guest, &mut receiver, &Message::Verified(digests)), Step::Receive));
    assert!(!sender.cancel(&mut guest, "too late", Duration::ZERO));
    assert!(matches!(answer(&mut sender, &mut guest, &mut receiver, &Message::Resumed), Step::Done(Outcome::Moved)));
    assert_eq!(guest.resumes, 0);
}

#[test]
fn verified_that_comes_with_the_end_of_the_connection_commits_nothing() {
    let (mut sender, mut guest, mut receiver) = begin(Mode::HandOver);
    answer(&mut sender, &mut guest, &mut receiver, &ACCEPT);
    receiver.push(&Message::Verified(sender.report().digests.expect("the guest is stopped")));
    sender.received(&receiver.take());
    sender.disconnected(&mut guest, "broken", Duration::ZERO);
    assert!(matches!(sender.next(&mut guest, Duration::ZERO), Step::Done(Outcome::Stayed { .. })));
    assert_eq!(guest.resumes, 1);
}
