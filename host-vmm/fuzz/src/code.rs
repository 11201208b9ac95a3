//! Draws the instructions of a block: one by one from the table, and now and then a few that belong together.

use abi::mailbox::SysReg;
use arch::{Arg, Reg, RegClass};
use fastrand::Rng;
use isa::Insn;

use super::known;
use super::operands::sensible;
use super::pick::{self, Group};
use super::profile::{Profile, one_in};
use super::register_role::{LOOP, RegisterRole};
use super::safety::HARMLESS;
use super::test_area::TestArea;
use super::words::{NOP, doorbell_word};
use super::{matrix, scalable};
use machine::block::Vectors;
use program::Run;
use program::branch_target::{self, WORD};

/// Draws of one instruction before a NOP takes its place.
const TRIES: usize = 24;
/// A word that is no instruction on any CPU (Arm ARM, UDF).
const UDF: u32 = 0x0000_002a;

/// Fills a block with `count` instructions, and its SIMD registers if one of them uses any.
pub fn fill(rng: &mut Rng, profile: &Profile, test_area: &TestArea, count: usize, run: &mut Run) {
    let mut words = Vec::with_capacity(count);
    // Whether each word is one of several that belong together, and not their first.
    let mut amid: Vec<bool> = Vec::with_capacity(count);
    // A call changes x0 to x3, which are pointers, so it comes last.
    let last = if count >= 12 && one_in(rng, 16) { call(rng) } else { Vec::new() };
    let about_matrix = count >= 12 && profile.streaming_lengths != 0 && (profile.matrix || one_in(rng, 16));
    let closing = if about_matrix { matrix::end(rng) } else { Vec::new() };
    let body = count - last.len() - closing.len();
    let bell = (!run.at_checkpoint.is_empty()).then(|| rng.usize(..body));
    let mut looped = false;
    let (mut simd, mut scalable) = (false, about_matrix);
    if about_matrix {
        words.extend(matrix::beginning(rng).into_iter().map(Insn::encode));
    }
    while words.len() < body {
        amid.resize(words.len(), false);
        let room = body - words.len();
        if bell.is_some_and(|at| words.len() >= at) && !words.contains(&doorbell_word()) {
            words.push(doorbell_word());
        } else if room >= 4 && one_in(rng, 12) {
            words.extend(together(rng, profile, &mut looped, words.len()).into_iter().map(Insn::encode));
            let one_less = words.len().saturating_sub(amid.len() + 1);
            amid.extend([false].into_iter().chain(std::iter::repeat_n(true, one_less)));
        } else if one_in(rng, 400) {
            words.push(UDF);
        } else {
            let mut draw = || {
                let drawn = pick::instruction(rng, profile, about_matrix)?;
                let insn = sensible(rng, drawn, words.len(), count)?;
                (!known::shows(&profile.known, insn)).then_some(insn)
            };
            let insn = (0..TRIES).find_map(|_| draw());
            simd |= insn.is_some_and(uses_simd);
            scalable |= insn.is_some_and(|insn| insn.op().is_scalable() || insn.op().is_matrix());
            words.push(insn.map_or(NOP, Insn::encode));
        }
    }
    amid.resize(words.len(), false);
    amid.extend(closing.iter().map(|_| false));
    words.extend(closing.into_iter().map(Insn::encode));
    amid.extend((0..last.len()).map(|place| place > 0));
    words.extend(last.into_iter().map(Insn::encode));
    retarget_to_group_starts(&mut words, &amid);
    run.words = words;
    if scalable && profile.vector_lengths != 0 {
        run.scalable = Some(scalable::state(rng, profile, test_area, run));
    } else if simd {
        let mut vectors: Vectors = [[0; 2]; 32];
        vectors.fill_with(|| [rng.u64(..), rng.u64(..)]);
        run.v = Some(Box::new(vectors));
    }
}

