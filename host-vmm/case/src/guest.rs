//! A booted guest that is easy to ask: blocks, tags, memory, save and restore.

use std::cell::RefMut;
use std::collections::BTreeMap;

use abi::mailbox::{BootReport, PageKind, SysReg};
use abi::map::Window;

use crate::case::CaseError;
use crate::settings::{self, Mode};
use machine::capability::{
    AbortInjection, Capability, DirtyLog, DirtyRing, HostEvents, IdRegisterMasks, PageEvents, PtraceTags, Races,
    SharedMemory, VcpuResets, VmmTags,
};
use machine::pool::SharedMachine;
use machine::snapshot::Snapshot;
use machine::{Block, El, Machine, MachineError, Outcome, RequestError, Trace, Vm};

/// A part of the machine, while a case uses it.
type Part<'a, T> = Result<RefMut<'a, T>, CaseError>;

/// A booted guest.
pub struct Guest {
    machine: SharedMachine,
    /// The last block of vCPU 0, for reports. Printed only when something fails.
    last: Option<Block>,
    /// What [`Self::exec`] has assembled: cases run the same text again and again.
    programs: BTreeMap<String, Vec<u32>>,
}

impl Guest {
    /// Takes a machine.
    pub(crate) fn new(machine: SharedMachine) -> Self {
        Self { machine, programs: BTreeMap::new(), last: None }
    }

