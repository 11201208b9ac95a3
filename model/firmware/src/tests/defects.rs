//! Every defect of the CPU and the firmware shows in at least one of a battery of programs: none is dead code.
//!
//! That the suite notices them is the kill matrix's business.

mod matrix;
mod scalable;

use abi::mailbox::{PageKind, SYS_REGS, SysReg};
use abi::map::{self, Window};

use super::{Bench, Vectors, pointer, tagged, upper};
use crate::{Firmware, Outcome};
use model::cpu::reset;
use model_base::defect::{self, Defect};
use model_base::{Features, memory::Bus};

/// A state to begin in, and a program.
struct Program {
    bs: u8,
    el: u64,
    tco: bool,
    sctlr: u64,
    tcr: u64,
    sp: u64,
    text: &'static str,
    x: &'static [u64],
}

const BOOT: Program =
    Program { bs: 6, el: 1, tco: false, sctlr: reset::SCTLR, tcr: reset::TCR, sp: 0, text: "nop", x: &[] };

/// x0: granule 4 with tag 5 where the tags are 5; x1: the same by tag 9; x2: across granules; x3: in the upper half.
fn registers(window: Window) -> [u64; 31] {
    let at = |offset, tag| pointer(window, offset, tag);
    let mut x = [0; 31];
    x[..12].copy_from_slice(&[
        at(64, 5),
        at(64, 9),
        at(60, 5),
        upper(64, 9),
        at(4092, 5),
        at(0x2000, 7),
        at(0x3000, 0),
        at(0x4000, 5),
        at(0x5008, 5),
        pointer(Window::Untagged, 64, 9),
        at(0x6000, 0),
        at(64, 0xf),
    ]);
    x[12] = 0x0fed_cba9_8765_4321;
    x[13] = 0xa700_0000_0000_0000;
    x[14] = 24;
    x[15] = 1 << 16;
    x[28] = at(0x3000, 2);
    x[29] = 1 << 25;
    x[30] = upper(64, 5) & !(0xf << 60);
    x
}

const ASYNC: u64 = reset::SCTLR & !(0b11 << 40) & !(0b11 << 38) | 0b10 << 40 | 0b10 << 38;
const ASYM: u64 = reset::SCTLR | 0b11 << 40 | 0b11 << 38;
const STORES_OF_EL1: u64 = reset::SCTLR | 1 << 59;
const OFF: u64 = reset::SCTLR & !(0b11 << 40);
const DRAIN: &str = "dsb sy; isb; mrs x20, tfsr_el1; mrs x21, tfsre0_el1";

