//! The assembler: text to instructions, with the same table that decodes.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::alias;
use crate::error::{ParseError, ParseErrorKind};
use crate::syntax::{Item, ParsedOperand, Statement, Value, read_line};
use arch::Arg;
use isa::suggest::closest;
use isa::{Insn, Operand, OperandError, Row, keep_best, near, rows};

/// The size of every A64 instruction, in bytes.
const INSN_BYTES: i64 = 4;

/// Assembles a program.
///
/// Instructions are separated by line ends or `;`, a comment begins with `//` and a label is `name:`. A branch target is
/// an offset in bytes from the instruction (`.+8`, `.-16`, `.`) or a label of the same text. Common aliases such as
/// `mov`, `cmp`, `lsl` and `cset` are accepted.
///
/// ```
/// let program = assembler::assemble("again: irg x1, x0 // a random tag\n stg x1, [x1], #16; b again").unwrap();
/// assert_eq!(program[2].to_string(), "b .-8");
/// let error = assembler::assemble("stg x0, [x1, #24]").unwrap_err();
/// assert_eq!(error.to_string(), "line 1, column 9: stg: offset 24 is not a multiple of 16");
/// ```
///
/// # Errors
/// Returns the first error with its position: invalid syntax, an unknown instruction, an invalid operand, or a label
/// that is defined twice.
pub fn assemble(text: &str) -> Result<Vec<Insn>, ParseError> {
    let mut statements = Vec::new();
    let mut labels = BTreeMap::new();
    for (line, text) in (1..).zip(text.lines()) {
        for item in read_line(text, line)? {
            match item {
                Item::Statement(statement) => statements.push(statement),
                Item::Label { line, column, name } => {
                    if labels.insert(name, statements.len()).is_some() {
                        let kind = ParseErrorKind::DuplicateLabel { label: name.to_string() };
                        return Err(ParseError { line, column, kind });
                    }
                }
            }
        }
    }
    let labels = Labels(labels);
    let mut cache = CandidateCache::default();
    let encoded = statements.into_iter().enumerate();
    encoded.map(|(index, statement)| encode(statement, index, &labels, &mut cache)).collect()
}

/// A row that a mnemonic may name, and the part of the mnemonic that is the row's first operand.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    row: &'static Row,
    /// The embedded operand and its offset in the mnemonic, in bytes.
    embedded: Option<(usize, &'a str)>,
}

impl<'a> Candidate<'a> {
    fn new(row: &'static Row, mnemonic: &'a str) -> Option<Self> {
        // The part before a placeholder is never empty, so the first letter rules out most rows.
        let first = |text: &str| text.bytes().next().map(|letter| letter.to_ascii_lowercase());
        if first(row.mnemonic()) != first(mnemonic) {
            return None;
        }
        let Some((before, after)) = row.split_mnemonic() else {
            return row.mnemonic().eq_ignore_ascii_case(mnemonic).then_some(Self { row, embedded: None });
        };
        let end = mnemonic.len().checked_sub(after.len()).filter(|end| *end >= before.len())?;
        let (head, embedded, tail) =
            (mnemonic.get(..before.len())?, mnemonic.get(before.len()..end)?, mnemonic.get(end..)?);
        let matches = head.eq_ignore_ascii_case(before) && tail.eq_ignore_ascii_case(after);
        // What follows a dot can only be the operand, so an invalid one is an error of that operand.
        let is_operand = before.ends_with('.') || row.operands().first()?.by_name(embedded).is_ok();
        (matches && is_operand).then_some(Self { row, embedded: Some((before.len(), embedded)) })
    }

