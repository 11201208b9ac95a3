//! Programs that no sane machine should be asked to run first: generated ones, bent.
//!
//! The generator stays away from what the firmware might not survive, and from what hardly ever means anything. The model
//! survives everything, so here registers take values at the edges, copies run into themselves, control bits change
//! one by one, and bits of instructions flip wherever the result is an instruction still. What the specification does not
//! cover is replayed, too: it must stay uncovered.

use arch::SysReg;
use fastrand::Rng;
use isa::Insn;
use machine::El;
use program::control::FIELDS;
use program::text::PAGE_KINDS;
use program::{Event, Program, Run, Step};

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
            instructions(run, rng);
        }
        if let Step::Event(Event::Pages { kind, .. }) = step
            && rng.bool()
        {
            *kind = PAGE_KINDS[rng.usize(..PAGE_KINDS.len())].1;
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
        3..7 => {
            for _ in 0..rng.usize(1..4) {
                let field = rng.usize(..FIELDS.len());
                run.controls.set(field, rng.u8(..FIELDS[field].values.len() as u8));
            }
        }
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

/// Puts other instructions in the place of some: any of the table, and several that show something only together.
fn instructions(run: &mut Run, rng: &mut Rng) {
    for _ in 0..rng.usize(..5) {
        let pointer = format!("x{}", rng.u32(..8));
        let text = match rng.u32(..10) {
            0..3 => None,
            3 => Some(exclusives(&pointer, rng)),
            4 => Some(registers_of_the_system(rng)),
            5..7 => Some(copies(rng)),
            7 => Some(checked(&pointer, rng)),
            8 => Some(calls(rng)),
            _ => Some(unknown(&pointer, rng)),
        };
        let drawn = match text {
            Some(text) => assembler::assemble(&text).unwrap_or_default(),
            None => any(rng),
        };
        let at = rng.usize(..run.words.len());
        for (word, insn) in run.words[at..].iter_mut().zip(drawn) {
            *word = insn.encode();
        }
    }
}

/// Any instruction of the table, its rows as likely as each other.
fn any(rng: &mut Rng) -> Vec<Insn> {
    let rows = isa::rows();
    let row = &rows[rng.usize(..rows.len())];
    (0..16).find_map(|_| row.fill(rng.u32(..))).into_iter().collect()
}

/// A load and a store that belong to each other, or almost.
fn exclusives(pointer: &str, rng: &mut Rng) -> String {
    const KINDS: [(&str, &str); 6] = [("xp", "x"), ("xp", "w"), ("xr", "x"), ("xr", "w"), ("xrb", "w"), ("xrh", "w")];
    let operands = |kind: (&str, &str), first: u32| {
        let (name, width) = kind;
        let second = if name == "xp" { format!(", {width}{}", first + 1) } else { String::new() };
        format!("{width}{first}{second}")
    };
    let load = KINDS[rng.usize(..KINDS.len())];
    let store = if rng.u32(..6) == 0 { KINDS[rng.usize(..KINDS.len())] } else { load };
    let other = if rng.u32(..6) == 0 { "x7" } else { pointer };
    let between = match rng.u32(..8) {
        0 => format!("; strb w14, [{pointer}, #{}]", rng.u32(..16)),
        1 => "; clrex".to_owned(),
        2 => format!("; add {pointer}, {pointer}, #{}", rng.u32(..17)),
        3 => "; svc #1".to_owned(),
        _ => String::new(),
    };
    let data = if rng.bool() { 9 } else { 12 };
    let (a, b) = (operands(load, 9), operands(store, data));
    format!("ld{} {a}, [{pointer}]{between}; st{} w14, {b}, [{other}]; ldp x9, x10, [{pointer}]", load.0, store.0)
}

/// Reads and writes of system registers, of any.
fn registers_of_the_system(rng: &mut Rng) -> String {
    let name = |rng: &mut Rng| SysReg::ALL[rng.usize(..SysReg::ALL.len())].name();
    match rng.u32(..6) {
        0 => format!("mrs x9, {}", name(rng)),
        1 => format!("msr {}, x{}", name(rng), rng.u32(..32).min(30)),
        2 => format!("msr fpcr, x{}; mrs x9, fpcr", rng.u32(8..16)),
        3 => format!("msr fpsr, x{}; mrs x9, fpsr", rng.u32(8..16)),
        4 => {
            let register = name(rng);
            format!(
                "mrs x9, {register}; eor x9, x9, #{:#x}; msr {register}, x9; mrs x10, {register}",
                1u64 << rng.u32(..64)
            )
        }
        _ => format!("msr tco, #{}; mrs x9, tco; mrs x10, dczid_el0; mrs x11, gmid_el1", rng.u32(..2)),
    }
}

/// A memory copy or set whose stages need not fit each other.
fn copies(rng: &mut Rng) -> String {
    const NAMES: [&str; 6] = ["cpy", "cpyf", "cpyrtwn", "cpyfwt", "set", "setg"];
    let name = NAMES[rng.usize(..NAMES.len())];
    let (to, from) = (rng.u32(..8), rng.u32(..8));
    let (to, from) = if to == from { (to, (from + 1) % 8) } else { (to, from) };
    let count = 22 + rng.u32(..2);
    let stage = |stage: char| {
        let (stem, options) = match name {
            "cpyrtwn" => ("cpy", "rtwn"),
            "cpyfwt" => ("cpyf", "wt"),
            other => (other, ""),
        };
        if stem.starts_with("set") {
            format!("{stem}{stage}{options} [x{to}]!, x{count}!, x{from}")
        } else {
            format!("{stem}{stage}{options} [x{to}]!, [x{from}]!, x{count}!")
        }
    };
    let near = rng.u32(..64);
    let first = match rng.u32(..4) {
        0 => format!("add x{to}, x{from}, #{near}; movz x{count}, #{}; ", rng.u32(..200)),
        1 => format!("sub x{to}, x{from}, #{near}; movz x{count}, #{}; ", rng.u32(..200)),
        2 => format!("movz x{count}, #{}; ", 4000 + rng.u32(..200)),
        _ => String::new(),
    };
    let between = if rng.u32(..6) == 0 { format!("add x{count}, x{count}, #1; ") } else { String::new() };
    format!("{first}{}; {between}{}; {}", stage('p'), stage('m'), stage('e'))
}

/// Tags that fit and do not, near each other, and what is UNKNOWN used again.
fn checked(pointer: &str, rng: &mut Rng) -> String {
    let offset = rng.u32(..64) * 8;
    match rng.u32(..8) {
        0 => format!("ldg {pointer}, [{pointer}]; stp x9, x10, [{pointer}, #{}]", offset % 504),
        1 => format!("irg {pointer}, {pointer}; st2g {pointer}, [{pointer}]; ldr x9, [{pointer}, #{offset}]"),
        2 => format!(
            "orr {pointer}, {pointer}, #0xfff; sub {pointer}, {pointer}, #{}; ldr x9, [{pointer}]",
            rng.u32(..24)
        ),
        3 => format!(
            "orr {pointer}, {pointer}, #0xfff; sub {pointer}, {pointer}, #{}; stp q1, q2, [{pointer}]",
            rng.u32(..40)
        ),
        4 => format!(
            "orr {pointer}, {pointer}, #0xfff; sub {pointer}, {pointer}, #{}; st1 {{v1.2d, v2.2d}}, [{pointer}]",
            rng.u32(..40)
        ),
        5 => format!(
            "orr {pointer}, {pointer}, #0xfff; sub {pointer}, {pointer}, #{}; ldadd x9, x10, [{pointer}]",
            rng.u32(..16)
        ),
        6 => format!(
            "orr {pointer}, {pointer}, #0xfff; and {pointer}, {pointer}, #0xfffffffffffffff0; casp x10, x11, x12, x13, [{pointer}]"
        ),
        _ => format!("stgm x9, [{pointer}]; ldgm x10, [{pointer}]; stzgm x11, [{pointer}]"),
    }
}

/// A call of a hypervisor, perhaps about another function, with its arguments.
fn calls(rng: &mut Rng) -> String {
    const FUNCTIONS: [u32; 28] = [
        0x8000_0000,
        0x8000_0001,
        0x8000_8000,
        0x8000_7fff,
        0x8000_3fff,
        0x8400_0000,
        0x8400_0001,
        0x8400_0002,
        0x8400_0003,
        0x8400_0004,
        0xc400_0004,
        0x8400_0005,
        0x8400_0006,
        0x8400_0008,
        0x8400_000a,
        0x8400_0012,
        0x8400_0015,
        0xc400_0012,
        0xc400_0015,
        0x8400_0050,
        0x8400_0051,
        0x8400_0052,
        0x8400_0053,
        0xc500_0020,
        0xc500_0021,
        0x95c1_ba5e,
        0x95c1_ba60,
        0x8600_ff01,
    ];
    let word = |register: &str, value: u32| {
        format!("movz {register}, #{}, lsl #16; movk {register}, #{}; ", value >> 16, value & 0xffff)
    };
    // Those that ask about others more often, and those that tell whether a CPU is on.
    let function = match rng.u32(..4) {
        0 => 0x8400_000a,
        1 => [0x8400_0004, 0xc400_0004][rng.usize(..2)],
        _ => FUNCTIONS[rng.usize(..FUNCTIONS.len())],
    };
    let asked = if rng.bool() { FUNCTIONS[rng.usize(..FUNCTIONS.len())] } else { rng.u32(..4) << (8 * rng.u32(..4)) };
    let upper = if rng.u32(..4) == 0 { "movk x1, #1, lsl #32; " } else { "" };
    format!(
        "{}{upper}movz x2, #{}; {}hvc #{}",
        word("w1", asked),
        rng.u32(..6),
        word("w0", function),
        if rng.u32(..6) == 0 { rng.u32(..3) } else { 0 }
    )
}

/// A register that is UNKNOWN, or memory, and what makes use of it.
fn unknown(pointer: &str, rng: &mut Rng) -> String {
    // With GCR_EL1.RRND = 1 the CPU leaves in RGSR_EL1 what it likes; only tag 0 is left to be chosen.
    let register = rng.u32(9..12);
    let first = match rng.u32(..4) {
        0 => format!("ldxr x{register}, [{pointer}]; stxrb w{register}, w12, [{pointer}]; "),
        _ => format!(
            "movz x{register}, #0xfffe; movk x{register}, #1, lsl #16; msr gcr_el1, x{register}; irg x14, x0; \
             mrs x{register}, rgsr_el1; "
        ),
    };
    const USES: [&str; 44] = [
        "str xU, [P]; ldr x13, [P]",
        "stp xU, x13, [P]; ldp x12, x13, [P]",
        "stp x13, xU, [P]; ldp x12, x13, [P]",
        "stp w13, wU, [P]; ldrb w12, [P, #4]",
        "cas xU, x12, [P]; ldr x13, [P]",
        "cas x12, xU, [P]; ldr x13, [P]",
        "casp x10, x11, x12, x13, [P]; ldp x14, x15, [P]",
        "casp x12, x13, x10, x11, [P]; ldp x14, x15, [P]",
        "casp w10, w11, w12, w13, [P]; ldp x14, x15, [P]",
        "casp w12, w13, w10, w11, [P]; ldp x14, x15, [P]",
        "ldadd xU, x12, [P]; ldr x13, [P]",
        "swp wU, w12, [P]; ldr x13, [P]",
        "ldxr x12, [P]; stxr w13, xU, [P]; ldr x14, [P]",
        "ldxp x12, x13, [P]; stxp w14, xU, x13, [P]; ldp x12, x13, [P]",
        "ldxp x12, x13, [P]; stxp w14, x13, xU, [P]; ldp x12, x13, [P]",
        "str xU, [P]; ldxp x12, x13, [P]",
        "str xU, [P, #8]; ldxp x12, x13, [P]",
        "strb wU, [P, #3]; ldr x13, [P]; ldrb w12, [P, #3]",
        "add x12, xU, #1; mov x13, x12",
        "msr nzcv, xU; mrs x12, nzcv",
        "msr tpidr_el0, xU; mrs x12, tpidr_el0",
        "mov x1, xU; hvc #0",
        "mov x2, xU; movz w0, #0x8400, lsl #16; movk w0, #4; hvc #0; mov x12, x1",
        "stg xU, [P]; ldg x12, [P]",
        "swpp xU, x13, [P]; ldp x12, x13, [P]",
        "swpp x13, xU, [P]; ldp x12, x13, [P]",
        "ldclrp xU, x13, [P]; ldp x14, x15, [P]",
        "ldclrp x13, xU, [P]; ldp x14, x15, [P]",
        "ldsetp xU, x13, [P]; ldp x14, x15, [P]",
        "ldsetp x13, xU, [P]; ldp x14, x15, [P]",
        "str xU, [P]; swpp x12, x13, [P]",
        "str xU, [P, #8]; swpp x12, x13, [P]",
        "str xU, [P]; ldclrp x12, x13, [P]; ldp x14, x15, [P]",
        "str xU, [P, #8]; ldsetp x12, x13, [P]; ldp x14, x15, [P]",
        "str wU, [P]; ldfadd s1, s2, [P]; str s2, [P]",
        "str xU, [P]; ldfmaxnm d1, d2, [P]; ldr x13, [P]",
        "str xU, [P]; ld64b x16, [P]; mov x12, x16",
        "mov x16, xU; st64b x16, [P]; ldr x13, [P]",
        "mov x23, xU; st64bv x12, x16, [P]; ldr x13, [P, #56]",
        "st64bv0 xU, x16, [P]; ldr x13, [P]",
        "rcwswp xU, x12, [P]; ldr x13, [P]",
        "rcwscas xU, x12, [P]; ldr x13, [P]",
        "rcwsset x13, x12, [P]; rcwsclr xU, x14, [P]",
        "stgp xU, x13, [P]; ldp x12, x13, [P]",
    ];
    let used = USES[rng.usize(..USES.len())].replace('U', &register.to_string()).replace('P', pointer);
    format!("{first}{used}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_together_are_instructions() {
        let mut rng = Rng::with_seed(0x5eed);
        for _ in 0..2000 {
            let texts = [
                exclusives("x3", &mut rng),
                registers_of_the_system(&mut rng),
                copies(&mut rng),
                checked("x3", &mut rng),
                calls(&mut rng),
                unknown("x3", &mut rng),
            ];
            for text in texts {
                // A register that cannot be written, and registers that an instruction must not have twice.
                if let Err(error) = assembler::assemble(&text) {
                    assert!(text.contains("msr") || text.contains("stx"), "{text}: {error}");
                }
            }
        }
    }
}
