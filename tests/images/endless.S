// A handler that goes back to the instruction that faulted, for ever. Linked with docs/examples/use-after-free/start.S.

        .arch armv8.5-a+memtag
        .text
        .global main, panic
main:
        adrp    x0, object
        add     x0, x0, :lo12:object
        addg    x1, x0, #0, #3
        stg     x1, [x1]
        str     xzr, [x0]
        ret
panic:
        eret

        .bss
        .balign 16
object: .skip   16
