//! Programs that no sane machine should be asked to run first: generated ones, bent.
//!
//! The generator stays away from what the firmware might not survive, and from what hardly ever means anything. The model
//! survives everything, so here registers take values at the edges, copies run into themselves, control bits change
//! one by one, and bits of instructions flip wherever the result is an instruction still. What the specification does not
//! cover is replayed, too: it must stay uncovered.

use abi::mailbox::SysReg;
use fastrand::Rng;
use isa::Insn;
use machine::El;
use model::cpu::reset;
use program::{Program, Run, Step};

/// Bits of SCTLR_EL1 that a rule looks at: A, SA, SA0, DZE, UCT, UCI, MSCEN, ITFSB, TCF0, TCF, ATA0, ATA, TCSO0, TCSO.
const SCTLR_BITS: [u32; 16] = [1, 3, 4, 14, 15, 26, 33, 37, 38, 39, 40, 41, 42, 43, 58, 59];
/// The same of TCR_EL1: TBI0, TBI1, TCMA0, TCMA1.
const TCR_BITS: [u32; 4] = [37, 38, 57, 58];
/// Numbers at which rules change their minds.
const EDGES: [u64; 20] = [
    0,
    1,
    7,
    8,
    15,
    16,
    17,
    31,
    32,
    33,
    255,
    256,
    4095,
    4096,
    4097,
    8192,
    i64::MAX as u64,
    i64::MAX as u64 & !15,
    1 << 63,
    u64::MAX,
];

/// Bends a program.
pub fn bend(mut program: Program, rng: &mut Rng) -> Program {
    for step in &mut program.steps {
        if let Step::Run(run) = step {
            registers(run, rng);
            controls(run, rng);
            words(run, rng);
        }
    }
    program
}

fn registers(run: &mut Run, rng: &mut Rng) {
    for _ in 0..rng.usize(..5) {
        let (to, from) = (rng.usize(..31), rng.usize(..31));
        let near = run.x[from].wrapping_add(rng.u64(..160)).wrapping_sub(80);
        run.x[to] = match rng.u32(..8) {
            0..3 => EDGES[rng.usize(..EDGES.len())],
            3..6 => near,
            6 => run.x[from] ^ 1 << rng.u32(..64),
            _ => rng.u64(..),
        };
    }
    if rng.u32(..8) == 0 {
        run.sp = run.sp.wrapping_add(rng.u64(..64)).wrapping_sub(32);
    }
}

fn controls(run: &mut Run, rng: &mut Rng) {
    match rng.u32(..8) {
        0 => run.el = if run.el == El::El0 { El::El1 } else { El::El0 },
        1 => run.tco = !run.tco,
        2 => run.nzcv = rng.u8(..16),
        3..6 => {
            let flipped = (0..rng.usize(1..4)).fold(0, |bits, _| bits | 1 << SCTLR_BITS[rng.usize(..16)]);
            run.sys[SysReg::Sctlr as usize] = Some(reset::SCTLR ^ flipped);
        }
        6 => run.sys[SysReg::Tcr as usize] = Some(reset::TCR ^ 1 << TCR_BITS[rng.usize(..4)]),
        _ => {}
    }
}

fn words(run: &mut Run, rng: &mut Rng) {
    for _ in 0..rng.usize(..6) {
        let at = rng.usize(..run.words.len());
        let word = run.words[at] ^ 1 << rng.u32(..32);
        if Insn::decode(word).is_some() {
            run.words[at] = word;
        }
    }
}
