// Stores through a stale pointer where faults are asynchronous: it ends without an exception. Linked with
// docs/examples/use-after-free/start.S.

        .arch armv8.5-a+memtag
        .text
        .global main, panic
main:
        // SCTLR_EL1.TCF: 0b10.
        mrs     x2, sctlr_el1
        eor     x2, x2, #3 << 40
        msr     sctlr_el1, x2
        isb
        adrp    x0, object
        add     x0, x0, :lo12:object
        addg    x1, x0, #0, #3
        stg     x1, [x1]
        str     xzr, [x0]
        dsb     sy
        ret
panic:
        ret

        .bss
        .balign 16
        .global object
        .type   object, %object
        .size   object, 32
object: .skip   32
