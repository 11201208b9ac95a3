//! One vCPU: how it is made, why it exits, and its registers.

use kvm_bindings::{
    KVM_ARM_VCPU_EL1_32BIT, KVM_ARM_VCPU_PSCI_0_2, KVM_ARM_VCPU_PTRAUTH_ADDRESS, KVM_ARM_VCPU_PTRAUTH_GENERIC,
    KVM_ARM_VCPU_SVE, KVM_CAP_ARM_PTRAUTH_ADDRESS, KVM_CAP_ARM_PTRAUTH_GENERIC, KVM_CAP_ARM_SVE,
    KVM_SYSTEM_EVENT_RESET, KVM_SYSTEM_EVENT_SHUTDOWN, RegList, kvm_guest_debug, kvm_guest_debug_arch, kvm_mp_state,
    kvm_vcpu_events, kvm_vcpu_init,
};
use kvm_ioctls::{VcpuExit, VcpuFd, VmFd};

use super::dirty::DirtyRing;
use super::vm::kernel;
use machine::registers::{RegisterId, Registers};
use machine::{Errno, MachineError, RequestError};

/// Pointer authentication of addresses and of data: what reports it, and what a vCPU gets it by.
const AUTHENTICATION: [(u32, u32); 2] = [
    (KVM_CAP_ARM_PTRAUTH_ADDRESS, KVM_ARM_VCPU_PTRAUTH_ADDRESS),
    (KVM_CAP_ARM_PTRAUTH_GENERIC, KVM_ARM_VCPU_PTRAUTH_GENERIC),
];
/// A vCPU with EL2 (arch/arm64/include/uapi/asm/kvm.h).
const KVM_ARM_VCPU_HAS_EL2: u32 = 7;
/// `exception.serror_esr` in `struct kvm_vcpu_events`.
const SERROR_ESR: std::ops::Range<usize> = 8..16;
/// The longest register list that kvm-bindings can hold; kernels list about 300 with SVE.
const MAX_REGISTERS: usize = 500;

/// Why a vCPU stopped running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// A store to a device address.
    Store {
        /// Guest-physical address.
        ipa: u64,
        /// What was stored, lowest address first.
        data: Vec<u8>,
    },
    /// A load from a device address, which is answered.
    Load {
        /// Guest-physical address.
        ipa: u64,
    },
    /// A breakpoint, a watchpoint or the end of a single step (KVM_SET_GUEST_DEBUG).
    Debug {
        /// ESR_EL2 of the debug exception.
        syndrome: u64,
        /// FAR_EL2: for a watchpoint the address that was accessed.
        address: u64,
    },
    /// The guest called PSCI SYSTEM_OFF.
    PowerOff,
    /// The guest called PSCI SYSTEM_RESET.
    Reset,
    /// A signal arrived.
    Interrupted,
    /// Anything else.
    Other(String),
}

/// Returns whether vCPUs can have SVE.
pub fn has_sve(vm: &VmFd) -> bool {
    vm.check_extension_raw(KVM_CAP_ARM_SVE.into()) > 0
}

/// A vCPU.
#[derive(Debug)]
pub struct Vcpu {
    /// Dropped before the descriptor that it is mapped from.
    ring: Option<DirtyRing>,
    fd: VcpuFd,
    /// KVM_ARM_VCPU_ bits that it was made with.
    features: u32,
}

