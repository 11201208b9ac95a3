//! What was seen of an image, as data. One event is one line of `--format json`; [`crate::text`] writes them for people.

use arch::{Tag, TaggedPtr};
use machine::debuggee::{Debuggee, DebuggeeError, Register, Stop, SystemRegister, untagged};
use serde::Serialize;
use trace::Fault;

use crate::image::Image;
use crate::lines::SourceLine;

/// The version of the stream of events.
pub const STREAM_VERSION: u32 = 1;
/// Bytes that share a tag.
const GRANULE: u64 = arch::GRANULE_BYTES as u64;
/// Granules that are shown on either side of the one that faulted.
const NEIGHBOURS: u64 = 3;

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The image begins to run.
    Started(Started),
    /// A debugger is waited for.
    Waiting {
        /// The port of 127.0.0.1.
        port: u16,
    },
    /// It printed this.
    Console {
        /// What; where it is not UTF-8 with replacements.
        text: String,
    },
    /// It took a synchronous exception that is reported: a tag check fault, or one without vectors.
    Fault(Box<FaultReport>),
    /// A breakpoint was reached.
    Break(Box<BreakReport>),
    /// Allocation tags of a range.
    Tags(TagRange),
    /// Asynchronous tag check faults are pending.
    Asynchronous {
        /// On which vCPU.
        cpu: usize,
        /// TFSR_EL1 or TFSRE0_EL1.
        register: &'static str,
        /// Its value.
        value: u64,
        /// Which of its bits are set, in words.
        meaning: String,
    },
    /// Something that the user should know about what is seen.
    Note {
        /// What.
        text: String,
    },
    /// It is over.
    Ended(Ended),
}

/// What begins to run.
#[derive(Clone, Debug, Serialize)]
pub struct Started {
    /// The version of this stream.
    pub version: u32,
    /// The file.
    pub image: String,
    /// What kind of file.
    pub format: &'static str,
    /// Where vCPU 0 begins.
    pub entry: u64,
    /// The machine, in words.
    pub machine: String,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// How.
    pub how: EndKind,
    /// The status that the image gave, if it gave one.
    pub status: Option<u32>,
    /// How many tag check faults were taken.
    pub faults: u64,
    /// Whether asynchronous ones are pending.
    pub pending: bool,
}

/// How an image ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndKind {
    /// PSCI SYSTEM_OFF.
    Off,
    /// PSCI SYSTEM_RESET.
    Reset,
    /// It named a status itself, by semihosting.
    Exited,
    /// The time is over.
    TimedOut,
    /// Every vCPU that runs is in a branch to itself, with interrupts masked.
    Parked,
    /// The same exception, with the same registers, again and again.
    Endless,
    /// A debugger ended it.
    Killed,
}

impl EndKind {
    /// Returns the end that a stop is; `None` if it is none.
    #[must_use]
    pub const fn of(stop: Stop) -> Option<Self> {
        match stop {
            Stop::Off => Some(Self::Off),
            Stop::Reset => Some(Self::Reset),
            Stop::Exited { .. } => Some(Self::Exited),
            Stop::Breakpoint { .. } | Stop::Exception { .. } | Stop::Stepped | Stop::TimedOut => None,
        }
    }
}

/// Where code is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CodePlace {
    /// The address.
    pub pc: u64,
    /// What it is called.
    pub symbol: Option<String>,
    /// The instruction there, if it can be read.
    pub instruction: Option<String>,
    /// The line that it comes from, if the image says so.
    pub line: Option<SourceLine>,
}

/// A register and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedValue {
    /// Its name in assembly.
    pub name: String,
    /// What it holds.
    pub value: u64,
}

/// An exception that was taken.
#[derive(Clone, Debug, Serialize)]
pub struct FaultReport {
    /// By which vCPU.
    pub cpu: usize,
    /// The instruction that took it.
    pub at: CodePlace,
    /// From which exception level.
    pub el: u8,
    /// The syndrome, and the tags around.
    pub fault: Fault,
    /// The pointer's logical tag, for tag check faults.
    pub logical: Option<u8>,
    /// The granule's allocation tag.
    pub allocation: Option<u8>,
    /// What the address is called.
    pub symbol: Option<String>,
    /// The registers at the instruction.
    pub registers: Vec<NamedValue>,
}

/// A breakpoint that was reached.
#[derive(Clone, Debug, Serialize)]
pub struct BreakReport {
    /// By which vCPU.
    pub cpu: usize,
    /// Where.
    pub at: CodePlace,
    /// The registers.
    pub registers: Vec<NamedValue>,
}

/// The allocation tags of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagRange {
    /// Its first granule.
    pub start: u64,
    /// What that is called.
    pub symbol: Option<String>,
    /// The tags, a granule each; `None` where the memory has none.
    pub tags: Vec<Option<u8>>,
}

