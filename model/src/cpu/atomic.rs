//! Atomic read-modify-writes: CAS, CASP, LDADD and its kin, SWP.
//!
//! Arm ARM C6.2 by instruction name; pseudocode `MemAtomic`. One access both reads and writes, and is tag checked
//! as a read where the direction counts.

use arch::{Arg, Reg};
use isa::Op;

use super::access::{Access, Alignment};
use super::fault::undefined;
use super::load_store::part;
use super::state::{Core, Executed, Stop};

mutants::defects!();

#[mutants::rules]
impl Core<'_, '_> {
    fn atomic(&self, base: Reg, total: u64) -> Access {
        let load = self.plain(true, total, self.checkable(base, false));
        Access { write: true, atomic: true, alignment: Alignment::Ordered, ..load }
    }

    /// CAS and CASP: `args` are what is expected, what is stored, and where.
    pub(super) fn compare_and_swap(&mut self, args: &[Arg], size: isa::Access) -> Executed {
        if !self.env.features.atomics {
            return Err(undefined());
        }
        let pair = size.count == 2;
        let (rs, rs2, rt, rt2, base) = match *args {
            [Arg::Order(_), Arg::Reg(rs), Arg::Reg(rt), Arg::Address(address)] => (rs, rs, rt, rt, address.base),
            [Arg::Order(_), Arg::Reg(rs), Arg::Reg(rs2), Arg::Reg(rt), Arg::Reg(rt2), Arg::Address(address)] => {
                (rs, rs2, rt, rt2, address.base)
            }
            _ => return Err(UNKNOWN),
        };
        let va = self.base(base)?;
        let (bytes, total) = (usize::from(size.bytes), usize::from(size.total()));
        let joined = |core: &Self, low: Reg, high: Reg| {
            let mut value = [0; 16];
            value[..bytes].copy_from_slice(&core.get(low).to_le_bytes()[..bytes]);
            if pair {
                value[bytes..2 * bytes].copy_from_slice(&core.get(high).to_le_bytes()[..bytes]);
            }
            value
        };
        let (expected, new) = (joined(self, rs, rs2), joined(self, rt, rt2));
        let compares_unknown = self.is_unknown(rs) || self.is_unknown(rs2);
        let low = if self.is_unknown(rt) { part(bytes) } else { 0 };
        let high = if self.is_unknown(rt2) { part(bytes) << bytes } else { 0 };
        let mut old = [0; 16];
        let access = self.atomic(base, total as u64);
        let unknown = self.modify(va, &mut old[..total], access, |old, unknown| match () {
            // Nobody knows whether it stores.
            () if unknown != 0 || compares_unknown => Some((new, part(total))),
            () => (*old == expected[..total]).then_some((new, low | high)),
        })?;
        let value = |at: usize| old[at..at + bytes].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        for (n, register) in [rs, rs2].into_iter().enumerate().take(usize::from(size.count)) {
            self.set(register, value(n * bytes));
            if unknown >> (n * bytes) & part(bytes) != 0 {
                self.forget(register);
            }
        }
        Ok(())
    }

    /// LDADD, LDCLR, LDEOR, LDSET, LDSMAX, LDSMIN, LDUMAX, LDUMIN, SWP.
    pub(super) fn atomic_operation(&mut self, op: Op, args: &[Arg], size: isa::Access) -> Executed {
        if !self.env.features.atomics {
            return Err(undefined());
        }
        let [Arg::Order(_), Arg::Reg(rs), Arg::Reg(rt), Arg::Address(address)] = *args else { return Err(UNKNOWN) };
        let va = self.base(address.base)?;
        let bytes = usize::from(size.bytes);
        let unused = 64 - 8 * u32::from(size.bytes);
        let right = self.get(rs) << unused >> unused;
        let signed = |value: u64| (value << unused).cast_signed();
        let less = |x: u64, y: u64| signed(x) < signed(y);
        let compute = |left: u64| match op {
            Op::Ldadd => left.wrapping_add(right),
            Op::Ldclr => left & !right,
            Op::Ldeor => left ^ right,
            Op::Ldset => left | right,
            Op::Ldsmax => {
                if less(left, right) {
                    right
                } else {
                    left
                }
            }
            Op::Ldsmin => {
                if less(right, left) {
                    right
                } else {
                    left
                }
            }
            Op::Ldumax => left.max(right),
            Op::Ldumin => left.min(right),
            _ => right,
        };
        let value = |data: &[u8]| data.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        let mut old = [0; 8];
        let access = self.atomic(address.base, bytes as u64);
        let operand_unknown = self.is_unknown(rs);
        let unknown = self.modify(va, &mut old[..bytes], access, |old, unknown| {
            let mut new = [0; 16];
            new[..8].copy_from_slice(&compute(value(old)).to_le_bytes());
            let unknown = operand_unknown || unknown != 0 && op != Op::Swp;
            Some((new, if unknown { part(bytes) } else { 0 }))
        })?;
        self.set(rt, value(&old));
        if unknown != 0 {
            self.forget(rt);
        }
        Ok(())
    }

    /// Returns whether an instruction is an atomic read-modify-write other than CAS and CASP.
    pub(super) fn is_atomic_operation(op: Op) -> bool {
        matches!(
            op,
            Op::Ldadd | Op::Ldclr | Op::Ldeor | Op::Ldset | Op::Ldsmax | Op::Ldsmin | Op::Ldumax | Op::Ldumin | Op::Swp
        )
    }
}

const UNKNOWN: Stop = Stop::Unmodelled("operands of an atomic that the model does not know");
