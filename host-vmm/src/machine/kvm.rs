//! The `kvm` machine: the firmware in a VM on /dev/kvm.

use std::ops::Range;
use std::time::{Duration, Instant};

use abi::boot::{BootBlock, HOST_MAGIC};
use abi::doorbell::Doorbell;
use abi::mailbox::{
    BlockEnd, BlockReply, BootReport, Control, MAX_MESSAGE, MAX_TRAPS, MAX_WORDS, Mailbox, PageKind, PanicRecord,
    Request, Status, Trap,
};
use abi::map::{self, Window};
use isa::Syndrome;
use kvm_ioctls::Kvm;
use zerocopy::{FromBytes, IntoBytes};

use super::{
    Access, Block, Config, CopyResult, CopyTags, Errno, Factory, Fault, Machine, MachineError, Outcome, Trace, Vm,
};
use crate::firmware::Firmware;
use crate::kvm::tags;
use crate::kvm::vcpu::{Exit, kernel};
use crate::kvm::vm::KvmVm;
use crate::kvm::watchdog::Watchdog;
use crate::registers::{RegisterId, Registers};
use crate::snapshot::{Extent, Snapshot};

/// Exits that one request may cause before the guest counts as flooding the host.
const MAX_EXITS: u64 = 10_000;

/// Makes VMs with one firmware.
#[derive(Debug)]
pub struct KvmFactory {
    kvm: Kvm,
    image: Vec<u8>,
    patience: Duration,
}

impl KvmFactory {
    /// Takes /dev/kvm, an ELF image, and how long a guest may take for one request.
    #[must_use]
    pub fn new(kvm: Kvm, image: Vec<u8>, patience: Duration) -> Self {
        Self { kvm, image, patience }
    }

    /// Creates a VM with memory and vCPUs but nothing in them.
    fn create(kvm: &Kvm, config: Config) -> Result<KvmVm, MachineError> {
        let mut vm = KvmVm::new(kvm)?;
        if config.mte {
            vm.enable_mte(0).map_err(|errno| kernel("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", errno))?;
        }
        vm.add_memory(map::RAM_BASE, config.ram, Access::ReadWrite)
            .map_err(|errno| kernel("KVM_SET_USER_MEMORY_REGION of the guest's RAM", errno))?;
        for _ in 0..config.cpus {
            vm.add_vcpu().map_err(|errno| kernel("KVM_CREATE_VCPU and KVM_ARM_VCPU_INIT", errno))?;
        }
        Ok(vm)
    }
}

impl Factory for KvmFactory {
    fn boot(&self, config: Config) -> Result<Box<dyn Machine>, MachineError> {
        let ram = map::RAM_BASE..map::RAM_BASE.saturating_add(config.ram);
        if config.ram < map::RAM_MIN || !(1..=map::MAX_CPUS).contains(&config.cpus) {
            return Err(MachineError::BadRequest(format!(
                "a VM needs {} MiB of RAM or more and 1 to {} vCPUs; {} bytes and {} vCPUs were asked for",
                map::RAM_MIN >> 20,
                map::MAX_CPUS,
                config.ram,
                config.cpus
            )));
        }
        let mut vm = Self::create(&self.kvm, config)?;
        let firmware = Firmware::parse(&self.image, ram)?;
        for segment in &firmware.segments {
            vm.write(segment.ipa, segment.data)?;
        }
        let block = BootBlock { magic: HOST_MAGIC, version: abi::ABI_VERSION, cpus: config.cpus as u32 };
        vm.write(map::SHARED_BASE, block.as_bytes())?;
        let mut machine = KvmMachine {
            vm,
            kvm: self.kvm_handle()?,
            config,
            patience: self.patience,
            watchdog: Watchdog::new().map_err(|errno| kernel("timer_create", errno))?,
            boot: Vec::new(),
            requests: vec![0; config.cpus],
            lengths: vec![0; config.cpus],
        };
        for cpu in 0..config.cpus {
            machine
                .vm
                .set_register(cpu, RegisterId::PC, firmware.entry)
                .map_err(|errno| kernel("KVM_SET_ONE_REG of PC", errno))?;
            machine.expect_reply(cpu, 0)?;
            let report: BootReport = machine.record(cpu, offset(core::mem::offset_of!(Mailbox, boot)))?;
            machine.boot.push(report);
        }
        Ok(Box::new(machine))
    }

