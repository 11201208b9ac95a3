//! Programs as the user gave them: a file, standard input or code; and mistakes in them, shown where they are.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::error::CliError;
use machine::Explain;
use program::{Program, TextError};

/// How standard input is called where a file is expected.
const STANDARD_INPUT: &str = "-";

/// A text that should be a program.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it is called in messages: its path.
    pub name: String,
    /// What the user wrote.
    pub text: String,
}

impl Source {
    /// Reads a file, or standard input for `-`.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is no UTF-8.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let standard = path.as_os_str() == STANDARD_INPUT;
        let name = if standard { "<stdin>".to_owned() } else { path.display().to_string() };
        let text = if standard { io::read_to_string(io::stdin()) } else { fs::read_to_string(path) };
        match text {
            Ok(text) => Ok(Self { name, text }),
            Err(error) => Err(CliError::Usage(format!("{name}: cannot be read: {error}"))),
        }
    }

    /// Parses the text between two others, which are ours.
    ///
    /// # Errors
    ///
    /// When it is no program: what is wrong, in the line where it is.
    pub fn parse_within(&self, head: &str, tail: &str) -> Result<Program, CliError> {
        let program = format!("{head}{}{tail}", self.text).parse();
        program.map_err(|error: TextError| {
            let line = error.line.saturating_sub(head.lines().count());
            CliError::Source(Box::new(self.mistake(&TextError { line, ..error })))
        })
    }

    /// Parses the text.
    ///
    /// # Errors
    ///
    /// As [`Self::parse_within`].
    pub fn parse(&self) -> Result<Program, CliError> {
        self.parse_within("", "")
    }

    fn mistake(&self, error: &TextError) -> Mistake {
        Mistake {
            title: error.kind.to_string(),
            remedy: error.remedy().map(|remedy| remedy.into_owned()),
            place: place(&self.text, error.line, error.column),
            source: self.clone(),
        }
    }
}

/// A mistake in a program's text. Its [`Display`](std::fmt::Display) shows the line as the Rust compiler would.
#[derive(Debug)]
pub struct Mistake {
    title: String,
    remedy: Option<String>,
    /// Which bytes of the text are wrong.
    place: Range<usize>,
    source: Source,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let snippet = Snippet::source(&self.source.text)
            .path(&self.source.name)
            .annotation(AnnotationKind::Primary.span(self.place.clone()));
        let group = Level::ERROR.primary_title(&self.title).element(snippet);
        let group = match &self.remedy {
            Some(remedy) => group.element(Level::HELP.message(remedy)),
            None => group,
        };
        f.write_str(&Renderer::styled().render(&[group]))
    }
}

impl std::error::Error for Mistake {}

/// Returns which bytes of a text are meant by a line and a column, both from 1: a word, or a character, or the end of the line.
fn place(text: &str, line: usize, column: usize) -> Range<usize> {
    let mut start = 0;
    for (number, content) in (1..).zip(text.split_inclusive('\n')) {
        if number == line {
            let content = content.trim_end_matches(['\n', '\r']);
            let from = content.char_indices().nth(column.saturating_sub(1)).map_or(content.len(), |(at, _)| at);
            let rest = &content[from..];
            let is_word = |c: char| c.is_alphanumeric() || "._".contains(c);
            let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let length = if word == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { word };
            return start + from..start + from + length;
        }
        start += content.len();
    }
    text.len()..text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_words_characters_or_ends() {
        for (text, line, column, expected) in [
            ("stgg x0, [x1]\n", 1, 1, "stgg"),
            ("nop\nldr x0, [x1\n", 2, 9, "["),
            ("nop\nldr x0, [x1\n", 2, 12, ""),
            ("// \u{e4}\n\u{e4} x0\n", 2, 3, "x0"),
            ("nop", 7, 1, ""),
        ] {
            assert_eq!(&text[place(text, line, column)], expected, "{text:?}");
        }
    }

    #[test]
    fn a_mistake_in_code_is_shown_without_what_surrounds_it() {
        let source = Source { name: "-e".into(), text: "nop; ldr x0, [x1".into() };
        let error = source.parse_within("granule program 1\nblock el=1\ncode\n", "\nend\n").unwrap_err();
        let shown = anstream::adapter::strip_str(&error.to_string()).to_string();
        assert!(shown.contains("--> -e:1:17\n"), "{shown}");
        assert!(shown.contains("1 | nop; ldr x0, [x1\n"), "{shown}");
    }
}
