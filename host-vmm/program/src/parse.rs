//! Reads a program from its text (see [`text`](super::text)).
//!
//! Every mistake is reported with its line, its column and what is allowed there. Nothing is guessed and nothing is left
//! out: a text that is read runs as it stands.

mod code;
mod event;
mod expect;
mod hint;
mod line;
mod register;

use std::str::FromStr;

use abi::mailbox::Scalable;
use abi::map;

pub use self::hint::is_code;

use self::line::Line;
use super::error::{Instruction, TextError, TextErrorKind};
use super::text::{HEADER, VERSION};
use super::{Program, Run, Step};
use machine::{El, ScalableState};

/// What a line may begin with outside a block.
const DIRECTIVES: [&str; 8] = ["tags", "data", "pages", "fetch", "save-restore", "block", "again", expect::EXPECT];
/// The line that ends the settings of a block, and the one that ends its instructions.
const CODE: &str = "code";
const END: &str = "end";

/// The attributes of a block's first line.
const ATTRIBUTES: [(&str, Attribute); 6] = [
    ("el", Attribute::El),
    ("cpu", Attribute::Cpu),
    ("tco", Attribute::Tco),
    ("nzcv", Attribute::Nzcv),
    ("simd", Attribute::Simd),
    ("vl", Attribute::VectorLength),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    El,
    Cpu,
    Tco,
    Nzcv,
    Simd,
    VectorLength,
}

impl FromStr for Program {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let text = assembler::without_comments(text).map_err(|error| TextError {
            line: error.line,
            column: error.column,
            kind: Instruction(error.kind).into(),
        })?;
        let mut lines = (1..).zip(text.lines()).map(|(number, text)| (Line::new(number, text), text));
        let mut lines = Lines { lines: &mut lines };
        lines.header()?;
        let mut program = Self::default();
        while let Some(line) = lines.next() {
            program.steps.push(step(line, &mut lines, &program)?);
        }
        Ok(program)
    }
}

/// The lines that are still to be read.
struct Lines<'i, 'a> {
    lines: &'i mut dyn Iterator<Item = (Line<'a>, &'a str)>,
}

impl<'a> Lines<'_, 'a> {
    /// Takes the next line that has words.
    fn next(&mut self) -> Option<Line<'a>> {
        self.lines.map(|(line, _)| line).find(|line| line.peek().is_some())
    }

    /// Takes the next line, whatever it has, with its text.
    fn any(&mut self) -> Option<(Line<'a>, &'a str)> {
        self.lines.next()
    }

    /// Reads the first line.
    fn header(&mut self) -> Result<(), TextError> {
        let nothing = || Line::new(1, "");
        let mut line = self.next().unwrap_or_else(nothing);
        let column = line.column();
        let all: Vec<_> = std::iter::from_fn(|| line.take()).collect();
        let found: Vec<_> = all.iter().map(|word| word.text).collect();
        match found.as_slice() {
            [a, b, version] if [*a, *b] == HEADER => match line::number(version) {
                Some(VERSION) => Ok(()),
                Some(found) => Err(line.error(all[2].column, TextErrorKind::Version { version: VERSION, found })),
                None => Err(line.error(column, header_error(&found))),
            },
            _ => Err(line.error(column, header_error(&found))),
        }
    }
}

fn header_error(found: &[&str]) -> TextErrorKind {
    let assembly = found.first().is_some_and(|word| hint::is_code(word));
    TextErrorKind::Header { version: VERSION, found: found.join(" "), assembly }
}

/// Reads one step: a line, or a block's lines.
fn step<'a>(mut line: Line<'a>, lines: &mut Lines<'_, 'a>, before: &Program) -> Result<Step, TextError> {
    if line.take_if("block") {
        return Ok(Step::Run(Box::new(block(line, lines)?)));
    }
    if line.peek().is_some_and(|word| word.text == "again") {
        let resume_block = line.clone();
        line.keyword("again")?;
        line.keyword("cpu")?;
        line.keyword("=")?;
        let cpu = cpu(&mut line)?;
        line.end()?;
        if before.runs().next().is_none() {
            return Err(resume_block.error(resume_block.column(), TextErrorKind::NothingBefore));
        }
        return Ok(Step::Again { cpu });
    }
    if line.take_if(expect::EXPECT) {
        return Ok(Step::Expect(expect::read(&mut line, before.runs().last())?));
    }
    match event::read(&mut line)? {
        Some(event) => {
            line.end()?;
            Ok(Step::Event(event))
        }
        None => Err(unknown(&line)),
    }
}