    fn bare(&self) -> Result<Box<dyn Vm>, MachineError> {
        Ok(Box::new(KvmVm::new(&self.kvm)?))
    }
}

impl KvmFactory {
    /// Opens /dev/kvm once more: a machine makes new VMs when it is replaced.
    fn kvm_handle(&self) -> Result<Kvm, MachineError> {
        Kvm::new().map_err(|error| kernel("opening /dev/kvm", Errno(error.errno())))
    }
}

/// The offset of a mailbox field, as an address difference.
const fn offset(bytes: usize) -> u64 {
    bytes as u64
}

/// A VM on /dev/kvm with the firmware in it.
struct KvmMachine {
    vm: KvmVm,
    kvm: Kvm,
    config: Config,
    patience: Duration,
    watchdog: Watchdog,
    boot: Vec<BootReport>,
    /// The number of the last request to each vCPU.
    requests: Vec<u32>,
    /// How many words the block that runs on each vCPU has.
    lengths: Vec<usize>,
}

impl KvmMachine {
    fn check_cpu(&self, cpu: usize) -> Result<(), MachineError> {
        if cpu < self.config.cpus {
            return Ok(());
        }
        Err(MachineError::BadRequest(format!("there is no vCPU {cpu}; this VM has {}", self.config.cpus)))
    }

    /// Reads a record of a vCPU's mailbox.
    fn record<T: FromBytes + IntoBytes>(&self, cpu: usize, offset: u64) -> Result<T, MachineError> {
        let mut value = T::new_zeroed();
        self.vm.read(map::mailbox_ipa(cpu) + offset, value.as_mut_bytes())?;
        Ok(value)
    }

    /// Writes into a vCPU's mailbox.
    fn post(&mut self, cpu: usize, offset: usize, bytes: &[u8]) -> Result<(), MachineError> {
        self.vm.write(map::mailbox_ipa(cpu) + offset as u64, bytes)
    }

    /// Runs a vCPU until it rings.
    fn run_until_bell(&mut self, cpu: usize) -> Result<Doorbell, MachineError> {
        let began = Instant::now();
        let armed = self.watchdog.arm(self.patience);
        let mut exits = 0;
        let bell = loop {
            let vcpu = &mut self.vm.vcpus()[cpu];
            let exit = vcpu.run().map_err(|errno| kernel("KVM_RUN", errno))?;
            exits += 1;
            let late = began.elapsed() >= self.patience;
            match exit {
                Exit::Store { ipa: map::UART_DR, data } => match data.first().map(|byte| Doorbell::decode(*byte)) {
                    Some(Some((bell, from))) if from == cpu => break bell,
                    Some(Some((bell, from))) => {
                        return Err(misbehaved(cpu, format!("rang {bell:?} in the name of vCPU {from}")));
                    }
                    // Console text, which the firmware only writes when there is no host.
                    _ => {}
                },
                Exit::Interrupted if late => {
                    drop(armed);
                    let pc = self.vm.register(cpu, RegisterId::PC).unwrap_or(0);
                    return Err(MachineError::Silent { cpu, millis: self.patience.as_millis() as u64, pc });
                }
                Exit::Interrupted => {}
                Exit::Store { ipa, .. } | Exit::Load { ipa } if ipa & !0xfff != map::UART_DR => {
                    return Err(misbehaved(
                        cpu,
                        format!("touched {ipa:#x}, where there is neither memory nor a device"),
                    ));
                }
                Exit::Store { .. } | Exit::Load { .. } => {}
                Exit::PowerOff => return Err(misbehaved(cpu, "turned itself off".to_owned())),
                Exit::Reset => return Err(misbehaved(cpu, "asked to be reset".to_owned())),
                Exit::Other(exit) => {
                    return Err(misbehaved(cpu, format!("left the guest for an unknown reason: {exit}")));
                }
            }
            if exits >= MAX_EXITS || late {
                return Err(MachineError::Storm { cpu, exits });
            }
        };
        drop(armed);
        if bell == Doorbell::Panic {
            return Err(self.panicked(cpu)?);
        }
        Ok(bell)
    }

    /// Reads the firmware's last words.
    fn panicked(&self, cpu: usize) -> Result<MachineError, MachineError> {
        let record: PanicRecord = self.record(cpu, offset(core::mem::offset_of!(Mailbox, panic)))?;
        let length = usize::try_from(record.length).unwrap_or(MAX_MESSAGE).min(MAX_MESSAGE);
        let message = String::from_utf8_lossy(&record.message[..length]).into_owned();
        Ok(MachineError::Panicked { cpu, message })
    }

