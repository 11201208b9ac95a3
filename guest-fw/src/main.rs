//! The guest firmware: a bare-metal program that runs blocks of A64 code for a host, or tests itself.
//!
//! `boot.S` enables the MMU and calls [`granule_main`] on every vCPU. With a host, each vCPU writes a boot report and then
//! executes requests from its mailbox ([`serve`]). Without a host, the firmware runs its self-test ([`selftest`]) and
//! powers off. The firmware's own memory is untagged, so it works whatever a program under test does to the registers of
//! MTE.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[expect(unsafe_code, reason = "boot.S runs before Rust can, and Rust takes its address")]
mod boot;
#[cfg(target_os = "none")]
mod cpu;
#[cfg(target_os = "none")]
mod executor;
#[cfg(target_os = "none")]
mod frame;
#[cfg(target_os = "none")]
mod heap;
#[cfg(target_os = "none")]
mod mailbox;
mod matrix;
#[cfg(target_os = "none")]
mod pages;
#[cfg(target_os = "none")]
mod panic;
#[cfg(target_os = "none")]
mod psci;
#[cfg(target_os = "none")]
mod registers;
#[cfg(target_os = "none")]
mod scalable;
#[cfg(target_os = "none")]
#[expect(unsafe_code, reason = "the block under test is assembly between two symbols")]
mod selftest;
#[cfg(target_os = "none")]
mod semihosting;
#[cfg(target_os = "none")]
mod serve;
#[cfg(target_os = "none")]
mod uart;
#[cfg(target_os = "none")]
#[expect(unsafe_code, reason = "exceptions enter assembly, which needs a stack of its own")]
mod vectors;

/// The translation tables. The linker script places them at [`guest_fw::layout::TABLES`], which `boot.S` writes to
/// TTBR0_EL1 and TTBR1_EL1.
// SAFETY: the section holds nothing but this static, and the linker script makes it writable data.
#[cfg(target_os = "none")]
#[expect(unsafe_code, reason = "the linker script sets the address of this section")]
#[unsafe(link_section = ".tables")]
#[used]
static TABLES: guest_fw::tables::Tables = guest_fw::tables::Tables::new();

/// Runs the firmware on a vCPU, called by `boot.S` with the number of the vCPU and the exception level at entry.
// SAFETY: no other symbol has this name: those of the firmware's assembly are all different and it links no C library.
#[cfg(target_os = "none")]
#[expect(unsafe_code, reason = "boot.S calls this function by name")]
#[unsafe(no_mangle)]
extern "C" fn granule_main(cpu: usize, entry_el: u32) -> ! {
    match mailbox::host() {
        Some(host) => serve::serve(cpu, entry_el, host),
        None => selftest::run(entry_el),
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("guest-fw runs on bare metal only; build it for aarch64-unknown-none-softfloat");
}
