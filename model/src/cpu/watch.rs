//! Watching a CPU: what each instruction did, for people who want to see it. It changes nothing that happens.
//!
//! While [`record`] runs something, each instruction that its thread executes is kept with the CPU before and after it, the
//! accesses that it made, and why each was tag checked or not. While [`visit`] does, somebody is called between instructions, as a
//! debugger is, who may look at the CPU and its memory and change both.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use abi::mailbox::SysReg;
use arch::{Tag, TaggedPtr};
use model_base::memory::NoMemory;

use super::access::Access;
use super::check::Unchecked;
use super::program::Program;
use super::state::{Core, Cpu};
use super::translate::{Memory, Place};
use abi::map;

/// Bytes that share a tag.
const GRANULE: u64 = arch::GRANULE_BYTES as u64;
/// Granules that are kept on each side of an access.
const AROUND: u64 = 4;

/// An instruction that was executed, or would have been and took an exception.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The number of the CPU.
    pub cpu: usize,
    /// The block, with the word that ends it behind its own.
    pub block: Program,
    /// What the CPU held before.
    pub before: Box<Cpu>,
    /// What it held after; where it took an exception, ESR_EL1, FAR_EL1, ELR_EL1 and SPSR_EL1 say which.
    pub after: Box<Cpu>,
    /// Whether it took an exception.
    pub excepted: bool,
    /// What it did to memory, in order.
    pub accesses: Vec<WatchedAccess>,
    /// Which choices of the run it made, by their numbers.
    pub choices: Range<usize>,
}

/// Something that an instruction did to memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchedAccess {
    /// Bytes were accessed, or would have been but for a fault.
    Data {
        /// The address, with its logical tag.
        va: u64,
        /// The guest-physical address.
        ipa: u64,
        /// How many.
        bytes: u64,
        /// Whether they are read.
        read: bool,
        /// Whether they are written.
        write: bool,
        /// Why no tag is checked; `None` where it is.
        unchecked: Option<Unchecked>,
        /// Guest-physical addresses and allocation tags of the granules of the access and around it, within their page.
        tags: Vec<(u64, Tag)>,
    },
    /// An allocation tag was loaded.
    TagLoad {
        /// The guest-physical address of the granule.
        ipa: u64,
        /// The tag.
        tag: Tag,
    },
    /// An allocation tag was stored.
    TagStore {
        /// The guest-physical address of the granule.
        ipa: u64,
        /// The tag before.
        before: Option<Tag>,
        /// The tag since.
        tag: Tag,
    },
}

thread_local! {
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
    /// How many more instructions are kept.
    static LEFT: Cell<usize> = const { Cell::new(0) };
    static STEPS: RefCell<Vec<Watched>> = const { RefCell::new(Vec::new()) };
    static VISITED: Cell<bool> = const { Cell::new(false) };
    static VISITOR: RefCell<Option<Visitor>> = const { RefCell::new(None) };
}

/// Who is called between instructions.
pub type Visitor = Box<dyn FnMut(&mut Standing<'_, '_, '_>)>;

/// A CPU between two instructions, and the memory that it sees.
pub struct Standing<'s, 'c, 'e> {
    core: &'s mut Core<'c, 'e>,
    block: &'s Program,
    excepted: bool,
}

impl std::fmt::Debug for Standing<'_, '_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Standing")
            .field("cpu", &self.core.cpu)
            .field("excepted", &self.excepted)
            .finish_non_exhaustive()
    }
}

impl Standing<'_, '_, '_> {
    /// Whether the instruction at the PC has just taken an exception, which ESR_EL1 and the others say, rather than being the next.
    #[must_use]
    pub fn excepted(&self) -> bool {
        self.excepted
    }

    /// The number of the CPU.
    #[must_use]
    pub fn number(&self) -> usize {
        self.core.env.platform.cpu
    }

    /// Its block, with the word that ends it behind its own.
    #[must_use]
    pub fn block(&self) -> &Program {
        self.block
    }

    /// What it holds.
    pub fn cpu(&mut self) -> &mut Cpu {
        self.core.cpu
    }

    /// Writes a register that a block carries.
    ///
    /// # Errors
    ///
    /// Names a field whose effect is not specified.
    pub fn write(&mut self, register: SysReg, value: u64) -> Result<(), &'static str> {
        self.core.write_program_register(register, value)
    }

    /// Returns where a byte is, whoever may access it, and whether its memory has allocation tags; `None` where nothing is mapped.
    #[must_use]
    pub fn place(&self, va: u64) -> Option<(u64, bool)> {
        let entry = self.core.entry(va).ok()?;
        Some((entry.ipa(), entry.has_tags()))
    }

    /// Reads memory within a page.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn read(&mut self, ipa: u64, bytes: &mut [u8]) -> Result<(), NoMemory> {
        self.core.env.bus.read(ipa, bytes).map(|_| ())
    }

    /// Writes memory within a page.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn write_memory(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), NoMemory> {
        self.core.env.bus.write(ipa, bytes)
    }

    /// Reads the allocation tag of a granule.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn tag(&mut self, ipa: u64) -> Result<Tag, NoMemory> {
        self.core.env.bus.tag(ipa)
    }

    /// Stores the allocation tag of a granule.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn set_tag(&mut self, ipa: u64, tag: Tag) -> Result<(), NoMemory> {
        self.core.env.bus.set_tag(ipa, tag)
    }
}

/// Runs something, and calls the visitor before each instruction that this thread executes, and after each that takes an exception.
pub fn visit<T>(visitor: Visitor, run: impl FnOnce() -> T) -> T {
    VISITOR.set(Some(visitor));
    VISITED.set(true);
    let result = run();
    VISITED.set(false);
    VISITOR.set(None);
    result
}

