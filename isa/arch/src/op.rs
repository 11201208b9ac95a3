//! The instructions, as an enum that an interpreter matches on.

/// Defines [`Op`] and its list.
macro_rules! ops {
    ($( $(#[$doc:meta])* $op:ident )*) => {
        /// An instruction, named after its section in Arm ARM C6.2, C7.2 or C8.2. All its encodings have the same semantics.
        ///
        /// Sections that differ only in the size of the access share a name; `Insn::access` of the package `isa`
        /// returns the size.
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
    /// STGP: store the allocation tag of one granule, and a pair of registers to it.
    Stgp
    /// LDG: load the allocation tag of one granule.
    Ldg
    /// LDGM: load the allocation tags of a block (EL1 and higher).
    Ldgm
    /// STGM: store the allocation tags of a block (EL1 and higher).
    Stgm
    /// STZGM: store one allocation tag to a block and zero it (EL1 and higher).
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
    /// STUR: store a register, unscaled offset.
    Stur
    /// LDUR: load a register, unscaled offset.
    Ldur
    /// STURB: store a byte, unscaled offset.
    Sturb
    /// LDURB: load a byte, unscaled offset.
    Ldurb
    /// STURH: store a halfword, unscaled offset.
    Sturh
    /// LDURH: load a halfword, unscaled offset.
    Ldurh
    /// LDR (literal): load a register, PC-relative; not tag checked.
    LdrLiteral
    /// STR, STRB, STRH (register): store a register, register offset.
    StrReg
    /// LDR, LDRB, LDRH, LDRSB, LDRSH, LDRSW (register): load a register, register offset.
    LdrReg
    /// LDRSB, LDRSH, LDRSW (immediate): load a register, sign-extended.
    Ldrs
    /// LDURSB, LDURSH, LDURSW: load a register, sign-extended, unscaled offset.
    Ldurs
    /// LDRSW (literal): load a word, sign-extended, PC-relative; not tag checked.
    LdrswLiteral
    /// STTR, STTRB, STTRH: store a register, unprivileged.
    Sttr
    /// LDTR, LDTRB, LDTRH, LDTRSB, LDTRSH, LDTRSW: load a register, unprivileged.
    Ldtr
    /// PRFM: prefetch; a hint that never faults.
    Prfm
    /// PRFUM: prefetch, unscaled offset.
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
    /// CLREX: clear the exclusive monitor.
    Clrex
    /// LDAR, LDARB, LDARH: load a register, acquire.
    Ldar
    /// STLR, STLRB, STLRH: store a register, release.
    Stlr
    /// LDLAR, LDLARB, LDLARH: load a register, acquire in a limited ordering region.
    Ldlar
    /// STLLR, STLLRB, STLLRH: store a register, release in a limited ordering region.
    Stllr
    /// LDAPR, LDAPRB, LDAPRH: load a register, acquire (RCpc).
    Ldapr
    /// LDAPUR, LDAPURB, LDAPURH, LDAPURSB, LDAPURSH, LDAPURSW: load a register, acquire (RCpc), unscaled offset.
    Ldapur
    /// STLUR, STLURB, STLURH: store a register, release, unscaled offset.
    Stlur
    /// LDIAPP: load a pair, acquire, in order.
    Ldiapp
    /// STILP: store a pair, release, in order.
    Stilp

    // table/atomic.rs
    /// CAS, CASB, CASH: compare and swap a register with memory.
    Cas
    /// CASP: compare and swap a pair of registers with memory.
    Casp
    /// LDADD, LDADDB, LDADDH: add to memory and return the old value.
    Ldadd
    /// LDCLR, LDCLRB, LDCLRH: clear bits of memory and return the old value.
    Ldclr
    /// LDEOR, LDEORB, LDEORH: exclusive-or into memory and return the old value.
    Ldeor
    /// LDSET, LDSETB, LDSETH: set bits of memory and return the old value.
    Ldset
    /// LDSMAX, LDSMAXB, LDSMAXH: signed maximum into memory, return the old value.
    Ldsmax
    /// LDSMIN, LDSMINB, LDSMINH: signed minimum into memory, return the old value.
    Ldsmin
    /// LDUMAX, LDUMAXB, LDUMAXH: unsigned maximum into memory, return the old value.
    Ldumax
    /// LDUMIN, LDUMINB, LDUMINH: unsigned minimum into memory, return the old value.
    Ldumin
    /// SWP, SWPB, SWPH: swap a register with memory.
    Swp
    /// LDCLRP: clear bits of a quadword, return the old value.
    Ldclrp
    /// LDSETP: set bits of a quadword, return the old value.
    Ldsetp
    /// SWPP: swap a pair of registers with a quadword.
    Swpp

    // table/rcw.rs
    /// RCWCAS: compare and swap a doubleword, with read-check-write checks.
    Rcwcas
    /// RCWSCAS: compare and swap a doubleword, with read-check-write checks; checks the software mask, too.
    Rcwscas
    /// RCWCASP: compare and swap a quadword, with read-check-write checks.
    Rcwcasp
    /// RCWSCASP: compare and swap a quadword, with read-check-write checks; checks the software mask, too.
    Rcwscasp
    /// RCWCLR: clear bits of a doubleword, with read-check-write checks.
    Rcwclr
    /// RCWSCLR: clear bits of a doubleword, with read-check-write checks; checks the software mask, too.
    Rcwsclr
    /// RCWCLRP: clear bits of a quadword, with read-check-write checks.
    Rcwclrp
    /// RCWSCLRP: clear bits of a quadword, with read-check-write checks; checks the software mask, too.
    Rcwsclrp
    /// RCWSET: set bits of a doubleword, with read-check-write checks.
    Rcwset
    /// RCWSSET: set bits of a doubleword, with read-check-write checks; checks the software mask, too.
    Rcwsset
    /// RCWSETP: set bits of a quadword, with read-check-write checks.
    Rcwsetp
    /// RCWSSETP: set bits of a quadword, with read-check-write checks; checks the software mask, too.
    Rcwssetp
    /// RCWSWP: swap a register with a doubleword, with read-check-write checks.
    Rcwswp
    /// RCWSSWP: swap a register with a doubleword, with read-check-write checks; checks the software mask, too.
    Rcwsswp
    /// RCWSWPP: swap a pair of registers with a quadword, with read-check-write checks.
    Rcwswpp
    /// RCWSSWPP: swap a pair of registers with a quadword, with read-check-write checks; checks the software mask, too.
    Rcwsswpp

    // table/lsfe.rs
    /// LDFADD: floating-point add to memory, return the old value.
    Ldfadd
    /// LDFMAX: floating-point maximum into memory, return the old value.
    Ldfmax
    /// LDFMIN: floating-point minimum into memory, return the old value.
    Ldfmin
    /// LDFMAXNM: floating-point maximum number into memory, return the old value.
    Ldfmaxnm
    /// LDFMINNM: floating-point minimum number into memory, return the old value.
    Ldfminnm
    /// LDBFADD: BFloat16 add to memory, return the old value.
    Ldbfadd
    /// LDBFMAX: BFloat16 maximum into memory, return the old value.
    Ldbfmax
    /// LDBFMIN: BFloat16 minimum into memory, return the old value.
    Ldbfmin
    /// LDBFMAXNM: BFloat16 maximum number into memory, return the old value.
    Ldbfmaxnm
    /// LDBFMINNM: BFloat16 minimum number into memory, return the old value.
    Ldbfminnm
    /// STFADD: floating-point add to memory.
    Stfadd
    /// STFMAX: floating-point maximum into memory.
    Stfmax
    /// STFMIN: floating-point minimum into memory.
    Stfmin
    /// STFMAXNM: floating-point maximum number into memory.
    Stfmaxnm
    /// STFMINNM: floating-point minimum number into memory.
    Stfminnm
    /// STBFADD: BFloat16 add to memory.
    Stbfadd
    /// STBFMAX: BFloat16 maximum into memory.
    Stbfmax
    /// STBFMIN: BFloat16 minimum into memory.
    Stbfmin
    /// STBFMAXNM: BFloat16 maximum number into memory.
    Stbfmaxnm
    /// STBFMINNM: BFloat16 minimum number into memory.
    Stbfminnm

    // table/lsui.rs
    /// CAST: compare and swap a doubleword, unprivileged.
    Cast
    /// CASPT: compare and swap a quadword, unprivileged.
    Caspt
    /// LDTADD: add to memory, return the old value, unprivileged.
    Ldtadd
    /// LDTCLR: clear bits of memory, return the old value, unprivileged.
    Ldtclr
    /// LDTSET: set bits of memory, return the old value, unprivileged.
    Ldtset
    /// SWPT: swap a register with memory, unprivileged.
    Swpt
    /// LDTXR: load exclusive, unprivileged.
    Ldtxr
    /// LDATXR: load-acquire exclusive, unprivileged.
    Ldatxr
    /// STTXR: store exclusive, unprivileged.
    Sttxr
    /// STLTXR: store-release exclusive, unprivileged.
    Stltxr
    /// STTP: store a pair, unprivileged.
    Sttp
    /// LDTP: load a pair, unprivileged.
    Ldtp
    /// STTNP: store a pair, non-temporal, unprivileged.
    Sttnp
    /// LDTNP: load a pair, non-temporal, unprivileged.
    Ldtnp
    /// STTP (SIMD&FP): store a pair of SIMD&FP registers, unprivileged.
    SttpSimd
    /// LDTP (SIMD&FP): load a pair of SIMD&FP registers, unprivileged.
    LdtpSimd
    /// STTNP (SIMD&FP): store a pair of SIMD&FP registers, non-temporal, unprivileged.
    SttnpSimd
    /// LDTNP (SIMD&FP): load a pair of SIMD&FP registers, non-temporal, unprivileged.
    LdtnpSimd

    // table/ls64.rs
    /// LD64B: load 64 bytes into eight registers.
    Ld64b
    /// ST64B: store eight registers.
    St64b
    /// ST64BV: store eight registers, return a status.
    St64bv
    /// ST64BV0: store eight registers, the lowest word from ACCDATA_EL1, return a status.
    St64bv0

    // table/gcs.rs
    /// GCSSTR: store to a guarded control stack.
    Gcsstr
    /// GCSSTTR: store to a guarded control stack, unprivileged.
    Gcssttr

    // table/simd.rs
    /// STR (immediate, SIMD&FP): store a SIMD&FP register.
    StrSimd
    /// LDR (immediate, SIMD&FP): load a SIMD&FP register.
    LdrSimd
    /// STUR (SIMD&FP): store a SIMD&FP register, unscaled offset.
    SturSimd
    /// LDUR (SIMD&FP): load a SIMD&FP register, unscaled offset.
    LdurSimd
    /// STR (register, SIMD&FP): store a SIMD&FP register, register offset.
    StrRegSimd
    /// LDR (register, SIMD&FP): load a SIMD&FP register, register offset.
    LdrRegSimd
    /// LDR (literal, SIMD&FP): load a SIMD&FP register, PC-relative; not tag checked.
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
    /// ST2 (multiple structures): store two vector registers, of which each structure has an element.
    St2
    /// ST3 (multiple structures): store three vector registers, of which each structure has an element.
    St3
    /// ST4 (multiple structures): store four vector registers, of which each structure has an element.
    St4
    /// LD2 (multiple structures): load two vector registers, of which each structure has an element.
    Ld2
    /// LD3 (multiple structures): load three vector registers, of which each structure has an element.
    Ld3
    /// LD4 (multiple structures): load four vector registers, of which each structure has an element.
    Ld4
    /// ST1 (single structure): store one lane of one vector register.
    St1Lane
    /// ST2 (single structure): store one lane of two vector registers.
    St2Lane
    /// ST3 (single structure): store one lane of three vector registers.
    St3Lane
    /// ST4 (single structure): store one lane of four vector registers.
    St4Lane
    /// LD1 (single structure): load one lane of one vector register.
    Ld1Lane
    /// LD2 (single structure): load one lane of two vector registers.
    Ld2Lane
    /// LD3 (single structure): load one lane of three vector registers.
    Ld3Lane
    /// LD4 (single structure): load one lane of four vector registers.
    Ld4Lane
    /// LD1R: load an element for a vector register, and replicate it to all lanes.
    Ld1r
    /// LD2R: load two elements, one for each vector register, and replicate them to all lanes.
    Ld2r
    /// LD3R: load three elements, one for each vector register, and replicate them to all lanes.
    Ld3r
    /// LD4R: load four elements, one for each vector register, and replicate them to all lanes.
    Ld4r

    // table/mops.rs
    /// CPYFP: copy memory, forward only, prologue.
    Cpyfp
    /// CPYFM: copy memory, forward only, main.
    Cpyfm
    /// CPYFE: copy memory, forward only, epilogue.
    Cpyfe
    /// CPYP: copy memory in either direction, prologue.
    Cpyp
    /// CPYM: copy memory in either direction, main.
    Cpym
    /// CPYE: copy memory in either direction, epilogue.
    Cpye
    /// SETP: set memory, prologue.
    Setp
    /// SETM: set memory, main.
    Setm
    /// SETE: set memory, epilogue.
    Sete
    /// SETGP: set memory and its allocation tags, prologue.
    Setgp
    /// SETGM: set memory and its allocation tags, main.
    Setgm
    /// SETGE: set memory and its allocation tags, epilogue.
    Setge

    // table/arithmetic.rs
    /// MOVZ: move a 16-bit immediate, zero the other bits.
    Movz
    /// MOVN: move an inverted 16-bit immediate.
    Movn
    /// MOVK: move a 16-bit immediate, keep the other bits.
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
    /// BIC (shifted register): bitwise and with the complement.
    BicReg
    /// ORN (shifted register): bitwise or with the complement.
    OrnReg
    /// EON (shifted register): bitwise exclusive or with the complement.
    EonReg
    /// BICS (shifted register): bitwise and with the complement, and set the flags.
    BicsReg
    /// AND (immediate): bitwise and with a bitmask immediate.
    AndImm
    /// ORR (immediate): bitwise or with a bitmask immediate.
    OrrImm
    /// EOR (immediate): bitwise exclusive or with a bitmask immediate.
    EorImm
    /// ANDS (immediate): bitwise and with a bitmask immediate, and set the flags.
    AndsImm
    /// SBFM: move a bitfield, sign-extended.
    Sbfm
    /// BFM: move a bitfield, keep the other bits.
    Bfm
    /// UBFM: move a bitfield, zero the other bits.
    Ubfm
    /// LSLV: logical shift left by a register.
    Lslv
    /// LSRV: logical shift right by a register.
    Lsrv
    /// ASRV: arithmetic shift right by a register.
    Asrv
    /// RORV: rotate right by a register.
    Rorv
    /// MADD: multiply and add.
    Madd
    /// MSUB: multiply and subtract.
    Msub
    /// CSEL: select one of two registers.
    Csel
    /// CSINC: select a register, or another one incremented.
    Csinc
    /// CSINV: select a register, or another one inverted.
    Csinv
    /// CSNEG: select a register, or another one negated.
    Csneg
    /// ADR: form a PC-relative address.
    Adr
    /// ADRP: form the PC-relative address of a 4 KiB page.
    Adrp

    // table/integer.rs
    /// ADC: add with carry.
    Adc
    /// ADCS: add with carry and set the flags.
    Adcs
    /// SBC: subtract with carry.
    Sbc
    /// SBCS: subtract with carry and set the flags.
    Sbcs
    /// CCMN (register): compare with a negated register if a condition holds, else set the flags to a constant.
    CcmnReg
    /// CCMN (immediate): compare with a negated immediate if a condition holds, else set the flags to a constant.
    CcmnImm
    /// CCMP (register): compare with a register if a condition holds, else set the flags to a constant.
    CcmpReg
    /// CCMP (immediate): compare with an immediate if a condition holds, else set the flags to a constant.
    CcmpImm
    /// RBIT: reverse the bits.
    Rbit
    /// REV16: reverse the bytes of each halfword.
    Rev16
    /// REV32: reverse the bytes of each word.
    Rev32
    /// REV: reverse the bytes.
    Rev
    /// CLZ: count leading zeros.
    Clz
    /// CLS: count the bits after the sign that are equal to it.
    Cls
    /// UDIV: divide, unsigned.
    Udiv
    /// SDIV: divide, signed.
    Sdiv
    /// SMADDL: multiply words, signed, and add.
    Smaddl
    /// SMSUBL: multiply words, signed, and subtract.
    Smsubl
    /// UMADDL: multiply words, unsigned, and add.
    Umaddl
    /// UMSUBL: multiply words, unsigned, and subtract.
    Umsubl
    /// SMULH: the upper half of a product, signed.
    Smulh
    /// UMULH: the upper half of a product, unsigned.
    Umulh
    /// EXTR: extract a register from a pair of registers.
    Extr
    /// STLUR (SIMD&FP): store-release of a SIMD&FP register with an unscaled offset.
    StlurSimd
    /// LDAPUR (SIMD&FP): load-acquire of a SIMD&FP register with an unscaled offset.
    LdapurSimd
    /// STL1 (SIMD&FP): store-release of one element of a register.
    Stl1
    /// LDAP1 (SIMD&FP): load-acquire of one element to one lane of a register.
    Ldap1

    // table/vector.rs
    /// ADD (vector): add elements.
    AddVec
    /// SUB (vector): subtract elements.
    SubVec
    /// MUL (vector): multiply elements.
    MulVec
    /// AND (vector): bitwise and.
    AndVec
    /// BIC (vector, register): bitwise and with the complement.
    BicVec
    /// ORR (vector, register): bitwise or.
    OrrVec
    /// ORN (vector): bitwise or with the complement.
    OrnVec
    /// EOR (vector): bitwise exclusive or.
    EorVec
    /// BSL: select bits by the destination.
    Bsl
    /// BIT: insert the bits that a mask has.
    Bit
    /// BIF: insert the bits that a mask lacks.
    Bif
    /// CMEQ (register): compare elements, equal.
    CmeqVec
    /// CMGT (register): compare elements, signed greater.
    CmgtVec
    /// CMGE (register): compare elements, signed greater or equal.
    CmgeVec
    /// CMHI (register): compare elements, unsigned higher.
    Cmhi
    /// CMHS (register): compare elements, unsigned higher or same.
    Cmhs
    /// CMTST: compare elements, any bit of both.
    Cmtst
    /// CMEQ (zero): compare elements with 0, equal.
    CmeqZero
    /// CMGT (zero): compare elements with 0, greater.
    CmgtZero
    /// CMGE (zero): compare elements with 0, greater or equal.
    CmgeZero
    /// CMLE (zero): compare elements with 0, less or equal.
    CmleZero
    /// CMLT (zero): compare elements with 0, less.
    CmltZero
    /// SMAX: signed maximum of elements.
    SmaxVec
    /// SMIN: signed minimum of elements.
    SminVec
    /// UMAX: unsigned maximum of elements.
    UmaxVec
    /// UMIN: unsigned minimum of elements.
    UminVec
    /// SMAXP: signed maximum of neighbouring elements.
    Smaxp
    /// SMINP: signed minimum of neighbouring elements.
    Sminp
    /// UMAXP: unsigned maximum of neighbouring elements.
    Umaxp
    /// UMINP: unsigned minimum of neighbouring elements.
    Uminp
    /// ADDP (vector): add neighbouring elements.
    AddpVec
    /// ADDP (scalar): add both elements of a vector.
    AddpScalar
    /// ADDV: sum of all elements.
    Addv
    /// SMAXV: signed maximum of all elements.
    Smaxv
    /// SMINV: signed minimum of all elements.
    Sminv
    /// UMAXV: unsigned maximum of all elements.
    Umaxv
    /// UMINV: unsigned minimum of all elements.
    Uminv
    /// UADDLV: sum of all elements, unsigned, of twice the size.
    Uaddlv
    /// UZP1: even elements of two vectors.
    Uzp1
    /// UZP2: odd elements of two vectors.
    Uzp2
    /// ZIP1: lower halves of two vectors, in turn.
    Zip1
    /// ZIP2: upper halves of two vectors, in turn.
    Zip2
    /// TRN1: even elements of two vectors, in turn.
    Trn1
    /// TRN2: odd elements of two vectors, in turn.
    Trn2
    /// EXT: bytes from the middle of two vectors.
    Ext
    /// NOT (vector): bitwise complement.
    NotVec
    /// CNT: count the bits of each byte.
    Cnt
    /// RBIT (vector): reverse the bits of each byte.
    RbitVec
    /// REV16 (vector): reverse the elements of each halfword.
    Rev16Vec
    /// REV32 (vector): reverse the elements of each word.
    Rev32Vec
    /// REV64: reverse the elements of each doubleword.
    Rev64Vec
    /// CLZ (vector): count leading zeros of elements.
    ClzVec
    /// CLS (vector): count the bits of elements after the sign that are equal to it.
    ClsVec
    /// ABS (vector): absolute value of elements.
    AbsVec
    /// NEG (vector): negate elements.
    NegVec
    /// XTN, XTN2: narrow elements.
    Xtn
    /// SHRN, SHRN2: shift elements right and narrow them.
    Shrn
    /// USHLL, USHLL2: lengthen elements, unsigned, and shift them left.
    Ushll
    /// SHL: shift elements left.
    ShlVec
    /// USHR: shift elements right, unsigned.
    Ushr
    /// SSHR: shift elements right, signed.
    Sshr
    /// MOVI: move an immediate to each element.
    Movi
    /// MVNI: move an inverted immediate to each element.
    Mvni
    /// ORR (vector, immediate): bitwise or with an immediate in each element.
    OrrVecImm
    /// BIC (vector, immediate): clear the bits of an immediate in each element.
    BicVecImm
    /// DUP (general): copy a general-purpose register to each element.
    DupGeneral
    /// DUP (element): copy an element to each element, or to a SIMD&FP register.
    DupElement
    /// UMOV: move an element to a general-purpose register.
    Umov
    /// SMOV: move an element to a general-purpose register, sign-extended.
    Smov
    /// INS (general): move a general-purpose register to an element.
    InsGeneral
    /// INS (element): move an element to an element.
    InsElement
    /// FMOV (register, general): move 32 or 64 bits between registers of any kind.
    Fmov

    // table/system.rs
    /// DC: data cache operation, such as GVA.
    Dc
    /// IC: instruction cache operation.
    Ic
    /// MRS: read a system register.
    Mrs
    /// MSR (register): write a system register.
    Msr
    /// MSR (immediate): write a PSTATE field.
    MsrImm
    /// DSB: data synchronization barrier.
    Dsb
    /// DMB: data memory barrier.
    Dmb
    /// ISB: instruction synchronization barrier.
    Isb
    /// SB: speculation barrier.
    Sb
    /// NOP: no operation.
    Nop
    /// YIELD: hint that this CPU is waiting.
    Yield
    /// HINT: a hint without a name of its own here; a NOP to a program.
    Hint
    /// BRK: breakpoint; ends a block at EL1.
    Brk
    /// SVC: supervisor call; ends a block at EL0.
    Svc
    /// HVC: hypervisor call.
    Hvc

    // table/branch.rs
    /// B: branch.
    B
    /// BL: branch with link: a call.
    Bl
    /// BR: branch to a register.
    Br
    /// BLR: branch with link to a register.
    Blr
    /// RET: return from a call.
    Ret
    /// B.cond: branch if a condition holds.
    BCond
    /// CBZ: branch if a register is zero.
    Cbz
    /// CBNZ: branch if a register is not zero.
    Cbnz
    /// TBZ: branch if a bit is 0.
    Tbz
    /// TBNZ: branch if a bit is 1.
    Tbnz

    // table/authentication.rs
    /// PACIA: sign an instruction address with key A.
    Pacia
    /// PACIZA: sign an instruction address with key A, modified by 0.
    Paciza
    /// PACIA1716: sign an instruction address with key A in x17, modified by x16.
    Pacia1716
    /// PACIAZ: sign an instruction address with key A in x30, modified by 0.
    Paciaz
    /// PACIASP: sign an instruction address with key A in x30, modified by sp.
    Paciasp
    /// PACIB: sign an instruction address with key B.
    Pacib
    /// PACIZB: sign an instruction address with key B, modified by 0.
    Pacizb
    /// PACIB1716: sign an instruction address with key B in x17, modified by x16.
    Pacib1716
    /// PACIBZ: sign an instruction address with key B in x30, modified by 0.
    Pacibz
    /// PACIBSP: sign an instruction address with key B in x30, modified by sp.
    Pacibsp
    /// PACDA: sign a data address with key A.
    Pacda
    /// PACDZA: sign a data address with key A, modified by 0.
    Pacdza
    /// PACDB: sign a data address with key B.
    Pacdb
    /// PACDZB: sign a data address with key B, modified by 0.
    Pacdzb
    /// AUTIA: authenticate an instruction address with key A.
    Autia
    /// AUTIZA: authenticate an instruction address with key A, modified by 0.
    Autiza
    /// AUTIA1716: authenticate an instruction address with key A in x17, modified by x16.
    Autia1716
    /// AUTIAZ: authenticate an instruction address with key A in x30, modified by 0.
    Autiaz
    /// AUTIASP: authenticate an instruction address with key A in x30, modified by sp.
    Autiasp
    /// AUTIB: authenticate an instruction address with key B.
    Autib
    /// AUTIZB: authenticate an instruction address with key B, modified by 0.
    Autizb
    /// AUTIB1716: authenticate an instruction address with key B in x17, modified by x16.
    Autib1716
    /// AUTIBZ: authenticate an instruction address with key B in x30, modified by 0.
    Autibz
    /// AUTIBSP: authenticate an instruction address with key B in x30, modified by sp.
    Autibsp
    /// AUTDA: authenticate a data address with key A.
    Autda
    /// AUTDZA: authenticate a data address with key A, modified by 0.
    Autdza
    /// AUTDB: authenticate a data address with key B.
    Autdb
    /// AUTDZB: authenticate a data address with key B, modified by 0.
    Autdzb
    /// XPACI: strip the authentication code of an instruction address.
    Xpaci
    /// XPACD: strip the authentication code of a data address.
    Xpacd
    /// XPACLRI: strip the authentication code of the instruction address in x30.
    Xpaclri
    /// PACGA: the authentication code of any value.
    Pacga
    /// LDRAA: load by a pointer that is authenticated with data key A.
    Ldraa
    /// LDRAB: load by a pointer that is authenticated with data key B.
    Ldrab

    // table/sve/contiguous.rs
    /// LD1B to LD1D, LD1SB to LD1SW (contiguous): load elements.
    SveLd1
    /// LDFF1B to LDFF1SW (contiguous): load elements up to a fault, which only the first one takes.
    SveLdff1
    /// LDNF1B to LDNF1SW: load elements up to a fault, which none takes.
    SveLdnf1
    /// LD1RB to LD1RSW: load one element for all.
    SveLd1r
    /// LD1RQB to LD1RQD: load 16 bytes and repeat them.
    SveLd1rq
    /// LD1ROB to LD1ROD: load 32 bytes and repeat them (FEAT_F64MM).
    SveLd1ro
    /// ST1B to ST1D (contiguous): store elements.
    SveSt1
    /// LDR (vector): load a whole vector.
    SveLdr
    /// STR (vector): store a whole vector.
    SveStr
    /// LDR (predicate): load a predicate.
    SveLdrP
    /// STR (predicate): store a predicate.
    SveStrP

    // table/sve/structures.rs
    /// LDNT1B to LDNT1D (contiguous): LD1 of what is not used again soon.
    SveLdnt1
    /// STNT1B to STNT1D (contiguous): ST1 of what is not used again soon.
    SveStnt1
    /// LD2B to LD2Q: load structures of two elements.
    SveLd2
    /// ST2B to ST2Q: store structures of two elements.
    SveSt2
    /// LD3B to LD3Q: load structures of three elements.
    SveLd3
    /// ST3B to ST3Q: store structures of three elements.
    SveSt3
    /// LD4B to LD4Q: load structures of four elements.
    SveLd4
    /// ST4B to ST4Q: store structures of four elements.
    SveSt4

    // table/sve/gathers.rs
    /// LD1B to LD1Q with a vector in the address: load elements from addresses of their own.
    SveLd1Gather
    /// LDFF1B to LDFF1SW with a vector in the address.
    SveLdff1Gather
    /// LDNT1B to LDNT1SW with a vector in the address (SVE2).
    SveLdnt1Gather
    /// ST1B to ST1Q with a vector in the address: store elements to addresses of their own.
    SveSt1Scatter
    /// STNT1B to STNT1D with a vector in the address (SVE2).
    SveStnt1Scatter

    // table/sve/prefetches.rs
    /// PRFB: prefetch the bytes of active elements.
    SvePrfb
    /// PRFH: prefetch the halfwords of active elements.
    SvePrfh
    /// PRFW: prefetch the words of active elements.
    SvePrfw
    /// PRFD: prefetch the doublewords of active elements.
    SvePrfd

    // table/sve/predicates.rs
    /// PTRUE: select elements by a pattern.
    SvePtrue
    /// PTRUES: select elements by a pattern, and set the flags.
    SvePtrues
    /// PFALSE: select no element.
    SvePfalse
    /// SETFFR: set all of the first-fault register.
    SveSetffr
    /// RDFFR: read the first-fault register.
    SveRdffr
    /// RDFFRS: read the first-fault register, and set the flags.
    SveRdffrs
    /// WRFFR: write the first-fault register.
    SveWrffr
    /// PTEST: set the flags by a predicate.
    SvePtest
    /// BRKA: elements up to and with the first that is true.
    SveBrka
    /// BRKAS: elements up to and with the first that is true; sets the flags.
    SveBrkas
    /// BRKB: elements before the first that is true.
    SveBrkb
    /// BRKBS: elements before the first that is true; sets the flags.
    SveBrkbs
    /// BRKN: a predicate if the last element of another is true.
    SveBrkn
    /// BRKNS: a predicate if the last element of another is true; sets the flags.
    SveBrkns
    /// AND (predicates).
    SveAndPred
    /// BIC (predicates).
    SveBicPred
    /// EOR (predicates).
    SveEorPred
    /// ORR (predicates).
    SveOrrPred
    /// WHILEGE: elements while a scalar, decrementing, the upper elements first, is at least (signed).
    SveWhilege
    /// WHILEGT: elements while a scalar, decrementing, the upper elements first, is greater (signed).
    SveWhilegt
    /// WHILELT: elements while a scalar, incrementing, the lower elements first, is less (signed).
    SveWhilelt
    /// WHILELE: elements while a scalar, incrementing, the lower elements first, is at most (signed).
    SveWhilele
    /// WHILEHS: elements while a scalar, decrementing, the upper elements first, is at least (unsigned).
    SveWhilehs
    /// WHILEHI: elements while a scalar, decrementing, the upper elements first, is greater (unsigned).
    SveWhilehi
    /// WHILELO: elements while a scalar, incrementing, the lower elements first, is less (unsigned).
    SveWhilelo
    /// WHILELS: elements while a scalar, incrementing, the lower elements first, is at most (unsigned).
    SveWhilels
    /// CMPEQ (immediate, vectors): which elements are equal.
    SveCmpeq
    /// CMPNE (immediate, vectors): which elements differ.
    SveCmpne

    // table/sve/data.rs
    /// CNTB: the number of bytes that a pattern selects.
    SveCntb
    /// INCB (scalar): add the number of bytes that a pattern selects.
    SveIncb
    /// DECB (scalar): subtract the number of bytes that a pattern selects.
    SveDecb
    /// CNTH: the number of halfwords that a pattern selects.
    SveCnth
    /// INCH (scalar): add the number of halfwords that a pattern selects.
    SveInch
    /// DECH (scalar): subtract the number of halfwords that a pattern selects.
    SveDech
    /// CNTW: the number of words that a pattern selects.
    SveCntw
    /// INCW (scalar): add the number of words that a pattern selects.
    SveIncw
    /// DECW (scalar): subtract the number of words that a pattern selects.
    SveDecw
    /// CNTD: the number of doublewords that a pattern selects.
    SveCntd
    /// INCD (scalar): add the number of doublewords that a pattern selects.
    SveIncd
    /// DECD (scalar): subtract the number of doublewords that a pattern selects.
    SveDecd
    /// RDVL: a multiple of the vector length in bytes.
    SveRdvl
    /// ADDVL: add a multiple of the vector length in bytes.
    SveAddvl
    /// ADDPL: add a multiple of the predicate length in bytes.
    SveAddpl
    /// CNTP: count the active elements of a predicate.
    SveCntp
    /// INCP (scalar): add the number of elements of a predicate.
    SveIncp
    /// DECP (scalar): subtract the number of elements of a predicate.
    SveDecp
    /// INDEX: elements from a start in steps.
    SveIndex
    /// DUP (scalar, immediate): the same value in all elements.
    SveDup
    /// SEL (vectors): elements of one vector or another.
    SveSel
    /// ADD (vectors, unpredicated).
    SveAdd
    /// SUB (vectors, unpredicated).
    SveSub
    /// AND (vectors, unpredicated).
    SveAnd
    /// ORR (vectors, unpredicated).
    SveOrr
    /// EOR (vectors, unpredicated).
    SveEor
    /// BIC (vectors, unpredicated).
    SveBic
    /// LASTA (scalar): the element after the last active one.
    SveLasta
    /// LASTB (scalar): the last active element.
    SveLastb

    // table/sme/consecutive.rs
    /// PTRUE (predicate as counter): select all elements of several vectors.
    SvePtrueCounter
    /// LD1B to LD1D (several vectors): load elements of two or four consecutive vectors.
    SveLd1Multi
    /// LDNT1B to LDNT1D (several vectors): the same of what is not used again soon.
    SveLdnt1Multi
    /// ST1B to ST1D (several vectors): store elements of two or four consecutive vectors.
    SveSt1Multi
    /// STNT1B to STNT1D (several vectors): the same of what is not used again soon.
    SveStnt1Multi

    // table/sme/apart.rs
    /// LD1B to LD1D (several vectors): load elements of two or four vectors that are apart.
    SmeLd1Multi
    /// LDNT1B to LDNT1D (several vectors): the same of what is not used again soon.
    SmeLdnt1Multi
    /// ST1B to ST1D (several vectors): store elements of two or four vectors that are apart.
    SmeSt1Multi
    /// STNT1B to STNT1D (several vectors): the same of what is not used again soon.
    SmeStnt1Multi

    // table/sme/za.rs
    /// SMSTART: turn streaming mode, ZA or both on.
    SmeSmstart
    /// SMSTOP: turn streaming mode, ZA or both off.
    SmeSmstop
    /// LDR (array vector): load a vector of ZA.
    SmeLdr
    /// STR (array vector): store a vector of ZA.
    SmeStr
    /// LDR (table): load ZT0.
    SmeLdrZt0
    /// STR (table): store ZT0.
    SmeStrZt0
    /// LD1B to LD1Q (tile slice): load elements of a slice of ZA.
    SmeLd1
    /// ST1B to ST1Q (tile slice): store elements of a slice of ZA.
    SmeSt1
    /// MOVA (vector to tile): move elements to a slice of ZA.
    SmeMovaTo
    /// MOVA (tile to vector): move elements of a slice of ZA to a vector.
    SmeMovaFrom
    /// ZERO (tiles): clear tiles of ZA.
    SmeZero
    /// ZERO (table): clear ZT0.
    SmeZeroZt0
    /// RDSVL: a multiple of the streaming vector length in bytes.
    SmeRdsvl
    /// ADDSVL: add a multiple of the streaming vector length in bytes.
    SmeAddsvl
    /// ADDSPL: add a multiple of the streaming predicate length in bytes.
    SmeAddspl
}

impl Op {
    /// Returns whether the instruction is one of SVE. They stand together in the list.
    #[must_use]
    pub const fn is_scalable(self) -> bool {
        let (first, last) = (Self::SveLd1 as u16, Self::SveStnt1Multi as u16);
        first <= self as u16 && self as u16 <= last
    }

    /// Returns whether the instruction is one of SME. They stand together in the list.
    #[must_use]
    pub const fn is_matrix(self) -> bool {
        let (first, last) = (Self::SmeLd1Multi as u16, Self::SmeAddspl as u16);
        first <= self as u16 && self as u16 <= last
    }

    /// Returns whether the instruction loads an element for each register and fills the register with it (LD1R to LD4R).
    #[must_use]
    pub const fn replicates(self) -> bool {
        matches!(self, Self::Ld1r | Self::Ld2r | Self::Ld3r | Self::Ld4r)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn the_names_of_scalable_instructions_say_so() {
        for op in Op::ALL {
            assert_eq!(op.is_scalable(), format!("{op:?}").starts_with("Sve"), "{op:?}");
            assert_eq!(op.is_matrix(), format!("{op:?}").starts_with("Sme"), "{op:?}");
        }
    }
}
