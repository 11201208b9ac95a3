//! The executor: runs a block of instructions natively and records its exceptions.
//!
//! The host chooses all general-purpose registers, the stack pointer, the flags, PSTATE.TCO and the exception level of
//! the block. A synchronous exception is recorded and the block continues at the next instruction. The word after the
//! last instruction (BRK at EL1, SVC at EL0) ends the block. The firmware's own memory is untagged and it does not use
//! GCR_EL1, RGSR_EL1, TFSR_EL1 and TFSRE0_EL1, so these keep their values until the next block. FPCR, FPSR and
//! TPIDR_EL0 are 0 when a block begins, and so are keys of pointer authentication that it does not bring. Where the CPU has SVE, blocks may use it: its registers and the vector length
//! keep their values, too, unless a block brings some of its own. Where the CPU has SME, streaming mode and ZA are off when a
//! block begins, and turned off when it has ended, so vector registers that it leaves in streaming mode are 0. Behind the word that ends a block the code page is as after boot.

use core::sync::atomic::{AtomicUsize, Ordering};

use aarch64_cpu::registers::{ELR_EL1, ESR_EL1, FAR_EL1, SCTLR_EL1, SPSR_EL1, TCR_EL1, TPIDR_EL0};
use abi::mailbox::{Block, BlockEnd, BlockReply, KEY_REGS, MAX_TRAPS, MAX_WORDS, SYS_REGS, SysReg, Trap};
use abi::map;
use guest_fw::layout;
use tock_registers::interfaces::{Readable, Writeable};

use crate::boot;
use crate::cpu;
use crate::frame::Frame;
use crate::mailbox::CpuMailbox;
use crate::matrix;
use crate::registers::{GCR_EL1, RGSR_EL1, TFSR_EL1, TFSRE0_EL1, keys, tco};
use crate::scalable;

/// `BRK #0xffff`, which ends a block at EL1.
const END_EL1: u32 = 0xd43f_ffe0;
/// `SVC #0xffff`, which ends a block at EL0.
const END_EL0: u32 = 0xd41f_ffe1;
/// ESR_EL1.EC of SVC in AArch64 state.
const EC_SVC64: u64 = 0x15;
/// ESR_EL1.EC of HVC in AArch64 state.
const EC_HVC64: u64 = 0x16;
/// ESR_EL1.EC of BRK in AArch64 state.
const EC_BRK64: u64 = 0x3c;
/// The flags in SPSR_EL1.
const NZCV: u64 = 0xf << 28;

#[expect(unsafe_code, reason = "a function in assembly")]
unsafe extern "C" {
    /// Runs the block described by the frame and returns when it has ended (`vectors.S`).
    ///
    /// # Safety
    ///
    /// The frame must be at the top of this vCPU's trap stack, and that stack must be otherwise empty.
    fn granule_enter(frame: *mut Frame);
}

/// Runs the block in the mailbox of this vCPU. Returns `None` if the request is malformed.
pub fn run(mailbox: &CpuMailbox) -> Option<BlockReply> {
    let block = mailbox.block();
    let count = usize::try_from(block.words).ok()?;
    if count == 0 || count > MAX_WORDS || block.el > 1 {
        return None;
    }
    let is_scalable = block.vector_bytes != 0;
    if is_scalable && (block.simd != 0 || !scalable::select(block.vector_bytes)) {
        return None;
    }
    let end = if block.el == 0 { END_EL0 } else { END_EL1 };
    if block.new_words != 0 {
        copy_code(mailbox, count);
    }
    update_word(mailbox.cpu(), count, end);

    let base = map::code_va(mailbox.cpu());
    let initial = Frame {
        x: block.x,
        sp: block.sp,
        pc: base,
        spsr: spsr(&block),
        caller_sp: 0,
        cpu: mailbox.cpu(),
        end_pc: base + 4 * count as u64,
        traps: 0,
        end: BlockEnd::Complete,
    };
    if block.simd != 0 {
        cpu::set_vectors(&mailbox.vectors());
    }
    if is_scalable {
        mailbox.load_scalable();
    }
    cpu::clear_float_registers();
    TPIDR_EL0.set(0);
    matrix::prepare(block.vector_bytes);
    write_program_registers(block.sys_mask, &block.sys);
    let frame = enter(initial);
    // First of all: instructions on vectors are illegal in streaming mode.
    matrix::leave();
    let sys = save_program_registers();
    if block.simd != 0 {
        mailbox.set_reply_vectors(cpu::vectors());
    }
    let vector_bytes = if is_scalable { scalable::length() } else { 0 };
    if is_scalable {
        mailbox.store_scalable();
    }
    Some(BlockReply {
        x: frame.x,
        sp: frame.sp,
        pstate: frame.spsr,
        sys,
        traps: frame.traps as u64,
        end: frame.end as u64,
        vector_bytes,
    })
}

