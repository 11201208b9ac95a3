//! Vectors: arithmetic, comparison, permutation and moves of elements, as string functions use them.
//!
//! Arm ARM C7.2 by instruction name; pseudocode `V`, `Vpart`, `Elem`, `Reduce`, `AdvSIMDExpandImm`. Which element size and
//! how many of them is in the operands.

use arch::{Arg, Arrangement, Op, Reg, SimdWidth};

use super::arithmetic::ones;
use super::state::{Core, Executed, Stop};

mutants::defects!();

/// How a vector is divided: bits of an element, and how many elements.
#[derive(Clone, Copy)]
struct Lanes {
    bits: u32,
    count: u32,
}

#[mutants::rules]
impl Lanes {
    fn of(arrangement: Arrangement) -> Self {
        let bytes = arrangement.element_bytes() as u32;
        Self { bits: 8 * bytes, count: arrangement.vector_bytes() as u32 / bytes }
    }

    /// Returns element `n` of a vector, or of two of them one above the other.
    fn get(self, vectors: [u128; 2], n: u32) -> u64 {
        let (vector, n) = if n < self.count { (vectors[0], n) } else { (vectors[1], n - self.count) };
        element(vector, n, self.bits)
    }

    /// Makes a vector of elements; what is above them is 0.
    fn make(self, element: impl Fn(u32) -> u64) -> u128 {
        (0..self.count).fold(0, |vector, n| vector | ((element(n) & ones(self.bits)) as u128) << (n * self.bits))
    }
}

/// Element `n` of a vector with elements of so many bits (pseudocode `Elem`).
#[mutants::rules]
fn element(vector: u128, n: u32, bits: u32) -> u64 {
    (vector >> (n * bits)) as u64 & ones(bits)
}

/// An element as a signed number.
#[mutants::rules]
fn signed(value: u64, bits: u32) -> i64 {
    (value << (64 - bits)) as i64 >> (64 - bits)
}

/// What comes of two elements, in the low bits.
#[mutants::rules]
fn combined(op: Op, left: u64, right: u64, bits: u32) -> u64 {
    let signed = |value| signed(value, bits);
    let truth = |holds: bool| if holds { u64::MAX } else { 0 };
    match op {
        Op::SubVec => left.wrapping_sub(right),
        Op::MulVec => left.wrapping_mul(right),
        Op::CmeqVec | Op::CmeqZero => truth(left == right),
        Op::CmgtVec | Op::CmgtZero => truth(signed(left) > signed(right)),
        Op::CmgeVec | Op::CmgeZero => truth(signed(left) >= signed(right)),
        Op::CmleZero => truth(signed(left) <= signed(right)),
        Op::CmltZero => truth(signed(left) < signed(right)),
        Op::Cmhi => truth(left > right),
        Op::Cmhs => truth(left >= right),
        Op::Cmtst => truth(left & right != 0),
        Op::SmaxVec | Op::Smaxp | Op::Smaxv => signed(left).max(signed(right)) as u64,
        Op::SminVec | Op::Sminp | Op::Sminv => signed(left).min(signed(right)) as u64,
        Op::UmaxVec | Op::Umaxp | Op::Umaxv => left.max(right),
        Op::UminVec | Op::Uminp | Op::Uminv => left.min(right),
        // ADD, ADDP, ADDV, UADDLV.
        _ => left.wrapping_add(right),
    }
}

/// What comes of one element, in the low bits.
#[mutants::rules]
fn changed(op: Op, value: u64, bits: u32) -> u64 {
    let top = value << (64 - bits);
    match op {
        Op::NegVec => value.wrapping_neg(),
        Op::AbsVec => signed(value, bits).wrapping_abs() as u64,
        Op::Cnt => u64::from(value.count_ones()),
        Op::RbitVec => top.reverse_bits(),
        Op::ClzVec => u64::from(top.leading_zeros().min(bits)),
        Op::ClsVec => u64::from((top ^ (top as i64 >> 1) as u64).leading_zeros().min(bits)) - 1,
        // NOT; XTN keeps the low bits of what it is.
        Op::NotVec => !value,
        _ => value,
    }
}

