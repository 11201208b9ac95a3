//! The executor: runs a block of real instructions and records what happens to it.
//!
//! The block gets every general register, the stack pointer, the flags, TCO, and the level that the
//! host chose. Each synchronous exception is appended to the trace and the block goes on behind
//! the instruction; the word after the last instruction (BRK at EL1, SVC at EL0) ends it. The
//! firmware's own memory is untagged, and it uses none of GCR, RGSR and the TFSRs, so those keep
//! what the program left in them until the next block. FPCR and FPSR, which it never uses either, are 0
//! when a block begins. Behind the word that ends it, the code page is as after boot.

use core::sync::atomic::{AtomicUsize, Ordering};

use aarch64_cpu::registers::{ELR_EL1, ESR_EL1, FAR_EL1, SCTLR_EL1, SPSR_EL1, TCR_EL1};
use abi::mailbox::{Block, BlockEnd, BlockReply, MAX_TRAPS, MAX_WORDS, SYS_REGS, SysReg, Trap};
use abi::map;
use guest_fw::layout;
use tock_registers::interfaces::{Readable, Writeable};

use crate::boot;
use crate::cpu;
use crate::mailbox::Post;
use crate::registers::{GCR_EL1, RGSR_EL1, TFSR_EL1, TFSRE0_EL1, tco};
use crate::vectors::{Frame, granule_enter};

/// `BRK #0xffff`: ends a block at EL1.
const END_EL1: u32 = 0xd43f_ffe0;
/// `SVC #0xffff`: ends a block at EL0.
const END_EL0: u32 = 0xd41f_ffe1;
/// ESR_ELx.EC of exceptions whose return address is already behind the instruction: SVC and HVC.
const CALLS: [u64; 2] = [0x15, 0x16];
const NZCV: u64 = 0xf << 28;

/// Runs the block in the vCPU's mailbox. `None` if the request is malformed.
pub fn run(post: &Post) -> Option<BlockReply> {
    let block = post.block();
    let count = usize::try_from(block.words).ok()?;
    if count == 0 || count > MAX_WORDS || block.el > 1 {
        return None;
    }
    let end = if block.el == 0 { END_EL0 } else { END_EL1 };
    if block.new_words != 0 {
        place_code(post, count);
    }
    place_word(post.cpu(), count, end);

    let base = map::code_va(post.cpu());
    let frame = frame(post.cpu());
    let initial = Frame {
        x: block.x,
        sp: block.sp,
        pc: base,
        spsr: spsr(&block),
        caller_sp: 0,
        cpu: post.cpu(),
        end_pc: base + 4 * count as u64,
        traps: 0,
        end: BlockEnd::Complete,
    };
    // SAFETY: the top of the trap stack is mapped, aligned, and in use only while a block runs.
    #[expect(unsafe_code, reason = "the frame's place is fixed by the assembly")]
    unsafe {
        frame.write(initial);
    }
    if block.simd != 0 {
        cpu::set_vectors(&post.vectors());
    }
    cpu::clear_float_registers();
    write_program_registers(block.sys_mask, &block.sys);
    // SAFETY: the frame was just written at the top of this vCPU's otherwise empty trap stack.
    #[expect(unsafe_code, reason = "enters the block")]
    unsafe {
        granule_enter(frame);
    }
    // SAFETY: as above; the block has ended, so nothing else uses the frame.
    #[expect(unsafe_code, reason = "the frame's place is fixed by the assembly")]
    let frame = unsafe { &*frame };
    let sys = take_program_registers();
    if block.simd != 0 {
        post.reply_vectors(cpu::vectors());
    }
    Some(BlockReply {
        x: frame.x,
        sp: frame.sp,
        pstate: frame.spsr,
        sys,
        traps: frame.traps as u64,
        end: frame.end as u64,
    })
}

/// Gives the place of a vCPU's frame: the top of its trap stack.
fn frame(cpu: usize) -> *mut Frame {
    let top = layout::STACKS + cpu as u64 * layout::STACK_STRIDE + layout::TRAP_STACK_TOP;
    (top - size_of::<Frame>() as u64) as *mut Frame
}

const _: () = assert!(size_of::<Frame>().is_multiple_of(16));

/// Gives the PSTATE that a block starts with: EL1t or EL0t, interrupts masked.
fn spsr(block: &Block) -> u64 {
    let level = if block.el == 0 { SPSR_EL1::M::EL0t } else { SPSR_EL1::M::EL1t };
    let masked = SPSR_EL1::D::Masked + SPSR_EL1::A::Masked + SPSR_EL1::I::Masked + SPSR_EL1::F::Masked;
    (masked + level).value | tco::TCO_FIELDS::TCO.val(block.tco & 1).value | block.nzcv & NZCV
}

/// How many words each vCPU's last block had.
static LAST_COUNTS: [AtomicUsize; map::MAX_CPUS] = [const { AtomicUsize::new(0) }; map::MAX_CPUS];

