//! The `kvm` machine: the firmware in a VM on /dev/kvm.

mod factory;
mod race;
mod service;

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use abi::mailbox::{BootReport, PageKind, Request, Status, SysReg};
use abi::map::{self, Window};
use kvm_ioctls::Kvm;

pub use factory::KvmFactory;

use crate::vm::{KvmVm, kernel};
use crate::watchdog::Watchdog;
use machine::mailbox::MailboxClient;
use machine::registers::{RegisterId, Registers};
use machine::snapshot::{Extent, Snapshot};
use machine::{
    Access, Backing, Block, Config, CopyResult, CopyTags, Errno, Machine, MachineError, Outcome, PageEvent, Race,
    RaceReport, Vm,
};

/// The boot report's names of [`RegisterId::MTE`].
const MTE_REGISTERS: [SysReg; 4] = [SysReg::Rgsr, SysReg::Gcr, SysReg::Tfsr, SysReg::Tfsre0];

/// A VM on /dev/kvm with the firmware in it.
struct KvmMachine {
    vm: KvmVm,
    kvm: Rc<Kvm>,
    config: Config,
    guest_timeout: Duration,
    watchdog: Watchdog,
    boot: Vec<BootReport>,
    mailboxes: Vec<MailboxClient>,
    /// Whether each vCPU waits at a checkpoint.
    in_block: Vec<bool>,
    /// Whether everything since boot happened in [`SCRATCH`] and in the program's registers.
    recyclable: Cell<bool>,
    /// Pages of windows that are no longer as after boot.
    changed_pages: Vec<(Window, u64, u64)>,
    /// Whether the guest's heap may have objects.
    heap_used: bool,
}

/// Where cases may write and tag without spoiling the firmware: from the arena to the end of RAM.
const SCRATCH: u64 = map::ARENA_BASE;

impl KvmMachine {
    /// Reads the touched memory and its tags.
    fn save_memory(&self) -> Result<Vec<Extent>, MachineError> {
        let mut memory = Vec::new();
        for slot in self.vm.slots() {
            for Range { start, end } in slot.mapping.touched() {
                let ipa = slot.ipa + start;
                let mut data = vec![0; (end - start) as usize];
                self.vm.read(ipa, &mut data)?;
                let mut extent = Extent { ipa, tags: vec![0; data.len() / kvm_mte::GRANULE as usize], data };
                kvm_mte::fetch(self.vm.descriptor(), ipa, &mut extent.tags)?.complete()?;
                memory.push(extent);
            }
        }
        Ok(memory)
    }
}

impl Machine for KvmMachine {
    fn boot_report(&self, cpu: usize) -> &BootReport {
        &self.boot[cpu]
    }

    fn start(&mut self, cpu: usize, block: &Block) -> Result<Outcome, MachineError> {
        self.check_cpu(cpu)?;
        self.mailboxes[cpu].run(&mut self.vm, block)?;
        self.advance(cpu)
    }

    fn resume(&mut self, cpu: usize) -> Result<Outcome, MachineError> {
        self.check_cpu(cpu)?;
        self.advance(cpu)
    }

    fn set_pages(&mut self, window: Window, ipa: u64, bytes: u64, kind: PageKind) -> Result<(), MachineError> {
        let arguments = [window as u64, ipa, bytes, kind as u64];
        self.changed_pages.push((window, ipa, bytes));
        match self.call(Request::SetPages, arguments)? {
            (Status::Done, _) => Ok(()),
            (status, _) => Err(MachineError::BadRequest(format!(
                "the firmware cannot change {bytes:#x} bytes at {ipa:#x} of {window:?}: {status:?}"
            ))),
        }
    }

