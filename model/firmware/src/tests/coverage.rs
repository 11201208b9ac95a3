//! Every instruction of the table has a rule.

use abi::map::Window;
use arch::{Op, SysReg};

use super::{Bench, pointer, tagged};
use crate::Outcome;
use model_base::Features;

/// Control registers with fields that the model does not know.
const WIDE_REGISTERS: [SysReg; 2] = [SysReg::SctlrEl1, SysReg::TcrEl1];

#[test]
fn no_instruction_of_the_table_is_unknown() {
    for row in isa::rows() {
        for el in 0..=1 {
            let window = if el == 0 { Window::TaggedEl0 } else { Window::Tagged };
            for insn in row.samples().into_iter().take(40) {
                // FEAT_SVE2p1 as well.
                let zfr0 = Features::MAX.zfr0 & !0xf | 2;
                let mut bench = Bench::of(Features { zfr0, ..Features::MAX });
                bench.el = el;
                bench.firmware.budget = 100;
                bench.sp = pointer(window, 0x8000, 0);
                bench.x = [pointer(window, 0x8000, 0); 31];
                let named = |register| insn.args().contains(&arch::Arg::SysReg(register));
                let outcome = bench.outcome(&[insn.encode()]);
                // Written with an address they change more than the model knows.
                let exempt = insn.op() == Op::Msr && WIDE_REGISTERS.into_iter().any(named);
                match outcome {
                    Outcome::Unmodelled { what, .. } => assert!(exempt, "{insn} at EL{el}: {what}"),
                    Outcome::Done(_) | Outcome::Exhausted { .. } => {}
                    other => panic!("{insn} at EL{el}: {other:?}"),
                }
            }
        }
    }
}

/// An extension by UXTX is written as LSL where SP is an operand.
#[test]
fn a_register_is_shifted_for_the_stack_pointer_too() {
    let mut bench = Bench::new();
    let done = bench.calm("add sp, x0, x1, lsl #2; subs x2, sp, x1, lsl #1; mrs x3, nzcv", &[0x1000, 0x30]);
    assert_eq!(done.reply.sp, 0x10c0);
    assert_eq!((done.reply.x[2], done.reply.x[3]), (0x1060, 1 << 29));
}

#[test]
fn a_loop_of_a_hundred_thousand_takes_no_time_to_speak_of() {
    let mut bench = Bench::new();
    let done = bench.calm("again: str x0, [x1]; ldr x2, [x1]; subs x0, x0, #1; b.ne again", &[100_000, tagged(0, 0)]);
    assert_eq!((done.reply.x[0], done.reply.x[2]), (0, 1));
}
