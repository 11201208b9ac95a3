use std::collections::VecDeque;

use arch::Tag;

use super::*;
use crate::console::{SharedConsole, Through};
use crate::image::{Format, Segment};
use crate::lines::Lines;
use crate::symbols::Symbols;

const CODE: u64 = 0x4010_0000;
const TAG_CHECK_READ: u64 = 0x9600_0011;

/// A machine that does what a script says.
#[derive(Default)]
struct Scripted {
    registers: BTreeMap<String, u64>,
    memory: BTreeMap<u64, u32>,
    breakpoints: BTreeSet<u64>,
    script: VecDeque<(&'static [(&'static str, u64)], Stop)>,
    stepped: usize,
}

impl Debuggee for Scripted {
    fn cpus(&self) -> usize {
        1
    }

    fn register(&mut self, _cpu: usize, register: Register) -> Result<u64, DebuggeeError> {
        Ok(self.registers.get(&register.name()).copied().unwrap_or(0))
    }

    fn set_register(&mut self, _cpu: usize, register: Register, value: u64) -> Result<(), DebuggeeError> {
        self.registers.insert(register.name(), value);
        Ok(())
    }

    fn read(&mut self, _cpu: usize, va: u64, buffer: &mut [u8]) -> Result<(), DebuggeeError> {
        let word = self.memory.get(&va).ok_or(DebuggeeError::Unmapped { va })?;
        buffer.copy_from_slice(&word.to_le_bytes()[..buffer.len().min(4)]);
        Ok(())
    }

    fn write(&mut self, _cpu: usize, va: u64, _bytes: &[u8]) -> Result<(), DebuggeeError> {
        Err(DebuggeeError::Unmapped { va })
    }

    fn tags(&mut self, _cpu: usize, va: u64, tags: &mut [Tag]) -> Result<(), DebuggeeError> {
        // Every granule but the first of a page has its number as its tag.
        for (place, tag) in tags.iter_mut().enumerate() {
            let number = (va / 16 + place as u64) % 256;
            *tag = u8::try_from(number)
                .ok()
                .filter(|number| *number != 0)
                .map(Tag::truncate)
                .ok_or(DebuggeeError::NotTagged { va })?;
        }
        Ok(())
    }

    fn set_tags(&mut self, _cpu: usize, va: u64, _tags: &[Tag]) -> Result<(), DebuggeeError> {
        Err(DebuggeeError::NotTagged { va })
    }

    fn set_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        self.breakpoints.insert(va);
        Ok(())
    }

    fn clear_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        self.breakpoints.remove(&va);
        Ok(())
    }

    fn step(&mut self, _cpu: usize, _deadline: Instant) -> Result<Stop, DebuggeeError> {
        self.stepped += 1;
        Ok(Stop::Stepped)
    }

    fn resume(&mut self, _deadline: Instant) -> Result<Stop, DebuggeeError> {
        let (registers, stop) = self.script.pop_front().unwrap_or((&[], Stop::Off));
        self.registers.extend(registers.iter().map(|(name, value)| ((*name).to_owned(), *value)));
        Ok(stop)
    }
}

fn image(words: &[u32]) -> Image {
    let data: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let segment = Segment { pa: CODE, va: CODE, size: data.len() as u64, data, executable: true };
    Image {
        format: Format::Flat,
        entry: CODE,
        segments: vec![segment],
        symbols: Symbols::of(&[("start", CODE, 64)]),
        lines: Lines::default(),
    }
}

fn run_script(words: &[u32], mut machine: Scripted, breaks: &[u64]) -> (Ended, Vec<Event>, Scripted) {
    let console = SharedConsole::new(Box::new(Through(Vec::new())));
    let options =
        Options { tags: Vec::new(), breaks: breaks.to_vec(), arguments: String::new(), deadline: Deadline::NEVER };
    let mut events = Vec::new();
    let image = image(words);
    let watched = Watched { image: &image, options: &options, console: &console };
    let ended = run(&mut machine, &watched, &mut |event| events.push(event)).unwrap();
    (ended, events, machine)
}

const HIT: Stop = Stop::Breakpoint { cpu: 0 };

