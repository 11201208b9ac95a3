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

pub mod beside;
mod changes;
pub mod debuggee;
mod rules;
mod syndrome;
mod text;

use std::borrow::Cow;

use abi::mailbox::{MAX_TRAPS, SysReg};
use abi::map;
use arch::{Syndrome, Tag, TaggedPtr};
use model::cpu::watch::{self, Watched, WatchedAccess};
use model_base::Hypervisor;
use model_base::choice::Choices;
use serde::{Deserialize, Serialize};

use self::beside::{Agreement, Beside, Compared};
use fuzz::reference::{ModelReference, Outcome, Reference};
use machine::{Deadline, El, MachineError};
use modelled::{ModelFactory, Settings};
use program::value::{Pointer, Value};
use program::{Program, Run, Step};

pub use text::{write, write_block, write_fault, write_instruction};

/// Bytes that share a tag.
const GRANULE: u64 = arch::GRANULE_BYTES as u64;

/// What a program did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trace {
    /// What the specification's CPU is called; empty where it is that of a machine.
    pub cpu: Cow<'static, str>,
    /// Its blocks, in the order in which they ran.
    pub blocks: Vec<Block>,
    /// Why the program did not come to its end, if it did not.
    pub stopped: Option<String>,
    /// The machine that was asked, too.
    pub machine: Option<Beside>,
}

/// A block that ran.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// What the machine showed behind it, if one was asked and can show that.
    pub machine: Option<Compared>,
}

/// A register that changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// Its name.
    pub register: String,
    /// What it held.
    pub before: String,
    /// What it holds.
    pub after: String,
}

/// Something that an instruction did to memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
        rule: Cow<'static, str>,
        /// Whether they are the same, if they are compared.
        matches: Option<bool>,
        /// What it does that they are not.
        effect: Option<Cow<'static, str>>,
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// What it is, in words.
    pub what: String,
    /// ESR_EL1.
    pub esr: u64,
    /// Its fields, with their values in words.
    pub fields: Vec<Field>,
    /// The rule that made it, with its source, where it is known; parts that stand for themselves are apart by `; `.
    pub rule: Option<String>,
    /// FAR_EL1 as a pointer, for aborts.
    pub far: Option<String>,
    /// The granules around the one that faulted, with their allocation tags, and which of them it is.
    pub around: Vec<(String, u8, bool)>,
}

/// A field of ESR_EL1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its value.
    pub value: u64,
    /// What that means.
    pub meaning: String,
}

impl Fault {
    /// Decodes a syndrome. `far` is FAR_EL1 as it is shown, and left out of what is not an abort; `around` are the granules around the one
    /// that faulted, with their allocation tags, and which of them it is.
    #[must_use]
    pub fn new(esr: Syndrome, rule: Option<String>, far: String, around: Vec<(String, u8, bool)>) -> Self {
        let class = esr.class();
        let is_abort = class.is_data_abort() || class.is_instruction_abort();
        let what = esr.to_string();
        let what = what.split(" (ESR").next().unwrap_or(&what).to_owned();
        Self { what, esr: esr.bits(), fields: syndrome::fields(esr), rule, far: is_abort.then_some(far), around }
    }
}

/// Returns the model of a CPU without a kernel that hides some of it; `None` if there is no such CPU.
#[must_use]
pub fn model_of(cpu: &str) -> Option<Settings> {
    Settings { hypervisor: Hypervisor::Board, ..Settings::default() }.cpu(cpu)
}

impl Trace {
    /// Returns whether something is not as it should be: the program did not come to its end, or the machine showed what is not
    /// permitted, or not all.
    #[must_use]
    pub fn fails(&self) -> bool {
        let differs = |one: &Instruction| one.machine.as_ref().is_some_and(|it| it.agreement == Agreement::Differs);
        let instructions = self.blocks.iter().flat_map(|block| &block.instructions);
        let machine = self.machine.as_ref();
        self.stopped.is_some()
            || machine.is_some_and(|machine| machine.stopped.is_some() || !machine.end.is_empty())
            || instructions.into_iter().any(differs)
    }
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
    let (trace, _) = build(program, outcome, &watched)?;
    Ok(Trace { cpu: cpu.into(), ..trace })
}

/// What a block executed.
struct Executed<'p, 'w> {
    run: &'p Run,
    cpu: usize,
    watched: &'w [Watched],
}

