//! Puts a `tcg` machine back to how it was after boot, in a millisecond instead of the quarter of a second that a new QEMU
//! takes.
//!
//! The guest does it itself: a block clears data and tags of arena and heap at once, and its initial state is that of
//! MTE's registers after boot. Memory that no window shows can have been written by the host only. Each instruction that
//! touches tags costs QEMU about half a microsecond, however much it clears, so the one that clears most is taken.

use abi::mailbox::{BootReport, SysReg};
use abi::map::{self, Window};

use super::{TcgBackend, sweep};
use machine::session::GuestState;
use machine::{Block, Config, MachineError, RequestError};

/// The program's registers that stay in the CPU from block to block.
const KEPT: [SysReg; 4] = [SysReg::Gcr, SysReg::Rgsr, SysReg::Tfsr, SysReg::Tfsre0];

/// Clears x1 bytes from x0 on, and x4 bytes from x3 on. By SETG (FEAT_MOPS), a page at a time.
const BY_PAGE: &str = "setgp [x0]!, x1!, xzr; setgm [x0]!, x1!, xzr; setge [x0]!, x1!, xzr; \
                       setgp [x3]!, x4!, xzr; setgm [x3]!, x4!, xzr; setge [x3]!, x4!, xzr";
/// By DC GZVA, whose blocks have x2 bytes.
const BY_BLOCK: &str = "first: dc gzva, x0; add x0, x0, x2; subs x1, x1, x2; b.ne first; \
                        second: dc gzva, x3; add x3, x3, x2; subs x4, x4, x2; b.ne second";
/// By two granules.
const BY_PAIR: &str = "first: stz2g x0, [x0], #32; subs x1, x1, #32; b.ne first; \
                       second: stz2g x3, [x3], #32; subs x4, x4, #32; b.ne second";

/// Chooses how to clear: the block's text, and x2.
fn clearing(report: &BootReport) -> (&'static str, u64) {
    let has_mops = report.isar2 >> 16 & 0xf != 0;
    let has_gzva = report.dczid >> 4 & 1 == 0;
    match (has_mops, has_gzva) {
        (true, _) => (BY_PAGE, 0),
        (false, true) => (BY_BLOCK, 4 << (report.dczid & 0xf)),
        (false, false) => (BY_PAIR, 0),
    }
}

/// Makes arena, heap, what the host wrote elsewhere, and MTE's registers as after boot.
///
/// # Errors
///
/// When the guest does not do what it is asked.
pub(super) fn clear(backend: &mut TcgBackend, config: Config, boot: &[BootReport]) -> Result<(), MachineError> {
    for (ipa, length) in std::mem::take(&mut backend.host_writes.unseen) {
        backend.emulator.write(ipa, &vec![0; length])?;
    }
    let idle = GuestState::new(config.cpus);
    let (text, step) = clearing(&boot[0]);
    for (cpu, report) in boot.iter().enumerate() {
        let block = match cpu {
            0 => assembled(text)?
                .x(0, Window::Tagged.va(map::ARENA_BASE))
                .x(1, map::ARENA_SIZE)
                .x(2, step)
                .x(3, Window::Tagged.va(map::HEAP_BASE))
                .x(4, map::HEAP_SIZE),
            _ => assembled("nop")?,
        };
        let block = KEPT.iter().fold(block, |block, register| block.sys(*register, report.sys[*register as usize]));
        sweep::run(backend, cpu, &block, &idle)?;
    }
    Ok(())
}

fn assembled(text: &str) -> Result<Block, MachineError> {
    Ok(Block::assemble(text).map_err(RequestError::from)?)
}
