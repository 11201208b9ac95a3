//! The battery of SME: programs in streaming mode with vectors of 32 bytes, and some on CPUs without SME2 or without SME.

use abi::mailbox::{Scalable, SysReg};

use super::super::{Bench, Ram, tagged};
use crate::Outcome;
use model::cpu::reset;
use model_base::{Features, defect::Defect};

/// x0: granule 0 with tag 4 of granules 0 to 31; x1: the same by tag 9; x2: 0x400 with tag 0; x3: a counter; x4: before another tag.
const PROGRAMS: &[&str] = &[
    "smstart; mrs x20, fpsr; mrs x21, svcr; str z0, [x2]; ldr z0, [x0]; smstart; str z0, [x2, #1, mul vl]; smstop; str z0, [x2, #2, mul vl]",
    "smstart; ldr za[w12, 0], [x0]; smstop za; smstart za; str za[w12, 0], [x2]; smstop; mrs x21, svcr",
    "smstart sm; mrs x20, svcr; smstop; smstart za; mrs x21, svcr; mov x22, #2; msr svcr, x22; mrs x22, svcr; msr svcr, xzr; mrs x23, svcr; mov x24, #2; msr svcr, x24; mrs x24, svcr",
    "ldr za[w12, 0], [x0]; smstart za; ldr za[w12, 0], [x0]; st1b {za0h.b[w12, 0]}, p0, [x2]; ld1b {z0.b, z8.b}, pn8/z, [x0]; smstop; smstart sm; zero {za}; str zt0, [x2]",
    "rdsvl x20, #3; addsvl x21, x21, #-1; addspl x22, x22, #1; ptrue pn8.b; ld1b {z0.b, z1.b}, pn8/z, [x0]; movi v0.16b, #1; setffr",
    "smstart; ptrue p0.b; ptrue p1.s, vl3; mov w12, #5; ldr za[w12, 3], [x0, #3, mul vl]; mov w13, #1; ld1w {za2v.s[w13, 2]}, p1/z, [x0]; ld1h {za1h.h[w13, 3]}, p0/z, [x0]; mov w14, #0; ldr za[w14, 0], [x0]; ldr za[w14, 4], [x0, #4, mul vl]; ld1w {za0h.s[w14, 0]}, p1/z, [x0]; st1w {za0h.s[w13, 1]}, p0, [x2]; st1d {za3v.d[w13, 0]}, p0, [x2, x5, lsl #3]; str za[w12, 3], [x2, #3, mul vl]",
    "smstart; ptrue p0.b; ptrue p1.s, vl3; ldr z1, [x0]; ldr z2, [x0, #1, mul vl]; ldr z4, [x0]; ldr z3, [x0]; mov w12, #2; mov za0h.b[w12, 1], p0/m, z1.b; mov za1v.s[w12, 0], p1/m, z2.s; mov z3.b, p0/m, za0h.b[w12, 1]; mov z4.s, p1/m, za1h.s[w12, 0]; str z3, [x2]; str z4, [x2, #4, mul vl]; zero {za0.d, za3.d}; str za[w12, 1], [x2, #1, mul vl]; st1b {za0v.b[w12, 1]}, p0, [x2, x5]",
    "smstart; ptrue p0.b; mov x12, #-3; lsl x12, x12, #33; add x12, x12, #1; ldr za[w12, 0], [x0]; mov w13, #1; str za[w13, 0], [x2]; str za[w14, 0], [x2, #0, mul vl]",
    "smstart; ptrue p0.b; ptrue p1.b, vl16; ld1b {za0h.b[w12, 0]}, p0/z, [x1]; ld1b {za0h.b[w12, 1]}, p0/z, [x4]; ld1b {za0h.b[w12, 2]}, p1/z, [x4]; st1b {za0h.b[w12, 2]}, p0, [x4]; str za[w12, 2], [x2, #2, mul vl]; ldr za[w12, 0], [x1]; str za[w12, 0], [x4]",
    "smstart; ldr zt0, [x0]; str zt0, [x2]; zero {zt0}; str zt0, [x2]; ldr zt0, [x4]; ldr zt0, [x1]; add x8, x0, #16; ldr zt0, [x8]; str zt0, [x7]; ldr za[w12, 0], [x8]",
    "smstart; ptrue pn8.h; ld1h {z0.h-z3.h}, pn8/z, [x0]; st1h {z0.h, z8.h}, pn8, [x2]; ld1d {z16.d, z20.d, z24.d, z28.d}, pn8/z, [x0, x5, lsl #3]; str z24, [x2, #4, mul vl]; ld1b {z0.b, z1.b}, pn8/z, [x1]; ld1b {z0.b, z1.b}, pn8/z, [x4]",
    "smstart; str x3, [x2]; ldr p8, [x2]; ld1b {z0.b, z1.b}, pn8/z, [x0]; str z0, [x2]; str z1, [x2, #1, mul vl]; ld1w {z0.s, z1.s}, pn8/z, [x0]; str z0, [x2, #2, mul vl]; str z1, [x2, #3, mul vl]",
    "smstart; movi v0.16b, #1; umov w20, v0.b[0]; umov w21, v0.b[1]; setffr; ptrue p0.b; ldff1b {z0.b}, p0/z, [x0]; ld1b {z0.d}, p0/z, [x0, z1.d]; ld1rqb {z0.b}, p0/z, [x0]; ld1rob {z0.b}, p0/z, [x0]; ldr q0, [x0]; ldr q0, [x1]",
];