    fn heap_alloc(&mut self, bytes: u64, align: u64) -> Result<u64, MachineError> {
        self.heap_used = true;
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

    fn race(&mut self, race: &Race) -> Result<RaceReport, MachineError> {
        self.run_race(race)
    }

    fn recycle(&mut self) -> Result<bool, MachineError> {
        // What is in a shared file stays when its pages are given back.
        let stays = self.config.backing == Backing::Shared;
        if stays || !self.recyclable.get() || self.in_block.contains(&true) {
            return Ok(false);
        }
        for (window, ipa, bytes) in std::mem::take(&mut self.changed_pages) {
            self.call(Request::SetPages, [window as u64, ipa, bytes, PageKind::Default as u64])?;
        }
        if std::mem::take(&mut self.heap_used) {
            self.call(Request::HeapReset, [0; 4])?;
        }
        for slot in self.vm.slots() {
            let scratch = SCRATCH.saturating_sub(slot.ipa)..slot.mapping.bytes();
            slot.mapping.forget(scratch).map_err(|errno| kernel("madvise of the guest's RAM", errno))?;
        }
        let with_mte = self.boot.iter().enumerate().filter(|_| self.config.mte);
        for (cpu, report) in with_mte {
            for (id, register) in RegisterId::MTE.into_iter().zip(MTE_REGISTERS) {
                let value = report.sys[register as usize];
                self.vm
                    .set_register(cpu, id, value)
                    .map_err(|errno| kernel(&format!("KVM_SET_ONE_REG of {id}"), errno))?;
            }
        }
        Ok(true)
    }

    fn save(&mut self) -> Result<Snapshot, MachineError> {
        for vcpu in self.vm.vcpus() {
            vcpu.complete_mmio()?;
        }
        let memory = self.save_memory()?;
        let cpus = self.vm.vcpus().iter().map(|vcpu| vcpu.save()).collect::<Result<_, _>>()?;
        Ok(Snapshot { config: self.config, memory, cpus, emulated: None })
    }

    fn replace_by(&mut self, snapshot: &Snapshot) -> Result<(), MachineError> {
        // The old VM is gone before anything is put into the new one.
        self.mailboxes.iter_mut().for_each(MailboxClient::invalidate_code_words);
        self.vm = KvmFactory::create(&self.kvm, snapshot.config)?;
        self.config = snapshot.config;
        for extent in &snapshot.memory {
            self.vm.write(extent.ipa, &extent.data)?;
        }
        let page = (self.vm.page_size() / kvm_mte::GRANULE) as usize;
        for extent in &snapshot.memory {
            // New memory has no tags, so pages without any need nothing.
            for (number, part) in (0u64..).zip(extent.tags.chunks(page)) {
                if part.iter().any(|tag| *tag != 0) {
                    kvm_mte::store(self.vm.descriptor(), extent.ipa + number * self.vm.page_size(), part)?
                        .complete()?;
                }
            }
        }
        for (vcpu, state) in self.vm.vcpus().iter().zip(&snapshot.cpus) {
            vcpu.restore(state)?;
        }
        Ok(())
    }
}

impl Vm for KvmMachine {
    fn enable_mte(&mut self, flags: u32) -> Result<(), Errno> {
        self.recyclable.set(false);
        self.vm.enable_mte(flags)
    }

    fn add_vcpu(&mut self) -> Result<usize, Errno> {
        self.recyclable.set(false);
        self.vm.add_vcpu()
    }

    fn add_memory(&mut self, ipa: u64, bytes: u64, backing: Backing, access: Access) -> Result<(), MachineError> {
        self.recyclable.set(false);
        self.vm.add_memory(ipa, bytes, backing, access)
    }

    fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno> {
        self.recyclable.set(false);
        self.vm.log_dirty(ipa, on)
    }

    fn take_dirty(&mut self, ipa: u64) -> Result<Vec<u64>, MachineError> {
        self.vm.take_dirty(ipa)
    }

    fn take_dirty_ring(&mut self, cpu: usize) -> Result<Vec<u64>, MachineError> {
        self.vm.take_dirty_ring(cpu)
    }

    fn remove_memory(&mut self, ipa: u64) -> Result<(), MachineError> {
        self.recyclable.set(false);
        self.vm.remove_memory(ipa)
    }

    fn move_memory(&mut self, ipa: u64, to: u64) -> Result<(), MachineError> {
        self.recyclable.set(false);
        self.vm.move_memory(ipa, to)
    }

    fn page_event(&mut self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), MachineError> {
        self.recyclable.set(false);
        self.vm.page_event(ipa, bytes, event)
    }

    fn ptrace_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<usize, MachineError> {
        self.vm.ptrace_tags(ipa, tags)
    }

    fn set_ptrace_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<usize, MachineError> {
        self.vm.set_ptrace_tags(ipa, tags)
    }

    fn set_vmm_tag_mask(&mut self, include: u16) -> Result<(), MachineError> {
        self.vm.set_vmm_tag_mask(include)
    }

    fn irg_in_vmm(&mut self, count: usize) -> Result<Vec<u8>, MachineError> {
        self.vm.irg_in_vmm(count)
    }

    fn inject_data_abort(&mut self, cpu: usize) -> Result<(), MachineError> {
        self.recyclable.set(false);
        self.vm.inject_data_abort(cpu)
    }

    fn copy_tags(&self, call: CopyTags<'_>) -> CopyResult {
        if call.flags != CopyTags::FROM_GUEST && call.ipa < SCRATCH {
            self.recyclable.set(false);
        }
        self.vm.copy_tags(call)
    }

    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        self.vm.read(ipa, buffer)
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        if ipa < SCRATCH {
            self.recyclable.set(false);
        }
        self.vm.write(ipa, bytes)
    }

    fn registers(&mut self, cpu: usize) -> Result<Registers, MachineError> {
        self.vm.registers(cpu)
    }

    fn register(&self, cpu: usize, id: RegisterId) -> Result<u64, Errno> {
        self.vm.register(cpu, id)
    }

    fn set_register(&mut self, cpu: usize, id: RegisterId, value: u64) -> Result<(), Errno> {
        self.recyclable.set(false);
        self.vm.set_register(cpu, id, value)
    }

    fn has_mte_capability(&self) -> bool {
        self.vm.has_mte_capability()
    }

    fn page_size(&self) -> u64 {
        self.vm.page_size()
    }
}
