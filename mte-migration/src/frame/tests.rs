//! Streams that were altered anywhere, and payloads that no sender makes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::message::{Digests, Hello, Mode, Pages, Reason, ReasonCode, Round};
use crate::{PAGE, TAGS};

fn hello() -> Hello {
    Hello {
        session: *b"sixteen bytes...",
        page_size: 0x4000,
        mode: Mode::PreCopy,
        vcpus: 2,
        required: 0,
        optional: 5,
        slots: vec![0x4_0000..0x4_0010, 0x4_0010..0x4_0014, 1 << 36..(1 << 36) + 4],
        identity: b"a CPU".to_vec(),
    }
}

/// Two pages: one of zeros without tags, one with data and tags.
fn pages() -> Pages {
    let mut data = vec![0; 2 * PAGE];
    data[PAGE + 5] = 1;
    let mut tags = vec![0; 2 * TAGS];
    tags[TAGS + 7] = 9;
    Pages::new(0x4_0000, &data, &tags).expect("pages")
}

fn messages() -> Vec<Message> {
    let round = Round { number: 3, pages: 1 << 40 };
    let digests = Digests { memory: [1; 32], tags: [2; 32], registers: [3; 32] };
    vec![
        Message::Hello(hello()),
        Message::Accept { version: 1, features: 4 },
        Message::Refuse(Reason::new(ReasonCode::Identity, "CPU: expected …")),
        Message::Round(round),
        Message::Pages(pages()),
        Message::Ack(round),
        Message::Stop(round),
        Message::Vm(vec![]),
        Message::Vcpu { index: 1, state: vec![1, 2, 3] },
        Message::StateDigest(digests),
        Message::Verified(digests),
        Message::Resumed,
        Message::Abort(Reason::new(ReasonCode::Other(999), "")),
    ]
}

fn stream() -> Vec<u8> {
    let mut encoder = Encoder::sender();
    messages().iter().for_each(|message| encoder.push(message));
    encoder.commit(Ownership::new());
    encoder.take()
}

