//! Explains a block whose exceptions are not as promised.
//!
//! The two lists of exceptions are walked side by side. Where they differ, a sign must say that this instruction does the
//! one instead of the other. An instruction that was done instead of faulting, or the other way round, may have changed
//! its own registers and the memory that it addresses; nothing else may differ.

use std::ops::Range;

use abi::map;
use arch::{Arg, Syndrome};
use isa::Insn;
use report::failure::{BlockMismatch, Exception, Place, PlaceDifference};

use crate::sign::{CM, DFSC, Far, InstructionSign, Reaction, Sign, WNR};

/// What a sign knows of ESR_EL1.
const ESR: u64 = 0xffff_ffff;
/// FAR_EL1 without the bits that are UNKNOWN for a tag check fault.
const ADDRESS: u64 = u64::MAX >> 4;
/// Bytes around an address that one instruction may have stored to: four vectors, or a block of DC ZVA.
const REACH: u64 = 64;
/// Most bytes of a cache line (CTR_EL0.DminLine).
const LINE: u64 = 2048;

/// What instructions may have changed that were done and should not have been, or the other way round.
#[derive(Default)]
pub(super) struct Effects {
    /// The instructions.
    pub insns: Vec<Insn>,
    /// Offsets from the arena's start.
    pub memory: Vec<Range<u64>>,
    /// Whether a tag check fault may be pending, or not.
    pub pending: bool,
}

/// Returns whether signs explain a block of a case.
pub(super) fn explains(signs: &[Sign], block: &BlockMismatch) -> bool {
    let Some(mut effects) = effects(signs, block) else { return false };
    // A case that promises nothing about registers shows what changed in them: in a longer block each instruction's own.
    if block.from_before && block.words.len() > 1 {
        effects.insns.extend(block.words.iter().filter_map(|word| Insn::decode(*word)));
    }
    block.others.iter().all(|other| effects.include(other))
}

/// Walks the exceptions of a block; `None` if one of them is not explained, or there is nothing to explain.
pub(super) fn effects(signs: &[Sign], block: &BlockMismatch) -> Option<Effects> {
    let mut effects = Effects::default();
    let mut explained = 0;
    let (mut expected, mut found) = (block.expected.as_slice(), block.found.as_slice());
    loop {
        let (promised, taken) = (expected.first(), found.first());
        match (promised, taken) {
            (None, None) => return (explained > 0).then_some(effects),
            (Some(promised), Some(taken)) if is_same(promised, taken) => {
                (expected, found) = (&expected[1..], &found[1..]);
            }
            (Some(promised), Some(taken)) if block.index(promised) == block.index(taken) => {
                let insn = block.insn(taken)?;
                instructions(signs).find(|sign| sign.concerns(insn) && turns(sign, promised, taken))?;
                explained += 1;
                (expected, found) = (&expected[1..], &found[1..]);
            }
            _ => {
                // The list whose next exception is missing in the other.
                let missing = promised.filter(|promised| {
                    taken.is_none_or(|_| !found.iter().any(|other| block.index(other) == block.index(promised)))
                });
                let one = missing.or(taken)?;
                let insn = block.insn(one)?;
                let sign = instructions(signs).find(|sign| {
                    let (takes, omits) =
                        if missing.is_some() { (sign.promised, sign.found) } else { (sign.found, sign.promised) };
                    sign.concerns(insn) && takes.is(one.esr) && omits.is_silent() && is_within(sign.far, one)
                })?;
                explained += 1;
                effects.add(insn, one, sign);
                if missing.is_some() {
                    expected = &expected[1..];
                } else {
                    found = &found[1..];
                }
            }
        }
    }
}

fn instructions(signs: &[Sign]) -> impl Iterator<Item = &InstructionSign> {
    signs.iter().filter_map(|sign| match sign {
        Sign::Instruction(sign) => Some(sign),
        _ => None,
    })
}

/// Places of exceptions in a block.
trait Places {
    /// Returns an exception's instruction: that of a block of one where none is named.
    fn index(&self, exception: &Exception) -> Option<usize>;
    /// Returns the instruction at an exception.
    fn insn(&self, exception: &Exception) -> Option<Insn>;
}

impl Places for BlockMismatch {
    fn index(&self, exception: &Exception) -> Option<usize> {
        exception.index.or((self.words.len() == 1).then_some(0))
    }

    fn insn(&self, exception: &Exception) -> Option<Insn> {
        Insn::decode(*self.words.get(self.index(exception)?)?)
    }
}

