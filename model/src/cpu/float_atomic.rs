//! Floating-point atomics (FEAT_LSFE): LDFADD, LDFMAX, LDFMIN, LDFMAXNM, LDFMINNM, those of BFloat16, and the forms that return
//! nothing.
//!
//! Arm ARM C7.2 by instruction name; pseudocode `MemAtomic`. Arithmetic of floating point is not specified here, so the bytes
//! that are stored are UNKNOWN to the model. Everything else of the access is, and so is the old value.

use arch::{Arg, Op, SimdReg};

use super::load_store::part;
use super::state::{Core, Executed, Stop};

mutants::defects!();

#[mutants::rules]
impl Core<'_, '_> {
    /// Executes a floating-point atomic: `args` are the operand, what gets the old value if anything does, and where.
    pub(super) fn float_atomic(&mut self, args: &[Arg], size: isa::Access) -> Executed {
        let (to, address): (Option<SimdReg>, _) = match *args {
            [Arg::Order(_), Arg::Simd(_), Arg::Simd(to), Arg::Address(address)] => (Some(to), address),
            [Arg::Order(_), Arg::Simd(_), Arg::Address(address)] => (None, address),
            _ => return Err(Stop::Unmodelled("operands of a floating-point atomic that the model does not know")),
        };
        let va = self.base(address.base)?;
        let bytes = usize::from(size.bytes);
        let mut old = [0; 16];
        let access = self.atomic(address.base, bytes as u64);
        let unknown = self.modify(va, &mut old[..bytes], access, |_, _| Some(([0; 16], part(bytes))))?;
        if let Some(to) = to {
            self.set_vector(to.index(), u128::from_le_bytes(old), 16);
            self.cpu.v_unknown &= !(1 << to.index());
            if unknown != 0 {
                self.cpu.v_unknown |= 1 << to.index();
            }
        }
        Ok(())
    }

    /// Returns whether an instruction is a floating-point atomic.
    pub(super) fn is_float_atomic(op: Op) -> bool {
        matches!(
            op,
            Op::Ldfadd
                | Op::Ldfmax
                | Op::Ldfmin
                | Op::Ldfmaxnm
                | Op::Ldfminnm
                | Op::Ldbfadd
                | Op::Ldbfmax
                | Op::Ldbfmin
                | Op::Ldbfmaxnm
                | Op::Ldbfminnm
        ) || matches!(
            op,
            Op::Stfadd
                | Op::Stfmax
                | Op::Stfmin
                | Op::Stfmaxnm
                | Op::Stfminnm
                | Op::Stbfadd
                | Op::Stbfmax
                | Op::Stbfmin
                | Op::Stbfmaxnm
                | Op::Stbfminnm
        )
    }
}
