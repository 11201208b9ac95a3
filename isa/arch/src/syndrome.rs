//! The exception syndrome: the cause of an exception as reported in `ESR_ELx`.

use core::fmt;

/// A value of `ESR_ELx` (Arm ARM, `ESR_EL1`).
///
/// ```
/// use arch::{ExceptionClass, FaultStatus, Syndrome};
/// let esr = Syndrome::from_bits(0x9600_0051);
/// assert_eq!(esr.class(), ExceptionClass::DATA_ABORT_SAME);
/// assert_eq!((esr.dfsc(), esr.wnr()), (Some(FaultStatus::TAG_CHECK), Some(true)));
/// assert!(esr.is_tag_check_fault());
/// assert_eq!(Syndrome::new(ExceptionClass::BRK, 7).to_string(), "brk #0x7 (ESR 0xf2000007)");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Syndrome(u64);

impl Syndrome {
    const EC_SHIFT: u32 = 26;
    const IL: u64 = 1 << 25;
    const ISS_MASK: u64 = Self::IL - 1;
    const WNR: u64 = 1 << 6;

    /// Creates a syndrome from the register value.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Creates the syndrome of a 32-bit instruction (IL is 1) from its class and ISS. Bits 31:25 of `iss` are ignored.
    #[must_use]
    pub const fn new(class: ExceptionClass, iss: u32) -> Self {
        Self((class.0 as u64) << Self::EC_SHIFT | Self::IL | iss as u64 & Self::ISS_MASK)
    }

    /// Returns the register value.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Returns the exception class, EC, bits 31:26.
    #[must_use]
    pub const fn class(self) -> ExceptionClass {
        ExceptionClass((self.0 >> Self::EC_SHIFT) as u8 & 0x3f)
    }

    /// Returns the instruction specific syndrome, ISS, bits 24:0.
    #[must_use]
    pub const fn iss(self) -> u32 {
        (self.0 & Self::ISS_MASK) as u32
    }

    /// Returns the immediate of BRK, SVC or HVC, ISS bits 15:0, or `None` for other classes.
    #[must_use]
    pub const fn immediate(self) -> Option<u16> {
        match self.class() {
            ExceptionClass::SVC64 | ExceptionClass::HVC64 | ExceptionClass::BRK => Some(self.0 as u16),
            _ => None,
        }
    }

    /// Returns the fault status code, DFSC or IFSC, bits 5:0, or `None` if this is not an abort.
    #[must_use]
    pub const fn dfsc(self) -> Option<FaultStatus> {
        if self.class().is_data_abort() || self.class().is_instruction_abort() {
            Some(FaultStatus((self.0 & 0x3f) as u8))
        } else {
            None
        }
    }

    /// Returns `WnR`, bit 6: whether a data abort was caused by a write. Returns `None` if this is not a data abort.
    #[must_use]
    pub const fn wnr(self) -> Option<bool> {
        if self.class().is_data_abort() { Some(self.0 & Self::WNR != 0) } else { None }
    }

    /// Returns whether this is a synchronous tag check fault.
    #[must_use]
    pub const fn is_tag_check_fault(self) -> bool {
        self.class().is_data_abort() && matches!(self.dfsc(), Some(FaultStatus::TAG_CHECK))
    }
}

