//! A machine that runs somebody's image, looked at as a debugger does: registers, memory and tags by virtual address, breakpoints.
//!
//! [`Debuggee`] is what `granule exec` and a debugger's connection need of a back end; it knows nothing of blocks or mailboxes. The console
//! is the back end's own: it carries bytes while the guest runs.

use std::collections::BTreeSet;
use std::time::Instant;

use arch::Tag;

use crate::MachineError;

/// Why something could not be done. After [`DebuggeeError::Lost`] nothing can be done any more.
#[derive(Debug, thiserror::Error)]
pub enum DebuggeeError {
    /// No memory is there, as this vCPU sees addresses now.
    #[error("nothing can be accessed at {va:#x}")]
    Unmapped {
        /// The first address of what was asked for.
        va: u64,
    },
    /// The memory has no allocation tags, as this vCPU sees addresses now.
    #[error("the memory at {va:#x} has no allocation tags")]
    NotTagged {
        /// The first address of what was asked for.
        va: u64,
    },
    /// This back end does not show, or does not change, this register.
    #[error("{} cannot be accessed here", .0.name())]
    NoRegister(Register),
    /// This back end does not show registers of SIMD and floating point.
    #[error("{0:?} cannot be accessed here")]
    NoFloatRegister(FloatRegister),
    /// The machine is of no more use.
    #[error(transparent)]
    Lost(#[from] MachineError),
}

/// Defines [`SystemRegister`] from rows of name and `(op0, op1, CRn, CRm, op2)`.
macro_rules! system_registers {
    ($( $(#[$doc:meta])* $register:ident $name:literal ($op0:literal, $op1:literal, $crn:literal, $crm:literal, $op2:literal); )*) => {
        /// A system register that matters to tags and exceptions (Arm ARM, AArch64 System Register Descriptions).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum SystemRegister {
            $( $(#[$doc])* $register, )*
        }

        impl SystemRegister {
            /// All of them, in the order in which they are shown.
            pub const ALL: &[Self] = &[$( Self::$register, )*];

            /// Returns the name in assembly, such as `esr_el1`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$register => $name, )* }
            }

            /// Returns the encoding `op0:op1:CRn:CRm:op2` in 2, 3, 4, 4 and 3 bits: bits 15:0 of a KVM register id.
            #[must_use]
            pub const fn encoding(self) -> u16 {
                match self { $( Self::$register => $op0 << 14 | $op1 << 11 | $crn << 7 | $crm << 3 | $op2, )* }
            }
        }
    };
}

system_registers! {
    /// Control of EL1 and EL0.
    SctlrEl1 "sctlr_el1" (3, 0, 1, 0, 0);
    /// Control of translation.
    TcrEl1 "tcr_el1" (3, 0, 2, 0, 2);
    /// Where the vectors are.
    VbarEl1 "vbar_el1" (3, 0, 12, 0, 0);
    /// The syndrome.
    EsrEl1 "esr_el1" (3, 0, 5, 2, 0);
    /// The address that faulted.
    FarEl1 "far_el1" (3, 0, 6, 0, 0);
    /// Where the exception came from.
    ElrEl1 "elr_el1" (3, 0, 4, 0, 1);
    /// PSTATE before the exception.
    SpsrEl1 "spsr_el1" (3, 0, 4, 0, 0);
    /// Asynchronous tag check faults of EL1.
    TfsrEl1 "tfsr_el1" (3, 0, 5, 6, 0);
    /// Asynchronous tag check faults of EL0.
    Tfsre0El1 "tfsre0_el1" (3, 0, 5, 6, 1);
    /// Tags that IRG excludes.
    GcrEl1 "gcr_el1" (3, 0, 1, 0, 6);
    /// The seed of IRG.
    RgsrEl1 "rgsr_el1" (3, 0, 1, 0, 5);
}

impl SystemRegister {
    /// Returns the register of this name in assembly, whatever its case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|register| register.name().eq_ignore_ascii_case(name))
    }
}

/// A register of a vCPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Register {
    /// `x0` to `x30`.
    X(u8),
    /// The stack pointer of the current exception level, as PSTATE.SP selects it.
    Sp,
    /// The program counter.
    Pc,
    /// PSTATE, laid out as SPSR_EL1.
    Pstate,
    /// A system register.
    System(SystemRegister),
}

impl Register {
    /// Returns the name in assembly; `pstate` for PSTATE.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::X(n) => format!("x{n}"),
            Self::Sp => "sp".to_owned(),
            Self::Pc => "pc".to_owned(),
            Self::Pstate => "pstate".to_owned(),
            Self::System(register) => register.name().to_owned(),
        }
    }
}