/// Runs a block and returns what it left in its frame.
fn enter(initial: Frame) -> Frame {
    let frame = frame(initial.cpu);
    // SAFETY: `frame` is in the mapped trap stack of this vCPU and 16-byte aligned (`frame`), and no block is running,
    // so nothing else accesses it.
    #[expect(unsafe_code, reason = "the address of the frame is fixed by the assembly")]
    unsafe {
        frame.write(initial);
    }
    // SAFETY: the frame is initialized and at the top of this vCPU's trap stack, which is empty: this code runs on the
    // main stack and no block is running.
    #[expect(unsafe_code, reason = "enters the block in assembly")]
    unsafe {
        granule_enter(frame);
    }
    // SAFETY: the frame is initialized, and the block has ended, so nothing writes it.
    #[expect(unsafe_code, reason = "the address of the frame is fixed by the assembly")]
    unsafe {
        frame.read()
    }
}

/// Returns whether EL1 executes an instruction, which may write x0 and nothing else, without an exception. A block tries it,
/// so that a hypervisor may refuse what the ID registers show.
pub fn executes(cpu: usize, word: u32) -> bool {
    let base = map::code_va(cpu);
    update_word(cpu, 0, word);
    update_word(cpu, 1, END_EL1);
    let masked = SPSR_EL1::D::Masked + SPSR_EL1::A::Masked + SPSR_EL1::I::Masked + SPSR_EL1::F::Masked;
    let left = enter(Frame {
        x: [0; 31],
        sp: 0,
        pc: base,
        spsr: (masked + SPSR_EL1::M::EL1t).value,
        caller_sp: 0,
        cpu,
        end_pc: base + 4,
        traps: 0,
        end: BlockEnd::Complete,
    });
    // The code page is as after boot again.
    update_word(cpu, 0, 0);
    update_word(cpu, 1, 0);
    left.traps == 0
}

/// Returns the address of the frame of a vCPU: the top of its trap stack, which is 16-byte aligned.
fn frame(cpu: usize) -> *mut Frame {
    let top = layout::STACKS + cpu as u64 * layout::STACK_STRIDE + layout::TRAP_STACK_TOP;
    (top - size_of::<Frame>() as u64) as *mut Frame
}

/// Returns the initial PSTATE of a block: EL1t or EL0t, with all interrupts masked.
fn spsr(block: &Block) -> u64 {
    let level = if block.el == 0 { SPSR_EL1::M::EL0t } else { SPSR_EL1::M::EL1t };
    let masked = SPSR_EL1::D::Masked + SPSR_EL1::A::Masked + SPSR_EL1::I::Masked + SPSR_EL1::F::Masked;
    (masked + level).value | tco::TCO_FIELDS::TCO.val(block.tco & 1).value | block.nzcv & NZCV
}

/// How many words each vCPU's last block had.
static LAST_COUNTS: [AtomicUsize; map::MAX_CPUS] = [const { AtomicUsize::new(0) }; map::MAX_CPUS];

