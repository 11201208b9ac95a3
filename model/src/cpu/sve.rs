//! SVE: which instructions there are, and the scalable registers as they see them.
//!
//! Arm ARM C8 by instruction name; pseudocode functions `Z`, `P`, `FFR`, `ElemFFR`, `ActivePredicateElement`. The vector
//! length stays the same while a block runs.

use arch::{Arg, Args, ExceptionClass, Op, Predicate, Reg, SimdWidth};

use super::fault::{exception, undefined};
use super::state::{Core, Executed, Stop};

mod data;
pub(super) mod elements;
mod first_fault;
mod memory;
mod predicates;
mod several;
mod whole;

mutants::defects!();

/// The defects of the rules of SVE.
pub(super) const ALL_DEFECTS: [&[&model_base::defect::Defect]; 8] = [
    DEFECTS,
    data::DEFECTS,
    elements::DEFECTS,
    first_fault::DEFECTS,
    memory::DEFECTS,
    predicates::DEFECTS,
    several::DEFECTS,
    whole::DEFECTS,
];

/// The minimum vector length in bytes.
const SHORTEST: usize = 16;
/// The maximum vector length in bytes.
pub(super) const MAX_BYTES: usize = abi::mailbox::Scalable::MAX_BYTES;

/// A vector; what is above the vector length is 0.
pub(super) type Bytes = [u8; MAX_BYTES];
/// A predicate: a bit for each byte of a vector.
pub(super) type Mask = [u8; MAX_BYTES / 8];

/// The bit of FFR in [`super::Cpu::p_unknown`].
const FFR: u32 = 16;

/// An operand that no instruction of SVE had when its rule was written.
const UNKNOWN_OPERANDS: Stop = Stop::Unmodelled("operands of SVE that the model does not know");

/// Returns bit `n` of a predicate.
#[mutants::rules]
pub(super) fn bit(mask: &Mask, n: usize) -> bool {
    mask[n / 8] >> (n % 8) & 1 == 1
}

#[mutants::rules]
fn set_bit(mask: &mut Mask, n: usize, value: bool) {
    let byte = &mut mask[n / 8];
    *byte = *byte & !(1 << (n % 8)) | u8::from(value) << (n % 8);
}

/// Returns the bytes in an element.
#[mutants::rules]
fn bytes_of(element: SimdWidth) -> usize {
    element.bytes().into()
}

