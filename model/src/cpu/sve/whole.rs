//! LDR and STR of whole vectors and predicates.
//!
//! Pseudocode of LDR (vector) and its like: accesses of single bytes, of which only the first one's address must be aligned,
//! to 16 bytes for a vector and to 2 for a predicate.

use arch::{Address, Arg, Op, Predicate, ScalableAddress};

use super::{MAX_BYTES, UNKNOWN_OPERANDS};
use crate::cpu::access::{Access, RegisterFile};
use crate::cpu::state::{Core, Executed, Stop};

mutants::defects!();

/// Bytes that are accessed at a time, which is not seen.
const CHUNK: usize = 16;

#[mutants::rules]
impl Core<'_, '_> {
    /// LDR or STR (vector).
    pub(super) fn whole_vector(&mut self, op: Op, index: u8, operand: Arg) -> Executed {
        let length = self.vector_bytes();
        let (va, access) = self.whole(op == Op::SveLdr, operand, length, 16)?;
        let mut image = [0; MAX_BYTES];
        if !access.read {
            image = self.z(index);
            let unknown = self.is_unknown_z(index);
            return self.store_whole(va, &image[..length], access, unknown);
        }
        match self.load_whole(va, &mut image[..length], access) {
            Err(stop @ Stop::Exception(_)) => {
                self.forget_z(index);
                Err(stop)
            }
            Err(stop) => Err(stop),
            Ok(unknown) => {
                self.set_z(index, &image);
                if unknown {
                    self.forget_z(index);
                }
                Ok(())
            }
        }
    }

    /// LDR or STR (predicate).
    pub(super) fn whole_predicate(&mut self, op: Op, register: Predicate, operand: Arg) -> Executed {
        let length = self.vector_bytes() / 8;
        let (va, access) = self.whole(op == Op::SveLdrP, operand, length, 2)?;
        if !access.read {
            let mask = self.p(register)?;
            return self.store_whole(va, &mask[..length], access, false);
        }
        let mut mask = [0; MAX_BYTES / 8];
        let unknown = match self.load_whole(va, &mut mask[..length], access) {
            Err(stop @ Stop::Exception(_)) => {
                self.cpu.p_unknown |= 1 << register.index();
                return Err(stop);
            }
            loaded => loaded?,
        };
        self.set_p(register, &mask);
        if unknown {
            self.cpu.p_unknown |= 1 << register.index();
        }
        Ok(())
    }

    /// Finds where a register goes.
    pub(in crate::cpu) fn whole(
        &self,
        load: bool,
        operand: Arg,
        length: usize,
        alignment: u64,
    ) -> Result<(u64, Access), Stop> {
        let (base, factor) = match operand {
            Arg::ScalableAddress(ScalableAddress::Multiple { base, factor }) => (base, factor),
            Arg::Address(Address { base, .. }) => (base, 0),
            _ => return Err(UNKNOWN_OPERANDS),
        };
        let va = self.base(base)?.wrapping_add_signed(factor * length as i64);
        let access = self.plain(load, alignment, self.lets_check(operand));
        Ok((va, Access { registers: RegisterFile::Vectors, ..access }))
    }

    /// Loads bytes, and returns whether any is UNKNOWN.
    pub(in crate::cpu) fn load_whole(&mut self, va: u64, data: &mut [u8], access: Access) -> Result<bool, Stop> {
        self.reachable(va, data.len() as u64, access)?;
        let mut unknown = false;
        for (at, chunk) in data.chunks_mut(CHUNK).enumerate() {
            let at = va.wrapping_add((at * CHUNK) as u64);
            unknown |= self.load(at, chunk, Self::reached(access))? != 0;
        }
        Ok(unknown)
    }

    /// Stores bytes. Where they take a fault, what is before it was stored, or a part of that, or nothing.
    pub(in crate::cpu) fn store_whole(&mut self, va: u64, data: &[u8], access: Access, unknown: bool) -> Executed {
        let fault = self.reachable(va, data.len() as u64, access);
        let stored = match &fault {
            Ok(()) => data.len(),
            Err(stop) => {
                let before = stop.bytes_before(va).unwrap_or(0);
                let mut options = vec![0, before & !15, before & !7, before];
                options.dedup();
                options[self.env.choices.choose(options.len() as u32) as usize] as usize
            }
        };
        for (at, chunk) in data[..stored].chunks(CHUNK).enumerate() {
            let at = va.wrapping_add((at * CHUNK) as u64);
            let unknown = if unknown { (1 << chunk.len()) - 1 } else { 0 };
            self.store(at, chunk, Access { unknown, ..Self::reached(access) })?;
        }
        fault
    }
}
