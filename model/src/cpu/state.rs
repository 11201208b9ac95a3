//! What a CPU holds, what it runs in, and how an instruction ends.

use abi::mailbox::{self, Scalable};

use super::copy_overlap::Copying;
use super::fault::Exception;
use super::matrix::Matrix;
use super::system_registers::SystemRegisters;
use super::translate::PageKinds;
use model_base::memory::{Bus, NoMemory};
use model_base::{Features, Platform, choice::Choices};

/// v0 to v31, the lower half of each first.
pub type Vectors = [[u64; 2]; 32];

/// PSTATE.M of EL0t and EL1t, which is where blocks run.
const EL1T: u64 = 0b0100;
/// PSTATE.{D, A, I, F}: blocks run with all interrupts masked.
const MASKED: u64 = 0x3c0;
const BTYPE_SHIFT: u32 = 10;
pub(super) const TCO_SHIFT: u32 = 25;
pub(super) const NZCV_SHIFT: u32 = 28;

/// What a vCPU holds of a program under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// x0 to x30.
    pub x: [u64; 31],
    /// SP_EL0, the stack pointer that a block sees at either level.
    pub sp: u64,
    /// v0 to v31: the first 16 bytes of z0 to z31.
    pub v: Vectors,
    /// z0 to z31 from their byte 16 on, p0 to p15 and FFR; `None`: all of them 0. Of z0 to z31 the first 16 bytes are
    /// in `v`, and those here are not looked at.
    pub scalable: Option<Box<Scalable>>,
    /// The vector length in bytes that ZCR_EL1.LEN selects, 0 without SVE.
    pub vector_bytes: u16,
    /// PSTATE.SM and ZA, the array ZA and the table ZT0.
    pub matrix: Matrix,
    /// Which of v0 to v31 are UNKNOWN, bit by bit: a load of several elements into them took a fault, or they were loaded from
    /// bytes that are.
    pub v_unknown: u32,
    /// Which of p0 to p15 are UNKNOWN, bit by bit, and in bit 16 whether FFR is.
    pub p_unknown: u32,
    /// Which of x0 to x30 are UNKNOWN, bit by bit, and in bit 31 whether `sp` is.
    pub x_unknown: u32,
    /// ESR_EL1 is UNKNOWN: no exception was taken since the block began.
    pub esr_unknown: bool,
    /// FAR_EL1 is UNKNOWN, likewise, or the last exception does not write it or only a part.
    pub far_unknown: bool,
    /// A copy that has begun and whose end shares bytes with its source.
    pub copying: Option<Copying>,
    /// The address of the next instruction.
    pub pc: u64,
    /// PSTATE.{N, Z, C, V} from bit 3 to bit 0.
    pub nzcv: u8,
    /// PSTATE.TCO: nothing is tag checked.
    pub tco: bool,
    /// PSTATE.EL, 0 or 1.
    pub el: u8,
    /// PSTATE.BTYPE: how the last instruction branched to a register, 0 if it did not (FEAT_BTI).
    pub btype: u8,
    /// The system registers that a block can see or that steer it.
    pub sys: SystemRegisters,
    /// TPIDR_EL0, which the firmware clears before each block.
    pub tpidr_el0: u64,
    /// FPCR, likewise.
    pub fpcr: u64,
    /// FPSR, likewise.
    pub fpsr: u64,
    /// The local exclusive monitor: what the last exclusive load marked.
    pub monitor: Option<Monitor>,
    /// A store has left the CPU for a device and waits to be completed: the PC is still its own
    /// (`KVM_EXIT_MMIO`).
    pub mmio: bool,
    /// A CPU that a call turned on, until the hypervisor has done so.
    pub turns_on: Option<TurnOn>,
}

/// What PSCI CPU_ON asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnOn {
    /// The number of the CPU.
    pub cpu: usize,
    /// Where it begins.
    pub entry: u64,
    /// What it finds in x0.
    pub context: u64,
}

/// What an exclusive load marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// The virtual address, tag included.
    pub va: u64,
    /// Bytes.
    pub bytes: u8,
}

