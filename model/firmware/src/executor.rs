//! The executor: runs a block, records its exceptions and goes on behind each (`guest-fw/src/executor.rs`).

use std::fmt;
use std::rc::Rc;

use abi::doorbell::Doorbell;
use abi::mailbox::{Block, BlockEnd, BlockReply, KEY_REGS, MAX_TRAPS, MAX_WORDS, Scalable, SysReg, Trap};
use abi::map;

use crate::state::Firmware;
use model::cpu::{Cpu, Env, Event, PageKinds, Program, Vectors, reset};
use model_base::memory::NoMemory;

mutants::defects!();

/// `BRK #0xffff`: ends a block at EL1.
const END_EL1: u32 = 0xd43f_ffe0;
/// `SVC #0xffff`: ends a block at EL0.
const END_EL0: u32 = 0xd41f_ffe1;
/// ESR_ELx.EC of SVC and BRK.
const SVC: u64 = 0x15;
const BRK: u64 = 0x3c;

/// What the firmware knows of a vCPU's blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct Seat {
    program: Program,
    running: Option<Running>,
}

/// A block on its way.
#[derive(Clone, Debug)]
struct Running {
    end_pc: u64,
    traps: Vec<Trap>,
    chosen: Vec<usize>,
    budget: u64,
    simd: bool,
    scalable: bool,
}

/// What the vector registers hold when a block begins.
#[derive(Clone, Copy, Debug, Default)]
pub enum VectorState<'a> {
    /// What they held.
    #[default]
    Kept,
    /// v0 to v31, for a block with [`Block::simd`].
    Simd(&'a Vectors),
    /// z0 to z31, p0 to p15 and FFR, for a block with [`Block::vector_bytes`].
    Scalable(&'a Scalable),
}

/// What a block left behind.
#[derive(Clone, Debug)]
pub struct Done {
    /// The mailbox's reply.
    pub reply: BlockReply,
    /// The mailbox's traps, [`BlockReply::traps`] of them.
    pub traps: Vec<Trap>,
    /// For each exception, that of the end included, how many choices had been made when it was taken.
    pub chosen: Vec<usize>,
    /// v0 to v31, if the block asked for them.
    pub v: Option<Box<Vectors>>,
    /// z0 to z31, p0 to p15 and FFR, likewise.
    pub scalable: Option<Box<Scalable>>,
    /// What of it the architecture leaves open.
    pub unknown: Unknown,
}

/// Parts of a trace that are UNKNOWN, so no comparison may look at them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    /// RGSR_EL1: an IRG ran with GCR_EL1.RRND = 1.
    pub rgsr: bool,
    /// v0 to v31, bit by bit ([`Cpu::v_unknown`]).
    pub v: u32,
    /// p0 to p15, bit by bit, and FFR in bit 16 ([`Cpu::p_unknown`]).
    pub p: u32,
    /// x0 to x30, bit by bit, and the stack pointer in bit 31 ([`Cpu::x_unknown`]).
    pub x: u32,
}

/// Asks whether a block is to be given up, once in many instructions. Without a question none is.
#[derive(Clone, Default)]
pub struct Interrupt(Option<Rc<dyn Fn() -> bool>>);

impl Interrupt {
    /// Instructions between two questions: some tenths of a millisecond.
    const EVERY: u64 = 4096;

    /// Asks this.
    pub fn when(question: impl Fn() -> bool + 'static) -> Self {
        Self(Some(Rc::new(question)))
    }

    fn is_due(&self) -> bool {
        self.0.as_ref().is_some_and(|question| question())
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interrupt").field(&self.0.is_some()).finish()
    }
}

/// How a block came back.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It ended.
    Done(Box<Done>),
    /// It rang its vCPU's checkpoint doorbell and waits for [`Firmware::resume`].
    Checkpoint,
    /// It stored a byte to the UART that is neither text nor its own checkpoint. It waits, too.
    Rang {
        /// The byte.
        byte: u8,
    },
    /// It used up its budget.
    Exhausted {
        /// Where it was.
        pc: u64,
    },
    /// It was given up because [`Firmware::interrupt`] asked for it.
    Interrupted {
        /// Where it was.
        pc: u64,
    },
    /// It touched mapped addresses with no memory behind them.
    NoMemory(NoMemory),
    /// It did something that is not specified.
    Unmodelled {
        /// Where.
        pc: u64,
        /// What.
        what: &'static str,
    },
    /// The request is malformed ([`abi::mailbox::Status::BadArgument`]).
    Refused,
}

