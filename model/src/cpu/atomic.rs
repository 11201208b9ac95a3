//! Atomic read-modify-writes: CAS, CASP, LDADD and its kin, SWP, those of quadwords (FEAT_LSE128), and those made as if at
//! EL0 (FEAT_LSUI).
//!
//! Arm ARM C6.2 by instruction name; pseudocode `MemAtomic`. One access both reads and writes, and is tag checked
//! as a read where the direction counts.

use arch::{Arg, Op, Reg};

use super::access::{Access, Alignment};
use super::fault::undefined;
use super::load_store::part;
use super::state::{Core, Executed, Stop};
use model_base::memory::ByteMask;

mutants::defects!();

#[mutants::rules]
impl Core<'_, '_> {
    pub(super) fn atomic(&self, base: Reg, total: u64) -> Access {
        let load = self.plain(true, total, self.checkable(base, false));
        Access { write: true, atomic: true, alignment: Alignment::Ordered, ..load }
    }

    /// The access of an atomic, made as if at EL0 by those of FEAT_LSUI.
    fn atomic_of(&self, op: Op, base: Reg, total: u64) -> Access {
        let access = self.atomic(base, total);
        match op {
            Op::Cast | Op::Caspt | Op::Ldtadd | Op::Ldtclr | Op::Ldtset | Op::Swpt => self.unprivileged(access),
            _ => access,
        }
    }

    /// CAS, CASP, CAST and CASPT: `args` are what is expected, what is stored, and where.
    pub(super) fn compare_and_swap(&mut self, op: Op, args: &[Arg], size: isa::Access) -> Executed {
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
        let access = self.atomic_of(op, base, total as u64);
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

    /// LDADD, LDCLR, LDEOR, LDSET, LDSMAX, LDSMIN, LDUMAX, LDUMIN, SWP; LDTADD, LDTCLR, LDTSET, SWPT.
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
            Op::Ldadd | Op::Ldtadd => left.wrapping_add(right),
            Op::Ldclr | Op::Ldtclr => left & !right,
            Op::Ldeor => left ^ right,
            Op::Ldset | Op::Ldtset => left | right,
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
        let access = self.atomic_of(op, address.base, bytes as u64);
        let operand_unknown = self.is_unknown(rs);
        let unknown = self.modify(va, &mut old[..bytes], access, |old, unknown| {
            let mut new = [0; 16];
            new[..8].copy_from_slice(&compute(value(old)).to_le_bytes());
            let unknown = operand_unknown || unknown != 0 && !matches!(op, Op::Swp | Op::Swpt);
            Some((new, if unknown { part(bytes) } else { 0 }))
        })?;
        self.set(rt, value(&old));
        if unknown != 0 {
            self.forget(rt);
        }
        Ok(())
    }

    /// LDCLRP, LDSETP and SWPP: the two registers are the operand, and get the old value.
    pub(super) fn atomic_pair(&mut self, op: Op, args: &[Arg]) -> Executed {
        let [Arg::Order(_), Arg::Reg(low), Arg::Reg(high), Arg::Address(address)] = *args else { return Err(UNKNOWN) };
        let va = self.base(address.base)?;
        let right = u128::from(self.get(high)) << 64 | u128::from(self.get(low));
        let compute = |left: u128| match op {
            Op::Ldclrp => left & !right,
            Op::Ldsetp => left | right,
            _ => right,
        };
        let operands = [low, high].map(|register| self.is_unknown(register));
        let lost = |unknown: ByteMask, half: usize| {
            let read = unknown >> (8 * half) & part(8) != 0 && op != Op::Swpp;
            if operands[half] || read { part(8) << (8 * half) } else { 0 }
        };
        let mut old = [0; 16];
        let access = self.atomic(address.base, 16);
        let unknown = self.modify(va, &mut old, access, |old, unknown| {
            let mut left = [0; 16];
            left.copy_from_slice(old);
            Some((compute(u128::from_le_bytes(left)).to_le_bytes(), lost(unknown, 0) | lost(unknown, 1)))
        })?;
        let value = u128::from_le_bytes(old);
        for (n, (register, half)) in [(low, value as u64), (high, (value >> 64) as u64)].into_iter().enumerate() {
            self.set(register, half);
            if unknown >> (8 * n) & part(8) != 0 {
                self.forget(register);
            }
        }
        Ok(())
    }

    /// Returns whether an instruction is an atomic read-modify-write of one register.
    pub(super) fn is_atomic_operation(op: Op) -> bool {
        matches!(
            op,
            Op::Ldadd | Op::Ldclr | Op::Ldeor | Op::Ldset | Op::Ldsmax | Op::Ldsmin | Op::Ldumax | Op::Ldumin | Op::Swp
        ) || matches!(op, Op::Ldtadd | Op::Ldtclr | Op::Ldtset | Op::Swpt)
    }
}

const UNKNOWN: Stop = Stop::Unmodelled("operands of an atomic that the model does not know");
