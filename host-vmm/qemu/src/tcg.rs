//! The `tcg` machine: the firmware straight on QEMU's system emulation, without Linux and without KVM.
//!
//! Image, memory map and mailboxes are those of the `kvm` machine. A doorbell comes as a byte on a socket, while the guest
//! polls its mailbox. A doorbell in a block must also hold the block, with all registers live. So the address at which
//! blocks see the UART is watched through QEMU's gdb port (`debugger.rs`); the firmware stores to the same register at
//! another address, which is not watched. Measured on two busy cores: 0.13 ms for a block, 1.6 ms for one with a
//! checkpoint. The guest stands still, too, while tags are fetched or stored through that port.
//!
//! To be saved, the whole machine is written to a file by QEMU's own migration, tags and all; a restored one is another QEMU
//! that has loaded it (`state.rs`). 60 ms, both together. The gdb port finds tags by virtual address, in the memory that the
//! firmware's windows show as tagged; other tags are fetched from such a file, and stored to it.
//!
//! What belongs to KVM itself is [`MachineError::Unsupported`] here: the ioctl, memory slots, registers.

mod active_qemu;
mod debugger;
mod emulator;
mod emulator_error;
mod factory;
mod open;
mod packet;
mod qmp;
mod recycle;
mod state;
mod sweep;

use std::any::Any;
use std::rc::Rc;
use std::time::{Duration, Instant};

use abi::mailbox::{BootReport, PageKind, Request, Status};
use abi::map::{self, Window};

pub use open::{CPU, Emulation};

use self::debugger::{DebugError, Debugger, TagTransfer};
use self::emulator::{GuestEvent, QemuProcess};
use self::state::MigrationFile;
use machine::mailbox::{MailboxClient, Memory, Notification};
use machine::registers::{RegisterId, Registers};
use machine::snapshot::Snapshot;
use machine::tags::{GRANULE, TagError};
use machine::{
    Access, Backing, Block, Config, CopyResult, CopyTags, Deadline, Errno, Machine, MachineError, Outcome, Vm,
};

/// Times that one request may ring before the guest counts as flooding the host.
const MAX_DOORBELLS: u64 = 10_000;
/// Bells from which on a guest that is late counts as flooding and not as silent; a request takes a few.
const FLOOD: u64 = 100;

/// The windows through which tags are found. The first is there for both exception levels.
const TAGGED: [Window; 2] = [Window::TaggedEl0, Window::Tagged];

/// What a call of KVM's gives where there is none: ENOTTY, as for a descriptor that knows no such ioctl.
const NO_KVM: Errno = Errno(25);

/// A QEMU with the firmware in it.
struct TcgMachine {
    emulator: QemuProcess,
    config: Config,
    guest_timeout: Duration,
    /// When the whole run is to be over.
    deadline: Deadline,
    mailboxes: Vec<MailboxClient>,
    boot: Vec<BootReport>,
    since: SinceBoot,
}

/// What became of a machine since it booted, as far as its host must know.
#[derive(Clone, Debug)]
struct SinceBoot {
    /// Whether each vCPU waits at a checkpoint.
    in_block: Vec<bool>,
    /// Whether everything happened where [`recycle`] puts it right.
    recyclable: bool,
    /// Pages of windows that are no longer as after boot.
    changed_pages: Vec<(Window, u64, u64)>,
    /// What was written to memory that no window shows: address and length.
    written: Vec<(u64, usize)>,
    /// Whether the guest's heap may have objects.
    heap_used: bool,
}

impl SinceBoot {
    fn new(cpus: usize) -> Self {
        Self {
            in_block: vec![false; cpus],
            recyclable: true,
            changed_pages: Vec::new(),
            written: Vec::new(),
            heap_used: false,
        }
    }
}

/// The part of a snapshot that is QEMU's.
#[derive(Debug)]
struct Saved {
    state: Rc<MigrationFile>,
    since: SinceBoot,
}

impl Memory for QemuProcess {
    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        Self::read(self, ipa, buffer)
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        Self::write(self, ipa, bytes)
    }
}

