//! The names of the instructions: what an interpreter tells apart.

/// Makes [`Op`] and its list.
macro_rules! ops {
    ($( $(#[$doc:meta])* $op:ident )*) => {
        /// An instruction, named after its section in Arm ARM C6.2 or C7.2: all its encodings do the same.
        ///
        /// Sections that differ in nothing but the size of the access share a name; [`Insn::access`](crate::Insn::access)
        /// says the size.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Op {
            $( $(#[$doc])* $op, )*
        }

        impl Op {
            /// All instructions, in the order of the list.
            pub const ALL: &[Self] = &[$( Self::$op, )*];
        }
    };
}

ops! {
    // table/pointers.rs
    /// IRG: insert a random logical tag.
    Irg
    /// GMI: add the logical tag of a pointer to an exclusion mask.
    Gmi
    /// ADDG: add to address and tag.
    Addg
    /// SUBG: subtract from the address, add to the tag.
    Subg
    /// SUBP: subtract pointers, without their tags.
    Subp
    /// SUBPS: subtract pointers, without their tags, and set the flags.
    Subps

    // table/tags.rs
    /// STG: store the allocation tag of one granule.
    Stg
    /// STZG: store the allocation tag of one granule and zero it.
    Stzg
    /// ST2G: store the allocation tags of two granules.
    St2g
    /// STZ2G: store the allocation tags of two granules and zero them.
    Stz2g
    /// STGP: store the allocation tag of one granule and two registers into it.
    Stgp
    /// LDG: load the allocation tag of one granule.
    Ldg
    /// LDGM: load the allocation tags of a block (EL1 and up).
    Ldgm
    /// STGM: store the allocation tags of a block (EL1 and up).
    Stgm
    /// STZGM: store one allocation tag to a block and zero it (EL1 and up).
    Stzgm

    // table/single.rs
    /// STR (immediate): store a register.
    Str
    /// LDR (immediate): load a register.
    Ldr
    /// STRB (immediate): store a byte.
    Strb
    /// LDRB (immediate): load a byte.
    Ldrb
    /// STRH (immediate): store a halfword.
    Strh
    /// LDRH (immediate): load a halfword.
    Ldrh
    /// STUR: store a register, offset in bytes.
    Stur
    /// LDUR: load a register, offset in bytes.
    Ldur
    /// STURB: store a byte, offset in bytes.
    Sturb
    /// LDURB: load a byte, offset in bytes.
    Ldurb
    /// STURH: store a halfword, offset in bytes.
    Sturh
    /// LDURH: load a halfword, offset in bytes.
    Ldurh
    /// LDR (literal): load a register from near the PC, unchecked.
    LdrLiteral
    /// STR, STRB, STRH (register): store a register, offset in a register.
    StrReg
    /// LDR, LDRB, LDRH, LDRSB, LDRSH, LDRSW (register): load a register, offset in a register.
    LdrReg
    /// LDRSB, LDRSH, LDRSW (immediate): load a register, sign-extended.
    Ldrs
    /// LDURSB, LDURSH, LDURSW: load a register, sign-extended, offset in bytes.
    Ldurs
    /// LDRSW (literal): load a word from near the PC, sign-extended, unchecked.
    LdrswLiteral
    /// STTR, STTRB, STTRH: store a register as if at EL0.
    Sttr
    /// LDTR, LDTRB, LDTRH, LDTRSB, LDTRSH, LDTRSW: load a register as if at EL0.
    Ldtr
    /// PRFM: prefetch; a hint that never faults.
    Prfm
    /// PRFUM: prefetch, offset in bytes.
    Prfum

    // table/pair.rs
    /// STP: store a pair of registers.
    Stp
    /// LDP: load a pair of registers.
    Ldp
    /// LDPSW: load a pair of words, sign-extended.
    Ldpsw
    /// STNP: store a pair of registers, non-temporal.
    Stnp
    /// LDNP: load a pair of registers, non-temporal.
    Ldnp

    // table/exclusive.rs
    /// LDXR, LDXRB, LDXRH: load a register exclusively.
    Ldxr
    /// LDAXR, LDAXRB, LDAXRH: load a register exclusively, acquire.
    Ldaxr
    /// STXR, STXRB, STXRH: store a register exclusively.
    Stxr
    /// STLXR, STLXRB, STLXRH: store a register exclusively, release.
    Stlxr
    /// LDXP: load a pair of registers exclusively.
    Ldxp
    /// LDAXP: load a pair of registers exclusively, acquire.
    Ldaxp
    /// STXP: store a pair of registers exclusively.
    Stxp
    /// STLXP: store a pair of registers exclusively, release.
    Stlxp
    /// CLREX: forget the exclusive access.
    Clrex
    /// LDAR, LDARB, LDARH: load a register, acquire.
    Ldar
    /// STLR, STLRB, STLRH: store a register, release.
    Stlr
    /// LDAPR, LDAPRB, LDAPRH: load a register, acquire (RCpc).
    Ldapr
    /// LDAPUR, LDAPURB, LDAPURH, LDAPURSB, LDAPURSH, LDAPURSW: load a register, acquire (RCpc), offset in bytes.
    Ldapur
    /// STLUR, STLURB, STLURH: store a register, release, offset in bytes.
    Stlur

    // table/atomic.rs
    /// CAS, CASB, CASH: store a register where memory holds another; load what it held.
    Cas
    /// CASP: store a pair of registers where memory holds another pair; load what it held.
    Casp
    /// LDADD, LDADDB, LDADDH: add to memory; load what it held.
    Ldadd
    /// LDCLR, LDCLRB, LDCLRH: clear bits of memory; load what it held.
    Ldclr
    /// LDEOR, LDEORB, LDEORH: exclusive-or into memory; load what it held.
    Ldeor
    /// LDSET, LDSETB, LDSETH: set bits of memory; load what it held.
    Ldset
    /// LDSMAX, LDSMAXB, LDSMAXH: signed maximum into memory; load what it held.
    Ldsmax
    /// LDSMIN, LDSMINB, LDSMINH: signed minimum into memory; load what it held.
    Ldsmin
    /// LDUMAX, LDUMAXB, LDUMAXH: unsigned maximum into memory; load what it held.
    Ldumax
    /// LDUMIN, LDUMINB, LDUMINH: unsigned minimum into memory; load what it held.
    Ldumin
    /// SWP, SWPB, SWPH: store a register; load what memory held.
    Swp

    // table/simd.rs
    /// STR (immediate, SIMD&FP): store a SIMD&FP register.
    StrSimd
    /// LDR (immediate, SIMD&FP): load a SIMD&FP register.
    LdrSimd
    /// STUR (SIMD&FP): store a SIMD&FP register, offset in bytes.
    SturSimd
    /// LDUR (SIMD&FP): load a SIMD&FP register, offset in bytes.
    LdurSimd
    /// STR (register, SIMD&FP): store a SIMD&FP register, offset in a register.
    StrRegSimd
    /// LDR (register, SIMD&FP): load a SIMD&FP register, offset in a register.
    LdrRegSimd
    /// LDR (literal, SIMD&FP): load a SIMD&FP register from near the PC, unchecked.
    LdrLiteralSimd
    /// STP (SIMD&FP): store a pair of SIMD&FP registers.
    StpSimd
    /// LDP (SIMD&FP): load a pair of SIMD&FP registers.
    LdpSimd
    /// STNP (SIMD&FP): store a pair of SIMD&FP registers, non-temporal.
    StnpSimd
    /// LDNP (SIMD&FP): load a pair of SIMD&FP registers, non-temporal.
    LdnpSimd
    /// ST1 (multiple structures): store one to four vectors.
    St1
    /// LD1 (multiple structures): load one to four vectors.
    Ld1

    // table/copy.rs
    /// CPYFP: copy memory forwards, prologue.
    Cpyfp
    /// CPYFM: copy memory forwards, main part.
    Cpyfm
    /// CPYFE: copy memory forwards, epilogue.
    Cpyfe
    /// CPYP: copy memory in the direction that suits, prologue.
    Cpyp
    /// CPYM: copy memory in the direction that suits, main part.
    Cpym
    /// CPYE: copy memory in the direction that suits, epilogue.
    Cpye
    /// SETP: set memory, prologue.
    Setp
    /// SETM: set memory, main part.
    Setm
    /// SETE: set memory, epilogue.
    Sete
    /// SETGP: set memory and its allocation tags, prologue.
    Setgp
    /// SETGM: set memory and its allocation tags, main part.
    Setgm
    /// SETGE: set memory and its allocation tags, epilogue.
    Setge

    // table/arithmetic.rs
    /// MOVZ: move an immediate, zero the rest.
    Movz
    /// MOVN: move an inverted immediate.
    Movn
    /// MOVK: move an immediate, keep the rest.
    Movk
    /// ADD (immediate): add an immediate.
    AddImm
    /// ADDS (immediate): add an immediate and set the flags.
    AddsImm
    /// SUB (immediate): subtract an immediate.
    SubImm
    /// SUBS (immediate): subtract an immediate and set the flags.
    SubsImm
    /// ADD (shifted register): add a register.
    AddReg
    /// ADDS (shifted register): add a register and set the flags.
    AddsReg
    /// SUB (shifted register): subtract a register.
    SubReg
    /// SUBS (shifted register): subtract a register and set the flags.
    SubsReg
    /// ADD (extended register): add a register, extended.
    AddExt
    /// ADDS (extended register): add a register, extended, and set the flags.
    AddsExt
    /// SUB (extended register): subtract a register, extended.
    SubExt
    /// SUBS (extended register): subtract a register, extended, and set the flags.
    SubsExt
    /// AND (shifted register): bitwise and.
    AndReg
    /// ORR (shifted register): bitwise or.
    OrrReg
    /// EOR (shifted register): bitwise exclusive or.
    EorReg
    /// ANDS (shifted register): bitwise and, and set the flags.
    AndsReg
    /// BIC (shifted register): clear the bits of a register.
    BicReg
    /// ORN (shifted register): bitwise or with the inverse.
    OrnReg
    /// EON (shifted register): bitwise exclusive or with the inverse.
    EonReg
    /// BICS (shifted register): clear the bits of a register and set the flags.
    BicsReg
    /// AND (immediate): bitwise and with a bit pattern.
    AndImm
    /// ORR (immediate): bitwise or with a bit pattern.
    OrrImm
    /// EOR (immediate): bitwise exclusive or with a bit pattern.
    EorImm
    /// ANDS (immediate): bitwise and with a bit pattern, and set the flags.
    AndsImm
    /// SBFM: move a bitfield, sign-extended.
    Sbfm
    /// BFM: move a bitfield, keep the rest.
    Bfm
    /// UBFM: move a bitfield, zero the rest.
    Ubfm
    /// LSLV: shift left by a register.
    Lslv
    /// LSRV: shift right by a register.
    Lsrv
    /// ASRV: shift right by a register, keeping the sign.
    Asrv
    /// RORV: rotate right by a register.
    Rorv
    /// MADD: multiply and add.
    Madd
    /// MSUB: multiply and subtract.
    Msub
    /// CSEL: select one of two registers.
    Csel
    /// CSINC: select a register, or another plus one.
    Csinc
    /// CSINV: select a register, or another inverted.
    Csinv
    /// CSNEG: select a register, or another negated.
    Csneg
    /// ADR: make an address near the PC.
    Adr
    /// ADRP: make the address of a page near the PC.
    Adrp

    // table/system.rs
    /// DC: a data cache operation, such as GVA.
    Dc
    /// IC: an instruction cache operation.
    Ic
    /// MRS: read a system register.
    Mrs
    /// MSR (register): write a system register.
    Msr
    /// MSR (immediate): write a field of PSTATE.
    MsrImm
    /// DSB: data synchronization barrier.
    Dsb
    /// DMB: data memory barrier.
    Dmb
    /// ISB: instruction synchronization barrier.
    Isb
    /// SB: speculation barrier.
    Sb
    /// NOP: do nothing.
    Nop
    /// YIELD: a hint that this CPU waits.
    Yield
    /// BRK: breakpoint; ends a block at EL1.
    Brk
    /// SVC: call the supervisor; ends a block at EL0.
    Svc
    /// HVC: call the hypervisor.
    Hvc

    // table/branch.rs
    /// B: branch.
    B
    /// B.cond: branch if a condition holds.
    BCond
    /// CBZ: branch if a register is zero.
    Cbz
    /// CBNZ: branch if a register is not zero.
    Cbnz
    /// TBZ: branch if a bit is zero.
    Tbz
    /// TBNZ: branch if a bit is not zero.
    Tbnz
}
