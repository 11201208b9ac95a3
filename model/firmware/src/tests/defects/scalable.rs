//! The battery of SVE: programs with vectors of 32 bytes, and with some of 16 and without FEAT_SVE2.

use abi::mailbox::{PageKind, Scalable, SysReg};
use abi::map::Window;

use super::super::{Bench, Ram, tagged};
use crate::{Firmware, Outcome};
use model::cpu::reset;
use model_base::{Features, defect::Defect};

/// x0: granule 0 with tag 4 of granules 0 to 7; x1: the same by tag 9; x2: granule 4; x3: before a page that is not mapped;
/// x4: before a page of Device memory; x5 and x6: numbers; x7: tag 4 in one granule, 5 in the next.
const PROGRAMS: &[&str] = &[
    "ld1b {z0.b}, p0/z, [x0]; ld1sb {z1.h}, p1/z, [x0]; ld1w {z2.d}, p0/z, [x0, #1, mul vl]; ld1d {z3.d}, p0/z, [x0, x5, lsl #3]",
    "st1b {z0.b}, p1, [x0]; st1h {z1.s}, p0, [x0, #2, mul vl]; st1d {z2.d}, p1, [x0, x5, lsl #3]",
    "ld1b {z0.b}, p1/z, [x7]; ld1b {z0.b}, p0/z, [x7]; st1b {z0.b}, p0, [x7]; ld1b {z0.b}, p0/z, [x1]; st1b {z0.b}, p2, [x1]",
    "ld2b {z0.b, z1.b}, p0/z, [x0]; ld3h {z2.h-z4.h}, p1/z, [x0]; ld4w {z5.s-z8.s}, p0/z, [x0, x5, lsl #2]; st2d {z9.d, z10.d}, p0, [x0]",
    "ld1b {z0.b}, p0/z, [sp]; ld1b {z0.b}, p0/z, [sp, x5]; ld1rb {z1.b}, p0/z, [sp]; str z0, [sp]; ldr p3, [sp]; ld1rqb {z2.b}, p0/z, [sp]",
    "index z1.d, #0, #-1; ld1d {z0.d}, p0/z, [x2, z1.d, lsl #3]; ld1w {z2.d}, p0/z, [x2, z1.d, sxtw #2]; index z1.s, #0, #2; st1b {z0.s}, p1, [x2, z1.s, uxtw]",
    "index z1.d, x0, x5; ld1d {z0.d}, p1/z, [z1.d, #8]; st1h {z0.d}, p0, [z1.d, #6]; ldnt1b {z2.d}, p0/z, [z1.d, x5]",
    "index z1.d, #0, x6; ld1b {z0.d}, p0/z, [x0, z1.d]",
    "ld1rb {z0.h}, p0/z, [x0, #1]; ld1rw {z1.s}, p1/z, [x0, #4]; ld1rqb {z2.b}, p1/z, [x0]; ld1rod {z3.d}, p0/z, [x0]; ld1rsh {z4.d}, p2/z, [x0]",
    "str z3, [x0, #1, mul vl]; ldr z4, [x0, #1, mul vl]; str p0, [x0, #3, mul vl]; ldr p3, [x0, #1, mul vl]; str z3, [x1]; ldr p4, [x1]",
    "setffr; ldff1b {z0.b}, p0/z, [x7]; rdffr p3.b; rdffr p4.b, p1/z; rdffrs p5.b, p1/z; mrs x20, nzcv; ldff1b {z0.b}, p0/z, [x1]",
    "setffr; ldnf1b {z0.b}, p0/z, [x3]; rdffr p3.b; setffr; ldnf1h {z1.h}, p0/z, [x4]; rdffr p4.b; setffr; ldnf1b {z2.b}, p0/z, [x1]; ldnf1sb {z3.h}, p1/z, [x0]",
    "add x8, x0, #1; ld1h {z0.h}, p1/z, [x8]; st1d {z1.d}, p0, [x8]; ldnf1w {z3.s}, p0/z, [x8]; rdffr p3.b",
    "add x8, x0, #16; ldr z0, [x8]; add x8, x8, #1; setffr; ldnf1h {z1.h}, p0/z, [x8]; rdffr p3.b; ldr z2, [x8]",
    "ptrue p3.h, vl3; ptrue p4.b; ptrues p5.s, pow2; mrs x20, nzcv; ptrues p6.b, vl64; mrs x21, nzcv; pfalse p7.b; wrffr p3.b; wrffr p7.b; rdffr p8.b; setffr; rdffrs p9.b, p0/z; mrs x22, nzcv",
    "ptrue p3.b, vl5; ptrue p4.b, vl16; brka p5.b, p1/z, p3.b; brkb p6.b, p0/z, p3.b; brkb p7.b, p1/m, p4.b; brkn p4.b, p0/z, p3.b, p4.b; brkas p8.b, p0/z, p3.b; mrs x20, nzcv; ptest p3, p1.b; mrs x21, nzcv",
    "eor p3.b, p0/z, p1.b, p0.b; brka p5.b, p0/z, p3.b; brkb p6.b, p0/z, p3.b; brkb p0.b, p3/m, p3.b",
    "and p3.b, p0/z, p1.b, p2.b; bic p4.b, p0/z, p0.b, p1.b; eor p5.b, p2/z, p0.b, p1.b; orr p6.b, p1/z, p0.b, p2.b",
    "cmpeq p3.b, p1/z, z0.b, #3; mrs x20, nzcv; cmpne p4.h, p0/z, z0.h, z1.h; mrs x21, nzcv; cmpeq p5.s, p0/z, z0.s, z0.s; mrs x22, nzcv",
    "mov x8, #-1; whilelo p3.b, x5, x6; mrs x20, nzcv; whilelt p4.h, x8, x5; mrs x21, nzcv; whilelo p5.h, x8, x5; mov x9, #3; whilege p6.b, x5, x9; mrs x22, nzcv; whilehi p7.s, x8, x9; whilels p8.b, x9, x5",
    "cntb x20; cnth x21, pow2; cntw x22, all, mul #3; incd x23; decb x24, vl4; rdvl x25, #-3; addvl x26, x0, #1; addpl x27, x0, #-1; cntp x28, p0, p1.h; incp x29, p1.b; decp x30, p2.s",
    "index z1.b, #-3, #5; index z2.s, w5, #-1; dup z3.h, w5; dup z4.d, x0; dup z5.s, #-7; sel z6.h, p1, z1.h, z2.h; add z7.b, z1.b, z1.b; sub z8.d, z1.d, z2.d; bic z9.d, z1.d, z2.d; eor z10.d, z1.d, z2.d",
    "lastb x20, p1, z1.d; lasta x21, p1, z1.d; pfalse p3.b; lastb w22, p3, z1.b; lasta w23, p3, z1.h; lastb w24, p0, z1.s",
    "ldr q0, [x0]; ld1 {v1.16b}, [x0]; movi v2.16b, #3; fmov d3, x5",
    "pfalse p3.b; ld1b {z0.b}, p3/z, [x1]; st1b {z0.b}, p3, [x1]; prfb pldl1keep, p0, [x1]",
];