/// Aims branches that would lead amid what belongs together at its beginning: else a loop would skip its countdown,
/// and a register would be written that was not read.
fn retarget_to_group_starts(words: &mut [u32], amid: &[bool]) {
    for (index, word) in words.iter_mut().enumerate() {
        let insn = Insn::decode(*word).filter(|insn| branch_target::branches(*insn));
        let goal = insn.and_then(branch_target::distance).map(|distance| index as i64 + distance / WORD);
        let (Some(insn), Some(goal)) = (insn, goal.and_then(|goal| usize::try_from(goal).ok())) else { continue };
        let beginning = (0..=goal).rev().find(|place| !amid.get(*place).copied().unwrap_or(false)).unwrap_or(0);
        if let Some(aimed) = branch_target::with_distance(insn, (beginning as i64 - index as i64) * WORD) {
            *word = aimed.encode();
        }
    }
}

fn uses_simd(insn: Insn) -> bool {
    insn.args().iter().any(pick::is_simd)
}

/// Draws a few instructions, four at most, that show something only together; `at` is the index of the first.
fn together(rng: &mut Rng, profile: &Profile, looped: &mut bool, at: usize) -> Vec<Insn> {
    let (a, b) = (RegisterRole::Pointer.draw(rng, RegClass::X), RegisterRole::Data.draw(rng, RegClass::X));
    let (Some(a), Some(b)) = (a, b) else { return Vec::new() };
    let key = if profile.keys { ["ia", "ib", "da", "db"][rng.usize(..4)] } else { "da" };
    let text = match rng.u32(..if profile.keys { 14 } else { 10 }) {
        // The pointer gets the tag of its memory, or the memory that of the pointer.
        0 => format!("ldg {a}, [{a}]; str {b}, [{a}]"),
        1 => format!("irg {a}, {a}; stg {a}, [{a}]; ldr {b}, [{a}]"),
        // Asynchronous faults are there to be read, and are forgotten.
        2 => format!("dsb sy; isb; mrs {b}, {}", if one_in(rng, 2) { "tfsr_el1" } else { "tfsre0_el1" }),
        3 => "dsb sy; msr tfsr_el1, xzr; isb".to_owned(),
        4 => format!("msr tco, #1; str {b}, [{a}]; msr tco, #0"),
        5 => format!("ldxr {b}, [{a}]; add x15, {b}, #1; stxr w14, x15, [{a}]"),
        // One of the control fields changes under way. The register is cleared: its other fields are the firmware's.
        6 => return control(rng),
        7 if !*looped && at > 0 => {
            *looped = true;
            let back = rng.usize(1..=at.min(6)) as i64 + 1;
            format!("sub x{LOOP}, x{LOOP}, #1; cbnz x{LOOP}, .-{}", back * WORD)
        }
        8 if profile.mops => return copies(rng),
        // A branch to a register, over an instruction or to the next one, by a pointer with some tag.
        9 => {
            let branch = ["br x15", "blr x15", "ret x15"][rng.usize(..3)];
            let tag = rng.u64(1..16) << 56;
            format!("adr x15, .+{}; eor x15, x15, #{tag:#x}; {branch}; movz x14, #7", 12 + 4 * rng.u32(..2))
        }
        // A pointer is signed and authenticated, with its tag or another; what comes of it is a pointer again.
        10 => format!("pac{key} {a}, {b}; aut{key} {a}, {b}; str {b}, [{a}]; xpacd {a}"),
        11 => {
            let tag = rng.u64(1..16) << 56;
            format!("pac{key} {a}, {b}; eor {a}, {a}, #{tag:#x}; aut{key} {a}, {b}; xpacd {a}")
        }
        12 => {
            let [sign, load] = if one_in(rng, 2) { ["pacdza", "ldraa"] } else { ["pacdzb", "ldrab"] };
            let writeback = if one_in(rng, 2) { "!" } else { "" };
            format!("{sign} {a}; {load} {b}, [{a}, #8]{writeback}; xpacd {a}")
        }
        // A key changes under way.
        13 => {
            let half = SysReg::KEYS[rng.usize(..SysReg::KEYS.len())].name();
            format!("msr {half}, {b}; isb; mrs {b}, {half}")
        }
        _ => format!("ldr {b}, [{a}]; str {b}, [{a}, #16]"),
    };
    // What this CPU's table has not is left out; the caller draws again.
    assembler::assemble(&text).unwrap_or_default()
}

