//! Registers, flags, branches, exceptions and what is kept from block to block.

use abi::doorbell::Doorbell;
use abi::mailbox::{BlockEnd, MAX_TRAPS, SYS_REGS, SysReg};
use abi::map;

use super::{Bench, tagged};
use crate::Outcome;

const MASKED: u64 = 0x3c0;

#[test]
fn exceptions_are_recorded_and_the_block_goes_on_behind_each() {
    let mut bench = Bench::new();
    bench.tags(0, &[1]);
    let words: Vec<u32> = [0x0000_0000, 0xd280_0021]
        .into_iter()
        .chain(
            assembler::assemble("cmp x9, x9; msr tco, #1; brk #0x12; svc #7; msr tco, #0; ldr x2, [x0]")
                .unwrap()
                .into_iter()
                .map(isa::Insn::encode),
        )
        .collect();
    let done = bench.run_words(&words, &[tagged(0, 2)]);
    let code = map::code_va(0);
    let found: Vec<_> = done.traps.iter().map(|trap| ((trap.pc - code) / 4, trap.esr, trap.spsr)).collect();
    let flags = 0b0110 << 28;
    assert_eq!(
        found,
        [
            (0, 0x0200_0000, MASKED | 4),
            (4, 0xf200_0012, flags | 1 << 25 | MASKED | 4),
            (5, 0x5600_0007, flags | 1 << 25 | MASKED | 4),
            (7, 0x9600_0011, flags | MASKED | 4),
        ]
    );
    assert_eq!(done.reply.x[1], 1);
    assert_eq!(done.reply.pstate, flags | MASKED | 4);
}

#[test]
fn el0_runs_and_ends_at_el0() {
    let mut bench = Bench::new();
    bench.el = 0;
    let done = bench.run("hvc #1; movz x1, #5", &[]);
    assert_eq!((done.reply.x[1], done.reply.pstate), (5, MASKED));
    assert_eq!((done.traps[0].esr, done.traps[0].spsr), (0x0200_0000, MASKED));
}

#[test]
fn loops_count_and_flags_decide() {
    let mut bench = Bench::new();
    let done = bench.calm(
        "again: add x1, x1, x0; subs x0, x0, #1; b.ne again; cbz x0, .+8; movz x1, #0; adds w2, w3, #1; mrs x4, nzcv",
        &[10, 0, 0, 0xffff_ffff_ffff_ffff],
    );
    assert_eq!((done.reply.x[1], done.reply.x[2], done.reply.x[4] >> 28), (55, 0, 0b0110));
}

#[test]
fn arithmetic_of_both_widths() {
    let mut bench = Bench::new();
    let done = bench.calm(
        "movn x1, #0; movn w2, #0; movn w3, #0; movk x1, #0x1234, lsl #32; orr w4, wzr, w1, ror #8; ands x5, x1, x1, lsr #60; mrs x6, nzcv; subs w7, w2, w2, asr #1; mrs x8, nzcv; eor x9, x1, x1, lsl #4",
        &[],
    );
    assert_eq!(done.reply.x[1..4], [0xffff_1234_ffff_ffff, 0xffff_ffff, 0xffff_ffff]);
    assert_eq!(done.reply.x[4..9], [0xffff_ffff, 15, 0, 0, 0b0110 << 28]);
    assert_eq!(done.reply.x[9], 0xffff_1234_ffff_ffff ^ 0xfff1_234f_ffff_fff0);
}

#[test]
fn a_checkpoint_waits_at_its_store_and_survives_cloning() {
    let mut bench = Bench::new();
    let words: Vec<u32> = assembler::assemble("movz x3, #7; strb w1, [x0]; add x3, x3, #1; brk #1")
        .unwrap()
        .into_iter()
        .map(isa::Insn::encode)
        .collect();
    bench.x[0] = map::UART_DR;
    bench.x[1] = Doorbell::Checkpoint.byte(0).into();
    assert!(matches!(bench.outcome(&words), Outcome::Checkpoint));
    assert_eq!((bench.cpu.pc, bench.cpu.mmio, bench.cpu.x[3]), (map::code_va(0) + 4, true, 7));
    let (firmware, mut cpu) = (bench.firmware.clone(), bench.cpu.clone());
    for _ in 0..2 {
        // Completed at the save or by the next run, it is the same.
        cpu.complete_mmio();
        assert_eq!((cpu.pc, cpu.mmio), (map::code_va(0) + 8, false));
        (bench.firmware, bench.cpu) = (firmware.clone(), cpu.clone());
        let Outcome::Done(done) = bench.resume() else { panic!() };
        assert_eq!((done.reply.x[3], done.traps.len()), (8, 1));
    }
    assert!(matches!(bench.resume(), Outcome::Refused));
}

#[test]
fn another_doorbell_is_reported_and_text_is_not() {
    let mut bench = Bench::new();
    let words: Vec<u32> =
        assembler::assemble("strb w1, [x0]; str w2, [x0]").unwrap().into_iter().map(isa::Insn::encode).collect();
    bench.x[..3].copy_from_slice(&[map::UART_DR, b'a'.into(), Doorbell::Checkpoint.byte(1).into()]);
    assert!(matches!(bench.outcome(&words), Outcome::Rang { byte } if byte == Doorbell::Checkpoint.byte(1)));
}

#[test]
fn a_block_without_end_uses_up_its_budget() {
    let mut bench = Bench::new();
    bench.firmware.budget = 1000;
    assert!(matches!(bench.outcome(&[0x1400_0000]), Outcome::Exhausted { pc } if pc == map::code_va(0)));
}

#[test]
fn too_many_exceptions_and_leaving_the_block_end_it() {
    let mut bench = Bench::new();
    let Outcome::Done(done) = bench.outcome(&vec![0; MAX_TRAPS + 5]) else { panic!() };
    assert_eq!((done.reply.end, done.traps.len()), (BlockEnd::TooManyTraps as u64, MAX_TRAPS));
    // Behind the end lie the words of the last, longer block.
    let Outcome::Done(done) = bench.outcome(&[0x1400_0003]) else { panic!() };
    assert_eq!((done.reply.end, done.traps.len()), (BlockEnd::Escaped as u64, 1));
    assert_eq!((done.traps[0].pc, done.traps[0].esr), (map::code_va(0) + 12, 0x0200_0000));
    // B by 8 MiB leaves what is mapped.
    let Outcome::Done(done) = bench.outcome(&[0x1420_0000]) else { panic!() };
    assert_eq!(
        (done.reply.end, done.traps[0].esr, done.traps[0].far),
        (BlockEnd::Escaped as u64, 0x8600_0006, map::code_va(0) + (8 << 20))
    );
}

#[test]
fn control_registers_are_taken_back_and_the_others_stay() {
    let mut bench = Bench::new();
    let boot = bench.cpu.sys.clone();
    bench
        .sys(SysReg::Sctlr, boot.sctlr & !(0b11 << 40))
        .sys(SysReg::Tcr, boot.tcr | 1 << 57)
        .sys(SysReg::Gcr, 0x42)
        .sys(SysReg::Tfsre0, 2);
    let done = bench.calm("nop", &[]);
    assert_eq!(done.reply.sys[..3], [boot.sctlr & !(0b11 << 40), boot.tcr | 1 << 57, 0x42]);
    bench.sys = [None; SYS_REGS];
    let done = bench.calm("nop", &[]);
    assert_eq!(done.reply.sys[..6], [boot.sctlr, boot.tcr, 0x42, boot.rgsr, 0, 2]);
}
