// Waits for an interrupt that never comes.

        .text
        .global _start
_start:
        wfi
        b       _start