impl TcgMachine {
    fn check_cpu(&self, cpu: usize) -> Result<(), MachineError> {
        if cpu < self.config.cpus {
            return Ok(());
        }
        Err(MachineError::BadRequest(format!("there is no vCPU {cpu}; this machine has {}", self.config.cpus)))
    }

    /// Rejects to ask a vCPU that waits at a checkpoint: it would go on with its block.
    fn check_idle(&self, cpu: usize) -> Result<(), MachineError> {
        self.check_cpu(cpu)?;
        if self.since.in_block[cpu] {
            return Err(MachineError::BadRequest(format!("vCPU {cpu} waits in a block; resume it first")));
        }
        Ok(())
    }

    /// Lets a vCPU go on until it rings. After an error nobody knows where it is.
    fn run_until_doorbell(&mut self, cpu: usize) -> Result<Notification, MachineError> {
        self.since.in_block[cpu] = false;
        let notification = self.run_until_doorbell_or_error(cpu);
        self.since.in_block[cpu] = matches!(notification, Ok(Notification::Checkpoint));
        self.since.recyclable &= notification.is_ok();
        notification
    }

    fn run_until_doorbell_or_error(&mut self, cpu: usize) -> Result<Notification, MachineError> {
        let deadline = self.deadline.limits(self.guest_timeout);
        let mut doorbells = 0;
        loop {
            // Who waits at a checkpoint must stay there; the others poll their mailboxes.
            let waiting = self.since.in_block.clone();
            self.emulator.continue_cpus((0..waiting.len()).filter(|cpu| !waiting[*cpu]))?;
            let heard = self.emulator.next_event(deadline)?;
            let mailbox = &self.mailboxes[cpu];
            let late = heard == GuestEvent::Timeout || Instant::now() >= deadline;
            doorbells += 1;
            match heard {
                GuestEvent::Byte(byte) => {
                    if let Some(notification) = mailbox.decode_doorbell(&self.emulator, byte)? {
                        return Ok(notification);
                    }
                }
                GuestEvent::PoweredOff => return Err(mailbox.misbehaved(emulator_error::POWERED_OFF)),
                GuestEvent::Store | GuestEvent::Timeout => {}
            }
            if late {
                self.deadline.check()?;
            }
            if doorbells >= MAX_DOORBELLS || late && doorbells >= FLOOD {
                return Err(MachineError::Storm { cpu, exits: doorbells });
            }
            if late {
                let pc = self.emulator.ask(|debugger, deadline| debugger.pc(cpu, deadline))?;
                return Err(MachineError::Silent { cpu, millis: self.guest_timeout.as_millis() as u64, pc });
            }
        }
    }

    /// Runs the block on a vCPU to its end or a checkpoint.
    fn advance(&mut self, cpu: usize) -> Result<Outcome, MachineError> {
        match self.run_until_doorbell(cpu)? {
            Notification::Checkpoint => Ok(Outcome::Checkpoint),
            Notification::Reply => Ok(Outcome::Done(Box::new(self.mailboxes[cpu].trace(&self.emulator)?))),
        }
    }

    /// Makes a request that is not a block; returns its status and results.
    fn call(&mut self, request: Request, arguments: [u64; 4]) -> Result<(Status, [u64; 4]), MachineError> {
        self.check_idle(0)?;
        self.mailboxes[0].call(&mut self.emulator, request, arguments)?;
        match self.run_until_doorbell(0)? {
            Notification::Reply => {
                Ok((self.mailboxes[0].status(&self.emulator)?, self.mailboxes[0].results(&self.emulator)?))
            }
            Notification::Checkpoint => {
                Err(self.mailboxes[0].misbehaved("rang a checkpoint where only a reply can come"))
            }
        }
    }

    /// Rejects what is no granule.
    fn check_range(ipa: u64) -> Result<(), MachineError> {
        if !ipa.is_multiple_of(GRANULE) {
            return Err(TagError::UnalignedAddress { ipa, unit: GRANULE }.into());
        }
        Ok(())
    }

