//! Chapter: every instruction that stores tags, over a whole mebibyte.
//!
//! The guest chooses tags by IRG with RRND = 0, so the sequence is the architected generator's
//! and the host computes the same. Its period is far longer than a mebibyte's granules: a tag that is
//! shifted, swapped or repeated does not match. The block forms take tags from an xorshift generator
//! in ordinary instructions. Data beneath is a pattern of its own, that must stay or become zero.

use std::sync::OnceLock;

use abi::mailbox::SysReg;
use arch::{Exclude, Rgsr};

use case::address::{arena, tagged};
use case::expect::{bytes, no_fault, tags};
use case::settings::rgsr;
use case::{Case, CaseContext, CaseError, CaseResult, Guest};
use machine::need::Need;
use machine::tags::GRANULE;
use machine::{Backing, Block};

/// Bytes that each case tags.
const SIZE: u64 = 1 << 20;
/// Bytes that are compared at a time.
const PART: usize = 0x8000;
/// RGSR_EL1 at the start: seed 0x1357, tag 0.
const START: u64 = rgsr(0x1357, 0);
/// First state of the xorshift generator, any number but 0.
const XORSHIFT: u64 = 0x9e37_79b9_7f4a_7c15;

pub const CASES: &[Case] = &[
    Case::new(
        "arch.tag-store.separate-granules",
        "neighbouring granules of a page have separate tags",
        "DDI 0487 D10 allocation tags",
        separate,
    ),
    Case::new(
        "arch.tag-store.stg-over-a-mebibyte",
        "STG stores a tag to one granule, in all three addressing forms, and leaves data alone",
        "DDI 0487 C6.2 STG",
        |b| each(b, "stg x1, ", 1, Data::Kept),
    ),
    Case::new(
        "arch.tag-store.st2g-over-a-mebibyte",
        "ST2G stores a tag to two granules, in all three addressing forms, and leaves data alone",
        "DDI 0487 C6.2 ST2G",
        |b| each(b, "st2g x1, ", 2, Data::Kept),
    ),
    Case::new(
        "arch.tag-store.stzg-over-a-mebibyte",
        "STZG stores a tag to one granule and zeroes its data, in all three addressing forms",
        "DDI 0487 C6.2 STZG",
        |b| each(b, "stzg x1, ", 1, Data::Zeroed),
    ),
    Case::new(
        "arch.tag-store.stz2g-over-a-mebibyte",
        "STZ2G stores a tag to two granules and zeroes their data, in all three addressing forms",
        "DDI 0487 C6.2 STZ2G",
        |b| each(b, "stz2g x1, ", 2, Data::Zeroed),
    ),
    Case::new(
        "arch.tag-store.stgp-over-a-mebibyte",
        "STGP stores a tag to one granule and a pair of registers to its data, in all three addressing forms",
        "DDI 0487 C6.2 STGP",
        |b| each(b, "stgp x5, x6, ", 1, Data::Pair),
    ),
    Case::new(
        "arch.tag-store.stgm-over-a-mebibyte",
        "STGM stores the tags of a whole block from a register's nibbles, and leaves data alone",
        "DDI 0487 C6.2 STGM, GMID_EL1",
        stgm,
    ),
    Case::new(
        "arch.tag-store.stzgm-over-a-mebibyte",
        "STZGM stores one tag to a block of DC ZVA's size and zeroes its data",
        "DDI 0487 C6.2 STZGM",
        stzgm,
    )
    .needing(&[Need::DcZva]),
    Case::new(
        "arch.tag-store.dc-gva-over-a-mebibyte",
        "DC GVA stores the address's tag to a block and leaves data alone",
        "DDI 0487 DC GVA",
        |b| cache_op(b, "dc gva, x1", Data::Kept),
    )
    .needing(&[Need::DcZva]),
    Case::new(
        "arch.tag-store.dc-gzva-over-a-mebibyte",
        "DC GZVA stores the address's tag to a block and zeroes its data",
        "DDI 0487 DC GZVA",
        |b| cache_op(b, "dc gzva, x1", Data::Zeroed),
    )
    .needing(&[Need::DcZva]),
    Case::new(
        "arch.tag-store.writeback",
        "post-index and pre-index forms of the tag stores write the address back, the offset form does not",
        "DDI 0487 C6.2 STG, ST2G, STZG, STZ2G, STGP",
        writeback,
    ),
];

