//! A guest in memory that keeps running: pages and tags that change, a dirty log, registers. It does what KVM does where it
//! matters: a store of tags is EBUSY while dirty pages are logged, and a page that is replaced loses its tags.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use fastrand::Rng;
use mte_migration::defect::Defect;
use mte_migration::message::{Hello, Mode, Reason, ReasonCode};
use mte_migration::{Guest, Ownership, PAGE, PageSet, Paused, Source, TAGS, Target};

/// What is migrated. Pages of zeros without tags are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub pages: BTreeMap<u64, Page>,
    pub vm: Vec<u8>,
    pub vcpus: Vec<Registers>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub data: Box<[u8; PAGE]>,
    pub tags: Box<[u8; TAGS]>,
}

impl Page {
    fn new() -> Self {
        Self { data: Box::new([0; PAGE]), tags: Box::new([0; TAGS]) }
    }

    fn is_empty(&self) -> bool {
        self.data.iter().all(|byte| *byte == 0) && self.tags.iter().all(|tag| *tag == 0)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    pub pc: u64,
    pub rgsr: u64,
    pub gcr: u64,
    pub tfsr: u64,
}

/// What goes wrong at a target although nobody makes a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A bit of memory flips after it was written.
    Memory,
    /// A tag changes.
    Tag,
    /// The guest cannot be resumed: no vCPU runs.
    Resume,
    /// The guest cannot run here.
    Identity,
}

#[derive(Debug)]
pub struct FakeGuest {
    rng: Rng,
    layout: Hello,
    /// What both sides map, if memory is handed over.
    pages: Arc<Mutex<BTreeMap<u64, Page>>>,
    vm: u64,
    vcpus: Vec<Registers>,
    pub is_running: bool,
    pub is_logging: bool,
    /// Numbers of host pages.
    log: BTreeSet<u64>,
    log_is_read: bool,
    has_registers: bool,
    pub is_discarded: bool,
    /// The state when it was stopped or resumed last.
    pub at_stop: Option<State>,
    pub at_resume: Option<State>,
    /// What a real VM would not have survived.
    pub violations: Vec<&'static str>,
    pub fault: Option<Fault>,
    /// How many calls succeed before one fails.
    pub fails_after: Option<u32>,
    pub defect: Option<Defect>,
}

/// Draws a layout: slots that touch, and one above 2^32 pages.
pub fn layout(rng: &mut Rng) -> Hello {
    let unit = [1, 1, 4, 16][rng.usize(..4)];
    let size = |rng: &mut Rng, pages: u64| pages.div_ceil(unit) * unit + if rng.bool() { unit } else { 0 };
    let (first, high) = (0x4_0000, 1 << 33);
    let middle = first + size(rng, 6);
    let end = middle + size(rng, 3);
    Hello {
        session: std::array::from_fn(|_| rng.u8(..)),
        page_size: unit as u32 * PAGE as u32,
        mode: Mode::PreCopy,
        vcpus: rng.u16(1..4),
        required: 0,
        optional: 0,
        slots: vec![first..middle, middle..end, high..high + size(rng, 2)],
        identity: b"a CPU of the simulation".to_vec(),
    }
}

