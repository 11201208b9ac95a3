//! The system registers of MRS and MSR, as a table of names, encodings and access.

use core::fmt;

/// The access that MRS and MSR have to a register at EL1.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    ReadWrite,
    ReadOnly,
}

/// Defines [`SysReg`] from rows of name, `(op0, op1, CRn, CRm, op2)` and access.
macro_rules! system_registers {
    ($(
        $(#[$doc:meta])*
        $register:ident $name:literal
        ($op0:literal, $op1:literal, $crn:literal, $crm:literal, $op2:literal) $access:ident;
    )*) => {
        /// A system register (Arm ARM, AArch64 System Register Descriptions).
        ///
        /// ```
        /// use arch::SysReg;
        /// let gcr = SysReg::by_name("GCR_EL1").unwrap();
        /// assert_eq!((gcr, gcr.is_writable()), (SysReg::GcrEl1, true));
        /// // The register id of KVM_GET_ONE_REG: arm64, 64 bits, class ARM64_SYS_REG.
        /// assert_eq!(0x6030_0000_0013_0000 | u64::from(gcr.encoding()), 0x6030_0000_0013_c086);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum SysReg {
            $( $(#[$doc])* $register, )*
        }

        impl SysReg {
            /// All registers, in the order of the table.
            pub const ALL: &[Self] = &[$( Self::$register, )*];

            /// Returns the name in assembly, such as `gcr_el1`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$register => $name, )* }
            }

            /// Returns the encoding `op0:op1:CRn:CRm:op2` in 2, 3, 4, 4 and 3 bits.
            ///
            /// It is bits 20:5 of MRS and MSR, and bits 15:0 of a KVM register id of class `KVM_REG_ARM64_SYSREG`.
            #[must_use]
            pub const fn encoding(self) -> u16 {
                match self {
                    $( Self::$register => $op0 << 14 | $op1 << 11 | $crn << 7 | $crm << 3 | $op2, )*
                }
            }

            const fn access(self) -> Access {
                match self { $( Self::$register => Access::$access, )* }
            }
        }
    };
}

system_registers! {
    /// Tag control: `Exclude` (15:0) and `RRND` (16).
    GcrEl1 "gcr_el1" (3, 0, 1, 0, 6) ReadWrite;
    /// Random allocation tag seed: `TAG` (3:0) and `SEED` (23:8).
    RgsrEl1 "rgsr_el1" (3, 0, 1, 0, 5) ReadWrite;
    /// Asynchronous tag check faults of EL1.
    TfsrEl1 "tfsr_el1" (3, 0, 5, 6, 0) ReadWrite;
    /// Asynchronous tag check faults of EL0.
    Tfsre0El1 "tfsre0_el1" (3, 0, 5, 6, 1) ReadWrite;
    /// Block size of LDGM, STGM and STZGM.
    GmidEl1 "gmid_el1" (3, 1, 0, 0, 4) ReadOnly;
    /// Tag check override: PSTATE.TCO in bit 25.
    Tco "tco" (3, 3, 4, 2, 7) ReadWrite;
    /// System control, including ATA, ATA0, TCF, TCF0, ITFSB, EnIA, EnIB, EnDA and EnDB.
    SctlrEl1 "sctlr_el1" (3, 0, 1, 0, 0) ReadWrite;
    /// Translation control, including TBI0, TBI1, TCMA0 and TCMA1.
    TcrEl1 "tcr_el1" (3, 0, 2, 0, 2) ReadWrite;
    /// Lower half of the pointer authentication key for instruction addresses, A.
    ApiaKeyLoEl1 "apiakeylo_el1" (3, 0, 2, 1, 0) ReadWrite;
    /// Upper half of the pointer authentication key for instruction addresses, A.
    ApiaKeyHiEl1 "apiakeyhi_el1" (3, 0, 2, 1, 1) ReadWrite;
    /// Lower half of the pointer authentication key for instruction addresses, B.
    ApibKeyLoEl1 "apibkeylo_el1" (3, 0, 2, 1, 2) ReadWrite;
    /// Upper half of the pointer authentication key for instruction addresses, B.
    ApibKeyHiEl1 "apibkeyhi_el1" (3, 0, 2, 1, 3) ReadWrite;
    /// Lower half of the pointer authentication key for data addresses, A.
    ApdaKeyLoEl1 "apdakeylo_el1" (3, 0, 2, 2, 0) ReadWrite;
    /// Upper half of the pointer authentication key for data addresses, A.
    ApdaKeyHiEl1 "apdakeyhi_el1" (3, 0, 2, 2, 1) ReadWrite;
    /// Lower half of the pointer authentication key for data addresses, B.
    ApdbKeyLoEl1 "apdbkeylo_el1" (3, 0, 2, 2, 2) ReadWrite;
    /// Upper half of the pointer authentication key for data addresses, B.
    ApdbKeyHiEl1 "apdbkeyhi_el1" (3, 0, 2, 2, 3) ReadWrite;
    /// Lower half of the pointer authentication key for the generic code.
    ApgaKeyLoEl1 "apgakeylo_el1" (3, 0, 2, 3, 0) ReadWrite;
    /// Upper half of the pointer authentication key for the generic code.
    ApgaKeyHiEl1 "apgakeyhi_el1" (3, 0, 2, 3, 1) ReadWrite;
    /// Condition flags in bits 31:28.
    Nzcv "nzcv" (3, 3, 4, 2, 0) ReadWrite;
    /// Processor features 1, including MTE and MTE_frac.
    IdAa64pfr1El1 "id_aa64pfr1_el1" (3, 0, 0, 4, 1) ReadOnly;
    /// Cache type.
    CtrEl0 "ctr_el0" (3, 3, 0, 0, 1) ReadOnly;
    /// Block size of DC ZVA, GVA and GZVA.
    DczidEl0 "dczid_el0" (3, 3, 0, 0, 7) ReadOnly;
    /// Streaming vector control: PSTATE.SM in bit 0, PSTATE.ZA in bit 1.
    Svcr "svcr" (3, 3, 4, 2, 2) ReadWrite;
    /// Floating-point control.
    Fpcr "fpcr" (3, 3, 4, 4, 0) ReadWrite;
    /// Floating-point status.
    Fpsr "fpsr" (3, 3, 4, 4, 1) ReadWrite;
    /// EL0 read/write software thread ID.
    TpidrEl0 "tpidr_el0" (3, 3, 13, 0, 2) ReadWrite;
    /// Syndrome of the last exception to EL1.
    EsrEl1 "esr_el1" (3, 0, 5, 2, 0) ReadWrite;
    /// The faulting address of the last exception to EL1.
    FarEl1 "far_el1" (3, 0, 6, 0, 0) ReadWrite;
    /// The current exception level in bits 3:2.
    CurrentEl "currentel" (3, 0, 4, 2, 2) ReadOnly;
    /// Main identification.
    MidrEl1 "midr_el1" (3, 0, 0, 0, 0) ReadOnly;
    /// Multiprocessor affinity.
    MpidrEl1 "mpidr_el1" (3, 0, 0, 0, 5) ReadOnly;
    /// Revision identification.
    RevidrEl1 "revidr_el1" (3, 0, 0, 0, 6) ReadOnly;
    /// Cache levels, including which hold tags (Ttype).
    ClidrEl1 "clidr_el1" (3, 1, 0, 0, 1) ReadOnly;
    /// Processor features 0.
    IdAa64pfr0El1 "id_aa64pfr0_el1" (3, 0, 0, 4, 0) ReadOnly;
    /// Debug features 0.
    IdAa64dfr0El1 "id_aa64dfr0_el1" (3, 0, 0, 5, 0) ReadOnly;
    /// Instruction set attributes 0, including Atomic.
    IdAa64isar0El1 "id_aa64isar0_el1" (3, 0, 0, 6, 0) ReadOnly;
    /// Instruction set attributes 1, including DPB, LRCPC and SB.
    IdAa64isar1El1 "id_aa64isar1_el1" (3, 0, 0, 6, 1) ReadOnly;
    /// Instruction set attributes 2, including MOPS.
    IdAa64isar2El1 "id_aa64isar2_el1" (3, 0, 0, 6, 2) ReadOnly;
    /// Instruction set attributes 3, including LSFE and LSUI.
    IdAa64isar3El1 "id_aa64isar3_el1" (3, 0, 0, 6, 3) ReadOnly;
    /// Memory model features 0.
    IdAa64mmfr0El1 "id_aa64mmfr0_el1" (3, 0, 0, 7, 0) ReadOnly;
    /// Memory model features 1.
    IdAa64mmfr1El1 "id_aa64mmfr1_el1" (3, 0, 0, 7, 1) ReadOnly;
    /// Memory model features 2, including AT (FEAT_LSE2).
    IdAa64mmfr2El1 "id_aa64mmfr2_el1" (3, 0, 0, 7, 2) ReadOnly;
}

impl SysReg {
    /// Returns whether MSR can write the register. If not, MSR is UNDEFINED.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        matches!(self.access(), Access::ReadWrite)
    }

    /// Finds a register by its name, ignoring case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|register| register.name().eq_ignore_ascii_case(name))
    }

    /// Finds a register by [`Self::encoding`].
    #[must_use]
    pub fn by_encoding(encoding: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|register| register.encoding() == encoding)
    }
}

impl fmt::Display for SysReg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