/// Makes a trace of what was watched, and returns what each of its blocks executed.
fn build<'p, 'w>(
    program: &'p Program,
    outcome: Result<Outcome, MachineError>,
    watched: &'w [Watched],
) -> Result<(Trace, Vec<Executed<'p, 'w>>), MachineError> {
    let (stopped, taken) = match outcome {
        Ok(outcome) => {
            let endless =
                outcome.observation.endless.map(|step| format!("the block of step {} does not end", step + 1));
            (endless, outcome.choices.taken().to_vec())
        }
        Err(error) if watched.is_empty() => return Err(error),
        Err(error) => (Some(error.to_string()), Vec::new()),
    };
    let mut rest = watched;
    let mut last: Option<&Run> = None;
    let (mut blocks, mut all) = (Vec::new(), Vec::new());
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
        let (block, executed) = take_described(&mut rest, step, run, cpu, &taken);
        blocks.push(block);
        all.push(Executed { run, cpu, watched: executed });
    }
    Ok((Trace { cpu: Cow::default(), blocks, stopped, machine: None }, all))
}

/// Describes a block that ran alone on vCPU 0 while it was watched, with all choices that were made meanwhile.
#[must_use]
pub fn block(run: &Run, mut watched: &[Watched], taken: &[(u32, u32)]) -> Block {
    take_described(&mut watched, 0, run, 0, taken).0
}

/// Takes the instructions of a block, and describes them.
fn take_described<'w>(
    rest: &mut &'w [Watched],
    step: usize,
    run: &Run,
    cpu: usize,
    taken: &[(u32, u32)],
) -> (Block, &'w [Watched]) {
    let executed = take_block(rest, cpu, run.words.len());
    let instructions = executed.iter().map(|step| instruction(step, run, cpu, taken)).collect();
    (Block { step, heading: run.heading(), settings: run.settings(), instructions }, executed)
}

/// Shows what blocks that were watched did, whoever ran them; `step` is the number of a block among them, from 0 on.
#[must_use]
pub fn of_watched(watched: &[Watched]) -> Vec<Block> {
    let mut rest = watched;
    let mut blocks = Vec::new();
    while let Some(first) = rest.first() {
        let Some((_, words)) = first.block.words().split_last() else { break };
        let Watched { cpu, before, .. } = first;
        let el = if before.el == 0 { El::El0 } else { El::El1 };
        let mut run =
            Run { cpu: *cpu, el, tco: before.tco, nzcv: before.nzcv, words: words.to_vec(), ..Run::default() };
        (run.x, run.sp) = (before.x, before.sp);
        // Unlike the others it is 0 after boot, so that another value is the block's.
        run.sys[SysReg::Gcr as usize] = Some(before.sys.gcr).filter(|gcr| *gcr != 0);
        let executed = take_block(&mut rest, *cpu, run.words.len());
        let instructions = executed.iter().map(|step| instruction(step, &run, *cpu, &[])).collect();
        blocks.push(Block { step: blocks.len(), heading: run.heading(), settings: run.settings(), instructions });
    }
    blocks
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

/// Returns the place of an instruction in its block; `None` outside of it.
fn index_of(step: &Watched, run: &Run, cpu: usize) -> Option<usize> {
    let distance = step.before.pc.checked_sub(map::code_va(cpu));
    distance.map(|bytes| (bytes / 4) as usize).filter(|index| *index < run.words.len())
}

fn instruction(step: &Watched, run: &Run, cpu: usize, taken: &[(u32, u32)]) -> Instruction {
    let index = index_of(step, run, cpu);
    let text = index.map(|index| program::text::instruction(run.words[index]));
    Instruction {
        index,
        text: text.unwrap_or_else(|| format!("at {:#x}", step.before.pc)),
        changes: changes::changes(step),
        accesses: step.accesses.iter().map(|access| described(access, step)).collect(),
        fault: step.excepted.then(|| fault(step, index.map(|index| run.words[index]))),
        choices: taken.get(step.choices.clone()).unwrap_or_default().to_vec(),
        machine: None,
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
                rule: rules::of_access(*unchecked).into(),
                matches: access.matches(),
                effect: (access.matches() == Some(false)).then(|| rules::effect(step).into()),
            }
        }
        WatchedAccess::TagLoad { ipa, tag } => Access::TagLoad { granule: granule(*ipa), tag: tag.value() },
        WatchedAccess::TagStore { ipa, before, tag } => {
            Access::TagStore { granule: granule(*ipa), before: before.map(Tag::value), tag: tag.value() }
        }
    }
}

fn fault(step: &Watched, word: Option<u32>) -> Fault {
    let (esr, far) = (Syndrome::from_bits(step.after.sys.esr), step.after.sys.far);
    Fault::new(esr, Some(rules::of_fault(step, word)), Value(far).to_string(), around(step, far))
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
