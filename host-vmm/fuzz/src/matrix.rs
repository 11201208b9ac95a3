//! Draws blocks of SME: streaming mode and ZA are turned on first, and ZA is stored at the end, because nothing else shows what
//! is in it.

use arch::{Arg, Indexed, Op, Predicate, PredicateCounter, Reg, RegClass};
use fastrand::Rng;
use isa::Insn;

use super::profile::one_in;
use super::register_role::RegisterRole;
use super::scalable;

/// Draws what a block of SME begins with: streaming mode, ZA or both, and predicates, which are 0 in that mode.
pub fn beginning(rng: &mut Rng) -> Vec<Insn> {
    let state = ["", "", "", " sm", " za"][rng.usize(..5)];
    let element = ["b", "h", "s", "d"][rng.usize(..4)];
    let some = ["vl1", "vl3", "vl8", "pow2", "mul3"][rng.usize(..5)];
    let text = format!("smstart{state}; ptrue p0.b; ptrue p1.{element}, {some}; ptrue pn8.{element}");
    assembler::assemble(&text).unwrap_or_default()
}

/// Draws what a block of SME ends with: stores of ZA.
pub fn end(rng: &mut Rng) -> Vec<Insn> {
    let [a, b] = [rng.u32(..8), rng.u32(..8)];
    let direction = if one_in(rng, 2) { "h" } else { "v" };
    let (vector, offset) = (rng.u32(12..16), rng.u32(..3));
    let text = format!(
        "st1b {{za0{direction}.b[w12, {offset}]}}, p0, [x{a}]; str za[w{vector}, {offset}], [x{b}, #{offset}, mul vl]"
    );
    assembler::assemble(&text).unwrap_or_default()
}

/// Gives an instruction of SME, or of SVE by a counter, sensible operands; `None` if the draw was no good.
pub fn sensible(rng: &mut Rng, insn: Insn) -> Option<Insn> {
    let mut args: Vec<Arg> = insn.args().to_vec();
    let moves_pointer = matches!(insn.op(), Op::SmeAddsvl | Op::SmeAddspl);
    let common = !one_in(rng, 3);
    for arg in &mut args {
        *arg = match *arg {
            Arg::Reg(register) => {
                let role = if moves_pointer { RegisterRole::Pointer } else { RegisterRole::Data };
                Arg::Reg(role.draw(rng, register.class())?)
            }
            Arg::Predicate(predicate) if common => Arg::Predicate(Predicate::new(rng.u8(..2), predicate.form())?),
            Arg::PredicateCounter(counter) if common => {
                Arg::PredicateCounter(PredicateCounter::new(8, counter.form())?)
            }
            Arg::Indexed(indexed) => {
                let index = if one_in(rng, 3) { Reg::XZR } else { RegisterRole::Distance.draw(rng, RegClass::X)? };
                Arg::Indexed(Indexed { base: scalable::base(rng)?, index, ..indexed })
            }
            Arg::ScalableAddress(address) => Arg::ScalableAddress(scalable::addressed(rng, address, &insn)?),
            Arg::Address(address) => Arg::Address(arch::Address { base: scalable::base(rng)?, ..address }),
            other => other,
        };
    }
    insn.row().insn(&args).ok()
}

/// Returns whether an instruction is one of SME, or of SVE by a counter.
pub fn is_of_matrix(insn: Insn) -> bool {
    insn.op().is_matrix() || insn.args().iter().any(|arg| matches!(arg, Arg::PredicateCounter(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Profile, generate};

    #[test]
    fn blocks_of_sme_turn_it_on_and_store_what_they_have() {
        let mut rng = Rng::with_seed(0x5eed);
        for _ in 0..200 {
            assert_eq!((beginning(&mut rng).len(), end(&mut rng).len()), (4, 2));
        }
    }

    #[test]
    fn every_row_is_drawn_in_blocks_about_sme() {
        let profile = Profile { matrix: true, ..Profile::default() };
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..3000 {
            let program = generate::program(0x5eed, number, &profile);
            let insns = program.runs().flat_map(|run| run.words.clone()).filter_map(Insn::decode);
            seen.extend(insns.filter(|insn| is_of_matrix(*insn)).map(|insn| insn.row().bits()));
        }
        let rows = isa::rows().iter().filter(|row| crate::pick::example(row).is_some_and(is_of_matrix));
        let missing: Vec<_> = rows.filter(|row| !seen.contains(&row.bits())).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
