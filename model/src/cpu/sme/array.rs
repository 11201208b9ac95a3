//! ZA by vectors, slices and tiles, and the instructions that move them.
//!
//! Pseudocode `ZAvector`, `ZAslice`, `ZAhslice`, `ZAvslice`, `ZAtile`: elements of n bytes have n tiles, and row r of tile t is
//! vector `t + r * n` of the array.

use arch::{Arg, Args, Op, Predicate, Scalable, ZaSlice};

use super::UNKNOWN_OPERANDS;
use crate::cpu::matrix::{Storage, TABLE_BYTES};
use crate::cpu::state::{Core, Executed};
use crate::cpu::sve::{Bytes, MAX_BYTES, bit};

mutants::defects!();

/// Where the elements of a slice are: the byte of the first, the distance to the next, their size.
#[derive(Clone, Copy)]
pub(super) struct Places {
    first: usize,
    step: usize,
    element: usize,
}

#[mutants::rules]
impl Places {
    /// Returns the place of the element at byte `at` of the slice.
    pub(super) fn of(self, at: usize) -> usize {
        self.first + at / self.element * self.step
    }
}

#[mutants::rules]
impl Core<'_, '_> {
    /// The streaming vector length in bytes.
    pub(super) fn streaming_bytes(&self) -> usize {
        self.cpu.matrix.vector_bytes.into()
    }

    pub(super) fn storage(&mut self) -> &mut Storage {
        let length = self.streaming_bytes();
        self.cpu.matrix.storage.get_or_insert_with(|| Box::new(Storage::new(length)))
    }

    /// Finds the elements of a slice.
    pub(super) fn places(&self, slice: ZaSlice) -> Places {
        let (length, element) = (self.streaming_bytes(), usize::from(slice.element().bytes()));
        let tile = usize::from(slice.tile());
        let number = self.selected(slice.index().register(), slice.index().offset(), length / element);
        if slice.is_vertical() {
            Places { first: tile * length + number * element, step: element * length, element }
        } else {
            Places { first: (tile + number * element) * length, step: element, element }
        }
    }

    /// Reads bytes of ZA, and whether any is UNKNOWN.
    pub(super) fn za(&self, from: usize, data: &mut [u8]) -> bool {
        let range = from..from + data.len();
        let Some(storage) = &self.cpu.matrix.storage else {
            data.fill(0);
            return false;
        };
        data.copy_from_slice(&storage.za[range.clone()]);
        storage.za_unknown.get(range).is_some_and(|unknown| unknown.contains(&true))
    }

    /// Writes bytes of ZA, which are UNKNOWN from then on or not.
    pub(super) fn set_za(&mut self, from: usize, data: &[u8], unknown: bool) {
        let storage = self.storage();
        let range = from..from + data.len();
        storage.za[range.clone()].copy_from_slice(data);
        if unknown && storage.za_unknown.is_empty() {
            storage.za_unknown = vec![false; storage.za.len()];
        }
        if let Some(marks) = storage.za_unknown.get_mut(range) {
            marks.fill(unknown);
        }
    }

    /// Executes what accesses no memory.
    pub(super) fn matrix_data(&mut self, op: Op, args: &Args) -> Executed {
        match (op, &**args) {
            (Op::SmeMovaTo, &[Arg::ZaSlice(slice), Arg::Predicate(governing), Arg::Scalable(from)]) => {
                self.move_to_slice(slice, governing, from)
            }
            (Op::SmeMovaFrom, &[Arg::Scalable(to), Arg::Predicate(governing), Arg::ZaSlice(slice)]) => {
                self.move_from_slice(to, governing, slice)
            }
            (Op::SmeZero, &[Arg::ZaTiles(tiles)]) => {
                let length = self.streaming_bytes();
                let zeros = [0; MAX_BYTES];
                let cleared = (0..length).filter(|vector| tiles.mask() >> (vector % 8) & 1 == 1);
                cleared.for_each(|vector| self.set_za(vector * length, &zeros[..length], false));
                Ok(())
            }
            (Op::SmeZeroZt0, _) => {
                let storage = self.storage();
                (storage.table, storage.table_unknown) = ([0; TABLE_BYTES], false);
                Ok(())
            }
            _ => Err(UNKNOWN_OPERANDS),
        }
    }

    /// MOVA (vector to tile).
    fn move_to_slice(&mut self, slice: ZaSlice, governing: Predicate, from: Scalable) -> Executed {
        let mask = self.p(governing)?;
        let (image, unknown) = (self.z(from.index()), self.is_unknown_z(from.index()));
        let places = self.places(slice);
        for at in (0..self.streaming_bytes()).step_by(places.element).filter(|at| bit(&mask, *at)) {
            self.set_za(places.of(at), &image[at..at + places.element], unknown);
        }
        Ok(())
    }

    /// MOVA (tile to vector).
    fn move_from_slice(&mut self, to: Scalable, governing: Predicate, slice: ZaSlice) -> Executed {
        let mask = self.p(governing)?;
        let places = self.places(slice);
        let mut image: Bytes = self.z(to.index());
        let mut unknown = self.is_unknown_z(to.index());
        for at in (0..self.streaming_bytes()).step_by(places.element).filter(|at| bit(&mask, *at)) {
            unknown |= self.za(places.of(at), &mut image[at..at + places.element]);
        }
        self.set_z(to.index(), &image);
        if unknown {
            self.forget_z(to.index());
        }
        Ok(())
    }
}