#[mutants::rules]
impl Firmware {
    /// Runs a block on a vCPU, to its end or to where something else happens
    /// ([`abi::mailbox::Request::Run`]).
    ///
    /// `words` are the block's, [`Block::words`] of them; `vectors` is what the block has the vector registers hold. That no store waits and the exclusive monitor is clear, the vCPU's entry and exit see to.
    pub fn start(
        &mut self,
        index: usize,
        block: &Block,
        words: &[u32],
        vectors: VectorState<'_>,
        cpu: &mut Cpu,
        env: &mut Env<'_>,
    ) -> Outcome {
        let (count, level) = (1..=MAX_WORDS, 0..=1);
        let scalable = block.vector_bytes != 0;
        let valid = count.contains(&words.len())
            && level.contains(&block.el)
            && (!scalable || block.simd == 0 && env.features.has_vector_bytes(block.vector_bytes));
        let Some(seat) = self.cpus.get_mut(index).filter(|_| valid) else { return Outcome::Refused };
        if let Err(place) = seat.place(index, block.el, words, env) {
            return Outcome::NoMemory(place);
        }
        let base = map::code_va(index);
        seat.running = Some(Running {
            end_pc: base + 4 * words.len() as u64,
            traps: Vec::new(),
            chosen: Vec::new(),
            budget: self.budget,
            simd: block.simd != 0,
            scalable,
        });
        cpu.x = block.x;
        cpu.sp = block.sp;
        cpu.pc = base;
        cpu.set_pstate(block.nzcv & 0xf << 28 | (block.tco & 1) << 25 | block.el << 2);
        if env.features.mte < 2 {
            cpu.tco = false;
        }
        cpu.fpcr = 0;
        cpu.fpsr = 0;
        cpu.tpidr_el0 = 0;
        (cpu.x_unknown, cpu.copying) = (0, None);
        // SMCR_EL1.LEN is that of the block's vectors, or the largest; streaming mode and ZA are off.
        let len = if scalable { block.vector_bytes / 16 - 1 } else { 15 };
        cpu.matrix.vector_bytes = env.features.selected_streaming_bytes(len);
        // The exception that ended the last block, or what the registers held at reset.
        (cpu.esr_unknown, cpu.far_unknown) = (true, true);
        match vectors {
            VectorState::Scalable(values) => cpu.set_scalable(values, block.vector_bytes as u16),
            VectorState::Simd(values) => cpu.set_vectors(values),
            VectorState::Kept => {}
        }
        for register in SysReg::ALL {
            let value = block.sys[register as usize];
            let asked = block.sys_mask & register.bit() != 0;
            if asked && let Err(what) = cpu.write(register, value, env) {
                return Outcome::Unmodelled { pc: base, what };
            }
        }
        self.advance(index, cpu, env)
    }

    /// Continues a block that rang and whose store is completed. Refused if the vCPU is in none.
    pub fn resume(&mut self, index: usize, cpu: &mut Cpu, env: &mut Env<'_>) -> Outcome {
        self.advance(index, cpu, env)
    }

    fn advance(&mut self, index: usize, cpu: &mut Cpu, env: &mut Env<'_>) -> Outcome {
        let Self { cpus, pages, interrupt, .. } = self;
        let Some((seat, mut running)) = cpus.get_mut(index).and_then(|seat| {
            let running = seat.running.take()?;
            Some((seat, running))
        }) else {
            return Outcome::Refused;
        };
        let base = map::code_va(index);
        let end = loop {
            let Some(event) = running.next_event(cpu, env, pages, (base, &seat.program), interrupt) else {
                return Outcome::Interrupted { pc: cpu.pc };
            };
            match event {
                Event::Exception => {
                    if let Some(end) = running.record(base, cpu) {
                        break end;
                    }
                }
                Event::Doorbell { byte } => match Doorbell::decode(byte) {
                    // Text, or a number that no doorbell has, is skipped by every host.
                    None => cpu.complete_mmio(),
                    Some(bell) => {
                        seat.running = Some(running);
                        return match bell {
                            (Doorbell::Checkpoint, from) if from == index => Outcome::Checkpoint,
                            _ => Outcome::Rang { byte },
                        };
                    }
                },
                Event::Exhausted => return Outcome::Exhausted { pc: cpu.pc },
                Event::NoMemory(place) => return Outcome::NoMemory(place),
                Event::Unmodelled(what) => return Outcome::Unmodelled { pc: cpu.pc, what },
            }
        };
        Outcome::Done(Box::new(running.finish(end, cpu, env)))
    }
}

