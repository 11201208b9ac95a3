//! What the kernel's documents say about MTE in VMs, sentence by sentence, and which cases check it.
//!
//! A promise that nobody checks should be seen, and so should a behaviour that nobody promised. The sentences are quoted
//! from Linux 7.3's documents, under their own licence, shortened where `…` stands; `table` makes the page
//! docs/kernel-documents.md of them, and a test keeps that page true.

mod sentences;
mod table;

pub use sentences::SECTIONS;
pub use table::{render, undocumented, unmatched};

/// A part of a document.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The file in the kernel's tree.
    pub document: &'static str,
    /// Its heading.
    pub heading: &'static str,
    /// What it says, in order.
    pub sentences: &'static [Sentence],
}

/// A sentence of a document.
#[derive(Clone, Copy, Debug)]
pub struct Sentence {
    /// The sentence.
    pub text: &'static str,
    /// Who checks it.
    pub checked: Coverage,
}

/// Who checks a sentence.
#[derive(Clone, Copy, Debug)]
pub enum Coverage {
    /// Cases: names, prefixes or globs, as on the command line.
    By(&'static [&'static str]),
    /// Something else of granule's, named here.
    Otherwise(&'static str),
    /// Nobody, for this reason.
    Not(&'static str),
}
