//! A line of a program's text as words, each with its column, taken one after the other.

use assembler::ParseErrorKind;
use isa::suggest::closest;

use super::super::error::{Instruction, TextError, TextErrorKind};

/// What begins a comment elsewhere, and nothing in a program.
const COMMENT_MARKS: [char; 3] = ['#', '@', ';'];

/// A word and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// The column, from 1, in characters.
    pub column: usize,
    /// The word: no white space in it, and `=` always alone.
    pub text: &'a str,
}

/// The words of a line that are still to be read.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// The line's number, from 1.
    pub number: usize,
    words: Vec<Word<'a>>,
    next: usize,
    end: usize,
}

impl<'a> Line<'a> {
    /// Splits a line without comments into words.
    pub fn new(number: usize, text: &'a str) -> Self {
        let mut words = Vec::new();
        let mut begun = None;
        let mut column = 1;
        for (at, c) in text.char_indices() {
            if c.is_whitespace() || c == '=' {
                words.extend(begun.take().map(|(column, from)| Word { column, text: &text[from..at] }));
                if c == '=' {
                    words.push(Word { column, text: &text[at..=at] });
                }
            } else if begun.is_none() {
                begun = Some((column, at));
            }
            column += 1;
        }
        words.extend(begun.map(|(column, from)| Word { column, text: &text[from..] }));
        Self { number, words, next: 0, end: column }
    }

    /// Takes the next word.
    pub fn take(&mut self) -> Option<Word<'a>> {
        let word = self.peek()?;
        self.next += 1;
        Some(word)
    }

    /// Looks at the next word.
    pub fn peek(&self) -> Option<Word<'a>> {
        self.words.get(self.next).copied()
    }

    /// Makes an error about the next word, or about the line's end.
    pub fn expected(&self, what: impl Into<String>) -> TextError {
        let first = self.peek().and_then(|word| word.text.chars().next());
        if let Some(found) = first.filter(|first| COMMENT_MARKS.contains(first)) {
            return self.error(self.column(), Instruction(ParseErrorKind::CommentMark { found }).into());
        }
        let found = self.peek().map_or_else(|| "the end of the line".to_owned(), |word| format!("`{}`", word.text));
        self.error(self.column(), TextErrorKind::Expected { expected: what.into(), found })
    }

    /// Makes an error about the next word, which is none of `names`: with `hint`, else with the name that is meant, else with
    /// all that is `allowed`.
    pub fn unknown<'n>(
        &self,
        what: &str,
        names: impl Iterator<Item = &'n str>,
        hint: Option<&str>,
        allowed: impl Fn() -> String,
    ) -> TextError {
        let word = self.peek().map_or("", |word| word.text);
        let meant = || Some(format!("did you mean `{}`?", closest(word, names)?));
        match hint.map(str::to_owned).or_else(meant) {
            Some(hint) => self.error(
                self.column(),
                TextErrorKind::Unknown { expected: what.to_owned(), found: word.to_owned(), hint },
            ),
            None => self.expected(allowed()),
        }
    }

    /// Makes an error at a column of this line.
    pub fn error(&self, column: usize, kind: TextErrorKind) -> TextError {
        TextError { line: self.number, column, kind }
    }

    /// Returns the column of the next word, or of the line's end.
    pub fn column(&self) -> usize {
        self.peek().map_or(self.end, |word| word.column)
    }

    /// Takes the next word if it is this one.
    pub fn take_if(&mut self, text: &str) -> bool {
        let is = self.peek().is_some_and(|word| word.text == text);
        self.next += usize::from(is);
        is
    }

    /// Takes this word and no other.
    pub fn keyword(&mut self, text: &str) -> Result<(), TextError> {
        if self.take_if(text) { Ok(()) } else { Err(self.expected(format!("`{text}`"))) }
    }

    /// Takes one of several names; returns what it stands for.
    pub fn name<T: Copy>(&mut self, what: &str, names: &[(&str, T)]) -> Result<T, TextError> {
        let found = self.peek().and_then(|word| names.iter().find(|(name, _)| *name == word.text));
        match found {
            Some((_, value)) => {
                self.next += 1;
                Ok(*value)
            }
            None => {
                let names = names.iter().map(|(name, _)| *name);
                Err(self.unknown(what, names.clone(), None, || format!("{what}: {}", list(names.clone()))))
            }
        }
    }

    /// Takes a number: decimal, `0x…` or `0b…`, with `_` anywhere between digits.
    pub fn number(&mut self, what: &str) -> Result<u64, TextError> {
        let number = self.peek().and_then(|word| number(word.text));
        let number = number.ok_or_else(|| self.expected(format!("{what}, a number below 2^64 such as 64 or 0x40")))?;
        self.next += 1;
        Ok(number)
    }

    /// Takes a number within bounds that is a multiple of a step.
    pub fn bounded(&mut self, what: &'static str, min: u64, max: u64, step: u64) -> Result<u64, TextError> {
        let column = self.column();
        let value = self.number(what)?;
        if !(min..=max).contains(&value) {
            return Err(self.error(column, TextErrorKind::OutOfRange { what, value, min, max }));
        }
        if !value.is_multiple_of(step) {
            return Err(self.error(column, TextErrorKind::NotMultiple { what, value, step }));
        }
        Ok(value)
    }

    /// Demands that nothing more follows.
    pub fn end(&self) -> Result<(), TextError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.expected("the end of the line")) }
    }
}

/// Reads a number.
pub fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x', ..] => (&text[2..], 16),
        [b'0', b'b', ..] => (&text[2..], 2),
        _ => (text, 10),
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    u64::from_str_radix(&digits.replace('_', ""), radix).ok()
}

/// Lists names as a sentence does.
pub fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        names => names.join(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let mut line = Line::new(1, "  é x0=0x1  ");
        let words: Vec<_> = std::iter::from_fn(|| line.take()).map(|word| (word.column, word.text)).collect();
        assert_eq!(words, [(3, "é"), (5, "x0"), (7, "="), (8, "0x1")]);
    }

    #[test]
    fn numbers_have_three_forms() {
        for (text, value) in [("12", 12), ("0x1_f", 31), ("0b101", 5), ("1_000", 1000)] {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for text in ["", "0x", "_1", "0x_1", "-1", "1f", "0b2", "18446744073709551616"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
