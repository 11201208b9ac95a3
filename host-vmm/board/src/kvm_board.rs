//! The board on /dev/kvm.

mod debug;
mod devices;
mod exception;

use std::time::{Duration, Instant};

use arch::Tag;
use kvm::probe::Host;
use kvm::vcpu::{ExitReason, Vcpu};
use kvm::vm::KvmVm;
use kvm::watchdog::Watchdog;
use kvm_ioctls::DeviceFd;
use machine::debuggee::{Debuggee, DebuggeeError, FloatRegister, Register, Stop, SystemRegister};
use machine::registers::RegisterId;
use machine::{Access, Backing, Errno, MachineError, Vm as _, tags};

use self::debug::{Breakpoints, DebugEvent};
use self::devices::Devices;
use crate::console::Console;
use crate::map;
use crate::program::Program;
use crate::tree::Description;
use crate::walk::{Regime, Translation};

/// How often a running guest is interrupted to look for input and for the deadline. A signal that comes just before KVM_RUN has no
/// effect, so that one alone would not do.
const TICK: Duration = Duration::from_millis(5);
/// SP_EL1, ELR_EL1 and SPSR_EL1 are core registers to KVM (`struct kvm_regs` of arch/arm64/include/uapi/asm/kvm.h).
const SP_EL1: RegisterId = RegisterId::core(0x44);
const ELR_EL1: RegisterId = RegisterId::core(0x46);
const SPSR_EL1: RegisterId = RegisterId::core(0x48);
/// PSTATE.M without the bit for AArch32: EL1 with its own stack pointer.
const EL1H: u64 = 5;
const MODE: u64 = 0xf;
/// Bytes of the first slice of a Z register, which has all of it that there can be (KVM_REG_ARM64_SVE_ZREG).
const MOST_VECTOR_BYTES: usize = 256;
const TTBR0_EL1: RegisterId = RegisterId::system(3, 0, 2, 0, 0);
const TTBR1_EL1: RegisterId = RegisterId::system(3, 0, 2, 0, 1);

/// What of a board can be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    /// RAM in bytes.
    pub memory: u64,
    /// Arguments for the image: /chosen/bootargs of the device tree.
    pub arguments: &'a str,
}

/// A VM with one CPU and somebody's image. It stays on the thread that made it. Fields are dropped in order.
pub struct KvmBoard {
    vcpu: Vcpu,
    /// The interrupt controller exists as long as the VM does.
    _interrupts: Option<DeviceFd>,
    vm: KvmVm,
    /// Whether the CPU has SVE.
    sve: bool,
    devices: Devices,
    breakpoints: Breakpoints,
    watchdog: Watchdog,
    /// How it ended.
    ended: Option<Stop>,
}

impl std::fmt::Debug for KvmBoard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KvmBoard").field("vcpu", &self.vcpu).field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// Accesses a part of a range: intermediate physical address, offset in the range, bytes, and whether it is tagged.
type AccessPart<'a> = &'a mut dyn FnMut(u64, usize, usize, bool) -> Result<(), DebuggeeError>;

fn kernel(action: impl Into<String>, errno: Errno) -> MachineError {
    MachineError::Kernel { action: action.into(), errno }
}

impl KvmBoard {
    /// Creates the VM and loads the image; the memory is a multiple of the host's page size.
    ///
    /// # Errors
    ///
    /// When the kernel refuses something, or the image is not all in memory.
    pub fn new(
        host: &Host,
        program: &Program,
        config: Config<'_>,
        console: Box<dyn Console>,
    ) -> Result<Self, MachineError> {
        let Config { memory, arguments } = config;
        let mut vm = KvmVm::new(&host.kvm)?;
        vm.enable_mte(0).map_err(|errno| kernel("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", errno))?;
        vm.add_memory(map::FLASH_BASE, map::FLASH_SIZE, Backing::Anonymous, Access::ReadOnlySlot)?;
        vm.add_memory(map::RAM_BASE, memory, Backing::Anonymous, Access::ReadWrite)?;
        vm.add_vcpu().map_err(|errno| kernel("KVM_CREATE_VCPU", errno))?;
        let vcpu = vm.take_vcpus().pop().ok_or_else(|| kernel("KVM_CREATE_VCPU", Errno::ENOENT))?;
        let interrupts = vm.create_gic(map::GIC_DISTRIBUTOR, map::GIC_REDISTRIBUTORS, map::INTERRUPTS)?;
        let tree = program
            .load(&Description { memory, interrupts: interrupts.is_some(), arguments }, &mut |ipa, bytes| {
                vm.write_code(ipa, bytes)
            })?;
        let (breakpoints, _) = vm.debug_registers();
        let board = Self {
            vcpu,
            devices: Devices::new(console, interrupts.is_some()),
            _interrupts: interrupts,
            sve: vm.has_sve(),
            vm,
            breakpoints: Breakpoints::new(breakpoints),
            watchdog: Watchdog::new().map_err(|errno| kernel("timer_create", errno))?,
            ended: None,
        };
        // Where their reset values are UNKNOWN the kernel has a pattern, which looks like pending faults (kvm-mte's `register`).
        RegisterId::MTE.into_iter().try_for_each(|id| board.set(id, 0))?;
        board.set(RegisterId::PC, program.entry)?;
        board.set(RegisterId::x(0), tree)?;
        Ok(board)
    }

