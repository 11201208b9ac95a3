//! Counts of elements, and vectors that are made, moved and added. Arm ARM C8.2 by instruction name.

use arch::{Arg, Args, Op, PredicateForm, Scalable};

use super::{Bytes, MAX_BYTES, UNKNOWN_OPERANDS, bit, bytes_of, number};
use crate::cpu::state::{Core, Executed, Stop};

mutants::defects!();

/// Returns the bytes of an element of a vector.
#[mutants::rules]
fn element_of(vector: Scalable) -> usize {
    vector.element().map_or(1, bytes_of)
}

/// Returns the bytes of the elements that CNTB and its like count.
#[mutants::rules]
fn counted(op: Op) -> usize {
    match op {
        Op::SveCntb | Op::SveIncb | Op::SveDecb => 1,
        Op::SveCnth | Op::SveInch | Op::SveDech => 2,
        Op::SveCntw | Op::SveIncw | Op::SveDecw => 4,
        _ => 8,
    }
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Returns the vector with a number in each element.
    pub(super) fn repeated(value: u64, element: usize) -> Bytes {
        let bytes = value.to_le_bytes();
        std::array::from_fn(|n| bytes[n % element])
    }

    /// Executes an instruction that neither accesses memory nor makes a predicate.
    pub(super) fn scalable_data(&mut self, op: Op, args: &Args) -> Executed {
        match (op, &**args) {
            (Op::SvePrfb | Op::SvePrfh | Op::SvePrfw | Op::SvePrfd, _) => Ok(()),
            (_, &[Arg::Reg(rd), Arg::Pattern(pattern), Arg::Factor(factor)]) => {
                let count = u64::from(pattern.count((self.vector_bytes() / counted(op)) as u32)) * u64::from(factor);
                let old = self.get(rd);
                self.set(
                    rd,
                    match op {
                        Op::SveIncb | Op::SveInch | Op::SveIncw | Op::SveIncd => old.wrapping_add(count),
                        Op::SveDecb | Op::SveDech | Op::SveDecw | Op::SveDecd => old.wrapping_sub(count),
                        _ => count,
                    },
                );
                Ok(())
            }
            (Op::SveRdvl, &[Arg::Reg(rd), Arg::Number(factor)]) => {
                self.set(rd, (factor * self.vector_bytes() as i64) as u64);
                Ok(())
            }
            (Op::SveAddvl | Op::SveAddpl, &[Arg::Reg(rd), Arg::Reg(rn), Arg::Number(factor)]) => {
                let unit = if op == Op::SveAddvl { self.vector_bytes() } else { self.vector_bytes() / 8 };
                let sum = self.get(rn).wrapping_add_signed(factor * unit as i64);
                self.set(rd, sum);
                Ok(())
            }
            (Op::SveCntp, &[Arg::Reg(rd), Arg::Predicate(pg), Arg::Predicate(pn)]) => {
                let mask = self.p(pg)?;
                let count = self.true_elements(pn, |at| bit(&mask, at))?;
                self.set(rd, count);
                Ok(())
            }
            (Op::SveIncp | Op::SveDecp, &[Arg::Reg(rd), Arg::Predicate(pm)]) => {
                let count = self.true_elements(pm, |_| true)?;
                let old = self.get(rd);
                self.set(rd, if op == Op::SveIncp { old.wrapping_add(count) } else { old.wrapping_sub(count) });
                Ok(())
            }
            (Op::SveIndex, &[Arg::Scalable(zd), first, step]) => self.index(zd, first, step),
            (Op::SveDup, &[Arg::Scalable(zd), value]) => {
                let value = self.scalar(value)?;
                let mut image = Self::repeated(value, element_of(zd));
                image[self.vector_bytes()..].fill(0);
                self.set_z(zd.index(), &image);
                Ok(())
            }
            (Op::SveSel, &[Arg::Scalable(zd), Arg::Predicate(pv), Arg::Scalable(zn), Arg::Scalable(zm)]) => {
                let mask = self.p(pv)?;
                let element = element_of(zd);
                let (n, m) = (self.z(zn.index()), self.z(zm.index()));
                let image = std::array::from_fn(|at| if bit(&mask, at - at % element) { n[at] } else { m[at] });
                self.set_result(zd.index(), &image, &[zn.index(), zm.index()]);
                Ok(())
            }
            (Op::SveLasta | Op::SveLastb, &[Arg::Reg(rd), Arg::Predicate(pg), Arg::Scalable(zn)]) => {
                let mask = self.p(pg)?;
                let (element, length) = (element_of(zn), self.vector_bytes());
                let last = (0..length).step_by(element).rev().find(|at| bit(&mask, *at));
                let at = match (op, last) {
                    (Op::SveLastb, last) => last.unwrap_or(length - element),
                    (_, Some(last)) if last + element < length => last + element,
                    _ => 0,
                };
                let value = number(&self.z(zn.index()), at, element);
                self.set_from(rd, value, zn.index());
                Ok(())
            }
            (_, &[Arg::Scalable(zd), Arg::Scalable(zn), Arg::Scalable(zm)]) => self.elementwise(op, zd, zn, zm),
            _ => Err(UNKNOWN_OPERANDS),
        }
    }

    /// Counts the elements of a predicate that are true and active.
    fn true_elements(&self, register: arch::Predicate, active: impl Fn(usize) -> bool) -> Result<u64, Stop> {
        let PredicateForm::Elements(element) = register.form() else { return Err(UNKNOWN_OPERANDS) };
        let mask = self.p(register)?;
        let elements = (0..self.vector_bytes()).step_by(bytes_of(element));
        Ok(elements.filter(|at| active(*at) && bit(&mask, *at)).count() as u64)
    }

    fn scalar(&self, value: Arg) -> Result<u64, Stop> {
        match value {
            Arg::Number(number) => Ok(number as u64),
            Arg::Reg(register) => Ok(self.get(register)),
            _ => Err(UNKNOWN_OPERANDS),
        }
    }

    fn index(&mut self, zd: Scalable, first: Arg, step: Arg) -> Executed {
        let (first, step) = (self.scalar(first)?, self.scalar(step)?);
        let element = element_of(zd);
        let mut image = [0; MAX_BYTES];
        for (number, place) in image[..self.vector_bytes()].chunks_mut(element).enumerate() {
            let value = first.wrapping_add(step.wrapping_mul(number as u64));
            place.copy_from_slice(&value.to_le_bytes()[..element]);
        }
        self.set_z(zd.index(), &image);
        Ok(())
    }

    fn elementwise(&mut self, op: Op, zd: Scalable, zn: Scalable, zm: Scalable) -> Executed {
        let (n, m) = (self.z(zn.index()), self.z(zm.index()));
        let element = element_of(zd);
        let mut image = [0; MAX_BYTES];
        for (place, out) in image[..self.vector_bytes()].chunks_mut(element).enumerate() {
            let (n, m) = (number(&n, place * element, element), number(&m, place * element, element));
            let value = match op {
                Op::SveAdd => n.wrapping_add(m),
                Op::SveSub => n.wrapping_sub(m),
                Op::SveAnd => n & m,
                Op::SveOrr => n | m,
                Op::SveEor => n ^ m,
                Op::SveBic => n & !m,
                _ => return Err(UNKNOWN_OPERANDS),
            };
            out.copy_from_slice(&value.to_le_bytes()[..element]);
        }
        self.set_result(zd.index(), &image, &[zn.index(), zm.index()]);
        Ok(())
    }
}
