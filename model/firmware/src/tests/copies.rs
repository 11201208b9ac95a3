//! Memory copies and sets.

use abi::mailbox::{PageKind, SysReg};
use abi::map::Window;

use super::{Bench, LOAD_FAULT, STORE_FAULT, pointer, tagged};
use model::cpu::reset;
use model_base::Features;

const SET: &str = "setp [x0]!, x2!, x1; setm [x0]!, x2!, x1; sete [x0]!, x2!, x1";
const SETG: &str = "setgp [x0]!, x2!, x1; setgm [x0]!, x2!, x1; setge [x0]!, x2!, x1";
const COPY: &str = "cpyp [x0]!, [x1]!, x2!; cpym [x0]!, [x1]!, x2!; cpye [x0]!, [x1]!, x2!";
const COPY_FORWARDS: &str = "cpyfp [x0]!, [x1]!, x2!; cpyfm [x0]!, [x1]!, x2!; cpyfe [x0]!, [x1]!, x2!";

fn bytes(bench: &mut Bench, offset: u64, count: u64) -> Vec<u8> {
    let word = |bench: &mut Bench, at: u64| bench.word(at & !7).to_le_bytes()[(at & 7) as usize];
    (offset..offset + count).map(|at| word(bench, at)).collect()
}

#[test]
fn a_set_covers_its_bytes_and_no_others_whatever_its_size() {
    for (start, size) in [(0, 1), (13, 100), (4090, 10), (100, 10_000), (0, 8192), (5, 0)] {
        let mut bench = Bench::new();
        let done = bench.calm(SET, &[tagged(0x1000 + start, 0), 0x1_a5, size]);
        assert_eq!((done.reply.x[0], done.reply.x[2]), (tagged(0x1000 + start + size, 0), 0), "{start} {size}");
        assert_eq!(bytes(&mut bench, 0x1000 + start - 1, size + 2)[1..=size as usize], vec![0xa5; size as usize]);
        assert_eq!(bytes(&mut bench, 0xfff + start, 1), [0]);
        assert_eq!(bytes(&mut bench, 0x1000 + start + size, 1), [0]);
    }
}

#[test]
fn setg_sets_tags_and_is_not_checked() {
    let mut bench = Bench::new();
    bench.tags(0, &[3; 600]);
    bench.calm(SETG, &[tagged(32, 9), 0x77, 8192]);
    let tags = bench.read_tags(0, 520);
    assert_eq!(
        (tags[..2].to_vec(), tags[2..514].to_vec(), tags[514..].to_vec()),
        (vec![3; 2], vec![9; 512], vec![3; 6])
    );
    assert_eq!(
        (bench.word(24), bench.word(32), bench.word(8216), bench.word(8224)),
        (0, 0x7777_7777_7777_7777, 0x7777_7777_7777_7777, 0)
    );
    for x in [[tagged(8, 9), 0, 16], [tagged(16, 9), 0, 24]] {
        let done = bench.run("setgp [x0]!, x2!, x1", &x);
        assert_eq!((done.traps[0].esr, done.traps[0].far), (0x9600_0061, x[0]));
    }
}

#[test]
fn setgp_saturates_only_sizes_that_are_negative() {
    const MOST: u64 = i64::MAX as u64;
    let mut bench = Bench::new();
    for size in [MOST, MOST - 14] {
        let trap = bench.trap("setgp [x0]!, x2!, x1", &[tagged(0, 9), 0, size]);
        assert_eq!((trap.esr, trap.far), (0x9600_0061, tagged(0, 9)), "{size:#x}");
    }
    for size in [MOST - 15, MOST + 1, u64::MAX] {
        let done = bench.calm("setgp [x0]!, x2!, x1", &[tagged(0, 9), 0, size]);
        assert_eq!(done.reply.x[2], (MOST - 15 - 4096).wrapping_neg(), "{size:#x}");
    }
}

#[test]
fn an_alignment_fault_of_setgm_shows_where_it_is_or_its_register() {
    // Option A: the register is the end.
    for text in ["setgm [x0]!, x2!, x1", "setge [x0]!, x2!, x1"] {
        let x = [tagged(0x1008, 9), 0, 0x20_u64.wrapping_neg()];
        let seen = Bench::permitted(Bench::new, text, &x, |_, done| (done.traps[0].esr, done.traps[0].far));
        assert_eq!(seen, [(0x9600_0061, tagged(0xfe8, 9)), (0x9600_0061, tagged(0x1008, 9))], "{text}");
    }
}

