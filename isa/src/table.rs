//! The instruction table. A row holds everything this crate knows about an encoding; a new encoding is one line.
//!
//! A row reads `"mnemonic" bits [operands] of access needs feature where constraints;`. Bits that no operand owns are fixed: a word
//! decodes only if it has the same. `{}` in the mnemonic stands for the first operand, which is part of the mnemonic: a
//! condition, or the ordering of an atomic. Operands are listed in the order of assembly; their names are defined in
//! `operand/`. The access is the size of a load or store (`access.rs`), left out where it follows from the operands.
//! Constraints exclude combinations of registers that are CONSTRAINED UNPREDICTABLE (`unpredictable.rs`). Without its
//! feature (`feature.rs`) an instruction is UNDEFINED; which features no machine has confirmed is said there. Rows are
//! grouped by [`Op`](arch::Op), and modules by the kind of instruction.
//!
//! The assembler tries the rows of a mnemonic in order and prefers the error of an earlier row.

use crate::row::Row;

/// Defines a module's `ROWS`.
macro_rules! rows {
    ($( $op:ident {
        $( $mnemonic:literal $bits:literal [$($operand:ident)*] $(of $access:ident)? $(needs $feature:ident)? $(where $($constraint:ident)+)? ; )+
    } )*) => {
        /// The rows of this module.
        pub(super) const ROWS: &[$crate::row::Row] = &[$( $( $crate::row::Row::new(
            arch::Op::$op,
            $mnemonic,
            $bits,
            &[$( &$operand as &dyn $crate::operand::Operand ),*],
            &[$( $operand.mask() ),*],
        )
        $( .with_access($access) )?
        $( .with_constraints(&[$( $constraint ),+]) )?
        $( .with_feature($crate::feature::Feature::$feature) )?, )+ )*];
    };
}

mod arithmetic;
mod atomic;
mod authentication;
mod branch;
mod exclusive;
mod gcs;
mod integer;
mod ls64;
mod lsfe;
mod lsui;
mod mops;
mod pair;
mod pointers;
mod rcw;
mod simd;
mod single;
mod sme;
mod sve;
mod system;
mod tags;
mod vector;

/// The rows of each module, in the order of the whole table.
const MODULES: &[&[Row]] = &[
    pointers::ROWS,
    tags::ROWS,
    single::ROWS,
    pair::ROWS,
    exclusive::ROWS,
    atomic::ROWS,
    rcw::ROWS,
    lsfe::ROWS,
    lsui::ROWS,
    ls64::ROWS,
    gcs::ROWS,
    simd::ROWS,
    vector::ROWS,
    mops::ROWS,
    arithmetic::ROWS,
    integer::ROWS,
    system::ROWS,
    branch::ROWS,
    authentication::ROWS,
    sve::MODULES[0],
    sve::MODULES[1],
    sve::MODULES[2],
    sve::MODULES[3],
    sve::MODULES[4],
    sve::MODULES[5],
    sve::MODULES[6],
    sme::MODULES[0],
    sme::MODULES[1],
    sme::MODULES[2],
];

const LEN: usize = {
    let mut len = 0;
    let mut module = 0;
    while module < MODULES.len() {
        len += MODULES[module].len();
        module += 1;
    }
    len
};

/// The whole table: one static array, so that every row has one address.
pub(crate) static ROWS: [Row; LEN] = {
    let mut table = [MODULES[0][0]; LEN];
    let (mut next, mut module) = (0, 0);
    while module < MODULES.len() {
        let mut row = 0;
        while row < MODULES[module].len() {
            table[next] = MODULES[module][row];
            next += 1;
            row += 1;
        }
        module += 1;
    }
    table
};

/// How many buckets the mnemonics are sorted into.
const BUCKETS: usize = 256;

/// Returns the bucket of a mnemonic: its first three letters decide, whatever their case, or less where an operand follows.
const fn bucket(mnemonic: &str) -> usize {
    let bytes = mnemonic.as_bytes();
    let (mut hash, mut at) = (0, 0);
    while at < 3 && at < bytes.len() {
        hash = hash * 33 + (bytes[at] | 0x20) as usize;
        at += if bytes[at] == b'.' { 3 } else { 1 };
    }
    hash % BUCKETS
}

/// The rows by bucket, in the order of the table within each, and where each bucket begins.
static BY_MNEMONIC: ([u16; LEN], [u16; BUCKETS + 1]) = {
    let (mut places, mut begins, mut buckets) = ([0; LEN], [0; BUCKETS + 1], [0; LEN]);
    let mut row = 0;
    while row < LEN {
        if let Some((before, _)) = ROWS[row].split_mnemonic() {
            let fixed = before.as_bytes();
            assert!(fixed.len() >= 3 || fixed[fixed.len() - 1] == b'.', "an operand among the first three letters");
        }
        buckets[row] = bucket(ROWS[row].mnemonic());
        // How many rows the bucket has; then where the next bucket begins.
        begins[buckets[row] + 1] += 1;
        row += 1;
    }
    let mut number = 0;
    while number < BUCKETS {
        begins[number + 1] += begins[number];
        number += 1;
    }
    let mut next = begins;
    row = 0;
    while row < LEN {
        let place = &mut next[buckets[row]];
        places[*place as usize] = row as u16;
        *place += 1;
        row += 1;
    }
    (places, begins)
};

/// Lists the rows whose mnemonic may be this one, in the table's order: all that are, and a few others.
pub fn near(mnemonic: &str) -> impl Iterator<Item = &'static Row> {
    let (places, begins) = &BY_MNEMONIC;
    let number = bucket(mnemonic);
    places[usize::from(begins[number])..usize::from(begins[number + 1])].iter().map(|place| &ROWS[usize::from(*place)])
}

/// Returns the whole instruction table.
///
/// ```
/// // Instructions with the edge values of their operands.
/// for insn in isa::rows().iter().flat_map(|row| row.samples()).take(1_000) {
///     assert_eq!(isa::Insn::decode(insn.encode()), Some(insn));
/// }
/// ```
#[must_use]
pub fn rows() -> &'static [Row] {
    &ROWS
}