    /// Runs a vCPU until it has answered request `number`; a checkpoint is none.
    fn expect_reply(&mut self, cpu: usize, number: u32) -> Result<Status, MachineError> {
        match self.run_until_bell(cpu)? {
            Doorbell::Reply => self.check_reply(cpu, number),
            other => Err(misbehaved(cpu, format!("rang {other:?} where only a reply can come"))),
        }
    }

    fn check_reply(&self, cpu: usize, number: u32) -> Result<Status, MachineError> {
        let control: Control = self.record(cpu, 0)?;
        if control.reply != number {
            return Err(misbehaved(cpu, format!("answered request {} when {number} was asked", control.reply)));
        }
        Status::from_number(control.status)
            .ok_or_else(|| misbehaved(cpu, format!("answered with status {}, which does not exist", control.status)))
    }

    /// Files a request, without running the vCPU.
    fn ask(&mut self, cpu: usize, request: Request) -> Result<u32, MachineError> {
        self.check_cpu(cpu)?;
        self.requests[cpu] += 1;
        let number = self.requests[cpu];
        self.post(cpu, core::mem::offset_of!(Mailbox, control.kind), (request as u32).as_bytes())?;
        self.post(cpu, core::mem::offset_of!(Mailbox, control.request), number.as_bytes())?;
        Ok(number)
    }

    /// Makes a request that is not a block; gives its status and results.
    fn call(&mut self, request: Request, arguments: [u64; 4]) -> Result<(Status, [u64; 4]), MachineError> {
        self.post(0, core::mem::offset_of!(Mailbox, arguments), arguments.as_bytes())?;
        let number = self.ask(0, request)?;
        let status = self.expect_reply(0, number)?;
        Ok((status, self.record(0, offset(core::mem::offset_of!(Mailbox, results)))?))
    }

    /// Runs the block on a vCPU to its end or a checkpoint.
    fn advance(&mut self, cpu: usize) -> Result<Outcome, MachineError> {
        match self.run_until_bell(cpu)? {
            Doorbell::Checkpoint => Ok(Outcome::Checkpoint),
            Doorbell::Reply => {
                let status = self.check_reply(cpu, self.requests[cpu])?;
                if status != Status::Done {
                    return Err(MachineError::BadRequest(format!("the firmware refused the block: {status:?}")));
                }
                Ok(Outcome::Done(Box::new(self.trace(cpu)?)))
            }
            Doorbell::Panic => Err(self.panicked(cpu)?),
        }
    }

    /// Reads what a block left behind, believing no count.
    fn trace(&self, cpu: usize) -> Result<Trace, MachineError> {
        let reply: BlockReply = self.record(cpu, offset(core::mem::offset_of!(Mailbox, reply)))?;
        let end = BlockEnd::from_number(reply.end)
            .ok_or_else(|| misbehaved(cpu, format!("ended a block for reason {}, which does not exist", reply.end)))?;
        let count = usize::try_from(reply.traps).ok().filter(|count| *count <= MAX_TRAPS);
        let count = count.ok_or_else(|| misbehaved(cpu, format!("claims {} exceptions in one block", reply.traps)))?;
        let code = map::code_va(cpu);
        let mut faults = Vec::with_capacity(count);
        for i in 0..count {
            let at = core::mem::offset_of!(Mailbox, traps) + i * size_of::<Trap>();
            let trap: Trap = self.record(cpu, offset(at))?;
            let index = trap.pc.checked_sub(code).map(|bytes| (bytes / 4) as usize);
            faults.push(Fault {
                index: index.filter(|index| *index < self.lengths[cpu]),
                esr: Syndrome::from_bits(trap.esr),
                far: trap.far,
                spsr: trap.spsr,
            });
        }
        Ok(Trace { x: reply.x, sp: reply.sp, pstate: reply.pstate, sys: reply.sys, faults, end })
    }

    /// Reads the touched memory and its tags.
    fn save_memory(&self) -> Result<Vec<Extent>, MachineError> {
        let mut memory = Vec::new();
        for slot in self.vm.slots() {
            for Range { start, end } in slot.mapping.touched(self.vm.page_size()) {
                let ipa = slot.ipa + start;
                let mut data = vec![0; (end - start) as usize];
                self.vm.read(ipa, &mut data)?;
                let mut extent = Extent { ipa, tags: Vec::new(), data };
                if self.config.mte {
                    extent.tags = vec![0; extent.data.len() / tags::GRANULE as usize];
                    tags::fetch(&self.vm, ipa, &mut extent.tags)?.complete()?;
                }
                memory.push(extent);
            }
        }
        Ok(memory)
    }
}

