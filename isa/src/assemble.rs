//! The assembler: text to instructions, over the same table that decodes.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::alias;
use crate::arg::Arg;
use crate::error::{OperandError, ParseError, ParseErrorKind};
use crate::insn::{Insn, keep_best};
use crate::operand::Operand;
use crate::row::{Row, rows};
use crate::suggest::closest;
use crate::syntax::{Piece, Statement, Value, read_line};

/// The size of every A64 instruction.
const INSN_BYTES: i64 = 4;

/// Assembles a program: lines or `;` between instructions, `//` before a comment, `name:` for a label.
///
/// Branch targets are `.+8`, `.-16`, `.` or a label of the same text. The aliases `mov`, `cmp`, `cmn`, `tst` and `cmpp`
/// are understood.
///
/// ```
/// let program = isa::assemble("again: irg x1, x0 // a fresh tag\n stg x1, [x1], #16; b again").unwrap();
/// assert_eq!(program[2].to_string(), "b .-8");
/// let error = isa::assemble("stg x0, [x1, #24]").unwrap_err();
/// assert_eq!(error.to_string(), "line 1, column 9: stg: offset 24 is not a multiple of 16");
/// ```
///
/// # Errors
/// Says where the first mistake is, what was expected there and what was found.
pub fn assemble(text: &str) -> Result<Vec<Insn>, ParseError> {
    let mut statements = Vec::new();
    let mut labels = BTreeMap::new();
    for (line, text) in (1..).zip(text.lines()) {
        for piece in read_line(text, line)? {
            match piece {
                Piece::Statement(statement) => statements.push(statement),
                Piece::Label { line, column, name } => {
                    if labels.insert(name, statements.len()).is_some() {
                        let kind = ParseErrorKind::DuplicateLabel { label: name.to_string() };
                        return Err(ParseError { line, column, kind });
                    }
                }
            }
        }
    }
    let labels = Labels(labels);
    let mut known = Known::default();
    let encoded = statements.into_iter().enumerate();
    encoded.map(|(index, statement)| encode(statement, index, &labels, &mut known)).collect()
}

/// The rows of each mnemonic met so far: programs use few, often.
#[derive(Default)]
struct Known<'a>(BTreeMap<&'a str, Vec<&'static Row>>);

impl<'a> Known<'a> {
    /// Lists the rows of a mnemonic, first those that are preferred.
    fn rows(&mut self, mnemonic: &'a str) -> &[&'static Row] {
        self.0.entry(mnemonic).or_insert_with(|| {
            let named = |name: &str| rows().iter().filter(|row| row.mnemonic().eq_ignore_ascii_case(name)).collect();
            let mut found: Vec<_> = named(mnemonic);
            if let Some(unscaled) = alias::unscaled(mnemonic) {
                found.extend::<Vec<_>>(named(unscaled));
            }
            found
        })
    }
}

/// The labels of a program and the index of the instruction each stands before.
struct Labels<'a>(BTreeMap<&'a str, usize>);

impl Labels<'_> {
    /// Returns the distance in bytes from instruction `index` to label `name`.
    fn distance(&self, name: &str, index: usize) -> Result<Arg, OperandError> {
        let unknown = || OperandError::UnknownName { what: "label", name: name.to_string(), suggestion: None };
        let target = *self.0.get(name).ok_or_else(unknown)?;
        Ok(Arg::Target((target as i64 - index as i64) * INSN_BYTES))
    }
}

/// Finds the row that a statement is written for.
fn encode<'a>(
    mut statement: Statement<'a>,
    index: usize,
    labels: &Labels<'_>,
    known: &mut Known<'a>,
) -> Result<Insn, ParseError> {
    let written_mnemonic = statement.mnemonic;
    let line = statement.line;
    let error = |column, kind| ParseError { line, column, kind };
    alias::rewrite(&mut statement);
    let candidates = candidates(&mut statement, known);
    if candidates.is_empty() {
        let mnemonics = rows().iter().map(Row::mnemonic).filter(|mnemonic| !mnemonic.ends_with('.'));
        let suggestion = closest(written_mnemonic, mnemonics.chain(alias::names()));
        let kind = ParseErrorKind::UnknownInstruction { mnemonic: written_mnemonic.to_string(), suggestion };
        return Err(error(statement.column, kind));
    }
    let mut best = None;
    for &row in candidates {
        match try_row(row, &statement, index, labels) {
            Ok(insn) => return Ok(insn),
            Err(error) => keep_best(&mut best, error),
        }
    }
    // There was a candidate, and it failed: so there is an error.
    let (operand, found) = best.unwrap_or((0, OperandError::Count { min: 0, max: 0, found: 0 }));
    let column = statement.operands.get(operand).map_or(statement.column, |written| written.column);
    Err(error(column, ParseErrorKind::Operand { mnemonic: written_mnemonic.to_string(), error: found }))
}

/// Lists the rows of the statement's mnemonic. Makes the condition of `b.eq` an operand.
fn candidates<'k, 'a>(statement: &mut Statement<'a>, known: &'k mut Known<'a>) -> &'k [&'static Row] {
    if let Some(dot) = statement.mnemonic.find('.') {
        let (mnemonic, condition) = statement.mnemonic.split_at(dot + 1);
        if !known.rows(mnemonic).is_empty() {
            let column = statement.column + dot + 1;
            statement.operands.insert(0, crate::syntax::Written { column, value: Value::Name(condition) });
            return known.rows(mnemonic);
        }
    }
    known.rows(statement.mnemonic)
}

/// Encodes a statement by a row; an error comes with the index of the operand it is about.
fn try_row(
    row: &'static Row,
    statement: &Statement<'_>,
    index: usize,
    labels: &Labels<'_>,
) -> Result<Insn, (usize, OperandError)> {
    let mut args = Vec::new();
    for (position, written) in statement.operands.iter().enumerate() {
        let arg = match (written.value, row.operands().get(position)) {
            (Value::Arg(arg), _) => Ok(arg),
            (Value::Name(name), Some(operand)) => resolve(*operand, name, index, labels),
            // One too many, of whatever kind: `build` counts them.
            (Value::Name(_), None) => Ok(Arg::Imm(0)),
        };
        args.push(arg.map_err(|error| (position, error))?);
    }
    row.build(&args)
}

/// Finds what a name stands for where `operand` belongs.
fn resolve(operand: &dyn Operand, name: &str, index: usize, labels: &Labels<'_>) -> Result<Arg, OperandError> {
    if operand.takes_label() { labels.distance(name, index) } else { operand.by_name(name) }
}