/// What a tag store does to the data beneath.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Data {
    Kept,
    Zeroed,
    Pair,
}

/// The pair that STGP stores.
const PAIR: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];

/// Returns a guest whose mebibyte holds the pattern. Its RAM is in huge pages, so that 256 pages are not 256
/// exits to the kernel.
fn whole(cx: &mut CaseContext<'_>) -> Result<Guest, CaseError> {
    let mut guest = cx.guest_in(Backing::HugePages)?;
    guest.write(arena(0), pattern())?;
    Ok(guest)
}

/// A pattern in which every 8 bytes differ.
fn pattern() -> &'static [u8] {
    static PATTERN: OnceLock<Vec<u8>> = OnceLock::new();
    PATTERN.get_or_init(|| {
        let mut bytes = vec![0; SIZE as usize];
        let (words, _) = bytes.as_chunks_mut();
        for (i, word) in (0u64..).zip(words) {
            *word = (i.wrapping_mul(XORSHIFT) ^ 0x5555_5555).to_le_bytes();
        }
        bytes
    })
}

fn check(guest: &mut Guest, what: &str, expected: &[u8], data: Data) -> CaseResult {
    let found = guest.fetch_tags(arena(0), expected.len())?;
    tags(what, arena(0), expected, &found)?;
    // In parts: a mebibyte of fresh memory costs hundreds of page faults, which are slow under emulation.
    let pair = PAIR.map(u64::to_le_bytes).concat().repeat(PART / GRANULE as usize);
    let zeros = vec![0; PART];
    for (offset, kept) in (0..SIZE).step_by(PART).zip(pattern().chunks(PART)) {
        let wanted = match data {
            Data::Kept => kept,
            Data::Zeroed => &zeros,
            Data::Pair => &pair,
        };
        bytes("the data beneath", arena(offset), wanted, &guest.read(arena(offset), PART)?)?;
    }
    Ok(())
}

/// Runs `text` as a loop over the whole mebibyte: x0 begins at its first byte and moves on by `stride`
/// bytes each time; x3 counts.
fn sweep(guest: &mut Guest, text: &str, stride: u64, mut x: [u64; 31]) -> CaseResult {
    x[0] = tagged(0, 0);
    x[3] = SIZE / stride;
    let text = format!("again: {text}; subs x3, x3, #1; b.ne again");
    let block = Block::assemble(&text)?.xs(x).sys(SysReg::Gcr, 0).sys(SysReg::Rgsr, START);
    let trace = guest.run(&block)?;
    no_fault(guest, "tagging", &trace)?;
    case::expect::equal_hex("x0 behind the last granule", tagged(SIZE, 0), trace.x[0])
}

/// IRG's sequence from START on, each tag `times` granules long.
fn irg_sequence(times: u64) -> Vec<u8> {
    static SEQUENCE: OnceLock<Vec<u8>> = OnceLock::new();
    let sequence = SEQUENCE.get_or_init(|| {
        let mut generator = Rgsr::from_bits(START);
        (0..SIZE / GRANULE).map(|_| generator.choose_random_tag(Exclude::NONE).value()).collect()
    });
    let count = (SIZE / GRANULE / times) as usize;
    sequence[..count].iter().flat_map(|tag| std::iter::repeat_n(*tag, times as usize)).collect()
}

/// Tags by an instruction with addressing forms; `units` granules at a time.
fn each(cx: &mut CaseContext<'_>, instruction: &str, units: u64, data: Data) -> CaseResult {
    let mut guest = whole(cx)?;
    let unit = units * GRANULE;
    let forms =
        ["[x1]".to_owned(), format!("[x1, #{unit}]"), format!("[x1, #{}]!", 2 * unit), format!("[x1, #{}]", 3 * unit)];
    let mut period: String = forms.iter().map(|form| format!("irg x1, x0; {instruction}{form};")).collect();
    // The first form becomes post-index: the same granule, another encoding.
    period = period.replacen("[x1];", &format!("[x1], #{unit};"), 1);
    period += &format!("add x0, x0, #{};", 4 * unit);
    let mut x = [0; 31];
    x[5..7].copy_from_slice(&PAIR);
    sweep(&mut guest, &period, 4 * unit, x)?;
    check(&mut guest, instruction.trim_end_matches(", "), &irg_sequence(units), data)
}

