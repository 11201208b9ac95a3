// Boot code of a small bare-metal program for QEMU's `virt` board: a stack, translation with Tagged memory, vectors, main.

        .arch armv8.5-a+memtag
        .section .text.start, "ax"
        .global _start
_start:
        adrp    x1, stack_top
        add     x1, x1, :lo12:stack_top
        mov     sp, x1
        adrp    x1, vectors
        add     x1, x1, :lo12:vectors
        msr     vbar_el1, x1
        // MAIR_EL1: 0 is Device-nGnRE, 1 is Normal Write-Back and Tagged.
        mov     x1, #0xf004
        msr     mair_el1, x1
        // TCR_EL1: 4 KiB pages, 39 bits below, nothing above, TBI0.
        ldr     x1, =(25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 1 << 37 | 2 << 32)
        msr     tcr_el1, x1
        adrp    x1, table
        msr     ttbr0_el1, x1
        dsb     sy
        isb
        // SCTLR_EL1: M, C, I, and for tags ATA and TCF 0b01: synchronous faults.
        mrs     x1, sctlr_el1
        ldr     x2, =(1 << 0 | 1 << 2 | 1 << 12 | 1 << 43 | 1 << 40)
        orr     x1, x1, x2
        msr     sctlr_el1, x1
        isb
        // GCR_EL1: IRG never makes tag 0. A seed, or it always makes the same.
        mov     x1, #1
        msr     gcr_el1, x1
        mov     x1, #0x2500
        msr     rgsr_el1, x1
        msr     tco, #0
        bl      main
        b       power_off

        .global power_off
power_off:
        // PSCI SYSTEM_OFF.
        ldr     x0, =0x84000008
        hvc     #0
        b       .

        .section .text.vectors, "ax"
        .balign 0x800
vectors:
        .rept   16
        b       unexpected
        .balign 0x80
        .endr
unexpected:
        bl      panic
        b       power_off

        .section .data
        .balign 0x1000
table:
        // 0: devices. 1: RAM, Normal and Tagged.
        .quad   0x00000000 | 1 << 0 | 0 << 2 | 1 << 10 | 1 << 54
        .quad   0x40000000 | 1 << 0 | 1 << 2 | 3 << 8 | 1 << 10
        .fill   510, 8, 0

        .section .bss
        .balign 16
        .skip   0x4000
stack_top:
