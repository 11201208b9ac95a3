//! The exit status of an emulator, by semihosting (Arm "Semihosting for AArch32 and AArch64", SYS_EXIT_EXTENDED).
//!
//! Without semihosting its instruction, HLT #0xf000, is UNDEFINED. So it runs in a block, whose exceptions are recorded and
//! returned from: nothing hangs, and nothing panics.

use crate::executor;
use crate::mailbox::CpuMailbox;

/// HLT #0xf000.
const HLT: u32 = 0xd45e_0000;
/// The operation, in x0.
const SYS_EXIT_EXTENDED: u64 = 0x20;
/// The first word that x1 points to: the application ended. The second is its status.
const APPLICATION_EXIT: u64 = 0x2_0026;

/// Ends the emulator with a status, if there is semihosting; else returns.
pub fn exit(status: u64) {
    let parameters = [APPLICATION_EXIT, status];
    let mut x = [0; 31];
    x[0] = SYS_EXIT_EXTENDED;
    x[1] = (&raw const parameters).addr() as u64;
    let mailbox = CpuMailbox::of(0);
    mailbox.set_block(x, &[HLT]);
    // The emulator reads the parameters behind the compiler's back.
    let _parameters = core::hint::black_box(&parameters);
    // Whatever it returns, there was no semihosting.
    let _ = executor::run(&mailbox);
}