    fn get(&self, id: RegisterId) -> Result<u64, MachineError> {
        self.vcpu.register(id).map_err(|errno| kernel(format!("KVM_GET_ONE_REG of {id}"), errno))
    }

    fn set(&self, id: RegisterId, value: u64) -> Result<(), MachineError> {
        self.vcpu.set_register(id, value).map_err(|errno| kernel(format!("KVM_SET_ONE_REG of {id}"), errno))
    }

    /// Returns KVM's id of a register, as it is selected now.
    fn id(&self, register: Register) -> Result<RegisterId, DebuggeeError> {
        Ok(match register {
            Register::X(n @ 0..=30) => RegisterId::x(n.into()),
            Register::X(_) => return Err(DebuggeeError::NoRegister(register)),
            Register::Sp if self.get(RegisterId::PSTATE)? & MODE == EL1H => SP_EL1,
            Register::Sp => RegisterId::SP_EL0,
            Register::Pc => RegisterId::PC,
            Register::Pstate => RegisterId::PSTATE,
            Register::System(SystemRegister::ElrEl1) => ELR_EL1,
            Register::System(SystemRegister::SpsrEl1) => SPSR_EL1,
            Register::System(system) => system_register(system.encoding()),
        })
    }

    /// Returns KVM's id of a register of SIMD and floating point: with SVE, V registers are parts of Z registers
    /// (Documentation/virt/kvm/api.rst, 4.68), whose other bits a write of the V register makes 0, as an instruction does.
    fn float_id(&self, register: FloatRegister) -> RegisterId {
        match register {
            FloatRegister::V(n) if self.sve => RegisterId::z(n.into()),
            FloatRegister::V(n) => RegisterId::v(n.into()),
            FloatRegister::Fpsr => RegisterId::FPSR,
            FloatRegister::Fpcr => RegisterId::FPCR,
        }
    }

    fn regime(&self) -> Result<Regime, MachineError> {
        Ok(Regime {
            sctlr: self.get(RegisterId::SCTLR_EL1)?,
            tcr: self.get(RegisterId::TCR_EL1)?,
            ttbr0: self.get(TTBR0_EL1)?,
            ttbr1: self.get(TTBR1_EL1)?,
            mair: self.get(RegisterId::MAIR_EL1)?,
        })
    }

    fn translate(&self, va: u64) -> Result<Translation, DebuggeeError> {
        let read = &mut |ipa| {
            let mut bytes = [0; 8];
            self.vm.read(ipa, &mut bytes).ok().map(|()| u64::from_le_bytes(bytes))
        };
        self.regime()?.translate(va, read).map_err(|_| DebuggeeError::Unmapped { va })
    }

    /// Calls `access` for each part of a range that is translated alike.
    fn each_part(&self, va: u64, bytes: u64, access: AccessPart<'_>) -> Result<(), DebuggeeError> {
        let mut done = 0;
        while done < bytes {
            let found = self.translate(va.wrapping_add(done))?;
            let part = found.bytes.min(bytes - done);
            access(found.ipa, done as usize, part as usize, found.tagged)?;
            done += part;
        }
        Ok(())
    }

