//! Breakpoints: in the CPU's registers as long as there are any (KVM_SET_GUEST_DEBUG), then as BRK in the image's code while it runs.

use kvm_bindings::{
    KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_SINGLESTEP, KVM_GUESTDBG_USE_HW, KVM_GUESTDBG_USE_SW_BP, kvm_guest_debug_arch,
};

/// `brk #0`.
pub const BRK: [u8; 4] = 0xd420_0000_u32.to_le_bytes();
/// DBGBCR_EL1: E, PMC 0b11 (EL1 and EL0), BAS 0b1111 (Arm ARM, DBGBCR<n>_EL1), as arch/arm64's own debuggers set it.
const BCR: u64 = 1 | 3 << 1 | 0xf << 5;
/// DBGBVR_EL1.VA holds bits 52:2, the upper ones are its sign.
const BVR_BITS: u32 = 53;
/// Registers that KVM's structure has room for.
const MOST: usize = 16;

/// What a debug exception was, by ESR_EL2.EC (Arm ARM, ESR_ELx).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebugEvent {
    /// The end of a single step.
    Step,
    /// A breakpoint register.
    Breakpoint,
    /// A BRK instruction, the image's own or ours.
    Brk,
    /// Anything else.
    Other,
}

/// Returns what a syndrome says.
pub fn event(syndrome: u64) -> DebugEvent {
    match syndrome >> 26 & 0x3f {
        0x30 | 0x31 => DebugEvent::Breakpoint,
        0x32 | 0x33 => DebugEvent::Step,
        0x3c => DebugEvent::Brk,
        _ => DebugEvent::Other,
    }
}

/// The breakpoints that are set.
#[derive(Debug, Default)]
pub struct Breakpoints {
    addresses: Vec<u64>,
    registers: usize,
}

impl Breakpoints {
    /// Begins without any, on a CPU with so many registers.
    pub fn new(registers: usize) -> Self {
        Self { addresses: Vec::new(), registers: registers.min(MOST) }
    }

    /// Sets one.
    pub fn insert(&mut self, va: u64) {
        if !self.contains(va) {
            self.addresses.push(va);
        }
    }

    /// Takes one away.
    pub fn remove(&mut self, va: u64) {
        self.addresses.retain(|address| *address != va);
    }

    /// Returns whether there is one at an address.
    pub fn contains(&self, va: u64) -> bool {
        self.addresses.contains(&va)
    }

    /// Returns the addresses that no register is left for.
    pub fn without_register(&self) -> &[u64] {
        self.addresses.get(self.registers..).unwrap_or_default()
    }

    /// Returns what to tell the kernel. A step is one, whatever breakpoint the instruction has.
    pub fn control(&self, stepping: bool) -> (u32, kvm_guest_debug_arch) {
        let mut registers = kvm_guest_debug_arch::default();
        if stepping {
            return (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, registers);
        }
        if self.addresses.is_empty() {
            return (0, registers);
        }
        for (index, va) in self.addresses.iter().take(self.registers).enumerate() {
            registers.dbg_bcr[index] = BCR;
            registers.dbg_bvr[index] =
                (*va << (64 - BVR_BITS)).cast_signed().wrapping_shr(64 - BVR_BITS).cast_unsigned();
        }
        let software = if self.without_register().is_empty() { 0 } else { KVM_GUESTDBG_USE_SW_BP };
        (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW | software, registers)
    }
}
