//! Frames survive the kernel's messages between them, and no damage goes unseen.

use super::*;
use report::event::Failure;

fn events() -> Vec<Event> {
    vec![
        Event::Hello(1),
        Event::Begin(CaseInfo {
            name: "a.b.c".into(), claim: "§ \"1\"\nnext".into(), cite: "[    0.123456] x".into()
        }),
        Event::End {
            name: "a.b.c".into(),
            verdict: Verdict::Failed(Failure { what: "\u{1e}".into(), detail: vec!["x".into()], ..Failure::default() }),
            micros: 7,
        },
        Event::Finished { micros: 12 },
    ]
}

fn frames() -> Vec<Vec<u8>> {
    let mut encoder = Encoder::default();
    events().iter().map(|event| encoder.frame(event).unwrap()).collect()
}

fn decode(bytes: &[u8]) -> Vec<Result<Item, WireError>> {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    std::iter::from_fn(|| decoder.next_item()).collect()
}

fn expected() -> Vec<Result<Item, WireError>> {
    events().into_iter().map(|event| Ok(Item::Event(Box::new(event)))).collect()
}

#[test]
fn texts_and_events_share_the_numbers() {
    let mut encoder = Encoder::default();
    let text = "{\"Console\":\"\u{e9}t\"}";
    let bytes = [encoder.text(text), encoder.frame(&Event::Hello(1)).unwrap(), encoder.text("")].concat();
    let expected = [Item::Text(text.to_owned()), Item::Event(Box::new(Event::Hello(1))), Item::Text(String::new())];
    assert_eq!(decode(&bytes), expected.map(Ok));
    assert!(matches!(decode(&bytes[encoder.text(text).len()..])[0], Err(WireError::Gap { .. })));
}

#[test]
fn events_survive_in_any_pieces_and_with_a_terminals_line_ends() {
    let bytes = frames().concat();
    let raw: Vec<u8> = bytes.iter().flat_map(|b| if *b == b'\n' { vec![b'\r', b'\n'] } else { vec![*b] }).collect();
    for size in [1, 2, 3, 7, raw.len()] {
        let mut decoder = Decoder::default();
        let mut items = Vec::new();
        for piece in raw.chunks(size) {
            decoder.push(piece);
            items.extend(std::iter::from_fn(|| decoder.next_item()));
        }
        assert_eq!(items, expected(), "in pieces of {size}");
    }
}

#[test]
fn a_frame_has_one_mark_and_one_line_end() {
    for frame in frames() {
        assert_eq!(frame.iter().filter(|byte| **byte == MARK).count(), 1);
        assert_eq!(frame.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
}

#[test]
fn every_flipped_bit_is_an_error() {
    let frame = frames().remove(1);
    for bit in 8..(frame.len() - 1) * 8 {
        let mut damaged = frame.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let mut bytes = frames().remove(0);
        bytes.extend(damaged);
        bytes.extend(frames().remove(2));
        let items = decode(&bytes);
        assert!(items[1..].iter().any(Result::is_err), "bit {bit}: {items:?}");
        assert_ne!(items.get(1), Some(&Ok(Item::Event(Box::new(events().remove(1))))), "bit {bit}");
    }
}

#[test]
fn a_lost_or_repeated_frame_is_a_gap() {
    let frames = frames();
    let lost = decode(&[&*frames[0], &frames[2]].concat());
    assert_eq!(lost[1], Err(WireError::Gap { expected: 1, found: 2 }));
    let twice = decode(&[&*frames[0], &frames[0]].concat());
    assert_eq!(twice[1], Err(WireError::Gap { expected: 1, found: 0 }));
}

#[test]
fn a_truncated_frame_is_an_error() {
    let frames = frames();
    let items = decode(&[&frames[0][..5], &frames[1]].concat());
    assert!(matches!(&items[0], Err(WireError::Damaged { number: 0, .. })), "{items:?}");
}

#[test]
fn an_event_of_another_version_is_an_error() {
    let body = "0 {\"Surprise\":1}";
    let frame = format!("\u{1e}{body}{:08x}\n", crc32fast::hash(body.as_bytes()));
    assert!(matches!(&decode(frame.as_bytes())[0], Err(WireError::Unknown { number: 0, .. })));
}

#[test]
fn kernel_lines_between_and_within_frames_are_taken_out() {
    let lines = ["[    1.234567] BUG: one", "[   12.000001]  two [3]"];
    let frames = frames();
    for at in 1..frames[1].len() - 1 {
        let mut bytes = b"[    0.000000] zero\r\n".to_vec();
        bytes.extend(&frames[0]);
        bytes.extend(&frames[1][..at]);
        bytes.extend(format!("{}\r\n{}\r\n", lines[0], lines[1]).as_bytes());
        bytes.extend(&frames[1][at..]);
        let items = decode(&bytes);
        let (events_found, lines_found): (Vec<_>, Vec<_>) =
            items.into_iter().map(Result::unwrap).partition(|item| matches!(item, Item::Event(_)));
        assert_eq!(
            events_found,
            events()[..2].iter().cloned().map(|event| Item::Event(Box::new(event))).collect::<Vec<_>>(),
            "at {at}"
        );
        assert_eq!(lines_found.len(), 3, "at {at}");
        assert_eq!(lines_found[1], Item::Line(lines[0].into()));
    }
}

#[test]
fn a_partial_last_line_is_shown_and_long_lines_are_truncated() {
    let mut decoder = Decoder::default();
    decoder.push(b"tail");
    assert_eq!(decoder.finish(), ["tail"]);
    let mut decoder = Decoder::default();
    decoder.push(&frames()[0][..4]);
    assert_eq!(decoder.next_item(), None);
    assert_eq!(decoder.finish().len(), 1);
    assert_eq!(decode(&[b'x'; LONGEST_LINE * 2]).len(), 2);
    let mut flood = vec![MARK];
    flood.resize(LONGEST_FRAME + 2, b'x');
    assert!(matches!(&decode(&flood)[0], Err(WireError::Damaged { .. })));
}

#[test]
fn abbreviated_events_round_trip() {
    let begin = |name: &str, claim: &str| {
        Event::Begin(CaseInfo { name: name.into(), claim: claim.into(), cite: String::new() })
    };
    let end = |name: &str, micros| Event::End { name: name.into(), verdict: Verdict::Passed, micros };
    for (event, short) in [
        (begin("#0", ""), true),
        (begin("#123", ""), true),
        (begin("#123", "claim"), false),
        (begin("arch.irg.el0", ""), false),
        (begin("#x", ""), false),
        (end("", 0), true),
        (end("", u64::MAX), true),
        (end("arch.irg.el0", 1), false),
    ] {
        let frame = Encoder::default().frame(&event).unwrap();
        assert_eq!(!frame.contains(&b'{'), short, "{event:?}");
        let mut decoder = Decoder::default();
        decoder.push(&frame);
        assert_eq!(decoder.next_item(), Some(Ok(Item::Event(Box::new(event)))));
    }
    for text in ["b", "p", "bx", "p-1", "b1 2", "q1"] {
        assert_eq!(expanded(text.as_bytes()), None, "{text}");
    }
}
