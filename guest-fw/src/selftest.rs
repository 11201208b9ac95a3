//! The self-test, which runs if there is no host: runs one block, checks the results, prints them on the UART and powers
//! off. It shows whether MTE works on a machine.

use core::arch::global_asm;
use core::fmt::Write;

use aarch64_cpu::registers::ID_AA64PFR1_EL1;
use abi::mailbox::BlockEnd;
use abi::map::{self, Window};
use tock_registers::interfaces::Readable;

use crate::mailbox::CpuMailbox;
use crate::registers::id_aa64pfr1_el1;
use crate::uart::Console;
use crate::{cpu, executor, psci, semihosting, serve};

global_asm!(include_str!("selftest.S"));

unsafe extern "C" {
    /// The first word of the block.
    static granule_selftest: u32;
    /// The end of the block.
    static granule_selftest_end: u32;
}

/// ESR_EL1 of a tag check fault of a store at EL1: EC 0x25, IL, WnR, DFSC 0b010001.
const TAG_CHECK_STORE: u32 = 0x9600_0051;
/// The exit status of a self-test that failed.
const FAILED: u64 = 1;
/// The index of the faulting store in the block.
const FAULTING: u64 = 8;

/// Runs the self-test and powers off. The last line says `selftest: passed` or `selftest: failed`; where there is semihosting, a
/// failure is the emulator's exit status, too.
pub fn run(entry_el: u32) -> ! {
    let verdict =
        if cpu::has_mte2() { check() } else { Err("this CPU has no allocation tags (ID_AA64PFR1_EL1.MTE < 2)") };
    let mut console = Console;
    // Writing to the UART cannot fail.
    match verdict {
        Ok(()) => {
            let _ = writeln!(console, "selftest: passed");
        }
        Err(reason) => {
            let _ = writeln!(console, "selftest: failed: {reason}");
            semihosting::exit(FAILED);
        }
    }
    psci::system_off(entry_el)
}

fn check() -> Result<(), &'static str> {
    let mut console = Console;
    serve::initialize_program_registers(0);
    let _ = writeln!(
        console,
        "granule firmware {} without a host: MTE level {}; running its self-test",
        env!("CARGO_PKG_VERSION"),
        ID_AA64PFR1_EL1.read(id_aa64pfr1_el1::MTE)
    );
    let mailbox = CpuMailbox::of(0);
    let pointer = Window::Tagged.va(map::ARENA_BASE);
    let start = &raw const granule_selftest;
    let bytes = (&raw const granule_selftest_end).addr() - start.addr();
    // SAFETY: `selftest.S` defines both symbols in one section with the words between them, 4-byte aligned; the section
    // is read-only, so nothing writes to the words.
    let words = unsafe { core::slice::from_raw_parts(start, bytes / size_of::<u32>()) };
    let mut x = [0; 31];
    x[0] = pointer;
    x[9] = 1;
    mailbox.set_block(x, words);
    let reply = executor::run(&mailbox).ok_or("the executor rejected the block")?;
    let _ = writeln!(
        console,
        "irg {:#018x}, ldg {:#018x}, ldr {:#x}, exceptions {}",
        reply.x[1], reply.x[2], reply.x[3], reply.traps
    );
    if reply.end != BlockEnd::Complete as u64 {
        return Err("the block did not complete");
    }
    if reply.x[1] == pointer || reply.x[1] & !(0xf << 56) != pointer {
        return Err("irg changed address bits or generated an excluded tag");
    }
    if reply.x[2] != reply.x[1] {
        return Err("ldg did not load the tag that stg stored");
    }
    if reply.x[3] != 0xc0de {
        return Err("ldr did not load the data that was stored with the right tag");
    }
    let trap = mailbox.trap(0);
    // Bits 63:32 (ISS2) are looked at by the suite; QEMU 11 sets them (docs/errata.md, qemu.tag-check-esr-extended).
    let syndrome = trap.esr as u32;
    if reply.traps != 1 || syndrome != TAG_CHECK_STORE || trap.pc != map::code_va(0) + 4 * FAULTING {
        return Err("expected one tag check fault, at the store with the wrong tag");
    }
    Ok(())
}