/// Stores all of ZA at x6.
const DUMP: &str =
    "mov w12, #0; again: str za[w12, 0], [x6]; add x6, x6, #32; add w12, w12, #1; cmp w12, #32; b.ne again";

/// What can be seen after each program.
pub(super) fn observe(defect: Option<&'static Defect>) -> Vec<(String, Ram)> {
    let sme1 = Features { pfr1: Features::MAX.pfr1 | 1 << 24, zfr0: 0, smfr0: 0, ..Features::MAX_SME };
    let sme2 = Features { zfr0: Features::MAX.zfr0, ..Features::MAX_SME };
    let max = || Features::MAX_SME;
    let mut seen: Vec<_> =
        PROGRAMS.iter().map(|text| run(defect, max(), reset::SCTLR, 0x8000 | 6 << 2 | 2, text)).collect();
    for counter in [6 << 2 | 2, 1 << 12 | 0x8000 | 5 << 3 | 4, 33 << 1 | 1] {
        seen.push(run(defect, max(), reset::SCTLR, counter, PROGRAMS[11]));
    }
    // SCTLR_EL1.A.
    seen.extend(PROGRAMS[8..11].iter().map(|text| run(defect, max(), reset::SCTLR | 2, 0, text)));
    for features in [sme1, sme2, Features::MAX] {
        seen.extend(PROGRAMS[2..5].iter().map(|text| run(defect, features.clone(), reset::SCTLR, 0, text)));
        seen.push(run(defect, features.clone(), reset::SCTLR, 0, PROGRAMS[9]));
        seen.push(run(defect, features, reset::SCTLR, 0, "smstart; ptrue pn8.b"));
    }
    seen
}

fn run(defect: Option<&'static Defect>, features: Features, sctlr: u64, counter: u64, text: &str) -> (String, Ram) {
    let mut bench = Bench::of(features);
    bench.defect = defect;
    bench.sys(SysReg::Sctlr, sctlr).sys(SysReg::Tfsr, 0);
    bench.tags(0, &[4; 32]);
    bench.tags(32, &[4, 5]);
    for at in 0..1024 {
        bench.fill(at, 1, (at % 251) as u8);
    }
    let mut registers = Box::new(Scalable::ZERO);
    registers.z.iter_mut().for_each(|z| z[..48].fill(0x5a));
    registers.p[0][..6].fill(0xff);
    bench.scalable = Some((48, registers));
    bench.x[..8].copy_from_slice(&[
        tagged(0, 4),
        tagged(0, 9),
        tagged(0x400, 0),
        counter,
        tagged(512, 4),
        16,
        tagged(0x1000, 0),
        tagged(0x600, 0),
    ]);
    let words: Vec<u32> =
        assembler::assemble(&format!("{text}; {DUMP}")).unwrap().into_iter().map(isa::Insn::encode).collect();
    let seen = match bench.outcome(&words) {
        Outcome::Done(done) => format!("{:x?} {:x?} {:x?} {:x?}", done.reply, done.traps, done.scalable, done.unknown),
        other => format!("{other:x?}"),
    };
    (seen, bench.ram)
}