impl Vcpu {
    /// Creates and initialises a vCPU for the host's own CPU type, and finalizes it: with SVE where the host has it.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn new(vm: &VmFd, index: usize) -> Result<Self, Errno> {
        let sve = has_sve(vm);
        let vcpu = Self::initialised(vm, index, sve)?;
        if sve {
            vcpu.finalize()?;
        }
        Ok(vcpu)
    }

    /// Creates and initialises a vCPU, which with SVE is to be finalized.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn initialised(vm: &VmFd, index: usize, sve: bool) -> Result<Self, Errno> {
        let mut features = vec![KVM_ARM_VCPU_PSCI_0_2];
        // Addresses and data together, or none (Documentation/virt/kvm/api.rst, KVM_ARM_VCPU_INIT).
        if AUTHENTICATION.iter().all(|(capability, _)| vm.check_extension_raw(u64::from(*capability)) > 0) {
            features.extend(AUTHENTICATION.iter().map(|(_, feature)| feature));
        }
        if sve {
            features.push(KVM_ARM_VCPU_SVE);
        }
        Self::with(vm, index, &features)
    }

    /// Finalizes SVE (KVM_ARM_VCPU_FINALIZE).
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn finalize(&self) -> Result<(), Errno> {
        self.fd.vcpu_finalize(&(KVM_ARM_VCPU_SVE as i32)).map_err(Errno::from)
    }

    /// Creates and initialises a vCPU that starts in AArch32.
    ///
    /// # Errors
    ///
    /// What the kernel says: EINVAL in a VM with MTE.
    pub fn in_aarch32(vm: &VmFd, index: usize) -> Result<Self, Errno> {
        Self::with(vm, index, &[KVM_ARM_VCPU_PSCI_0_2, KVM_ARM_VCPU_EL1_32BIT])
    }

    /// Creates and initialises a vCPU that has EL2 and starts there, which with SVE is to be finalized.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn at_el2(vm: &VmFd, index: usize, sve: bool) -> Result<Self, Errno> {
        let features: &[u32] = &[KVM_ARM_VCPU_PSCI_0_2, KVM_ARM_VCPU_HAS_EL2, KVM_ARM_VCPU_SVE];
        Self::with(vm, index, &features[..2 + usize::from(sve)])
    }

    fn with(vm: &VmFd, index: usize, features: &[u32]) -> Result<Self, Errno> {
        let fd = vm.create_vcpu(index as u64).map_err(Errno::from)?;
        let features = features.iter().fold(0, |all, feature| all | 1 << feature);
        let vcpu = Self { ring: None, fd, features };
        vcpu.initialise_again(vm)?;
        Ok(vcpu)
    }

    /// Initialises the vCPU, not for the first time if it was before.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn initialise_again(&self, vm: &VmFd) -> Result<(), Errno> {
        let mut init = kvm_vcpu_init::default();
        vm.get_preferred_target(&mut init).map_err(Errno::from)?;
        init.features[0] |= self.features;
        self.fd.vcpu_init(&init).map_err(Errno::from)
    }

    /// Takes what is in the vCPU's dirty ring, which has `entries`: slot and page in the slot.
    ///
    /// # Errors
    ///
    /// When there is no ring.
    pub fn take_dirty(&mut self, entries: usize, page: u64) -> Result<Vec<(u32, u64)>, MachineError> {
        if entries == 0 {
            return Err(RequestError::NoDirtyRing.into());
        }
        let ring = match self.ring.take() {
            Some(ring) => ring,
            None => DirtyRing::new(&self.fd, entries, page)?,
        };
        Ok(self.ring.insert(ring).take())
    }

    /// Makes a synchronous external data abort pending.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn inject_data_abort(&self) -> Result<(), Errno> {
        let mut events = self.fd.get_vcpu_events().map_err(Errno::from)?;
        events.exception.ext_dabt_pending = 1;
        self.fd.set_vcpu_events(&events).map_err(Errno::from)
    }

    /// Runs until something happens. Loads from device addresses are answered with zeros.
    pub fn run(&mut self) -> Result<ExitReason, Errno> {
        self.run_with_devices(&mut |_, data| data.fill(0))
    }

    /// Runs until something happens. `load` answers loads from device addresses: an address, and the bytes to fill.
    pub fn run_with_devices(&mut self, load: &mut dyn FnMut(u64, &mut [u8])) -> Result<ExitReason, Errno> {
        Ok(match self.fd.run() {
            Ok(VcpuExit::MmioWrite(ipa, data)) => ExitReason::Store { ipa, data: data.to_vec() },
            Ok(VcpuExit::MmioRead(ipa, data)) => {
                load(ipa, data);
                ExitReason::Load { ipa }
            }
            Ok(VcpuExit::Debug(debug)) => ExitReason::Debug {
                syndrome: u64::from(debug.hsr) | u64::from(debug.hsr_high) << 32,
                address: debug.far,
            },
            Ok(VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_SHUTDOWN, _)) => ExitReason::PowerOff,
            Ok(VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_RESET, _)) => ExitReason::Reset,
            Ok(VcpuExit::Intr) => ExitReason::Interrupted,
            Ok(other) => ExitReason::Other(format!("{other:?}")),
            Err(error) if matches!(error.errno(), libc::EINTR | libc::EAGAIN) => ExitReason::Interrupted,
            Err(error) => return Err(error.into()),
        })
    }

    /// Completes an MMIO access whose exit was just served: until then the saved PC is stale
    /// (Documentation/virt/kvm/api.rst, 5. The kvm_run structure, `immediate_exit`).
    pub fn complete_mmio(&mut self) -> Result<(), MachineError> {
        self.fd.set_kvm_immediate_exit(1);
        let exit = self.run();
        self.fd.set_kvm_immediate_exit(0);
        match exit {
            Ok(ExitReason::Interrupted) => Ok(()),
            Ok(other) => Err(RequestError::MmioNotCompleted { exit: format!("{other:?}") }.into()),
            Err(errno) => Err(kernel("KVM_RUN with immediate_exit", errno)),
        }
    }

    /// Reads a register of up to 64 bits.
    pub fn register(&self, id: RegisterId) -> Result<u64, Errno> {
        let mut bytes = [0; 8];
        let size = id.size().min(8);
        self.fd.get_one_reg(id.0, &mut bytes[..size]).map_err(Errno::from)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Writes a register of up to 64 bits.
    pub fn set_register(&self, id: RegisterId, value: u64) -> Result<(), Errno> {
        let size = id.size().min(8);
        self.fd.set_one_reg(id.0, &value.to_le_bytes()[..size]).map_err(Errno::from).map(|_| ())
    }

    /// Reads a register of any size.
    pub fn read_register(&self, id: RegisterId, value: &mut [u8]) -> Result<(), Errno> {
        self.fd.get_one_reg(id.0, value).map_err(Errno::from).map(|_| ())
    }

    /// Writes a register of any size.
    pub fn write_register(&self, id: RegisterId, value: &[u8]) -> Result<(), Errno> {
        self.fd.set_one_reg(id.0, value).map_err(Errno::from).map(|_| ())
    }

    /// Lists the registers (KVM_GET_REG_LIST).
    pub fn list_registers(&self) -> Result<Vec<u64>, Errno> {
        let mut list = RegList::new(MAX_REGISTERS).map_err(|_| Errno(libc::ENOMEM))?;
        self.fd.get_reg_list(&mut list).map_err(Errno::from)?;
        Ok(list.as_slice().to_vec())
    }

    /// Reads all registers that the kernel lists.
    pub fn registers(&self) -> Result<Registers, MachineError> {
        let list = self.list_registers().map_err(|errno| kernel("KVM_GET_REG_LIST", errno))?;
        Registers::collect(&list, |id, value| {
            let read = self.fd.get_one_reg(id.0, value);
            read.map(|_| ()).map_err(|error| kernel(&format!("KVM_GET_ONE_REG of {id}"), error.into()))
        })
    }

    /// Writes registers, in the order in which the kernel listed them; the vCPU is finalized.
    pub fn set_registers(&self, registers: &Registers) -> Result<(), MachineError> {
        for (id, value) in registers.writable() {
            let write = self.fd.set_one_reg(id.0, value);
            write.map_err(|error| kernel(&format!("KVM_SET_ONE_REG of {id}"), error.into()))?;
        }
        Ok(())
    }

    /// Sets what stops the vCPU for a debugger (KVM_SET_GUEST_DEBUG): KVM_GUESTDBG_ flags, and breakpoint and watchpoint
    /// registers.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn set_guest_debug(&self, control: u32, arch: kvm_guest_debug_arch) -> Result<(), Errno> {
        self.fd.set_guest_debug(&kvm_guest_debug { control, pad: 0, arch }).map_err(Errno::from)
    }

    /// Reads whether the vCPU runs or is stopped.
    pub fn mp_state(&self) -> Result<u32, MachineError> {
        Ok(self.fd.get_mp_state().map_err(|error| kernel("KVM_GET_MP_STATE", error.into()))?.mp_state)
    }

    /// Writes whether the vCPU runs or is stopped.
    pub fn set_mp_state(&self, mp_state: u32) -> Result<(), MachineError> {
        let mp_state = kvm_mp_state { mp_state };
        self.fd.set_mp_state(mp_state).map_err(|error| kernel("KVM_SET_MP_STATE", error.into()))
    }

    /// Reads what is pending: `struct kvm_vcpu_events` as bytes (arch/arm64/include/uapi/asm/kvm.h).
    pub fn events(&self) -> Result<Vec<u8>, MachineError> {
        let events = self.fd.get_vcpu_events().map_err(|error| kernel("KVM_GET_VCPU_EVENTS", error.into()))?;
        let exception = events.exception;
        let mut bytes = vec![0; size_of_val(&events)];
        bytes[..3].copy_from_slice(&[exception.serror_pending, exception.serror_has_esr, exception.ext_dabt_pending]);
        bytes[SERROR_ESR].copy_from_slice(&exception.serror_esr.to_le_bytes());
        Ok(bytes)
    }

    /// Writes what is pending; nothing where `bytes` is empty.
    pub fn set_events(&self, bytes: &[u8]) -> Result<(), MachineError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let invalid = || kernel("KVM_SET_VCPU_EVENTS", Errno::EINVAL);
        let mut events = kvm_vcpu_events::default();
        let (flags, esr) = (bytes.get(..3).ok_or_else(invalid)?, bytes.get(SERROR_ESR).ok_or_else(invalid)?);
        [events.exception.serror_pending, events.exception.serror_has_esr, events.exception.ext_dabt_pending] =
            flags.try_into().map_err(|_| invalid())?;
        events.exception.serror_esr = u64::from_le_bytes(esr.try_into().map_err(|_| invalid())?);
        self.fd.set_vcpu_events(&events).map_err(|error| kernel("KVM_SET_VCPU_EVENTS", error.into()))
    }
}