/// Three instructions of xorshift64 on x2.
const STEP: &str = "eor x2, x2, x2, lsl #13; eor x2, x2, x2, lsr #7; eor x2, x2, x2, lsl #17;";

fn step(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn stgm(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = whole(cx)?;
    let block = cx.target().tag_block();
    let stores = format!("stgm x2, [x0]; add x0, x0, #{block};").repeat((256 / block) as usize);
    let mut x = [0; 31];
    x[2] = XORSHIFT;
    sweep(&mut guest, &format!("{STEP}{stores}"), 256, x)?;
    // Bits 4n+3:4n belong to granule n of the 256-byte region, whatever the block size.
    let mut state = XORSHIFT;
    let expected: Vec<u8> = (0..SIZE / 256)
        .flat_map(|_| {
            let tags = step(&mut state);
            (0..16).map(move |n| (tags >> (4 * n) & 0xf) as u8)
        })
        .collect();
    check(&mut guest, "stgm", &expected, Data::Kept)
}

/// Returns the bytes of a block of DC ZVA's, which the case needs.
pub(super) fn zero_block(cx: &CaseContext<'_>) -> Result<u64, CaseError> {
    let prohibited = || Need::DcZva.unmet("DC ZVA is prohibited here (DCZID_EL0.DZP)").into();
    cx.target().zero_block().ok_or_else(prohibited)
}

fn stzgm(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = whole(cx)?;
    let block = zero_block(cx)?;
    let mut x = [0; 31];
    x[2] = XORSHIFT;
    sweep(&mut guest, &format!("{STEP}stzgm x2, [x0]; add x0, x0, #{block}"), block, x)?;
    let mut state = XORSHIFT;
    let expected: Vec<u8> = (0..SIZE / block)
        .flat_map(|_| std::iter::repeat_n((step(&mut state) & 0xf) as u8, (block / GRANULE) as usize))
        .collect();
    check(&mut guest, "stzgm", &expected, Data::Zeroed)
}

fn cache_op(cx: &mut CaseContext<'_>, operation: &str, data: Data) -> CaseResult {
    let mut guest = whole(cx)?;
    let block = zero_block(cx)?;
    sweep(&mut guest, &format!("irg x1, x0; {operation}; add x0, x0, #{block}"), block, [0; 31])?;
    check(&mut guest, operation, &irg_sequence(block / GRANULE), data)
}

fn writeback(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for (instruction, unit) in [("stg x1", 16), ("st2g x1", 32), ("stzg x1", 16), ("stz2g x1", 32), ("stgp x5, x6", 16)]
    {
        for (form, moved) in
            [(format!("[x0], #{unit}"), unit), (format!("[x0, #-{unit}]!"), -unit), (format!("[x0, #{unit}]"), 0)]
        {
            let text = format!("{instruction}, {form}");
            let base = tagged(0x1000, 9);
            let trace = guest.exec(&text, &[base, tagged(0, 4)])?;
            no_fault(&guest, &text, &trace)?;
            case::expect::equal_hex(&format!("x0 after {text}"), base.wrapping_add_signed(moved), trace.x[0])?;
            let at = if form.contains("],") { 0 } else { moved + if moved == 0 { unit } else { 0 } };
            let tag = if instruction.starts_with("stgp") { 9 } else { 4 };
            let found = guest.fetch_tags(arena(0x1000).wrapping_add_signed(at), 1)?;
            tags(&text, arena(0x1000).wrapping_add_signed(at), &[tag], &found)?;
        }
    }
    Ok(())
}

fn separate(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = "again: stg x1, [x0], #16; addg x1, x1, #0, #1; subs x3, x3, #1; b.ne again";
    let trace = guest.exec(text, &[tagged(0, 0), tagged(0, 0), 0, 256])?;
    no_fault(&guest, "STG", &trace)?;
    let expected: Vec<u8> = (0..256).map(|i| (i & 0xf) as u8).collect();
    let found = guest.fetch_tags(arena(0), 256)?;
    tags("each granule tagged with its own number", arena(0), &expected, &found)
}
