//! The guest firmware: a bare-metal program that runs blocks of A64 code for a host, or tests itself.
//!
//! `boot.S` turns the MMU on and calls [`granule_main`] on every vCPU. With a host, each vCPU
//! files a boot report and then serves requests from its mailbox for ever; see [`serve`]. Without one
//! it runs [`selftest`] and powers off. It must not use tagged memory for anything of its own:
//! whatever a program under test does to MTE's registers, the firmware keeps working.

#![cfg_attr(target_os = "none", no_std, no_main)]
#![cfg_attr(not(target_os = "none"), allow(dead_code, reason = "only its library is used on a host"))]

#[cfg(target_os = "none")]
#[expect(unsafe_code, reason = "assembly")]
mod boot;
#[cfg(target_os = "none")]
mod cpu;
#[cfg(target_os = "none")]
mod executor;
#[cfg(target_os = "none")]
mod heap;
#[cfg(target_os = "none")]
mod mailbox;
#[cfg(target_os = "none")]
mod pages;
#[cfg(target_os = "none")]
mod panic;
#[cfg(target_os = "none")]
mod psci;
#[cfg(target_os = "none")]
mod registers;
#[cfg(target_os = "none")]
#[expect(unsafe_code, reason = "assembly")]
mod selftest;
#[cfg(target_os = "none")]
mod serve;
#[cfg(target_os = "none")]
mod uart;
#[cfg(target_os = "none")]
#[expect(unsafe_code, reason = "assembly")]
mod vectors;

/// The page tables; the linker script puts them where `boot.S` tells the MMU to look.
#[cfg(target_os = "none")]
#[expect(unsafe_code, reason = "the linker script gives this section its address")]
#[unsafe(link_section = ".tables")]
#[used]
static TABLES: guest_fw::tables::Tables = guest_fw::tables::Tables::new();

/// Continues after `boot.S` on each vCPU.
#[cfg(target_os = "none")]
#[expect(unsafe_code, reason = "boot.S calls it by name")]
#[unsafe(no_mangle)]
extern "C" fn granule_main(cpu: usize, entry_el: u32) -> ! {
    match mailbox::host() {
        Some(host) => serve::serve(cpu, entry_el, host),
        None => selftest::run(entry_el),
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("this program runs on bare metal only: build it for aarch64-unknown-none-softfloat");
}
