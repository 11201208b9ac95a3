//! A program as data: blocks of real A64 code, with events between and inside them.
//!
//! A program can be written by hand, generated, shrunk, printed and read back (`text`), and run on any
//! [`Machine`](machine::Machine) (`run`), which gives an [`Observation`]. Two observations of one program are
//! compared field by field (`compare`), with the bits left out that the architecture leaves UNKNOWN.
//!
//! Addresses in a program are offsets into the arena, so it says nothing about a machine; and it must not: what it
//! leaves open (control registers, memory) is as after boot on all of them.

pub mod branch_target;
pub mod compare;
pub mod control;
pub mod error;
pub mod expectation;
pub mod listing;
pub mod observation;
pub mod parse;
pub mod run;
pub mod scalable;
pub mod text;
pub mod value;
pub mod wire;

use std::collections::BTreeSet;

use abi::mailbox::{BootReport, PageKind, SYS_REGS, SysReg};
use abi::map::{self, Window};
use arch::{Tag, TaggedPtr};

pub use control::Controls;
pub use error::TextError;
pub use expectation::Expectation;
pub use observation::{Observation, StepObservation};

use machine::block::Vectors;
use machine::{Block, El, ScalableState};

/// Most instructions that a block of a program may have.
pub const MAX_WORDS: usize = abi::mailbox::MAX_WORDS;

/// Blocks and events, in order. Events before the first block are the initial memory.
///
/// ```
/// use program::{Event, Program};
///
/// let text = "\
/// granule program 1
/// tags 0x20 3
/// block el=1
///   x0 = tagged+0x20 tag 12
/// code
///   ldr x1, [x0]
/// end
/// save-restore
/// ";
/// let program: Program = text.parse()?;
/// assert_eq!(program.runs().next().unwrap().x[0], 0x0c00_0001_4060_0020);
/// assert_eq!(program.events().last(), Some(&Event::SaveRestore));
/// assert_eq!(program.to_string(), text);
///
/// // A mistake is reported with its line and column, and what may stand there.
/// let error = text.replace("save-restore", "save-rest").parse::<Program>().unwrap_err();
/// assert_eq!((error.line, error.column), (8, 1));
/// # Ok::<(), program::TextError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// What happens.
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A block runs.
    Run(Box<Run>),
    /// The last block runs once more, from its initial registers, on this vCPU. Its control registers, its memory
    /// and its tags are what they are then.
    Again {
        /// The vCPU.
        cpu: usize,
    },
    /// The host does something.
    Event(Event),
    /// Something should be seen: at the end of the last block, or in memory here.
    Expect(Expectation),
}

/// A block and what the CPU holds when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The vCPU, below [`map::MAX_CPUS`].
    pub cpu: usize,
    /// The exception level.
    pub el: El,
    /// PSTATE.TCO.
    pub tco: bool,
    /// N, Z, C, V from bit 3 to bit 0.
    pub nzcv: u8,
    /// x0 to x30.
    pub x: [u64; 31],
    /// The stack pointer.
    pub sp: u64,
    /// v0 to v31; without, they stay as they are.
    pub v: Option<Box<Vectors>>,
    /// The scalable registers and the vector length, in place of `v`; without, they stay as they are.
    pub scalable: Option<ScalableState>,
    /// Fields of SCTLR_EL1 and TCR_EL1 that are not as after boot.
    pub controls: Controls,
    /// GCR_EL1, RGSR_EL1, TFSR_EL1, TFSRE0_EL1 by [`SysReg`]; without, they stay as they are. SCTLR_EL1 and TCR_EL1
    /// are never here.
    pub sys: [Option<u64>; SYS_REGS],
    /// The instructions, 1 to [`MAX_WORDS`].
    pub words: Vec<u32>,
    /// What happens at the first checkpoint, at the second, and so on; never [`Event::Pages`], since the firmware that
    /// changes pages waits in the block.
    pub at_checkpoint: Vec<Vec<Event>>,
    /// What should be seen behind so many instructions, 1 at least, when they have first been executed; in order.
    pub expectations: Vec<(usize, Expectation)>,
}

/// Something the host does. Offsets are in bytes from the arena's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Stores tags from a granule on.
    Tags {
        /// Where, a multiple of 16.
        offset: u64,
        /// One a granule.
        tags: Vec<Tag>,
    },
    /// Writes memory.
    Data {
        /// Where.
        offset: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// Makes pages of a window into something else.
    Pages {
        /// The window.
        window: Window,
        /// Where, a multiple of the guest's page size.
        offset: u64,
        /// How much, a multiple of the guest's page size.
        bytes: u64,
        /// Into what.
        kind: PageKind,
    },
    /// Fetches tags, which become part of the observation.
    Fetch {
        /// Where, a multiple of 16.
        offset: u64,
        /// Of how much memory, a multiple of 16.
        bytes: u64,
    },
    /// Saves the VM, destroys it, and restores it into a new one.
    SaveRestore,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            cpu: 0,
            el: El::El1,
            tco: false,
            nzcv: 0,
            x: [0; 31],
            sp: 0,
            v: None,
            scalable: None,
            controls: Controls::default(),
            sys: [None; SYS_REGS],
            words: Vec::new(),
            at_checkpoint: Vec::new(),
            expectations: Vec::new(),
        }
    }
}

