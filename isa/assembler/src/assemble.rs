//! The assembler: text to instructions, with the same table that decodes.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::advice::{LABEL, Refused};
use crate::comment::without_comments;
use crate::error::{ParseError, ParseErrorKind};
use crate::syntax::{Item, ParsedOperand, Statement, Value, read_line};
use crate::{alias, unknown, wide};
use arch::Arg;
use isa::{Insn, Operand, OperandError, Row, keep_best, near, rows};

/// The size of every A64 instruction, in bytes.
const INSN_BYTES: i64 = 4;

/// Assembles a program.
///
/// Instructions are separated by line ends or `;`, a comment is `// …` or `/* … */` and a label is `name:`. A branch target is
/// an offset in bytes from the instruction (`.+8`, `.-16`, `.`) or a label of the same text. Common aliases such as
/// `mov`, `cmp`, `lsl`, `cset` and `bne` are accepted.
///
/// `ldr x0, =0x1234_5678_9abc` and `mov x0, #0x1234_5678_9abc` become as many instructions as the constant needs, up to four of MOVZ,
/// MOVN and MOVK: there is no literal pool. `.inst 0xd503201f`, also written `.word` or `.long`, is the instruction with that word.
///
/// ```
/// let program = assembler::assemble("again: irg x1, x0 // a random tag\n stg x1, [x1], #16; b again").unwrap();
/// assert_eq!(program[2].to_string(), "b .-8");
/// let wide = assembler::assemble("ldr x0, =0x2000040600000").unwrap();
/// let wide: Vec<_> = wide.iter().map(|insn| insn.to_string()).collect();
/// assert_eq!(wide, ["movz x0, #0x4060, lsl #16", "movk x0, #0x2, lsl #48"]);
/// let error = assembler::assemble("stg x0, [x1, #24]").unwrap_err();
/// assert_eq!(error.to_string(), "line 1, column 9: stg: offset 24 is not a multiple of 16");
/// ```
///
/// # Errors
/// Returns the first error with its position: invalid syntax, an unknown instruction, an invalid operand, a label
/// that is defined twice, or a word that is no instruction of the table.
pub fn assemble(text: &str) -> Result<Vec<Insn>, ParseError> {
    let known = |word: Word| {
        let insn = word.insn.or_else(|| Insn::decode(word.bits));
        let Word { line, column, bits, .. } = word;
        insn.ok_or(ParseError { line, column, kind: ParseErrorKind::UnknownWord { word: bits } })
    };
    assemble_words(text)?.into_iter().map(known).collect()
}

/// A word of an assembled program and where it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// The line, from 1.
    pub line: usize,
    /// The column of the instruction or of the number, from 1, in characters.
    pub column: usize,
    /// The word.
    pub bits: u32,
    /// The instruction; `None` for a number of `.inst`.
    pub insn: Option<Insn>,
}

/// Assembles a program as [`assemble`] does, in which `.inst` may have any word.
///
/// ```
/// let words = assembler::assemble_words("nop\n.inst 0, 0xd503201f").unwrap();
/// assert_eq!(words.iter().map(|word| word.bits).collect::<Vec<_>>(), [0xd503_201f, 0, 0xd503_201f]);
/// assert_eq!((words[2].line, words[2].column, words[2].insn), (2, 10, None));
/// ```
///
/// # Errors
/// Returns the first error with its position: see [`assemble`].
pub fn assemble_words(text: &str) -> Result<Vec<Word>, ParseError> {
    let text = without_comments(text)?;
    let mut cache = CandidateCache::default();
    let mut places = Vec::new();
    let mut labels = BTreeMap::new();
    for (line, text) in (1..).zip(text.lines()) {
        for item in read_line(text, line, &mut |mnemonic| unknown(mnemonic, &mut cache))? {
            match item {
                Item::Statement(statement) => wide::expand(statement, &mut |one| places.push(Place::Statement(one)))?,
                Item::Word { line, column, word } => {
                    places.push(Place::Word(Word { line, column, bits: word, insn: None }));
                }
                Item::Label { line, column, name } => {
                    if labels.insert(name, places.len()).is_some() {
                        let kind = ParseErrorKind::DuplicateLabel { label: name.to_string() };
                        return Err(ParseError { line, column, kind });
                    }
                }
            }
        }
    }
    let labels = Labels(labels);
    let encoded = places.into_iter().enumerate().map(|(index, place)| match place {
        Place::Word(word) => Ok(word),
        Place::Statement(statement) => {
            let (line, column) = (statement.line, statement.column);
            let insn = encode(statement, index, &labels, &mut cache)?;
            Ok(Word { line, column, bits: insn.encode(), insn: Some(insn) })
        }
    });
    encoded.collect()
}

/// What becomes a word.
enum Place<'a> {
    Statement(Statement<'a>),
    Word(Word),
}

/// Returns the error for a mnemonic that is neither in the table nor an alias.
fn unknown<'a>(mnemonic: &'a str, cache: &mut CandidateCache<'a>) -> Option<ParseErrorKind> {
    if !cache.get(mnemonic).is_empty() || alias::is_name(mnemonic) {
        return None;
    }
    let known: Vec<_> = mnemonics().chain(alias::names()).collect();
    Some(unknown::mnemonic(mnemonic, &known))
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
        let unknown = || OperandError::UnknownName { what: LABEL, name: name.to_string(), suggestion: None };
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
    let count = statement.operands.len();
    alias::rewrite(&mut statement);
    let candidates = cache.get(statement.mnemonic);
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
    let best = best.unwrap_or((0, OperandError::Count { min: 0, max: 0, found: 0 }));
    let embedded = operands.len() - statement.operands.len();
    let labels = labels.0.keys().copied();
    let refused =
        Refused { mnemonic: written_mnemonic, count, embedded, column: statement.column, operands: &operands };
    let (column, kind) = refused.explain(best, labels);
    Err(ParseError { line: statement.line, column, kind })
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
            (Value::Constant(value), Some(operand)) => Err(operand.wrong_kind(&format!("={value}"))),
            // A surplus operand, whatever it is: `build` reports the number of operands.
            (Value::Name(_) | Value::Constant(_), None) => Ok(Arg::Imm(0)),
        };
        args.push(arg.map_err(|error| (position, error))?);
    }
    row.build(&args)
}

/// Resolves a name in the position of `operand`.
fn resolve(operand: &dyn Operand, name: &str, index: usize, labels: &Labels<'_>) -> Result<Arg, OperandError> {
    if operand.takes_label() { labels.offset(name, index) } else { operand.by_name(name) }
}
