//! Parses assembly text into labels, mnemonics and operands, without knowing any instruction.
//!
//! The syntax of an operand determines its kind, so rows need no parsers of their own. Names, such as those of system
//! registers, remain names here; the operand of a row resolves them.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::{ParseError, ParseErrorKind};
use arch::{Arg, Extend, ExtendKind, Reg, Shift, ShiftKind, Vector, VectorElement};

mod brackets;
mod matrix;
mod scalable;

/// A label, a statement, or a word that is given as a number.
pub(crate) enum Item<'a> {
    Label { line: usize, column: usize, name: &'a str },
    Statement(Statement<'a>),
    Word { line: usize, column: usize, word: u32 },
}

/// The directives that take words: `.inst 0xd503201f, 0`.
const WORD_DIRECTIVES: [&str; 4] = [".inst", ".word", ".long", ".4byte"];

const CONSTANT: &str = "a number behind `=` (adr has the address of a label)";
const LABEL: &str = "an instruction, or a label that begins with a letter";

/// A mnemonic and its operands.
pub(crate) struct Statement<'a> {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) mnemonic: &'a str,
    pub(crate) operands: Vec<ParsedOperand<'a>>,
}

/// An operand and its column.
#[derive(Clone, Copy)]
pub(crate) struct ParsedOperand<'a> {
    pub(crate) column: usize,
    pub(crate) value: Value<'a>,
}

/// The value of an operand as far as the syntax determines it.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Arg(Arg),
    Name(&'a str),
    /// The number behind `=`.
    Constant(i64),
}

/// Parses a line without comments: labels, and statements separated by semicolons. `unknown` returns
/// the error for a mnemonic whose operands mean nothing.
pub(crate) fn read_line<'a>(
    text: &'a str,
    line: usize,
    unknown: &mut dyn FnMut(&'a str) -> Option<ParseErrorKind>,
) -> Result<Vec<Item<'a>>, ParseError> {
    let mut reader = Reader { text, position: 0, line, counted: (0, 1) };
    let mut items = Vec::new();
    let mut is_first = true;
    loop {
        if reader.take(';') {
            is_first = false;
            continue;
        }
        if reader.at_end() {
            return Ok(items);
        }
        let start = reader.position;
        let column = reader.column();
        let Some(name) = reader.name() else {
            return Err(reader.comment_mark(|_| false).unwrap_or_else(|| reader.expected(LABEL)));
        };
        if reader.take(':') {
            items.push(Item::Label { line, column, name });
            continue;
        }
        if WORD_DIRECTIVES.iter().any(|directive| directive.eq_ignore_ascii_case(name)) {
            reader.words(&mut items)?;
            continue;
        }
        if let Some(kind) = unknown(name) {
            let may_be_comment =
                !is_first && matches!(kind, ParseErrorKind::UnknownInstruction { suggestion: None, .. });
            let kind = if may_be_comment { ParseErrorKind::NotAComment { found: name.to_string() } } else { kind };
            return Err(reader.error(start, kind));
        }
        let operands = reader.operands()?;
        items.push(Item::Statement(Statement { line, column, mnemonic: name, operands }));
    }
}

/// A line and the position of the next character to parse. Every method skips blanks first.
struct Reader<'a> {
    text: &'a str,
    position: usize,
    line: usize,
    /// An earlier position and its column, so that the characters of a long line are counted once.
    counted: (usize, usize),
}