    /// The machine itself.
    pub fn machine(&mut self) -> RefMut<'_, Box<dyn Machine>> {
        self.machine.borrow_mut()
    }

    /// Takes a part of the machine out of the pool's keeping.
    fn part<T: ?Sized>(
        &mut self,
        capability: Capability,
        part: impl FnOnce(&mut dyn Machine) -> Option<&mut T>,
    ) -> Part<'_, T> {
        RefMut::filter_map(self.machine.borrow_mut(), |machine| part(&mut **machine))
            .map_err(|_| CaseError::not_handed_out(capability))
    }

    /// The kernel's VM.
    ///
    /// # Errors
    ///
    /// A failure when the machine has none; so for all capabilities.
    pub fn vm(&mut self) -> Part<'_, dyn Vm> {
        self.part(Capability::Vm, |machine| machine.vm())
    }

    /// The log of dirty pages.
    ///
    /// # Errors
    ///
    /// As [`Self::vm`].
    pub fn dirty_log(&mut self) -> Part<'_, dyn DirtyLog> {
        self.part(Capability::DirtyLog, |machine| machine.vm()?.dirty_log())
    }

    /// The rings of dirty pages.
    ///
    /// # Errors
    ///
    /// As [`Self::vm`].
    pub fn dirty_ring(&mut self) -> Part<'_, dyn DirtyRing> {
        self.part(Capability::DirtyRing, |machine| machine.vm()?.dirty_ring())
    }

    /// What can happen to the pages behind guest memory.
    ///
    /// # Errors
    ///
    /// As [`Self::vm`].
    pub fn page_events(&mut self) -> Part<'_, dyn PageEvents> {
        self.part(Capability::PageEvents, |machine| machine.vm()?.page_events())
    }

    /// A debugger's view of the VMM's tags.
    ///
    /// # Errors
    ///
    /// As [`Self::vm`].
    pub fn ptrace_tags(&mut self) -> Part<'_, dyn PtraceTags> {
        self.part(Capability::PtraceTags, |machine| machine.vm()?.ptrace_tags())
    }

    /// The tags that the VMM draws.
    ///
    /// # Errors
    ///
    /// As [`Self::vm`].
    pub fn vmm_tags(&mut self) -> Part<'_, dyn VmmTags> {
        self.part(Capability::VmmTags, |machine| machine.vm()?.vmm_tags())
    }

    /// The aborts that can be injected.
    ///
    /// # Errors
    ///
    /// As [`Self::vm`].
    pub fn abort_injection(&mut self) -> Part<'_, dyn AbortInjection> {
        self.part(Capability::AbortInjection, |machine| machine.vm()?.abort_injection())
    }

    /// What reports which bits of ID registers can be changed.
    ///
    /// # Errors
    ///
    /// As [`Self::vm`].
    pub fn id_register_masks(&mut self) -> Part<'_, dyn IdRegisterMasks> {
        self.part(Capability::IdRegisterMasks, |machine| machine.vm()?.id_register_masks())
    }

    /// What shares guest memory with others.
    ///
    /// # Errors
    ///
    /// As [`Self::vm`].
    pub fn shared_memory(&mut self) -> Part<'_, dyn SharedMemory> {
        self.part(Capability::SharedMemory, |machine| machine.vm()?.shared_memory())
    }

    /// What happens to the host as a whole.
    ///
    /// # Errors
    ///
    /// As [`Self::vm`].
    pub fn host_events(&mut self) -> Part<'_, dyn HostEvents> {
        self.part(Capability::HostEvents, |machine| machine.vm()?.host_events())
    }

    /// What initialises vCPUs again.
    ///
    /// # Errors
    ///
    /// As [`Self::vm`].
    pub fn vcpu_resets(&mut self) -> Part<'_, dyn VcpuResets> {
        self.part(Capability::VcpuResets, |machine| machine.vm()?.vcpu_resets())
    }

    /// What runs vCPUs and threads of the VMM at the same time.
    ///
    /// # Errors
    ///
    /// As [`Self::vm`].
    pub fn races(&mut self) -> Part<'_, dyn Races> {
        self.part(Capability::Races, |machine| machine.races())
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
    pub fn run(&mut self, block: &Block) -> Result<Trace, CaseError> {
        self.run_on(0, block)
    }

    /// Assembles and runs a block on vCPU 0, at EL1 with checks on, general registers as given from x0 on.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub fn exec(&mut self, text: &str, x: &[u64]) -> Result<Trace, CaseError> {
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
    pub fn run_on(&mut self, cpu: usize, block: &Block) -> Result<Trace, CaseError> {
        if cpu == 0 {
            self.last = Some(block.clone());
        }
        match self.machine.borrow_mut().start(cpu, block)? {
            Outcome::Done(trace) => Ok(*trace),
            Outcome::Checkpoint => Err(unexpected_checkpoint(cpu)),
        }
    }

    /// Runs a block on vCPU 0 up to its checkpoint.
    ///
    /// # Errors
    ///
    /// When the machine cannot, or the block ends without one.
    pub fn run_to_checkpoint(&mut self, block: &Block) -> Result<(), CaseError> {
        self.last = Some(block.clone());
        match self.machine.borrow_mut().start(0, block)? {
            Outcome::Checkpoint => Ok(()),
            Outcome::Done(_) => Err(MachineError::from(RequestError::NoCheckpoint { cpu: 0 }).into()),
        }
    }

    /// Continues the block of vCPU 0 from its checkpoint to its end.
    ///
    /// # Errors
    ///
    /// When the machine cannot, or another checkpoint comes.
    pub fn resume(&mut self) -> Result<Trace, CaseError> {
        match self.machine.borrow_mut().resume(0)? {
            Outcome::Done(trace) => Ok(*trace),
            Outcome::Checkpoint => Err(unexpected_checkpoint(0)),
        }
    }

    /// The listing of the last block on vCPU 0.
    #[must_use]
    pub fn listing(&self) -> Vec<String> {
        self.last.as_ref().map(Block::listing).unwrap_or_default()
    }

    /// Returns the last block on vCPU 0.
    pub(crate) fn last_block(&self) -> Option<&Block> {
        self.last.as_ref()
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

    /// Fetches the tags of guest memory.
    ///
    /// # Errors
    ///
    /// When not all of them can be had.
    pub fn fetch_tags(&mut self, ipa: u64, granules: usize) -> Result<Vec<u8>, CaseError> {
        let mut tags = vec![0xff; granules];
        self.machine.borrow_mut().fetch_tags(ipa, &mut tags)?;
        Ok(tags)
    }

    /// Stores tags to guest memory; those of other granules are kept.
    ///
    /// # Errors
    ///
    /// When not all of them can be stored.
    pub fn store_tags(&mut self, ipa: u64, new: &[u8]) -> Result<(), CaseError> {
        Ok(self.machine.borrow_mut().store_tags(ipa, new)?)
    }

    /// Reads guest memory.
    ///
    /// # Errors
    ///
    /// When it is not RAM.
    pub fn read(&mut self, ipa: u64, bytes: usize) -> Result<Vec<u8>, CaseError> {
        let mut buffer = vec![0; bytes];
        self.machine.borrow().read(ipa, &mut buffer)?;
        Ok(buffer)
    }

    /// Writes guest memory.
    ///
    /// # Errors
    ///
    /// When it is not RAM.
    pub fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), CaseError> {
        Ok(self.machine.borrow_mut().write(ipa, bytes)?)
    }

    /// Reads eight bytes of guest memory.
    ///
    /// # Errors
    ///
    /// When it is not RAM.
    pub fn read_u64(&mut self, ipa: u64) -> Result<u64, CaseError> {
        let mut bytes = [0; 8];
        self.machine.borrow().read(ipa, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Makes pages of a window into something else.
    ///
    /// # Errors
    ///
    /// When the firmware refuses.
    pub fn set_pages(&mut self, window: Window, ipa: u64, bytes: u64, kind: PageKind) -> Result<(), CaseError> {
        Ok(self.machine.borrow_mut().set_pages(window, ipa, bytes, kind)?)
    }

    /// Saves the VM, destroys it, and restores it into a new one.
    ///
    /// # Errors
    ///
    /// When the kernel refuses any part.
    pub fn save_and_restore(&mut self) -> Result<Snapshot, CaseError> {
        let snapshot = self.machine.borrow_mut().save()?;
        self.machine.borrow_mut().replace_by(&snapshot)?;
        Ok(snapshot)
    }
}

fn unexpected_checkpoint(cpu: usize) -> CaseError {
    MachineError::from(RequestError::UnexpectedCheckpoint { cpu }).into()
}
