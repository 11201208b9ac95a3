//! What a session holds between two lines: the CPU and the memory that its next instruction will find.

use abi::mailbox::{BootReport, SYS_REGS, Scalable, SysReg};
use abi::map::{ARENA_BASE, Window};
use machine::{ScalableState, Trace};
use program::control::FIELDS;
use program::text::REGISTERS;
use program::{Controls, Run};

use super::memory::Memory;

/// General registers that point to memory when a session begins, and how far apart, as with `granule trace -e`.
pub const POINTERS: usize = 8;
/// Bytes between two of them.
pub const APART: u64 = 0x100;

/// The state between two lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// What the next block begins with. `sys` is what was set since the last block, and the keys.
    pub run: Run,
    /// All system registers, as the last block showed them or as they were set since.
    pub sys: [u64; SYS_REGS],
    /// What the arena holds.
    pub memory: Memory,
}

impl State {
    /// Returns the state in which a session begins: at EL1, checks synchronous, x0 to x7 point to the arena with tag 0.
    #[must_use]
    pub fn first(boot: &BootReport) -> Self {
        let mut run = Run { v: Some(Box::new([[0; 2]; 32])), ..Run::default() };
        for (n, x) in run.x[..POINTERS].iter_mut().enumerate() {
            *x = Window::Tagged.va(ARENA_BASE + APART * n as u64);
        }
        let mut state = Self { run, sys: boot.sys, memory: Memory::default() };
        for register in REGISTERS {
            // What a machine has after boot is its own; sessions begin alike everywhere.
            let value = if *register == SysReg::Rgsr { SEED } else { 0 };
            state.set(*register, value);
        }
        state
    }

    /// Sets a system register for the next block.
    pub fn set(&mut self, register: SysReg, value: u64) {
        self.run.sys[register as usize] = Some(value);
        self.sys[register as usize] = value;
    }

    /// Returns the block of these words. With `all` it brings every register, else it leaves those as they are that the last
    /// block left on the machine.
    #[must_use]
    pub fn block(&self, words: &[u32], all: bool) -> Run {
        let mut run = Run { words: words.to_vec(), ..self.run.clone() };
        for register in REGISTERS.iter().filter(|_| all) {
            run.sys[*register as usize].get_or_insert(self.sys[*register as usize]);
        }
        run
    }

    /// Lets the next blocks bring the scalable registers, with vectors of so many bytes, in place of v0 to v31.
    pub fn widen(&mut self, bytes: u16) {
        let Some(v) = self.run.v.take() else { return };
        let mut values = ScalableState::new(bytes.into(), Box::new(Scalable::ZERO));
        for (n, [low, high]) in v.iter().enumerate() {
            let z = values.z_mut(n);
            z[..8].copy_from_slice(&low.to_le_bytes());
            z[8..16].copy_from_slice(&high.to_le_bytes());
        }
        self.run.scalable = Some(values);
    }

    /// Takes what a block left in the registers. `boot` is of the machine that ran it.
    pub fn take(&mut self, trace: &Trace, boot: &BootReport) {
        self.run.x = trace.x;
        self.run.sp = trace.sp;
        self.run.nzcv = trace.nzcv();
        self.run.tco = trace.pstate >> PSTATE_TCO & 1 == 1;
        if trace.v.is_some() {
            self.run.v.clone_from(&trace.v);
        }
        if trace.scalable.is_some() {
            self.run.scalable.clone_from(&trace.scalable);
        }
        self.sys = trace.sys;
        self.run.sys = [None; SYS_REGS];
        // The firmware takes the keys away behind each block.
        for register in &SysReg::ALL[KEYS..] {
            self.run.sys[*register as usize] = Some(trace.sys(*register));
        }
        take_controls(&mut self.run.controls, trace, boot);
    }

    /// Returns the value of a field of SCTLR_EL1 or TCR_EL1, by its place in [`FIELDS`], as the next block will find it.
    #[must_use]
    pub fn field(&self, index: usize, boot: &BootReport) -> u8 {
        let field = &FIELDS[index];
        let booted = (boot.sys[field.register as usize] & field.mask()) >> field.shift;
        self.run.controls.get(index).unwrap_or(booted as u8)
    }
}

/// The seed of RGSR_EL1 with which a session begins: any but 0, from which the generator would never come away (Arm ARM,
/// pseudocode `NextRandomTagBit`).
const SEED: u64 = 0x002a_5d00;
/// PSTATE.TCO in SPSR_EL1.
const PSTATE_TCO: u32 = 25;
/// Where the keys begin among the system registers.
const KEYS: usize = SYS_REGS - abi::mailbox::KEY_REGS;

/// Keeps the fields that a block changed itself.
fn take_controls(controls: &mut Controls, trace: &Trace, boot: &BootReport) {
    for (index, field) in FIELDS.iter().enumerate() {
        let value = |bits: u64| ((bits & field.mask()) >> field.shift) as u8;
        let (now, booted) = (value(trace.sys(field.register)), value(boot.sys[field.register as usize]));
        if controls.get(index).unwrap_or(booted) != now {
            controls.set(index, now);
        }
    }
}
