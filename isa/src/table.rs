//! The instruction table. Everything this crate knows about an encoding stands in its row; a new one is one line.
//!
//! A row is `"mnemonic" bits [operands] where rules;`. Bits that no operand owns are fixed, and must be as given for a
//! word to decode. Operands are listed in the order of assembly; `operand/` says what each name means. Rules name
//! combinations of registers that are CONSTRAINED UNPREDICTABLE (`clash.rs`). Rows are grouped by the section of Arm
//! ARM C6.2 they come from, which gives the variant of [`Op`]: what an interpreter tells apart.
//!
//! Rows of one mnemonic are tried in order when assembling; an error of an earlier one is preferred.

use crate::clash::{load_pair, writeback};
use crate::operand::Operand;
use crate::operand::address::*;
use crate::operand::branch::*;
use crate::operand::immediate::*;
use crate::operand::register::*;
use crate::operand::shift::*;
use crate::operand::system::*;
use crate::row::Row;

/// Makes [`Op`] and [`ROWS`] of the rows.
macro_rules! instructions {
    ($( $(#[$doc:meta])* $op:ident {
        $( $mnemonic:literal $bits:literal [$($operand:ident)*] $(where $($rule:ident)+)? ; )+
    } )*) => {
        /// An instruction, named after its section in Arm ARM C6.2: all its encodings do the same.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Op {
            $( $(#[$doc])* $op, )*
        }

        impl Op {
            /// All instructions, in the order of the table.
            pub const ALL: &[Self] = &[$( Self::$op, )*];
        }

        /// The rows, grouped by [`Op`].
        pub(crate) static ROWS: &[Row] = &[$( $( Row::new(
            Op::$op,
            $mnemonic,
            $bits,
            &[$( &$operand as &dyn Operand ),*],
            &[$( $operand.mask() ),*],
            &[$( $( $rule ),+ )?],
        ), )+ )*];
    };
}

instructions! {
    // Pointers and their tags.
    /// IRG: insert a random logical tag.
    Irg { "irg" 0x9ac0_1000 [XD_SP XN_SP XM_OPT]; }
    /// GMI: add the logical tag of a pointer to an exclusion mask.
    Gmi { "gmi" 0x9ac0_1400 [XD XN_SP XM]; }
    /// ADDG: add to address and tag.
    Addg { "addg" 0x9180_0000 [XD_SP XN_SP UIMM6_GRANULES UIMM4_TAG]; }
    /// SUBG: subtract from the address, add to the tag.
    Subg { "subg" 0xd180_0000 [XD_SP XN_SP UIMM6_GRANULES UIMM4_TAG]; }
    /// SUBP: subtract pointers, without their tags.
    Subp { "subp" 0x9ac0_0000 [XD XN_SP XM_SP]; }
    /// SUBPS: subtract pointers, without their tags, and set the flags.
    Subps { "subps" 0xbac0_0000 [XD XN_SP XM_SP]; }

    // Allocation tags.
    /// STG: store the allocation tag of one granule.
    Stg {
        "stg" 0xd920_0800 [XT_SP OFF9_TAG];
        "stg" 0xd920_0c00 [XT_SP PRE9_TAG];
        "stg" 0xd920_0400 [XT_SP POST9_TAG];
    }
    /// STZG: store the allocation tag of one granule and zero it.
    Stzg {
        "stzg" 0xd960_0800 [XT_SP OFF9_TAG];
        "stzg" 0xd960_0c00 [XT_SP PRE9_TAG];
        "stzg" 0xd960_0400 [XT_SP POST9_TAG];
    }
    /// ST2G: store the allocation tags of two granules.
    St2g {
        "st2g" 0xd9a0_0800 [XT_SP OFF9_TAG];
        "st2g" 0xd9a0_0c00 [XT_SP PRE9_TAG];
        "st2g" 0xd9a0_0400 [XT_SP POST9_TAG];
    }
    /// STZ2G: store the allocation tags of two granules and zero them.
    Stz2g {
        "stz2g" 0xd9e0_0800 [XT_SP OFF9_TAG];
        "stz2g" 0xd9e0_0c00 [XT_SP PRE9_TAG];
        "stz2g" 0xd9e0_0400 [XT_SP POST9_TAG];
    }
    /// STGP: store the allocation tag of one granule and two registers into it.
    Stgp {
        "stgp" 0x6900_0000 [XT XT2 OFF7_16];
        "stgp" 0x6980_0000 [XT XT2 PRE7_16];
        "stgp" 0x6880_0000 [XT XT2 POST7_16];
    }
    /// LDG: load the allocation tag of one granule.
    Ldg { "ldg" 0xd960_0000 [XT OFF9_TAG]; }
    /// LDGM: load the allocation tags of a block (EL1 and up).
    Ldgm { "ldgm" 0xd9e0_0000 [XT BASE]; }
    /// STGM: store the allocation tags of a block (EL1 and up).
    Stgm { "stgm" 0xd9a0_0000 [XT BASE]; }
    /// STZGM: store one allocation tag to a block and zero it (EL1 and up).
    Stzgm { "stzgm" 0xd920_0000 [XT BASE]; }
    /// DC: a data cache operation by address, such as GVA.
    Dc { "dc" 0xd508_0000 [DC_OP XT]; }

    // Loads and stores.
    /// STR (immediate): store a register.
    Str {
        "str" 0xb900_0000 [WT OFF12_4];
        "str" 0xb800_0c00 [WT PRE9] where writeback;
        "str" 0xb800_0400 [WT POST9] where writeback;
        "str" 0xf900_0000 [XT OFF12_8];
        "str" 0xf800_0c00 [XT PRE9] where writeback;
        "str" 0xf800_0400 [XT POST9] where writeback;
    }
    /// LDR (immediate): load a register.
    Ldr {
        "ldr" 0xb940_0000 [WT OFF12_4];
        "ldr" 0xb840_0c00 [WT PRE9] where writeback;
        "ldr" 0xb840_0400 [WT POST9] where writeback;
        "ldr" 0xf940_0000 [XT OFF12_8];
        "ldr" 0xf840_0c00 [XT PRE9] where writeback;
        "ldr" 0xf840_0400 [XT POST9] where writeback;
    }
    /// STRB (immediate): store a byte.
    Strb {
        "strb" 0x3900_0000 [WT OFF12_1];
        "strb" 0x3800_0c00 [WT PRE9] where writeback;
        "strb" 0x3800_0400 [WT POST9] where writeback;
    }
    /// LDRB (immediate): load a byte.
    Ldrb {
        "ldrb" 0x3940_0000 [WT OFF12_1];
        "ldrb" 0x3840_0c00 [WT PRE9] where writeback;
        "ldrb" 0x3840_0400 [WT POST9] where writeback;
    }
    /// STRH (immediate): store a halfword.
    Strh {
        "strh" 0x7900_0000 [WT OFF12_2];
        "strh" 0x7800_0c00 [WT PRE9] where writeback;
        "strh" 0x7800_0400 [WT POST9] where writeback;
    }
    /// LDRH (immediate): load a halfword.
    Ldrh {
        "ldrh" 0x7940_0000 [WT OFF12_2];
        "ldrh" 0x7840_0c00 [WT PRE9] where writeback;
        "ldrh" 0x7840_0400 [WT POST9] where writeback;
    }
    /// STUR: store a register, offset in bytes.
    Stur {
        "stur" 0xb800_0000 [WT OFF9];
        "stur" 0xf800_0000 [XT OFF9];
    }
    /// LDUR: load a register, offset in bytes.
    Ldur {
        "ldur" 0xb840_0000 [WT OFF9];
        "ldur" 0xf840_0000 [XT OFF9];
    }
    /// STURB: store a byte, offset in bytes.
    Sturb { "sturb" 0x3800_0000 [WT OFF9]; }
    /// LDURB: load a byte, offset in bytes.
    Ldurb { "ldurb" 0x3840_0000 [WT OFF9]; }
    /// STURH: store a halfword, offset in bytes.
    Sturh { "sturh" 0x7800_0000 [WT OFF9]; }
    /// LDURH: load a halfword, offset in bytes.
    Ldurh { "ldurh" 0x7840_0000 [WT OFF9]; }
    /// LDR (literal): load a register from near the PC, unchecked.
    LdrLiteral {
        "ldr" 0x1800_0000 [WT REL19];
        "ldr" 0x5800_0000 [XT REL19];
    }
    /// STP: store a pair of registers.
    Stp {
        "stp" 0x2900_0000 [WT WT2 OFF7_4];
        "stp" 0x2980_0000 [WT WT2 PRE7_4] where writeback;
        "stp" 0x2880_0000 [WT WT2 POST7_4] where writeback;
        "stp" 0xa900_0000 [XT XT2 OFF7_8];
        "stp" 0xa980_0000 [XT XT2 PRE7_8] where writeback;
        "stp" 0xa880_0000 [XT XT2 POST7_8] where writeback;
    }
    /// LDP: load a pair of registers.
    Ldp {
        "ldp" 0x2940_0000 [WT WT2 OFF7_4] where load_pair;
        "ldp" 0x29c0_0000 [WT WT2 PRE7_4] where writeback load_pair;
        "ldp" 0x28c0_0000 [WT WT2 POST7_4] where writeback load_pair;
        "ldp" 0xa940_0000 [XT XT2 OFF7_8] where load_pair;
        "ldp" 0xa9c0_0000 [XT XT2 PRE7_8] where writeback load_pair;
        "ldp" 0xa8c0_0000 [XT XT2 POST7_8] where writeback load_pair;
    }

    // Arithmetic and logic.
    /// MOVZ: move an immediate, zero the rest.
    Movz {
        "movz" 0x5280_0000 [WD IMM16 LSL16_W];
        "movz" 0xd280_0000 [XD IMM16 LSL16_X];
    }
    /// MOVN: move an inverted immediate.
    Movn {
        "movn" 0x1280_0000 [WD IMM16 LSL16_W];
        "movn" 0x9280_0000 [XD IMM16 LSL16_X];
    }
    /// MOVK: move an immediate, keep the rest.
    Movk {
        "movk" 0x7280_0000 [WD IMM16 LSL16_W];
        "movk" 0xf280_0000 [XD IMM16 LSL16_X];
    }
    /// ADD (immediate): add an immediate.
    AddImm {
        "add" 0x1100_0000 [WD_SP WN_SP IMM12 LSL12];
        "add" 0x9100_0000 [XD_SP XN_SP IMM12 LSL12];
    }
    /// ADDS (immediate): add an immediate and set the flags.
    AddsImm {
        "adds" 0x3100_0000 [WD WN_SP IMM12 LSL12];
        "adds" 0xb100_0000 [XD XN_SP IMM12 LSL12];
    }
    /// SUB (immediate): subtract an immediate.
    SubImm {
        "sub" 0x5100_0000 [WD_SP WN_SP IMM12 LSL12];
        "sub" 0xd100_0000 [XD_SP XN_SP IMM12 LSL12];
    }
    /// SUBS (immediate): subtract an immediate and set the flags.
    SubsImm {
        "subs" 0x7100_0000 [WD WN_SP IMM12 LSL12];
        "subs" 0xf100_0000 [XD XN_SP IMM12 LSL12];
    }
    /// ADD (shifted register): add a register.
    AddReg {
        "add" 0x0b00_0000 [WD WN WM SHIFT_W];
        "add" 0x8b00_0000 [XD XN XM SHIFT_X];
    }
    /// ADDS (shifted register): add a register and set the flags.
    AddsReg {
        "adds" 0x2b00_0000 [WD WN WM SHIFT_W];
        "adds" 0xab00_0000 [XD XN XM SHIFT_X];
    }
    /// SUB (shifted register): subtract a register.
    SubReg {
        "sub" 0x4b00_0000 [WD WN WM SHIFT_W];
        "sub" 0xcb00_0000 [XD XN XM SHIFT_X];
    }
    /// SUBS (shifted register): subtract a register and set the flags.
    SubsReg {
        "subs" 0x6b00_0000 [WD WN WM SHIFT_W];
        "subs" 0xeb00_0000 [XD XN XM SHIFT_X];
    }
    /// AND (shifted register): bitwise and.
    AndReg {
        "and" 0x0a00_0000 [WD WN WM SHIFT_ROR_W];
        "and" 0x8a00_0000 [XD XN XM SHIFT_ROR_X];
    }
    /// ORR (shifted register): bitwise or.
    OrrReg {
        "orr" 0x2a00_0000 [WD WN WM SHIFT_ROR_W];
        "orr" 0xaa00_0000 [XD XN XM SHIFT_ROR_X];
    }
    /// EOR (shifted register): bitwise exclusive or.
    EorReg {
        "eor" 0x4a00_0000 [WD WN WM SHIFT_ROR_W];
        "eor" 0xca00_0000 [XD XN XM SHIFT_ROR_X];
    }
    /// ANDS (shifted register): bitwise and, and set the flags.
    AndsReg {
        "ands" 0x6a00_0000 [WD WN WM SHIFT_ROR_W];
        "ands" 0xea00_0000 [XD XN XM SHIFT_ROR_X];
    }

    // System.
    /// MRS: read a system register.
    Mrs { "mrs" 0xd520_0000 [XT SYSREG_READ]; }
    /// MSR (register): write a system register.
    Msr { "msr" 0xd500_0000 [SYSREG_WRITTEN XT]; }
    /// MSR (immediate): write a field of PSTATE.
    MsrImm { "msr" 0xd503_409f [PSTATE_TCO BIT]; }
    /// DSB: data synchronization barrier.
    Dsb { "dsb" 0xd503_309f [BARRIER]; }
    /// DMB: data memory barrier.
    Dmb { "dmb" 0xd503_30bf [BARRIER]; }
    /// ISB: instruction synchronization barrier.
    Isb { "isb" 0xd503_30df [BARRIER_SY]; }
    /// NOP: do nothing.
    Nop { "nop" 0xd503_201f []; }
    /// BRK: breakpoint; ends a block at EL1.
    Brk { "brk" 0xd420_0000 [IMM16]; }
    /// SVC: call the supervisor; ends a block at EL0.
    Svc { "svc" 0xd400_0001 [IMM16]; }
    /// HVC: call the hypervisor.
    Hvc { "hvc" 0xd400_0002 [IMM16]; }

    // Branches.
    /// B: branch.
    B { "b" 0x1400_0000 [REL26]; }
    /// B.cond: branch if a condition holds.
    BCond { "b." 0x5400_0000 [COND REL19]; }
    /// CBZ: branch if a register is zero.
    Cbz {
        "cbz" 0x3400_0000 [WT REL19];
        "cbz" 0xb400_0000 [XT REL19];
    }
    /// CBNZ: branch if a register is not zero.
    Cbnz {
        "cbnz" 0x3500_0000 [WT REL19];
        "cbnz" 0xb500_0000 [XT REL19];
    }
}
