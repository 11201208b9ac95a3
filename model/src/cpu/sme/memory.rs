//! Loads and stores of slices of ZA, of its vectors and of ZT0.
//!
//! Pseudocode of LD1B (scalar plus scalar, tile slice), LDR (array vector), LDR (table) and their like.

use arch::{Arg, Args, Op, Predicate, SliceIndex, ZaSlice};

use super::UNKNOWN_OPERANDS;
use crate::cpu::access::{Access, RegisterFile};
use crate::cpu::load_store::part;
use crate::cpu::matrix::TABLE_BYTES;
use crate::cpu::state::{Core, Executed, Stop};
use crate::cpu::sve::elements::Element;
use crate::cpu::sve::{MAX_BYTES, bit};

mutants::defects!();

#[mutants::rules]
impl Core<'_, '_> {
    pub(super) fn matrix_memory(&mut self, op: Op, args: &Args, size: isa::Access) -> Executed {
        match **args {
            [Arg::ZaSliceList(slice), Arg::Predicate(governing), operand] => {
                let element = usize::from(size.bytes);
                let load = op == Op::SmeLd1;
                let elements = self.slice_elements(governing, operand, element)?;
                let access = Access { registers: RegisterFile::Matrix, ..self.plain(load, element as u64, true) };
                if load {
                    self.load_slice(slice, &elements, access)
                } else {
                    self.store_slice(slice, &elements, access)
                }
            }
            [Arg::ZaVector(index), operand] => self.array_vector(op == Op::SmeLdr, index, operand),
            [Arg::Zt0, operand] => self.table(op == Op::SmeLdrZt0, operand),
            _ => Err(UNKNOWN_OPERANDS),
        }
    }

    /// Finds the active elements of a slice in memory.
    fn slice_elements(&mut self, governing: Predicate, operand: Arg, element: usize) -> Result<Vec<Element>, Stop> {
        let mask = self.p(governing)?;
        let active: Vec<usize> = (0..self.streaming_bytes()).step_by(element).filter(|at| bit(&mask, *at)).collect();
        if active.is_empty() {
            self.inactive_base(operand)?;
            return Ok(Vec::new());
        }
        let start = self.start_of(operand, element)?;
        Ok(active.into_iter().map(|at| Element { va: start.wrapping_add(at as u64), register: 0, at }).collect())
    }

    /// LD1 of a slice, whose elements that are not active become 0.
    fn load_slice(&mut self, slice: ZaSlice, elements: &[Element], access: Access) -> Executed {
        let (length, element) = (self.streaming_bytes(), access.element as usize);
        let places = self.places(slice);
        if let Some((_, stop)) = self.reach_elements(elements, element, access)? {
            // The slice is UNKNOWN then, if more than one element was to be loaded.
            if elements.len() > 1 {
                (0..length).step_by(element).for_each(|at| self.set_za(places.of(at), &[0; 16][..element], true));
            }
            return Err(stop);
        }
        let mut image = [0; MAX_BYTES];
        let mut unknown = [false; MAX_BYTES];
        for Element { va, at, .. } in elements {
            unknown[*at] = self.load(*va, &mut image[*at..*at + element], Self::reached(access))? != 0;
        }
        for at in (0..length).step_by(element) {
            self.set_za(places.of(at), &image[at..at + element], unknown[at]);
        }
        Ok(())
    }

    /// ST1 of a slice. Where an element takes a fault, what is before it was stored, or nothing.
    fn store_slice(&mut self, slice: ZaSlice, elements: &[Element], access: Access) -> Executed {
        let element = access.element as usize;
        let places = self.places(slice);
        let fault = self.reach_elements(elements, element, access)?;
        let stored = self.elements_stored(elements, element, fault.as_ref());
        let mut data = [0; 16];
        for (Element { va, at, .. }, bytes) in stored {
            let unknown = if self.za(places.of(*at), &mut data[..element]) { part(bytes) } else { 0 };
            self.store(*va, &data[..bytes], Access { unknown, ..Self::reached(access) })?;
        }
        fault.map_or(Ok(()), |(_, stop)| Err(stop))
    }

    /// LDR and STR (array vector).
    fn array_vector(&mut self, load: bool, index: SliceIndex, operand: Arg) -> Executed {
        let length = self.streaming_bytes();
        let (va, access) = self.whole(load, operand, length, 16)?;
        let access = Access { registers: RegisterFile::Matrix, ..access };
        let from = self.selected(index.register(), index.offset(), length) * length;
        let mut image = [0; MAX_BYTES];
        let data = &mut image[..length];
        if !load {
            let unknown = self.za(from, data);
            return self.store_whole(va, data, access, unknown);
        }
        match self.load_whole(va, data, access) {
            Ok(unknown) => {
                self.set_za(from, data, unknown);
                Ok(())
            }
            Err(stop) => {
                if matches!(stop, Stop::Exception(_)) {
                    self.set_za(from, data, true);
                }
                Err(stop)
            }
        }
    }

    /// LDR and STR (table).
    fn table(&mut self, load: bool, operand: Arg) -> Executed {
        let (va, access) = self.whole(load, operand, TABLE_BYTES, 16)?;
        let access = Access { registers: RegisterFile::Matrix, ..access };
        let storage = self.storage();
        let (mut data, unknown) = (storage.table, storage.table_unknown);
        if !load {
            return self.store_whole(va, &data, access, unknown);
        }
        let loaded = self.load_whole(va, &mut data, access);
        let faulted = matches!(loaded, Err(Stop::Exception(_)));
        if faulted || loaded.is_ok() {
            let storage = self.storage();
            (storage.table, storage.table_unknown) = (data, faulted || loaded == Ok(true));
        }
        loaded.map(|_| ())
    }
}