/// Returns whether an exception is as promised.
fn is_same(promised: &Exception, taken: &Exception) -> bool {
    (promised.index.is_none() || promised.index == taken.index)
        && promised.esr & ESR == taken.esr & ESR
        && (promised.far.is_none() || promised.far == taken.far)
        && (promised.pstate.is_none() || promised.pstate == taken.pstate)
}

/// Returns whether an exception's address is where a sign says, if it says.
fn is_within(far: Far, exception: &Exception) -> bool {
    let window = |far: u64| map::Window::from_number(far >> 32 & 0b111);
    let untagged = |far| matches!(window(far), Some(map::Window::Untagged | map::Window::UntaggedEl0));
    match far {
        Far::Untagged => exception.far.is_some_and(untagged),
        Far::LastByte => exception.far == Some(u64::MAX),
        Far::Same | Far::StartOfLine | Far::NextGranule => true,
    }
}

/// Returns whether a sign says that one exception is taken instead of the other, and nothing else about it is different.
fn turns(sign: &InstructionSign, promised: &Exception, taken: &Exception) -> bool {
    let kinds = match (sign.promised, sign.found) {
        (Reaction::Abort { statuses, .. }, Reaction::Abort { statuses: others, .. }) if statuses == others => WNR | CM,
        (Reaction::Abort { .. }, Reaction::Abort { .. }) => WNR | CM | DFSC,
        _ => ESR,
    };
    // Where a sign leaves the direction open it must be kept.
    let kept = match (sign.promised, sign.found) {
        (Reaction::Abort { write: None, .. }, Reaction::Abort { write: None, .. }) => kinds & !WNR,
        _ => kinds,
    };
    let far = match (promised.far, taken.far) {
        (Some(promised), Some(taken)) => match sign.far {
            Far::Same | Far::Untagged | Far::LastByte => promised & ADDRESS == taken & ADDRESS,
            Far::NextGranule => taken & ADDRESS == (promised & ADDRESS | 0xf) + 1,
            Far::StartOfLine => taken % 16 == 0 && taken <= promised && promised - taken < LINE,
        },
        _ => true,
    };
    sign.promised.is(promised.esr & ESR)
        && sign.found.is(taken.esr & ESR)
        && (promised.esr ^ taken.esr) & ESR & !kept == 0
        && (promised.pstate.is_none() || promised.pstate == taken.pstate)
        && far
}

impl Effects {
    /// Adds what an instruction may have changed that faulted on one side alone.
    fn add(&mut self, insn: Insn, fault: &Exception, sign: &InstructionSign) {
        self.insns.push(insn);
        self.pending |= [sign.promised, sign.found].contains(&Reaction::Pending);
        let abort = Syndrome::from_bits(fault.esr).class().is_data_abort();
        if let Some(far) = fault.far.filter(|_| abort)
            && let Some(offset) = map::ipa_of(far).checked_sub(map::ARENA_BASE)
        {
            self.memory.push(offset.saturating_sub(REACH) & !7..offset + REACH);
        }
    }

    /// Returns whether a difference is one that these instructions may have made.
    pub(super) fn include(&self, difference: &PlaceDifference) -> bool {
        match &difference.place {
            Place::X(number) => self.names(|arg| names_x(arg, *number)),
            Place::Sp => self.names(names_sp),
            Place::V(number) => self.names(|arg| names_v(arg, *number)),
            Place::Register(name) => self.pending && name.starts_with("tfsr"),
            Place::Data(offset) => self.memory.iter().any(|range| range.contains(offset)),
            Place::Pstate | Place::Tag(_) | Place::End => false,
        }
    }

    fn names(&self, named: impl Fn(&Arg) -> bool) -> bool {
        self.insns.iter().any(|insn| insn.args().iter().any(&named))
    }
}

fn names_x(arg: &Arg, number: usize) -> bool {
    let is = |register: &arch::Reg| !register.is_sp() && !register.is_zero() && usize::from(register.index()) == number;
    match arg {
        Arg::Reg(register) | Arg::UpdatedAddress(register) | Arg::UpdatedSize(register) => is(register),
        Arg::Address(address) => address.writes_back() && is(&address.base),
        Arg::PostIndexed(address) => is(&address.base),
        _ => false,
    }
}

fn names_sp(arg: &Arg) -> bool {
    match arg {
        Arg::Address(address) => address.writes_back() && address.base.is_sp(),
        Arg::PostIndexed(address) => address.base.is_sp(),
        _ => false,
    }
}

fn names_v(arg: &Arg, number: usize) -> bool {
    match arg {
        Arg::Simd(register) => usize::from(register.index()) == number,
        Arg::LaneList(list) => list.indexes().any(|index| usize::from(index) == number),
        Arg::VectorList(list) => list.indexes().any(|index| usize::from(index) == number),
        _ => false,
    }
}
