//! Equality of pieces of source text, whatever their layout and wherever they were read.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Source text as a list of words, without its layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words(Vec<String>);

impl Words {
    /// Reads tokens. A trailing comma before a closing bracket is left out, and so is a trailing semicolon.
    pub(crate) fn of(tokens: TokenStream) -> Self {
        let mut words = Vec::new();
        read(tokens, &mut words);
        if words.last().is_some_and(|word| word == ";") {
            words.pop();
        }
        Self(words)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn read(tokens: TokenStream, words: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => {
                        read(group.stream(), words);
                        continue;
                    }
                };
                words.push(open.to_owned());
                read(group.stream(), words);
                if words.last().is_some_and(|word| word == ",") {
                    words.pop();
                }
                words.push(close.to_owned());
            }
            TokenTree::Punct(punct) => words.push(punct.as_char().to_string()),
            other => words.push(other.to_string()),
        }
    }
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}