/// What can be seen after each program.
pub(super) fn observe(defect: Option<&'static Defect>) -> Vec<(String, Ram)> {
    let sve1 = Features { zfr0: 0, ..Features::MAX };
    let mut seen: Vec<_> = PROGRAMS.iter().map(|text| run(defect, Features::MAX, 32, reset::SCTLR, text)).collect();
    // SCTLR_EL1.A; asynchronous faults.
    seen.extend(PROGRAMS[9..14].iter().map(|text| run(defect, Features::MAX, 32, reset::SCTLR | 2, text)));
    let asynchronous = reset::SCTLR & !(0b11 << 40) | 0b10 << 40;
    seen.extend(PROGRAMS[..12].iter().map(|text| run(defect, Features::MAX, 32, asynchronous, text)));
    seen.extend([PROGRAMS[6], PROGRAMS[8]].map(|text| run(defect, sve1.clone(), 32, reset::SCTLR, text)));
    seen.push(run(defect, Features::MAX, 16, reset::SCTLR, "ld1rob {z0.b}, p0/z, [x0]"));
    seen.push(run(defect, Features::MAX, 32, reset::SCTLR, "ld1q {z0.q}, p0/z, [z1.d]"));
    seen.extend(states(defect));
    seen
}

fn run(defect: Option<&'static Defect>, features: Features, bytes: u64, sctlr: u64, text: &str) -> (String, Ram) {
    let mut bench = Bench::of(features);
    bench.defect = defect;
    bench.sys(SysReg::Sctlr, sctlr).sys(SysReg::Tfsr, 0);
    bench.tags(0, &[4; 8]);
    bench.tags(16, &[4, 5]);
    for at in 0..512 {
        bench.fill(at, 1, (at * 7 + 100) as u8);
    }
    bench.fill(4096 - 16, 32, 0x77);
    bench.fill(12288 - 16, 32, 0x77);
    bench.pages(Window::Tagged, 4096, PageKind::Unmapped);
    bench.pages(Window::Tagged, 12288, PageKind::Device);
    let mut registers = Box::new(Scalable::ZERO);
    for (n, z) in registers.z.iter_mut().enumerate() {
        z[..bytes as usize].iter_mut().enumerate().for_each(|(at, byte)| *byte = (n * 5 + at) as u8);
    }
    let length = bytes as usize / 8;
    registers.p[0][..length].fill(0xff);
    registers.p[1][..length].copy_from_slice(&[0x33, 0x11, 0, 0][..length]);
    registers.p[2][..length].copy_from_slice(&[0, 0x10, 0xf1, 0x0f][..length]);
    registers.ffr[..length].fill(0x0f);
    bench.scalable = Some((bytes, registers));
    bench.sp = tagged(0, 9);
    bench.x[..8].copy_from_slice(&[
        tagged(0, 4),
        tagged(0, 9),
        tagged(64, 4),
        tagged(4096 - 16, 0),
        tagged(12288 - 16, 0),
        2,
        1 << 56 | 1,
        tagged(256, 4),
    ]);
    let words: Vec<u32> = assembler::assemble(text).unwrap().into_iter().map(isa::Insn::encode).collect();
    let seen = match bench.outcome(&words) {
        Outcome::Done(done) => format!(
            "{:x?} {:x?} {:x?} {:x?} {:x?}",
            done.reply, done.traps, done.scalable, done.unknown, bench.cpu.sys.tfsr
        ),
        other => format!("{other:x?}"),
    };
    (seen, bench.ram)
}

