//! Instructions that make predicates, and the first-fault register.
//!
//! Arm ARM C8.2 by instruction name; pseudocode `DecodePredCount`, `PredTest`, `LastActive`.

use arch::{Arg, Args, Op, Predicate, PredicateForm, Reg};

use super::{MAX_BYTES, Mask, UNKNOWN_OPERANDS, bit, bytes_of, number, set_bit};
use crate::cpu::state::{Core, Executed, Stop};

mutants::defects!();

/// Returns the bytes of an element that a predicate is divided into.
#[mutants::rules]
fn element_of(register: Predicate) -> usize {
    if let PredicateForm::Elements(element) = register.form() { bytes_of(element) } else { 1 }
}

const NONE: Mask = [0; MAX_BYTES / 8];

#[mutants::rules]
impl Core<'_, '_> {
    /// Executes an instruction that makes a predicate or tests one; `None` if it is none.
    pub(super) fn predicate_instruction(&mut self, op: Op, args: &Args) -> Option<Executed> {
        Some(match (op, &**args) {
            (Op::SvePtrue | Op::SvePtrues, &[Arg::Predicate(pd), Arg::Pattern(pattern)]) => {
                let element = element_of(pd);
                let count = pattern.count((self.vector_bytes() / element) as u32) as usize;
                let mask = self.elements_where(element, |at| at / element < count);
                if op == Op::SvePtrues {
                    self.test(&mask, &mask, element);
                }
                self.set_p(pd, &mask);
                Ok(())
            }
            (Op::SvePfalse, &[Arg::Predicate(pd)]) => {
                self.set_p(pd, &NONE);
                Ok(())
            }
            (Op::SveSetffr, []) => {
                let all = self.all_true();
                self.set_ffr(&all);
                Ok(())
            }
            (Op::SveRdffr | Op::SveRdffrs, &[Arg::Predicate(pd), ref rest @ ..]) => self.read_ffr(op, pd, rest),
            (Op::SveWrffr, &[Arg::Predicate(pn)]) => self.write_ffr(pn),
            (Op::SvePtest, &[Arg::Predicate(pg), Arg::Predicate(pn)]) => self.two(pg, pn).map(|(mask, operand)| {
                self.test(&mask, &operand, 1);
            }),
            (
                Op::SveBrka | Op::SveBrkb | Op::SveBrkas | Op::SveBrkbs,
                &[Arg::Predicate(pd), Arg::Predicate(pg), Arg::Predicate(pn)],
            ) => self.break_at(op, pd, pg, pn),
            (
                Op::SveBrkn | Op::SveBrkns,
                &[Arg::Predicate(pd), Arg::Predicate(pg), Arg::Predicate(pn), Arg::Predicate(_)],
            ) => self.propagate_break(op, pd, pg, pn),
            (
                Op::SveAndPred | Op::SveBicPred | Op::SveEorPred | Op::SveOrrPred,
                &[Arg::Predicate(pd), Arg::Predicate(pg), Arg::Predicate(pn), Arg::Predicate(pm)],
            ) => self.combine_predicates(op, pd, pg, (pn, pm)),
            (Op::SveCmpeq | Op::SveCmpne, &[Arg::Predicate(pd), Arg::Predicate(pg), Arg::Scalable(zn), compared]) => {
                self.compare_elements(op, pd, pg, (zn.index(), compared))
            }
            (_, &[Arg::Predicate(pd), Arg::Reg(rn), Arg::Reg(rm)]) => self.while_true(op, pd, rn, rm),
            _ => return None,
        })
    }

    /// Returns the predicate whose elements, by their first byte in a vector, are true where `is` says so.
    fn elements_where(&self, element: usize, is: impl Fn(usize) -> bool) -> Mask {
        let mut mask = NONE;
        (0..self.vector_bytes()).step_by(element).for_each(|at| set_bit(&mut mask, at, is(at)));
        mask
    }

    fn two(&self, one: Predicate, other: Predicate) -> Result<(Mask, Mask), Stop> {
        Ok((self.p(one)?, self.p(other)?))
    }

    fn read_ffr(&mut self, op: Op, pd: Predicate, rest: &[Arg]) -> Executed {
        let ffr = self.ffr()?;
        let mask = match rest {
            [Arg::Predicate(pg)] => self.p(*pg)?,
            _ => self.all_true(),
        };
        let result = std::array::from_fn(|n| ffr[n] & mask[n]);
        if op == Op::SveRdffrs {
            self.test(&mask, &result, 1);
        }
        self.set_p(pd, &result);
        Ok(())
    }

    /// WRFFR of what is not true up to some element and false from there on makes FFR UNKNOWN.
    fn write_ffr(&mut self, pn: Predicate) -> Executed {
        let operand = self.p(pn)?;
        let length = self.vector_bytes();
        let first_false = (0..length).find(|n| !bit(&operand, *n)).unwrap_or(length);
        self.set_ffr(&operand);
        if (first_false..length).any(|n| bit(&operand, n)) {
            self.cpu.p_unknown |= 1 << super::FFR;
        }
        Ok(())
    }