/// What a CPU runs in.
pub struct Env<'a> {
    /// What the CPU has.
    pub features: &'a Features,
    /// What is around the CPU.
    pub platform: Platform,
    /// The answers where the architecture leaves a choice.
    pub choices: &'a mut Choices,
    /// Memory.
    pub bus: &'a mut dyn Bus,
}

/// Why an instruction did not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It took an exception to EL1.
    Exception(Exception),
    /// It stored to the UART's data register.
    Doorbell {
        /// The byte.
        byte: u8,
    },
    /// There is no memory behind an address that is mapped.
    NoMemory(NoMemory),
    /// The specification does not say what happens; the text says what it was.
    Unmodelled(&'static str),
}

/// How an instruction ends.
pub(super) type Executed = Result<(), Stop>;

impl Cpu {
    /// A CPU as the firmware has it when it begins to serve (guest-fw, `start_program_registers`).
    #[must_use]
    pub fn new(features: &Features) -> Self {
        Self {
            x: [0; 31],
            sp: 0,
            v: [[0; 2]; 32],
            scalable: None,
            vector_bytes: features.max_vector_bytes(),
            matrix: Matrix { vector_bytes: features.selected_streaming_bytes(15), ..Matrix::default() },
            v_unknown: 0,
            p_unknown: 0,
            x_unknown: 0,
            esr_unknown: true,
            far_unknown: true,
            copying: None,
            pc: 0,
            nzcv: 0,
            tco: false,
            el: 1,
            btype: 0,
            sys: SystemRegisters::at_boot(features),
            tpidr_el0: 0,
            fpcr: 0,
            fpsr: 0,
            monitor: None,
            mmio: false,
            turns_on: None,
        }
    }

    /// PSTATE as an exception would save it in SPSR_EL1: flags, TCO, masks, branch type, level.
    #[must_use]
    pub const fn pstate(&self) -> u64 {
        let level = if self.el == 0 { 0 } else { EL1T };
        (self.nzcv as u64) << NZCV_SHIFT
            | (self.tco as u64) << TCO_SHIFT
            | MASKED
            | (self.btype as u64) << BTYPE_SHIFT
            | level
    }

    /// Takes flags, TCO, branch type and level from a value of SPSR_EL1, as ERET does.
    pub const fn set_pstate(&mut self, spsr: u64) {
        self.nzcv = (spsr >> NZCV_SHIFT & 0xf) as u8;
        self.tco = spsr >> TCO_SHIFT & 1 == 1;
        self.el = (spsr >> 2 & 1) as u8;
        self.btype = (spsr >> BTYPE_SHIFT & 0b11) as u8;
    }

    /// Completes a store to a device, as the kernel does on the next `KVM_RUN`.
    pub const fn complete_mmio(&mut self) {
        if self.mmio {
            self.mmio = false;
            self.btype = 0;
            self.pc = self.pc.wrapping_add(4);
        }
    }
}

impl Cpu {
    /// Writes a register that a block carries.
    ///
    /// # Errors
    ///
    /// Names a field whose effect is not specified here.
    pub fn write(&mut self, register: mailbox::SysReg, value: u64, env: &mut Env<'_>) -> Result<(), &'static str> {
        use mailbox::SysReg;
        let there = match register {
            SysReg::Sctlr | SysReg::Tcr => true,
            SysReg::Gcr | SysReg::Rgsr | SysReg::Tfsr | SysReg::Tfsre0 => env.features.has_tags(),
            _ => env.features.has_keys(),
        };
        if !there {
            return Ok(());
        }
        let pages = PageKinds::default();
        Core { cpu: self, env, pages: &pages }.write_program_register(register, value)
    }
}

/// A CPU at work: everything that the rule of an instruction may look at.
pub(super) struct Core<'c, 'e> {
    pub(super) cpu: &'c mut Cpu,
    pub(super) env: &'c mut Env<'e>,
    pub(super) pages: &'c PageKinds,
}
