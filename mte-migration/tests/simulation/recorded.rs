//! Recorded streams, for a receiver that shares no code with this one: tests/receiver/receive.py. They need Python, whose path `cargo xtask test` puts into the environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest as _};
use fastrand::Rng;
use mte_migration::frame::Decoder;
use mte_migration::message::{Digests, Message, Mode, ReasonCode};
use mte_migration::receiver::{Outcome, Receiver, Step};

use crate::guest::FakeGuest;
use crate::world::Disturbance;
use crate::{SEED, mode, once};

/// A stream of version 1, which every later receiver of version 1 must accept. `GRANULE_BLESS=1` records it anew.
const RECORDED: &str = "version-1.stream";
/// Python 3.
const PYTHON: &str = "GRANULE_PYTHON";
/// A migration of few pages, in two rounds.
const RECORDED_SEED: u64 = 700;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/receiver")
}

/// Passes streams to the receiver in Python, and returns what it prints for each.
fn receive(streams: &[Vec<u8>]) -> Vec<String> {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let python = std::env::var_os(PYTHON).unwrap_or_else(|| panic!("{PYTHON} is not set; cargo xtask test sets it"));
    let mut command = Command::new(python);
    command.arg("-B").arg(folder().join("receive.py"));
    for (index, stream) in streams.iter().enumerate() {
        let path = scratch.path().join(index.to_string());
        fs::write(&path, stream).expect("a file in a temporary directory");
        command.arg(path);
    }
    let output = command.output().expect("Python starts");
    let printed = String::from_utf8(output.stdout).expect("text");
    let lines: Vec<String> = printed.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), streams.len(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.success(), lines.iter().all(|line| !line.starts_with("rejected")));
    lines
}

fn line(digests: &Digests, end: &str) -> String {
    let hex = |bytes: [u8; 32]| bytes.map(|byte| format!("{byte:02x}")).concat();
    format!("{} {} {} {end}", hex(digests.memory), hex(digests.tags), hex(digests.registers))
}

#[test]
#[ignore = "needs Python; cargo xtask test runs it"]
fn the_receiver_in_python_finds_the_same_digests() {
    let (mut streams, mut expected) = (Vec::new(), Vec::new());
    for seed in (SEED..SEED + 20).filter(|seed| mode(*seed) == Mode::PreCopy) {
        let ended = once(seed, Disturbance::Nothing, None).unwrap_or_else(|error| panic!("{error}"));
        let digests = ended.digests.expect("verified");
        // Without the last frame, COMMIT: 24 bytes.
        streams.push(ended.forward[..ended.forward.len() - 24].to_vec());
        expected.push(line(&digests, "verified"));
        streams.push(ended.forward);
        expected.push(line(&digests, "committed"));
    }
    assert_eq!(receive(&streams), expected);
}

#[test]
#[ignore = "needs Python; cargo xtask test runs it"]
fn the_receiver_in_python_rejects_an_altered_stream() {
    let stream = fs::read(folder().join(RECORDED)).expect("the recorded stream");
    let mut rng = Rng::with_seed(SEED);
    let mut altered: Vec<Vec<u8>> = (0..100)
        .map(|index| {
            let mut stream = stream.clone();
            // Both ends have most of the fields.
            let at = match index % 3 {
                0 => rng.usize(..200),
                1 => stream.len() - 1 - rng.usize(..200),
                _ => rng.usize(..stream.len()),
            };
            stream[at] ^= 1 << rng.u8(..8);
            stream
        })
        .collect();
    altered.extend((0..20).map(|_| stream[..rng.usize(..stream.len() - 25)].to_vec()));
    altered.push([&stream[..], &[0]].concat());
    let lines = receive(&altered);
    assert!(lines.iter().all(|line| line.starts_with("rejected: ")), "{lines:#?}");
}

/// Cuts a stream into its preamble and its frames: header and payload, without the checks.
fn frames(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = vec![stream[..16].to_vec()];
    let mut rest = &stream[16..];
    while let Some(length) = rest.first_chunk() {
        let end = 8 + u32::from_le_bytes(*length) as usize;
        frames.push(rest[..end].to_vec());
        rest = &rest[end + 16..];
    }
    frames
}

/// Joins a preamble and frames, with the checks that they must have.
fn joined(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = frames[0].clone();
    let mut check = Blake2b::<U16>::digest(&frames[0]);
    for frame in &frames[1..] {
        check = Blake2b::<U16>::new().chain_update(check).chain_update(frame).finalize();
        stream.extend([frame, &check[..]].concat());
    }
    stream
}

