//! Streams that are whole, and that no sender may send.

use std::convert::Infallible;
use std::ops::Range;

use super::*;
use crate::message::Pages;
use crate::{Guest, PAGE, TAGS};

/// A target that holds zeros, whatever is written, and notes the order of calls.
#[derive(Default)]
struct Noted {
    calls: Vec<&'static str>,
}

impl Guest for Noted {
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
        Ok(vec![9])
    }

    fn vcpu(&mut self, _: &Paused, index: u32) -> Result<Vec<u8>, Infallible> {
        Ok(vec![index as u8])
    }

    fn resume(&mut self, _: Ownership) -> Result<(), Infallible> {
        self.calls.push("resume");
        Ok(())
    }
}

impl Target for Noted {
    fn prepare(&mut self, _: &Hello) -> Result<(), Reason> {
        self.calls.push("prepare");
        Ok(())
    }

    fn write(&mut self, _: u64, _: &[u8]) -> Result<(), Infallible> {
        self.calls.push("write");
        Ok(())
    }

    fn clear(&mut self, _: Range<u64>) -> Result<(), Infallible> {
        self.calls.push("clear");
        Ok(())
    }

    fn store_tags(&mut self, _: u64, _: &[u8]) -> Result<(), Infallible> {
        self.calls.push("store_tags");
        Ok(())
    }

    fn set_vm_state(&mut self, _: &Paused, _: &[u8]) -> Result<(), Infallible> {
        self.calls.push("set_vm_state");
        Ok(())
    }

    fn set_vcpu(&mut self, _: &Paused, _: u32, _: &[u8]) -> Result<(), Infallible> {
        self.calls.push("set_vcpu");
        Ok(())
    }

    fn discard(&mut self) {
        self.calls.push("discard");
    }
}

fn hello() -> Hello {
    Hello {
        session: [3; 16],
        page_size: 0x4000,
        mode: Mode::PreCopy,
        vcpus: 2,
        required: 0,
        optional: 0,
        slots: vec![8..16, 16..32],
        identity: Vec::new(),
    }
}

/// PAGES with data in the first page and tags in the last.
fn pages(range: Range<u64>) -> Message {
    let count = (range.end - range.start) as usize;
    let (mut data, mut tags) = (vec![0; count * PAGE], vec![0; count * TAGS]);
    data[0] = 1;
    tags[count * TAGS - 1] = 1;
    Message::Pages(Pages::new(range.start, &data, &tags).expect("pages"))
}

fn round(number: u32, pages: u64) -> Message {
    Message::Round(Round { number, pages })
}

/// A migration in two rounds and the stop. COMMIT is not in it: only its maker has the ownership.
fn whole() -> Vec<Message> {
    let digests = crate::digest::of(&mut Noted::default(), &Paused::new(), &hello()).expect("digests");
    vec![
        Message::Hello(hello()),
        round(1, 12),
        pages(8..16),
        pages(16..20),
        round(2, 0),
        Message::Stop(Round { number: 3, pages: 4 }),
        pages(28..32),
        Message::Vm(vec![9]),
        Message::Vcpu { index: 0, state: vec![0] },
        Message::Vcpu { index: 1, state: vec![1] },
        Message::StateDigest(digests),
    ]
}

/// Passes messages to a receiver, commits if it comes to that, and returns how it ends, if it does.
fn receive(messages: &[Message]) -> (Option<Outcome>, Vec<&'static str>) {
    let mut encoder = Encoder::sender();
    let (mut receiver, mut target) = (Receiver::new(), Noted::default());
    messages.iter().for_each(|message| encoder.push(message));
    receiver.received(&encoder.take());
    let mut is_committed = false;
    loop {
        match receiver.next(&mut target) {
            Step::Send(_) => {}
            Step::Done(outcome) => return (Some(outcome), target.calls),
            Step::Receive if is_committed => return (None, target.calls),
            Step::Receive => {
                encoder.commit(Ownership::new());
                receiver.received(&encoder.take());
                is_committed = true;
            }
        }
    }
}

#[test]
fn calls_come_in_the_order_that_is_right_for_kvm() {
    let (outcome, calls) = receive(&whole());
    assert!(matches!(outcome, Some(Outcome::Resumed)));
    let expected = [
        "prepare",
        "write",
        "store_tags",
        "write",
        "store_tags",
        "write",
        "store_tags",
        "set_vm_state",
        "set_vcpu",
        "set_vcpu",
        "resume",
    ];
    assert_eq!(calls, expected);
}

