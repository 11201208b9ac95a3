//! Read-check-write atomics of translation table entries (FEAT_THE): RCWCAS, RCWCLR, RCWSET and RCWSWP, and those that check the
//! software mask, too (RCWSCAS and so on).
//!
//! Arm ARM C6.2 by instruction name; pseudocode `MemAtomicRCW`, `RCWCheck`. The firmware leaves TCR2_EL1 as it is after reset,
//! so PnCH and D128 are 0: no entry is protected, and the pairs are UNDEFINED (`IsD128Enabled`). RCWSMASK_EL1 is UNKNOWN after
//! reset, and no block can write it.

use arch::{Arg, Op};

use super::access::{Access, Alignment};
use super::fault::undefined;
use super::state::{Core, Executed, Stop};

mutants::defects!();

/// PSTATE.NZCV of an atomic that stored.
const STORED: u8 = 0b0010;
/// Of a compare and swap that found another value.
const DIFFERED: u8 = 0b1010;
/// Of one that a software check refused: C is 0.
const REFUSED: u8 = 0b0000;
/// The bit of an entry that makes it valid.
const VALID: u64 = 1;

#[mutants::rules]
impl Core<'_, '_> {
    /// Executes a read-check-write atomic.
    pub(super) fn read_check_write(&mut self, op: Op, args: &[Arg], size: isa::Access) -> Executed {
        if size.count == 2 {
            return Err(undefined());
        }
        let [Arg::Order(_), Arg::Reg(rs), Arg::Reg(rt), Arg::Address(address)] = *args else {
            return Err(Stop::Unmodelled("operands of a read-check-write atomic that the model does not know"));
        };
        let compares = matches!(op, Op::Rcwcas | Op::Rcwscas);
        let (operand, result) = if compares { (rt, rs) } else { (rs, rt) };
        if self.is_unknown(rs) || compares && self.is_unknown(rt) {
            return Err(Stop::Unmodelled("flags of a register that is UNKNOWN"));
        }
        let va = self.base(address.base)?;
        let access = Access { alignment: Alignment::Always, ..self.atomic(address.base, 8) };
        let parts = self.memory(va, 8, access)?;
        let mut old = [0; 8];
        if self.read_parts(&parts, &mut old)? != 0 {
            return Err(Stop::Unmodelled("flags of bytes that are UNKNOWN"));
        }
        let old = u64::from_le_bytes(old);
        let right = self.get(operand);
        let new = match op {
            Op::Rcwclr | Op::Rcwsclr => old & !right,
            Op::Rcwset | Op::Rcwsset => old | right,
            _ => right,
        };
        let flags = if compares && old != self.get(rs) {
            DIFFERED
        } else if Self::is_soft(op) && !self.soft_check(old, new) {
            REFUSED
        } else {
            STORED
        };
        if flags == STORED {
            self.write_parts(&parts, &new.to_le_bytes(), 0)?;
        }
        self.cpu.nzcv = flags;
        self.set(result, old);
        Ok(())
    }

    /// Returns whether the software checks let an entry change: valid must stay as it is, and of a valid entry only bits
    /// that RCWSMASK_EL1 has.
    fn soft_check(&mut self, old: u64, new: u64) -> bool {
        let changed = old ^ new;
        if changed & VALID != 0 {
            return false;
        }
        old & VALID == 0 || changed == 0 || self.env.choices.choose(2) == 0
    }

    fn is_soft(op: Op) -> bool {
        matches!(op, Op::Rcwscas | Op::Rcwsclr | Op::Rcwsset | Op::Rcwsswp)
    }

    /// Returns whether an instruction is a read-check-write atomic.
    pub(super) fn is_read_check_write(op: Op) -> bool {
        let single = matches!(op, Op::Rcwcas | Op::Rcwclr | Op::Rcwset | Op::Rcwswp);
        let pair = matches!(op, Op::Rcwcasp | Op::Rcwclrp | Op::Rcwsetp | Op::Rcwswpp);
        let soft_pair = matches!(op, Op::Rcwscasp | Op::Rcwsclrp | Op::Rcwssetp | Op::Rcwsswpp);
        single || pair || soft_pair || Self::is_soft(op)
    }
}