impl FakeGuest {
    /// Makes a VM in which nothing has happened.
    pub fn new(layout: &Hello, seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            layout: layout.clone(),
            pages: Arc::default(),
            vm: 0,
            vcpus: vec![Registers::default(); layout.vcpus.into()],
            is_running: false,
            is_logging: false,
            log: BTreeSet::new(),
            log_is_read: false,
            has_registers: false,
            is_discarded: false,
            at_stop: None,
            at_resume: None,
            violations: Vec::new(),
            fault: None,
            fails_after: None,
            defect: None,
        }
    }

    fn is(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    pub fn state(&self) -> State {
        let all = self.pages();
        let in_use = all.iter().filter(|(_, page)| !page.is_empty());
        let pages = in_use.map(|(number, page)| (*number, page.clone())).collect();
        State { pages, vm: self.vm.to_le_bytes().to_vec(), vcpus: self.vcpus.clone() }
    }

    /// Boots.
    pub fn start(&mut self) {
        self.is_running = true;
    }

    /// Does a few random things, if it runs.
    pub fn run(&mut self, steps: u32) {
        let runs_on = self.is(Defect::VcpuRunsOn) && self.at_stop.is_some() && !self.has_registers;
        if !self.is_running && !runs_on {
            return;
        }
        for _ in 0..steps {
            self.step();
        }
    }

    /// Maps the memory of another VM, as a memfd that both processes have.
    pub fn share_memory(&mut self, other: &Self) {
        self.pages = Arc::clone(&other.pages);
    }

    fn pages(&self) -> MutexGuard<'_, BTreeMap<u64, Page>> {
        self.pages.lock().expect("no thread panics with it")
    }

    fn step(&mut self) {
        let slot = self.layout.slots[self.rng.usize(..self.layout.slots.len())].clone();
        let number = self.rng.u64(slot);
        let mut rng = self.rng.fork();
        let mut pages = self.pages();
        let page = pages.entry(number).or_insert_with(Page::new);
        let tag = rng.u8(1..16);
        let granules = rng.usize(..TAGS)..TAGS;
        let granules = granules.start..(granules.start + rng.usize(1..64)).min(granules.end);
        let stores_tags = match rng.u8(..14) {
            0..=3 => {
                page.data[rng.usize(..PAGE)] = rng.u8(..);
                false
            }
            4 => {
                page.data.fill(0);
                false
            }
            5..=7 => {
                page.tags[granules].fill(tag);
                true
            }
            8 => {
                page.tags.fill(tag);
                true
            }
            9 => {
                page.tags.fill(0);
                true
            }
            10 => {
                page.tags.iter_mut().for_each(|tag| *tag = rng.u8(..16));
                true
            }
            // The guest frees the page.
            11 | 12 => {
                *page = Page::new();
                false
            }
            // STGM and a store of data: an allocation.
            _ => {
                page.tags[granules.clone()].fill(tag);
                page.data[granules.start * 16..granules.end * 16].fill(rng.u8(..));
                false
            }
        };
        drop(pages);
        if self.is_logging && !(stores_tags && self.is(Defect::TagStoreNotDirty)) {
            self.log.insert(number / self.layout.pages_per_host_page());
        }
        let index = rng.usize(..self.vcpus.len());
        let vcpu = &mut self.vcpus[index];
        vcpu.pc += 4;
        vcpu.rgsr = rng.u64(..);
        vcpu.gcr = rng.u64(..0x1_0000);
        vcpu.tfsr = rng.u64(..4);
        self.vm = self.vm.wrapping_mul(31) + 1;
    }

    fn check(&mut self, first: u64, bytes: usize, unit: usize) {
        let range = first..first + (bytes / unit) as u64;
        if !self.layout.slots.iter().any(|slot| slot.start <= range.start && range.end <= slot.end) {
            self.violations.push("a range leaves its slot");
        }
    }

    /// A call that may fail.
    fn call(&mut self) -> Result<(), &'static str> {
        match &mut self.fails_after {
            Some(0) => {
                self.fails_after = None;
                Err("ENOMEM")
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn change(&mut self) {
        if self.is_running {
            self.violations.push("memory is written while the guest runs");
        }
        if self.has_registers {
            self.violations.push("memory is written after the registers");
        }
    }
}

impl Guest for FakeGuest {
    type Error = &'static str;

    fn populated(&mut self) -> Result<PageSet, Self::Error> {
        self.call()?;
        let unit = self.layout.pages_per_host_page();
        Ok(self.pages().keys().map(|page| page / unit * unit..(page / unit + 1) * unit).collect())
    }

    fn read(&mut self, first: u64, data: &mut [u8]) -> Result<(), Self::Error> {
        self.call()?;
        self.check(first, data.len(), PAGE);
        self.run(2);
        for (number, bytes) in (first..).zip(data.chunks_mut(PAGE)) {
            match self.pages().get(&number) {
                Some(page) => bytes.copy_from_slice(&page.data[..]),
                None => bytes.fill(0),
            }
        }
        self.run(1);
        Ok(())
    }

    fn fetch_tags(&mut self, first: u64, tags: &mut [u8]) -> Result<(), Self::Error> {
        self.call()?;
        self.check(first, tags.len(), TAGS);
        let host_page = self.layout.pages_per_host_page() as usize * TAGS;
        if !(first as usize * TAGS).is_multiple_of(host_page) || !tags.len().is_multiple_of(host_page) {
            return Err("EINVAL");
        }
        let stop = if self.is(Defect::ShortCountIgnored) { tags.len() - host_page } else { tags.len() };
        for (number, bytes) in (first..).zip(tags[..stop.max(host_page)].chunks_mut(TAGS)) {
            match self.pages().get(&number) {
                Some(page) => bytes.copy_from_slice(&page.tags[..]),
                None => bytes.fill(0),
            }
        }
        self.run(2);
        Ok(())
    }

    fn vm_state(&mut self, _: &Paused) -> Result<Vec<u8>, Self::Error> {
        self.call()?;
        Ok(self.vm.to_le_bytes().to_vec())
    }

    fn vcpu(&mut self, _: &Paused, index: u32) -> Result<Vec<u8>, Self::Error> {
        self.call()?;
        self.run(1);
        let Registers { pc, rgsr, gcr, tfsr } = self.vcpus[index as usize];
        let tfsr = if self.is(Defect::TfsrNotSaved) { 0 } else { tfsr };
        let rgsr = if self.is(Defect::RgsrNotRestored) { 0 } else { rgsr };
        Ok([pc, rgsr, gcr, tfsr].map(u64::to_le_bytes).concat())
    }

    fn resume(&mut self, _: Ownership) -> Result<(), Self::Error> {
        if self.is_running {
            self.violations.push("the guest is resumed while it runs");
        }
        if self.is_discarded {
            self.violations.push("a discarded guest is resumed");
        }
        if self.fault == Some(Fault::Resume) {
            self.is_running = self.is(Defect::ResumeErrorAfterRun);
            return Err("KVM_RUN: EFAULT");
        }
        self.at_resume = Some(self.state());
        self.is_running = true;
        Ok(())
    }
}

impl Source for FakeGuest {
    fn start_logging(&mut self) -> Result<(), Self::Error> {
        self.call()?;
        self.is_logging = true;
        Ok(())
    }

    fn stop_logging(&mut self) -> Result<(), Self::Error> {
        self.is_logging = false;
        self.log.clear();
        Ok(())
    }

    fn take_dirty(&mut self) -> Result<PageSet, Self::Error> {
        self.call()?;
        self.run(1);
        if self.is(Defect::LogClearedAfterRead) && std::mem::replace(&mut self.log_is_read, true) {
            self.log.clear();
        }
        let mut dirty: Vec<u64> = std::mem::take(&mut self.log).into_iter().collect();
        if self.is(Defect::DirtyRingOverflow) {
            dirty.truncate(2);
        }
        let unit = self.layout.pages_per_host_page();
        let pages = if self.is(Defect::HostPageTakenForPage) { 1 } else { unit };
        let last = self.layout.slots.last().map_or(0, |slot| slot.start);
        let is_read = |page: &u64| !(self.is(Defect::LastSlotNotRead) && page * unit >= last);
        Ok(dirty.iter().filter(|page| is_read(page)).map(|page| page * unit..page * unit + pages).collect())
    }

    fn pause(&mut self) -> Result<(), Self::Error> {
        self.call()?;
        self.run(3);
        self.is_running = false;
        self.at_stop = Some(self.state());
        Ok(())
    }
}

impl Target for FakeGuest {
    fn prepare(&mut self, hello: &Hello) -> Result<(), Reason> {
        if self.fault == Some(Fault::Identity) {
            return Err(Reason::new(ReasonCode::Identity, "CPU: expected another one"));
        }
        let keeps_log = self.is(Defect::TargetLogsDirtyPages) || self.is(Defect::EbusyIgnored);
        if !keeps_log {
            self.is_logging = false;
        }
        if *hello != self.layout {
            return Err(Reason::new(ReasonCode::Configuration, "slots differ"));
        }
        Ok(())
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), Self::Error> {
        self.call()?;
        self.check(first, data.len(), PAGE);
        self.change();
        for (number, bytes) in (first..).zip(data.as_chunks::<PAGE>().0) {
            // Into the page that is there, or into another one, as by UFFDIO_COPY.
            if self.rng.bool() {
                self.pages().remove(&number);
            }
            *self.pages().entry(number).or_insert_with(Page::new).data = *bytes;
        }
        Ok(())
    }

    fn clear(&mut self, pages: Range<u64>) -> Result<(), Self::Error> {
        self.call()?;
        self.change();
        if !self.is(Defect::ClearDoesNothing) {
            for number in pages {
                match self.rng.bool() {
                    true => drop(self.pages().remove(&number)),
                    false => self.pages().entry(number).or_insert_with(Page::new).data.fill(0),
                }
            }
        }
        Ok(())
    }

    fn store_tags(&mut self, first: u64, tags: &[u8]) -> Result<(), Self::Error> {
        self.call()?;
        self.check(first, tags.len(), TAGS);
        self.change();
        let host_page = self.layout.pages_per_host_page() as usize * TAGS;
        if !(first as usize * TAGS).is_multiple_of(host_page) || !tags.len().is_multiple_of(host_page) {
            return Err("EINVAL");
        }
        if self.is_logging {
            return if self.is(Defect::EbusyIgnored) { Ok(()) } else { Err("EBUSY") };
        }
        let mask = if self.is(Defect::TagsMasked) { 7 } else { 15 };
        for (number, tags) in (first..).zip(tags.as_chunks::<TAGS>().0) {
            *self.pages().entry(number).or_insert_with(Page::new).tags = tags.map(|tag| tag & mask);
        }
        Ok(())
    }

    fn set_vm_state(&mut self, _: &Paused, state: &[u8]) -> Result<(), Self::Error> {
        self.call()?;
        self.vm = u64::from_le_bytes(state.try_into().map_err(|_| "not a VM's state")?);
        Ok(())
    }

    fn set_vcpu(&mut self, _: &Paused, index: u32, state: &[u8]) -> Result<(), Self::Error> {
        self.call()?;
        let words: &[u8; 32] = state.try_into().map_err(|_| "not a vCPU's state")?;
        let [pc, rgsr, gcr, tfsr] = std::array::from_fn(|i| u64::from_le_bytes(words.as_chunks::<8>().0[i]));
        self.vcpus[index as usize] = Registers { pc, rgsr, gcr, tfsr };
        self.has_registers = true;
        let fault = self.fault.filter(|_| index == 0);
        match (fault, self.pages().values_mut().next()) {
            (Some(Fault::Memory), Some(page)) => page.data[77] ^= 4,
            (Some(Fault::Tag), Some(page)) => page.tags[77] ^= 4,
            _ => {}
        }
        Ok(())
    }

    fn discard(&mut self) {
        self.is_discarded = true;
    }
}
