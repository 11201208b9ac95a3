// Ends as kvm-unit-tests do, with a status that it prints.

        .text
        .global _start
_start:
        mov     x1, #0x09000000
        adr     x2, text
1:      ldrb    w3, [x2], #1
        cbz     w3, 2f
        str     w3, [x1]
        b       1b
2:      movz    x0, #0x8400, lsl #16
        movk    x0, #0x0008
        hvc     #0
        b       .
text:   .asciz  "\nEXIT: STATUS=7\n"
