//! What a case works with: machines to boot, facts about the target, and a guest that is easy to ask.

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;

use abi::mailbox::{BootReport, PageKind, SysReg};
use abi::map::{self, Window};
use isa::TaggedPtr;

use super::case::Stop;
use super::settings::{self, Mode};
use crate::kvm::tags::{self, GRANULE};
use crate::machine::{Backing, Block, Config, El, Factory, Machine, MachineError, Outcome, Trace, Vm};
use crate::snapshot::Snapshot;

/// What is known about the target before any case runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// ID_AA64PFR1_EL1.MTE.
    pub mte: u8,
    /// Bytes that one LDGM or STGM covers (GMID_EL1).
    pub tag_block: u64,
    /// Bytes that one DC ZVA covers; `None` where it is prohibited (DCZID_EL0).
    pub zero_block: Option<u64>,
    /// Bytes in a page of the host.
    pub page_size: u64,
    /// The kernel's version: major and minor.
    pub kernel: (u32, u32),
    /// Whether the host gives transparent huge pages to those who ask.
    pub huge_pages: bool,
}

impl Facts {
    /// Asks a booted machine.
    #[must_use]
    pub fn new(machine: &dyn Machine, release: &str) -> Self {
        let report = machine.boot_report(0);
        let mut numbers = release.split(['.', '-']).map_while(|part| part.parse().ok());
        Self {
            mte: (report.pfr1 >> 8 & 0xf) as u8,
            tag_block: 4 << (report.gmid & 0xf),
            zero_block: (report.dczid >> 4 & 1 == 0).then_some(4 << (report.dczid & 0xf)),
            page_size: machine.page_size(),
            kernel: (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)),
            huge_pages: std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
                .is_ok_and(|setting| !setting.contains("[never]")),
        }
    }
}

/// A machine that cases may hand on to each other.
type Shared = Rc<RefCell<Box<dyn Machine>>>;

/// The machines of one vCPU and default size that the last cases had, one for each kind of RAM.
///
/// Booting a VM costs more than most cases. The next case gets the same VM if the last one is done
/// with it, and if it can show that nothing outside the arena changed; its memory is given back to the
/// kernel in between. See [`Machine::recycle`].
#[derive(Default)]
pub struct Pool {
    last: Vec<(Backing, Shared)>,
}

impl Pool {
    /// Begins with a machine that was booted to look at the target.
    #[must_use]
    pub fn with(machine: Box<dyn Machine>) -> Self {
        Self { last: vec![(Config::default().backing, Rc::new(RefCell::new(machine)))] }
    }

    /// Forgets the machines: the next case gets a new VM.
    pub fn clear(&mut self) {
        self.last.clear();
    }

    fn take(&mut self, factory: &dyn Factory, backing: Backing) -> Result<Shared, MachineError> {
        let place = self.last.iter().position(|(kind, _)| *kind == backing);
        let machine = match place.map(|place| self.last.swap_remove(place)) {
            Some((_, machine)) if Rc::strong_count(&machine) == 1 && machine.borrow_mut().recycle()? => machine,
            _ => Rc::new(RefCell::new(factory.boot(Config { backing, ..Config::default() })?)),
        };
        self.last.push((backing, Rc::clone(&machine)));
        Ok(machine)
    }
}

/// One case's workplace.
pub struct Bench<'a> {
    factory: &'a dyn Factory,
    facts: &'a Facts,
    pool: &'a mut Pool,
    rng: fastrand::Rng,
}

impl<'a> Bench<'a> {
    /// Gives a workplace whose random values follow from `seed`.
    #[must_use]
    pub fn new(factory: &'a dyn Factory, facts: &'a Facts, pool: &'a mut Pool, seed: u64) -> Self {
        Self { factory, facts, pool, rng: fastrand::Rng::with_seed(seed) }
    }