impl Register {
    /// Returns the number by which debuggers know it (gdb's features/aarch64-core.xml): x0 to x30, sp, pc, cpsr; a system register
    /// has its encoding, which is above all others.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::X(n) => n as u16,
            Self::Sp => 31,
            Self::Pc => 32,
            Self::Pstate => 33,
            Self::System(register) => register.encoding(),
        }
    }

    /// Returns the register of a number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            0..=30 => Self::X(number as u8),
            31 => Self::Sp,
            32 => Self::Pc,
            33 => Self::Pstate,
            _ => Self::System(SystemRegister::ALL.iter().copied().find(|system| system.encoding() == number)?),
        })
    }
}

/// A register of SIMD and floating point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FloatRegister {
    /// `v0` to `v31`, 128 bits.
    V(u8),
    /// FPSR, 32 bits.
    Fpsr,
    /// FPCR, 32 bits.
    Fpcr,
}

impl FloatRegister {
    /// Returns the number by which debuggers know it (gdb's features/aarch64-fpu.xml, behind the core registers).
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::V(n) => 34 + n as u16,
            Self::Fpsr => 66,
            Self::Fpcr => 67,
        }
    }

    /// Returns the register of a number.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        match number {
            34..=65 => Some(Self::V((number - 34) as u8)),
            66 => Some(Self::Fpsr),
            67 => Some(Self::Fpcr),
            _ => None,
        }
    }
}

/// Why the guest stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// This vCPU is about to execute an instruction with a breakpoint.
    Breakpoint {
        /// Which one.
        cpu: usize,
    },
    /// The step is done.
    Stepped,
    /// This vCPU's instruction has taken an exception for which the guest has no code of its own: the vCPU stands in front of it, and goes on
    /// behind it. Where a guest has vectors it is not told.
    Exception {
        /// Which one.
        cpu: usize,
    },
    /// The time is over. The guest stands somewhere.
    TimedOut,
    /// It turned the machine off (PSCI SYSTEM_OFF). It never runs again.
    Off,
    /// It asked for a reset (PSCI SYSTEM_RESET). It never runs again.
    Reset,
    /// It ended with a status, such as by semihosting's SYS_EXIT. It never runs again.
    Exited {
        /// The status.
        status: u32,
    },
}

impl Stop {
    /// Returns whether the guest never runs again.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Off | Self::Reset | Self::Exited { .. })
    }
}

/// How a debugger's connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebuggerEnd {
    /// It has gone. The guest stands where it left it, without its breakpoints.
    Detached,
    /// It has ended the guest.
    Killed,
    /// The guest has ended, or the time is over.
    Ended(Stop),
}

/// Returns an address as translation sees it, without its tag: bits 63:56 are copies of bit 55.
///
/// ```
/// use machine::debuggee::untagged;
/// assert_eq!(untagged(0x0900_0000_4020_7008), 0x4020_7008);
/// assert_eq!(untagged(0xf0ff_8000_0000_0000), 0xffff_8000_0000_0000);
/// ```
#[must_use]
pub const fn untagged(va: u64) -> u64 {
    ((va << 8).cast_signed() >> 8).cast_unsigned()
}

/// Takes what the guest prints, as it comes.
pub type ConsoleOutput = Box<dyn FnMut(&[u8])>;

/// A machine with somebody's image, which stands still between calls. vCPUs are numbered from 0.
///
/// Addresses are virtual, as the vCPU sees them now: at its exception level, with its translation. Their bits 59:56 do not matter
/// where its TCR says so.
pub trait Debuggee {
    /// Returns the number of vCPUs, also of those that are off.
    fn cpus(&self) -> usize;

    /// Reads a register.
    ///
    /// # Errors
    ///
    /// [`DebuggeeError::NoRegister`] when it is not shown.
    fn register(&mut self, cpu: usize, register: Register) -> Result<u64, DebuggeeError>;

    /// Writes a register.
    ///
    /// # Errors
    ///
    /// [`DebuggeeError::NoRegister`] when it cannot be changed.
    fn set_register(&mut self, cpu: usize, register: Register, value: u64) -> Result<(), DebuggeeError>;

    /// Reads a register of SIMD and floating point.
    ///
    /// # Errors
    ///
    /// [`DebuggeeError::NoFloatRegister`] when it is not shown, as everywhere that does not say otherwise.
    fn float_register(&mut self, _cpu: usize, register: FloatRegister) -> Result<u128, DebuggeeError> {
        Err(DebuggeeError::NoFloatRegister(register))
    }