/// Combines bits: those of the destination, too, for BSL, BIT and BIF.
#[mutants::rules]
fn bits_of(op: Op, old: u128, left: u128, right: u128) -> u128 {
    match op {
        Op::AndVec => left & right,
        Op::BicVec => left & !right,
        Op::OrrVec => left | right,
        Op::OrnVec => left | !right,
        Op::EorVec => left ^ right,
        Op::Bsl => left & old | right & !old,
        Op::Bit => left & right | old & !right,
        _ => left & !right | old & right,
    }
}

/// Which element of two vectors becomes element `n` of the result (C7.2 UZP1, ZIP1, TRN1 and so on).
#[mutants::rules]
fn place(op: Op, n: u32, count: u32) -> u32 {
    match op {
        Op::Uzp1 => 2 * n,
        Op::Uzp2 => 2 * n + 1,
        Op::Zip1 => n / 2 + n % 2 * count,
        Op::Zip2 => count / 2 + n / 2 + n % 2 * count,
        Op::Trn1 => n - n % 2 + n % 2 * count,
        _ => n - n % 2 + 1 + n % 2 * count,
    }
}

/// Returns whether the old value of the destination is a part of the new one.
#[mutants::rules]
fn keeps(op: Op, to: &Arg) -> bool {
    let half =
        matches!(op, Op::Xtn | Op::Shrn) && matches!(to, Arg::Vector(to) if to.arrangement().vector_bytes() == 16);
    half || matches!(op, Op::Bsl | Op::Bit | Op::Bif | Op::OrrVecImm | Op::BicVecImm)
        || matches!(to, Arg::VectorElement(_))
}

/// The number of the SIMD&FP register of an operand.
#[mutants::rules]
fn number(arg: &Arg) -> Option<u8> {
    match arg {
        Arg::Vector(vector) => Some(vector.index()),
        Arg::VectorElement(element) => Some(element.register()),
        Arg::Simd(register) => Some(register.index()),
        _ => None,
    }
}

#[mutants::rules]
impl Core<'_, '_> {
    pub(super) fn vector(&self, index: u8) -> u128 {
        let [low, high] = self.cpu.v[usize::from(index)];
        (high as u128) << 64 | low as u128
    }

    /// Writes the low `bytes` of a vector and clears the others.
    pub(super) fn set_vector(&mut self, index: u8, value: u128, bytes: u8) {
        let value = if bytes < 16 { value & ones(8 * bytes as u32) as u128 } else { value };
        self.cpu.v[usize::from(index)] = [value as u64, (value >> 64) as u64];
        self.cpu.clear_above(index);
    }

    /// Writes the half of a vector that narrow results go to: the lower one and clears the other, or the upper one and keeps
    /// the other (pseudocode `Vpart`).
    fn set_half(&mut self, index: u8, value: u128, upper: bool) {
        let value = if upper { value << 64 | self.vector(index) & u64::MAX as u128 } else { value };
        self.set_vector(index, value, 16);
    }

    fn set_element(&mut self, to: arch::VectorElement, value: u64) {
        let bits = 8 * to.width().bytes() as u32;
        let at = to.number() as u32 * bits;
        let kept = self.vector(to.register()) & !((ones(bits) as u128) << at);
        self.set_vector(to.register(), kept | ((value & ones(bits)) as u128) << at, 16);
    }

    fn element(&self, from: arch::VectorElement) -> u64 {
        element(self.vector(from.register()), from.number() as u32, 8 * from.width().bytes() as u32)
    }

    /// Instructions on two vectors of the same arrangement.
    fn combine(&self, op: Op, lanes: Lanes, old: u128, left: u128, right: u128) -> u128 {
        let both = [left, right];
        match op {
            Op::AndVec | Op::BicVec | Op::OrrVec | Op::OrnVec | Op::EorVec | Op::Bsl | Op::Bit | Op::Bif => {
                bits_of(op, old, left, right)
            }
            Op::Uzp1 | Op::Uzp2 | Op::Zip1 | Op::Zip2 | Op::Trn1 | Op::Trn2 => {
                lanes.make(|n| lanes.get(both, place(op, n, lanes.count)))
            }
            // Neighbours, of the first vector and then of the second.
            Op::AddpVec | Op::Smaxp | Op::Sminp | Op::Umaxp | Op::Uminp => {
                lanes.make(|n| combined(op, lanes.get(both, 2 * n), lanes.get(both, 2 * n + 1), lanes.bits))
            }
            _ => lanes.make(|n| combined(op, element(left, n, lanes.bits), element(right, n, lanes.bits), lanes.bits)),
        }
    }