#[rustfmt::skip]
const PROGRAMS: &[Program] = &[
    Program { text: "ldr x20, [x0]; ldr x20, [x1]; str x12, [x1]; ldr w20, [x2]; ldr x21, [x3]; ldr x22, [x4]; str x12, [x2, #8]!; str x12, [x0], #8; ldrsb x23, [x0, #7]; ldr w13, [x0]", ..BOOT },
    Program { text: "ldp x20, x21, [x0]; ldp x20, x21, [x1]; stp x12, x13, [x0, #8]; stp x12, x13, [x1], #16; ldr x22, [x1, #8]!; ldr w22, .+8; str x12, [x2, x14]; str x12, [x1, x14]", ..BOOT },
    Program { text: "ldr x20, [x11]; ldr x20, [x6, #1024]; ldr x20, [x10]; ldr x20, [x5]; ldr x20, [x9]; str x12, [x9]; ldr x20, [x7]; str x12, [x7]; ldr x20, [x8]; str x12, [x8]", ..BOOT },
    Program { text: "subs x20, x12, x13; mrs x21, nzcv; adds w22, w12, w12; mrs x23, nzcv; cbz x12, .+8; movz x24, #7; udf_here: brk #0x77; svc #3; cmp x12, x12; brk #2; b.ne .+8; orr w25, wzr, w12", ..BOOT },
    Program { text: "msr tco, #1; mrs x20, tco; ldr x21, [x1]; str x12, [x1]; brk #1; ldr x21, [x1]; msr tco, #0; ldr x21, [x1]; msr tco, x13; mrs x22, tco; ldr x21, [x1]; msr tco, x29; ldr x21, [x1]", ..BOOT },
    Program { text: "ldr x20, [x30]; orr x17, x0, #0x0800000000000000; ldr x20, [x17]; dc cvac, x1; ldr x20, .+8; stgp x12, x13, [x1]; ldg x13, [x0]; str x12, [x1]; ldsmax x13, x20, [x1]; ldr x21, [x1]", ..BOOT },
    Program { tco: true, text: "dc zva, x1", ..BOOT },
    Program { text: "dc zva, x7", ..BOOT },
    Program { text: "orr x17, x7, #0x0800000000000000; dc gzva, x17", ..BOOT },
    Program { text: "stzgm x14, [x7]", ..BOOT },
    Program { text: "str x12, [x0]; cpyfp [x28]!, [x0]!, x14!; cpyfe [x28]!, [x0]!, x14!", ..BOOT },
    Program { text: "str x12, [x0]; ldadd x12, x20, [x0]; ldclr x12, x21, [x0]; ldr x22, [x0]; swp x13, x23, [x0]; ldr x24, [x0]", ..BOOT },
    Program { bs: 4, text: "ldgm x12, [x0]; stgm x13, [x0]; add x17, x7, #0x68; stgm x12, [x17]; ldgm x15, [x17]", ..BOOT },
    Program { text: "brk #1; ldr x21, [x1]; movz x20, #1; movz x22, #2; movz x23, #3", ..BOOT },
    Program { tco: true, text: "ldr x21, [x1]; str x12, [x1]; brk #1", ..BOOT },
    Program { el: 0, tco: true, text: "ldr x21, [x1]; str x12, [x1]; brk #1", ..BOOT },
    Program { el: 0, text: "ldr x20, [x1]; str x12, [x1]; ldr x20, [x0]; mrs x20, gcr_el1; ldgm x21, [x0]; stgm x12, [x0]; stzgm x12, [x0]; msr tco, #1; irg x22, x0; dc ivac, x0; ldr x21, [x1]", ..BOOT },
    Program { el: 0, sctlr: ASYNC, text: "ldr x20, [x1]; str x12, [x1]", ..BOOT },
    Program { el: 0, sctlr: reset::SCTLR & !(1 << 42), text: "ldr x20, [x1]; str x12, [x1]; ldg x21, [x0]; stg x1, [x0]", ..BOOT },
    Program { sctlr: reset::SCTLR & !(1 << 43), text: "ldr x20, [x1]; str x12, [x1]; ldg x21, [x0]; stg x1, [x0]; irg x22, x0; addg x23, x0, #16, #1", ..BOOT },
    Program { sctlr: OFF, text: "ldr x20, [x1]; str x12, [x1]", ..BOOT },
    Program { sctlr: ASYNC, text: "str x12, [x1]; dsb sy; isb; mrs x20, tfsr_el1; brk #1; mrs x20, tfsr_el1; str x12, [x3]; dsb sy; isb; mrs x21, tfsr_el1", ..BOOT },
    Program { sctlr: ASYNC, text: "ldr x20, [x3]", ..BOOT },
    Program { sctlr: ASYNC, text: "ldr x20, [x1]", ..BOOT },
    Program { sctlr: ASYM, text: "ldr x20, [x1]; str x12, [x1]", ..BOOT },
    Program { sctlr: STORES_OF_EL1, text: "ldr x20, [x1]; str x12, [x1]; ldadd x12, x20, [x1]", ..BOOT },
    Program { tcr: reset::TCR | 1 << 57, text: "ldr x20, [x6, #64]; ldr x20, [x10]; ldr x20, [x11]; ldr x20, [x3]", ..BOOT },
    Program { tcr: reset::TCR | 1 << 58, text: "ldr x20, [x10]; ldr x20, [x11]; orr x17, x3, #0x0f00000000000000; ldr x20, [x17]", ..BOOT },
    Program { tcr: reset::TCR & !(1 << 37), text: "ldr x20, [x0]; and x17, x0, #0x00ffffffffffffff; ldr x20, [x17]; ldr x20, [x3]", ..BOOT },
    Program { sp: 0, text: "add sp, x1, #0; ldr x20, [sp]; ldr x20, [sp], #16; add sp, x0, #8; ldr x20, [sp]", ..BOOT },
    Program { sctlr: reset::SCTLR | 2, text: "ldr x20, [x2]; str x12, [x2]; orr x17, x1, #4; ldr x20, [x17]", ..BOOT },
    Program { text: "stg x1, [x0]; ldg x20, [x0]; stg x1, [x0, #16]!; stg x1, [x0], #32; st2g x1, [x0, #16]; stzg x12, [x7]; stz2g x13, [x7, #64]; stgp x12, x13, [x7, #128]; ldg x12, [x2]; ldg x22, [x2]", ..BOOT },
    Program { text: "stg x1, [x2]; stg x1, [x2], #16; st2g x1, [x4]; add x17, x4, #4; sub x17, x17, #16; st2g x12, [x17]; stg x12, [x5]; ldg x20, [x9]; stg x12, [x9]; stg x13, [x6]; add x18, x6, #16; stz2g x12, [x18]; stg x11, [x1]; st2g x12, [x6, #-16]", ..BOOT },
    Program { text: "ldgm x20, [x0]; stgm x12, [x0]; add x17, x7, #0x68; ldgm x12, [x17]; stgm x13, [x17]; stzgm x12, [x7]; add x18, x5, #32; stzgm x12, [x18]; ldgm x21, [x6]", ..BOOT },
    Program { text: "dc zva, x0; dc zva, x1; dc zva, x6; add x17, x6, #0xb8; dc zva, x17; dc gva, x1; dc gzva, x7; dc cvac, x1; dc zva, x2; add x18, x7, #64; dc gva, x18", ..BOOT },
    Program { text: "ldxr x20, [x0]; stxr w21, w12, [x0]", ..BOOT },
    Program { text: "ldxr x20, [x0]; stxr w21, x12, [x0]; ldr x22, [x0]; stxr w21, x13, [x0]; ldxr x20, [x1]; ldxr x20, [x0]; stg x1, [x0]; stxr w21, x12, [x0]; brk #1; stg x0, [x0]; ldxr x20, [x0]; brk #2; stxr w21, x12, [x0]", ..BOOT },
    Program { text: "ldadd x12, x20, [x0]; ldadd x12, x20, [x1]; cas x12, x13, [x0]; cas x12, x13, [x1]; cas x12, x13, [x0]; swp x13, x20, [x0]; ldclr x12, x20, [x0]; str x12, [x0]; ldsmax x13, x20, [x0]; ldr x22, [x0]", ..BOOT },
    Program { sctlr: ASYM, text: "ldadd x12, x20, [x1]", ..BOOT },
    Program { text: "str q1, [x0]; str q1, [x1]; ldr s3, [x0]; ld1 {v4.16b, v5.16b}, [x0]; ldr q6, [x0, #16]", ..BOOT },
    Program { text: "str q1, [x0]; ld2 {v4.4h, v5.4h}, [x0]; st3 {v1.8b-v3.8b}, [x1]; ld2 {v6.s, v7.s}[1], [x0]; st1 {v1.h}[3], [x0]; ld3r {v8.16b-v10.16b}, [x0]; ld4r {v11.2s-v14.2s}, [x1]; ld1 {v1.d}[0], [x1]; str x12, [x0]; ld1r {v15.8b}, [x0]", ..BOOT },
    Program { text: "adr x17, .+8; br x17; brk #1; adr x17, .+8; blr x17; nop; brk #2; adr x17, .+8; blr x17; brk #3; adr x17, .+8; br x17; isb; brk #4", ..BOOT },
    Program { text: "ldlar x20, [x1]; stllr w12, [x1]", ..BOOT },
    Program { sctlr: STORES_OF_EL1, text: "add x17, x7, #0; cpyfp [x17]!, [x1]!, x14!", ..BOOT },
    Program { text: "ldtr x20, [x0]; sttr x12, [x0]; ldtr x20, [x1]", ..BOOT },
    Program { el: 1, sctlr: reset::SCTLR & !(0b11 << 38) | 0b10 << 38, text: "sttr x12, [x19]", ..BOOT },
    Program { text: "setp [x0]!, x14!, x12; setm [x0]!, x14!, x12; sete [x0]!, x14!, x12", ..BOOT },
    Program { text: "setp [x1]!, x14!, x12", ..BOOT },
    Program { text: "movz x14, #64; setgp [x1]!, x14!, x12; setgm [x1]!, x14!, x12; setge [x1]!, x14!, x12; setgp [x2]!, x15!, x12", ..BOOT },
    Program { text: "movn x14, #0; lsr x14, x14, #1; setgp [x0]!, x14!, x12", ..BOOT },
    Program { text: "add x17, x0, #16; str x12, [x0]; cpyp [x17]!, [x0]!, x14!; cpym [x17]!, [x0]!, x14!; cpye [x17]!, [x0]!, x14!", ..BOOT },
    Program { text: "add x17, x0, #0; sub x18, x17, #8; cpyp [x17]!, [x18]!, x14!; cpym [x17]!, [x18]!, x14!; cpye [x17]!, [x18]!, x14!", ..BOOT },
    Program { text: "add x18, x7, #0; cpyfp [x18]!, [x1]!, x14!", ..BOOT },
    Program { text: "cpyfp [x1]!, [x0]!, x14!", ..BOOT },
    Program { text: "add x18, x6, #0; str x12, [x0]; cpyfp [x18]!, [x0]!, x14!; cpyfe [x18]!, [x0]!, x14!", ..BOOT },
    Program { text: "msr gcr_el1, x12; mrs x20, gcr_el1; msr rgsr_el1, x12; mrs x21, rgsr_el1; msr tfsr_el1, x16; mrs x22, tfsr_el1; msr tfsr_el1, xzr; mrs x23, tfsr_el1; mrs x24, gmid_el1; msr tfsre0_el1, x26; mrs x25, tfsre0_el1", ..BOOT },
    Program { text: "msr gcr_el1, x15; irg x20, x0", ..BOOT },
    Program { text: "mrs x20, fpcr; mrs x21, fpsr; msr fpcr, x12; msr fpsr, x14; mrs x22, fpcr; mrs x23, fpsr; msr fpsr, xzr; mrs x24, fpsr", ..BOOT },
    Program { el: 0, text: "mrs x20, fpcr; msr fpsr, x12", ..BOOT },
    Program { tco: true, text: "add sp, x6, #0; movz x18, #1; subs x20, x12, x12; msr fpcr, x29; msr gcr_el1, x15; msr rgsr_el1, x29; msr tfsr_el1, x16; msr tfsre0_el1, x16; movz w0, #0x8400, lsl #16; movk w0, #6; hvc #0; movz x21, #1; mrs x22, fpcr", ..BOOT },
    Program { text: "movz w0, #0x8400, lsl #16; hvc #1; orr x20, x0, #0xf00000000; movz w0, #0x8400, lsl #16; orr x0, x0, #0xf00000000; hvc #0; orr x21, x0, xzr; movz x0, #1; hvc #0", ..BOOT },
    Program { text: "movz w0, #0x8000, lsl #16; hvc #0; orr x20, x0, xzr; movz w0, #0x8400, lsl #16; movk w0, #4; movz x1, #1; movz x2, #0; hvc #0; orr x21, x0, xzr; movz w0, #0x8400, lsl #16; movk w0, #4; movz x1, #7; hvc #0; orr x22, x0, xzr", ..BOOT },
    Program { text: "movz w0, #0x8400, lsl #16; movk w0, #10; movz w1, #0x8400, lsl #16; hvc #0; orr x20, x0, xzr; movz w0, #0x8400, lsl #16; movk w0, #10; hvc #0", ..BOOT },
    Program { el: 0, text: "hvc #0", ..BOOT },
    Program { text: "mrs x20, mpidr_el1; mrs x21, clidr_el1; mrs x22, id_aa64dfr0_el1", ..BOOT },
    Program { text: "dc igsw, x30", ..BOOT },
    Program { text: "b .+4096", ..BOOT },
    Program { text: "bl .+8; nop; orr x20, x30, xzr; adr x30, .+12; blr x30; movz x24, #9; movz x21, #1; adr x17, .+12; ret x17; movz x22, #7; adr x17, .+16; orr x17, x17, #0x0f00000000000000; br x17; nop; orr x23, x17, xzr", ..BOOT },
    Program { text: "br x3", ..BOOT },
    Program { text: "adr x17, .+10; br x17; nop", ..BOOT },
    Program { text: "fmov d1, x12; mov v1.d[1], x0; dup v2.2d, x14; mov v2.d[0], x13; add v10.16b, v1.16b, v1.16b; add v11.2d, v1.2d, v1.2d; sub v12.16b, v1.16b, v2.16b; mul v13.16b, v1.16b, v1.16b; neg v14.16b, v1.16b; abs v15.16b, v2.16b; cnt v16.16b, v5.16b; rbit v17.16b, v1.16b; clz v18.16b, v1.16b; add v19.8b, v1.8b, v2.8b; movi v20.2d, #0xff; movi v21.16b, #0x80; abs v22.16b, v21.16b; cls v23.8h, v1.8h; mov v6.b[3], w12; umov w20, v1.h[3]; smov x21, v1.b[4]; fmov d7, x12; mvni v8.4s, #3; orr v9.4s, #1; bic v3.8h, #1", ..BOOT },
    Program { text: "fmov d1, x12; mov v1.d[1], x0; fmov d2, x13; cmeq v10.16b, v1.16b, v1.16b; cmgt v11.16b, v1.16b, v2.16b; cmge v12.16b, v1.16b, v1.16b; cmle v13.16b, v2.16b, #0; cmlt v14.16b, v1.16b, #0; cmhi v15.16b, v1.16b, v2.16b; cmhs v16.16b, v2.16b, v2.16b; cmtst v17.16b, v1.16b, v5.16b; smax v18.16b, v1.16b, v2.16b; smin v19.16b, v1.16b, v2.16b; umax v20.16b, v1.16b, v2.16b; umin v21.16b, v1.16b, v2.16b; addp v22.16b, v1.16b, v5.16b; addv b23, v1.16b; bit v24.16b, v1.16b, v5.16b; bsl v25.16b, v1.16b, v5.16b; bic v26.16b, v1.16b, v5.16b; cmgt v27.16b, v2.16b, v1.16b", ..BOOT },
    Program { text: "fmov d1, x12; mov v1.d[1], x0; fmov d2, x13; uzp1 v10.16b, v1.16b, v2.16b; zip2 v11.16b, v1.16b, v2.16b; trn1 v12.16b, v1.16b, v2.16b; ext v13.16b, v1.16b, v2.16b, #5; rev64 v14.8h, v1.8h; xtn v15.8b, v1.8h; xtn2 v16.16b, v1.8h; shrn v17.8b, v1.8h, #4; ushll2 v18.8h, v1.16b, #2; sshr v19.16b, v1.16b, #1; ushr v20.2d, v1.2d, #64", ..BOOT },
    Program { text: "hint #40; ldr x20, [x27]; ldr x20, [x5]; mrs x21, esr_el1; mrs x22, far_el1; msr esr_el1, x14; mrs x23, esr_el1; msr far_el1, x12; mrs x24, far_el1", ..BOOT },
    Program { text: "smaddl x17, w12, w13, x14; smaddl x17, w12, w12, x14; umaddl x18, w12, w12, x14; smulh x20, x0, x13; smulh x21, x13, x12; umulh x22, x12, x12; sdiv x23, x13, x12; udiv x24, x12, xzr; extr x25, x12, x14, #4; adcs x26, x12, x12; sbcs x27, x14, x14", ..BOOT },
    Program { text: "rbit x17, x12; rev16 x18, x12; rev32 x20, x12; rev w21, w12; clz w22, w12; cls x23, x12; subs xzr, x12, x12; ccmp x12, x14, #5, ne; mrs x24, nzcv; ccmn x14, x14, #0, al; mrs x25, nzcv", ..BOOT },
];