    /// Runs until something stops the guest: the end of a step if `stepping`, a breakpoint, the deadline.
    fn run(&mut self, stepping: bool, deadline: Instant) -> Result<Stop, DebuggeeError> {
        if let Some(ended) = self.ended {
            return Ok(ended);
        }
        let patched = if stepping { Vec::new() } else { self.patch()? };
        let (control, registers) = self.breakpoints.control(stepping);
        self.vcpu.set_guest_debug(control, registers).map_err(|errno| kernel("KVM_SET_GUEST_DEBUG", errno))?;
        let stop = self.run_until_stop(stepping, deadline);
        self.devices.flush();
        for (ipa, word) in patched {
            self.vm.write_code(ipa, &word)?;
        }
        let stop = stop?;
        if stop.is_end() {
            self.ended = Some(stop);
        }
        Ok(stop)
    }

    /// Puts BRK where breakpoints are that no register is left for, if something is mapped there. Returns what was there.
    fn patch(&mut self) -> Result<Vec<(u64, [u8; 4])>, DebuggeeError> {
        let mut patched = Vec::new();
        for va in self.breakpoints.without_register() {
            let Ok(found) = self.translate(*va) else { continue };
            let mut word = [0; 4];
            if self.vm.read(found.ipa, &mut word).is_ok() {
                self.vm.write_code(found.ipa, &debug::BRK)?;
                patched.push((found.ipa, word));
            }
        }
        Ok(patched)
    }

    fn run_until_stop(&mut self, stepping: bool, deadline: Instant) -> Result<Stop, DebuggeeError> {
        let Self { watchdog, vcpu, vm, devices, breakpoints, .. } = self;
        let _armed = watchdog.fire_every(TICK);
        devices.serve_input(vm)?;
        loop {
            let exit = vcpu.run_with_devices(&mut |ipa, data| devices.load(ipa, data));
            let exit = exit.map_err(|errno| kernel("KVM_RUN", errno))?;
            let mut completes = false;
            match exit {
                ExitReason::Store { ipa, data } => {
                    completes = true;
                    if !devices.store(ipa, &data) {
                        abort(vcpu)?;
                    }
                    devices.update_interrupt(vm)?;
                }
                ExitReason::Load { ipa } => {
                    completes = true;
                    if !Devices::is_there(ipa) {
                        abort(vcpu)?;
                    }
                    devices.serve_input(vm)?;
                }
                ExitReason::Debug { syndrome, .. } => match debug::event(syndrome) {
                    DebugEvent::Step => return Ok(Stop::Stepped),
                    DebugEvent::Breakpoint => return Ok(Stop::Breakpoint { cpu: 0 }),
                    DebugEvent::Brk => {
                        let pc =
                            vcpu.register(RegisterId::PC).map_err(|errno| kernel("KVM_GET_ONE_REG of PC", errno))?;
                        if breakpoints.contains(pc) {
                            return Ok(Stop::Breakpoint { cpu: 0 });
                        }
                        exception::take_synchronous(vcpu, syndrome)?;
                        if stepping {
                            return Ok(Stop::Stepped);
                        }
                    }
                    DebugEvent::Other => return Err(misbehaved(format!("debug exception {syndrome:#x}")).into()),
                },
                ExitReason::PowerOff => return Ok(Stop::Off),
                ExitReason::Reset => return Ok(Stop::Reset),
                ExitReason::Interrupted => {
                    devices.flush();
                    devices.serve_input(vm)?;
                }
                ExitReason::Other(exit) => return Err(misbehaved(format!("left the guest: {exit}")).into()),
            }
            if Instant::now() >= deadline && !(completes && stepping) {
                if completes {
                    vcpu.complete_mmio()?;
                }
                return Ok(Stop::TimedOut);
            }
        }
    }
}

/// Returns KVM's id of a system register by its encoding in MRS.
fn system_register(encoding: u16) -> RegisterId {
    let field = |at: u32, bits: u32| u64::from(encoding >> at & ((1 << bits) - 1));
    RegisterId::system(field(14, 2), field(11, 3), field(7, 4), field(3, 4), field(0, 3))
}

/// Answers an access to where nothing is with a synchronous external abort, as a bus does.
fn abort(vcpu: &Vcpu) -> Result<(), MachineError> {
    vcpu.inject_data_abort().map_err(|errno| kernel("KVM_SET_VCPU_EVENTS", errno))
}

fn misbehaved(what: String) -> MachineError {
    MachineError::Misbehaved { cpu: 0, what }
}