/// Puts the block's words into the code page, and clears what a longer block left behind them.
fn place_code(post: &Post, count: usize) {
    for i in 0..count {
        write_code(post.cpu(), i, post.word(i));
    }
    let last = LAST_COUNTS.get(post.cpu()).map_or(0, |last| last.swap(count, Ordering::Relaxed));
    // The word that ended the last block stood behind its last.
    let end = if last > count { last + 1 } else { count };
    for i in count + 1..end {
        write_code(post.cpu(), i, 0);
    }
    cpu::synchronise_code(map::code_ipa(post.cpu()), 4 * end as u64, map::code_va(post.cpu()));
}

/// Puts one word into the code page, unless it is there already.
fn place_word(cpu: usize, index: usize, word: u32) {
    let place = (map::code_ipa(cpu) as *const u32).wrapping_add(index);
    // SAFETY: a code page holds MAX_WORDS + 1 words and is this vCPU's alone; the index is capped.
    #[expect(unsafe_code, reason = "reads the code page, which is written below")]
    let old = unsafe { place.read_volatile() };
    if old != word {
        write_code(cpu, index, word);
        let offset = 4 * index as u64;
        cpu::synchronise_code(map::code_ipa(cpu) + offset, 4, map::code_va(cpu) + offset);
    }
}

fn write_code(cpu: usize, index: usize, word: u32) {
    let place = (map::code_ipa(cpu) as *mut u32).wrapping_add(index);
    // SAFETY: as in `place_word`; nothing executes the page while the executor writes it.
    #[expect(unsafe_code, reason = "writes the code page")]
    unsafe {
        place.write_volatile(word);
    }
}

/// Writes the system registers that the host asked for; SCTLR_EL1 and TCR_EL1 default to boot's.
fn write_program_registers(mask: u64, values: &[u64; SYS_REGS]) {
    for register in SysReg::ALL {
        if mask & register.bit() == 0 {
            continue;
        }
        let value = values[register as usize];
        match register {
            SysReg::Sctlr => SCTLR_EL1.set(value),
            SysReg::Tcr => TCR_EL1.set(value),
            _ if !cpu::has_mte2() => {}
            SysReg::Gcr => GCR_EL1.set(value),
            SysReg::Rgsr => RGSR_EL1.set(value),
            SysReg::Tfsr => TFSR_EL1.set(value),
            SysReg::Tfsre0 => TFSRE0_EL1.set(value),
        }
    }
    if mask & SysReg::Tcr.bit() != 0 {
        cpu::flush_translations();
    }
    cpu::barrier();
}

/// Collects what the block left in the system registers, and takes SCTLR_EL1 and TCR_EL1 back.
fn take_program_registers() -> [u64; SYS_REGS] {
    // Asynchronous faults are recorded at the latest by DSB; ISB makes the record readable.
    cpu::barrier();
    let mut sys = [0; SYS_REGS];
    sys[SysReg::Sctlr as usize] = SCTLR_EL1.get();
    sys[SysReg::Tcr as usize] = TCR_EL1.get();
    if cpu::has_mte2() {
        sys[SysReg::Gcr as usize] = GCR_EL1.get();
        sys[SysReg::Rgsr as usize] = RGSR_EL1.get();
        sys[SysReg::Tfsr as usize] = TFSR_EL1.get();
        sys[SysReg::Tfsre0 as usize] = TFSRE0_EL1.get();
    }
    let translation_changed = sys[SysReg::Tcr as usize] != boot::TCR;
    SCTLR_EL1.set(if cpu::has_mte2() { boot::SCTLR } else { boot::SCTLR_WITHOUT_MTE });
    TCR_EL1.set(boot::TCR);
    cpu::barrier();
    if translation_changed {
        cpu::flush_translations();
    }
    sys
}

/// Handles an exception of a block; called by the vectors. Gives 0 to resume, 1 to end the block.
pub extern "C" fn block_exception(frame: &mut Frame) -> u64 {
    let esr = ESR_EL1.get();
    let class = esr >> 26 & 0x3f;
    let pc = if CALLS.contains(&class) { ELR_EL1.get().wrapping_sub(4) } else { ELR_EL1.get() };
    if pc == frame.end_pc && matches!(class, 0x15 | 0x3c) {
        frame.end = BlockEnd::Complete;
        return 1;
    }
    let trap = Trap { pc, esr, far: FAR_EL1.get(), spsr: frame.spsr };
    Post::of(frame.cpu).record(frame.traps, trap);
    frame.traps += 1;
    let code = map::code_va(frame.cpu)..frame.end_pc;
    if !code.contains(&pc) {
        frame.end = BlockEnd::Escaped;
        return 1;
    }
    if frame.traps == MAX_TRAPS {
        frame.end = BlockEnd::TooManyTraps;
        return 1;
    }
    frame.pc = pc + 4;
    0
}