    /// Instructions on one vector.
    fn change(&self, op: Op, lanes: Lanes, value: u128) -> u128 {
        let container = match op {
            Op::Rev64Vec => 64,
            Op::Rev32Vec => 32,
            Op::Rev16Vec => 16,
            _ => lanes.bits,
        };
        // Elements change places within their container, and there is one in it where they do not.
        let last = container / lanes.bits - 1;
        lanes.make(|n| changed(op, element(value, n ^ last, lanes.bits), lanes.bits))
    }

    /// All elements of a vector become one (pseudocode `Reduce`); those of UADDLV are not cut.
    fn reduce(&self, op: Op, lanes: Lanes, value: u128) -> u64 {
        let each = |n| element(value, n, lanes.bits);
        (1..lanes.count).fold(each(0), |all, n| combined(op, all, each(n), lanes.bits))
    }

    /// Shifts by a constant, and comparisons with zero.
    fn by_number(&mut self, op: Op, to: arch::Vector, from: arch::Vector, number: u32) {
        let (lanes, value) = (Lanes::of(to.arrangement()), self.vector(from.index()));
        let full = to.arrangement().vector_bytes();
        // A shift by the width of an element leaves nothing, or the sign alone.
        let right = |value: u64| value.checked_shr(number).unwrap_or(0);
        match op {
            Op::Shrn => {
                let count = Lanes { count: 64 / lanes.bits, ..lanes };
                let narrow = count.make(|n| right(element(value, n, 2 * lanes.bits)));
                self.set_half(to.index(), narrow, full == 16);
            }
            Op::Ushll => {
                let upper = from.arrangement().vector_bytes() == 16;
                let half = if upper { value >> 64 } else { value };
                let long = lanes.make(|n| element(half, n, lanes.bits / 2) << number);
                self.set_vector(to.index(), long, 16);
            }
            _ => {
                let result = lanes.make(|n| {
                    let value = element(value, n, lanes.bits);
                    match op {
                        Op::ShlVec => value << number,
                        Op::Ushr => right(value),
                        Op::Sshr => (signed(value, lanes.bits) >> number.min(63)) as u64,
                        _ => combined(op, value, 0, lanes.bits),
                    }
                });
                self.set_vector(to.index(), result, full);
            }
        }
    }

    /// MOVI, MVNI, ORR and BIC with an immediate in each element.
    fn immediate(&mut self, op: Op, to: arch::Vector, value: u64) {
        let lanes = Lanes::of(to.arrangement());
        let (old, each) = (self.vector(to.index()), lanes.make(|_| value));
        let result = match op {
            Op::OrrVecImm => old | each,
            Op::BicVecImm => old & !each,
            Op::Mvni => !each,
            _ => each,
        };
        self.set_vector(to.index(), result, to.arrangement().vector_bytes());
    }

    /// Executes an instruction on SIMD&FP registers.
    pub(super) fn vector_instruction(&mut self, op: Op, args: &[Arg]) -> Executed {
        self.permit_float()?;
        let Some((to, from)) = args.split_first() else { return Err(UNKNOWN) };
        let is_unknown = |arg: &Arg| match arg {
            Arg::Reg(register) => self.is_unknown(*register),
            arg => number(arg).is_some_and(|index| self.cpu.v_unknown >> index & 1 == 1),
        };
        let unknown = from.iter().any(is_unknown) || keeps(op, to) && is_unknown(to);
        self.vector_operation(op, args)?;
        match (to, number(to)) {
            (Arg::Reg(register), _) if unknown => self.forget(*register),
            (_, Some(index)) => {
                self.cpu.v_unknown = self.cpu.v_unknown & !(1 << index) | u32::from(unknown) << index;
            }
            _ => {}
        }
        Ok(())
    }