/// What can be seen of a machine: replies, exceptions and vectors; tags and data.
type Seen = (Vec<String>, super::Ram);

fn observe(defect: Option<&'static Defect>, program: &Program) -> Seen {
    let window = if program.el == 0 { Window::TaggedEl0 } else { Window::Tagged };
    let mut bench = Bench::of(Features { tag_block_bs: program.bs, ..Features::MAX });
    if let Some(defect) = defect {
        bench = bench.with(defect);
    }
    (bench.platform.cpu, bench.platform.cpus) = (1, 2);
    for (first, count, tag) in [
        (4, 2, 5),
        (6, 1, 6),
        (255, 1, 5),
        (256, 1, 7),
        (0x200, 16, 7),
        (0x300, 32, 2),
        (0x400, 32, 5),
        (0x500, 16, 5),
        (0x600, 4, 1),
    ] {
        bench.tags(first, &vec![tag; count]);
    }
    for first in [0, 0x2000, 0x3000, 0x4000, 0x5000] {
        bench.fill(first, 512, 0x91);
    }
    for at in 0..4 {
        bench.ram.set_tag(abi::map::code_ipa(0) + 16 * at, arch::Tag::truncate(6)).unwrap();
    }
    for window in [Window::Tagged, Window::TaggedEl0] {
        bench.pages(window, 0x2000, PageKind::Unmapped);
        bench.pages(window, 0x4000, PageKind::Default);
        bench.pages(window, 0x7000, PageKind::ReadOnly);
    }
    bench.pages(Window::Tagged, 0x3000, PageKind::Default);
    bench.v = Some(std::array::from_fn(|n| [n as u64 * 0x0101, !(n as u64)]) as Vectors);
    let mut x = registers(window);
    x[16] = 3;
    x[19] = pointer(Window::TaggedEl0, 64, 9);
    x[26] = 2;
    x[27] = tagged(0x7000, 0);
    for (n, value) in program.x.iter().enumerate() {
        x[n] = *value;
    }
    bench.el = program.el;
    bench.tco = program.tco;
    bench.sp = program.sp;
    bench.x = x;
    bench.sys(SysReg::Sctlr, program.sctlr).sys(SysReg::Tcr, program.tcr).sys(SysReg::Rgsr, 0x1_2300);
    bench.sys(SysReg::Gcr, 1).sys(SysReg::Tfsr, 0).sys(SysReg::Tfsre0, 0);
    let mut seen = Vec::new();
    for text in [program.text, DRAIN, "nop"] {
        let text = if text == DRAIN && program.el == 0 { "nop" } else { text };
        let mut words: Vec<u32> = assembler::assemble(text).unwrap().into_iter().map(isa::Insn::encode).collect();
        words.push(0);
        match bench.outcome(&words) {
            Outcome::Done(done) => seen.push(format!("{:x?} {:x?} {:x?}", done.reply, done.traps, done.v)),
            other => seen.push(format!("{other:x?}")),
        }
        bench.sys = [None; SYS_REGS];
    }
    (seen, bench.ram)
}

