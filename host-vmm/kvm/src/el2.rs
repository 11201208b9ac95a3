//! vCPUs with EL2: the interrupt controller that they cannot do without, and programs that find something out at EL2.
//!
//! A program is in the first slot, with the MMU off, and stores what it has found to an address that is no memory.

use arch::Syndrome;
use kvm_bindings::{
    KVM_DEV_ARM_VGIC_CTRL_INIT, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_VGIC_V3_ADDR_TYPE_DIST,
    KVM_VGIC_V3_ADDR_TYPE_REDIST, kvm_create_device, kvm_device_attr, kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3,
};
use kvm_ioctls::VmFd;

use super::vcpu::{ExitReason, Vcpu};
use super::vm::kernel;
use machine::need::Need;
use machine::registers::RegisterId;
use machine::{Errno, MachineError, RequestError};

/// KVM_CAP_ARM_EL2 (include/uapi/linux/kvm.h).
const KVM_CAP_ARM_EL2: std::ffi::c_ulong = 240;
/// Where the interrupt controller is, as on QEMU's `virt` board.
const DISTRIBUTOR: u64 = 0x0800_0000;
const REDISTRIBUTOR: u64 = 0x080a_0000;
/// Where the program stores what it has read, and the syndrome of an exception.
const VALUE: u64 = 0x0900_0000;
const SYNDROME: u64 = 0x0900_0008;
/// Where the vectors are from the program's start on, and in them an exception from the same level with SP_ELx.
const VECTORS: u64 = 0x800;
const SYNCHRONOUS: u64 = 0x200;
const VBAR_EL2: RegisterId = RegisterId::system(3, 4, 12, 0, 0);
/// Exits that are for no reason of the program's.
const MAX_EXITS: u32 = 100;

/// Finds out whether there are such vCPUs.
///
/// # Errors
///
/// `Lacking` if not.
pub fn check(vm: &VmFd) -> Result<(), MachineError> {
    if vm.check_extension_raw(KVM_CAP_ARM_EL2) > 0 {
        return Ok(());
    }
    Err(Need::El2.unmet("this host has no vCPUs with EL2 (kvm-arm.mode=nested)").into())
}

/// Adds an interrupt controller of the kernel's (Documentation/virt/kvm/devices/arm-vgic-v3.rst).
///
/// # Errors
///
/// What the kernel says.
pub fn add_interrupt_controller(vm: &VmFd) -> Result<(), MachineError> {
    let mut device =
        kvm_create_device { type_: kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3, ..kvm_create_device::default() };
    let device = vm.create_device(&mut device).map_err(|error| kernel("KVM_CREATE_DEVICE of a GICv3", error.into()))?;
    let place = |address: &u64| std::ptr::from_ref(address).expose_provenance() as u64;
    for (group, attr, addr) in [
        (KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, place(&DISTRIBUTOR)),
        (KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, place(&REDISTRIBUTOR)),
        (KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0),
    ] {
        let attribute = kvm_device_attr { group, attr: attr.into(), addr, flags: 0 };
        let set = device.set_device_attr(&attribute);
        set.map_err(|error| kernel("KVM_SET_DEVICE_ATTR of a GICv3", error.into()))?;
    }
    Ok(())
}

/// Returns the instruction that reads a register into x1.
pub fn read(id: RegisterId) -> [u32; 1] {
    /// MRS x1 of the register 0.
    const MRS_X1: u32 = 0xd520_0001;
    [MRS_X1 | ((id.0 & 0xffff) as u32) << 5]
}

/// Selects a vector length by x3 to x5 and reads it into x1.
pub const READ_VECTOR_LENGTH: [u32; 6] = [
    0xd51c_1143, // msr cptr_el2, x3
    0xd503_3fdf, // isb
    0xd51c_1204, // msr zcr_el2, x4
    0xd51c_1145, // msr cptr_el2, x5
    0xd503_3fdf, // isb
    0x04bf_5021, // rdvl x1, #1
];

/// Returns a value of CPTR_EL2, which has CPACR_EL1's fields since such a vCPU has VHE only: ZEN, and FPEN of no trap.
pub fn cptr(zen: u8) -> u64 {
    const FPEN: u64 = 0b11 << 20;
    FPEN | u64::from(zen & 0b11) << 16
}

/// Returns a program of instructions that leave what they have found in x1.
pub fn program(instructions: &[u32]) -> Vec<u8> {
    const STR_X1_X29: u32 = 0xf900_03a1;
    /// MRS x2, ESR_EL2.
    const MRS_X2_ESR_EL2: u32 = 0xd53c_5202;
    const STR_X2_X30: u32 = 0xf900_03c2;
    let mut words = instructions.to_vec();
    words.push(STR_X1_X29);
    words.resize((VECTORS + SYNCHRONOUS) as usize / 4, 0);
    words.extend([MRS_X2_ESR_EL2, STR_X2_X30]);
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// Runs the program that is at an address, with x3 to x5; returns what it found, or the syndrome of the exception that it took.
///
/// # Errors
///
/// What the kernel says.
pub fn run(vcpu: &mut Vcpu, place: u64, x3: [u64; 3]) -> Result<Result<u64, Syndrome>, MachineError> {
    let values = [(RegisterId::PC, place), (RegisterId::x(29), VALUE), (RegisterId::x(30), SYNDROME)];
    let arguments = (3..).zip(x3).map(|(n, value)| (RegisterId::x(n), value));
    for (id, value) in values.into_iter().chain(arguments).chain([(VBAR_EL2, place + VECTORS)]) {
        vcpu.set_register(id, value).map_err(|errno| kernel(&format!("KVM_SET_ONE_REG of {id}"), errno))?;
    }
    for _ in 0..MAX_EXITS {
        let exit = vcpu.run().map_err(|errno| kernel("KVM_RUN at EL2", errno))?;
        let found = match exit {
            ExitReason::Interrupted => continue,
            ExitReason::Store { ipa: VALUE, data } => Ok(doubleword(data)?),
            ExitReason::Store { ipa: SYNDROME, data } => Err(Syndrome::from_bits(doubleword(data)?)),
            other => return Err(RequestError::MmioNotCompleted { exit: format!("{other:?}") }.into()),
        };
        vcpu.complete_mmio()?;
        return Ok(found);
    }
    Err(MachineError::Storm { cpu: 0, exits: MAX_EXITS.into() })
}

fn doubleword(data: Vec<u8>) -> Result<u64, MachineError> {
    let bytes: [u8; 8] = data.try_into().map_err(|_| kernel("KVM_RUN at EL2", Errno::EINVAL))?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_reads_the_register_that_is_asked_for() {
        let bytes = program(&read(RegisterId::GCR_EL1));
        // mrs x1, gcr_el1
        assert_eq!(bytes[..4], 0xd538_10c1_u32.to_le_bytes());
        assert_eq!(bytes.len() as u64, VECTORS + SYNCHRONOUS + 8);
    }
}
