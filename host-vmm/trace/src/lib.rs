//! What a program does on the specification, instruction by instruction: registers that change, accesses and by which rule each
//! is tag checked, faults with their syndrome and the tags around.
//!
//! ```
//! let program = "granule program 1\nblock el=1\n  x0 = tagged+0x20 tag 4\ncode\n  ldr x1, [x0]\nend\n";
//! let traced = trace::trace(&program.parse()?, trace::model_of("max").unwrap(), machine::Deadline::NEVER)?;
//! let fault = traced.blocks[0].instructions[0].fault.as_ref().unwrap();
//! assert_eq!(fault.what, "data abort, same EL: tag check fault, read");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod changes;
mod text;

use abi::mailbox::MAX_TRAPS;
use abi::map;
use arch::{Syndrome, Tag, TaggedPtr};
use model::cpu::Unchecked;
use model::cpu::watch::{self, Watched, WatchedAccess};
use model_base::Hypervisor;
use model_base::choice::Choices;
use serde::Serialize;

use fuzz::reference::{ModelReference, Reference};
use machine::{Deadline, MachineError};
use modelled::{ModelFactory, Settings};
use program::value::{Pointer, Value};
use program::{Program, Run, Step};

pub use text::{write, write_fault};

/// Bytes that share a tag.
const GRANULE: u64 = arch::GRANULE_BYTES as u64;

/// What a program did.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    /// What the CPU is called.
    pub cpu: &'static str,
    /// Its blocks, in the order in which they ran.
    pub blocks: Vec<Block>,
    /// Why the program did not come to its end, if it did not.
    pub stopped: Option<String>,
}

/// A block that ran.
#[derive(Clone, Debug, Serialize)]
pub struct Block {
    /// Its step in the program, from 0 on.
    pub step: usize,
    /// The line that begins it.
    pub heading: String,
    /// What the CPU held, a line each.
    pub settings: Vec<String>,
    /// The instructions that were executed, in order.
    pub instructions: Vec<Instruction>,
}

/// An instruction that was executed, or took an exception.
#[derive(Clone, Debug, Serialize)]
pub struct Instruction {
    /// Its place in the block; `None` outside of it.
    pub index: Option<usize>,
    /// The instruction, or its address outside the block.
    pub text: String,
    /// Registers that it changed.
    pub changes: Vec<Change>,
    /// What it did to memory.
    pub accesses: Vec<Access>,
    /// The exception that it took.
    pub fault: Option<Fault>,
    /// Where the architecture leaves a choice: the option that is shown, from 0 on, and how many there are.
    pub choices: Vec<(u32, u32)>,
}

/// A register that changed.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// Its name.
    pub register: String,
    /// What it held.
    pub before: String,
    /// What it holds.
    pub after: String,
}

/// Something that an instruction did to memory.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Access {
    /// It accessed bytes, or tried to.
    Data {
        /// The pointer, with its logical tag.
        pointer: String,
        /// How many bytes.
        bytes: u64,
        /// Whether it reads.
        read: bool,
        /// Whether it writes.
        write: bool,
        /// The logical tag.
        logical: u8,
        /// The allocation tags of the granules that it touches.
        allocation: Vec<u8>,
        /// Whether these are compared, and if not, by which rule.
        rule: &'static str,
        /// Whether they are the same, if they are compared.
        matches: Option<bool>,
        /// What it does that they are not.
        effect: Option<&'static str>,
    },
    /// It loaded an allocation tag.
    TagLoad {
        /// The granule.
        granule: String,
        /// The tag.
        tag: u8,
    },
    /// It stored an allocation tag.
    TagStore {
        /// The granule.
        granule: String,
        /// The tag before.
        before: Option<u8>,
        /// The tag since.
        tag: u8,
    },
}

/// An exception.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    /// What it is, in words.
    pub what: String,
    /// ESR_EL1.
    pub esr: u64,
    /// Its fields that mean something, with their values in words.
    pub fields: Vec<(&'static str, String)>,
    /// FAR_EL1 as a pointer, for aborts.
    pub far: Option<String>,
    /// The granules around the one that faulted, with their allocation tags, and which of them it is.
    pub around: Vec<(String, u8, bool)>,
}

