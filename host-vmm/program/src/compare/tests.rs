//! What counts as a difference and what does not.

#![expect(clippy::single_range_in_vec_init, reason = "a list of ranges is meant")]

use abi::mailbox::{BlockEnd, SYS_REGS, Scalable};
use machine::ScalableState;

use arch::Syndrome;

use super::super::observation::StepObservation;
use super::*;

fn trace() -> Trace {
    Trace {
        x: [7; 31],
        sp: 7,
        pstate: 0x6000_0004,
        sys: [0; SYS_REGS],
        v: Some(Box::new([[1, 2]; 32])),
        scalable: None,
        faults: vec![Fault { index: Some(3), esr: Syndrome::from_bits(0x9600_0051), far: 0x0300_0001, spsr: 0x4 }],
        end: BlockEnd::Complete,
    }
}

fn of(trace: Trace) -> Observation {
    let mut tags = vec![0; 256];
    tags[..2].copy_from_slice(&[1, 2]);
    let memory = vec![ObservedExtent { offset: 0x1000, data: vec![0; 4096], tags, unknown: Vec::new() }];
    Observation {
        seen: vec![StepObservation {
            step: 4,
            what: StepOutcome::Block(Box::new(trace)),
            unknown: Vec::new(),
            unknown_v: 0,
            unknown_p: 0,
            unknown_x: 0,
        }],
        memory,
        endless: None,
        tagged_far: false,
    }
}

fn places(change: impl FnOnce(&mut Trace)) -> Vec<Location> {
    let mut changed = trace();
    change(&mut changed);
    differences(&of(trace()), &of(changed)).iter().map(|difference| difference.place).collect()
}

#[test]
fn everything_that_is_the_programs_counts() {
    assert_eq!(places(|_| ()), []);
    assert_eq!(places(|trace| trace.x[30] = 0), [Location::X(30)]);
    assert_eq!(places(|trace| trace.sp = 0), [Location::Sp]);
    assert_eq!(places(|trace| trace.pstate ^= 1 << 25), [Location::Pstate]);
    assert_eq!(places(|trace| trace.end = BlockEnd::Escaped), [Location::End]);
    assert_eq!(places(|trace| trace.sys[SysReg::Rgsr as usize] = 0x100), [Location::Sys(SysReg::Rgsr)]);
    assert_eq!(places(|trace| trace.sys[SysReg::Sctlr as usize] = 1 << 40), [Location::Sys(SysReg::Sctlr)]);
    assert_eq!(places(|trace| trace.v = Some(Box::new([[1, 3]; 32]))).len(), 32);
    assert_eq!(places(|trace| trace.faults[0].far += 1), [Location::Fault(0)]);
    assert_eq!(places(|trace| trace.faults[0].index = None), [Location::Fault(0)]);
    assert_eq!(places(|trace| trace.faults[0].spsr = 0), [Location::Fault(0)]);
    assert_eq!(places(|trace| trace.faults[0].esr = Syndrome::from_bits(0x9600_0011)), [Location::Fault(0)]);
    assert_eq!(places(|trace| trace.faults.clear()), [Location::Fault(0)]);
    assert_eq!(places(|trace| trace.faults[0].esr = Syndrome::from_bits(0x3_9600_0051)), [Location::Fault(0)]);
    assert_eq!(places(|trace| trace.faults[0].spsr |= 0x3c0), [Location::Fault(0)]);
    assert_eq!(places(|trace| trace.pstate |= 1 << 21), [Location::Pstate]);
    assert_eq!(places(|trace| trace.sys[SysReg::Sctlr as usize] = 1 << 23), [Location::Sys(SysReg::Sctlr)]);
    let tagged_far = |far| {
        let mut trace = trace();
        trace.faults[0].far = far;
        Observation { tagged_far: true, ..of(trace) }
    };
    assert_eq!(differences(&tagged_far(0x3 << 60), &tagged_far(0x2 << 60)).len(), 1);
}

#[test]
fn what_the_architecture_leaves_open_does_not_count() {
    assert_eq!(places(|trace| trace.faults[0].far |= 0xf << 60), []);
    let unsupported = |esr| {
        let mut trace = trace();
        trace.faults[0].esr = Syndrome::from_bits(esr);
        trace
    };
    assert_eq!(differences(&of(unsupported(0x9600_0035)), &of(unsupported(0x9600_0075))), []);
    assert_ne!(differences(&of(unsupported(0x9600_0035)), &of(unsupported(0x9600_0021))), []);
    let undefined = |far| {
        let mut trace = trace();
        trace.faults[0] = Fault { index: Some(0), esr: Syndrome::from_bits(0x0200_0000), far, spsr: 4 };
        of(trace)
    };
    assert_eq!(differences(&undefined(0), &undefined(5)), []);
}

