// Semihosting, as images without a UART use it: prints a word and its command line, and ends with status 7.

        .text
        .global _start
_start:
        adr     x20, block
        // SYS_WRITE0
        mov     w0, #4
        adr     x1, hello
        hlt     #0xf000
        // SYS_GET_CMDLINE: a buffer and its length
        adr     x1, buffer
        str     x1, [x20]
        mov     x1, #128
        str     x1, [x20, #8]
        mov     w0, #0x15
        mov     x1, x20
        hlt     #0xf000
        // SYS_OPEN of a file must fail
        adr     x1, file
        str     x1, [x20]
        str     xzr, [x20, #8]
        mov     w0, #1
        mov     x1, x20
        hlt     #0xf000
        cmn     x0, #1
        b.ne    wrong
        mov     w0, #4
        adr     x1, buffer
        hlt     #0xf000
        // SYS_EXIT: ADP_Stopped_ApplicationExit, 7
        mov     x1, #0x26
        movk    x1, #2, lsl #16
        str     x1, [x20]
        mov     x1, #7
        str     x1, [x20, #8]
        mov     w0, #0x18
        mov     x1, x20
        hlt     #0xf000
wrong:
        b       .

hello:  .asciz  "hello\n"
file:   .asciz  "/etc/passwd"
        .balign 8
block:  .skip   16
buffer: .skip   128