fn misbehaved(cpu: usize, what: String) -> MachineError {
    MachineError::Misbehaved { cpu, what }
}

impl Machine for KvmMachine {
    fn boot_report(&self, cpu: usize) -> &BootReport {
        &self.boot[cpu]
    }

    fn cpus(&self) -> usize {
        self.config.cpus
    }

    fn start(&mut self, cpu: usize, block: &Block) -> Result<Outcome, MachineError> {
        self.check_cpu(cpu)?;
        let count = block.words().len();
        if count == 0 || count > MAX_WORDS {
            return Err(MachineError::BadRequest(format!(
                "a block has 1 to {MAX_WORDS} instructions, this one has {count}"
            )));
        }
        self.post(cpu, core::mem::offset_of!(Mailbox, block), block.record().as_bytes())?;
        self.post(cpu, core::mem::offset_of!(Mailbox, words), block.words().as_bytes())?;
        self.lengths[cpu] = count;
        self.ask(cpu, Request::Run)?;
        self.advance(cpu)
    }

    fn resume(&mut self, cpu: usize) -> Result<Outcome, MachineError> {
        self.check_cpu(cpu)?;
        self.advance(cpu)
    }

    fn set_pages(&mut self, window: Window, ipa: u64, bytes: u64, kind: PageKind) -> Result<(), MachineError> {
        let arguments = [window as u64, ipa, bytes, kind as u64];
        match self.call(Request::SetPages, arguments)? {
            (Status::Done, _) => Ok(()),
            (status, _) => Err(MachineError::BadRequest(format!(
                "the firmware cannot change {bytes:#x} bytes at {ipa:#x} of {window:?}: {status:?}"
            ))),
        }
    }

    fn heap_alloc(&mut self, bytes: u64, align: u64) -> Result<u64, MachineError> {
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

    fn save(&mut self) -> Result<Snapshot, MachineError> {
        for vcpu in self.vm.vcpus() {
            vcpu.complete_mmio()?;
        }
        let memory = self.save_memory()?;
        let cpus = self.vm.vcpus().iter().map(|vcpu| vcpu.save()).collect::<Result<_, _>>()?;
        Ok(Snapshot { config: self.config, memory, cpus })
    }

    fn replace_by(&mut self, snapshot: &Snapshot) -> Result<(), MachineError> {
        // The old VM goes first: nothing of it may help the new one.
        self.vm = KvmVm::new(&self.kvm)?;
        self.vm = KvmFactory::create(&self.kvm, snapshot.config)?;
        self.config = snapshot.config;
        for extent in &snapshot.memory {
            self.vm.write(extent.ipa, &extent.data)?;
        }
        if self.config.mte {
            for extent in &snapshot.memory {
                tags::store(&self.vm, extent.ipa, &extent.tags)?.complete()?;
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
        self.vm.enable_mte(flags)
    }

    fn add_vcpu(&mut self) -> Result<usize, Errno> {
        self.vm.add_vcpu()
    }

    fn add_memory(&mut self, ipa: u64, bytes: u64, access: Access) -> Result<(), Errno> {
        self.vm.add_memory(ipa, bytes, access)
    }

    fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno> {
        self.vm.log_dirty(ipa, on)
    }

    fn copy_tags(&self, call: CopyTags<'_>) -> CopyResult {
        self.vm.copy_tags(call)
    }

    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        self.vm.read(ipa, buffer)
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        self.vm.write(ipa, bytes)
    }

    fn registers(&mut self, cpu: usize) -> Result<Registers, MachineError> {
        self.vm.registers(cpu)
    }

    fn register(&self, cpu: usize, id: RegisterId) -> Result<u64, Errno> {
        self.vm.register(cpu, id)
    }

    fn set_register(&mut self, cpu: usize, id: RegisterId, value: u64) -> Result<(), Errno> {
        self.vm.set_register(cpu, id, value)
    }

    fn has_mte_capability(&self) -> bool {
        self.vm.has_mte_capability()
    }

    fn page_size(&self) -> u64 {
        self.vm.page_size()
    }
}
