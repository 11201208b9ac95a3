//! Completes words: mnemonics, registers, verbs, names of settings.

use std::collections::BTreeSet;

use program::control::{FIELDS, MODES};
use program::text::REGISTERS;
use program::value::WINDOWS;

use super::verbs::{Action, VERBS, Verb};

/// What a word of a line is, for highlighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A verb.
    Verb,
    /// A mnemonic.
    Mnemonic,
    /// A register, a field of one, or a place in a window.
    Register,
    /// A number.
    Number,
    /// A comment.
    Comment,
    /// Anything else.
    Other,
}

/// Returns the names that the word which ends at `end` may become, and where it begins. Both are in bytes.
#[must_use]
pub fn candidates(line: &str, end: usize) -> (usize, Vec<String>) {
    let before = line.get(..end).unwrap_or(line);
    let start = before
        .rfind(|c: char| !is_of_word(c))
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let (head, word) = (&before[..start], &before[start..]);
    if word.is_empty() && !head.trim_end().is_empty() && head.trim_end() == head {
        return (start, Vec::new());
    }
    let statement = head.rsplit(';').next().unwrap_or(head).trim();
    let names: BTreeSet<String> = match first_word(head) {
        _ if head.trim().is_empty() => verbs().chain(mnemonics()).chain(settings()).collect(),
        Some(verb) => arguments(verb),
        None if statement.is_empty() || statement.ends_with(':') => mnemonics().collect(),
        None if statement.ends_with('=') && is_mode(statement) => MODES.iter().map(|mode| (*mode).to_owned()).collect(),
        None if statement.contains('=') => windows().collect(),
        None => operands().collect(),
    };
    // One letter of many names says little, and an empty word nothing.
    let names = names.into_iter().filter(|name| name.starts_with(word) && (!word.is_empty() || name.len() < SHORT));
    (start, names.collect())
}

/// Names shorter than this are offered before a letter of them is there.
const SHORT: usize = 16;

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || ['.', '_', '-'].contains(&c)
}

fn first_word(head: &str) -> Option<&'static Verb> {
    Verb::named(head.split_whitespace().next()?)
}

fn is_mode(statement: &str) -> bool {
    statement.trim_start().starts_with("sctlr_el1.tcf")
}

fn verbs() -> impl Iterator<Item = String> {
    VERBS.iter().map(|verb| verb.name.to_owned())
}

fn mnemonics() -> impl Iterator<Item = String> {
    // `{}` stands for suffixes.
    isa::rows().iter().map(|row| row.mnemonic().split('{').next().unwrap_or_default().to_owned())
}

fn settings() -> impl Iterator<Item = String> {
    let registers = REGISTERS.iter().map(|register| register.name().to_owned());
    registers.chain(FIELDS.iter().map(|field| field.name.to_owned())).chain(general())
}

fn general() -> impl Iterator<Item = String> {
    (0..31).map(|n| format!("x{n}")).chain(["sp".to_owned()])
}

fn operands() -> impl Iterator<Item = String> {
    let narrow = (0..31).map(|n| format!("w{n}"));
    let names = ["xzr", "wzr", "tco", "nzcv", "gcr_el1", "rgsr_el1", "tfsr_el1", "tfsre0_el1"].map(str::to_owned);
    general().chain(narrow).chain(names)
}

fn windows() -> impl Iterator<Item = String> {
    WINDOWS.iter().map(|(name, _)| (*name).to_owned())
}

fn arguments(verb: &Verb) -> BTreeSet<String> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match verb.action {
        Action::Help => verbs().collect(),
        Action::Explain => mnemonics().collect(),
        Action::Mode => words(&["el0", "el1", "none", "sync", "async", "asymm"]),
        Action::El | Action::Tco => words(&["0", "1"]),
        Action::Against => words(&["tcg", "kvm", "nested", "none"]),
        Action::Tags | Action::Mem => general().chain(windows()).collect(),
        Action::Script => words(&["save"]),
        Action::Expect => {
            let fixed = ["no fault", "fault", "tags", "data", "nzcv", "tco"].map(str::to_owned);
            fixed.into_iter().chain(general()).chain(REGISTERS.iter().map(|one| one.name().to_owned())).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Cuts a line into pieces, each with what it is; together they are the line.
#[must_use]
pub fn pieces(line: &str) -> Vec<(&str, Kind)> {
    let (code, comment) = line.split_at(line.find("//").unwrap_or(line.len()));
    let mut list = Vec::new();
    let mut begins = true;
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let of_word = is_of_word(first);
        let end = rest.find(|c: char| is_of_word(c) != of_word).unwrap_or(rest.len());
        let (piece, later) = rest.split_at(end);
        if of_word {
            list.push((piece, kind(piece, begins)));
            begins = false;
        } else {
            begins |= piece.contains([';', ':']);
            list.push((piece, Kind::Other));
        }
        rest = later;
    }
    if !comment.is_empty() {
        list.push((comment, Kind::Comment));
    }
    list
}

/// Returns what a word is; `first` if it begins a statement.
fn kind(word: &str, first: bool) -> Kind {
    let is_register = || {
        arch::Reg::parse(word).is_some()
            || word == "tco"
            || word == "nzcv"
            || WINDOWS.iter().any(|(name, _)| *name == word)
            || settings().any(|name| name == word)
    };
    if first && Verb::named(word).is_some() {
        Kind::Verb
    } else if word.starts_with(|c: char| c.is_ascii_digit()) {
        Kind::Number
    } else if is_register() {
        Kind::Register
    } else if first && program::parse::is_code(word) {
        Kind::Mnemonic
    } else {
        Kind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> Vec<String> {
        candidates(line, line.len()).1
    }

    #[test]
    fn words_become_what_may_stand_there() {
        assert!(completed("ir").contains(&"irg".to_owned()));
        assert!(completed("exc").contains(&"exclude".to_owned()));
        assert!(completed("sctlr_el1.tcf").contains(&"sctlr_el1.tcf0".to_owned()));
        assert_eq!(completed("irg x1, x0; stz2"), ["stz2g"]);
        assert!(completed("irg x1").contains(&"x19".to_owned()));
        assert_eq!(completed("x1 = untag"), ["untagged", "untagged-el0"]);
        assert_eq!(
            completed("sctlr_el1.tcf = as"),
            ["async", "asymm"].map(str::to_owned).into_iter().rev().collect::<Vec<_>>()
        );
        assert_eq!(completed("mode el1 s"), ["sync"]);
        assert_eq!(completed("help und"), ["undo"]);
        assert_eq!(candidates("tags tag", 8).0, 5);
        assert_eq!(completed("qqq"), [""; 0]);
    }

    #[test]
    fn pieces_are_the_line() {
        let line = "irg x1, x0; l: stg x1, [x1, #0x10] // tag it";
        let pieces = pieces(line);
        assert_eq!(pieces.iter().map(|(text, _)| *text).collect::<String>(), line);
        let kind = |text: &str| pieces.iter().find(|(piece, _)| *piece == text).map(|(_, kind)| *kind);
        assert_eq!(
            (kind("irg"), kind("stg"), kind("x0")),
            (Some(Kind::Mnemonic), Some(Kind::Mnemonic), Some(Kind::Register))
        );
        assert_eq!((kind("0x10"), kind("// tag it")), (Some(Kind::Number), Some(Kind::Comment)));
        assert_eq!(super::pieces("tags x0")[0], ("tags", Kind::Verb));
        assert_eq!(super::pieces("é")[0], ("é", Kind::Other));
    }
}
