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
//! There is no kernel's VM here: no ioctl, no memory slots, no registers by KVM's ids.

mod active_qemu;
mod bare;
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

use abi::mailbox::{BootReport, Status};
use abi::map::{self, Window};

pub use bare::{BareBoard, BareConfig, ConsoleEnds};
pub use open::{CPU, Emulation};

use self::debugger::{DebugError, Debugger, TagTransfer};
use self::emulator::{GuestEvent, QemuProcess};
use self::state::MigrationFile;
use machine::capability::UnknownMemory;
use machine::mailbox::{MailboxClient, Memory, Notification};
use machine::session::{Backend, GuestCall, GuestState, RunReason, SCRATCH};
use machine::snapshot::Snapshot;
use machine::tags::{GRANULE, TagError};
use machine::{Config, Deadline, MachineError, Outcome, Race, RaceReport, RequestError, TagCarrier, Vm};

/// Times that one request may ring before the guest counts as flooding the host.
const MAX_DOORBELLS: u64 = 10_000;
/// Bells from which on a guest that is late counts as flooding and not as silent; a request takes a few.
const FLOOD: u64 = 100;

/// The windows through which tags are found. The first is there for both exception levels.
const TAGGED: [Window; 2] = [Window::TaggedEl0, Window::Tagged];

/// A QEMU with the firmware in it.
struct TcgBackend {
    emulator: QemuProcess,
    guest_timeout: Duration,
    /// When the whole run is to be over.
    deadline: Deadline,
    mailboxes: Vec<MailboxClient>,
    /// Bytes that one LDGM covers.
    tag_block: u64,
    tag_carrier: TagCarrier,
    host_writes: HostWrites,
}

/// What the host wrote to guest memory since boot, as far as it must know.
#[derive(Clone, Debug, Default)]
struct HostWrites {
    /// Whether anything was written that [`recycle`] does not put right.
    changed: bool,
    /// What was written to memory that no window shows: address and length.
    unseen: Vec<(u64, usize)>,
}

/// The part of a snapshot that is QEMU's.
#[derive(Debug)]
struct Saved {
    state: Rc<MigrationFile>,
    host_writes: HostWrites,
}

impl Memory for QemuProcess {
    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        Self::read(self, ipa, buffer)
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        Self::write(self, ipa, bytes)
    }
}

impl TcgBackend {
    /// Lets a vCPU go on until it rings. Those that wait at a checkpoint stay there.
    fn run_until_doorbell(&mut self, cpu: usize, guest: &GuestState) -> Result<Notification, MachineError> {
        let deadline = self.deadline.limits(self.guest_timeout);
        let mut doorbells = 0;
        loop {
            // The others poll their mailboxes.
            let waits = guest.in_block();
            self.emulator.continue_cpus((0..waits.len()).filter(|cpu| !waits[*cpu]))?;
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

    /// Rejects addresses that are not granule-aligned.
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
        guest: &GuestState,
        mut transfer: impl FnMut(&mut Debugger, u64, Instant) -> Result<TagTransfer, DebugError>,
    ) -> Result<TagTransfer, MachineError> {
        if !is_visible(ipa, granules as u64 * GRANULE) || !self.emulator.has_tags() {
            return Ok(TagTransfer::NotTagged);
        }
        // A vCPU in the firmware sees the windows as after boot; in a block it may have changed its translation.
        let cpu = guest.in_block().iter().position(|waits| !waits).unwrap_or(0);
        self.emulator.ask(|debugger, deadline| debugger.select(cpu, deadline))?;
        for window in TAGGED {
            let carried = self.emulator.ask(|debugger, deadline| transfer(debugger, window.va(ipa), deadline))?;
            if carried == TagTransfer::Complete {
                return Ok(carried);
            }
        }
        Ok(TagTransfer::NotTagged)
    }
}

/// Returns whether the windows show a range: all in the arena, or all in the heap.
fn is_visible(ipa: u64, length: u64) -> bool {
    [(map::ARENA_BASE, map::ARENA_SIZE), (map::HEAP_BASE, map::HEAP_SIZE)]
        .into_iter()
        .any(|(base, size)| ipa >= base && ipa.checked_add(length).is_some_and(|end| end <= base + size))
}

impl Backend for TcgBackend {
    fn run(&mut self, cpu: usize, reason: RunReason<'_>, guest: &GuestState) -> Result<Outcome, MachineError> {
        if let RunReason::Start(block) = reason {
            self.mailboxes[cpu].run(&mut self.emulator, block)?;
        }
        match self.run_until_doorbell(cpu, guest)? {
            Notification::Checkpoint => Ok(Outcome::Checkpoint),
            Notification::Reply => Ok(Outcome::Done(Box::new(self.mailboxes[cpu].trace(&self.emulator)?))),
        }
    }