/// Accesses to pages of each kind, which the table above cannot say.
fn observe_pages(defect: Option<&'static Defect>) -> Vec<String> {
    let mut seen = Vec::new();
    for kind in [PageKind::ReadOnly, PageKind::Unmapped, PageKind::NonCacheable, PageKind::Device] {
        for text in [
            "ldr x1, [x0]",
            "str x1, [x0]",
            "stg x0, [x0]",
            "ldr x1, [x0, #8]",
            "str w1, [x2]",
            "ldr x3, [x4]",
            "str x3, [x4]",
            "ldtr w1, [x2]",
            "swp x1, x3, [x0]",
        ] {
            let mut bench = defect.map_or_else(Bench::new, |defect| Bench::new().with(defect));
            bench.tags(0, &[4; 16]);
            bench.pages(Window::Tagged, 0, kind);
            let done = bench.run(text, &[tagged(0, 7), 1, tagged(2, 4), 0, tagged(0xffc, 3)]);
            seen.push(format!("{:x?} {:x?} {:?}", done.reply.x, done.traps, bench.read_tags(0, 2)));
        }
    }
    let mut bench = defect.map_or_else(Bench::new, |defect| Bench::new().with(defect));
    bench.pages(Window::Tagged, 4096, PageKind::Unmapped);
    bench.el = 0;
    let done = bench.run("ldr x1, [x0]", &[tagged(0, 0)]);
    seen.push(format!("{:x?}", done.traps));
    bench.el = 1;
    let done = bench.run("ldr x1, [x0]; ldr x1, [x2]", &[tagged(4092, 0), 0, tagged(4096, 0)]);
    seen.push(format!("{:x?}", done.traps));
    bench.tags(0, &[4; 4]);
    let done = bench.run("str x1, [x0]; ldr x1, [x2]", &[pointer(Window::Untagged, 0, 0), 0, tagged(0, 4)]);
    seen.push(format!("{:x?}", done.traps));
    bench.run("msr fpcr, x0; msr fpsr, x1", &[1 << 25, 1]);
    let done = bench.run("mrs x1, fpcr; mrs x2, fpsr", &[]);
    seen.push(format!("{:x?}", done.reply.x));
    seen
}