/// What blocks find of the scalable registers that others left, and what is refused.
fn states(defect: Option<&'static Defect>) -> Vec<(String, Ram)> {
    let mut seen = Vec::new();
    for (features, simd) in [
        (Features::MAX, false),
        (Features::MAX, true),
        (Features { vector_lengths: 0, sve_hidden: true, ..Features::MAX }, false),
        (Features { vector_lengths: 0b101, ..Features::MAX }, false),
    ] {
        let report = {
            let _active = model_base::defect::activate(defect);
            Firmware::boot_report(&features, 0)
        };
        let mut bench = Bench::of(features);
        bench.defect = defect;
        let mut shown = format!("{report:?}");
        let mut registers = Box::new(Scalable::ZERO);
        registers.z[31] = [0x31; 256];
        registers.p[0] = [0xf0; 32];
        registers.ffr = [0xff; 32];
        bench.x[0] = tagged(0, 0);
        for (bytes, text) in [(32, "nop"), (24, "nop"), (16, "nop"), (48, "movi v30.16b, #7")] {
            bench.scalable = Some((bytes, registers.clone()));
            let words: Vec<u32> = assembler::assemble(text).unwrap().into_iter().map(isa::Insn::encode).collect();
            shown += &match bench.outcome(&words) {
                Outcome::Done(done) => format!("{:x?} {:x?}", done.reply, done.scalable),
                other => format!("{other:x?}"),
            };
        }
        bench.scalable = None;
        bench.v = simd.then_some([[5; 2]; 32]);
        let text = "str z31, [x0]; str p0, [x0, #20, mul vl]; rdffr p0.b; str p0, [x0, #21, mul vl]; rdvl x1, #1";
        for _ in 0..2 {
            let words: Vec<u32> = assembler::assemble(text).unwrap().into_iter().map(isa::Insn::encode).collect();
            shown += &match bench.outcome(&words) {
                Outcome::Done(done) => format!("{:x?} {:x?}", done.reply, done.traps),
                other => format!("{other:x?}"),
            };
        }
        seen.push((shown, bench.ram));
    }
    seen
}