/// Reads what is at a PC.
pub fn place(debuggee: &mut dyn Debuggee, cpu: usize, pc: u64, image: &Image) -> Result<CodePlace, DebuggeeError> {
    let instruction = word(debuggee, cpu, pc)?.map(program::text::instruction);
    Ok(CodePlace {
        pc,
        symbol: image.symbols.locate(pc).map(|location| location.to_string()),
        instruction,
        line: image.lines.find(pc),
    })
}

/// Reads an instruction; `None` where nothing can be read.
pub fn word(debuggee: &mut dyn Debuggee, cpu: usize, pc: u64) -> Result<Option<u32>, DebuggeeError> {
    let mut bytes = [0; 4];
    match debuggee.read(cpu, pc, &mut bytes) {
        Ok(()) => Ok(Some(u32::from_le_bytes(bytes))),
        Err(DebuggeeError::Unmapped { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a register, 0 where this machine does not show it.
pub fn system(debuggee: &mut dyn Debuggee, cpu: usize, register: SystemRegister) -> Result<u64, DebuggeeError> {
    match debuggee.register(cpu, Register::System(register)) {
        Err(DebuggeeError::NoRegister(_)) => Ok(0),
        value => value,
    }
}

/// Reads the general registers and those of tags.
pub fn registers(debuggee: &mut dyn Debuggee, cpu: usize) -> Result<Vec<NamedValue>, DebuggeeError> {
    let general = (0..31).map(Register::X).chain([Register::Sp, Register::Pc, Register::Pstate]);
    named(debuggee, cpu, general.chain(CONTROL.map(Register::System)))
}

/// Registers that have to do with tags and checks.
const CONTROL: [SystemRegister; 6] = [
    SystemRegister::SctlrEl1,
    SystemRegister::TcrEl1,
    SystemRegister::GcrEl1,
    SystemRegister::RgsrEl1,
    SystemRegister::TfsrEl1,
    SystemRegister::Tfsre0El1,
];

/// Reads the registers as they were at the instruction whose exception a vCPU has just taken. SP is one of them only where the
/// exception was taken from EL1 with SP_EL1, which it does not change.
fn registers_before(debuggee: &mut dyn Debuggee, cpu: usize, spsr: u64) -> Result<Vec<NamedValue>, DebuggeeError> {
    // SPSR_EL1.M, 3:0: EL1h.
    let sp = (spsr & 0xf == 0b0101).then_some(Register::Sp);
    let general = (0..31).map(Register::X).chain(sp);
    let mut list = named(debuggee, cpu, general.chain(CONTROL.map(Register::System)))?;
    list.push(NamedValue { name: Register::Pstate.name(), value: spsr });
    Ok(list)
}

fn named(
    debuggee: &mut dyn Debuggee,
    cpu: usize,
    registers: impl Iterator<Item = Register>,
) -> Result<Vec<NamedValue>, DebuggeeError> {
    let mut list = Vec::new();
    for register in registers {
        match debuggee.register(cpu, register) {
            Ok(value) => list.push(NamedValue { name: register.name(), value }),
            Err(DebuggeeError::NoRegister(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(list)
}

/// Reads the tags of a range, a granule at a time where not all of them have one.
pub fn tags(
    debuggee: &mut dyn Debuggee,
    cpu: usize,
    start: u64,
    granules: usize,
) -> Result<Vec<Option<u8>>, DebuggeeError> {
    let mut all = vec![Tag::ZERO; granules];
    match debuggee.tags(cpu, start, &mut all) {
        Ok(()) => return Ok(all.into_iter().map(|tag| Some(tag.value())).collect()),
        Err(DebuggeeError::NotTagged { .. } | DebuggeeError::Unmapped { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut list = Vec::with_capacity(granules);
    for granule in 0..granules as u64 {
        let mut one = [Tag::ZERO];
        list.push(match debuggee.tags(cpu, start.wrapping_add(granule * GRANULE), &mut one) {
            Ok(()) => Some(one[0].value()),
            Err(DebuggeeError::NotTagged { .. } | DebuggeeError::Unmapped { .. }) => None,
            Err(error) => return Err(error),
        });
    }
    Ok(list)
}

/// Reads the tags of a range that was asked for.
pub fn tag_range(
    debuggee: &mut dyn Debuggee,
    range: &std::ops::Range<u64>,
    image: &Image,
) -> Result<TagRange, DebuggeeError> {
    let granules = ((range.end - range.start) / GRANULE) as usize;
    let tags = tags(debuggee, 0, range.start, granules)?;
    let symbol = image.symbols.locate(range.start).map(|location| location.to_string());
    Ok(TagRange { start: range.start, symbol, tags })
}

/// Describes the exception whose vector a vCPU stands at.
pub fn fault(debuggee: &mut dyn Debuggee, cpu: usize, image: &Image) -> Result<FaultReport, DebuggeeError> {
    let esr = arch::Syndrome::from_bits(system(debuggee, cpu, SystemRegister::EsrEl1)?);
    let far = system(debuggee, cpu, SystemRegister::FarEl1)?;
    let elr = system(debuggee, cpu, SystemRegister::ElrEl1)?;
    let spsr = system(debuggee, cpu, SystemRegister::SpsrEl1)?;
    let el = (spsr >> 2 & 0b11) as u8;
    let is_tag_check = esr.is_tag_check_fault();
    let granule = untagged(far) & !(GRANULE - 1);
    let around = if is_tag_check { around(debuggee, cpu, granule)? } else { Vec::new() };
    let allocation = around.iter().find(|(address, _)| *address == granule).map(|(_, tag)| *tag);
    let logical = is_tag_check.then(|| TaggedPtr::new(far).tag().value());
    let shown = match logical {
        Some(logical) => format!("{far:#018x}, logical tag {logical}"),
        None => format!("{far:#018x}"),
    };
    let around = around.into_iter().map(|(address, tag)| (format!("{address:#x}"), tag, address == granule)).collect();
    let rule = match logical {
        Some(logical) => Some(rule(debuggee, cpu, (el, spsr, far), (logical, allocation))?),
        None => None,
    };
    let symbol = image.symbols.locate(untagged(far)).filter(|_| is_tag_check).map(|location| location.to_string());
    Ok(FaultReport {
        cpu,
        at: place(debuggee, cpu, elr, image)?,
        el,
        fault: Fault::new(esr, rule, shown, around),
        logical,
        allocation,
        symbol,
        registers: registers_before(debuggee, cpu, spsr)?,
    })
}

/// Reads the tags of a granule and of those around it.
fn around(debuggee: &mut dyn Debuggee, cpu: usize, granule: u64) -> Result<Vec<(u64, u8)>, DebuggeeError> {
    let start = granule.wrapping_sub(NEIGHBOURS * GRANULE);
    let tags = tags(debuggee, cpu, start, 2 * NEIGHBOURS as usize + 1)?;
    let addresses = (0..).map(|index| start.wrapping_add(index * GRANULE));
    Ok(addresses.zip(tags).filter_map(|(address, tag)| Some((address, tag?))).collect())
}

/// Says why an access was checked, why it failed, and why that is a synchronous fault.
fn rule(
    debuggee: &mut dyn Debuggee,
    cpu: usize,
    (el, spsr, far): (u8, u64, u64),
    (logical, allocation): (u8, Option<u8>),
) -> Result<String, DebuggeeError> {
    let sctlr = system(debuggee, cpu, SystemRegister::SctlrEl1)?;
    let tcr = system(debuggee, cpu, SystemRegister::TcrEl1)?;
    let half = u32::from(TaggedPtr::new(far).bit55());
    // SCTLR_EL1: TCF0 39:38, TCF 41:40, ATA0 42, ATA 43. TCR_EL1: TBI0 37, TBI1 38. SPSR_EL1: TCO 25.
    let (tcf, ata, level) = if el == 0 { (38, 42, "0") } else { (40, 43, "") };
    let mode = sctlr >> tcf & 0b11;
    let mode_name =
        ["none", "synchronous", "asynchronous", "synchronous for reads, asynchronous for writes"][mode as usize];
    let differs = match allocation {
        Some(allocation) if allocation != logical => {
            format!(
                "the pointer's logical tag {logical} is not the granule's allocation tag {allocation} (AArch64.CheckTag)"
            )
        }
        Some(_) => {
            format!("the tags were different when it was checked, and are both {logical} by now (AArch64.CheckTag)")
        }
        None => format!(
            "the pointer's logical tag {logical} is not the granule's allocation tag, which cannot be read here (AArch64.CheckTag)"
        ),
    };
    Ok(format!(
        "{differs}; checked, as PSTATE.TCO is {}, SCTLR_EL1.ATA{level} is {} and TCR_EL1.TBI{half} is {} (AArch64.AccessIsTagChecked); \
         SCTLR_EL1.TCF{level} is {mode:#04b}: {mode_name} (AArch64.TagCheckFault)",
        spsr >> 25 & 1,
        sctlr >> ata & 1,
        tcr >> (37 + half) & 1,
    ))
}

/// Returns what is pending in a vCPU's TFSRs.
pub fn asynchronous(debuggee: &mut dyn Debuggee, cpu: usize) -> Result<Vec<Event>, DebuggeeError> {
    let mut events = Vec::new();
    for register in [SystemRegister::TfsrEl1, SystemRegister::Tfsre0El1] {
        let value = system(debuggee, cpu, register)?;
        // TF0 for addresses with bit 55 clear, TF1 for those with it set.
        let meaning = match value & 0b11 {
            0 => continue,
            1 => "TF0: an access below, by an address with bit 55 clear",
            2 => "TF1: an access above, by an address with bit 55 set",
            _ => "TF0 and TF1: accesses below and above",
        };
        events.push(Event::Asynchronous { cpu, register: register.name(), value, meaning: meaning.to_owned() });
    }
    Ok(events)
}