/// What a VM without MTE sees of tags on a CPU that has them.
fn observe_hidden(defect: Option<&'static Defect>) -> Vec<String> {
    let mut bench = Bench::of(Features { tags_hidden: true, gmid_trapped: true, ..Features::MAX });
    bench.sys(SysReg::Sctlr, reset::SCTLR);
    if let Some(defect) = defect {
        bench = bench.with(defect);
    }
    let text = "mrs x1, gmid_el1; mrs x2, gcr_el1; msr rgsr_el1, x3; stg x0, [x0]; ldg x4, [x0]; dc cigsw, x3; msr tco, #1; mrs x5, tco";
    let done = bench.run(text, &[tagged(0, 7), 1, 1, 1, 1]);
    vec![format!("{:x?} {:x?} {:?}", done.reply.x, done.traps, bench.read_tags(0, 2))]
}

/// A small life of the heap.
fn observe_heap(defect: Option<&'static Defect>) -> Vec<String> {
    let mut bench = defect.map_or_else(Bench::new, |defect| Bench::new().with(defect));
    let mut seen = Vec::new();
    let mut freed = Vec::new();
    bench.cpu.sys.rgsr = 0x77_7700;
    for round in 0..4 {
        for bytes in [16, 40, 64, 200] {
            let object = bench.allocate(bytes, 16);
            seen.push(format!("{object:x?}"));
            if let Ok(object) = object {
                let ipa = abi::map::ipa_of(object);
                let tags: Vec<_> = (0..=bytes / 16 + 1).map(|n| bench.ram_tag(ipa + 16 * n)).collect();
                seen.push(format!("{tags:?}"));
                if round % 2 == 0 {
                    freed.push((object, bytes));
                }
            }
        }
        for (object, bytes) in freed.clone() {
            let result = bench.free(object, bytes);
            seen.push(format!("{result:?} {:?}", bench.ram_tag(abi::map::ipa_of(object))));
        }
    }
    seen.push(format!("{:x} {:x}", bench.cpu.sys.rgsr, bench.cpu.sys.gcr));
    seen
}