    /// What is known about the target.
    #[must_use]
    pub fn facts(&self) -> &'a Facts {
        self.facts
    }

    /// Random values that the run's seed repeats.
    pub fn random(&mut self) -> &mut fastrand::Rng {
        &mut self.rng
    }

    /// Draws tags, one a byte.
    pub fn random_tags(&mut self, count: usize) -> Vec<u8> {
        let mut tags = vec![0; count];
        self.rng.fill(&mut tags);
        tags.iter_mut().for_each(|tag| *tag &= 0xf);
        tags
    }

    /// Gives a guest with the default configuration, as after boot.
    ///
    /// # Errors
    ///
    /// When the machine cannot.
    pub fn guest(&mut self) -> Result<Guest, Stop> {
        self.guest_in(Config::default().backing)
    }

    /// Gives a guest like [`Self::guest`], with RAM of this kind.
    ///
    /// # Errors
    ///
    /// When the machine cannot.
    pub fn guest_in(&mut self, backing: Backing) -> Result<Guest, Stop> {
        Ok(Guest { machine: self.pool.take(self.factory, backing)?, programs: BTreeMap::new(), last: None })
    }

    /// Boots a guest in a new VM.
    ///
    /// # Errors
    ///
    /// When the machine cannot.
    pub fn boot(&mut self, config: Config) -> Result<Guest, Stop> {
        Ok(Guest { machine: Rc::new(RefCell::new(self.factory.boot(config)?)), programs: BTreeMap::new(), last: None })
    }

    /// Creates a VM without anything.
    ///
    /// # Errors
    ///
    /// When the machine cannot.
    pub fn bare(&mut self) -> Result<Box<dyn Vm>, Stop> {
        Ok(self.factory.bare()?)
    }
}

/// A booted guest.
pub struct Guest {
    machine: Shared,
    /// The last block of vCPU 0, for reports. Printed only when something fails.
    last: Option<Block>,
    /// What [`Self::exec`] has assembled: cases run the same text again and again.
    programs: BTreeMap<String, Vec<u32>>,
}

