//! Instructions: their forms, features and accesses, each with an example whose trace says whether and by which rule the accesses
//! are tag checked.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use arch::Op;
use isa::{Insn, Row};
use machine::Deadline;
use program::Program;
use trace::{Access, Block};

use crate::{Document, Kind, Section};

/// What the instructions of MTE do, in a sentence without its full stop.
const MEANINGS: &[(Op, &str)] = &[
    (Op::Irg, "draws a logical tag for a pointer, none of those that GCR_EL1.Exclude or the mask in Xm names"),
    (Op::Gmi, "adds the logical tag of a pointer to a mask of tags"),
    (Op::Addg, "adds granules to a pointer and steps its logical tag over the excluded ones"),
    (Op::Subg, "subtracts granules from a pointer and steps its logical tag over the excluded ones"),
    (Op::Subp, "subtracts two pointers without their tags, sign-extended from 56 bits"),
    (Op::Subps, "subtracts two pointers without their tags, sign-extended from 56 bits, and sets the flags"),
    (Op::Stg, "stores the logical tag of a register as the allocation tag of a granule"),
    (Op::Stzg, "stores the logical tag of a register as the allocation tag of a granule, and zeros to its data"),
    (Op::St2g, "stores the logical tag of a register as the allocation tags of two granules"),
    (Op::Stz2g, "stores the logical tag of a register as the allocation tags of two granules, and zeros to their data"),
    (
        Op::Stgp,
        "stores the logical tag of the address as the allocation tag of a granule, and two registers to its data",
    ),
    (Op::Ldg, "loads the allocation tag of a granule into the logical tag of a register"),
    (Op::Ldgm, "loads the allocation tags of a block of granules (GMID_EL1.BS), at EL1 and above"),
    (Op::Stgm, "stores the allocation tags of a block of granules (GMID_EL1.BS), at EL1 and above"),
    (Op::Stzgm, "stores one allocation tag to a block of granules, and zeros to their data, at EL1 and above"),
];

/// Offsets of the pointers that an example has in its registers, and the end of the memory that has their tag.
const FIRST: usize = 0x1000;
const APART: usize = 0x40;
const TAGGED: usize = 0x4000;
/// Fillings of an encoding that are tried for an example.
const FILLINGS: u32 = 200;
/// Where a base register is in all loads and stores, and the number of the stack pointer.
const BASE_SHIFT: u32 = 5;
const SP: u32 = 31;

/// All mnemonics, once each: those with a part that is an operand without it.
static MNEMONICS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let names: BTreeSet<&str> = isa::rows().iter().map(|row| name(row)).collect();
    names.into_iter().collect()
});

fn name(row: &Row) -> &'static str {
    let name = row.split_mnemonic().map_or_else(|| row.mnemonic(), |(before, _)| before);
    name.trim_end_matches('.')
}

/// Lists all mnemonics.
pub fn mnemonics() -> impl Iterator<Item = &'static str> {
    MNEMONICS.iter().copied()
}

/// Explains an instruction; `None` if none has this mnemonic.
pub fn document(mnemonic: &str) -> Option<Document> {
    let rows: Vec<&'static Row> =
        isa::rows().iter().filter(|row| name(row) == mnemonic || row.mnemonic() == mnemonic).collect();
    let first = rows.first()?;
    let examples: Vec<_> = rows.iter().map(|row| (*row, Example::of(row))).collect();
    let op = format!("{:?}", first.op()).to_uppercase();
    let mut sections = vec![Section::line("source", format!("DDI 0487, A64 instruction descriptions, {op}"))];
    sections.push(Section::new("forms", examples.iter().map(|(row, example)| form(row, example.as_ref())).collect()));
    let features: BTreeSet<_> = rows.iter().filter_map(|row| row.feature()).collect();
    sections.extend(features.into_iter().map(|feature| {
        let (register, shift) = feature.field();
        Section::line("feature", format!("{feature} ({register}, bits {}:{shift}): UNDEFINED without it", shift + 3))
    }));
    if let Some((_, Some(example))) = examples.into_iter().find(|(_, example)| example.is_some()) {
        sections.push(Section::new("accesses", example.accesses()));
        let Example { right, wrong, .. } = example;
        let checked = wrong.instructions.iter().any(|one| one.fault.is_some());
        sections.push(Section::blocks("an example, by pointers whose tag is the memory's", vec![right]));
        if checked {
            sections.push(Section::blocks("the same by pointers with another tag", vec![wrong]));
        }
    }
    let meaning = MEANINGS.iter().find(|(op, _)| *op == first.op()).map(|(_, meaning)| (*meaning).to_owned());
    let meaning = meaning.unwrap_or_else(|| match rows.len() {
        1 => "an instruction of A64".to_owned(),
        encodings => format!("an instruction of A64 with {encodings} encodings"),
    });
    Some(Document { topic: mnemonic.to_owned(), kind: Kind::Instruction, meaning, sections })
}

/// Writes one form: an example of it, and what its operands may be.
fn form(row: &'static Row, example: Option<&Example>) -> String {
    let text = example.map_or_else(|| row.mnemonic().to_owned(), |example| example.insn.to_string());
    let operands: Vec<_> = row.operands().iter().map(|operand| operand.expects()).collect();
    if operands.is_empty() { text } else { format!("{text}: {}", operands.join("; ")) }
}

