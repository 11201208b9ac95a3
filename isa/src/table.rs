//! The instruction table. Everything this crate knows about an encoding stands in its row; a new one is one line.
//!
//! A row is `"mnemonic" bits [operands] of size where rules;`. Bits that no operand owns are fixed, and must be as given
//! for a word to decode. A `{}` in the mnemonic stands for the first operand, which is letters: a condition, an ordering.
//! Operands are listed in the order of assembly; `operand/` says what each name means. The size is that of a load or
//! store (`access.rs`); where it depends on the operands it is left out. Rules name combinations of registers that are
//! CONSTRAINED UNPREDICTABLE (`clash.rs`). Rows are grouped by [`Op`](crate::Op), and chapters by what they work on.
//!
//! Rows of one mnemonic are tried in order when assembling; an error of an earlier one is preferred.

use crate::row::Row;

/// Makes a chapter's `ROWS` of its rows.
macro_rules! rows {
    ($( $op:ident {
        $( $mnemonic:literal $bits:literal [$($operand:ident)*] $(of $size:ident)? $(where $($rule:ident)+)? ; )+
    } )*) => {
        /// The rows of this chapter.
        pub(super) const ROWS: &[$crate::row::Row] = &[$( $( $crate::row::Row::new(
            $crate::op::Op::$op,
            $mnemonic,
            $bits,
            &[$( &$operand as &dyn $crate::operand::Operand ),*],
            &[$( $operand.mask() ),*],
        )
        $( .moves($size) )?
        $( .with_rules(&[$( $rule ),+]) )?, )+ )*];
    };
}

mod arithmetic;
mod atomic;
mod branch;
mod copy;
mod exclusive;
mod pair;
mod pointers;
mod simd;
mod single;
mod system;
mod tags;

/// The chapters, in the order of the whole table.
const CHAPTERS: &[&[Row]] = &[
    pointers::ROWS,
    tags::ROWS,
    single::ROWS,
    pair::ROWS,
    exclusive::ROWS,
    atomic::ROWS,
    simd::ROWS,
    copy::ROWS,
    arithmetic::ROWS,
    system::ROWS,
    branch::ROWS,
];

const LEN: usize = {
    let mut len = 0;
    let mut chapter = 0;
    while chapter < CHAPTERS.len() {
        len += CHAPTERS[chapter].len();
        chapter += 1;
    }
    len
};

/// The whole table: the chapters behind each other, in one place so that a row has one address.
pub(crate) static ROWS: [Row; LEN] = {
    let mut table = [CHAPTERS[0][0]; LEN];
    let (mut next, mut chapter) = (0, 0);
    while chapter < CHAPTERS.len() {
        let mut row = 0;
        while row < CHAPTERS[chapter].len() {
            table[next] = CHAPTERS[chapter][row];
            next += 1;
            row += 1;
        }
        chapter += 1;
    }
    table
};