impl Guest {
    /// The machine itself.
    pub fn machine(&mut self) -> RefMut<'_, Box<dyn Machine>> {
        self.machine.borrow_mut()
    }

    /// The boot report of vCPU 0.
    #[must_use]
    pub fn boot(&self) -> BootReport {
        *self.machine.borrow().boot_report(0)
    }

    /// Runs a block on vCPU 0 to its end.
    ///
    /// # Errors
    ///
    /// When the machine cannot, or the block stops at a checkpoint.
    pub fn run(&mut self, block: &Block) -> Result<Trace, Stop> {
        self.run_on(0, block)
    }

    /// Assembles and runs a block on vCPU 0, at EL1 with checks on, general registers as given from x0 on.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub fn exec(&mut self, text: &str, x: &[u64]) -> Result<Trace, Stop> {
        let words = match self.programs.get(text) {
            Some(words) => words.clone(),
            None => {
                let words = Block::assemble(text)?.words().to_vec();
                self.programs.insert(text.to_owned(), words.clone());
                words
            }
        };
        let mut block = Block::new(words);
        for (n, value) in x.iter().enumerate() {
            block = block.x(n, *value);
        }
        self.run(&block)
    }

    /// Runs a block on one vCPU to its end.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub fn run_on(&mut self, cpu: usize, block: &Block) -> Result<Trace, Stop> {
        if cpu == 0 {
            self.last = Some(block.clone());
        }
        match self.machine.borrow_mut().start(cpu, block)? {
            Outcome::Done(trace) => Ok(*trace),
            Outcome::Checkpoint => Err(unexpected_checkpoint()),
        }
    }

    /// Runs a block on vCPU 0 up to its checkpoint.
    ///
    /// # Errors
    ///
    /// When the machine cannot, or the block ends without one.
    pub fn run_to_checkpoint(&mut self, block: &Block) -> Result<(), Stop> {
        self.last = Some(block.clone());
        match self.machine.borrow_mut().start(0, block)? {
            Outcome::Checkpoint => Ok(()),
            Outcome::Done(_) => Err(MachineError::BadRequest("the block ended without a checkpoint".to_owned()).into()),
        }
    }

    /// Continues the block of vCPU 0 from its checkpoint to its end.
    ///
    /// # Errors
    ///
    /// When the machine cannot, or another checkpoint comes.
    pub fn resume(&mut self) -> Result<Trace, Stop> {
        match self.machine.borrow_mut().resume(0)? {
            Outcome::Done(trace) => Ok(*trace),
            Outcome::Checkpoint => Err(unexpected_checkpoint()),
        }
    }

    /// The listing of the last block on vCPU 0.
    #[must_use]
    pub fn listing(&self) -> Vec<String> {
        self.last.as_ref().map(Block::listing).unwrap_or_default()
    }

    /// SCTLR_EL1 as booted, with another mode at one level.
    #[must_use]
    pub fn sctlr(&self, el: El, mode: Mode) -> u64 {
        settings::sctlr(&self.boot(), el, mode)
    }

    /// A control register as booted.
    #[must_use]
    pub fn booted(&self, register: SysReg) -> u64 {
        self.boot().sys[register as usize]
    }

    /// Fetches the tags of guest memory; the range is widened to whole host pages and cut back.
    ///
    /// # Errors
    ///
    /// When the copy stops early.
    pub fn fetch_tags(&mut self, ipa: u64, granules: usize) -> Result<Vec<u8>, Stop> {
        let (start, before, whole) = self.widen(ipa, granules);
        let mut all = vec![0xff; whole];
        tags::fetch(&**self.machine.borrow(), start, &mut all)?.complete()?;
        Ok(all[before..before + granules].to_vec())
    }

    /// Stores tags to guest memory; those of other granules in the host's pages are kept.
    ///
    /// # Errors
    ///
    /// When a copy stops early.
    pub fn store_tags(&mut self, ipa: u64, new: &[u8]) -> Result<(), Stop> {
        let (start, before, whole) = self.widen(ipa, new.len());
        let mut all = vec![0; whole];
        if whole != new.len() {
            tags::fetch(&**self.machine.borrow(), start, &mut all)?.complete()?;
        }
        all[before..before + new.len()].copy_from_slice(new);
        tags::store(&**self.machine.borrow(), start, &all)?.complete()?;
        Ok(())
    }

    /// Finds the host pages around granules: first byte, granules before, granules in all.
    fn widen(&self, ipa: u64, granules: usize) -> (u64, usize, usize) {
        let page = self.machine.borrow().page_size();
        let start = ipa & !(page - 1);
        let end = (ipa + granules as u64 * GRANULE).next_multiple_of(page);
        (start, ((ipa - start) / GRANULE) as usize, ((end - start) / GRANULE) as usize)
    }

    /// Reads guest memory.
    ///
    /// # Errors
    ///
    /// When it is not RAM.
    pub fn read(&mut self, ipa: u64, bytes: usize) -> Result<Vec<u8>, Stop> {
        let mut buffer = vec![0; bytes];
        self.machine.borrow().read(ipa, &mut buffer)?;
        Ok(buffer)
    }

    /// Writes guest memory.
    ///
    /// # Errors
    ///
    /// When it is not RAM.
    pub fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), Stop> {
        Ok(self.machine.borrow_mut().write(ipa, bytes)?)
    }

    /// Reads eight bytes of guest memory.
    ///
    /// # Errors
    ///
    /// When it is not RAM.
    pub fn read_u64(&mut self, ipa: u64) -> Result<u64, Stop> {
        let mut bytes = [0; 8];
        self.machine.borrow().read(ipa, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Makes pages of a window into something else.
    ///
    /// # Errors
    ///
    /// When the firmware refuses.
    pub fn set_pages(&mut self, window: Window, ipa: u64, bytes: u64, kind: PageKind) -> Result<(), Stop> {
        Ok(self.machine.borrow_mut().set_pages(window, ipa, bytes, kind)?)
    }

    /// Saves the VM, destroys it, and restores it into a new one.
    ///
    /// # Errors
    ///
    /// When the kernel refuses any part.
    pub fn save_and_restore(&mut self) -> Result<Snapshot, Stop> {
        let snapshot = self.machine.borrow_mut().save()?;
        self.machine.borrow_mut().replace_by(&snapshot)?;
        Ok(snapshot)
    }
}

fn unexpected_checkpoint() -> Stop {
    MachineError::BadRequest("the block rang a checkpoint that its case does not expect".to_owned()).into()
}

/// Gives the guest-physical address of a byte of the arena.
#[must_use]
pub const fn arena(offset: u64) -> u64 {
    map::ARENA_BASE + offset
}

/// Gives a pointer to a byte of the arena in a window, with a logical tag.
#[must_use]
pub fn pointer(window: Window, offset: u64, tag: u8) -> u64 {
    TaggedPtr::new(window.va(arena(offset))).with_tag(isa::Tag::truncate(tag)).bits()
}

/// Gives a pointer to a byte of the arena in the checked window of EL1, with a logical tag.
#[must_use]
pub fn tagged(offset: u64, tag: u8) -> u64 {
    pointer(Window::Tagged, offset, tag)
}

/// Gives a pointer like [`pointer`], for code at this level and in the upper or lower half.
#[must_use]
pub fn pointer_at(el: El, upper: bool, offset: u64, tag: u8) -> u64 {
    let window = if el == El::El0 { Window::TaggedEl0 } else { Window::Tagged };
    let lower = window.va(arena(offset));
    let va = if upper { map::upper_half(lower) } else { lower };
    TaggedPtr::new(va).with_tag(isa::Tag::truncate(tag)).bits()
}