    /// Writes a register of SIMD and floating point.
    ///
    /// # Errors
    ///
    /// [`DebuggeeError::NoFloatRegister`] when it cannot be changed, as everywhere that does not say otherwise.
    fn set_float_register(&mut self, _cpu: usize, register: FloatRegister, _value: u128) -> Result<(), DebuggeeError> {
        Err(DebuggeeError::NoFloatRegister(register))
    }

    /// Reads memory, of Normal type only where that can be known.
    ///
    /// # Errors
    ///
    /// [`DebuggeeError::Unmapped`] when not all of it is memory.
    fn read(&mut self, cpu: usize, va: u64, buffer: &mut [u8]) -> Result<(), DebuggeeError>;

    /// Writes memory, also where the guest may not.
    ///
    /// # Errors
    ///
    /// [`DebuggeeError::Unmapped`] when not all of it is memory.
    fn write(&mut self, cpu: usize, va: u64, bytes: &[u8]) -> Result<(), DebuggeeError>;

    /// Reads allocation tags, a granule each, from the one at `va` on.
    ///
    /// # Errors
    ///
    /// [`DebuggeeError::NotTagged`] or [`DebuggeeError::Unmapped`] when not all of them have one.
    fn tags(&mut self, cpu: usize, va: u64, tags: &mut [Tag]) -> Result<(), DebuggeeError>;

    /// Stores allocation tags, a granule each, from the one at `va` on.
    ///
    /// # Errors
    ///
    /// [`DebuggeeError::NotTagged`] or [`DebuggeeError::Unmapped`] when not all of them have one.
    fn set_tags(&mut self, cpu: usize, va: u64, tags: &[Tag]) -> Result<(), DebuggeeError>;

    /// Stops every vCPU in front of the instruction at this address. Setting it twice is as setting it once.
    ///
    /// # Errors
    ///
    /// When it cannot be set.
    fn set_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError>;

    /// Takes a breakpoint away, if it is there.
    ///
    /// # Errors
    ///
    /// When the machine is lost.
    fn clear_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError>;

    /// Lets one vCPU execute an instruction, also one with a breakpoint, while the others stand. An exception that it takes is
    /// the step: the vCPU stands at the vector.
    ///
    /// # Errors
    ///
    /// When the machine is lost.
    fn step(&mut self, cpu: usize, deadline: Instant) -> Result<Stop, DebuggeeError>;

    /// Lets all vCPUs run until something stops them, and carries the console meanwhile. One that stands at a breakpoint stops
    /// at once: step first.
    ///
    /// # Errors
    ///
    /// When the machine is lost.
    fn resume(&mut self, deadline: Instant) -> Result<Stop, DebuggeeError>;
}

/// Calls of the guest to its host that are served where it stands in front of them, such as semihosting's.
pub trait HostCalls {
    /// Returns the addresses of their instructions.
    fn addresses(&self) -> &BTreeSet<u64>;

    /// Serves the call at which a vCPU stands, and puts its PC behind it. Returns the status if the call ends the guest.
    ///
    /// # Errors
    ///
    /// When the machine is lost. What the guest passes is never an error.
    fn serve(&mut self, debuggee: &mut dyn Debuggee, cpu: usize) -> Result<Option<u32>, DebuggeeError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_registers() {
        let core = (0..=30).map(Register::X).chain([Register::Sp, Register::Pc, Register::Pstate]);
        let all = core.chain(SystemRegister::ALL.iter().copied().map(Register::System));
        for register in all {
            assert_eq!(Register::from_number(register.number()), Some(register));
            assert_eq!(FloatRegister::from_number(register.number()), None);
        }
        for number in 34..=67 {
            assert_eq!(Register::from_number(number), None);
            assert_eq!(FloatRegister::from_number(number).map(FloatRegister::number), Some(number));
        }
    }

    #[test]
    fn names_and_encodings_are_those_of_the_instruction_table() {
        for register in SystemRegister::ALL {
            assert_eq!(SystemRegister::by_name(&register.name().to_uppercase()), Some(*register));
            if let Some(known) = arch::SysReg::by_name(register.name()) {
                assert_eq!(register.encoding(), known.encoding(), "{}", register.name());
            }
        }
        // KVM_REG_ARM64_SYSREG of VBAR_EL1 (arch/arm64/include/uapi/asm/kvm.h, ARM64_SYS_REG).
        assert_eq!(SystemRegister::VbarEl1.encoding(), 0xc600);
    }
}