/// What the firmware answers to requests other than blocks, and what it keeps in a code page.
fn observe_requests(defect: Option<&'static Defect>) -> Vec<String> {
    let of = |features| Bench { defect, ..Bench::of(features) };
    let mut bench = of(Features::MAX);
    let mut seen = vec![format!("{:?}", bench.free(Window::Tagged.va(map::HEAP_BASE), 16))];
    for (bytes, align) in [(0, 16), (16, 24), (16, 16), (16, 4096), (512 << 10, 16)] {
        let object = bench.allocate(bytes, align);
        seen.push(format!("{object:x?} {:x?}", object.map(|object| bench.free(object, bytes))));
    }
    seen.push(format!("{:?}", bench.free(Window::Tagged.va(map::ARENA_BASE), 16)));
    seen.push(format!("{:x?}", of(Features::MAX.with_mte(1)).allocate(16, 16)));

    let object = bench.allocate(64, 16);
    let _active = defect::activate(defect);
    bench.firmware.heap_reset();
    seen.push(format!("{object:x?} {:x?}", bench.allocate(64, 16)));
    for (ipa, bytes) in [
        (map::HEAP_BASE, 4096),
        (map::ARENA_BASE + 16, 4096),
        (map::RAM_BASE, 4096),
        (map::ARENA_BASE + map::ARENA_SIZE - 4096, 8192),
    ] {
        seen.push(format!("{:?}", bench.firmware.set_pages(Window::Tagged, ipa, bytes, PageKind::ReadOnly)));
    }
    seen.push(format!("{:?}", Firmware::boot_report(&Features::MAX, 0)));

    for text in ["nop; nop; nop", "nop"] {
        bench.run(text, &[]);
        bench.el = 0;
        let mut page = [0; 32];
        bench.ram.read(map::code_ipa(0), &mut page).unwrap();
        seen.push(format!("{page:x?}"));
    }
    seen
}