/// An instruction that was run with the right tags and with wrong ones.
struct Example {
    insn: Insn,
    right: Block,
    wrong: Block,
    /// The rule for accesses by the stack pointer, where it is another.
    by_stack_pointer: Option<String>,
}

impl Example {
    /// Finds an instruction of a row that does something without an exception, if there is one; else one that is executed.
    fn of(row: &'static Row) -> Option<Self> {
        let mut fallback = None;
        for insn in fillings(row) {
            let Some(blocks) = run(insn) else { continue };
            let [right, wrong] = blocks;
            let good = right.instructions.len() == 1 && right.instructions.iter().all(|one| one.fault.is_none());
            let example = Self { insn, right, wrong, by_stack_pointer: None };
            if good {
                return Some(Self { by_stack_pointer: example.stack_pointer(row), ..example });
            }
            fallback.get_or_insert(example);
        }
        fallback
    }

    /// Returns the rule for the same accesses by the stack pointer, if it is another.
    fn stack_pointer(&self, row: &'static Row) -> Option<String> {
        let word = self.insn.encode() | SP << BASE_SHIFT;
        let insn = row.fill(word).filter(|insn| insn.encode() == word && insn.to_string().contains("[sp"))?;
        let [_, by_sp] = run(insn)?;
        let (own, other) = (rules(&self.wrong), rules(&by_sp));
        (own != other).then(|| other.into_iter().next()).flatten()
    }

    /// Says what is accessed, and by which rule it is tag checked or not.
    fn accesses(&self) -> Vec<String> {
        let mut lines: Vec<String> = rules(&self.right).into_iter().collect();
        lines.extend(self.by_stack_pointer.iter().map(|rule| format!("by the stack pointer: {rule}")));
        let accesses = self.right.instructions.iter().flat_map(|one| &one.accesses);
        let tags = accesses.filter(|access| !matches!(access, Access::Data { .. })).count();
        if tags > 0 {
            lines.push("allocation tags, which are not checked: the access by which tags are loaded and stored (AArch64.MemTag)".to_owned());
        }
        if lines.is_empty() {
            lines.push("none".to_owned());
        }
        lines
    }
}

/// Lists how the data accesses of a block are checked.
fn rules(block: &Block) -> BTreeSet<String> {
    let accesses = block.instructions.iter().flat_map(|one| &one.accesses);
    let rule = |access: &Access| match access {
        Access::Data { read, write, rule, .. } => {
            let verb = match (read, write) {
                (true, true) => "reads and writes",
                (false, true) => "writes",
                _ => "reads",
            };
            Some(format!("{verb} data, {rule}"))
        }
        _ => None,
    };
    accesses.filter_map(rule).collect()
}

/// Fills an encoding with small operands first, then with others.
fn fillings(row: &'static Row) -> impl Iterator<Item = Insn> {
    // Registers 1, 2, 4 and 3 where most encodings have them: Rt, Rn, Rm and Rt2.
    const SMALL: u32 = 1 | 2 << 5 | 3 << 10 | 4 << 16;
    let scattered = (1..FILLINGS).map(|n| n.wrapping_mul(0x9e37_79b9));
    let words =
        [SMALL, SMALL & !(0x1f << 16), SMALL & !(0x3f << 10), SMALL & !(0x7ff << 10)].into_iter().chain(scattered);
    words.filter_map(|word| row.fill(word))
}

/// Runs an instruction on the specification, with the right tags and with wrong ones.
fn run(insn: Insn) -> Option<[Block; 2]> {
    let block = |tag: u8| {
        let registers: String =
            (0..31).map(|n| format!("  x{n} = tagged+{:#x} tag {tag}\n", FIRST + APART * n)).collect();
        format!(
            "block el=1\n{registers}  sp = tagged+{FIRST:#x} tag {tag}\ncode\n  .inst {:#010x}\nend\n",
            insn.encode()
        )
    };
    let text = format!("granule program 1\ntags 0x0 5*{}\n{}{}", TAGGED / 16, block(5), block(6));
    let program: Program = text.parse().ok()?;
    let traced = trace::trace(&program, trace::model_of("everything")?, Deadline::NEVER).ok()?;
    let blocks: [Block; 2] = traced.blocks.try_into().ok()?;
    Some(blocks.map(|mut block| {
        block.settings = settings(&block, insn);
        block
    }))
}

/// Keeps the settings of registers that the instruction names.
fn settings(block: &Block, insn: Insn) -> Vec<String> {
    let text = insn.to_string();
    let words: Vec<&str> = text.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    let named =
        |line: &&String| line.split(' ').next().is_some_and(|name| words.iter().any(|word| is_same(word, name)));
    block.settings.iter().filter(named).cloned().collect()
}

/// Returns whether a name in an instruction is this register, or its lower half.
fn is_same(word: &str, register: &str) -> bool {
    word == register || word.strip_prefix('w').is_some_and(|number| register.strip_prefix('x') == Some(number))
}