impl<'a> Reader<'a> {
    fn operands(&mut self) -> Result<Vec<ParsedOperand<'a>>, ParseError> {
        let mut operands = Vec::new();
        if self.at_end() || self.peek() == Some(';') {
            return Ok(operands);
        }
        // `svc # 1` is a number, and `brk #x` means one.
        if let Some(error) = self.comment_mark(|behind| {
            let is_name = behind.starts_with(|c: char| c.is_ascii_alphabetic());
            is_name || behind.trim().is_empty() || begins_number(behind.trim_start())
        }) {
            return Err(error);
        }
        loop {
            let column = self.skip_blanks().column();
            let value = self.operand()?;
            operands.push(ParsedOperand { column, value });
            if self.take(',') {
                continue;
            }
            return if self.at_end() || self.peek() == Some(';') {
                Ok(operands)
            } else {
                let other = |reader: &mut Self| reader.expected("`,` or the end of the instruction");
                Err(self.comment_mark(begins_number).unwrap_or_else(|| other(self)))
            };
        }
    }

    /// Parses the words behind `.inst`.
    fn words(&mut self, to: &mut Vec<Item<'a>>) -> Result<(), ParseError> {
        loop {
            let start = self.skip_blanks().position;
            let (line, column) = (self.line, self.column());
            let value = self.number()?;
            // GNU as, too, takes a negative word.
            let word = u32::try_from(value).or_else(|_| i32::try_from(value).map(i32::cast_unsigned));
            let word = word.map_err(|_| self.error(start, ParseErrorKind::BadWord { value }))?;
            to.push(Item::Word { line, column, word });
            if self.at_end() || self.peek() == Some(';') {
                return Ok(());
            }
            if !self.take(',') {
                return Err(self
                    .comment_mark(begins_number)
                    .unwrap_or_else(|| self.expected("`,` or the end of the words")));
            }
        }
    }

    /// Returns the error for `@` or `#`, which begin comments elsewhere, unless `is_number` says that what follows `#` belongs to it.
    fn comment_mark(&mut self, is_number: fn(&str) -> bool) -> Option<ParseError> {
        let found = self.peek()?;
        let behind = self.text.get(self.position + 1..)?;
        let is_mark = found == '@' || found == '#' && !is_number(behind);
        is_mark.then(|| self.error(self.position, ParseErrorKind::CommentMark { found }))
    }

    fn operand(&mut self) -> Result<Value<'a>, ParseError> {
        if self.take('[') {
            return self.address().map(Value::Arg);
        }
        if self.take('{') {
            return match self.matrix_list()? {
                Some(arg) => Ok(Value::Arg(arg)),
                None => self.vectors().map(Value::Arg),
            };
        }
        if self.at_number() {
            return self.number().map(|value| Value::Arg(Arg::Imm(value)));
        }
        if self.take('=') {
            let is_number = self.at_number();
            return if is_number { self.number().map(Value::Constant) } else { Err(self.expected(CONSTANT)) };
        }
        let start = self.position;
        let Some(name) = self.name() else {
            let expected = match self.peek() {
                Some('%') => "a register without `%`",
                Some('$') => "a number without `$`",
                _ => "an operand",
            };
            return Err(self.expected(expected));
        };
        if name == "." {
            let distance = if matches!(self.peek(), Some('+' | '-')) { self.number()? } else { 0 };
            return Ok(Value::Arg(Arg::PcOffset(distance)));
        }
        if let Some(vector) = Vector::parse(name) {
            return Ok(Value::Arg(Arg::Vector(vector)));
        }
        if let Some(arg) = self.matrix(name)? {
            return Ok(Value::Arg(arg));
        }
        if let Some(arg) = self.scalable(name)? {
            return Ok(Value::Arg(arg));
        }
        if let Some((register, width)) = VectorElement::parse_register(name) {
            return self.element(register, width).map(|element| Value::Arg(Arg::VectorElement(element)));
        }
        if let Some(register) = Reg::parse(name) {
            let arg = if self.take('!') { Arg::UpdatedSize(register) } else { Arg::Reg(register) };
            return Ok(Value::Arg(arg));
        }
        if let Some(kind) = ExtendKind::by_name(name) {
            let amount = self.amount(start)?.unwrap_or(0);
            return Ok(Value::Arg(Arg::Extend(Extend { kind, amount })));
        }
        match ShiftKind::ALL.into_iter().find(|kind| name.eq_ignore_ascii_case(kind.name())) {
            Some(kind) if self.at_number() => {
                let amount = self.amount(start)?.unwrap_or(0);
                Ok(Value::Arg(Arg::Shift(Shift { kind, amount })))
            }
            _ => Ok(Value::Name(name)),
        }
    }

    /// Parses the optional amount of a shift or extension that began at `start`.
    fn amount(&mut self, start: usize) -> Result<Option<u8>, ParseError> {
        if !self.at_number() {
            return Ok(None);
        }
        let amount = self.number()?;
        let bad = |_| self.error(start, ParseErrorKind::BadShift { amount });
        u8::try_from(amount).map(Some).map_err(bad)
    }

    fn at_number(&mut self) -> bool {
        self.peek().is_some_and(|c| c.is_ascii_digit() || matches!(c, '#' | '+' | '-'))
    }

    /// Parses `#16`, `16`, `-16`, `#0x10` or `0b1_0000`.
    fn number(&mut self) -> Result<i64, ParseError> {
        self.take('#');
        let start = self.skip_blanks().position;
        let negative = self.take('-');
        if !negative {
            self.take('+');
        }
        // A dot is no part of a number, but a number with one is reported as a whole.
        let digits = self.word(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        if digits.is_empty() {
            return Err(self.expected("a number such as 16 or 0x10"));
        }
        value(digits, negative).ok_or_else(|| {
            let local = digits.strip_suffix(['b', 'f', 'B', 'F']).filter(|number| !number.is_empty());
            if local.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
                let (expected, found) = ("a label that begins with a letter", format!("`{digits}`"));
                return self.error(start, ParseErrorKind::Syntax { expected, found });
            }
            let text = self.text[start..self.position].to_string();
            self.error(start, ParseErrorKind::BadNumber { text })
        })
    }

    /// Parses a mnemonic, a label or another name.
    fn name(&mut self) -> Option<&'a str> {
        if !self.peek()?.is_ascii_alphabetic() && !matches!(self.peek()?, '_' | '.') {
            return None;
        }
        Some(self.word(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')))
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let start = self.skip_blanks().position;
        let rest = &self.text[start..];
        let len = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.position += len;
        &rest[..len]
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.position += wanted.len_utf8();
        }
        found
    }

    fn at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_blanks();
        self.text[self.position..].chars().next()
    }

    fn skip_blanks(&mut self) -> &mut Self {
        let rest = &self.text[self.position..];
        self.position += rest.len() - rest.trim_start().len();
        self
    }

    fn column(&mut self) -> usize {
        let (position, column) = self.counted;
        let column = match self.text.get(position..self.position) {
            Some(passed) => column + passed.chars().count(),
            None => self.column_of(self.position),
        };
        self.counted = (self.position, column);
        column
    }

    fn column_of(&self, position: usize) -> usize {
        self.text[..position].chars().count() + 1
    }

    /// Creates the error for the word or character at the current position.
    fn expected(&mut self, expected: &'static str) -> ParseError {
        let next = self.peek();
        let start = self.position;
        let word = self.word(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        let found = match next {
            None => "end of line".to_string(),
            Some(c) if word.is_empty() => format!("`{c}`"),
            Some(_) => format!("`{word}`"),
        };
        self.error(start, ParseErrorKind::Syntax { expected, found })
    }

    fn error(&self, position: usize, kind: ParseErrorKind) -> ParseError {
        ParseError { line: self.line, column: self.column_of(position), kind }
    }
}

fn begins_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+'))
}

/// Parses a 64-bit number; `0xffff_ffff_ffff_ffff` is -1, as in a register.
fn value(digits: &str, negative: bool) -> Option<i64> {
    let plain = digits.replace('_', "").to_ascii_lowercase();
    let magnitude = match plain.split_at_checked(2) {
        Some(("0x", hex)) => u64::from_str_radix(hex, 16),
        Some(("0b", binary)) => u64::from_str_radix(binary, 2),
        _ => plain.parse(),
    };
    match magnitude.ok()? {
        magnitude if negative => 0_i64.checked_sub_unsigned(magnitude),
        magnitude => Some(magnitude.cast_signed()),
    }
}
