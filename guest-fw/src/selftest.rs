//! What the firmware does without a host: one program through the executor, checked and reported on
//! the UART, then power-off. It shows a firmware developer at once whether a machine has working MTE.

use core::arch::global_asm;
use core::fmt::Write;

use aarch64_cpu::registers::ID_AA64PFR1_EL1;
use abi::mailbox::BlockEnd;
use abi::map::{self, Window};
use tock_registers::interfaces::Readable;

use crate::mailbox::Post;
use crate::registers::id_aa64pfr1_el1;
use crate::uart::Console;
use crate::{cpu, executor, psci, serve};

global_asm!(include_str!("selftest.S"));

unsafe extern "C" {
    static granule_selftest: u32;
    static granule_selftest_end: u32;
}

/// ESR_ELx of a tag check fault of a store at EL1: EC 0x25, IL, WnR, DFSC 0b010001.
const TAG_CHECK_STORE: u64 = 0x9600_0051;
/// Index of the faulting store in the program.
const FAULTING: u64 = 8;

/// Runs the self-test and powers off. The last line says `selftest: passed` or `selftest: failed`.
pub fn run(entry_el: u32) -> ! {
    let verdict =
        if cpu::has_mte2() { check() } else { Err("this CPU has no allocation tags (ID_AA64PFR1_EL1.MTE < 2)") };
    let mut console = Console;
    // The UART cannot refuse text.
    let _ = match verdict {
        Ok(()) => writeln!(console, "selftest: passed"),
        Err(reason) => writeln!(console, "selftest: failed: {reason}"),
    };
    psci::system_off(entry_el)
}

fn check() -> Result<(), &'static str> {
    let mut console = Console;
    serve::start_program_registers();
    let _ = writeln!(
        console,
        "granule firmware {} without a host: MTE level {}; running its self-test",
        env!("CARGO_PKG_VERSION"),
        ID_AA64PFR1_EL1.read(id_aa64pfr1_el1::MTE)
    );
    let post = Post::of(0);
    let pointer = Window::Tagged.va(map::ARENA_BASE);
    let start = &raw const granule_selftest;
    let bytes = (&raw const granule_selftest_end).addr() - start.addr();
    // SAFETY: both symbols are in selftest.S, the second at the end of the first.
    let words = unsafe { core::slice::from_raw_parts(start, bytes / size_of::<u32>()) };
    let mut x = [0; 31];
    x[0] = pointer;
    x[9] = 1;
    post.place_block(x, words);
    let reply = executor::run(&post).ok_or("the executor refused the program")?;
    let _ = writeln!(
        console,
        "irg gave {:#018x}, ldg read back {:#018x}, the data is {:#x}, {} fault",
        reply.x[1], reply.x[2], reply.x[3], reply.traps
    );
    if reply.end != BlockEnd::Complete as u64 {
        return Err("the program did not reach its end");
    }
    if reply.x[1] == pointer || reply.x[1] & !(0xf << 56) != pointer {
        return Err("irg changed something other than the tag, or gave an excluded tag");
    }
    if reply.x[2] != reply.x[1] {
        return Err("ldg does not read the tag that stg stored");
    }
    if reply.x[3] != 0xc0de {
        return Err("the data is not what the store with the right tag wrote");
    }
    let trap = post.trap(0);
    if reply.traps != 1 || trap.esr != TAG_CHECK_STORE || trap.pc != map::code_va(0) + 4 * FAULTING {
        return Err("the store with a wrong tag did not take exactly one tag check fault");
    }
    Ok(())
}