impl Fault {
    /// Decodes a syndrome. `far` is FAR_EL1 as it is shown, and left out of what is not an abort; `around` are the granules around the one
    /// that faulted, with their allocation tags, and which of them it is.
    #[must_use]
    pub fn new(esr: Syndrome, far: String, around: Vec<(String, u8, bool)>) -> Self {
        let class = esr.class();
        let mut fields = vec![("EC", format!("{:#04x} {class}", class.bits()))];
        if let Some(status) = esr.dfsc() {
            fields.push(("DFSC", format!("{:#04x} {status}", status.bits())));
        }
        if let Some(write) = esr.wnr() {
            fields.push(("WnR", if write { "1 write" } else { "0 read" }.to_owned()));
        }
        if let Some(immediate) = esr.immediate() {
            fields.push(("imm16", format!("{immediate:#x}")));
        }
        let is_abort = class.is_data_abort() || class.is_instruction_abort();
        let what = esr.to_string();
        let what = what.split(" (ESR").next().unwrap_or(&what).to_owned();
        Self { what, esr: esr.bits(), fields, far: is_abort.then_some(far), around }
    }
}

/// Returns the model of a CPU without a kernel that hides some of it; `None` if there is no such CPU.
#[must_use]
pub fn model_of(cpu: &str) -> Option<Settings> {
    Settings { hypervisor: Hypervisor::Board, ..Settings::default() }.cpu(cpu)
}

/// Runs a program on the specification and watches it.
///
/// # Errors
///
/// When the model cannot run it at all.
pub fn trace(program: &Program, settings: Settings, deadline: Deadline) -> Result<Trace, MachineError> {
    let cpu = settings.features.name;
    let factory = ModelFactory::new(settings);
    let mut reference = ModelReference::new(&factory);
    let (outcome, watched) = watch::record(|| reference.observe(program, Choices::default(), deadline));
    let (stopped, taken) = match outcome {
        Ok(outcome) => {
            let endless =
                outcome.observation.endless.map(|step| format!("the block of step {} does not end", step + 1));
            (endless, outcome.choices.taken().to_vec())
        }
        Err(error) if watched.is_empty() => return Err(error),
        Err(error) => (Some(error.to_string()), Vec::new()),
    };
    let mut rest = watched.as_slice();
    let mut last: Option<&Run> = None;
    let mut blocks = Vec::new();
    for (step, what) in program.steps.iter().enumerate() {
        let (run, cpu) = match (what, last) {
            (Step::Run(run), _) => (&**run, run.cpu),
            (Step::Again { cpu }, Some(run)) => (run, *cpu),
            _ => continue,
        };
        last = Some(run);
        if rest.is_empty() {
            break;
        }
        let executed = take_block(&mut rest, cpu, run.words.len());
        let instructions = executed.iter().map(|step| instruction(step, run, cpu, &taken)).collect();
        blocks.push(Block { step, heading: run.heading(), settings: run.settings(), instructions });
    }
    Ok(Trace { cpu, blocks, stopped })
}

/// Takes the instructions of a block of so many words, and leaves out the one that ended it.
fn take_block<'w>(rest: &mut &'w [Watched], cpu: usize, words: usize) -> &'w [Watched] {
    let base = map::code_va(cpu);
    let code = base..base + 4 * words as u64;
    let mut taken = 0;
    for (place, step) in rest.iter().enumerate() {
        let (block, later) = rest.split_at(place);
        if step.excepted && step.before.pc == code.end {
            *rest = &later[1..];
            return block;
        }
        taken += usize::from(step.excepted);
        if step.excepted && (taken == MAX_TRAPS || !code.contains(&step.before.pc)) {
            let (block, later) = rest.split_at(place + 1);
            *rest = later;
            return block;
        }
    }
    std::mem::take(rest)
}

fn instruction(step: &Watched, run: &Run, cpu: usize, taken: &[(u32, u32)]) -> Instruction {
    let distance = step.before.pc.checked_sub(map::code_va(cpu));
    let index = distance.map(|bytes| (bytes / 4) as usize).filter(|index| *index < run.words.len());
    let text = index.map(|index| program::text::instruction(run.words[index]));
    Instruction {
        index,
        text: text.unwrap_or_else(|| format!("at {:#x}", step.before.pc)),
        changes: changes::changes(step),
        accesses: step.accesses.iter().map(|access| described(access, step)).collect(),
        fault: step.excepted.then(|| fault(step)),
        choices: taken.get(step.choices.clone()).unwrap_or_default().to_vec(),
    }
}

