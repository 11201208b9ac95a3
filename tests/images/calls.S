// Takes a thousand exceptions that have nothing to do with tags, and then one that has; its caller's loop has a breakpoint.
// Linked with docs/examples/use-after-free/start.S.

        .arch armv8.5-a+memtag
        .text
        .global main, panic, again
main:
        mov     x19, #1000
again:  svc     #7
        subs    x19, x19, #1
        b.ne    again
        adrp    x0, object
        add     x0, x0, :lo12:object
        addg    x1, x0, #0, #3
        stg     x1, [x1]
        strb    wzr, [x0, #5]
        ret
panic:
        // Behind a call; past anything else.
        mrs     x0, esr_el1
        lsr     x0, x0, #26
        cmp     x0, #0x15
        b.eq    1f
        mrs     x0, elr_el1
        add     x0, x0, #4
        msr     elr_el1, x0
1:      eret

        .bss
        .balign 16
object: .skip   16