/// Copies the words of the block to the code page, and clears what a longer block left behind them.
fn copy_code(mailbox: &CpuMailbox, count: usize) {
    for i in 0..count {
        write_word(mailbox.cpu(), i, mailbox.word(i));
    }
    let last = LAST_COUNTS.get(mailbox.cpu()).map_or(0, |last| last.swap(count, Ordering::Relaxed));
    // The word that ended the last block stood behind its last.
    let end = if last > count { last + 1 } else { count };
    for i in count + 1..end {
        write_word(mailbox.cpu(), i, 0);
    }
    cpu::synchronize_code(map::code_ipa(mailbox.cpu()), 4 * end as u64, map::code_va(mailbox.cpu()));
}

/// Writes one word of the code page, unless it has that value already.
fn update_word(cpu: usize, index: usize, word: u32) {
    let place = (map::code_ipa(cpu) as *const u32).wrapping_add(index);
    // SAFETY: `run` limits the index to MAX_WORDS, so `place` is in the mapped code page of this vCPU (see the assertion
    // below), and only this vCPU accesses that page.
    #[expect(unsafe_code, reason = "the code page is at a fixed address")]
    let old = unsafe { place.read_volatile() };
    if old != word {
        write_word(cpu, index, word);
        let offset = 4 * index as u64;
        cpu::synchronize_code(map::code_ipa(cpu) + offset, 4, map::code_va(cpu) + offset);
    }
}

/// Writes one word of the code page.
fn write_word(cpu: usize, index: usize, word: u32) {
    let place = (map::code_ipa(cpu) as *mut u32).wrapping_add(index);
    // SAFETY: as in `update_word`; and no block is running, so nothing executes the page.
    #[expect(unsafe_code, reason = "the code page is at a fixed address")]
    unsafe {
        place.write_volatile(word);
    }
}

const _: () = assert!((MAX_WORDS as u64 + 1) * 4 <= map::CODE_STRIDE);

/// Writes the system registers that the host selected. SCTLR_EL1, TCR_EL1 and the keys otherwise have their boot values.
fn write_program_registers(mask: u64, values: &[u64; SYS_REGS]) {
    for register in SysReg::ALL {
        if mask & register.bit() == 0 {
            continue;
        }
        let value = values[register as usize];
        match register {
            SysReg::Sctlr => SCTLR_EL1.set(value),
            SysReg::Tcr => TCR_EL1.set(value),
            _ if register.key().is_some() => {
                if keys::are_implemented() {
                    keys::set(register, value);
                }
            }
            _ if !cpu::has_mte2() => {}
            SysReg::Gcr => GCR_EL1.set(value),
            SysReg::Rgsr => RGSR_EL1.set(value),
            SysReg::Tfsr => TFSR_EL1.set(value),
            SysReg::Tfsre0 => TFSRE0_EL1.set(value),
            _ => {}
        }
    }
    if mask & SysReg::Tcr.bit() != 0 {
        cpu::flush_translations();
    }
    cpu::barrier();
}

/// Reads the system registers after a block, and restores SCTLR_EL1, TCR_EL1 and the keys of pointer authentication.
fn save_program_registers() -> [u64; SYS_REGS] {
    // DSB completes the recording of asynchronous tag check faults, ISB makes them visible to reads of the registers.
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
    if keys::are_implemented() {
        sys[SYS_REGS - KEY_REGS..].copy_from_slice(&keys::all());
        keys::clear();
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

/// Handles a synchronous exception of a block, called by the vectors. Returns 0 to resume the block and 1 to end it.
pub extern "C" fn block_exception(frame: &mut Frame) -> u64 {
    let esr = ESR_EL1.get();
    let class = esr >> 26 & 0x3f;
    // The preferred return address of SVC and HVC is the next instruction.
    let after = if matches!(class, EC_SVC64 | EC_HVC64) { 4 } else { 0 };
    let pc = ELR_EL1.get().wrapping_sub(after);
    if pc == frame.end_pc && matches!(class, EC_SVC64 | EC_BRK64) {
        frame.end = BlockEnd::Complete;
        return 1;
    }
    let trap = Trap { pc, esr, far: FAR_EL1.get(), spsr: frame.spsr };
    CpuMailbox::of(frame.cpu).record_trap(frame.traps, trap);
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