#[test]
fn every_defect_shows_somewhere() {
    let pages = observe_pages(None);
    let heap = observe_heap(None);
    let requests = observe_requests(None);
    let hidden = observe_hidden(None);
    let authentication = super::authentication::observe(None);
    let vectors = scalable::observe(None);
    let matrix = matrix::observe(None);
    let features = super::features::observe(None);
    let programs: Vec<Seen> = PROGRAMS.iter().map(|program| observe(None, program)).collect();
    let mut survivors = Vec::new();
    for defect in crate::catalogue::all() {
        let shows = PROGRAMS.iter().zip(&programs).any(|(program, seen)| observe(Some(defect), program) != *seen)
            || observe_pages(Some(defect)) != pages
            || observe_heap(Some(defect)) != heap
            || observe_requests(Some(defect)) != requests
            || observe_hidden(Some(defect)) != hidden
            || super::authentication::observe(Some(defect)) != authentication
            || scalable::observe(Some(defect)) != vectors
            || matrix::observe(Some(defect)) != matrix
            || super::features::observe(Some(defect)) != features
            || super::pointer::shows(defect);
        if !shows {
            survivors.push(defect.name);
        }
    }
    assert!(survivors.is_empty(), "{survivors:#?}");
}

#[test]
fn names_are_a_rule_and_a_mistake_and_unique() {
    let all: Vec<_> = crate::catalogue::all().collect();
    assert!(all.len() >= 75, "{}", all.len());
    for (n, defect) in all.iter().enumerate() {
        let parts: Vec<_> = defect.name.split('.').collect();
        assert!(parts.len() == 2 && !defect.what.ends_with('.'), "{}", defect.name);
        assert!(all[..n].iter().all(|other| other.name != defect.name), "{}", defect.name);
    }
}
