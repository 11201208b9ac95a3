//! Draws what instructions of SVE need: vector lengths, predicates, and vectors of addresses and of offsets.
//!
//! As general registers have their roles, so have vectors: what is an address in a program stays one for a while.

use abi::mailbox::Scalable;
use arch::{
    Arg, ExtendKind, Indexed, Op, Predicate, PredicateForm, Reg, RegClass, ScalableAddress, ScalableList, SimdWidth,
};
use fastrand::Rng;
use isa::Insn;
use machine::ScalableState;

use super::profile::{Profile, one_in, weighted};
use super::register_role::RegisterRole;
use super::test_area::TestArea;
use program::Run;

/// Vectors of addresses of 64 bits.
const ADDRESSES: std::ops::Range<u8> = 24..28;
/// Vectors of small offsets of 64 bits.
const WIDE_OFFSETS: std::ops::Range<u8> = 28..30;
/// Vectors of small offsets of 32 bits.
const NARROW_OFFSETS: std::ops::Range<u8> = 30..32;

/// Draws a register of a role.
fn of(rng: &mut Rng, role: std::ops::Range<u8>) -> u8 {
    rng.u8(role)
}

/// Draws the scalable registers that a block begins with, at one of the machine's vector lengths.
pub fn state(rng: &mut Rng, profile: &Profile, test_area: &TestArea, run: &Run) -> ScalableState {
    let short: Vec<u16> = profile.vector_lengths().filter(|bytes| *bytes <= 64).collect();
    let all: Vec<u16> = profile.vector_lengths().collect();
    let lengths = if short.is_empty() || one_in(rng, 8) { &all } else { &short };
    let bytes = lengths.get(rng.usize(..lengths.len().max(1))).copied().unwrap_or(16);
    let mut state = ScalableState::new(bytes.into(), Box::new(Scalable::ZERO));
    for n in 0..32 {
        let role = n as u8;
        let narrow = NARROW_OFFSETS.contains(&role);
        for word in state.z_mut(n).chunks_exact_mut(if narrow { 4 } else { 8 }) {
            let value = if ADDRESSES.contains(&role) {
                test_area.pointer(rng, run.el)
            } else if narrow || WIDE_OFFSETS.contains(&role) {
                offset(rng)
            } else if one_in(rng, 4) {
                0
            } else {
                rng.u64(..)
            };
            word.copy_from_slice(&value.to_le_bytes()[..word.len()]);
        }
    }
    state.p_mut(0).fill(0xff);
    let length = usize::from(bytes);
    let first = rng.usize(..=length);
    (1..first).for_each(|n| state.p_mut(1)[n / 8] |= 1 << (n % 8));
    for n in 2..16 {
        let dense = rng.u32(..3);
        state.p_mut(n).fill_with(|| match dense {
            0 => rng.u8(..) & rng.u8(..) & rng.u8(..),
            1 => rng.u8(..),
            _ => rng.u8(..) | rng.u8(..),
        });
    }
    let true_up_to = if one_in(rng, 4) { rng.usize(..=length) } else { length };
    (0..true_up_to).for_each(|n| state.ffr_mut()[n / 8] |= 1 << (n % 8));
    state
}

/// Draws an offset of a gather: small, of either sign, sometimes with a step of the tag.
fn offset(rng: &mut Rng) -> u64 {
    let small = weighted(rng, &[(2, 0), (3, 16), (2, 8), (1, -16i64), (1, 1), (1, 4), (1, -1), (1, 32)]);
    let multiple = small * rng.i64(0..4);
    let step = if one_in(rng, 12) { rng.u64(..16) << 56 } else { 0 };
    (multiple as u64).wrapping_add(step)
}

