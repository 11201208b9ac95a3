// Prints what it reads, up to a `q`, after which it turns the machine off.

        .text
        .global _start
_start:
        mov     x1, #0x09000000
1:      // PL011, UARTFR: RXFE is bit 4.
        ldr     w2, [x1, #0x18]
        tbnz    w2, #4, 1b
        ldr     w2, [x1]
        str     w2, [x1]
        and     w2, w2, #0xff
        cmp     w2, #'q'
        b.ne    1b
        // PSCI SYSTEM_OFF.
        movz    x0, #0x8400, lsl #16
        movk    x0, #0x0008
        hvc     #0
        b       .
