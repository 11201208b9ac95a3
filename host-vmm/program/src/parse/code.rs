//! Reads the instructions of a block: those of the assembler, `.inst` for any word, and branches that stay inside.

use assembler::Word;

use super::super::MAX_WORDS;
use super::super::branch_target::{self, WORD};
use super::super::error::{Instruction, TextError, TextErrorKind};
use super::super::{Expectation, Run};
use super::expect;
use super::line::Line;

/// The lines of a block's instructions.
#[derive(Debug, Default)]
pub struct Code {
    /// The text for the assembler, line by line.
    text: String,
    /// The number of the first line.
    first: usize,
    /// What should be seen behind the instructions so far, and the line that says so.
    expectations: Vec<(usize, Expectation)>,
}

/// The words of a block, and what should be seen behind so many.
type Assembled = (Vec<u32>, Vec<(usize, Expectation)>);

impl Code {
    /// Takes line `number` of the block.
    pub fn push(&mut self, number: usize, text: &str) {
        if self.text.is_empty() {
            self.first = number;
        }
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Takes a line that says what should be seen, from behind the word `expect`. `run` is the block so far.
    pub fn expect(&mut self, mut line: Line<'_>, run: &Run) -> Result<(), TextError> {
        let number = line.number;
        self.expectations.push((number, expect::read(&mut line, Some(run))?));
        self.push(number, "");
        Ok(())
    }

    /// Assembles all lines of the block, which begins in line `begun`: its words, and what should be seen behind so many.
    pub fn assemble(self, begun: usize) -> Result<Assembled, TextError> {
        let line_of = |line: usize| self.first + line - 1;
        let words = assembler::assemble_words(&self.text).map_err(|error| TextError {
            line: line_of(error.line),
            column: error.column,
            kind: Instruction(error.kind).into(),
        })?;
        if words.is_empty() || words.len() > MAX_WORDS {
            let kind = TextErrorKind::BlockSize { max: MAX_WORDS, found: words.len() };
            return Err(TextError { line: begun, column: 1, kind });
        }
        for (index, word) in words.iter().enumerate() {
            if let Some(kind) = leaves(*word, index, words.len()) {
                return Err(TextError { line: line_of(word.line), column: word.column, kind });
            }
        }
        let mut expectations = Vec::new();
        for (line, expectation) in self.expectations {
            let before = words.iter().take_while(|word| line_of(word.line) < line);
            let count = before.clone().count();
            let over = before.enumerate().find(|(index, word)| leaves(**word, *index, count).is_some());
            let kind = match over.and_then(|(_, word)| word.insn) {
                Some(insn) => TextErrorKind::BranchOver { instruction: insn.to_string() },
                None if count == 0 => TextErrorKind::NothingToExpect,
                None => {
                    expectations.push((count, expectation));
                    continue;
                }
            };
            return Err(TextError { line, column: 1, kind });
        }
        Ok((words.iter().map(|word| word.bits).collect(), expectations))
    }
}

/// Returns how an instruction leaves a block of `count` instructions, if it does. A branch may lead to the block's end.
/// The words of `.inst` are anything, and are taken as they are.
fn leaves(word: Word, index: usize, count: usize) -> Option<TextErrorKind> {
    let insn = word.insn?;
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