    fn vector_operation(&mut self, op: Op, args: &[Arg]) -> Executed {
        match *args {
            [Arg::Vector(to), Arg::Vector(left), Arg::Vector(right)] => {
                let lanes = Lanes::of(to.arrangement());
                let values = [to, left, right].map(|vector| self.vector(vector.index()));
                let result = self.combine(op, lanes, values[0], values[1], values[2]);
                self.set_vector(to.index(), result, to.arrangement().vector_bytes());
            }
            [Arg::Vector(to), Arg::Vector(low), Arg::Vector(high), Arg::BitNumber(first)] => {
                let bytes = to.arrangement().vector_bytes();
                let lanes = Lanes { bits: 8, count: bytes as u32 };
                let both = [low, high].map(|vector| self.vector(vector.index()));
                let result = lanes.make(|n| lanes.get(both, n + first as u32));
                self.set_vector(to.index(), result, bytes);
            }
            [Arg::Vector(to), Arg::Vector(from), Arg::BitNumber(number)] => {
                self.by_number(op, to, from, u32::from(number));
            }
            [Arg::Vector(to), Arg::Vector(from)] if op == Op::Xtn => {
                let bits = Lanes::of(to.arrangement()).bits;
                let value = self.vector(from.index());
                let narrow = Lanes { bits, count: 64 / bits }.make(|n| element(value, n, 2 * bits));
                self.set_half(to.index(), narrow, to.arrangement().vector_bytes() == 16);
            }
            [Arg::Vector(to), Arg::Vector(from)] => {
                let result = self.change(op, Lanes::of(to.arrangement()), self.vector(from.index()));
                self.set_vector(to.index(), result, to.arrangement().vector_bytes());
            }
            [Arg::Simd(to), Arg::Vector(from)] => {
                let result = self.reduce(op, Lanes::of(from.arrangement()), self.vector(from.index()));
                self.set_vector(to.index(), result as u128, to.width().bytes());
            }
            [Arg::Vector(to), Arg::Imm(value)] => self.immediate(op, to, value as u64),
            [Arg::Vector(to), Arg::Imm(value), Arg::Shift(shift)] => {
                self.immediate(op, to, (value as u64) << shift.amount);
            }
            [Arg::Vector(to), Arg::BitmaskImm(value)] => self.immediate(op, to, value),
            [Arg::Simd(to), Arg::BitmaskImm(value)] => self.set_vector(to.index(), value as u128, 8),
            [Arg::Vector(to), Arg::Reg(from)] => self.immediate(op, to, self.get(from)),
            [Arg::Vector(to), Arg::VectorElement(from)] => self.immediate(op, to, self.element(from)),
            [Arg::Simd(to), Arg::VectorElement(from)] => {
                self.set_vector(to.index(), self.element(from) as u128, to.width().bytes());
            }
            [Arg::Reg(to), Arg::VectorElement(from)] => self.move_out(op, to, from.width(), self.element(from)),
            [Arg::VectorElement(to), Arg::Reg(from)] => self.set_element(to, self.get(from)),
            [Arg::VectorElement(to), Arg::VectorElement(from)] => self.set_element(to, self.element(from)),
            [Arg::Simd(to), Arg::Simd(from)] => {
                self.set_vector(to.index(), self.vector(from.index()), to.width().bytes());
            }
            [Arg::Reg(to), Arg::Simd(from)] => self.set(to, self.vector(from.index()) as u64),
            [Arg::Simd(to), Arg::Reg(from)] => {
                self.set_vector(to.index(), self.get(from) as u128, to.width().bytes());
            }
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }

    /// UMOV, SMOV, and FMOV of the upper half.
    fn move_out(&mut self, op: Op, to: Reg, width: SimdWidth, value: u64) {
        let value = if op == Op::Smov { signed(value, 8 * width.bytes() as u32) as u64 } else { value };
        self.set(to, value);
    }
}

const UNKNOWN: Stop = Stop::Unmodelled("an instruction that the model does not know");