/// Decodes a stream that comes in pieces, up to the first error.
fn read(bytes: &[u8], piece: usize) -> (Vec<Message>, Option<WireError>) {
    let mut decoder = Decoder::of_sender();
    let mut found = Vec::new();
    for piece in bytes.chunks(piece) {
        decoder.feed(piece);
        loop {
            match decoder.next() {
                Ok(Some(message)) => found.push(message),
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
    }
    (found, None)
}

#[test]
fn a_stream_comes_back_in_pieces_of_any_size() {
    let stream = stream();
    let mut expected = messages();
    expected.push(Message::Commit);
    for piece in [1, 2, 7, 16, 24, 1000, stream.len()] {
        assert_eq!(read(&stream, piece), (expected.clone(), None), "pieces of {piece}");
    }
}

#[test]
fn a_flipped_bit_is_noticed_before_the_message_is_believed() {
    let stream = stream();
    let all = read(&stream, stream.len()).0;
    let mut altered = stream.clone();
    for byte in 0..stream.len() {
        altered[byte] ^= 1 << (byte % 8);
        let (found, _) = read(&altered, stream.len());
        assert!(found.len() < all.len() && found[..] == all[..found.len()], "byte {byte}");
        altered[byte] = stream[byte];
    }
}

#[test]
fn frames_that_are_lost_repeated_or_moved_are_noticed() {
    let frame = |message: &Message, encoder: &mut Encoder| {
        encoder.push(message);
        encoder.take()
    };
    let mut encoder = Encoder::sender();
    let preamble = encoder.take();
    let [a, b, c] = [Message::Resumed, Message::Vm(vec![1]), Message::Resumed].map(|m| frame(&m, &mut encoder));
    for order in [[&b, &a, &c], [&a, &a, &b], [&a, &c, &b]] {
        let bytes = [&preamble[..], order[0], order[1], order[2]].concat();
        assert!(matches!(read(&bytes, 100).1, Some(WireError::Check { .. })), "{order:?}");
    }
}

#[test]
fn the_receivers_direction_belongs_to_one_hello() {
    let mut encoder = Encoder::receiver(&[1; 16]);
    encoder.push(&Message::Resumed);
    let bytes = encoder.take();
    let read = |hello| {
        let mut decoder = Decoder::of_receiver(hello);
        decoder.feed(&bytes);
        decoder.next()
    };
    assert_eq!(read([1; 16]), Ok(Some(Message::Resumed)));
    assert!(matches!(read([2; 16]), Err(WireError::Check { .. })));
    let mut decoder = Decoder::of_sender();
    decoder.feed(&bytes);
    assert!(matches!(decoder.next(), Err(WireError::Magic { .. })), "two receivers that are wired together");
}

#[test]
fn a_length_above_the_limit_is_rejected_before_the_payload_comes() {
    let mut bytes = preamble(SENDER_MAGIC).to_vec();
    bytes.extend_from_slice(&[0xff, 0xff, 0xff, 0x7f, 5, 0, 0, 0]);
    assert_eq!(read(&bytes, 100).1, Some(WireError::TooLong { limit: MAX_PAYLOAD, found: 0x7fff_ffff }));
}

#[test]
fn a_reasons_text_is_cut_at_a_character() {
    let mut payload = Vec::new();
    encode(&Message::Abort(Reason::new(ReasonCode::Guest, "é".repeat(1000))), &mut payload);
    let Ok(Message::Abort(reason)) = decode(Type::Abort, &payload, Injected::default()) else { panic!("an ABORT") };
    assert_eq!(reason.text, "é".repeat(512));
    let Ok(Message::Abort(reason)) = decode(Type::Abort, b"\x07\0\0\0\x1b[2J", Injected::default()) else {
        panic!("an ABORT")
    };
    assert_eq!(reason.text, "\u{fffd}[2J", "a terminal does not obey it");
}

#[test]
fn pages_yield_their_runs() {
    let mut payload = Vec::new();
    encode(&Message::Pages(pages()), &mut payload);
    assert_eq!(payload.len(), 16 + 1 + 4 + PAGE);
    let mut data = [0; PAGE];
    data[5] = 1;
    assert_eq!(pages().runs(), [(0x4_0000..0x4_0001, None), (0x4_0001..0x4_0002, Some(&data[..]))]);
}

/// Checks that a payload is rejected with a byte replaced.
fn is_rejected(message: &Message, at: usize, value: u8) {
    let mut payload = Vec::new();
    encode(message, &mut payload);
    payload[at] = value;
    let decoded = decode(message.kind(), &payload, Injected::default());
    assert!(decoded.is_err(), "{}: byte {at} as {value}", message.kind().name());
}

#[test]
fn fields_out_of_their_range_are_rejected() {
    let hello = Message::Hello(hello());
    // Page size, mode, vCPUs, slots, identity; a slot that is unaligned, overlaps, is empty or leaves the address space.
    for (at, value) in [
        (17, 0x20),
        (20, 2),
        (22, 0),
        (23, 0xff),
        (40, 0),
        (41, 0xff),
        (44, 4),
        (48, 1),
        (64, 0xf),
        (56, 0),
        (86, 0x7f),
    ] {
        is_rejected(&hello, at, value);
    }
    let pages = Message::Pages(pages());
    // First page, number of pages, bytes of tags, bits of pages that are not there, a page without its data.
    for (at, value) in [(7, 0xff), (8, 0), (9, 2), (12, 5), (14, 1), (16, 0b110), (16, 0b11), (16, 0)] {
        is_rejected(&pages, at, value);
    }
    for (message, reserved) in
        messages().iter().zip([None, Some(2), Some(2), Some(4), None, Some(4), Some(4), None, Some(4)])
    {
        if let Some(at) = reserved {
            is_rejected(message, at, 1);
        }
    }
}

proptest! {
    #[test]
    fn any_payload_is_a_message_or_an_error(kind in 1u16..=14, payload in vec(any::<u8>(), 0..200)) {
        let kind = Type::from_number(kind).unwrap();
        if let Ok(message) = decode(kind, &payload, Injected::default()) {
            prop_assert_eq!(message.kind(), kind);
            let mut again = Vec::new();
            encode(&message, &mut again);
            prop_assert!(decode(kind, &again, Injected::default()).is_ok());
        }
    }

    #[test]
    fn any_bytes_end_in_an_error_or_wait(bytes in vec(any::<u8>(), 0..600)) {
        let (found, _) = read(&[&preamble(SENDER_MAGIC)[..], &bytes].concat(), 600);
        prop_assert!(found.is_empty());
    }
}
