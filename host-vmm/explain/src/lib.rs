//! What something is that granule has a name for: a case, an instruction, a rule of the architecture, an erratum, a defect of the
//! kill matrix; with its source and, where there is a program, its trace on the specification.
//!
//! ```
//! let document = explain::explain("stg")?;
//! assert_eq!(document.kind, explain::Kind::Instruction);
//! let unknown = explain::explain("arch.irg.gcr-exlusion").unwrap_err();
//! assert!(unknown.to_string().ends_with("did you mean `arch.irg.gcr-exclusion`?"));
//! # Ok::<(), explain::UnknownTopic>(())
//! ```

#![forbid(unsafe_code)]

mod cases;
pub mod defects;
mod errata_entries;
mod instructions;
mod rules;
mod text;

use std::fmt;

use serde::Serialize;

pub use rules::{RULES, Rule};
pub use text::write;

/// What a topic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A case of the suite.
    Case,
    /// An instruction of the table.
    Instruction,
    /// A rule of the architecture.
    Rule,
    /// A known defect of a kernel or an emulator.
    Erratum,
    /// A defect of the kill matrix.
    Defect,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Case => "case",
            Self::Instruction => "instruction",
            Self::Rule => "rule",
            Self::Erratum => "erratum",
            Self::Defect => "defect",
        })
    }
}

/// What is known of a topic.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// Its name.
    pub topic: String,
    /// What it is.
    pub kind: Kind,
    /// What it means, as a sentence without its full stop.
    pub meaning: String,
    /// Its parts, in order.
    pub sections: Vec<Section>,
}

/// A part of a document.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Section {
    /// What it is about, in a word or two.
    pub heading: String,
    /// Its lines.
    pub lines: Vec<String>,
    /// The blocks of a program, with what they do on the specification.
    pub blocks: Vec<trace::Block>,
}

impl Section {
    /// Makes a part of lines.
    #[must_use]
    pub fn new(heading: &str, lines: Vec<String>) -> Self {
        Self { heading: heading.to_owned(), lines, blocks: Vec::new() }
    }

    /// Makes a part of one line.
    #[must_use]
    pub fn line(heading: &str, line: impl Into<String>) -> Self {
        Self::new(heading, vec![line.into()])
    }

    /// Makes a part of a program's blocks.
    #[must_use]
    pub fn blocks(heading: &str, blocks: Vec<trace::Block>) -> Self {
        Self { heading: heading.to_owned(), lines: Vec::new(), blocks }
    }
}

/// A name that nothing has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing is named `{topic}`: expected a case, an instruction, a rule, an erratum or a defect{}", hint(.near.as_deref(), .within))]
pub struct UnknownTopic {
    /// As given.
    pub topic: String,
    /// The name that it looks like.
    pub near: Option<String>,
    /// Some of the names that begin with it or contain it.
    pub within: Vec<String>,
}

fn hint(near: Option<&str>, within: &[String]) -> String {
    match (near, within) {
        (Some(near), _) => format!("; did you mean `{near}`?"),
        (None, []) => "; `granule list` shows the cases".to_owned(),
        (None, names) => format!("; did you mean one of {}?", names.join(", ")),
    }
}

/// How many names an unknown one is answered with.
const OFFERED: usize = 5;

/// Lists all topics: each name with what it is.
pub fn topics() -> impl Iterator<Item = (&'static str, Kind)> {
    let instructions = instructions::mnemonics().map(|name| (name, Kind::Instruction));
    let rules = RULES.iter().map(|rule| (rule.name, Kind::Rule));
    let errata = errata::all().map(|erratum| (erratum.id, Kind::Erratum));
    let cases = suite::cases().map(|case| (case.name, Kind::Case));
    instructions.chain(rules).chain(errata).chain(cases).chain(defects::all().map(|it| (it.name, Kind::Defect)))
}

/// Explains a topic. An instruction is named by its mnemonic, everything else by its name; case does not count.
///
/// # Errors
///
/// When nothing has this name.
pub fn explain(topic: &str) -> Result<Document, UnknownTopic> {
    let name = topic.trim().to_lowercase();
    let found = cases::document(&name)
        .or_else(|| instructions::document(&name))
        .or_else(|| rules::document(&name))
        .or_else(|| errata_entries::document(&name))
        .or_else(|| defects::document(&name));
    found.ok_or_else(|| unknown(topic.trim(), &name))
}

fn unknown(topic: &str, name: &str) -> UnknownTopic {
    let near = isa::suggest::closest(name, topics().map(|(name, _)| name)).map(str::to_owned);
    let contains = |topic: &&str| name.len() > 2 && topic.contains(name);
    let within = topics().map(|(name, _)| name).filter(contains).take(OFFERED).map(str::to_owned).collect();
    UnknownTopic { topic: topic.to_owned(), near, within }
}

#[cfg(test)]
mod tests;