impl Debuggee for KvmBoard {
    fn cpus(&self) -> usize {
        1
    }

    fn register(&mut self, _cpu: usize, register: Register) -> Result<u64, DebuggeeError> {
        Ok(self.get(self.id(register)?)?)
    }

    fn set_register(&mut self, _cpu: usize, register: Register, value: u64) -> Result<(), DebuggeeError> {
        Ok(self.set(self.id(register)?, value)?)
    }

    fn float_register(&mut self, _cpu: usize, register: FloatRegister) -> Result<u128, DebuggeeError> {
        let id = self.float_id(register);
        let mut bytes = [0; MOST_VECTOR_BYTES];
        let size = id.size().min(MOST_VECTOR_BYTES);
        let read = self.vcpu.read_register(id, &mut bytes[..size]);
        read.map_err(|errno| kernel(format!("KVM_GET_ONE_REG of {id}"), errno))?;
        let mut value = [0; 16];
        value.copy_from_slice(&bytes[..16]);
        Ok(u128::from_le_bytes(value))
    }

    fn set_float_register(&mut self, _cpu: usize, register: FloatRegister, value: u128) -> Result<(), DebuggeeError> {
        let id = self.float_id(register);
        let mut bytes = [0; MOST_VECTOR_BYTES];
        bytes[..16].copy_from_slice(&value.to_le_bytes());
        let size = id.size().min(MOST_VECTOR_BYTES);
        let write = self.vcpu.write_register(id, &bytes[..size]);
        Ok(write.map_err(|errno| kernel(format!("KVM_SET_ONE_REG of {id}"), errno))?)
    }

    fn read(&mut self, _cpu: usize, va: u64, buffer: &mut [u8]) -> Result<(), DebuggeeError> {
        let bytes = buffer.len() as u64;
        self.each_part(va, bytes, &mut |ipa, offset, length, _| {
            self.vm.read(ipa, &mut buffer[offset..offset + length]).map_err(|_| DebuggeeError::Unmapped { va })
        })
    }

    fn write(&mut self, _cpu: usize, va: u64, bytes: &[u8]) -> Result<(), DebuggeeError> {
        self.each_part(va, bytes.len() as u64, &mut |ipa, offset, length, _| {
            self.vm.write_code(ipa, &bytes[offset..offset + length]).map_err(|_| DebuggeeError::Unmapped { va })
        })
    }

    fn tags(&mut self, _cpu: usize, va: u64, tags: &mut [Tag]) -> Result<(), DebuggeeError> {
        let va = va & !(tags::GRANULE - 1);
        self.each_part(va, tags.len() as u64 * tags::GRANULE, &mut |ipa, offset, length, tagged| {
            if !tagged {
                return Err(DebuggeeError::NotTagged { va });
            }
            let mut bytes = vec![0; length / tags::GRANULE as usize];
            tags::fetch_granules(&self.vm, ipa, &mut bytes).map_err(|_| DebuggeeError::Unmapped { va })?;
            let first = offset / tags::GRANULE as usize;
            tags[first..].iter_mut().zip(bytes).for_each(|(tag, byte)| *tag = Tag::truncate(byte));
            Ok(())
        })
    }

    fn set_tags(&mut self, _cpu: usize, va: u64, tags: &[Tag]) -> Result<(), DebuggeeError> {
        let va = va & !(tags::GRANULE - 1);
        self.each_part(va, tags.len() as u64 * tags::GRANULE, &mut |ipa, offset, length, tagged| {
            if !tagged {
                return Err(DebuggeeError::NotTagged { va });
            }
            let first = offset / tags::GRANULE as usize;
            let part = &tags[first..first + length / tags::GRANULE as usize];
            let bytes: Vec<u8> = part.iter().map(|tag| tag.value()).collect();
            tags::store_granules(&self.vm, ipa, &bytes).map_err(|_| DebuggeeError::Unmapped { va })
        })
    }

    fn set_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        self.breakpoints.insert(va);
        Ok(())
    }

    fn clear_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        self.breakpoints.remove(va);
        Ok(())
    }

    fn step(&mut self, _cpu: usize, deadline: Instant) -> Result<Stop, DebuggeeError> {
        self.run(true, deadline)
    }

    fn resume(&mut self, deadline: Instant) -> Result<Stop, DebuggeeError> {
        self.run(false, deadline)
    }
}