impl Run {
    /// Returns the block that a machine with this boot report runs.
    #[must_use]
    pub fn block(&self, boot: &BootReport) -> Block {
        let mut block = Block::new(self.words.clone()).xs(self.x).sp(self.sp).nzcv(self.nzcv).at(self.el);
        if self.tco {
            block = block.tco();
        }
        if let Some(v) = &self.v {
            block = block.vectors(**v);
        }
        if let Some(values) = &self.scalable {
            block = block.scalable(values.clone());
        }
        for register in SysReg::ALL {
            let booted = boot.sys[register as usize];
            let value = self.sys[register as usize].or_else(|| self.controls.apply(register, booted));
            if let Some(value) = value {
                block = block.sys(register, value);
            }
        }
        block
    }
}

impl Program {
    /// Returns how many vCPUs the program needs, 1 at least.
    #[must_use]
    pub fn cpus(&self) -> usize {
        let cpu = |step: &Step| match step {
            Step::Run(run) => run.cpu,
            Step::Again { cpu } => *cpu,
            Step::Event(_) | Step::Expect(_) => 0,
        };
        self.steps.iter().map(cpu).max().unwrap_or(0) + 1
    }

    /// Lists the blocks.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.steps.iter().filter_map(|step| match step {
            Step::Run(run) => Some(&**run),
            _ => None,
        })
    }

    /// Returns whether a block brings scalable registers or has an instruction of SVE.
    #[must_use]
    pub fn uses_scalable_vectors(&self) -> bool {
        let has =
            |run: &Run| run.scalable.is_some() || run.words.iter().copied().any(scalable::is_scalable_instruction);
        self.runs().any(has)
    }

    /// Lists all events, those inside blocks too.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.steps.iter().flat_map(|step| match step {
            Step::Event(event) => std::slice::from_ref(event).iter().chain([].iter().flatten()),
            Step::Run(run) => [].iter().chain(run.at_checkpoint.iter().flatten()),
            Step::Again { .. } | Step::Expect(_) => [].iter().chain([].iter().flatten()),
        })
    }

    /// Lists the pages of the arena, by offset, that are looked at when the program has ended: those that events
    /// name, and those that a register points to at the beginning of a block, with their neighbours.
    ///
    /// A page is [`map::GUEST_PAGE`] bytes. Others are looked at besides: see [`run::run`].
    #[must_use]
    pub fn reachable_pages(&self) -> BTreeSet<u64> {
        let mut pages = BTreeSet::new();
        for event in self.events() {
            match event {
                Event::Tags { offset, tags } => span(&mut pages, *offset, 16 * tags.len() as u64),
                Event::Data { offset, bytes } => span(&mut pages, *offset, bytes.len() as u64),
                Event::Fetch { offset, bytes } => span(&mut pages, *offset, *bytes),
                Event::Pages { .. } | Event::SaveRestore => {}
            }
        }
        for step in &self.steps {
            match step {
                Step::Expect(Expectation::Tags { offset, tags }) => span(&mut pages, *offset, 16 * tags.len() as u64),
                Step::Expect(Expectation::Data { offset, bytes }) => span(&mut pages, *offset, bytes.len() as u64),
                _ => {}
            }
        }
        for run in self.runs() {
            for offset in run.x.iter().chain([&run.sp]).filter_map(|value| arena_offset(*value)) {
                let page = offset & !(map::GUEST_PAGE - 1);
                let first = page.saturating_sub(map::GUEST_PAGE);
                span(&mut pages, first, page + 2 * map::GUEST_PAGE - first);
            }
        }
        pages
    }
}

/// Adds the pages of a range, as far as they are in the arena.
fn span(pages: &mut BTreeSet<u64>, offset: u64, bytes: u64) {
    let end = offset.saturating_add(bytes).min(map::ARENA_SIZE);
    pages.extend((offset & !(map::GUEST_PAGE - 1)..end).step_by(map::GUEST_PAGE as usize));
}

/// Returns the offset of the byte that a pointer into a window leads to; `None` outside the arena.
#[must_use]
pub fn arena_offset(value: u64) -> Option<u64> {
    let va = TaggedPtr::new(value).untagged().bits() & !map::UPPER_HALF;
    Window::from_number(va >> 32)?;
    map::ipa_of(va).checked_sub(map::ARENA_BASE).filter(|offset| *offset < map::ARENA_SIZE)
}
