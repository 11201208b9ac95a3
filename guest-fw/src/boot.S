// Boot code, from the first instruction to Rust: exception level, translation, stack. It stores
// nothing before the MMU is on and assumes no register values.

.section .text.boot, "ax"
.global granule_start
granule_start:
    mrs     x19, CurrentEL
    lsr     x19, x19, #2                    // x19: the exception level at entry, for Rust.
    cmp     x19, #2
    b.ne    1f

    // Drop to EL1. HCR_EL2.ATA enables access to tags at EL1, API and APK pointer authentication and its keys; no other
    // access of the firmware traps.
    ldr     x0, ={HCR_EL2}
    msr     hcr_el2, x0
    mrs     x1, id_aa64pfr0_el1
    ubfx    x1, x1, #32, #4                 // ID_AA64PFR0_EL1.SVE.
    mov     x0, #0x33ff
    cbz     x1, 4f
    mov     x0, #0x32ff                     // CPTR_EL2.TZ is 0: EL1 may use SVE,
    msr     cptr_el2, x0
    isb
    mov     x1, #0xf
    msr     s3_4_c1_c2_0, x1                // with every vector length (ZCR_EL2.LEN).
4:  mrs     x1, id_aa64pfr1_el1
    ubfx    x1, x1, #24, #4                 // ID_AA64PFR1_EL1.SME.
    cbz     x1, 6f
    bic     x0, x0, #0x1000                 // CPTR_EL2.TSM is 0: EL1 may use SME,
    msr     cptr_el2, x0
    isb
    mov     x1, #0xf
    orr     x1, x1, #0x40000000
    msr     s3_4_c1_c2_6, x1                // with every vector length and ZT0 (SMCR_EL2.LEN, EZT0).
6:  msr     cptr_el2, x0
    msr     cntvoff_el2, xzr
    mov     x0, #3
    msr     cnthctl_el2, x0
    mov     x0, #{SPSR_EL1H}
    msr     spsr_el2, x0
    adr     x0, 1f
    msr     elr_el2, x0
    isb
    eret

1:  msr     daifset, #0xf
    msr     SPSel, #1
    mrs     x20, mpidr_el1
    and     x20, x20, #0xff                 // x20: MPIDR_EL1.Aff0, the number of the vCPU, for Rust.
    cmp     x20, #{MAX_CPUS}
    b.hs    2f

    // Without FEAT_MTE2 the Tagged memory attribute is reserved, and ATA and TCF are RES0.
    ldr     x0, ={MAIR_WITHOUT_MTE}
    ldr     x1, ={SCTLR_WITHOUT_MTE}
    mrs     x2, id_aa64pfr1_el1
    ubfx    x2, x2, #8, #4
    cmp     x2, #2
    b.lo    3f
    ldr     x0, ={MAIR}
    ldr     x1, ={SCTLR}
3:  msr     mair_el1, x0
    ldr     x0, ={TCR}
    msr     tcr_el1, x0
    ldr     x0, ={TABLES}
    msr     ttbr0_el1, x0
    msr     ttbr1_el1, x0
    adr     x0, granule_vectors
    msr     vbar_el1, x0
    mov     x0, #0x300000                   // CPACR_EL1.FPEN: no SIMD&FP traps; blocks may use it.
    mrs     x2, id_aa64pfr0_el1
    ubfx    x2, x2, #32, #4
    cbz     x2, 5f
    mov     x0, #0x330000                   // CPACR_EL1.ZEN: nor of SVE.
5:  mrs     x2, id_aa64pfr1_el1
    ubfx    x2, x2, #24, #4
    cbz     x2, 7f
    orr     x0, x0, #0x3000000              // CPACR_EL1.SMEN: nor of SME.
7:  msr     cpacr_el1, x0
    dsb     sy
    tlbi    vmalle1
    ic      iallu
    dsb     sy
    isb
    msr     sctlr_el1, x1
    isb

    ldr     x0, ={STACKS}
    mov     x1, #{STACK_STRIDE}
    madd    x0, x20, x1, x0
    add     sp, x0, #{MAIN_STACK_TOP}
    mov     x0, x20
    mov     x1, x19
    mov     x29, xzr
    mov     x30, xzr
    bl      granule_main

2:  wfi
    b       2b
.ltorg