    /// Carries tags through the first window in which QEMU finds them.
    fn transfer_tags(
        &mut self,
        ipa: u64,
        granules: usize,
        mut transfer: impl FnMut(&mut Debugger, u64, Instant) -> Result<TagTransfer, DebugError>,
    ) -> Result<TagTransfer, MachineError> {
        if !is_visible(ipa, granules as u64 * GRANULE) || !self.emulator.has_tags() {
            return Ok(TagTransfer::NotTagged);
        }
        // A vCPU in the firmware sees the windows as after boot; in a block it may have changed its translation.
        let cpu = self.since.in_block.iter().position(|in_block| !in_block).unwrap_or(0);
        self.emulator.ask(|debugger, deadline| debugger.select(cpu, deadline))?;
        for window in TAGGED {
            let carried = self.emulator.ask(|debugger, deadline| transfer(debugger, window.va(ipa), deadline))?;
            if carried == TagTransfer::Complete {
                return Ok(carried);
            }
        }
        Ok(TagTransfer::NotTagged)
    }

    /// Makes the state that QEMU loads to go on from: the memory is the snapshot's, all else is as it was saved.
    fn continue_from(&mut self, snapshot: &Snapshot) -> Result<(), MachineError> {
        let Some(saved) = snapshot.emulated.as_deref().and_then(|saved| saved.downcast_ref::<Saved>()) else {
            return Err(MachineError::BadRequest("this state was saved by another machine than QEMU".to_owned()));
        };
        saved.state.set_memory(&snapshot.memory)?;
        self.emulator.replace_by(&saved.state)?;
        self.config = snapshot.config;
        self.since = saved.since.clone();
        Ok(())
    }
}

/// Returns whether the windows show a range: all in the arena, or all in the heap.
fn is_visible(ipa: u64, length: u64) -> bool {
    [(map::ARENA_BASE, map::ARENA_SIZE), (map::HEAP_BASE, map::HEAP_SIZE)]
        .into_iter()
        .any(|(base, size)| ipa >= base && ipa.checked_add(length).is_some_and(|end| end <= base + size))
}

fn unsupported<T>(what: &str) -> Result<T, MachineError> {
    Err(MachineError::Unsupported(format!("{what}: there is no KVM in this machine")))
}

impl Machine for TcgMachine {
    fn boot_report(&self, cpu: usize) -> &BootReport {
        &self.boot[cpu]
    }

    fn start(&mut self, cpu: usize, block: &Block) -> Result<Outcome, MachineError> {
        self.check_idle(cpu)?;
        self.mailboxes[cpu].run(&mut self.emulator, block)?;
        self.advance(cpu)
    }

    fn resume(&mut self, cpu: usize) -> Result<Outcome, MachineError> {
        self.check_cpu(cpu)?;
        if !self.since.in_block[cpu] {
            return Err(MachineError::BadRequest(format!("vCPU {cpu} waits in no block that could be resumed")));
        }
        self.advance(cpu)
    }

    fn set_pages(&mut self, window: Window, ipa: u64, bytes: u64, kind: PageKind) -> Result<(), MachineError> {
        self.since.changed_pages.push((window, ipa, bytes));
        match self.call(Request::SetPages, [window as u64, ipa, bytes, kind as u64])? {
            (Status::Done, _) => Ok(()),
            (status, _) => Err(MachineError::BadRequest(format!(
                "the firmware cannot change {bytes:#x} bytes at {ipa:#x} of {window:?}: {status:?}"
            ))),
        }
    }

    fn heap_alloc(&mut self, bytes: u64, align: u64) -> Result<u64, MachineError> {
        self.since.heap_used = true;
        match self.call(Request::HeapAlloc, [bytes, align, 0, 0])? {
            (Status::Done, [pointer, ..]) => Ok(pointer),
            (status, _) => Err(MachineError::BadRequest(format!(
                "the heap cannot give {bytes} bytes at a multiple of {align}: {status:?}"
            ))),
        }
    }