#[mutants::rules]
impl Seat {
    /// Puts a block's words and the word that ends it into the code page.
    fn place(&mut self, index: usize, el: u64, words: &[u32], env: &mut Env<'_>) -> Result<(), NoMemory> {
        let end = if el == 0 { END_EL0 } else { END_EL1 };
        let mut all = words.to_vec();
        all.push(end);
        // Nothing is left of a longer block that stood here.
        let longest = all.len().max(self.program.words().len());
        if self.program.words() != all {
            self.program = Program::new(&all);
        }
        all.resize(longest, 0);
        let bytes: Vec<u8> = all.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut ipa = map::code_ipa(index);
        for page in bytes.chunks(map::GUEST_PAGE as usize) {
            env.bus.write(ipa, page)?;
            ipa += page.len() as u64;
        }
        Ok(())
    }
}

/// What campaigns count: no rule.
impl Firmware {
    /// Returns where each word of a vCPU's block was executed since the last call, as [`Program::take_executed`] says it; last
    /// comes the word that ends the block.
    #[must_use]
    pub fn take_executed(&self, index: usize) -> Vec<u8> {
        self.cpus.get(index).map(|seat| seat.program.take_executed()).unwrap_or_default()
    }
}

/// What the specification has instead of a clock and campaigns look at: no rule.
impl Running {
    /// Lets the CPU run until something happens; `None` if the block is to be given up. Counts the budget, and the choices
    /// that were made before each exception.
    fn next_event(
        &mut self,
        cpu: &mut Cpu,
        env: &mut Env<'_>,
        pages: &PageKinds,
        code: (u64, &Program),
        interrupt: &Interrupt,
    ) -> Option<Event> {
        loop {
            if self.budget.is_multiple_of(Interrupt::EVERY) && interrupt.is_due() {
                return None;
            }
            // Up to the next multiple, so that each is met.
            let mut slice = match self.budget % Interrupt::EVERY {
                0 => self.budget.min(Interrupt::EVERY),
                rest => rest,
            };
            self.budget -= slice;
            let event = model::cpu::run(cpu, env, pages, code, &mut slice);
            self.budget += slice;
            if event == Event::Exception {
                self.chosen.push(env.choices.made());
            }
            if event != Event::Exhausted || self.budget == 0 {
                return Some(event);
            }
        }
    }
}

#[mutants::rules]
impl Running {
    /// Records the exception that the CPU took, and sends it on behind the instruction; returns why the block ends,
    /// if it does (`block_exception`).
    fn record(&mut self, base: u64, cpu: &mut Cpu) -> Option<BlockEnd> {
        let class = cpu.sys.esr >> 26 & 0x3f;
        let call = matches!(class, SVC | 0x16);
        let pc = if call { cpu.sys.elr.wrapping_sub(4) } else { cpu.sys.elr };
        if pc == self.end_pc && matches!(class, SVC | BRK) {
            return Some(BlockEnd::Complete);
        }
        let sys = &cpu.sys;
        self.traps.push(Trap { pc, esr: sys.esr, far: sys.far, spsr: sys.spsr });
        if !(base..self.end_pc).contains(&pc) {
            return Some(BlockEnd::Escaped);
        }
        if self.traps.len() == MAX_TRAPS {
            return Some(BlockEnd::TooManyTraps);
        }
        cpu.set_pstate(cpu.sys.spsr);
        cpu.pc = pc.wrapping_add(4);
        None
    }

    /// Collects what the block left behind, and takes SCTLR_EL1, TCR_EL1 and the keys back (`save_program_registers`).
    fn finish(self, end: BlockEnd, cpu: &mut Cpu, env: &Env<'_>) -> Done {
        cpu.sys.synchronise();
        // Before anything of the vector registers is saved: leaving streaming mode clears them (`guest-fw/src/matrix.rs`, `leave`).
        cpu.set_streaming(false);
        cpu.set_matrix(false);
        cpu.matrix.reserved = 0;
        let reply = BlockReply {
            x: cpu.x,
            sp: cpu.sp,
            pstate: cpu.sys.spsr,
            sys: cpu.sys.program(),
            traps: self.traps.len() as u64,
            end: end as u64,
            vector_bytes: if self.scalable { cpu.vector_bytes.into() } else { 0 },
        };
        let unknown = Unknown { rgsr: cpu.sys.rgsr_unknown, v: cpu.v_unknown, p: cpu.p_unknown, x: cpu.x_unknown };
        let sys = &mut cpu.sys;
        sys.sctlr = if env.features.has_tags() { reset::SCTLR } else { reset::SCTLR_WITHOUT_MTE };
        sys.tcr = reset::TCR;
        sys.keys = [0; KEY_REGS];
        let v = self.simd.then(|| Box::new(cpu.v));
        let scalable = self.scalable.then(|| cpu.scalable());
        Done { reply, traps: self.traps, chosen: self.chosen, v, scalable, unknown }
    }
}