/// Writes a granule of the arena as programs do, any other by its address.
fn granule(ipa: u64) -> String {
    ipa.checked_sub(map::ARENA_BASE).map_or_else(|| format!("{ipa:#x}"), |offset| format!("{offset:#x}"))
}

fn described(access: &WatchedAccess, step: &Watched) -> Access {
    match access {
        WatchedAccess::Data { va, ipa, bytes, read, write, unchecked, tags } => {
            let touched = (ipa & !(GRANULE - 1))..ipa + (*bytes).max(1);
            let allocation = tags.iter().filter(|(ipa, _)| touched.contains(ipa)).map(|(_, tag)| tag.value());
            Access::Data {
                pointer: Value(*va).to_string(),
                bytes: *bytes,
                read: *read,
                write: *write,
                logical: TaggedPtr::new(*va).tag().value(),
                allocation: allocation.collect(),
                rule: rule(*unchecked),
                matches: access.matches(),
                effect: (access.matches() == Some(false)).then(|| effect(step)),
            }
        }
        WatchedAccess::TagLoad { ipa, tag } => Access::TagLoad { granule: granule(*ipa), tag: tag.value() },
        WatchedAccess::TagStore { ipa, before, tag } => {
            Access::TagStore { granule: granule(*ipa), before: before.map(Tag::value), tag: tag.value() }
        }
    }
}

/// SCTLR_EL1.TCF, of EL1, and TCF0.
const TCF_SHIFTS: [u32; 2] = [38, 40];

/// Returns what a tag that does not match does (Arm ARM, pseudocode `AArch64.EffectiveTCF`).
fn effect(step: &Watched) -> &'static str {
    if step.excepted {
        return "a synchronous fault";
    }
    match step.before.sys.sctlr >> TCF_SHIFTS[usize::from(step.before.el != 0)] & 0b11 {
        0 => "no effect: SCTLR_EL1.TCF is none",
        _ => "recorded for TFSR_EL1 or TFSRE0_EL1, which show it after DSB and ISB",
    }
}

/// Returns whether an access is tag checked, and if not, why (Arm ARM, pseudocode `AArch64.AccessIsTagChecked`).
fn rule(unchecked: Option<Unchecked>) -> &'static str {
    match unchecked {
        None => "checked",
        Some(Unchecked::Instruction) => "not checked: accesses of this instruction never are",
        Some(Unchecked::Overridden) => "not checked: PSTATE.TCO is 1",
        Some(Unchecked::StoreOnly) => "not checked: SCTLR_EL1.TCSO limits checks to stores",
        Some(Unchecked::TopByte) => "not checked: TCR_EL1.TBI is 0, so the top byte is part of the address",
        Some(Unchecked::NoTagAccess) => "not checked: SCTLR_EL1.ATA is 0",
        Some(Unchecked::Exempt) => "not checked: TCR_EL1.TCMA exempts this tag",
        Some(Unchecked::Untagged) => "not checked: the memory is not Tagged",
    }
}

fn fault(step: &Watched) -> Fault {
    let (esr, far) = (Syndrome::from_bits(step.after.sys.esr), step.after.sys.far);
    Fault::new(esr, Value(far).to_string(), around(step, far))
}

/// Lists the granules around the one that faulted.
fn around(step: &Watched, far: u64) -> Vec<(String, u8, bool)> {
    let at = Pointer::from_bits(far).map(|pointer| map::ARENA_BASE + (pointer.offset & !(GRANULE - 1)));
    let tags = step.accesses.iter().rev().find_map(|access| match access {
        WatchedAccess::Data { tags, .. } if !tags.is_empty() => Some(tags),
        _ => None,
    });
    let tags = tags.into_iter().flatten();
    tags.map(|(ipa, tag)| (granule(*ipa), tag.value(), Some(*ipa) == at)).collect()
}

#[cfg(test)]
mod tests;