impl From<u64> for Syndrome {
    fn from(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Syndrome {
    /// Writes `data abort, same EL: tag check fault, write (ESR 0x96000051)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.class())?;
        if let Some(status) = self.dfsc() {
            write!(f, ": {status}")?;
        }
        if let Some(write) = self.wnr() {
            f.write_str(if write { ", write" } else { ", read" })?;
        }
        if let Some(immediate) = self.immediate() {
            write!(f, " #{immediate:#x}")?;
        }
        write!(f, " (ESR {:#010x})", self.0)
    }
}

/// An exception class, the EC field (Arm ARM, `ESR_EL1.EC`).
///
/// ```
/// use arch::ExceptionClass;
/// assert_eq!(ExceptionClass::from_bits(0x24), ExceptionClass::DATA_ABORT_LOWER);
/// assert_eq!(ExceptionClass::from_bits(0x2f).to_string(), "exception class 0x2f");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExceptionClass(u8);

/// Defines the named values of a six-bit code and their descriptions.
macro_rules! named_codes {
    ($type:ident, $unnamed:literal, { $( $(#[$doc:meta])* $name:ident = $code:literal $text:literal; )* }) => {
        impl $type {
            $( $(#[$doc])* pub const $name: Self = Self($code); )*

            /// Creates the code from its six bits; bits 7:6 are ignored.
            #[must_use]
            pub const fn from_bits(bits: u8) -> Self {
                Self(bits & 0x3f)
            }

            /// Returns the six bits of the code.
            #[must_use]
            pub const fn bits(self) -> u8 {
                self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $( Self::$name => f.write_str($text), )*
                    Self(code) => write!(f, concat!($unnamed, " {:#04x}"), code),
                }
            }
        }
    };
}

named_codes!(ExceptionClass, "exception class", {
    /// Unknown reason, such as an UNDEFINED instruction.
    UNKNOWN = 0x00 "undefined instruction or unknown reason";
    /// LD64B, ST64B, ST64BV or ST64BV0 that is not enabled.
    LD64B_ST64B = 0x0a "trapped ld64b or st64b";
    /// SVC in AArch64 state.
    SVC64 = 0x15 "svc";
    /// HVC in AArch64 state.
    HVC64 = 0x16 "hvc";
    /// Trapped MSR, MRS or system instruction.
    SYSTEM_TRAP = 0x18 "trapped msr, mrs or system instruction";
    /// Access to SVE that CPACR_EL1.ZEN or CPTR_EL2 traps.
    SVE = 0x19 "trapped sve";
    /// A pointer that was not authentic (FEAT_FPAC).
    PAC_FAIL = 0x1c "failed pointer authentication";
    /// An instruction of SME or of streaming mode, where it is not available.
    SME_TRAP = 0x1d "trapped sme";
    /// Instruction abort from a lower exception level.
    INSTRUCTION_ABORT_LOWER = 0x20 "instruction abort, lower EL";
    /// Instruction abort from the same exception level.
    INSTRUCTION_ABORT_SAME = 0x21 "instruction abort, same EL";
    /// PC alignment fault.
    PC_ALIGNMENT = 0x22 "pc alignment fault";
    /// Data abort from a lower exception level.
    DATA_ABORT_LOWER = 0x24 "data abort, lower EL";
    /// Data abort from the same exception level.
    DATA_ABORT_SAME = 0x25 "data abort, same EL";
    /// SP alignment fault.
    SP_ALIGNMENT = 0x26 "sp alignment fault";
    /// Guarded control stack exception.
    GCS = 0x2d "guarded control stack";
    /// BRK in AArch64 state.
    BRK = 0x3c "brk";
});

impl ExceptionClass {
    /// Returns whether this is a data abort from either level.
    #[must_use]
    pub const fn is_data_abort(self) -> bool {
        matches!(self, Self::DATA_ABORT_LOWER | Self::DATA_ABORT_SAME)
    }

    /// Returns whether this is an instruction abort from either level.
    #[must_use]
    pub const fn is_instruction_abort(self) -> bool {
        matches!(self, Self::INSTRUCTION_ABORT_LOWER | Self::INSTRUCTION_ABORT_SAME)
    }
}

/// A fault status code, DFSC or IFSC (Arm ARM, `ESR_EL1`, ISS encoding for an exception from a Data Abort).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FaultStatus(u8);

named_codes!(FaultStatus, "fault status", {
    /// Translation fault, level 0.
    TRANSLATION_L0 = 0b00_0100 "translation fault, level 0";
    /// Translation fault, level 1.
    TRANSLATION_L1 = 0b00_0101 "translation fault, level 1";
    /// Translation fault, level 2.
    TRANSLATION_L2 = 0b00_0110 "translation fault, level 2";
    /// Translation fault, level 3.
    TRANSLATION_L3 = 0b00_0111 "translation fault, level 3";
    /// Access flag fault, level 1.
    ACCESS_FLAG_L1 = 0b00_1001 "access flag fault, level 1";
    /// Access flag fault, level 2.
    ACCESS_FLAG_L2 = 0b00_1010 "access flag fault, level 2";
    /// Access flag fault, level 3.
    ACCESS_FLAG_L3 = 0b00_1011 "access flag fault, level 3";
    /// Permission fault, level 1.
    PERMISSION_L1 = 0b00_1101 "permission fault, level 1";
    /// Permission fault, level 2.
    PERMISSION_L2 = 0b00_1110 "permission fault, level 2";
    /// Permission fault, level 3.
    PERMISSION_L3 = 0b00_1111 "permission fault, level 3";
    /// Synchronous external abort, not on a table walk.
    EXTERNAL = 0b01_0000 "synchronous external abort";
    /// Synchronous tag check fault.
    TAG_CHECK = 0b01_0001 "tag check fault";
    /// Alignment fault.
    ALIGNMENT = 0b10_0001 "alignment fault";
    /// Unsupported exclusive or atomic access; `WnR` is UNKNOWN.
    UNSUPPORTED_ATOMIC = 0b11_0101 "unsupported exclusive or atomic access";
});

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_tag_check_fault_is_recognized_at_both_levels() {
        for (bits, text) in [
            (0x9600_0051, "data abort, same EL: tag check fault, write (ESR 0x96000051)"),
            (0x9200_0011, "data abort, lower EL: tag check fault, read (ESR 0x92000011)"),
        ] {
            let syndrome = Syndrome::from_bits(bits);
            assert!(syndrome.is_tag_check_fault());
            assert_eq!(syndrome.to_string(), text);
        }
    }

    #[test]
    fn only_aborts_have_a_fault_status() {
        let svc = Syndrome::new(ExceptionClass::SVC64, 0x11);
        assert_eq!((svc.dfsc(), svc.wnr(), svc.immediate()), (None, None, Some(0x11)));
        assert!(!svc.is_tag_check_fault());
        let fetch = Syndrome::new(ExceptionClass::INSTRUCTION_ABORT_SAME, 0x11);
        assert_eq!((fetch.dfsc(), fetch.wnr()), (Some(FaultStatus::TAG_CHECK), None));
        assert!(!fetch.is_tag_check_fault());
        assert_eq!(Syndrome::from_bits(0x2 << 26).to_string(), "exception class 0x02 (ESR 0x08000000)");
    }
}
