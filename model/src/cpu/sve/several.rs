//! Loads and stores of two or four vectors by a predicate-as-counter (FEAT_SVE2p1, SME2).
//!
//! Pseudocode of LD1B (scalar plus scalar, consecutive and strided registers), `CounterToPredicate`, `EncodePredCount`.

use arch::{Arg, Args, Op, PredicateCounter, PredicateForm};

use super::elements::{Element, Shape, Transfer};
use super::{MAX_BYTES, Mask, UNKNOWN_OPERANDS, bytes_of};
use crate::cpu::state::{Core, Executed};

mutants::defects!();

/// Bit 15 of a counter: the number counts elements that are not active.
const INVERT: u16 = 1 << 15;

/// Bytes of an element, how many elements there are or are left out, and which of the two.
#[derive(Clone, Copy)]
struct Counted {
    element: usize,
    count: usize,
    inverted: bool,
}

#[mutants::rules]
impl Counted {
    /// Returns whether element `n` is active.
    fn is_active(self, n: usize) -> bool {
        (n < self.count) != self.inverted
    }
}

/// Reads a counter for vectors of so many bytes; `None`: no element is active (pseudocode `CounterToPredicate`).
#[mutants::rules]
fn decoded(bits: u16, length: usize) -> Option<Counted> {
    let size = bits.trailing_zeros();
    if size > 3 {
        return None;
    }
    // The number has as many bits as the bytes of four vectors need.
    let top = (4 * length).next_power_of_two().ilog2();
    let number = bits & ((1_u32 << (top + 1)) - 1) as u16;
    Some(Counted { element: 1 << size, count: usize::from(number >> (size + 1)), inverted: bits & INVERT != 0 })
}

#[mutants::rules]
impl Core<'_, '_> {
    /// PTRUE (predicate as counter): no element is left out.
    pub(super) fn true_counter(&mut self, counter: PredicateCounter) -> Executed {
        let PredicateForm::Elements(element) = counter.form() else { return Err(UNKNOWN_OPERANDS) };
        let bits = INVERT | 1 << element as u16;
        let mut mask: Mask = [0; MAX_BYTES / 8];
        mask[..2].copy_from_slice(&bits.to_le_bytes());
        self.set_mask(counter.index().into(), &mask);
        Ok(())
    }

    /// Refuses instructions of SVE2p1 and SME2 that a CPU does not have, or has in streaming mode alone.
    pub(super) fn permit_several(&mut self) -> Executed {
        let features = self.env.features;
        let of_sve = features.has_sve() && features.id_aa64zfr0() & 0xf >= 2;
        match of_sve || features.has_sme2() {
            false => Err(self.no_matrix()),
            true if of_sve => Ok(()),
            true => self.must_stream(),
        }
    }

    /// LD1B to STNT1D of several vectors.
    pub(in crate::cpu) fn several_vectors(&mut self, op: Op, args: &Args, size: Option<isa::Access>) -> Executed {
        let (&[Arg::ScalableList(list), Arg::PredicateCounter(counter), operand], Some(size)) = (&**args, size) else {
            return Err(UNKNOWN_OPERANDS);
        };
        let mask = self.held_mask(counter.index().into())?;
        let length = self.vector_bytes();
        let (element, bytes) = (bytes_of(list.element()), usize::from(size.bytes));
        let counted = decoded(u16::from_le_bytes([mask[0], mask[1]]), length);
        let place = |n: usize| Element { va: 0, register: n * element / length, at: n * element % length };
        let all = usize::from(list.count()) * length / element;
        // The elements of a counter may be of another size than those of the instruction, whose lowest bit counts.
        let is_active = |n: usize| {
            counted.is_some_and(|counted| {
                (n * element).is_multiple_of(counted.element) && counted.is_active(n * element / counted.element)
            })
        };
        let active: Vec<usize> = (0..all).filter(|n| is_active(*n)).collect();
        let checked = self.lets_check(operand);
        let mut transfer = Transfer {
            list,
            element,
            bytes,
            signed: false,
            checked,
            shape: Shape::Plain,
            mask,
            elements: Vec::new(),
            source: None,
        };
        if active.is_empty() {
            self.inactive_base(operand)?;
        } else {
            let start = self.start_of_several(operand, length, bytes)?;
            let element = |n: usize| Element { va: start.wrapping_add((n * bytes) as u64), ..place(n) };
            transfer.elements = active.into_iter().map(element).collect();
        }
        match op {
            Op::SveLd1Multi | Op::SveLdnt1Multi | Op::SmeLd1Multi | Op::SmeLdnt1Multi => self.load_elements(&transfer),
            _ => self.store_elements(&transfer),
        }
    }
}