#[test]
fn every_scalable_register_counts_and_so_does_the_vector_length() {
    let with = |bytes: u64, change: fn(&mut ScalableState)| {
        let mut registers = Scalable::ZERO;
        registers.z.iter_mut().for_each(|z| z.fill(0x11));
        let mut values = ScalableState::new(bytes, Box::new(registers));
        change(&mut values);
        of(Trace { v: None, scalable: Some(values), ..trace() })
    };
    let places = |other: &Observation| -> Vec<_> {
        differences(&with(32, |_| ()), other).iter().map(|difference| difference.place).collect()
    };
    assert_eq!(places(&with(32, |_| ())), []);
    assert_eq!(places(&with(64, |_| ())), [Location::VectorLength]);
    let mut z = with(32, |values| values.z_mut(7)[31] = 0);
    assert_eq!(places(&z), [Location::Z(7)]);
    z.seen[0].unknown_v = 1 << 7;
    assert_eq!(places(&z), []);
    assert_eq!(places(&with(32, |values| values.p_mut(15)[3] = 0x80)), [Location::P(15)]);
    let mut ffr = with(32, |values| values.ffr_mut()[0] = 1);
    assert_eq!(places(&ffr), [Location::Ffr]);
    ffr.seen[0].unknown_p = 1 << 16;
    assert_eq!(places(&ffr), []);
}

#[test]
fn vectors_that_are_unknown_do_not_count() {
    let mut changed = trace();
    changed.v = Some(Box::new([[3, 4]; 32]));
    let (known, mut open) = (of(trace()), of(changed));
    open.seen[0].unknown_v = !(1 << 30);
    let places: Vec<_> = differences(&known, &open).iter().map(|difference| difference.place).collect();
    assert_eq!(places, [Location::V(30)]);
    open.seen[0].unknown_v = u32::MAX;
    assert_eq!(differences(&known, &open), []);
}

#[test]
fn a_register_that_is_unknown_does_not_count() {
    let mut changed = trace();
    changed.sys[SysReg::Rgsr as usize] = 0x100;
    let mut open = of(trace());
    open.seen[0].unknown = vec![SysReg::Rgsr];
    assert_eq!(differences(&open, &of(changed.clone())), []);
    changed.sys[SysReg::Gcr as usize] = 1;
    assert_eq!(differences(&open, &of(changed)).len(), 1);
}

#[test]
fn general_registers_and_the_stack_pointer_that_are_unknown_do_not_count() {
    let mut changed = trace();
    (changed.x, changed.sp) = ([8; 31], 8);
    let mut open = of(changed);
    open.seen[0].unknown_x = !(1 << 3 | 1 << 31);
    let places: Vec<_> = differences(&of(trace()), &open).iter().map(|difference| difference.place).collect();
    assert_eq!(places, [Location::X(3), Location::Sp]);
    open.seen[0].unknown_x = u32::MAX;
    assert_eq!(differences(&open, &of(trace())), []);
}

#[test]
fn bytes_that_are_unknown_do_not_count() {
    let mut open = of(trace());
    open.memory[0].data[5..9].fill(1);
    let places = |open: &Observation| -> Vec<_> {
        differences(open, &of(trace())).iter().map(|difference| difference.place).collect()
    };
    open.memory[0].unknown = vec![0x1005..0x1008];
    assert_eq!(places(&open), [Location::Data(0x1008)]);
    open.memory[0].unknown = vec![0x1005..0x1008, 0x1008..0x1009];
    assert_eq!(places(&open), []);
    open.memory[0].tags[0] = 3;
    assert_eq!(places(&open), [Location::Tag(0x1000)]);
}

#[test]
fn memory_tags_and_progress_count() {
    let mut other = of(trace());
    other.memory[0].tags[1] = 9;
    other.memory[0].data[8] = 1;
    let found = differences(&of(trace()), &other);
    let place = |n: usize| (found[n].step, found[n].place, &*found[n].expected, &*found[n].found);
    assert_eq!(place(0), (None, Location::Tag(0x1010), "0x2", "0x9"));
    assert_eq!(place(1), (None, Location::Data(0x1008), "0x0", "0x1"));
    let endless = Observation { endless: Some(5), memory: Vec::new(), ..of(trace()) };
    let found = differences(&of(trace()), &endless);
    assert_eq!(found.iter().map(|one| (one.step, one.place)).collect::<Vec<_>>(), [(Some(5), Location::Progress)]);
    assert_eq!(differences(&endless, &endless.clone()), []);
}

#[test]
fn a_page_that_one_side_did_not_look_at_has_zeros() {
    let of = |data, tag| {
        let mut tags = vec![0; 512];
        tags[300] = tag;
        let mut bytes = vec![0; 8192];
        bytes[4104] = data;
        let memory = vec![ObservedExtent { offset: 0x5000, data: bytes, tags, unknown: Vec::new() }];
        Observation { memory, ..Observation::default() }
    };
    let places = |a: &Observation, b: &Observation| -> Vec<Location> {
        differences(a, b).iter().map(|difference| difference.place).collect()
    };
    let nothing = Observation::default();
    assert_eq!(places(&of(0, 0), &nothing), []);
    assert_eq!(places(&of(0, 7), &nothing), [Location::Tag(0x5000 + 300 * 16)]);
    assert_eq!(places(&nothing, &of(1, 0)), [Location::Data(0x6008)]);
    assert_eq!(places(&of(0, 7), &of(1, 7)), [Location::Data(0x6008)]);
}