/// Gives an instruction of SVE sensible operands; `None` if the draw was no good.
pub fn sensible(rng: &mut Rng, insn: Insn) -> Option<Insn> {
    let mut args: Vec<Arg> = insn.args().to_vec();
    let moves_pointer = matches!(insn.op(), Op::SveAddvl | Op::SveAddpl);
    let makes_address = matches!(insn.op(), Op::SveDup | Op::SveIndex) && one_in(rng, 2);
    for (place, arg) in args.iter_mut().enumerate() {
        *arg = match *arg {
            Arg::Reg(register) if register.class() == RegClass::W => {
                Arg::Reg(RegisterRole::Data.draw(rng, register.class())?)
            }
            Arg::Reg(register) => {
                let role = if moves_pointer || makes_address && place == 1 {
                    RegisterRole::Pointer
                } else if makes_address {
                    RegisterRole::Distance
                } else {
                    RegisterRole::Data
                };
                Arg::Reg(role.draw(rng, register.class())?)
            }
            // Vectors that are loaded are seldom addresses.
            Arg::ScalableList(list) if list.first() + list.count() > ADDRESSES.start && !one_in(rng, 16) => {
                let first = rng.u8(..=ADDRESSES.start - list.count());
                Arg::ScalableList(ScalableList::new(first, list.count(), list.element())?)
            }
            // FFR is written with what it may hold.
            Arg::Predicate(_) if insn.op() == Op::SveWrffr && !one_in(rng, 8) => {
                Arg::Predicate(Predicate::new(rng.u8(..2), PredicateForm::Elements(SimdWidth::B))?)
            }
            Arg::ScalableAddress(address) => Arg::ScalableAddress(addressed(rng, address, &insn)?),
            Arg::Indexed(indexed) => {
                let base = base(rng)?;
                let index = RegisterRole::Distance.draw(rng, RegClass::X)?;
                Arg::Indexed(Indexed { base, index, extend: ExtendKind::Uxtx, ..indexed })
            }
            Arg::Address(address) => Arg::Address(arch::Address { base: base(rng)?, ..address }),
            other => other,
        };
    }
    insn.row().insn(&args).ok()
}

pub fn base(rng: &mut Rng) -> Option<Reg> {
    if one_in(rng, 8) { Some(Reg::SP) } else { RegisterRole::Pointer.draw(rng, RegClass::XSp) }
}

/// Draws the registers of an address, and a small factor, which LDR and STR of ZA have from their vector.
pub fn addressed(rng: &mut Rng, address: ScalableAddress, insn: &Insn) -> Option<ScalableAddress> {
    let vector = |index, element| arch::Scalable::new(index, element);
    Some(match address {
        ScalableAddress::Multiple { factor, .. } => {
            let fixed = matches!(insn.op(), Op::SmeLdr | Op::SmeStr);
            let factor = if one_in(rng, 2) && !fixed { 0 } else { factor };
            ScalableAddress::Multiple { base: base(rng)?, factor }
        }
        ScalableAddress::Offsets { offsets, extend, amount, .. } => {
            let narrow = offsets.element() == Some(SimdWidth::S);
            let index = of(rng, if narrow { NARROW_OFFSETS } else { WIDE_OFFSETS });
            ScalableAddress::Offsets { base: base(rng)?, offsets: vector(index, offsets.element())?, extend, amount }
        }
        ScalableAddress::Bases { bases, offset } => {
            let narrow = bases.element() == Some(SimdWidth::S);
            let index = of(rng, if narrow { NARROW_OFFSETS } else { ADDRESSES });
            ScalableAddress::Bases { bases: vector(index, bases.element())?, offset }
        }
        // An address and a distance, or offsets and one address.
        ScalableAddress::BasesPlus { bases, .. } => {
            let narrow = bases.element() == Some(SimdWidth::S);
            let addresses = !narrow && one_in(rng, 2);
            let index = of(
                rng,
                if narrow {
                    NARROW_OFFSETS
                } else if addresses {
                    ADDRESSES
                } else {
                    WIDE_OFFSETS
                },
            );
            let role = if addresses { RegisterRole::Distance } else { RegisterRole::Pointer };
            ScalableAddress::BasesPlus { bases: vector(index, bases.element())?, offset: role.draw(rng, RegClass::X)? }
        }
    })
}