#[test]
fn no_frame_can_be_left_out_repeated_or_swapped() {
    let whole = whole();
    let is_rejected = |messages: &[Message], what: &str, at: usize| {
        let (outcome, calls) = receive(messages);
        let reason = match outcome {
            Some(Outcome::Discarded { reason }) => reason,
            other => panic!("{what} {at}: {other:?}"),
        };
        assert_eq!(reason.code, ReasonCode::Protocol, "{what} {at}: {reason}");
        assert!(!calls.contains(&"resume"), "{what} {at}");
        assert_eq!(calls.contains(&"prepare"), calls.contains(&"discard"), "{what} {at}");
    };
    for at in 0..whole.len() {
        let mut lacking = whole.clone();
        lacking.remove(at);
        is_rejected(&lacking, "without frame", at);
        let mut twice = whole.clone();
        twice.insert(at, whole[at].clone());
        is_rejected(&twice, "twice frame", at);
        if at > 0 {
            let mut swapped = whole.clone();
            swapped.swap(at, at - 1);
            is_rejected(&swapped, "swapped with its predecessor, frame", at);
        }
    }
}

#[test]
fn frames_with_other_numbers_are_rejected() {
    let digests = Digests { memory: [0; 32], tags: [0; 32], registers: [0; 32] };
    let cases = [
        (1, round(2, 12), "another number"),
        (1, round(1, 8), "fewer pages than come"),
        (1, round(1, 16), "more pages than come"),
        (2, pages(4..12), "pages of no slot"),
        (2, pages(12..20), "pages of two slots"),
        (3, pages(17..21), "parts of host pages"),
        (3, pages(12..16), "pages that came before in this round"),
        (8, Message::Vcpu { index: 1, state: vec![] }, "another vCPU"),
        (7, Message::Resumed, "a receiver's frame"),
        (4, Message::Accept { version: 1, features: 0 }, "a receiver's frame"),
        (10, Message::Verified(digests), "a receiver's frame"),
    ];
    for (at, message, what) in cases {
        let mut messages = whole();
        messages[at] = message;
        let (outcome, calls) = receive(&messages);
        let is_rejected =
            matches!(&outcome, Some(Outcome::Discarded { reason }) if reason.code == ReasonCode::Protocol);
        assert!(is_rejected && !calls.contains(&"resume"), "{what}: {outcome:?}");
    }
    let mut messages = whole();
    messages[10] = Message::StateDigest(digests);
    let (outcome, calls) = receive(&messages);
    assert!(matches!(outcome, Some(Outcome::Discarded { reason }) if reason.code == ReasonCode::Digest));
    assert_eq!(calls.last(), Some(&"discard"));
}

#[test]
fn handed_over_memory_has_no_rounds() {
    let hand_over = Hello { mode: Mode::HandOver, ..hello() };
    let first = |message: Message| receive(&[Message::Hello(hand_over.clone()), message]).0;
    assert!(first(round(1, 0)).is_some());
    assert!(first(Message::Stop(Round { number: 1, pages: 4 })).is_some());
    assert!(matches!(
        receive(
            &[&[Message::Hello(hand_over.clone()), Message::Stop(Round { number: 1, pages: 0 })], &whole()[7..]]
                .concat()
        ),
        (Some(Outcome::Resumed), _)
    ));
}

#[test]
fn what_is_required_and_not_known_is_refused_before_anything_is_made() {
    let (outcome, calls) = receive(&[Message::Hello(Hello { required: 1, ..hello() })]);
    assert!(matches!(outcome, Some(Outcome::Discarded { reason }) if reason.code == ReasonCode::Feature));
    assert!(calls.is_empty());
    let mut encoder = Encoder::sender();
    encoder.push(&Message::Hello(hello()));
    let mut bytes = encoder.take();
    // Only later versions: the check of HELLO is then another one.
    bytes[8..12].copy_from_slice(&[2, 0, 3, 0]);
    let check = |bytes: &[u8]| -> [u8; 16] {
        use blake2::digest::consts::U16;
        use blake2::{Blake2b, Digest as _};
        Blake2b::<U16>::digest(bytes).into()
    };
    let end = bytes.len() - 16;
    let chained = check(&[&check(&bytes[..16])[..], &bytes[16..end]].concat());
    bytes[end..].copy_from_slice(&chained);
    let (mut receiver, mut target) = (Receiver::new(), Noted::default());
    receiver.received(&bytes);
    assert!(matches!(receiver.next(&mut target), Step::Send(_)), "REFUSE");
    let Step::Done(Outcome::Discarded { reason }) = receiver.next(&mut target) else {
        panic!("refused");
    };
    assert_eq!(reason.to_string(), "version: expected 1 to 1, found 2 to 3");
}
