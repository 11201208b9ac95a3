//! The keys of pointer authentication (FEAT_PAuth): APIAKeyLo_EL1 to APGAKeyHi_EL1, which have no fields.
//!
//! The firmware signs no pointer, and SCTLR_EL1 enables no key while it runs, so whatever a block leaves in them has no effect on
//! it. They are as after boot again when a block has ended, since a block that brings no keys has those that are 0.

use core::sync::atomic::{AtomicBool, Ordering};

use aarch64_cpu::registers::ID_AA64ISAR1_EL1;
use abi::mailbox::{KEY_REGS, SysReg};
use tock_registers::interfaces::{Readable, Writeable};

use super::ID_AA64ISAR2_EL1;

/// ID_AA64ISAR1_EL1.{APA, API, GPA, GPI}.
const ISAR1_FIELDS: u64 = 0xff << 4 | 0xff << 24;
/// ID_AA64ISAR2_EL1.{GPA3, APA3}.
const ISAR2_FIELDS: u64 = 0xff << 8;

/// Whether the CPUs have the registers. They are alike, and a hypervisor may trap each look at an ID register.
static IMPLEMENTED: AtomicBool = AtomicBool::new(false);

/// `MRS X0, APIAKeyLo_EL1`.
const READ: u32 = 0xd538_2100;

/// Clears the keys, which are UNKNOWN after reset, if this CPU has them. A KVM may show them in the ID registers, and not have
/// them (`docs/errata/linux.protected-mode-pauth.md`), so `executes` is asked whether an instruction can be executed.
pub fn initialize(executes: impl FnOnce(u32) -> bool) {
    let shown = ID_AA64ISAR1_EL1.get() & ISAR1_FIELDS != 0 || ID_AA64ISAR2_EL1.get() & ISAR2_FIELDS != 0;
    let implemented = shown && executes(READ);
    IMPLEMENTED.store(implemented, Ordering::Relaxed);
    if implemented {
        clear();
    }
}

/// Returns whether the CPUs have the registers. [`initialize`] was called.
pub fn are_implemented() -> bool {
    IMPLEMENTED.load(Ordering::Relaxed)
}

/// Defines the registers, and how a half of a key is read and written by its name.
macro_rules! keys {
    ($( $half:ident $register:ident $encoding:literal; )*) => {
        $(
            struct $register;
            system_register!(rw $register, $encoding, ());
        )*

        /// Reads a half of a key; 0 for another register.
        fn get(register: SysReg) -> u64 {
            match register {
                $( SysReg::$half => $register.get(), )*
                _ => 0,
            }
        }

        /// Writes a half of a key.
        pub fn set(register: SysReg, value: u64) {
            match register {
                $( SysReg::$half => $register.set(value), )*
                _ => {}
            }
        }
    };
}

keys! {
    ApiaKeyLo ApiaLo "s3_0_c2_c1_0";
    ApiaKeyHi ApiaHi "s3_0_c2_c1_1";
    ApibKeyLo ApibLo "s3_0_c2_c1_2";
    ApibKeyHi ApibHi "s3_0_c2_c1_3";
    ApdaKeyLo ApdaLo "s3_0_c2_c2_0";
    ApdaKeyHi ApdaHi "s3_0_c2_c2_1";
    ApdbKeyLo ApdbLo "s3_0_c2_c2_2";
    ApdbKeyHi ApdbHi "s3_0_c2_c2_3";
    ApgaKeyLo ApgaLo "s3_0_c2_c3_0";
    ApgaKeyHi ApgaHi "s3_0_c2_c3_1";
}

/// Reads all keys.
pub fn all() -> [u64; KEY_REGS] {
    SysReg::KEYS.map(get)
}

/// Clears all keys.
pub fn clear() {
    for register in SysReg::KEYS {
        set(register, 0);
    }
}
