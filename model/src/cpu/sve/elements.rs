//! The elements of a load or store: which are active, and where each is in memory and in the registers.
//!
//! Arm ARM C8.2 by instruction name. An element that is not active is not accessed, so it takes no fault. The address of an
//! element is a sum of 64 bits, and its logical tag is in that sum.

use arch::{Address, Arg, Extend, Indexed, Op, Predicate, Reg, ScalableAddress, ScalableList};

use super::{Bytes, Mask, UNKNOWN_OPERANDS, bit, bytes_of, number};
use crate::cpu::arithmetic::extended_register;
use crate::cpu::state::{Core, Stop};

mutants::defects!();

/// An element that is accessed.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Element {
    pub va: u64,
    /// The place of its register in the list.
    pub register: usize,
    /// Its first byte in the register.
    pub at: usize,
}

/// What becomes of what was loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Each element has its place.
    Plain,
    /// The one element is for all active ones.
    OneForAll,
    /// So many bytes are repeated.
    Repeated(usize),
}

/// What an instruction transfers.
pub(super) struct Transfer {
    pub list: ScalableList,
    /// Bytes of an element in a register, and in memory.
    pub element: usize,
    pub bytes: usize,
    pub signed: bool,
    /// The address lets the accesses be tag checked.
    pub checked: bool,
    pub shape: Shape,
    pub mask: Mask,
    /// In the order in which they are accessed.
    pub elements: Vec<Element>,
    /// The vector that the addresses come of, which a fault leaves alone.
    pub source: Option<u8>,
}

/// How addresses come about.
enum Addresses {
    /// One element behind the other.
    From(u64),
    /// `base + (extended element << amount)`.
    Offsets(u64, Bytes, Extend),
    /// `element + offset`.
    Bases(Bytes, u64),
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Finds what a predicated load or store transfers.
    pub(super) fn transfer_of(
        &mut self,
        op: Op,
        (list, governing, operand): (ScalableList, Predicate, Arg),
        size: isa::Access,
    ) -> Result<Transfer, Stop> {
        let mask = self.p(governing)?;
        let (element, bytes) = (bytes_of(list.element()), usize::from(size.bytes));
        let shape = match op {
            Op::SveLd1r => Shape::OneForAll,
            Op::SveLd1rq => Shape::Repeated(16),
            Op::SveLd1ro => Shape::Repeated(32),
            _ => Shape::Plain,
        };
        let span = if let Shape::Repeated(span) = shape { span } else { self.vector_bytes() };
        let mut active: Vec<usize> = (0..span).step_by(element).filter(|at| bit(&mask, *at)).collect();
        if shape == Shape::OneForAll {
            active.drain(active.len().min(1)..);
        }
        let checked = self.lets_check(operand);
        let source = vector_of(operand);
        let mut transfer =
            Transfer { list, element, bytes, signed: size.signed, checked, shape, mask, elements: Vec::new(), source };
        if active.is_empty() {
            self.inactive_base(operand)?;
            return Ok(transfer);
        }
        let addresses = self.addresses(operand, span / element, bytes)?;
        let count = usize::from(list.count());
        for at in active {
            for register in 0..count {
                // The one element is the first in memory, whichever is active first.
                let place = if shape == Shape::OneForAll { 0 } else { at / element * count + register };
                let va = match &addresses {
                    Addresses::From(start) => start.wrapping_add((place * bytes) as u64),
                    Addresses::Offsets(base, offsets, extend) => {
                        base.wrapping_add(extended_register(number(offsets, at, element), *extend))
                    }
                    Addresses::Bases(bases, offset) => number(bases, at, element.min(8)).wrapping_add(*offset),
                };
                transfer.elements.push(Element { va, register, at });
            }
        }
        Ok(transfer)
    }

    /// Returns whether an address lets its accesses be checked: not the stack pointer with an immediate.
    pub(super) fn lets_check(&self, operand: Arg) -> bool {
        match operand {
            Arg::Address(Address { base, .. }) => self.checkable(base, false),
            Arg::ScalableAddress(ScalableAddress::Multiple { base, .. }) => self.checkable(base, false),
            _ => true,
        }
    }

    /// Without an active element the stack pointer may be checked or not (Unpredictable_CHECKSPNONEACTIVE).
    pub(in crate::cpu) fn inactive_base(&mut self, operand: Arg) -> Result<(), Stop> {
        if let Some(base) = base_of(operand).filter(|base| base.is_sp())
            && self.base(base).is_err()
            && self.env.choices.choose(2) == 1
        {
            self.base(base)?;
        }
        Ok(())
    }

    /// Returns where the elements of a slice of ZA begin.
    pub(in crate::cpu) fn start_of(&self, operand: Arg, bytes: usize) -> Result<u64, Stop> {
        match self.addresses(operand, 0, bytes)? {
            Addresses::From(start) => Ok(start),
            _ => Err(UNKNOWN_OPERANDS),
        }
    }

    /// Returns where the elements of several vectors begin, of which an immediate counts whole ones.
    pub(super) fn start_of_several(&self, operand: Arg, length: usize, bytes: usize) -> Result<u64, Stop> {
        match self.addresses(operand, length / bytes, bytes)? {
            Addresses::From(start) => Ok(start),
            _ => Err(UNKNOWN_OPERANDS),
        }
    }

    fn addresses(&self, operand: Arg, elements: usize, bytes: usize) -> Result<Addresses, Stop> {
        Ok(match operand {
            Arg::Address(Address { base, offset, .. }) => Addresses::From(self.base(base)?.wrapping_add_signed(offset)),
            Arg::Indexed(Indexed { base, index, .. }) => {
                let offset = self.get(index).wrapping_mul(bytes as u64);
                Addresses::From(self.base(base)?.wrapping_add(offset))
            }
            Arg::ScalableAddress(ScalableAddress::Multiple { base, factor }) => {
                Addresses::From(self.base(base)?.wrapping_add_signed(factor * (elements * bytes) as i64))
            }
            Arg::ScalableAddress(ScalableAddress::Offsets { base, offsets, extend, amount }) => {
                Addresses::Offsets(self.base(base)?, self.known_z(offsets.index())?, Extend { kind: extend, amount })
            }
            Arg::ScalableAddress(ScalableAddress::Bases { bases, offset }) => {
                Addresses::Bases(self.known_z(bases.index())?, offset as u64)
            }
            Arg::ScalableAddress(ScalableAddress::BasesPlus { bases, offset }) => {
                Addresses::Bases(self.known_z(bases.index())?, self.get(offset))
            }
            _ => return Err(UNKNOWN_OPERANDS),
        })
    }
}

/// Returns the scalar base of an address.
#[mutants::rules]
fn base_of(operand: Arg) -> Option<Reg> {
    match operand {
        Arg::Address(Address { base, .. }) | Arg::Indexed(Indexed { base, .. }) => Some(base),
        Arg::ScalableAddress(ScalableAddress::Multiple { base, .. } | ScalableAddress::Offsets { base, .. }) => {
            Some(base)
        }
        _ => None,
    }
}

/// Returns the vector of an address.
#[mutants::rules]
fn vector_of(operand: Arg) -> Option<u8> {
    match operand {
        Arg::ScalableAddress(ScalableAddress::Offsets { offsets, .. }) => Some(offsets.index()),
        Arg::ScalableAddress(ScalableAddress::Bases { bases, .. } | ScalableAddress::BasesPlus { bases, .. }) => {
            Some(bases.index())
        }
        _ => None,
    }
}
