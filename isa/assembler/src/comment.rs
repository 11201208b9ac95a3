//! Comments: `//` to the end of the line, and `/* */` over any number of lines, as GNU as has them for AArch64.

use alloc::borrow::Cow;
use alloc::string::String;
use core::mem;

use crate::error::{ParseError, ParseErrorKind};

/// The mark that some editors put before a text, which says nothing about UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    /// After `//`.
    Line,
    /// After `/*`.
    Block,
}

/// Returns the text without a byte order mark, and with a blank for each character of a comment, so that lines and columns
/// stay as they are.
///
/// ```
/// let text = assembler::without_comments("nop // one\nnop /* two\n */ nop").unwrap();
/// assert_eq!(text, "nop       \nnop       \n    nop");
/// ```
///
/// # Errors
/// Returns an error at a `/*` that has no `*/`.
pub fn without_comments(text: &str) -> Result<Cow<'_, str>, ParseError> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if !text.contains("//") && !text.contains("/*") {
        return Ok(Cow::Borrowed(text));
    }
    let mut blanked = String::with_capacity(text.len());
    let mut state = State::Text;
    let (mut line, mut column) = (1, 1);
    let mut begun = (line, column);
    let mut rest = text.chars();
    while let Some(found) = rest.next() {
        let next = rest.clone().next();
        let (becomes, both) = match (state, found, next) {
            (State::Text, '/', Some('/')) => (State::Line, true),
            (State::Text, '/', Some('*')) => (State::Block, true),
            (State::Block, '*', Some('/')) => (State::Text, true),
            (State::Line, '\n', _) => (State::Text, false),
            _ => (state, false),
        };
        let was = mem::replace(&mut state, becomes);
        if was == State::Text && state == State::Block {
            begun = (line, column);
        }
        let keeps = found == '\n' || was == State::Text && state == State::Text;
        blanked.push(if keeps { found } else { ' ' });
        (line, column) = if found == '\n' { (line + 1, 1) } else { (line, column + 1) };
        if both {
            rest.next();
            blanked.push(' ');
            column += 1;
        }
    }
    if state == State::Block {
        return Err(ParseError { line: begun.0, column: begun.1, kind: ParseErrorKind::OpenComment });
    }
    Ok(Cow::Owned(blanked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_do_not_nest_and_hide_each_other() {
        for (text, rest) in [
            ("a // b /* c\nd", "a          \nd"),
            ("a /* // */ b", "a          b"),
            ("a /* /* */ b", "a          b"),
            ("/*/ a */b", "        b"),
            ("/**/a", "    a"),
            ("a / b", "a / b"),
            ("\u{feff}é // é", "é     "),
        ] {
            assert_eq!(without_comments(text).unwrap(), rest, "{text}");
        }
    }

    #[test]
    fn an_open_comment_is_reported_where_it_begins() {
        let error = without_comments("nop /* a */\n  nop /* b\n\nc").unwrap_err();
        assert_eq!((error.line, error.column, error.kind), (2, 7, ParseErrorKind::OpenComment));
    }
}