    /// Returns the operands of a statement with the embedded one first.
    fn operands(&self, statement: &Statement<'a>) -> Vec<ParsedOperand<'a>> {
        let embedded = self.embedded.map(|(offset, name)| {
            let column = statement.column + offset;
            ParsedOperand { column, value: Value::Name(name) }
        });
        embedded.into_iter().chain(statement.operands.iter().copied()).collect()
    }
}

/// The candidates of each mnemonic seen so far: a program uses few mnemonics many times.
#[derive(Default)]
struct CandidateCache<'a>(BTreeMap<&'a str, Vec<Candidate<'a>>>);

impl<'a> CandidateCache<'a> {
    /// Returns the candidates of a mnemonic, in order of preference.
    fn get(&mut self, mnemonic: &'a str) -> &[Candidate<'a>] {
        self.0.entry(mnemonic).or_insert_with(|| {
            let names = [Some(mnemonic), alias::unscaled(mnemonic)];
            let found = names.into_iter().flatten();
            found.flat_map(|name| near(name).filter_map(move |row| Candidate::new(row, name))).collect()
        })
    }
}

/// Returns the mnemonics for suggestions, without an embedded operand where it may be empty.
fn mnemonics() -> impl Iterator<Item = &'static str> {
    rows().iter().filter_map(|row| match row.split_mnemonic() {
        None => Some(row.mnemonic()),
        Some((before, "")) if !before.ends_with('.') => Some(before),
        Some(_) => None,
    })
}

/// The labels of a program, each with the index of the instruction that follows it.
struct Labels<'a>(BTreeMap<&'a str, usize>);

impl Labels<'_> {
    /// Returns the offset in bytes from instruction `index` to label `name`.
    fn offset(&self, name: &str, index: usize) -> Result<Arg, OperandError> {
        let unknown = || OperandError::UnknownName { what: "label", name: name.to_string(), suggestion: None };
        let target = *self.0.get(name).ok_or_else(unknown)?;
        Ok(Arg::PcOffset((target as i64 - index as i64) * INSN_BYTES))
    }
}

/// Encodes a statement with the first row that accepts it.
fn encode<'a>(
    mut statement: Statement<'a>,
    index: usize,
    labels: &Labels<'_>,
    cache: &mut CandidateCache<'a>,
) -> Result<Insn, ParseError> {
    let written_mnemonic = statement.mnemonic;
    let line = statement.line;
    let error = |column, kind| ParseError { line, column, kind };
    alias::rewrite(&mut statement);
    let candidates = cache.get(statement.mnemonic);
    if candidates.is_empty() {
        let suggestion = closest(written_mnemonic, mnemonics().chain(alias::names()));
        let kind = ParseErrorKind::UnknownInstruction { mnemonic: written_mnemonic.to_string(), suggestion };
        return Err(error(statement.column, kind));
    }
    let mut best = None;
    let mut operands = Vec::new();
    for candidate in candidates {
        operands = candidate.operands(&statement);
        match try_row(candidate.row, &operands, index, labels) {
            Ok(insn) => return Ok(insn),
            Err(error) => keep_best(&mut best, error),
        }
    }
    // At least one candidate failed, so an error was recorded.
    let (operand, mut found) = best.unwrap_or((0, OperandError::Count { min: 0, max: 0, found: 0 }));
    let column = operands.get(operand).map_or(statement.column, |operand| operand.column);
    if let OperandError::Count { min, max, found } = &mut found {
        // To the user, the embedded operand is part of the mnemonic.
        let embedded = operands.len() - statement.operands.len();
        *min = min.saturating_sub(embedded);
        *max = max.saturating_sub(embedded);
        *found = found.saturating_sub(embedded);
    }
    Err(error(column, ParseErrorKind::Operand { mnemonic: written_mnemonic.to_string(), error: found }))
}

/// Encodes operands with a row. An error comes with the index of the operand it is about.
fn try_row(
    row: &'static Row,
    operands: &[ParsedOperand<'_>],
    index: usize,
    labels: &Labels<'_>,
) -> Result<Insn, (usize, OperandError)> {
    let mut args = Vec::new();
    for (position, parsed) in operands.iter().enumerate() {
        let arg = match (parsed.value, row.operands().get(position)) {
            (Value::Arg(arg), _) => Ok(arg),
            (Value::Name(name), Some(operand)) => resolve(*operand, name, index, labels),
            // A surplus operand, whatever it is: `build` reports the number of operands.
            (Value::Name(_), None) => Ok(Arg::Imm(0)),
        };
        args.push(arg.map_err(|error| (position, error))?);
    }
    row.build(&args)
}

/// Resolves a name in the position of `operand`.
fn resolve(operand: &dyn Operand, name: &str, index: usize, labels: &Labels<'_>) -> Result<Arg, OperandError> {
    if operand.takes_label() { labels.offset(name, index) } else { operand.by_name(name) }
}
