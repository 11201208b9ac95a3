//! Puts a `tcg` machine back to how it was after boot, in a millisecond instead of the quarter of a second that a new QEMU
//! takes.
//!
//! The guest does it itself: a block clears data and tags of arena and heap at once, and its initial state is that of
//! MTE's registers after boot. Memory that no window shows can have been written by the host only. Each instruction that
//! touches tags costs QEMU about half a microsecond, however much it clears, so the one that clears most is taken.

use abi::mailbox::{BootReport, SysReg};
use abi::map::{self, Window};

use super::TcgBackend;
use machine::session::{Backend as _, GuestState, RunReason};
use machine::{Block, Config, MachineError, Outcome, RequestError};

/// The program's registers that stay in the CPU from block to block.
const KEPT: [SysReg; 4] = [SysReg::Gcr, SysReg::Rgsr, SysReg::Tfsr, SysReg::Tfsre0];

/// Clears x1 bytes from x0 on. By SETG (FEAT_MOPS), a page at a time.
const BY_PAGE: &str = "setgp [x0]!, x1!, xzr; setgm [x0]!, x1!, xzr; setge [x0]!, x1!, xzr";
/// By DC GZVA, whose blocks have x2 bytes.
const BY_BLOCK: &str = "again: dc gzva, x0; add x0, x0, x2; subs x1, x1, x2; b.ne again";
/// By two granules.
const BY_PAIR: &str = "again: stz2g x0, [x0], #32; subs x1, x1, #32; b.ne again";

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
    for (base, size) in [(map::ARENA_BASE, map::ARENA_SIZE), (map::HEAP_BASE, map::HEAP_SIZE)] {
        let clearing = assembled(text)?.x(0, Window::Tagged.va(base)).x(1, size).x(2, step);
        run(backend, 0, &clearing, &idle)?;
    }
    for (cpu, report) in boot.iter().enumerate() {
        let nothing =
            KEPT.iter().fold(assembled("nop")?, |block, register| block.sys(*register, report.sys[*register as usize]));
        run(backend, cpu, &nothing, &idle)?;
    }
    Ok(())
}

fn assembled(text: &str) -> Result<Block, MachineError> {
    Ok(Block::assemble(text).map_err(RequestError::from)?)
}

/// Runs a block that must end without a fault.
fn run(backend: &mut TcgBackend, cpu: usize, block: &Block, guest: &GuestState) -> Result<(), MachineError> {
    match backend.run(cpu, RunReason::Start(block), guest)? {
        Outcome::Done(trace) if trace.faults.is_empty() => Ok(()),
        Outcome::Done(trace) => {
            Err(backend.mailboxes[cpu].misbehaved(format!("faulted where nothing can: {:?}", trace.faults)))
        }
        Outcome::Checkpoint => Err(backend.mailboxes[cpu].misbehaved("rang a checkpoint that is not there")),
    }
}
