//! Loads and stores of vectors and of structures in them: LD1 to LD4, ST1 to ST4, of whole registers and of one lane, and the
//! loads that replicate.
//!
//! Arm ARM C7.2 by instruction name. Memory is accessed element by element, from the lowest address on; which register an
//! element belongs to, and where in it, differs. The access itself is in `access.rs`.

use arch::{Arg, Op};

use super::access::{Access, Alignment};
use super::load_store::{Located, part};
use super::state::{Core, Executed};
use model_base::memory::ByteMask;

mutants::defects!();

/// The most elements that an instruction transfers: four registers of bytes.
const MAX_ELEMENTS: usize = 64;
/// The most registers.
const MAX_REGISTERS: usize = 4;

/// What a load does to a register beside the elements that it names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// It becomes zero.
    Zeroed,
    /// It stays: one lane is loaded.
    Kept,
    /// It gets the same element, as far as the vector goes, and zeros above.
    Repeats { vector: usize },
}

/// What an instruction transfers.
struct Layout {
    /// The registers, and how many.
    registers: [u8; MAX_REGISTERS],
    count: usize,
    /// Bytes in an element.
    element: usize,
    /// For each element in the order of memory: the place of its register in the list, and its first byte in it.
    elements: [(usize, usize); MAX_ELEMENTS],
    transferred: usize,
    rest: Rest,
}

#[mutants::rules]
impl Layout {
    /// Returns what an instruction transfers, `None` if it is no load or store of vectors.
    fn of(op: Op, list: Arg) -> Option<Self> {
        let mut layout = Self {
            registers: [0; MAX_REGISTERS],
            count: 0,
            element: 1,
            elements: [(0, 0); MAX_ELEMENTS],
            transferred: 0,
            rest: Rest::Zeroed,
        };
        match list {
            Arg::LaneList(lanes) => {
                layout.name(lanes.indexes());
                layout.element = usize::from(lanes.width().bytes());
                layout.rest = Rest::Kept;
                let first = usize::from(lanes.lane()) * layout.element;
                (0..layout.count).for_each(|register| layout.push(register, first));
            }
            Arg::VectorList(vectors) => {
                layout.name(vectors.indexes());
                layout.element = usize::from(vectors.arrangement().element_bytes());
                let vector = usize::from(vectors.arrangement().vector_bytes());
                if op.replicates() {
                    layout.rest = Rest::Repeats { vector };
                    (0..layout.count).for_each(|register| layout.push(register, 0));
                } else {
                    layout.push_whole(matches!(op, Op::Ld1 | Op::St1), vector);
                }
            }
            _ => return None,
        }
        Some(layout)
    }

    fn name(&mut self, indexes: impl Iterator<Item = u8>) {
        for (slot, index) in self.registers.iter_mut().zip(indexes) {
            *slot = index;
            self.count += 1;
        }
    }

    fn push(&mut self, register: usize, byte: usize) {
        self.elements[self.transferred] = (register, byte);
        self.transferred += 1;
    }

    /// All elements of all registers: one register after the other, or a structure of one element of each after the other
    /// (pseudocode of LD1 and LD2 (multiple structures): `rpt` and `selem`).
    fn push_whole(&mut self, one_after_the_other: bool, vector: usize) {
        let (repeats, members) = if one_after_the_other { (self.count, 1) } else { (1, self.count) };
        for first in 0..repeats {
            for byte in (0..vector).step_by(self.element) {
                for member in 0..members {
                    self.push(first + member, byte);
                }
            }
        }
    }

    /// The elements with their places in the buffer.
    fn placed(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let element = self.element;
        let elements = self.elements[..self.transferred].iter().enumerate();
        elements.map(move |(number, (register, byte))| (number * element, *register, *byte))
    }

    fn bytes(&self) -> usize {
        self.transferred * self.element
    }

    fn registers(&self) -> &[u8] {
        &self.registers[..self.count]
    }
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Executes a load or store of vectors; `None` if the instruction is none.
    pub(super) fn vector_structures(&mut self, op: Op, args: &[Arg]) -> Option<Executed> {
        let &[list, operand] = args else { return None };
        let layout = Layout::of(op, list)?;
        Some(self.transfer(op, &layout, operand))
    }

    fn transfer(&mut self, op: Op, layout: &Layout, operand: Arg) -> Executed {
        let Located { va, writeback, checked } = self.locate(operand)?;
        let loads = Self::loads_vectors(op);
        let plain = self.plain(loads, layout.element as u64, checked);
        let ordered = matches!(op, Op::Ldap1 | Op::Stl1);
        let alignment = if ordered { Alignment::Ordered } else { plain.alignment };
        let access = Access { alignment, ..plain };
        if loads {
            self.load_vectors(va, layout, access)?;
        } else {
            self.store_vectors(va, layout, access)?;
        }
        if let Some((base, moved)) = writeback {
            self.write_back(base, Some(moved));
        }
        Ok(())
    }

    fn loads_vectors(op: Op) -> bool {
        !matches!(op, Op::St1 | Op::St2 | Op::St3 | Op::St4 | Op::St1Lane | Op::St2Lane | Op::St3Lane | Op::St4Lane)
            && op != Op::Stl1
    }

    fn load_vectors(&mut self, va: u64, layout: &Layout, access: Access) -> Executed {
        let mut buffer = [0; MAX_ELEMENTS];
        let loaded = self.load(va, &mut buffer[..layout.bytes()], access);
        if let Err(stop) = loaded {
            self.lose_vectors(layout);
            return Err(stop);
        }
        let unknown = loaded?;
        let mut images = [[0; 16]; MAX_REGISTERS];
        let mut lost = [false; MAX_REGISTERS];
        if layout.rest == Rest::Kept {
            for (register, index) in layout.registers().iter().enumerate() {
                images[register] = self.vector(*index).to_le_bytes();
                lost[register] = self.cpu.v_unknown >> index & 1 != 0;
            }
        }
        for (from, register, byte) in layout.placed() {
            let element = &buffer[from..from + layout.element];
            let end = if let Rest::Repeats { vector } = layout.rest { vector } else { byte + layout.element };
            images[register][byte..end].chunks_mut(layout.element).for_each(|lane| lane.copy_from_slice(element));
            lost[register] |= unknown >> from & part(layout.element) != 0;
        }
        for (register, index) in layout.registers().iter().enumerate() {
            self.set_vector(*index, u128::from_le_bytes(images[register]), 16);
            self.cpu.v_unknown &= !(1 << index);
            self.cpu.v_unknown |= u32::from(lost[register]) << index;
        }
        Ok(())
    }

    /// Registers of a load of several elements that takes a fault are UNKNOWN.
    fn lose_vectors(&mut self, layout: &Layout) {
        if layout.transferred > 1 {
            self.cpu.v_unknown |= layout.registers().iter().fold(0, |all, index| all | 1 << index);
        }
    }

    fn store_vectors(&mut self, va: u64, layout: &Layout, access: Access) -> Executed {
        let mut buffer = [0; MAX_ELEMENTS];
        let mut unknown: ByteMask = 0;
        for (to, register, byte) in layout.placed() {
            let index = layout.registers[register];
            buffer[to..to + layout.element]
                .copy_from_slice(&self.vector(index).to_le_bytes()[byte..byte + layout.element]);
            if self.cpu.v_unknown >> index & 1 != 0 {
                unknown |= part(layout.element) << to;
            }
        }
        self.store(va, &buffer[..layout.bytes()], Access { unknown, ..access })
    }
}
