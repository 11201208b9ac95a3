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
use crate::syntax::{Piece, Statement, Value, Written, read_line};

/// The size of every A64 instruction.
const INSN_BYTES: i64 = 4;

/// Assembles a program: lines or `;` between instructions, `//` before a comment, `name:` for a label.
///
/// Branch targets are `.+8`, `.-16`, `.` or a label of the same text. Common aliases such as `mov`, `cmp`, `lsl` and
/// `cset` are understood.
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

/// A row that a mnemonic may mean, and the letters of the mnemonic that are the row's first operand.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    row: &'static Row,
    /// The letters and how far into the mnemonic they stand.
    letters: Option<(usize, &'a str)>,
}

impl<'a> Candidate<'a> {
    fn new(row: &'static Row, mnemonic: &'a str) -> Option<Self> {
        // Every row begins with a letter of its own; most rows are out by that.
        let first = |text: &str| text.bytes().next().map(|letter| letter.to_ascii_lowercase());
        if first(row.mnemonic()) != first(mnemonic) {
            return None;
        }
        let Some((before, after)) = row.around_letters() else {
            return row.mnemonic().eq_ignore_ascii_case(mnemonic).then_some(Self { row, letters: None });
        };
        let end = mnemonic.len().checked_sub(after.len()).filter(|end| *end >= before.len())?;
        let (head, letters, tail) =
            (mnemonic.get(..before.len())?, mnemonic.get(before.len()..end)?, mnemonic.get(end..)?);
        let around = head.eq_ignore_ascii_case(before) && tail.eq_ignore_ascii_case(after);
        // After a dot the letters can be nothing else, so there they may be wrong and are complained about.
        let known = before.ends_with('.') || row.operands().first()?.by_name(letters).is_ok();
        (around && known).then_some(Self { row, letters: Some((before.len(), letters)) })
    }

    /// Lists what is written for the operands of the row.
    fn written(&self, statement: &Statement<'a>) -> Vec<Written<'a>> {
        let letters = self.letters.map(|(place, letters)| {
            let column = statement.column + place;
            Written { column, value: Value::Name(letters) }
        });
        letters.into_iter().chain(statement.operands.iter().copied()).collect()
    }
}

/// The rows of each mnemonic met so far: programs use few, often.
#[derive(Default)]
struct Known<'a>(BTreeMap<&'a str, Vec<Candidate<'a>>>);

impl<'a> Known<'a> {
    /// Lists the rows of a mnemonic, first those that are preferred.
    fn rows(&mut self, mnemonic: &'a str) -> &[Candidate<'a>] {
        self.0.entry(mnemonic).or_insert_with(|| {
            let names = [Some(mnemonic), alias::unscaled(mnemonic)];
            let found = names.into_iter().flatten();
            found.flat_map(|name| rows().iter().filter_map(move |row| Candidate::new(row, name))).collect()
        })
    }
}

/// Lists the mnemonics for suggestions: those with letters without them, where that is one.
fn mnemonics() -> impl Iterator<Item = &'static str> {
    rows().iter().filter_map(|row| match row.around_letters() {
        None => Some(row.mnemonic()),
        Some((before, "")) if !before.ends_with('.') => Some(before),
        Some(_) => None,
    })
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
    let candidates = known.rows(statement.mnemonic);
    if candidates.is_empty() {
        let suggestion = closest(written_mnemonic, mnemonics().chain(alias::names()));
        let kind = ParseErrorKind::UnknownInstruction { mnemonic: written_mnemonic.to_string(), suggestion };
        return Err(error(statement.column, kind));
    }
    let mut best = None;
    let mut written = Vec::new();
    for candidate in candidates {
        written = candidate.written(&statement);
        match try_row(candidate.row, &written, index, labels) {
            Ok(insn) => return Ok(insn),
            Err(error) => keep_best(&mut best, error),
        }
    }
    // There was a candidate, and it failed: so there is an error.
    let (operand, mut found) = best.unwrap_or((0, OperandError::Count { min: 0, max: 0, found: 0 }));
    let column = written.get(operand).map_or(statement.column, |written| written.column);
    if let OperandError::Count { min, max, found } = &mut found {
        // Nobody counts letters of the mnemonic as an operand.
        let letters = written.len() - statement.operands.len();
        *min = min.saturating_sub(letters);
        *max = max.saturating_sub(letters);
        *found = found.saturating_sub(letters);
    }
    Err(error(column, ParseErrorKind::Operand { mnemonic: written_mnemonic.to_string(), error: found }))
}

/// Encodes what is written by a row; an error comes with the index of the operand it is about.
fn try_row(
    row: &'static Row,
    written: &[Written<'_>],
    index: usize,
    labels: &Labels<'_>,
) -> Result<Insn, (usize, OperandError)> {
    let mut args = Vec::new();
    for (position, written) in written.iter().enumerate() {
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