    fn call(&mut self, call: GuestCall, guest: &GuestState) -> Result<(Status, [u64; 4]), MachineError> {
        let (request, arguments) = call.record();
        self.mailboxes[0].call(&mut self.emulator, request, arguments)?;
        match self.run_until_doorbell(0, guest)? {
            Notification::Reply => {
                Ok((self.mailboxes[0].status(&self.emulator)?, self.mailboxes[0].results(&self.emulator)?))
            }
            Notification::Checkpoint => {
                Err(self.mailboxes[0].misbehaved("rang a checkpoint where only a reply can come"))
            }
        }
    }

    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        self.emulator.read(ipa, buffer)
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        self.host_writes.changed |= ipa < SCRATCH;
        if !is_visible(ipa, bytes.len() as u64) {
            self.host_writes.unseen.push((ipa, bytes.len()));
        }
        self.emulator.write(ipa, bytes)
    }

    fn fetch_tags(&mut self, ipa: u64, tags: &mut [u8], guest: &GuestState) -> Result<(), MachineError> {
        Self::check_range(ipa)?;
        if let Some(state) = self.emulator.saved() {
            return state.tags(ipa, tags);
        }
        let by_guest = self.tag_carrier == TagCarrier::Guest || tags.len() >= sweep::FROM;
        if by_guest && sweep::fetch(self, ipa, tags, guest)? {
            return Ok(());
        }
        let granules = tags.len();
        let fetch = |debugger: &mut Debugger, va, deadline| debugger.fetch_tags(va, tags, deadline);
        match self.transfer_tags(ipa, granules, guest, fetch)? {
            TagTransfer::Complete => Ok(()),
            TagTransfer::NotTagged => self.emulator.save()?.tags(ipa, tags),
        }
    }

    fn store_tags(&mut self, ipa: u64, tags: &[u8], guest: &GuestState) -> Result<(), MachineError> {
        if let Some(index) = tags.iter().position(|tag| *tag > 15) {
            return Err(TagError::BadTag { ipa: ipa.saturating_add(index as u64 * GRANULE), value: tags[index] }.into());
        }
        Self::check_range(ipa)?;
        if self.tag_carrier == TagCarrier::Guest && sweep::store(self, ipa, tags, guest)? {
            return Ok(());
        }
        let store = |debugger: &mut Debugger, va, deadline| debugger.store_tags(va, tags, deadline);
        match self.transfer_tags(ipa, tags.len(), guest, store)? {
            TagTransfer::Complete => Ok(()),
            TagTransfer::NotTagged => {
                let state = self.emulator.save()?;
                state.set_tags(ipa, tags)?;
                self.emulator.replace_by(&state)
            }
        }
    }

    fn page_size(&self) -> u64 {
        map::GUEST_PAGE
    }

    fn is_changed(&self) -> bool {
        self.host_writes.changed
    }

    fn clear(&mut self, config: Config, boot: &[BootReport]) -> Result<(), MachineError> {
        recycle::clear(self, config, boot)
    }

    fn save(&mut self, config: Config) -> Result<Snapshot, MachineError> {
        let state = self.emulator.save()?;
        let memory = state.memory()?;
        let emulated: Option<Rc<dyn Any>> = Some(Rc::new(Saved { state, host_writes: self.host_writes.clone() }));
        Ok(Snapshot { config, memory, cpus: Vec::new(), emulated, guest: GuestState::new(config.cpus) })
    }

    /// Makes the state that QEMU loads to go on from: the memory is the snapshot's, all else is as it was saved.
    fn replace_by(&mut self, snapshot: &Snapshot) -> Result<(), MachineError> {
        let Some(saved) = snapshot.emulated.as_deref().and_then(|saved| saved.downcast_ref::<Saved>()) else {
            return Err(RequestError::ForeignSnapshot.into());
        };
        saved.state.set_memory(&snapshot.memory)?;
        self.emulator.replace_by(&saved.state)?;
        self.host_writes = saved.host_writes.clone();
        let restored = (0..snapshot.config.cpus).map(|cpu| MailboxClient::restored(cpu, &self.emulator));
        self.mailboxes = restored.collect::<Result<_, _>>()?;
        Ok(())
    }

    fn vm(&mut self) -> Option<&mut (dyn Vm + 'static)> {
        None
    }

    fn has_races(&self) -> bool {
        false
    }

    fn race(&mut self, _race: &Race) -> Result<RaceReport, MachineError> {
        Err(RequestError::NoRaces.into())
    }

    fn unknown_memory(&self) -> Option<&dyn UnknownMemory> {
        None
    }
}