    /// BRKA and BRKB: true up to the first element that is, with or without it.
    fn break_at(&mut self, op: Op, pd: Predicate, pg: Predicate, pn: Predicate) -> Executed {
        let (mask, operand) = self.two(pg, pn)?;
        let after = matches!(op, Op::SveBrka | Op::SveBrkas);
        let merging = pg.form() == PredicateForm::Merging;
        let mut result = if merging { self.p(pd)? } else { NONE };
        let mut broken = false;
        for n in 0..self.vector_bytes() {
            if !bit(&mask, n) {
                continue;
            }
            let here = bit(&operand, n);
            set_bit(&mut result, n, !broken && (after || !here));
            broken |= here;
        }
        if matches!(op, Op::SveBrkas | Op::SveBrkbs) {
            self.test(&mask, &result, 1);
        }
        self.set_p(pd, &result);
        Ok(())
    }

    /// BRKN: the destination stays if the last active element is true.
    fn propagate_break(&mut self, op: Op, pd: Predicate, pg: Predicate, pn: Predicate) -> Executed {
        let (mask, operand) = self.two(pg, pn)?;
        let last = (0..self.vector_bytes()).rev().find(|n| bit(&mask, *n));
        let result = if last.is_some_and(|n| bit(&operand, n)) { self.p(pd)? } else { NONE };
        if op == Op::SveBrkns {
            let all = self.all_true();
            self.test(&all, &result, 1);
        }
        self.set_p(pd, &result);
        Ok(())
    }

    fn combine_predicates(
        &mut self,
        op: Op,
        pd: Predicate,
        pg: Predicate,
        (pn, pm): (Predicate, Predicate),
    ) -> Executed {
        let mask = self.p(pg)?;
        let (n, m) = self.two(pn, pm)?;
        let result = std::array::from_fn(|byte| {
            let (n, m) = (n[byte], m[byte]);
            let combined = match op {
                Op::SveAndPred => n & m,
                Op::SveBicPred => n & !m,
                Op::SveEorPred => n ^ m,
                _ => n | m,
            };
            combined & mask[byte]
        });
        self.set_p(pd, &result);
        Ok(())
    }

    /// CMPEQ and CMPNE with an immediate or a vector.
    fn compare_elements(&mut self, op: Op, pd: Predicate, pg: Predicate, (zn, compared): (u8, Arg)) -> Executed {
        let mask = self.p(pg)?;
        let element = element_of(pd);
        let operand = self.known_z(zn)?;
        let other = match compared {
            Arg::Scalable(zm) => self.known_z(zm.index())?,
            Arg::Number(value) => Self::repeated(value as u64, element),
            _ => return Err(UNKNOWN_OPERANDS),
        };
        let same = |at| number(&operand, at, element) == number(&other, at, element);
        let result = self.elements_where(element, |at| bit(&mask, at) && same(at) == (op == Op::SveCmpeq));
        self.test(&mask, &result, element);
        self.set_p(pd, &result);
        Ok(())
    }

    /// WHILELT and its like: true as long as the condition holds for one register, counted up from the lowest element on or
    /// down from the highest one, and the other.
    fn while_true(&mut self, op: Op, pd: Predicate, rn: Reg, rm: Reg) -> Executed {
        let element = element_of(pd);
        let bits = rn.class().width();
        let (start, end) = (self.get(rn), self.get(rm));
        let signed = matches!(op, Op::SveWhilege | Op::SveWhilegt | Op::SveWhilelt | Op::SveWhilele);
        let descending = matches!(op, Op::SveWhilege | Op::SveWhilegt | Op::SveWhilehs | Op::SveWhilehi);
        let value = |raw: u64| {
            let unused = 64 - bits;
            if signed {
                i128::from((raw << unused).cast_signed() >> unused)
            } else {
                i128::from(raw << unused >> unused)
            }
        };
        let holds = |raw: u64| match op {
            Op::SveWhilege | Op::SveWhilehs => value(raw) >= value(end),
            Op::SveWhilegt | Op::SveWhilehi => value(raw) > value(end),
            Op::SveWhilelt | Op::SveWhilelo => value(raw) < value(end),
            _ => value(raw) <= value(end),
        };
        let count = self.vector_bytes() / element;
        let counted = |step: usize| {
            if descending { start.wrapping_sub(step as u64) } else { start.wrapping_add(step as u64) }
        };
        let lasts = (0..count).find(|step| !holds(counted(*step))).unwrap_or(count);
        let result = self.elements_where(element, |at| {
            let number = at / element;
            if descending { number >= count - lasts } else { number < lasts }
        });
        let all = self.all_true();
        self.test(&all, &result, element);
        self.set_p(pd, &result);
        Ok(())
    }
}