/// Returns up to eight bytes of a vector as a number.
#[mutants::rules]
fn number(vector: &Bytes, at: usize, bytes: usize) -> u64 {
    let mut value = [0; 8];
    value[..bytes].copy_from_slice(&vector[at..at + bytes]);
    u64::from_le_bytes(value)
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Executes an instruction of SVE. Where it is kept from the guest CPACR_EL1.ZEN is 0, as after reset, and traps it to EL1
    /// (pseudocode `CheckSVEEnabled`, `SVEAccessTrap`).
    pub(super) fn scalable_instruction(&mut self, op: Op, args: &Args, size: Option<isa::Access>) -> Executed {
        if self.env.features.sve_hidden {
            return Err(exception(ExceptionClass::SVE, 0));
        }
        if !self.has_scalable(op, args) {
            return Err(undefined());
        }
        self.permit_scalable_streaming(op, args)?;
        if op == Op::SveLd1ro && self.vector_bytes() < 32 {
            return Err(undefined());
        }
        if Self::is_several(op) {
            self.permit_several()?;
            return match **args {
                [Arg::PredicateCounter(counter)] => self.true_counter(counter),
                _ => self.several_vectors(op, args, size),
            };
        }
        // A CPU with SME alone has SVE in streaming mode.
        if !self.env.features.has_sve() {
            self.must_stream()?;
        }
        if let Some(size) = size {
            return self.scalable_memory(op, args, size);
        }
        if let Some(executed) = self.predicate_instruction(op, args) {
            return executed;
        }
        self.scalable_data(op, args)
    }

    /// Returns whether an instruction is by a predicate-as-counter.
    fn is_several(op: Op) -> bool {
        matches!(op, Op::SvePtrueCounter | Op::SveLd1Multi | Op::SveLdnt1Multi | Op::SveSt1Multi | Op::SveStnt1Multi)
    }

    /// Returns whether there is an instruction: FEAT_SVE or FEAT_SME, FEAT_SVE2 (gathers that are not temporal), FEAT_F64MM
    /// (LD1RO), FEAT_SVE2p1 (elements of 128 bits), FEAT_SME2p1 (structures of them).
    fn has_scalable(&self, op: Op, args: &Args) -> bool {
        let zfr0 = self.env.features.id_aa64zfr0();
        let version = zfr0 & 0xf;
        let quadwords = matches!(args.first(), Some(Arg::ScalableList(list)) if list.element() == SimdWidth::Q);
        let structure = !matches!(op, Op::SveLd1 | Op::SveSt1 | Op::SveLd1Gather | Op::SveSt1Scatter);
        let needed = match op {
            _ if quadwords => version >= 2 || structure && self.env.features.has_sme2p1(),
            Op::SveLdnt1Gather | Op::SveStnt1Scatter => version >= 1,
            Op::SveLd1ro => zfr0 >> 56 & 0xf != 0,
            _ => true,
        };
        (self.env.features.has_sve() || self.env.features.has_sme()) && needed
    }

    /// The vector length in bytes, 16 at least.
    pub(super) fn vector_bytes(&self) -> usize {
        let bytes = if self.cpu.matrix.streaming { self.cpu.matrix.vector_bytes } else { self.cpu.vector_bytes };
        usize::from(bytes).max(SHORTEST)
    }

    pub(super) fn z(&self, index: u8) -> Bytes {
        let mut bytes = self.cpu.scalable.as_ref().map_or([0; MAX_BYTES], |held| held.z[usize::from(index)]);
        bytes[..16].copy_from_slice(&self.vector(index).to_le_bytes());
        bytes
    }

    /// Reads a vector that decides what happens next.
    fn known_z(&self, index: u8) -> Result<Bytes, Stop> {
        if self.is_unknown_z(index) {
            return Err(Stop::Unmodelled("addresses, flags or a predicate of a vector that is UNKNOWN"));
        }
        Ok(self.z(index))
    }

    pub(super) fn is_unknown_z(&self, index: u8) -> bool {
        self.cpu.v_unknown >> index & 1 == 1
    }

    /// Writes a vector, which is known from then on.
    pub(super) fn set_z(&mut self, index: u8, bytes: &Bytes) {
        let half = |at| number(bytes, at, 8);
        self.cpu.v[usize::from(index)] = [half(0), half(8)];
        self.cpu.v_unknown &= !(1 << index);
        if self.cpu.scalable.is_some() || bytes[16..].iter().any(|byte| *byte != 0) {
            self.held().z[usize::from(index)] = *bytes;
        }
    }

    fn held(&mut self) -> &mut abi::mailbox::Scalable {
        self.cpu.scalable.get_or_insert_with(|| Box::new(abi::mailbox::Scalable::ZERO))
    }

    /// Makes a vector UNKNOWN.
    pub(super) fn forget_z(&mut self, index: u8) {
        self.cpu.v_unknown |= 1 << index;
    }

    /// Reads a predicate. What it decides happens next, so it may not be UNKNOWN.
    pub(super) fn p(&self, register: Predicate) -> Result<Mask, Stop> {
        self.held_mask(u32::from(register.index()))
    }

    fn ffr(&self) -> Result<Mask, Stop> {
        self.held_mask(FFR)
    }

    /// Reads p0 to p15, or the first-fault register.
    fn held_mask(&self, number: u32) -> Result<Mask, Stop> {
        if self.cpu.p_unknown >> number & 1 == 1 {
            return Err(Stop::Unmodelled("a predicate that is UNKNOWN"));
        }
        let held = self.cpu.scalable.as_ref();
        Ok(held.map_or([0; MAX_BYTES / 8], |held| if number == FFR { held.ffr } else { held.p[number as usize] }))
    }

    /// Writes a predicate, which is known from then on.
    fn set_p(&mut self, register: Predicate, mask: &Mask) {
        self.set_mask(u32::from(register.index()), mask);
    }

    fn set_ffr(&mut self, mask: &Mask) {
        self.set_mask(FFR, mask);
    }

    fn set_mask(&mut self, number: u32, mask: &Mask) {
        self.cpu.p_unknown &= !(1 << number);
        let held = self.held();
        if number == FFR {
            held.ffr = *mask;
        } else {
            held.p[number as usize] = *mask;
        }
    }

    /// The predicate of which every bit is set.
    fn all_true(&self) -> Mask {
        std::array::from_fn(|byte| if byte < self.vector_bytes() / 8 { 0xff } else { 0 })
    }

    /// Sets the flags by a predicate (pseudocode `PredTest`): N if the first active element is true, Z if none is, C if the
    /// last one is not.
    fn test(&mut self, mask: &Mask, result: &Mask, element: usize) {
        let mut active = (0..self.vector_bytes()).step_by(element).filter(|n| bit(mask, *n));
        let first = active.clone().next().is_some_and(|n| bit(result, n));
        let any = active.clone().any(|n| bit(result, n));
        let last = active.next_back().is_some_and(|n| bit(result, n));
        self.cpu.nzcv = u8::from(first) << 3 | u8::from(!any) << 2 | u8::from(!last) << 1;
    }

    /// Writes a result that comes of vectors, of which some may be UNKNOWN.
    fn set_result(&mut self, index: u8, bytes: &Bytes, sources: &[u8]) {
        let unknown = sources.iter().any(|source| self.is_unknown_z(*source));
        self.set_z(index, bytes);
        if unknown {
            self.forget_z(index);
        }
    }

    /// Writes a general register that comes of a vector.
    fn set_from(&mut self, register: Reg, value: u64, source: u8) {
        let unknown = self.is_unknown_z(source);
        self.set(register, value);
        if unknown {
            self.forget(register);
        }
    }
}