/// Returns what the receiver in Rust makes of a stream, as the one in Python prints it, but for the reason.
fn verdict(stream: &[u8]) -> String {
    let mut decoder = Decoder::of_sender();
    decoder.feed(stream);
    let Ok(Some(Message::Hello(layout))) = decoder.next() else {
        return "rejected".to_owned();
    };
    let mut target = FakeGuest::new(&layout, SEED);
    let mut receiver = Receiver::new();
    receiver.received(stream);
    let outcome = loop {
        match receiver.next(&mut target) {
            Step::Send(_) => {}
            Step::Done(outcome) => break outcome,
            Step::Receive => receiver.disconnected(&mut target, "the stream ends"),
        }
    };
    let digests = receiver.report().digests;
    match (outcome, digests) {
        (Outcome::Resumed, Some(digests)) => line(&digests, "committed"),
        (Outcome::Held { .. }, Some(digests)) => line(&digests, "verified"),
        (Outcome::Discarded { reason }, _) if reason.code == ReasonCode::Digest => "digests differ".to_owned(),
        _ => "rejected".to_owned(),
    }
}

#[test]
#[ignore = "needs Python; cargo xtask test runs it"]
fn both_receivers_judge_any_frames_alike() {
    let mut rng = Rng::with_seed(SEED);
    let recorded = fs::read(folder().join(RECORDED)).expect("the recorded stream");
    let other = once(SEED, Disturbance::Nothing, None).unwrap_or_else(|error| panic!("{error}")).forward;
    let mut streams = Vec::new();
    for index in 0..240 {
        let mut frames = frames(if index % 8 == 0 { &other } else { &recorded });
        let at = rng.usize(..frames.len());
        let frame = &mut frames[at];
        // The length of a frame stays what it is, or the stream would end within one.
        let first = if at == 0 { 0 } else { 4 };
        match rng.u8(..6) {
            // Fields are at the beginning.
            0..=2 => {
                let byte = rng.usize(first..frame.len().min(60));
                frame[byte] ^= 1 << rng.u8(..8);
            }
            3 => {
                let byte = rng.usize(first..frame.len());
                frame[byte] = rng.u8(..);
            }
            4 => drop(frames.remove(at.max(1))),
            _ => frames.swap(at.max(1), rng.usize(1..at.max(2))),
        }
        streams.push(joined(&frames));
    }
    let alike: Vec<String> = streams.iter().map(|stream| verdict(stream)).collect();
    let in_python = receive(&streams).into_iter().map(|line| match line.strip_prefix("rejected: ") {
        Some(reason) if reason == "digests differ" => reason.to_owned(),
        Some(_) => "rejected".to_owned(),
        None => line,
    });
    for (index, (ours, theirs)) in alike.iter().zip(in_python).enumerate() {
        assert_eq!(*ours, theirs, "stream {index}");
    }
    for kind in ["rejected", "digests differ"] {
        assert!(alike.iter().filter(|verdict| *verdict == kind).count() > 10, "some are {kind}");
    }
    assert!(alike.iter().any(|verdict| verdict.ends_with("committed")), "some are accepted");
}

#[test]
#[ignore = "needs Python; cargo xtask test runs it"]
fn a_stream_of_version_1_is_accepted_by_both_receivers() {
    let path = folder().join(RECORDED);
    if std::env::var_os("GRANULE_BLESS").is_some() {
        let ended = once(RECORDED_SEED, Disturbance::Nothing, None).unwrap_or_else(|error| panic!("{error}"));
        fs::write(&path, ended.forward).expect("the folder of recorded streams");
    }
    let stream = fs::read(path).expect("the recorded stream");
    let mut decoder = Decoder::of_sender();
    decoder.feed(&stream);
    let Ok(Some(Message::Hello(layout))) = decoder.next() else {
        panic!("the recorded stream begins with HELLO");
    };
    let mut target = FakeGuest::new(&layout, SEED);
    let mut receiver = Receiver::new();
    receiver.received(&stream);
    let outcome = loop {
        match receiver.next(&mut target) {
            Step::Send(_) => {}
            Step::Done(outcome) => break outcome,
            Step::Receive => panic!("the stream ends before COMMIT"),
        }
    };
    assert!(matches!(outcome, Outcome::Resumed) && target.is_running);
    let digests = receiver.report().digests.expect("verified");
    assert_eq!(receive(&[stream]), [line(&digests, "committed")]);
}
