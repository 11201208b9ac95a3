//! Packets as gdb and lldb send them.

use std::time::Instant;

use machine::MachineError;
use machine::debuggee::{Register, Stop};

use super::*;

/// 16 tagged granules from 0x1000 on, with the tags 0 to 15; tagged addresses ignore the top byte.
struct Board(Vec<Tag>);

const BASE: u64 = 0x1000;

impl Board {
    fn new() -> Self {
        Self(Tag::all().collect())
    }

    fn part(&mut self, va: u64, count: usize) -> Result<&mut [Tag], DebuggeeError> {
        let va = va & 0x00ff_ffff_ffff_ffff;
        assert_eq!(va % GRANULE, 0);
        if va == 0xdead_0000 {
            return Err(MachineError::Unsupported("gone".to_owned()).into());
        }
        let first = va.checked_sub(BASE).map(|offset| (offset / GRANULE) as usize);
        let part = first.and_then(|first| self.0.get_mut(first..first + count));
        part.ok_or(DebuggeeError::NotTagged { va })
    }
}

impl Debuggee for Board {
    fn cpus(&self) -> usize {
        1
    }

    fn register(&mut self, _: usize, register: Register) -> Result<u64, DebuggeeError> {
        Err(DebuggeeError::NoRegister(register))
    }

    fn set_register(&mut self, _: usize, register: Register, _: u64) -> Result<(), DebuggeeError> {
        Err(DebuggeeError::NoRegister(register))
    }

    fn read(&mut self, _: usize, va: u64, _: &mut [u8]) -> Result<(), DebuggeeError> {
        Err(DebuggeeError::Unmapped { va })
    }

    fn write(&mut self, _: usize, va: u64, _: &[u8]) -> Result<(), DebuggeeError> {
        Err(DebuggeeError::Unmapped { va })
    }

    fn tags(&mut self, _: usize, va: u64, tags: &mut [Tag]) -> Result<(), DebuggeeError> {
        tags.copy_from_slice(self.part(va, tags.len())?);
        Ok(())
    }

    fn set_tags(&mut self, _: usize, va: u64, tags: &[Tag]) -> Result<(), DebuggeeError> {
        self.part(va, tags.len())?.copy_from_slice(tags);
        Ok(())
    }

    fn set_breakpoint(&mut self, _: u64) -> Result<(), DebuggeeError> {
        Ok(())
    }

    fn clear_breakpoint(&mut self, _: u64) -> Result<(), DebuggeeError> {
        Ok(())
    }

    fn step(&mut self, _: usize, _: Instant) -> Result<Stop, DebuggeeError> {
        Ok(Stop::Stepped)
    }

    fn resume(&mut self, _: Instant) -> Result<Stop, DebuggeeError> {
        Ok(Stop::Off)
    }
}

fn split(bytes: &[u8]) -> Vec<Incoming> {
    let mut splitter = Splitter::default();
    bytes.iter().filter_map(|byte| splitter.push(*byte)).collect()
}

#[test]
fn only_packets_about_tags_are_taken_out() {
    let request = |text: &str| Incoming::Request(text.to_owned());
    let stub = |bytes: &[u8]| Incoming::Stub(bytes.to_vec());
    assert_eq!(split(b"+$g#67\x03"), [stub(b"+"), stub(b"$g#67"), stub(b"\x03")]);
    let tags = packet("qMemTags:1000,20:1");
    assert_eq!(
        split(&[&tags[..], b"+", b"$?#3f"].concat()),
        [request("qMemTags:1000,20:1"), stub(b"+"), stub(b"$?#3f")]
    );
    let features = packet("qSupported:multiprocess+");
    assert_eq!(split(&features), [Incoming::Features(features.clone())]);
    let quiet = packet("QStartNoAckMode");
    assert_eq!(split(&quiet), [Incoming::NoAcknowledgements(quiet.clone())]);
    // A packet that comes in parts, and binary data that happens to look like one.
    assert_eq!(split(&tags[..tags.len() - 1]), []);
    let write = b"$X1000,5:$qMem#00";
    assert_eq!(split(write), [stub(write)]);
}

#[test]
fn features_are_added_with_the_right_sum() {
    let mut answer = [b"+", &packet("PacketSize=1000;swbreak+")[..]].concat();
    complete_features(&mut answer);
    assert_eq!(answer, [b"+", &packet("PacketSize=1000;swbreak+;memory-tagging+")[..]].concat());
    let mut none = b"+".to_vec();
    complete_features(&mut none);
    assert_eq!(none, b"+");
}

#[test]
fn tags_are_fetched_by_granule_whatever_the_pointer() {
    let mut board = Board::new();
    let mut ask = |request: &str| answer(&mut board, 0, request).unwrap();
    assert_eq!(ask("qMemTags:1000,10:1"), "m00");
    assert_eq!(ask("qMemTags:900000000001010,20:1"), "m0102");
    // Part of a granule is a granule, and nothing is one, too.
    assert_eq!(ask("qMemTags:1018,10:1"), "m0102");
    assert_eq!(ask("qMemTags:1018,0:1"), "m01");
    for refused in ["1000,10:0", "1000,110:1", "800,10:1", "1000:1", "1000,x:1", "1000,ffffffffffffffff:1", "+1,10:1"] {
        assert_eq!(ask(&format!("qMemTags:{refused}")), "E01", "{refused}");
    }
}

#[test]
fn fewer_tags_than_granules_are_repeated() {
    let mut board = Board::new();
    let mut ask = |request: &str| answer(&mut board, 0, request).unwrap();
    assert_eq!(ask("QMemTags:1010,50:1:090a"), "OK");
    assert_eq!(ask("qMemTags:1000,70:1"), "m00090a090a0906");
    for refused in ["1000,10:1:10", "1000,10:1:", "1000,10:1:1", "800,10:1:01", "1000,10:0:01", "1000,10:01"] {
        assert_eq!(ask(&format!("QMemTags:{refused}")), "E01", "{refused}");
    }
    assert_eq!(ask("qMemTags:1000,10:1"), "m00");
}

#[test]
fn addresses_are_tagged_or_not_and_a_lost_machine_is_neither() {
    let mut board = Board::new();
    assert_eq!(answer(&mut board, 0, "qIsAddressTagged:1008").unwrap(), "01");
    assert_eq!(answer(&mut board, 0, "qIsAddressTagged:2000").unwrap(), "00");
    assert_eq!(answer(&mut board, 0, "qIsAddressTagged:").unwrap(), "E01");
    for lost in ["qIsAddressTagged:dead0000", "qMemTags:dead0000,10:1", "QMemTags:dead0000,10:1:01"] {
        assert!(matches!(answer(&mut board, 0, lost), Err(DebuggeeError::Lost(_))), "{lost}");
    }
}