#[test]
fn vectors_are_watched_from_where_they_are_set() {
    let machine = Scripted {
        script: [
            (&[("pc", CODE + 4), ("vbar_el1", 0x4020_0000)][..], HIT),
            // SVC is none of ours; a tag check fault is.
            (&[("pc", 0x4020_0200), ("esr_el1", 0x5600_0000), ("elr_el1", CODE)], HIT),
            (
                &[("esr_el1", TAG_CHECK_READ), ("far_el1", 0x0300_0000_4030_0018), ("elr_el1", CODE), ("spsr_el1", 5)],
                HIT,
            ),
        ]
        .into(),
        memory: [(CODE, 0xf940_0001)].into(),
        ..Scripted::default()
    };
    let (ended, events, machine) = run_script(&[0xf940_0001, 0xd518_c000], machine, &[]);
    assert_eq!((ended.how, ended.faults), (EndKind::Off, 1));
    assert!([0x000, 0x200, 0x400, 0x600].iter().all(|offset| machine.breakpoints.contains(&(0x4020_0000 + offset))));
    assert!(!machine.breakpoints.contains(&0x200), "those with which it began are watched no more");
    assert_eq!(machine.stepped, 3);
    let [Event::Fault(fault), Event::Ended(_)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((fault.logical, fault.allocation, fault.el), (Some(3), Some(1), 1));
    assert_eq!(fault.at.symbol.as_deref(), Some("start"));
    assert_eq!(fault.at.instruction.as_deref(), Some("ldr x1, [x0]"));
    // Its neighbour before has no tag.
    assert_eq!(fault.fault.around.first(), Some(&("0x402fffe0".to_owned(), 14, false)));
    assert!(fault.fault.around.contains(&("0x40300010".to_owned(), 1, true)));
    assert!(!fault.fault.around.iter().any(|(granule, ..)| granule == "0x40300000"));
}

#[test]
fn vectors_that_were_set_unseen_are_found_by_looking() {
    let machine =
        Scripted { script: [(&[("vbar_el1", 0x4020_0800)][..], Stop::TimedOut)].into(), ..Scripted::default() };
    let (_, _, machine) = run_script(&[], machine, &[]);
    assert!(machine.breakpoints.contains(&0x4020_0a00));
}

#[test]
fn the_same_fault_with_the_same_registers_is_endless_but_calls_are_not() {
    let begin = [("vbar_el1", 0x4020_0000), ("pc", 0x4020_0200), ("elr_el1", CODE)];
    let of = |esr: u64| Scripted {
        registers: begin.iter().chain(&[("esr_el1", esr)]).map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        script: std::iter::repeat_n((&[][..], HIT), 500).collect(),
        ..Scripted::default()
    };
    let (ended, events, _) = run_script(&[], of(TAG_CHECK_READ), &[]);
    assert_eq!((ended.how, ended.faults), (EndKind::Endless, u64::from(ENDLESS)));
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Fault(_))).count(), 1);
    let (ended, ..) = run_script(&[], of(0x5600_0000), &[]);
    assert_eq!(ended.how, EndKind::Off);
}

#[test]
fn it_is_parked_only_where_no_interrupt_can_come() {
    let of = |pstate| Scripted {
        registers: [("pc".to_owned(), CODE), ("pstate".to_owned(), pstate)].into(),
        memory: [(CODE, BRANCH_TO_ITSELF)].into(),
        script: [(&[][..], Stop::TimedOut)].into(),
        ..Scripted::default()
    };
    assert_eq!(run_script(&[], of(0x3c5), &[]).0.how, EndKind::Parked);
    assert_eq!(run_script(&[], of(0x345), &[]).0.how, EndKind::Off, "IRQs are not masked");
}

#[test]
fn a_breakpoint_is_taken_away_when_it_was_reached_often() {
    let machine = Scripted {
        registers: [("pc".to_owned(), CODE)].into(),
        script: std::iter::repeat_n((&[][..], HIT), BREAKS as usize).collect(),
        ..Scripted::default()
    };
    let (_, events, machine) = run_script(&[0], machine, &[CODE]);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Break(_))).count(), BREAKS as usize);
    assert!(!machine.breakpoints.contains(&CODE));
}

#[test]
fn what_an_image_gives_to_semihosting_may_be_anything() {
    // SYS_WRITE0 of memory that is not there, then SYS_EXIT without a block.
    let machine = Scripted {
        registers: [("pc".to_owned(), CODE), ("x0".to_owned(), 4), ("x1".to_owned(), 0x10)].into(),
        script: [(&[][..], HIT), (&[("pc", CODE), ("x0", 0x18)], HIT)].into(),
        ..Scripted::default()
    };
    let (ended, _, machine) = run_script(&[0xd45e_0000], machine, &[]);
    assert_eq!((ended.how, ended.status), (EndKind::Exited, Some(1)));
    assert_eq!(machine.registers["pc"], CODE);
}