/// Makes the error for a line that nothing outside a block begins with.
fn unknown(line: &Line<'_>) -> TextError {
    let word = line.peek().map_or("", |word| word.text);
    let hint = match () {
        () if register::is_setting(word) => Some("registers are set in a block, before its line `code`"),
        () if hint::is_code(word) => Some("instructions stand in a block, between its lines `code` and `end`"),
        () => None,
    };
    line.unknown("a line of a program", DIRECTIVES.into_iter(), hint, || line::list(DIRECTIVES.into_iter()))
}

fn cpu(line: &mut Line<'_>) -> Result<usize, TextError> {
    // Below MAX_CPUS, so it fits.
    Ok(line.bounded("vCPU", 0, map::MAX_CPUS as u64 - 1, 1)? as usize)
}

/// Reads a block, from behind the word `block` to `end`.
fn block<'a>(mut line: Line<'a>, lines: &mut Lines<'_, 'a>) -> Result<Run, TextError> {
    let begun = line.number;
    let mut run = Run::default();
    attributes(&mut line, &mut run)?;
    let mut settings = register::Settings::default();
    let mut last = begun;
    let unfinished =
        |line: usize, missing| TextError { line, column: 1, kind: TextErrorKind::Unfinished { begun, missing } };
    loop {
        let mut line = lines.next().ok_or_else(|| unfinished(last + 1, CODE))?;
        last = line.number;
        if line.take_if(CODE) {
            line.end()?;
            break;
        }
        settings.read(&mut line, &mut run)?;
        line.end()?;
    }
    let mut code = code::Code::default();
    loop {
        let (mut line, text) = lines.any().ok_or_else(|| unfinished(last + 1, END))?;
        last = line.number;
        if line.take_if(END) {
            line.end()?;
            break;
        }
        if line.take_if(expect::EXPECT) {
            code.expect(line, &run)?;
        } else {
            code.push(line.number, text);
        }
    }
    (run.words, run.expectations) = code.assemble(begun)?;
    Ok(run)
}

/// Reads the rest of a block's first line.
fn attributes(line: &mut Line<'_>, run: &mut Run) -> Result<(), TextError> {
    let mut seen = Vec::new();
    while let Some(word) = line.peek() {
        let attribute = line.name("an attribute of the block", &ATTRIBUTES)?;
        if seen.contains(&attribute) {
            return Err(line.error(word.column, TextErrorKind::Twice { what: word.text.to_owned() }));
        }
        let both = [Attribute::Simd, Attribute::VectorLength];
        if both.contains(&attribute) && both.iter().any(|other| seen.contains(other)) {
            return Err(line.expected("one of `simd` and `vl`: v0 to v31 are the first bytes of z0 to z31"));
        }
        seen.push(attribute);
        line.keyword("=")?;
        match attribute {
            Attribute::El => run.el = if line.bounded("exception level", 0, 1, 1)? == 0 { El::El0 } else { El::El1 },
            Attribute::Cpu => run.cpu = cpu(line)?,
            Attribute::Tco => run.tco = line.bounded("tco", 0, 1, 1)? == 1,
            Attribute::Nzcv => run.nzcv = line.bounded("nzcv", 0, 0xf, 1)? as u8,
            Attribute::Simd => {
                if line.bounded("simd", 0, 1, 1)? == 1 {
                    run.v = Some(Box::new([[0; 2]; 32]));
                }
            }
            Attribute::VectorLength => {
                let bytes = line.bounded("vector length in bytes", 16, Scalable::MAX_BYTES as u64, 16)?;
                run.scalable = Some(ScalableState::new(bytes, Box::new(Scalable::ZERO)));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
