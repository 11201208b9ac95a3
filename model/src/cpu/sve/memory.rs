//! Loads and stores of elements: contiguous, structures, gathers and scatters.
//!
//! Pseudocode of LD1B, LD2B, ST1B and their like: each active element is an access of its own, translated, checked and made
//! in order. An instruction of which an element faults has loaded or stored what it likes of the others.

use arch::{Arg, Args, Op};

use super::elements::{Element, Shape, Transfer};
use super::{Bytes, MAX_BYTES, UNKNOWN_OPERANDS, bit};
use crate::cpu::access::{Access, RegisterFile};
use crate::cpu::load_store::part;
use crate::cpu::state::{Core, Executed, Stop};

mutants::defects!();

/// An element that faults: its place among those that are accessed, and the fault.
pub(in crate::cpu) type Fault = (usize, Stop);

/// Extends an element from its bytes in memory to those in a register.
#[mutants::rules]
pub(super) fn extend(data: &mut [u8], bytes: usize, signed: bool) {
    let negative = signed && data[bytes - 1] & 0x80 != 0;
    data[bytes..].fill(if negative { 0xff } else { 0 });
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Executes a load or store.
    pub(super) fn scalable_memory(&mut self, op: Op, args: &Args, size: isa::Access) -> Executed {
        let (list, governing, operand) = match **args {
            [Arg::ScalableList(list), Arg::Predicate(governing), operand] => (list, governing, operand),
            [Arg::Scalable(vector), operand] => return self.whole_vector(op, vector.index(), operand),
            [Arg::Predicate(predicate), operand] => return self.whole_predicate(op, predicate, operand),
            _ => return Err(UNKNOWN_OPERANDS),
        };
        let transfer = self.transfer_of(op, (list, governing, operand), size)?;
        match op {
            Op::SveSt1 | Op::SveSt2 | Op::SveSt3 | Op::SveSt4 | Op::SveStnt1 => self.store_elements(&transfer),
            Op::SveSt1Scatter | Op::SveStnt1Scatter => self.store_elements(&transfer),
            Op::SveLdff1 | Op::SveLdff1Gather => self.load_first_fault(&transfer, true),
            Op::SveLdnf1 => self.load_first_fault(&transfer, false),
            _ => self.load_elements(&transfer),
        }
    }

    /// Looks whether every element can be accessed, and returns the fault that is taken if one cannot.
    ///
    /// The faults of the elements have no order (Arm ARM, prioritization of synchronous exceptions of one instruction): if a
    /// tag does not match somewhere and an address faults elsewhere, either is taken; here the first of each. Of those that do
    /// not match before an address that faults, an asynchronous fault is recorded, or not.
    pub(in crate::cpu) fn reach_elements(
        &mut self,
        elements: &[Element],
        bytes: usize,
        access: Access,
    ) -> Result<Option<Fault>, Stop> {
        let before = self.cpu.sys.pending;
        let (mut abort, mut mismatch): (Option<Fault>, Option<Fault>) = (None, None);
        for (place, element) in elements.iter().enumerate() {
            if abort.is_some() && mismatch.is_some() {
                break;
            }
            let recorded = self.cpu.sys.pending;
            match self.reachable(element.va, bytes as u64, access) {
                Ok(()) => {}
                Err(stop) if stop.is_tag_check_fault() => {
                    mismatch.get_or_insert((place, stop));
                }
                Err(stop @ Stop::Exception(_)) => {
                    abort.get_or_insert((place, stop));
                }
                Err(stop) => return Err(stop),
            }
            // What comes after a fault is not reached.
            if abort.is_some() {
                self.cpu.sys.pending = recorded;
            }
        }
        if abort.is_some() && self.cpu.sys.pending != before && self.env.choices.choose(2) == 1 {
            self.cpu.sys.pending = before;
        }
        Ok(match (abort, mismatch) {
            (Some(abort), Some(mismatch)) => {
                let (first, second) = if abort.0 < mismatch.0 { (abort, mismatch) } else { (mismatch, abort) };
                Some(if self.env.choices.choose(2) == 0 { first } else { second })
            }
            (abort, mismatch) => abort.or(mismatch),
        })
    }

    /// Returns the elements that are stored, and how many bytes of each: all; and where one faults, either those before it, with
    /// or without the part of it that lies before the page which cannot be accessed, or none. An element is one
    /// access only where it is aligned, and one of 16 bytes not even there (Arm ARM, single-copy atomicity of SVE).
    pub(in crate::cpu) fn elements_stored<'e>(
        &mut self,
        elements: &'e [Element],
        bytes: usize,
        fault: Option<&Fault>,
    ) -> Vec<(&'e Element, usize)> {
        let whole = |element| (element, bytes);
        let Some((place, stop)) = fault else { return elements.iter().map(whole).collect() };
        let part = stop.reached_from(elements[*place].va).filter(|part| (1..bytes).contains(part));
        let (before, parts) = (u32::from(*place > 0), u32::from(part.is_some()));
        let outcome = if before + parts == 0 { 0 } else { self.env.choices.choose(1 + before + parts) };
        if outcome == 0 {
            return Vec::new();
        }
        let part = part.filter(|_| outcome > before).map(|part| (&elements[*place], part));
        elements[..*place].iter().map(whole).chain(part).collect()
    }

    fn elementwise_access(&self, load: bool, transfer: &Transfer) -> Access {
        let access = self.plain(load, transfer.bytes as u64, transfer.checked);
        Access { registers: RegisterFile::Vectors, ..access }
    }

    /// An access to what was reached.
    pub(in crate::cpu) fn reached(access: Access) -> Access {
        Access { checked: false, element: 1, ..access }
    }

    pub(super) fn load_elements(&mut self, transfer: &Transfer) -> Executed {
        let access = self.elementwise_access(true, transfer);
        if let Some((_, stop)) = self.reach_elements(&transfer.elements, transfer.bytes, access)? {
            self.lose_elements(transfer);
            return Err(stop);
        }
        let mut images = [[0; MAX_BYTES]; 4];
        let mut unknown = [false; 4];
        for Element { va, register, at } in &transfer.elements {
            let data = &mut images[*register][*at..*at + transfer.element];
            let lost = self.load(*va, &mut data[..transfer.bytes], Self::reached(access))?;
            extend(data, transfer.bytes, transfer.signed);
            unknown[*register] |= lost != 0;
        }
        let mut images = images.iter_mut();
        for (place, index) in transfer.list.indexes().enumerate() {
            if let Some(image) = images.next() {
                self.spread(transfer, image);
                self.set_z(index, image);
            }
            if unknown[place] {
                self.forget_z(index);
            }
        }
        Ok(())
    }

    /// Puts what one element or a few bytes are to where it is repeated.
    fn spread(&self, transfer: &Transfer, image: &mut Bytes) {
        let length = self.vector_bytes();
        match transfer.shape {
            Shape::Plain => {}
            Shape::OneForAll => {
                let Some(from) = transfer.elements.first().map(|element| element.at) else { return };
                let active = (from..length).step_by(transfer.element).filter(|at| bit(&transfer.mask, *at));
                active.for_each(|at| image.copy_within(from..from + transfer.element, at));
            }
            Shape::Repeated(span) => {
                (1..length / span).for_each(|time| image.copy_within(0..span, time * span));
            }
        }
    }

    /// The registers of a load of several elements that takes a fault are UNKNOWN, but for one that the addresses come of.
    fn lose_elements(&mut self, transfer: &Transfer) {
        if transfer.elements.len() > 1 {
            let lost = transfer.list.indexes().filter(|index| Some(*index) != transfer.source);
            lost.for_each(|index| self.forget_z(index));
        }
    }

    pub(super) fn store_elements(&mut self, transfer: &Transfer) -> Executed {
        let access = self.elementwise_access(false, transfer);
        let fault = self.reach_elements(&transfer.elements, transfer.bytes, access)?;
        let stored = self.elements_stored(&transfer.elements, transfer.bytes, fault.as_ref());
        let sources: Vec<(Bytes, bool)> =
            transfer.list.indexes().map(|index| (self.z(index), self.is_unknown_z(index))).collect();
        for (Element { va, register, at }, bytes) in stored {
            let (data, lost) = &sources[*register];
            let unknown = if *lost { part(bytes) } else { 0 };
            let access = Access { unknown, ..Self::reached(access) };
            self.store(*va, &data[*at..*at + bytes], access)?;
        }
        fault.map_or(Ok(()), |(_, stop)| Err(stop))
    }
}