#[test]
fn copies_move_bytes_in_the_direction_that_suits() {
    for text in [COPY, COPY_FORWARDS] {
        for (from, to, size) in [(0, 0x8003, 9000), (4000, 8000, 300), (5, 0x9000, 1)] {
            let mut bench = Bench::new();
            let data: Vec<u8> = (0..size).map(|n| (n * 31 % 251) as u8 + 1).collect();
            for (n, byte) in (0..).zip(&data) {
                bench.fill(from + n, 1, *byte);
            }
            let done = bench.calm(text, &[tagged(to, 0), tagged(from, 0), size]);
            assert_eq!(bytes(&mut bench, to, size), data, "{text} {from} {to} {size}");
            assert_eq!(done.reply.x[2], 0);
            assert_eq!(done.reply.x[..2], [tagged(to + size, 0), tagged(from + size, 0)]);
        }
    }
    for (from, to) in [(0x2000, 0x2007), (0x2007, 0x2000)] {
        let mut bench = Bench::new();
        let data: Vec<u8> = (0..9000).map(|n| (n % 251) as u8).collect();
        for (n, byte) in (0..).zip(&data) {
            bench.fill(from + n, 1, *byte);
        }
        let done = bench.calm(COPY, &[tagged(to, 0), tagged(from, 0), 9000]);
        assert_eq!(bytes(&mut bench, to, 9000), data);
        assert_eq!(done.reply.x[2], 0);
    }
}

#[test]
fn a_wrong_tag_stops_a_set_at_its_granule_with_registers_that_say_so() {
    let mut bench = Bench::new();
    bench.tags(0, &[5, 5, 6, 5]);
    let done = bench.run("setp [x0]!, x2!, x1", &[tagged(4, 5), 0xff, 60]);
    assert_eq!((done.traps[0].esr, done.traps[0].far), (STORE_FAULT, tagged(32, 5)));
    assert_eq!((done.reply.x[0], done.reply.x[2]), (tagged(32, 5), 32));
    assert_eq!((bench.word(24), bench.word(32)), (!0, 0));
}

#[test]
fn a_copy_checks_its_source_as_loads_and_its_destination_as_stores() {
    let mut bench = Bench::new();
    bench.tags(0, &[5; 8]).tags(64, &[7; 8]);
    bench.calm(COPY_FORWARDS, &[tagged(1024, 7), tagged(0, 5), 128]);
    let text = "cpyfp [x0]!, [x1]!, x2!";
    let done = bench.run(text, &[tagged(1024, 7), tagged(0, 4), 128]);
    assert_eq!((done.traps[0].esr, done.traps[0].far), (LOAD_FAULT, tagged(0, 4)));
    let done = bench.run(text, &[tagged(1024, 8), tagged(0, 5), 128]);
    assert_eq!((done.traps[0].esr, done.traps[0].far), (STORE_FAULT, tagged(1024, 8)));
    // In asymmetric mode the source is synchronous and the destination is not.
    bench.sys(SysReg::Sctlr, reset::SCTLR | 3 << 40);
    let done = bench.run(COPY_FORWARDS, &[tagged(1024, 8), tagged(0, 5), 128]);
    assert_eq!((done.traps.len(), done.reply.sys[SysReg::Tfsr as usize]), (0, 1));
}

#[test]
fn of_a_source_without_permission_and_a_destination_with_a_wrong_tag_either_may_fault() {
    let new = || {
        let mut bench = Bench::new();
        bench.tags(0, &[5]);
        bench
    };
    let x = [tagged(0, 4), tagged(64, 0), 8];
    let seen = Bench::permitted(new, "cpyfprt [x0]!, [x1]!, x2!", &x, |_, done| done.traps[0].esr);
    assert_eq!(seen, [0x9600_000f, STORE_FAULT]);
}

#[test]
fn options_make_accesses_of_el0() {
    let mut bench = Bench::new();
    let el0 = pointer(Window::TaggedEl0, 0, 0);
    assert_eq!(bench.trap("setpt [x0]!, x2!, x1", &[tagged(0, 0), 0, 8]).esr, 0x9600_004f);
    bench.calm("setpt [x0]!, x2!, x1", &[el0, 0, 8]);
    assert_eq!(bench.trap("cpyfprt [x0]!, [x1]!, x2!", &[el0 + 64, tagged(0, 0), 8]).esr, 0x9600_000f);
    bench.calm("cpyfprt [x0]!, [x1]!, x2!", &[tagged(64, 0), el0, 8]);
}

#[test]
fn faults_of_translation_come_at_the_first_byte_of_the_page() {
    let mut bench = Bench::new();
    bench.pages(Window::Tagged, 4096, PageKind::Unmapped);
    let done = bench.run(SET, &[tagged(4090, 0), 1, 100]);
    assert_eq!((done.traps[0].esr, done.traps[0].far), (0x9600_0047, tagged(4096, 0)));
}

#[test]
fn what_a_cpu_lacks_is_undefined_and_a_wrong_format_is_reported() {
    let mut bench = Bench::of(Features { mops: false, ..Features::MAX });
    assert_eq!(bench.trap("setp [x0]!, x2!, x1", &[tagged(0, 0)]).esr, 0x0200_0000);
    let mut bench = Bench::new();
    bench.el = 0;
    bench.sys(SysReg::Sctlr, reset::SCTLR & !(1 << 33));
    assert_eq!(bench.trap("setp [x0]!, x2!, x1", &[0]).esr, 0x0200_0000);
    let mut bench = Bench::new();
    // C set: the sequence began on a CPU of option B.
    let trap = bench.trap("adds xzr, x3, #1; sete [x0]!, x2!, x1", &[tagged(0, 0), 0, 5, !0]);
    assert_eq!(trap.esr, 0x9e00_0000 | 1 << 24 | 1 << 18 | 1 << 17 | 1 << 16 | 1 << 5 | 2);
}
