//! What a board needs and the firmware does not: the kernel's interrupt controller, code that changes while a guest has it in its
//! caches, and how much a debugger can have.
#![expect(unsafe_code, reason = "cache maintenance has no other form")]

use kvm_bindings::{
    KVM_ARM_IRQ_TYPE_SHIFT, KVM_ARM_IRQ_TYPE_SPI, KVM_CAP_GUEST_DEBUG_HW_BPS, KVM_CAP_GUEST_DEBUG_HW_WPS,
    KVM_DEV_ARM_VGIC_CTRL_INIT, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_GRP_NR_IRQS,
    KVM_VGIC_V3_ADDR_TYPE_DIST, KVM_VGIC_V3_ADDR_TYPE_REDIST, kvm_create_device, kvm_device_attr,
    kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3,
};
use kvm_ioctls::DeviceFd;
use machine::{Errno, MachineError};

use super::{KvmVm, kernel};
use crate::vcpu;

/// Shared peripheral interrupts have these numbers and above (Arm IHI 0069, 2.2.1).
const FIRST_SPI: u32 = 32;

impl KvmVm {
    /// Creates a GICv3 with so many interrupts; all vCPUs are there. `None` where the host has none to give.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn create_gic(
        &self,
        distributor: u64,
        redistributors: u64,
        interrupts: u32,
    ) -> Result<Option<DeviceFd>, MachineError> {
        let mut create = kvm_create_device { type_: kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3, fd: 0, flags: 0 };
        let device = match self.fd.create_device(&mut create) {
            Ok(device) => device,
            Err(error) if error.errno() == libc::ENODEV => return Ok(None),
            Err(error) => return Err(kernel("KVM_CREATE_DEVICE of a GICv3", error.into())),
        };
        let set = |group: u32, attr: u32, addr: u64| {
            let attribute = kvm_device_attr { flags: 0, group, attr: u64::from(attr), addr };
            device.set_device_attr(&attribute).map_err(|error| kernel("KVM_SET_DEVICE_ATTR of the GICv3", error.into()))
        };
        let address_of = |value: *const u64| value.expose_provenance() as u64;
        set(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, address_of(&raw const distributor))?;
        set(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, address_of(&raw const redistributors))?;
        set(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, (&raw const interrupts).expose_provenance() as u64)?;
        set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0)?;
        Ok(Some(device))
    }

    /// Sets the level of a shared peripheral interrupt, counted from 0.
    ///
    /// # Errors
    ///
    /// What the kernel says: ENXIO without an interrupt controller.
    pub fn set_interrupt(&self, spi: u32, level: bool) -> Result<(), Errno> {
        let irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (FIRST_SPI + spi);
        self.fd.set_irq_line(irq, level).map_err(Errno::from)
    }

    /// Writes guest memory so that the guest executes what was written, with its caches on or off (Arm ARM, B2.7.4.2).
    ///
    /// # Errors
    ///
    /// When the range is not in one accessible slot.
    pub fn write_code(&self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        self.write_concurrently(ipa, bytes)?;
        let (slot, offset) = self.slot(ipa, bytes.len())?;
        let start = slot.mapping.address() + offset;
        let control: u64;
        // SAFETY: Linux lets its processes read CTR_EL0, or emulates it.
        unsafe { std::arch::asm!("mrs {0}, ctr_el0", out(reg) control, options(nomem, nostack)) };
        let lines = |log2_words: u64| {
            let line = 4 << (log2_words & 0xf);
            (start & !(line - 1)..start + bytes.len() as u64).step_by(line as usize)
        };
        for line in lines(control >> 16) {
            // SAFETY: the mapping lives as long as `self`, and cleaning changes nothing that is seen.
            unsafe { std::arch::asm!("dc cvac, {0}", in(reg) line, options(nostack)) };
        }
        // SAFETY: a barrier.
        unsafe { std::arch::asm!("dsb ish", options(nostack)) };
        for line in lines(control) {
            // SAFETY: as for the data cache.
            unsafe { std::arch::asm!("ic ivau, {0}", in(reg) line, options(nostack)) };
        }
        // SAFETY: barriers.
        unsafe { std::arch::asm!("dsb ish", "isb", options(nostack)) };
        Ok(())
    }

    /// Returns whether the vCPUs have SVE.
    #[must_use]
    pub fn has_sve(&self) -> bool {
        vcpu::has_sve(&self.fd)
    }

    /// Returns how many hardware breakpoints and watchpoints a debugger can set.
    #[must_use]
    pub fn debug_registers(&self) -> (usize, usize) {
        let count = |capability: u32| usize::try_from(self.fd.check_extension_raw(capability.into())).unwrap_or(0);
        (count(KVM_CAP_GUEST_DEBUG_HW_BPS), count(KVM_CAP_GUEST_DEBUG_HW_WPS))
    }
}
