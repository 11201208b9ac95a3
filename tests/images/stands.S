// Ends in a branch to itself, as much firmware does after an error.

        .text
        .global _start
_start:
        msr     daifset, #0xf
        b       .
