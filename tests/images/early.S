// Takes an exception before it has vectors.

        .text
        .global _start
_start:
        mov     x0, #0xf000000000000000
        ldr     x1, [x0]
        b       .