    fn heap_free(&mut self, pointer: u64, bytes: u64, align: u64) -> Result<bool, MachineError> {
        match self.call(Request::HeapFree, [pointer, bytes, align, 0])? {
            (Status::Done, _) => Ok(true),
            (Status::BadFree, _) => Ok(false),
            (status, _) => Err(MachineError::BadRequest(format!("the heap cannot free {pointer:#x}: {status:?}"))),
        }
    }

    fn fetch_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<(), MachineError> {
        Self::check_range(ipa)?;
        if let Some(state) = self.emulator.saved() {
            return state.tags(ipa, tags);
        }
        if tags.len() >= sweep::FROM && sweep::fetch(self, ipa, tags)? {
            return Ok(());
        }
        match self.transfer_tags(ipa, tags.len(), |debugger, va, deadline| debugger.fetch_tags(va, tags, deadline))? {
            TagTransfer::Complete => Ok(()),
            TagTransfer::NotTagged => self.emulator.save()?.tags(ipa, tags),
        }
    }

    fn store_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<(), MachineError> {
        if let Some(index) = tags.iter().position(|tag| *tag > 15) {
            return Err(TagError::BadTag { ipa: ipa.saturating_add(index as u64 * GRANULE), value: tags[index] }.into());
        }
        Self::check_range(ipa)?;
        match self.transfer_tags(ipa, tags.len(), |debugger, va, deadline| debugger.store_tags(va, tags, deadline))? {
            TagTransfer::Complete => Ok(()),
            TagTransfer::NotTagged => {
                let state = self.emulator.save()?;
                state.set_tags(ipa, tags)?;
                self.emulator.replace_by(&state)
            }
        }
    }

    fn recycle(&mut self) -> Result<bool, MachineError> {
        recycle::recycle(self)
    }

    fn save(&mut self) -> Result<Snapshot, MachineError> {
        let state = self.emulator.save()?;
        let memory = state.memory()?;
        let emulated: Option<Rc<dyn Any>> = Some(Rc::new(Saved { state, since: self.since.clone() }));
        Ok(Snapshot { config: self.config, memory, cpus: Vec::new(), emulated })
    }

    fn replace_by(&mut self, snapshot: &Snapshot) -> Result<(), MachineError> {
        // The words of the last block are in the saved memory only if it was saved behind it.
        self.mailboxes.iter_mut().for_each(MailboxClient::invalidate_code_words);
        let done = self.continue_from(snapshot);
        self.since.recyclable &= done.is_ok();
        done
    }
}

impl Vm for TcgMachine {
    fn enable_mte(&mut self, _flags: u32) -> Result<(), Errno> {
        Err(NO_KVM)
    }

    fn add_vcpu(&mut self) -> Result<usize, Errno> {
        Err(NO_KVM)
    }

    fn add_memory(&mut self, _ipa: u64, _bytes: u64, _backing: Backing, _access: Access) -> Result<(), MachineError> {
        Err(NO_KVM.into())
    }

    fn log_dirty(&mut self, _ipa: u64, _on: bool) -> Result<(), Errno> {
        Err(NO_KVM)
    }

    fn copy_tags(&self, _call: CopyTags<'_>) -> CopyResult {
        Err(NO_KVM)
    }

    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        self.emulator.read(ipa, buffer)
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        self.since.recyclable &= ipa >= map::ARENA_BASE;
        if !is_visible(ipa, bytes.len() as u64) {
            self.since.written.push((ipa, bytes.len()));
        }
        self.emulator.write(ipa, bytes)
    }

    fn registers(&mut self, _cpu: usize) -> Result<Registers, MachineError> {
        unsupported("reading all registers of a vCPU")
    }

    fn register(&self, cpu: usize, id: RegisterId) -> Result<u64, Errno> {
        match self.boot.get(cpu) {
            Some(report) if id == RegisterId::ID_AA64PFR1_EL1 => Ok(report.pfr1),
            _ => Err(NO_KVM),
        }
    }

    fn set_register(&mut self, _cpu: usize, _id: RegisterId, _value: u64) -> Result<(), Errno> {
        Err(NO_KVM)
    }

    fn has_mte_capability(&self) -> bool {
        false
    }

    fn page_size(&self) -> u64 {
        map::GUEST_PAGE
    }
}
