//! Reads the instructions of a block: `isa`'s assembler, `.inst` for any word, and branches that stay inside.

use isa::Insn;

use super::super::MAX_WORDS;
use super::super::branch_target::{self, WORD};
use super::super::error::{Instruction, TextError, TextErrorKind};
use super::super::{Expectation, Run};
use super::expect;
use super::line::Line;

/// The lines of a block's instructions.
#[derive(Debug, Default)]
pub struct Code {
    /// The text for the assembler, line by line, with `nop` where a `.inst` stands.
    text: String,
    /// The number of the first line.
    first: usize,
    /// For each instruction, line and column.
    places: Vec<(usize, usize)>,
    /// Words that are given as numbers: the place of the instruction, and the word.
    words: Vec<(usize, u32)>,
    /// What should be seen behind so many instructions, and the line that says so.
    expectations: Vec<(usize, Expectation, usize)>,
}

impl Code {
    /// Takes a line of the block.
    pub fn push(&mut self, mut line: Line<'_>, text: &str) -> Result<(), TextError> {
        if self.text.is_empty() {
            self.first = line.number;
        }
        if line.take_if(".inst") {
            let column = line.column();
            let word = line.bounded("instruction word", 0, u32::MAX.into(), 1)?;
            line.end()?;
            self.words.push((self.places.len(), word as u32));
            self.places.push((line.number, column));
            self.text.push_str("nop\n");
            return Ok(());
        }
        let code = text.split("//").next().unwrap_or_default();
        let mut column = 1;
        for piece in code.split(';') {
            let instruction = piece.rsplit_once(':').map_or(piece, |(_, instruction)| instruction);
            if !instruction.trim().is_empty() {
                let before = piece.len() - instruction.trim_start().len();
                self.places.push((line.number, column + piece[..before].chars().count()));
            }
            column += piece.chars().count() + 1;
        }
        self.text.push_str(code);
        self.text.push('\n');
        Ok(())
    }

    /// Takes a line that says what should be seen, from behind the word `expect`. `run` is the block so far.
    pub fn expect(&mut self, mut line: Line<'_>, run: &Run) -> Result<(), TextError> {
        if self.places.is_empty() {
            return Err(line.error(1, TextErrorKind::NothingToExpect));
        }
        let number = line.number;
        let expectation = expect::read(&mut line, Some(run))?;
        self.expectations.push((self.places.len(), expectation, number));
        self.text.push('\n');
        Ok(())
    }

    /// Assembles all lines of the block, which begins in line `begun`: its words, and what should be seen behind so many.
    pub fn assemble(self, begun: usize) -> Result<(Vec<u32>, Vec<(usize, Expectation)>), TextError> {
        let insns = assembler::assemble(&self.text).map_err(|error| TextError {
            line: self.first + error.line - 1,
            column: error.column,
            kind: Instruction(error.kind).into(),
        })?;
        if insns.is_empty() || insns.len() > MAX_WORDS {
            let kind = TextErrorKind::BlockSize { max: MAX_WORDS, found: insns.len() };
            return Err(TextError { line: begun, column: 1, kind });
        }
        for (index, insn) in insns.iter().enumerate() {
            if let Some(kind) = leaves(*insn, index, insns.len()) {
                let (line, column) = self.places.get(index).copied().unwrap_or((begun, 1));
                return Err(TextError { line, column, kind });
            }
        }
        for (count, _, line) in &self.expectations {
            let over =
                insns.iter().take(*count).enumerate().find(|(index, insn)| leaves(**insn, *index, *count).is_some());
            if let Some((_, insn)) = over {
                let kind = TextErrorKind::BranchOver { instruction: insn.to_string() };
                return Err(TextError { line: *line, column: 1, kind });
            }
        }
        let mut words: Vec<_> = insns.into_iter().map(Insn::encode).collect();
        for (index, word) in self.words {
            if let Some(slot) = words.get_mut(index) {
                *slot = word;
            }
        }
        let expectations = self.expectations.into_iter().map(|(count, expectation, _)| (count, expectation));
        Ok((words, expectations.collect()))
    }
}

/// Returns how an instruction leaves a block of `count` instructions, if it does. A branch may lead to the block's end.
fn leaves(insn: Insn, index: usize, count: usize) -> Option<TextErrorKind> {
    let distance = branch_target::distance(insn)?;
    let (min, end) = (-(index as i64) * WORD, (count - index) as i64 * WORD);
    let loaded = branch_target::bytes_loaded(insn);
    // A load ends where the block does, at the latest; what follows is not the program's.
    let max = end - loaded;
    if (min..=max).contains(&distance) || loaded == 0 && !branch_target::branches(insn) {
        return None;
    }
    Some(TextErrorKind::OutOfBlock { instruction: insn.to_string(), distance, min, max })
}
