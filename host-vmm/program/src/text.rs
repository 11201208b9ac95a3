//! A program as text: versioned, made to be written by hand and to be compared line by line. docs/programs.md is the
//! reference.
//!
//! ```text
//! granule program 1
//! // Tags of the first three granules; `0*4` is four granules with tag 0.
//! tags 0x0 3 7 0*4
//! block el=1
//!   x0 = tagged+0x10 tag 7
//!   sctlr_el1.tcf = async
//! code
//!   ldr x1, [x0]
//! end
//! fetch 0x0 0x1000
//! save-restore
//! again cpu=1
//! ```
//!
//! A block with `vl=32` brings the scalable registers of SVE, of 32 bytes: `z0` to `z31`, `p0` to `p15`, `ffr`
//! (see [`scalable`]); one with `simd=1` or a setting of `v0` to `v31` brings those. Registers without a setting are
//! 0, and what they hold at the end is compared. A block with neither finds them as they are and shows them to nobody.
//!
//! `expect …` says what should be seen: behind a block at its end, behind an instruction when it has been executed
//! (see [`expectation`](super::expectation)).
//!
//! What [`parse`](super::parse) reads is what is written here; a program that is printed and read is the same program.

use std::fmt;

use abi::mailbox::{PageKind, SysReg};
use arch::Tag;
use isa::Insn;

use super::scalable;
use super::value::{Hex, Value, WINDOWS};
use super::{Event, Program, Run, Step};
use machine::{El, ScalableState};

/// The version of the format.
pub const VERSION: u64 = 1;
/// What a program begins with, before its version.
pub const HEADER: [&str; 2] = ["granule", "program"];

/// The kinds of pages, by name.
pub const PAGE_KINDS: [(&str, PageKind); 5] = [
    ("default", PageKind::Default),
    ("unmapped", PageKind::Unmapped),
    ("read-only", PageKind::ReadOnly),
    ("non-cacheable", PageKind::NonCacheable),
    ("device", PageKind::Device),
];

/// The system registers that a block may set whole: all but those of which it may set fields.
pub static REGISTERS: &[SysReg] = SysReg::ALL.split_at(2).1;

/// Bytes of data that are written without a gap.
const WORD: usize = 8;

/// Returns an instruction as it is printed and read: `.inst` where it has no other text.
#[must_use]
pub fn instruction(word: u32) -> String {
    let text = Insn::decode(word).map(|insn| insn.to_string());
    let same =
        |text: &String| assembler::assemble(text).is_ok_and(|insns| matches!(&*insns, [one] if one.encode() == word));
    text.filter(same).unwrap_or_else(|| format!(".inst {word:#010x}"))
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} {VERSION}", HEADER[0], HEADER[1])?;
        self.steps.iter().try_for_each(|step| match step {
            Step::Run(run) => run.fmt(f),
            Step::Again { cpu } => writeln!(f, "again cpu={cpu}"),
            Step::Event(event) => writeln!(f, "{event}"),
            Step::Expect(expectation) => writeln!(f, "expect {expectation}"),
        })
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.heading())?;
        self.settings().iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        f.write_str("code\n")?;
        for (count, word) in (1..).zip(&self.words) {
            writeln!(f, "  {}", instruction(*word))?;
            let here = self.expectations.iter().filter(|(behind, _)| *behind == count);
            here.into_iter().try_for_each(|(_, expectation)| writeln!(f, "  expect {expectation}"))?;
        }
        f.write_str("end\n")
    }
}

impl Run {
    /// Returns the line that begins the block.
    #[must_use]
    pub fn heading(&self) -> String {
        let mut line = format!("block el={}", if self.el == El::El0 { 0 } else { 1 });
        if self.cpu != 0 {
            line += &format!(" cpu={}", self.cpu);
        }
        if self.tco {
            line += " tco=1";
        }
        if self.nzcv != 0 {
            line += &format!(" nzcv={:#06b}", self.nzcv);
        }
        if self.v.is_some() {
            line += " simd=1";
        }
        if let Some(values) = &self.scalable {
            line += &format!(" vl={}", values.vector_bytes());
        }
        line
    }

    /// Returns the lines that say what the CPU holds, without those that say nothing.
    #[must_use]
    pub fn settings(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (_, field, value) in self.controls.iter() {
            lines.push(format!("{} = {}", field.name, field.values[usize::from(value)]));
        }
        for register in REGISTERS {
            if let Some(value) = self.sys[*register as usize] {
                lines.push(format!("{} = {}", register.name(), Hex(value)));
            }
        }
        for (n, value) in self.x.iter().enumerate().filter(|(_, value)| **value != 0) {
            lines.push(format!("x{n} = {}", Value(*value)));
        }
        if self.sp != 0 {
            lines.push(format!("sp = {}", Value(self.sp)));
        }
        let vectors = self.v.iter().flat_map(|v| v.iter().enumerate());
        for (n, [low, high]) in vectors.filter(|(_, halves)| **halves != [0, 0]) {
            lines.push(format!("v{n} = {} {}", Hex(*high), Hex(*low)));
        }
        let settings = self.scalable.iter().flat_map(scalable_settings);
        lines.extend(
            settings
                .filter(|(_, bytes)| bytes.iter().any(|byte| *byte != 0))
                .map(|(name, bytes)| format!("{name} = {}", scalable::text(bytes))),
        );
        for (n, events) in (1..).zip(&self.at_checkpoint) {
            lines.extend(events.iter().map(|event| format!("checkpoint {n} {event}")));
        }
        lines
    }
}

/// Lists the scalable registers by name.
pub(crate) fn scalable_settings(values: &ScalableState) -> impl Iterator<Item = (String, &[u8])> {
    let vectors = (0..32).map(|n| (format!("z{n}"), values.z(n)));
    let predicates = (0..16).map(|n| (format!("p{n}"), values.p(n)));
    vectors.chain(predicates).chain([("ffr".to_owned(), values.ffr())])
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tags { offset, tags } => write!(f, "tags {offset:#x}{}", tag_runs(tags)),
            Self::Data { offset, bytes } => write!(f, "data {offset:#x}{}", data_words(bytes)),
            Self::Pages { window, offset, bytes, kind } => {
                let window = WINDOWS.iter().find(|(_, known)| known == window).map_or("", |(name, _)| name);
                let kind = PAGE_KINDS.iter().find(|(_, known)| known == kind).map_or("", |(name, _)| name);
                write!(f, "pages {window} {offset:#x} {bytes:#x} {kind}")
            }
            Self::Fetch { offset, bytes } => write!(f, "fetch {offset:#x} {bytes:#x}"),
            Self::SaveRestore => f.write_str("save-restore"),
        }
    }
}

/// Writes tags, several of the same as `tag*count`.
fn tag_runs(tags: &[Tag]) -> String {
    let runs = tags.chunk_by(|a, b| a == b);
    let run = |run: &[Tag]| match run {
        [tag] => format!(" {:x}", tag.value()),
        tags => format!(" {:x}*{}", tags[0].value(), tags.len()),
    };
    runs.map(run).collect()
}

/// Writes bytes in the order of memory.
fn data_words(bytes: &[u8]) -> String {
    let word = |word: &[u8]| word.iter().fold(" ".to_owned(), |text, byte| text + &format!("{byte:02x}"));
    bytes.chunks(WORD).map(word).collect()
}