fn call_visitor(core: &mut Core<'_, '_>, block: &Program, excepted: bool) {
    VISITOR.with_borrow_mut(|visitor| {
        if let Some(visitor) = visitor {
            visitor(&mut Standing { core, block, excepted });
        }
    });
}

/// Runs something, and returns what it returns and what the CPUs of this thread did meanwhile.
pub fn record<T>(run: impl FnOnce() -> T) -> (T, Vec<Watched>) {
    record_first(usize::MAX, run)
}

/// As [`record`], of so many instructions at most: the first.
pub fn record_first<T>(count: usize, run: impl FnOnce() -> T) -> (T, Vec<Watched>) {
    STEPS.take();
    LEFT.set(count);
    ACTIVE.set(true);
    let result = run();
    ACTIVE.set(false);
    (result, STEPS.take())
}

/// Notes that an instruction of a block begins.
#[inline]
pub(super) fn begin(core: &mut Core<'_, '_>, block: &Program) {
    if VISITED.get() {
        call_visitor(core, block, false);
    }
    if ACTIVE.get() {
        let Some(left) = LEFT.get().checked_sub(1) else { return ACTIVE.set(false) };
        LEFT.set(left);
        let cpu = Box::new(core.cpu.clone());
        let number = core.env.platform.cpu;
        let made = core.env.choices.made();
        let (before, accesses, choices) = (cpu.clone(), Vec::new(), made..made);
        let block = block.clone();
        let step = Watched { cpu: number, block, before, after: cpu, excepted: false, accesses, choices };
        STEPS.with_borrow_mut(|steps| steps.push(step));
    }
}

/// Notes that the instruction ended.
#[inline]
pub(super) fn end(core: &mut Core<'_, '_>, block: &Program, excepted: bool) {
    if ACTIVE.get() {
        with_last(|step| {
            *step.after = core.cpu.clone();
            step.excepted = excepted;
            step.choices.end = core.env.choices.made();
        });
    }
    if excepted && VISITED.get() {
        call_visitor(core, block, true);
    }
}

/// Notes an access whose pages are `parts`: address, place, bytes.
#[inline]
pub(super) fn access(core: &mut Core<'_, '_>, parts: &[(u64, Place, u64)], access: Access) {
    if !ACTIVE.get() {
        return;
    }
    let unchecked = parts.first().and_then(|(va, ..)| core.unchecked(*va, access));
    for &(va, place, bytes) in parts {
        let unchecked =
            unchecked.or((place.memory != Memory::Tagged && place.canonical.is_none()).then_some(Unchecked::Untagged));
        let tags = tags_around(core, place, bytes);
        let done =
            WatchedAccess::Data { va, ipa: place.ipa, bytes, read: access.read, write: access.write, unchecked, tags };
        with_last(|step| {
            // An instruction of several elements first looks whether it can reach all, and then accesses them.
            if !step.accesses.iter().any(|known| known.is_same_data(&done)) {
                step.accesses.push(done);
            }
        });
    }
}

/// Notes that a tag was loaded.
#[inline]
pub(super) fn tag_load(place: Place, tag: Tag) {
    if ACTIVE.get() {
        with_last(|step| step.accesses.push(WatchedAccess::TagLoad { ipa: place.ipa & !(GRANULE - 1), tag }));
    }
}

/// Notes that a tag is about to be stored.
#[inline]
pub(super) fn tag_store(core: &mut Core<'_, '_>, place: Place, tag: Tag) {
    if ACTIVE.get() {
        let ipa = place.ipa & !(GRANULE - 1);
        let before = core.env.bus.tag(ipa).ok();
        with_last(|step| step.accesses.push(WatchedAccess::TagStore { ipa, before, tag }));
    }
}

fn with_last(change: impl FnOnce(&mut Watched)) {
    STEPS.with_borrow_mut(|steps| steps.last_mut().map(change));
}

/// Returns the tags of the granules that an access touches and of some around it.
fn tags_around(core: &mut Core<'_, '_>, place: Place, bytes: u64) -> Vec<(u64, Tag)> {
    let page = place.ipa & !(map::GUEST_PAGE - 1);
    let first = (place.ipa & !(GRANULE - 1)).saturating_sub(AROUND * GRANULE).max(page);
    let end = (place.ipa + bytes.max(1)).next_multiple_of(GRANULE) + AROUND * GRANULE;
    let granules = (first..end.min(page + map::GUEST_PAGE)).step_by(GRANULE as usize);
    granules.filter_map(|ipa| core.env.bus.tag(ipa).ok().map(|tag| (ipa, tag))).collect()
}

impl WatchedAccess {
    /// Returns whether both access the same bytes in the same way.
    fn is_same_data(&self, other: &Self) -> bool {
        let data = |access: &Self| match access {
            Self::Data { va, bytes, read, write, .. } => Some((*va, *bytes, *read, *write)),
            _ => None,
        };
        data(self).is_some() && data(self) == data(other)
    }

    /// Returns whether the logical tag of a checked access is that of all its granules; `None` if it is not checked or no data.
    #[must_use]
    pub fn matches(&self) -> Option<bool> {
        let Self::Data { va, ipa, bytes, unchecked: None, tags, .. } = self else { return None };
        let granules = (ipa & !(GRANULE - 1))..ipa + (*bytes).max(1);
        let logical = TaggedPtr::new(*va).tag();
        Some(tags.iter().filter(|(ipa, _)| granules.contains(ipa)).all(|(_, tag)| *tag == logical))
    }
}
