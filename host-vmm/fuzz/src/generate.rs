//! Draws a program: a site, its tags and data, one to three blocks, and events between and inside them.
//!
//! The same seed and number always give the same program.

use arch::Tag;
use fastrand::Rng;

use super::profile::{Profile, one_in, weighted};
use super::registers;
use super::test_area::{BYTES, TestArea};
use super::{code, known};
use machine::El;
use program::text::PAGE_KINDS;
use program::value::WINDOWS;
use program::{Event, Program, Run, Step};

/// Returns program number `number` of a seed.
#[must_use]
pub fn program(seed: u64, number: u64, profile: &Profile) -> Program {
    // Two steps of SplitMix64 keep neighbours apart.
    let mut rng = Rng::with_seed(mix(mix(seed) ^ number));
    generate(&mut rng, profile)
}

/// The finalizer of SplitMix64.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

/// Draws a program.
#[must_use]
pub fn generate(rng: &mut Rng, profile: &Profile) -> Program {
    let test_area = TestArea::new(rng);
    let mut steps = vec![Step::Event(test_area.initial_tags()), Step::Event(test_area.initial_data(rng))];
    if one_in(rng, 16) {
        steps.push(Step::Event(pages(rng, &test_area)));
    }
    // RRND lets each IRG choose, so that outcomes multiply.
    let any_tag = one_in(rng, 48);
    let blocks = weighted(rng, &[(12, 1), (3, 2), (1, 3)]);
    let share = (profile.instructions / blocks).max(1);
    for block in 0..blocks {
        if block > 0 {
            between(rng, profile, &test_area, &mut steps);
        }
        steps.push(Step::Run(Box::new(run(rng, profile, &test_area, share, any_tag))));
        if profile.cpus > 1 && one_in(rng, 48) && checkpoints(&steps) == 0 {
            steps.push(Step::Again { cpu: rng.usize(..profile.cpus) });
        }
    }
    let mut program = Program { steps };
    known::avoid_known(&profile.known, profile.kind, &mut program);
    program
}

/// Counts the checkpoints that the last block may ring; `again` on another vCPU would ring in the wrong name.
fn checkpoints(steps: &[Step]) -> usize {
    match steps.last() {
        Some(Step::Run(run)) => run.at_checkpoint.len(),
        _ => 0,
    }
}

/// Draws what happens between two blocks, if anything.
fn between(rng: &mut Rng, profile: &Profile, test_area: &TestArea, steps: &mut Vec<Step>) {
    if let Some(event) = event(rng, profile, test_area) {
        steps.push(Step::Event(event));
    }
}

/// Draws an event, or none.
fn event(rng: &mut Rng, profile: &Profile, test_area: &TestArea) -> Option<Event> {
    match rng.u32(..20) {
        0..6 => Some(test_area.some_tags(rng)),
        6..10 => Some(test_area.some_fetch(rng)),
        10..12 => Some(test_area.initial_data(rng)),
        12 => Some(pages(rng, test_area)),
        13 if profile.restores == 1 || one_in(rng, profile.restores) => Some(Event::SaveRestore),
        _ => None,
    }
}

/// Draws a change of one or both pages of the site, in one window.
fn pages(rng: &mut Rng, test_area: &TestArea) -> Event {
    let page = abi::map::GUEST_PAGE;
    let (_, window) = WINDOWS[rng.usize(..WINDOWS.len())];
    let (_, kind) = PAGE_KINDS[rng.usize(..PAGE_KINDS.len())];
    let (from, count) = weighted(rng, &[(1, (0, 1)), (2, (1, 1)), (1, (0, BYTES / page))]);
    Event::Pages { window, offset: test_area.base + from * page, bytes: count * page, kind }
}

/// Draws a block of about `count` instructions.
fn run(rng: &mut Rng, profile: &Profile, test_area: &TestArea, count: usize, any_tag: bool) -> Run {
    let el = if one_in(rng, 3) { El::El0 } else { El::El1 };
    let cpu = if profile.cpus > 1 && one_in(rng, 48) { profile.cpus - 1 } else { 0 };
    let mut run = Run { cpu, el, tco: one_in(rng, 12), nzcv: rng.u8(..16), ..Run::default() };
    registers::general(rng, test_area, any_tag, &mut run);
    if known::aligns_stack(&profile.known) {
        run.sp &= !0xf;
    }
    registers::control(rng, profile, any_tag, &mut run);
    if one_in(rng, 24) {
        // The firmware, which changes pages, waits in the block.
        let event = event(rng, profile, test_area).filter(|event| !matches!(event, Event::Pages { .. }));
        run.at_checkpoint.extend(event.map(|event| vec![event]));
    }
    code::fill(rng, profile, test_area, count, &mut run);
    run
}

/// Returns a tag as a pattern of all granules of a block form.
pub(super) fn repeated(tag: Tag) -> u64 {
    0x1111_1111_1111_1111 * u64::from(tag.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_number_give_one_program() {
        let profile = Profile::default();
        for number in 0..64 {
            assert_eq!(program(7, number, &profile), program(7, number, &profile));
        }
        let all: Vec<_> = (0..64).map(|number| program(7, number, &profile).to_string()).collect();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
        assert_ne!(program(8, 0, &profile), program(7, 0, &profile));
    }

    #[test]
    fn programs_are_read_as_they_are_printed() {
        let seed = 0x5eed;
        for number in 0..300 {
            let program = program(seed, number, &Profile::default());
            let text = program.to_string();
            assert_eq!(text.parse(), Ok(program), "seed {seed:#x}, number {number}:\n{text}");
        }
    }

    #[test]
    fn programs_have_as_many_instructions_as_the_profile_says() {
        let profile = Profile::default();
        let counts: Vec<usize> =
            (0..200).map(|n| program(1, n, &profile).runs().map(|run| run.words.len()).sum()).collect();
        assert!(counts.iter().all(|count| (30..=33).contains(count)), "{counts:?}");
    }

    #[test]
    fn every_instruction_that_is_fit_is_drawn_sooner_or_later() {
        let (seed, mut seen) = (0x5eed, std::collections::BTreeSet::new());
        for number in 0..6000 {
            for word in program(seed, number, &Profile::default()).runs().flat_map(|run| run.words.clone()) {
                seen.extend(isa::Insn::decode(word).map(|insn| insn.row().mnemonic()));
            }
        }
        let missing: Vec<_> =
            isa::rows().iter().map(isa::Row::mnemonic).filter(|mnemonic| !seen.contains(mnemonic)).collect();
        assert!(missing.is_empty(), "seed {seed:#x}: {missing:?}");
    }
}