/// Flips a field of SCTLR_EL1 that programs may set.
fn control(rng: &mut Rng) -> Vec<Insn> {
    let owned = program::control::FIELDS.iter().filter(|field| field.register == SysReg::Sctlr);
    let fields: Vec<_> = owned.filter(|field| field.name.starts_with("sctlr_el1.tcf")).collect();
    let mask = fields[rng.usize(..fields.len())];
    // TCF and TCF0 from synchronous (0b01) to none (0b00) and back, or from asynchronous to asymmetric.
    let bit = mask.shift;
    assembler::assemble(&format!(
        "mrs x15, sctlr_el1; eor x15, x15, #{:#x}; msr sctlr_el1, x15; movz x15, #0",
        1u64 << bit
    ))
    .unwrap_or_default()
}

/// Draws a call of the hypervisor: a function that has no effect, and an argument of which it may make something.
fn call(rng: &mut Rng) -> Vec<Insn> {
    let function = HARMLESS[rng.usize(..HARMLESS.len())];
    // A function or a CPU to ask about, and the lowest affinity field that counts.
    let asked = if one_in(rng, 2) { HARMLESS[rng.usize(..HARMLESS.len())] } else { rng.u32(..4) };
    let level = if one_in(rng, 4) { rng.u32(..5) } else { 0 };
    let immediate = if one_in(rng, 4) { rng.u32(..1 << 16) } else { 0 };
    let [upper, lower] = [function >> 16, function & 0xffff];
    let arguments = format!("movz w1, #{}, lsl #16; movk w1, #{}; movz x2, #{level}", asked >> 16, asked & 0xffff);
    assembler::assemble(&format!("{arguments}; movz w0, #{upper}, lsl #16; movk w0, #{lower}; hvc #{immediate}"))
        .unwrap_or_default()
}

/// Draws a memory copy or set: prologue, main part and epilogue with the same registers.
fn copies(rng: &mut Rng) -> Vec<Insn> {
    let rows = pick::rows_of(Group::Copies);
    let first: Vec<_> = rows.iter().filter(|row| is_prologue(row.mnemonic())).collect();
    let Some(row) = first.get(rng.usize(..first.len().max(1))) else { return Vec::new() };
    let Some(drawn) = (0..TRIES).find_map(|_| row.fill(rng.u32(..))) else { return Vec::new() };
    let pointers = RegisterRole::Pointer.registers();
    let from = rng.usize(..pointers.len());
    let to = (from + rng.usize(1..pointers.len())) % pointers.len();
    let counts = RegisterRole::Count.registers();
    let count = counts[rng.usize(..counts.len())];
    let data = RegisterRole::Data.draw(rng, RegClass::X);
    let mut pointer = [pointers[to], pointers[from]].into_iter();
    let args: Vec<Arg> = drawn
        .args()
        .iter()
        .map(|arg| match arg {
            Arg::UpdatedAddress(_) => pointer.next().and_then(Reg::x).map_or(*arg, Arg::UpdatedAddress),
            Arg::UpdatedSize(_) => Reg::x(count).map_or(*arg, Arg::UpdatedSize),
            Arg::Reg(_) => data.map_or(*arg, Arg::Reg),
            _ => *arg,
        })
        .collect();
    let name = row.mnemonic();
    let parts = ['p', 'm', 'e'].map(|part| rows.iter().find(|row| row.mnemonic() == renamed(name, part)));
    parts.into_iter().map(|row| row?.insn(&args).ok()).collect::<Option<_>>().unwrap_or_default()
}

/// Returns whether a mnemonic, without its options, ends in the letter of a prologue.
fn is_prologue(mnemonic: &str) -> bool {
    mnemonic.trim_end_matches("{}").ends_with('p')
}

/// Returns the mnemonic of another part.
fn renamed(mnemonic: &str, part: char) -> String {
    let stem = mnemonic.trim_end_matches("{}");
    format!("{}{part}{}", &stem[..stem.len() - 1], &mnemonic[stem.len()..])
}
